import { hex, type Row, refusesReply, reply, takesReply, takesUntilClose } from './row.js'

const L3 = 'Content-Length: 3\r\n'
const CHUNKED = 'Transfer-Encoding: chunked\r\n'
const CHUNKS = '3\r\nabc\r\n0\r\n\r\n'
const HEAD = { requests: ['HEAD'] }
const TWO = { requests: ['GET', 'GET'] }
const status = (line: string) => `${line}\r\n${L3}\r\nabc`

const statusLines: Row[] = [
  takesReply('200 OK', status('HTTP/1.1 200 OK'), {}, '200 length "abc"'),
  takesReply('an empty reason phrase', status('HTTP/1.1 200 '), {}, '200 length "abc"'),
  takesReply('no reason phrase and no space', status('HTTP/1.1 200'), {}, '200 length "abc"'),
  takesReply('a reason phrase of all that may be', status('HTTP/1.1 200 a\tb \x80\xff!'), {}, '200 length "abc"'),
  takesReply('status 599', status('HTTP/1.1 599 X'), {}, '599 length "abc"'),
  takesReply('status 999', status('HTTP/1.1 999 X'), {}, '999 length "abc"'),
  takesReply('HTTP/1.0 closes', status('HTTP/1.0 200 OK'), {}, '200 length "abc" close'),
  ...[
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 099 X',
    'HTTP/1.1 000 X',
    'HTTP/1.1 2x0 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1 +20 OK',
  ].map((line) => refusesReply('invalid_status_line', line, status(line))),
  ...[
    'HTTP/1.1\t200 OK',
    'http/1.1 200 OK',
    'HTTP/1.1',
    'ICY 200 OK',
    ' HTTP/1.1 200 OK',
    'GET / HTTP/1.1',
    'HTTP/1.1 200\tOK',
    'HTTP 200',
  ].map((line) => refusesReply('invalid_status_line', line, status(line))),
  ...['HTTP/2.0 200 OK', 'HTTP/1.2 200 OK', 'HTTP/0.9 200 OK'].map((line) =>
    refusesReply('unsupported_version', line, status(line)),
  ),
  refusesReply('invalid_status_line', 'an empty line before a reply', `\r\n${status('HTTP/1.1 200 OK')}`),
  refusesReply('invalid_status_line', 'a body without a head', 'abc'),
  refusesReply('tls_on_plain_port', 'a TLS alert', '\x15\x03\x03\x00\x02\x02\x0a'),
  refusesReply('bare_lf', 'an LF behind the phrase', `HTTP/1.1 200 OK\n${L3}\r\nabc`),
  refusesReply('bare_lf', 'an LF behind the status', `HTTP/1.1 200\n${L3}\r\nabc`),
  refusesReply('bare_cr', 'a CR in the phrase', status('HTTP/1.1 200 O\rK')),
  ...[0, 1, 0x0b, 0x1f, 0x7f].map((c) =>
    refusesReply(
      c === 0 ? 'nul' : 'control_character',
      `${hex(c)} in the phrase`,
      status(`HTTP/1.1 200 ${String.fromCharCode(c)}`),
    ),
  ),
  refusesReply('obs_fold', 'a fold', reply('X: a\r\n b\r\n')),
  refusesReply('space_before_colon', 'a space before the colon', reply('Content-Length : 3\r\n', 'abc')),
  refusesReply('head_too_large', 'a head over the limit', reply(`X: ${'a'.repeat(70_000)}\r\n`)),
  refusesReply('too_many_fields', '101 fields', reply('A: b\r\n'.repeat(101))),
]

const bodies: Row[] = [
  takesReply('a length', reply(L3, 'abc'), {}, '200 length "abc"'),
  takesReply('a length of 0', reply('Content-Length: 0\r\n'), {}, '200 length ""'),
  takesReply('chunked', reply(CHUNKED, CHUNKS), {}, '200 chunked "abc"'),
  takesReply(
    'chunked with a trailer',
    reply(CHUNKED, '3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n'),
    {},
    '200 chunked "abc" x-sum=1',
  ),
  takesUntilClose('neither: all up to the end', reply('', 'abc'), {}, '200 close "abc" close'),
  takesUntilClose('neither, and nothing', reply(''), {}, '200 close "" close'),
  takesUntilClose('neither, in HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nabc', {}, '200 close "abc" close'),
  takesUntilClose(
    'a reply inside a body without an end',
    reply('', reply(L3, 'abc')),
    TWO,
    `200 close "${reply(L3, 'abc')}" close`,
  ),
  takesReply('two replies', reply(L3, 'abc') + reply(CHUNKED, CHUNKS), TWO, '200 length "abc"', '200 chunked "abc"'),
  refusesReply('truncated_message', 'a body that ends early', reply(L3, 'ab')),
  refusesReply('truncated_message', 'chunks that end early', reply(CHUNKED, '3\r\nabc\r\n')),
  refusesReply('truncated_message', 'half a head', 'HTTP/1.1 200 OK\r\n'),
  refusesReply('length_and_coding', 'both', reply(L3 + CHUNKED, CHUNKS)),
  refusesReply('multiple_content_length', 'two lengths', reply('Content-Length: 3\r\nContent-Length: 4\r\n', 'abcd')),
  refusesReply('multiple_content_length', 'two equal lengths', reply(L3 + L3, 'abc')),
  refusesReply('invalid_content_length', 'a length with a sign', reply('Content-Length: +3\r\n', 'abc')),
  refusesReply('content_length_overflow', 'a length of 2^53', reply('Content-Length: 9007199254740992\r\n')),
  refusesReply('multiple_transfer_encoding', 'two codings', reply(CHUNKED + CHUNKED, CHUNKS)),
  refusesReply('chunked_not_final', 'identity', reply('Transfer-Encoding: identity\r\n', 'abc')),
  refusesReply('unsupported_coding', 'gzip, chunked', reply('Transfer-Encoding: gzip, chunked\r\n', CHUNKS)),
  refusesReply('coding_in_http_1_0', 'chunked in HTTP/1.0', `HTTP/1.0 200 OK\r\n${CHUNKED}\r\n${CHUNKS}`),
  refusesReply('coding_for_http_1_0', 'chunked for an HTTP/1.0 client', reply(CHUNKED, CHUNKS), {
    requests: ['GET/0'],
  }),
  takesReply('a length for an HTTP/1.0 client', reply(L3, 'abc'), { requests: ['GET/0'] }, '200 length "abc"'),
]

const noBodies: Row[] = [
  takesReply('HEAD with a length', reply(L3), HEAD, '200 none ""'),
  takesReply('HEAD with a coding', reply(CHUNKED), HEAD, '200 none ""'),
  takesReply('HEAD with neither', reply(''), HEAD, '200 none ""'),
  takesReply(
    'HEAD, then GET',
    reply(L3) + reply(L3, 'abc'),
    { requests: ['HEAD', 'GET'] },
    '200 none ""',
    '200 length "abc"',
  ),
  takesReply(
    'GET, then HEAD',
    reply(L3, 'abc') + reply(L3),
    { requests: ['GET', 'HEAD'] },
    '200 length "abc"',
    '200 none ""',
  ),
  refusesReply(
    'invalid_status_line',
    'HEAD with a body',
    reply(L3, 'abc'),
    { requests: ['HEAD', 'GET'] },
    '200 none ""',
  ),
  refusesReply(
    'unsolicited_reply',
    'HEAD with a body and nothing else expected',
    reply(L3, 'abc'),
    HEAD,
    '200 none ""',
  ),
  takesReply('head is another method than HEAD', reply(L3, 'abc'), { requests: ['head'] }, '200 length "abc"'),
  takesReply('204', reply('', '', '204 No Content'), {}, '204 none ""'),
  takesReply('204 with a length of 0', reply('Content-Length: 0\r\n', '', '204 No Content'), {}, '204 none ""'),
  refusesReply('length_without_body', '204 with a length', reply(L3, 'abc', '204 No Content')),
  refusesReply('coding_without_body', '204 with a coding', reply(CHUNKED, CHUNKS, '204 No Content')),
  takesReply('304', reply('', '', '304 Not Modified'), {}, '304 none ""'),
  takesReply('304 with a length', reply(L3, '', '304 Not Modified'), {}, '304 none ""'),
  takesReply('304 with a coding', reply(CHUNKED, '', '304 Not Modified'), {}, '304 none ""'),
  takesReply(
    '304 and the next',
    reply(L3, '', '304 Not Modified') + reply(L3, 'abc'),
    TWO,
    '304 none ""',
    '200 length "abc"',
  ),
  takesReply('205 has a body like any other', reply(L3, 'abc', '205 Reset Content'), {}, '205 length "abc"'),
]

const interim = (code: string, lines = '') => reply(lines, '', code)
const interims: Row[] = [
  takesReply('100, then 200', interim('100 Continue') + reply(L3, 'abc'), {}, '100 none ""', '200 length "abc"'),
  takesReply(
    '103, 102, 100, 200',
    interim('103 X', 'Link: a\r\n') + interim('102 X') + interim('100 X') + reply(L3, 'abc'),
    {},
    '103 none ""',
    '102 none ""',
    '100 none ""',
    '200 length "abc"',
  ),
  takesReply('100 before HEAD', interim('100 Continue') + reply(L3), HEAD, '100 none ""', '200 none ""'),
  takesReply(
    '100 with a length of 0',
    interim('100 Continue', 'Content-Length: 0\r\n') + reply(L3, 'abc'),
    {},
    '100 none ""',
    '200 length "abc"',
  ),
  takesReply(
    '100 that says close means the last',
    interim('100 Continue', 'Connection: close\r\n') + reply(L3, 'abc'),
    {},
    '100 none "" close',
    '200 length "abc"',
  ),
  refusesReply('length_without_body', '100 with a length', interim('100 Continue', L3), {}),
  refusesReply('coding_without_body', '103 with a coding', interim('103 X', CHUNKED), {}),
  refusesReply('upgrade_reply', '101', interim('101 Switching Protocols', 'Connection: Upgrade\r\nUpgrade: x\r\n'), {}),
  refusesReply(
    'unsolicited_reply',
    '100 behind the end',
    reply(L3, 'abc') + interim('100 Continue'),
    {},
    '200 length "abc"',
  ),
  refusesReply('tunnel_reply', '200 to CONNECT', reply(''), { requests: ['CONNECT'] }),
  takesReply('405 to CONNECT', reply(L3, 'abc', '405 No'), { requests: ['CONNECT'] }, '405 length "abc"'),
]

const connections: Row[] = [
  takesReply('Connection: close', reply(`Connection: close\r\n${L3}`, 'abc'), {}, '200 length "abc" close'),
  takesReply(
    'HTTP/1.0 that is kept',
    `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n${L3}\r\nabc`,
    {},
    '200 length "abc"',
  ),
  refusesReply(
    'after_close',
    'a reply behind close',
    reply(`Connection: close\r\n${L3}`, 'abc') + reply(L3, 'abc'),
    TWO,
    '200 length "abc" close',
  ),
  refusesReply('unsolicited_reply', 'a reply to nothing', reply(L3, 'abc'), { requests: [] }),
  refusesReply('unsolicited_reply', 'one reply too many', reply(L3, 'abc').repeat(2), {}, '200 length "abc"'),
  refusesReply('unsolicited_reply', 'one byte too many', `${reply(L3, 'abc')}\n`, {}, '200 length "abc"'),
  refusesReply('invalid_connection', 'options without a comma', reply(`Connection: a b\r\n${L3}`, 'abc')),
  refusesReply(
    'protected_option',
    'Connection names Content-Length',
    reply(`Connection: content-length\r\n${L3}`, 'abc'),
  ),
  refusesReply('forbidden_trailer', 'a cookie in trailers', reply(CHUNKED, '0\r\nSet-Cookie: a=b\r\n\r\n')),
]

export const replies: readonly Row[] = [...statusLines, ...bodies, ...noBodies, ...interims, ...connections]
