import { get, HOST, post, type Row, refuses, takes } from './row.js'

const CHUNKS = '3\r\nabc\r\n0\r\n\r\n'
const length = (value: string, body = 'abc') => post(`Content-Length: ${value}\r\n`, body)
const coding = (value: string, body = CHUNKS) => post(`Transfer-Encoding: ${value}\r\n`, body)

const tabs: Row[] = ['\t3', '3\t', ' \t 3'].flatMap((value) => [
  refuses('tab_in_framing', `length ${JSON.stringify(value)}`, length(value)),
  refuses('tab_in_framing', `coding ${JSON.stringify(value)}`, coding(value.replace('3', 'chunked'))),
])

const lengths: Row[] = [
  takes('no length, no body', post(''), 'POST / none ""'),
  takes('a length of 0', length('0', ''), 'POST / length ""'),
  takes('a length of 3', length('3'), 'POST / length "abc"'),
  takes('white space around a length', length('  3  '), 'POST / length "abc"'),
  takes('a body of a GET', `GET / HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc`, 'GET / length "abc"'),
  takes('a body of HTTP/1.0', 'POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc', 'POST / length "abc" close'),
  takes(
    'a body that looks like a request',
    length('18', 'GET / HTTP/1.1\r\n\r\n'),
    'POST / length "GET / HTTP/1.1\r\n\r\n"',
  ),
  takes('two requests in a row', length('3') + length('2', 'de'), 'POST / length "abc"', 'POST / length "de"'),
  takes('a request behind a body', length('3') + get(''), 'POST / length "abc"', 'GET / none ""'),
  takes('an empty line behind a body', `${length('3')}\r\n`, 'POST / length "abc"'),
  takes(
    'pipelined requests of each kind',
    get('') + coding('chunked') + length('3') + get(''),
    'GET / none ""',
    'POST / chunked "abc"',
    'POST / length "abc"',
    'GET / none ""',
  ),
  refuses('truncated_message', 'a body that ends early', length('4')),
  refuses('truncated_message', 'no body', length('4', '')),
  refuses('truncated_message', 'half a head', 'GET / HTTP/1.1\r\nHost: a\r\n'),
  refuses('truncated_message', 'a head without its last byte', get('').slice(0, -1)),
  refuses('truncated_message', 'the largest length that can be counted', length('9007199254740991')),
  refuses(
    'invalid_method',
    'a body that is longer than said',
    length('2').replace('abc', 'ab\x01'),
    {},
    'POST / length "ab"',
  ),
  ...[
    '9007199254740992',
    '9007199254740993',
    '18446744073709551615',
    '18446744073709551619',
    '99999999999999999999999',
  ].map((value) => refuses('content_length_overflow', `length ${value}`, length(value))),
  ...[
    '',
    '+3',
    '-3',
    '-0',
    '0x3',
    '3.0',
    '3e0',
    '3 ',
    '03',
    '00',
    '3a',
    'a3',
    '3 4',
    '3;',
    '3_0',
    '\xb3',
    "'3'",
    '"3"',
    '1 000',
  ].map((value) =>
    value === '3 '
      ? takes('a space behind a length', length(value), 'POST / length "abc"')
      : refuses('invalid_content_length', `length "${value}"`, length(value)),
  ),
  ...['3,3', '3, 3', '3, 4', '3,', ',3', ','].map((value) =>
    refuses('multiple_content_length', `length "${value}"`, length(value)),
  ),
  refuses(
    'multiple_content_length',
    'two different lengths',
    post('Content-Length: 3\r\nContent-Length: 4\r\n', 'abcd'),
  ),
  refuses('multiple_content_length', 'two equal lengths', post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc')),
  refuses(
    'multiple_content_length',
    'two lengths, in other case',
    post('Content-Length: 3\r\ncontent-LENGTH: 3\r\n', 'abc'),
  ),
  refuses(
    'multiple_content_length',
    'an empty length, then another',
    post('Content-Length:\r\nContent-Length: 3\r\n', 'abc'),
  ),
  takes(
    'what is not quite a length',
    post('Content_Length: 3\r\nX-Content-Length: 4\r\nContent-Lengths: 5\r\n'),
    'POST / none ""',
  ),
]

const codings: Row[] = [
  takes('chunked', coding('chunked'), 'POST / chunked "abc"'),
  takes('CHUNKED: names of codings have no case', coding('CHUNKED'), 'POST / chunked "abc"'),
  takes('white space around chunked', coding('  chunked  '), 'POST / chunked "abc"'),
  takes(
    'what is not quite a coding',
    post('Transfer_Encoding: chunked\r\nTransfer-Encodings: x\r\n'),
    'POST / none ""',
  ),
  ...[
    '',
    'identity',
    'gzip',
    'xchunked',
    'chunkedx',
    'chunked;',
    'chunked; q=1',
    'chunked, identity',
    'chunked, gzip',
    'chunk',
    '"chunked"',
  ].map((value) => refuses('chunked_not_final', `coding "${value}"`, coding(value))),
  ...[
    'chunked, chunked',
    'chunked,chunked',
    ', chunked',
    'chunked,',
    ',',
    'chunked, , chunked',
    'chunked chunked',
    'x\x85chunked',
  ].map((value) => refuses('chunked_not_final', `coding "${value}"`, coding(value))),
  ...['gzip, chunked', 'identity, chunked', 'deflate,gzip,chunked', 'x , chunked'].map((value) =>
    refuses('unsupported_coding', `coding "${value}"`, coding(value)),
  ),
  refuses('control_character', 'a vertical tab before chunked', coding('\vchunked')),
  refuses('control_character', 'a form feed behind chunked', coding('chunked\f')),
  refuses(
    'multiple_transfer_encoding',
    'chunked twice',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', CHUNKS),
  ),
  refuses(
    'multiple_transfer_encoding',
    'gzip, then chunked',
    post('Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n', CHUNKS),
  ),
  refuses(
    'multiple_transfer_encoding',
    'chunked, then identity',
    post('Transfer-Encoding: chunked\r\ntransfer-encoding: identity\r\n', CHUNKS),
  ),
  refuses(
    'coding_in_http_1_0',
    'chunked in HTTP/1.0',
    `POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}`,
  ),
]

const both: Row[] = [
  refuses(
    'length_and_coding',
    'a length and an empty coding',
    post('Transfer-Encoding:\r\nContent-Length: 3\r\n', 'abc'),
  ),
  refuses(
    'length_and_coding',
    'length, then coding',
    post('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', CHUNKS),
  ),
  refuses(
    'length_and_coding',
    'coding, then length',
    post('Transfer-Encoding: chunked\r\nContent-Length: 3\r\n', CHUNKS),
  ),
  refuses(
    'length_and_coding',
    'a length of 0 and a coding',
    post('Content-Length: 0\r\nTransfer-Encoding: chunked\r\n', CHUNKS),
  ),
  refuses(
    'length_and_coding',
    'a length and an unknown coding',
    post('Content-Length: 3\r\nTransfer-Encoding: x\r\n', 'abc'),
  ),
  refuses(
    'length_and_coding',
    'both in HTTP/1.0',
    'POST / HTTP/1.0\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc',
  ),
  refuses(
    'invalid_content_length',
    'a bad length and a coding',
    post('Content-Length: x\r\nTransfer-Encoding: chunked\r\n', CHUNKS),
  ),
]

export const bodyLengths: readonly Row[] = [...tabs, ...lengths, ...codings, ...both]
