import { get, HOST, hex, post, type Row, refuses, takes } from './row.js'

const CONTROLS = [...Array(0x20).keys(), 0x7f].filter((c) => c !== 0x09 && c !== 0x0a && c !== 0x0d)
const SEPARATORS = '"(),/;<=>?@[\\]{}'
const ok = 'GET / none ""'

const lines: Row[] = [
  takes('a field without a value', get('X-A:\r\n'), ok),
  takes('a field of white space alone', get('X-A: \t \r\n'), ok),
  takes('a value right behind the colon', get('X-A:b\r\n'), ok),
  takes('white space around a value', get('X-A: \t b c \t\r\n'), ok),
  takes('a colon in a value', get('X-A: b:c\r\n'), ok),
  takes('octets above ASCII in a value', get('X-A: \x80\xff\xe9\r\n'), ok),
  takes('every tchar in a name', get("!#$%&'*+-.^_`|~09azAZ: x\r\n"), ok),
  takes('the same field twice', get('X-A: b\r\nX-A: c\r\n'), ok),
  refuses('obs_fold', 'a line that begins with a space', get('X-A: b\r\n c\r\n')),
  refuses('obs_fold', 'a line that begins with a tab', get('X-A: b\r\n\tc\r\n')),
  refuses('obs_fold', 'white space before the first field', `GET / HTTP/1.1\r\n ${HOST}\r\n`),
  refuses('obs_fold', 'a line of a space alone', get('X-A: b\r\n \r\n')),
  refuses('space_before_colon', 'a space before the colon', get('X-A : b\r\n')),
  refuses('space_before_colon', 'a tab before the colon', get('X-A\t: b\r\n')),
  refuses('space_before_colon', 'Content-Length before a spaced colon', post('Content-Length : 3\r\n', 'abc')),
  refuses(
    'space_before_colon',
    'Transfer-Encoding before a spaced colon',
    post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'),
  ),
  refuses('space_before_colon', 'a space in a name', get('X A: b\r\n')),
  refuses('empty_name', 'a colon alone', get(': b\r\n')),
  refuses('empty_name', 'two colons', get(':X-A: b\r\n')),
  refuses('missing_colon', 'a line without a colon', get('X-A\r\n')),
  refuses('missing_colon', 'a request line in the fields', get('GET\r\n')),
  refuses('invalid_name', 'an octet above ASCII in a name', get('X-\xc4: b\r\n')),
  refuses('invalid_name', 'an octet above ASCII at the start of a name', get('\xc4X: b\r\n')),
  ...[...SEPARATORS].map((c) => refuses('invalid_name', `${c} in a name`, get(`X${c}A: b\r\n`))),
  ...[...SEPARATORS].map((c) => refuses('invalid_name', `${c} before a name`, get(`${c}A: b\r\n`))),
  refuses('bare_lf', 'an LF at the end of a line', get('X-A: b\n')),
  refuses('bare_lf', 'an LF in a name', get('X\nA: b\r\n')),
  refuses('bare_lf', 'an LF at the start of a line', get('\nX-A: b\r\n')),
  refuses('bare_lf', 'two LFs in place of the end', `GET / HTTP/1.1\r\n${HOST.slice(0, -2)}\n\n`),
  refuses('bare_lf', 'an LF in place of the empty line', `GET / HTTP/1.1\r\n${HOST}\n`),
  refuses('bare_cr', 'a CR in a value', get('X-A: b\rc\r\n')),
  refuses('bare_cr', 'a CR at the start of a line', get('\rX-A: b\r\n')),
  refuses('bare_cr', 'two CRs at the end of a line', get('X-A: b\r\r\n')),
  refuses('bare_cr', 'a CR that hides a field', get('X-A: b\rTransfer-Encoding: chunked\r\n')),
  refuses('bare_cr', 'CR CR LF in place of the empty line', `GET / HTTP/1.1\r\n${HOST}\r\r\n`),
]

const controls: Row[] = CONTROLS.flatMap((c) => {
  const reason = c === 0 ? 'nul' : 'control_character'
  const byte = String.fromCharCode(c)
  const inName = c === 0x7f ? 'invalid_name' : reason
  return [
    refuses(reason, `${hex(c)} in a value`, get(`X-A: b${byte}c\r\n`)),
    refuses(reason, `${hex(c)} at the end of a value`, get(`X-A: b${byte}\r\n`)),
    refuses(inName, `${hex(c)} in a name`, get(`X${byte}A: b\r\n`)),
    refuses(inName, `${hex(c)} before a name`, get(`${byte}X-A: b\r\n`)),
  ]
})

const small = { maxHeadBytes: 100, maxFields: 3, maxTrailerBytes: 50 }
const padded = (total: number) => {
  const head = get('X: \r\n')
  return head.replace('X: ', `X: ${'a'.repeat(total - head.length)}`)
}
const limits: Row[] = [
  { ...takes('a head of exactly the limit', padded(100), ok), limits: small },
  { ...takes('two heads of exactly the limit', padded(100) + padded(100), ok, ok), limits: small },
  { ...takes('an empty line does not count', `\r\n${padded(100)}`, ok), limits: small },
  { ...takes('as many fields as may be', get('A: b\r\nC: d\r\n'), ok), limits: small },
  refuses('head_too_large', 'a head one byte over the limit', padded(101), { limits: small }),
  refuses('head_too_large', 'a name without an end', get(`${'a'.repeat(200)}`), { limits: small }),
  refuses('target_too_long', 'a target without an end', `GET /${'a'.repeat(200)}`, { limits: small }),
  refuses('target_too_long', 'a request line over the limit', `GET /${'a'.repeat(86)} HTTP/1.1\r\n\r\n`, {
    limits: small,
  }),
  refuses('too_many_fields', 'one field too many', get('A: b\r\nC: d\r\nE: f\r\n'), { limits: small }),
  refuses('too_many_fields', '101 fields', get('A: b\r\n'.repeat(100))),
  takes('100 fields', get('A: b\r\n'.repeat(99)), ok),
  refuses('head_too_large', '64 KiB and a byte', padded(65_537)),
  takes('64 KiB', padded(65_536), ok),
]

export const fields: readonly Row[] = [...lines, ...controls, ...limits]
