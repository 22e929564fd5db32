import { get, HOST, hex, type Row, refuses, takes } from './row.js'

const line = (start: string) => `${start}\r\n${HOST}\r\n`
const CONTROLS = [...Array(0x20).keys(), 0x7f]
const SEPARATORS = '"(),/:;<=>?@[\\]{}'

const methods: Row[] = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'REPORT', 'M-SEARCH', 'QUERY'].map(
    (method) => takes(`${method} is a method`, line(`${method} / HTTP/1.1`), `${method} / none ""`),
  ),
  takes('a method nobody has registered is a token all the same', line('FROB / HTTP/1.1'), 'FROB / none ""'),
  takes('methods have case: get is not GET', line('get / HTTP/1.1'), 'get / none ""'),
  takes('a method of 32 bytes', line(`${'A'.repeat(32)} / HTTP/1.1`), `${'A'.repeat(32)} / none ""`),
  takes('every tchar in a method', line("!#$%&'*+-.^_`|~09az / HTTP/1.1"), '!#$%&\'*+-.^_`|~09az / none ""'),
  refuses('invalid_method', 'a method of 33 bytes', line(`${'A'.repeat(33)} / HTTP/1.1`)),
  refuses('invalid_method', 'no method', line(' / HTTP/1.1')),
  refuses('invalid_method', 'a tab behind the method', line('GET\t/ HTTP/1.1')),
  refuses('invalid_method', 'a method alone', 'GET\r\n\r\n'),
  refuses('invalid_method', 'an octet above ASCII in the method', line('G\xc9T / HTTP/1.1')),
  refuses('connect_method', 'CONNECT in authority form', line('CONNECT db.internal:443 HTTP/1.1')),
  refuses('connect_method', 'CONNECT in any form', line('CONNECT / HTTP/1.1')),
  ...[...SEPARATORS].map((c) => refuses('invalid_method', `${c} in the method`, line(`G${c}T / HTTP/1.1`))),
  ...CONTROLS.filter((c) => c !== 0x0a && c !== 0x0d && c !== 0x16 && c !== 0x15).map((c) =>
    refuses('invalid_method', `${hex(c)} before the method`, line(`${String.fromCharCode(c)}GET / HTTP/1.1`)),
  ),
]

const protocols: Row[] = [
  refuses('tls_on_plain_port', 'a TLS ClientHello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'),
  refuses('tls_on_plain_port', 'a TLS alert', '\x15\x03\x03\x00\x02\x02\x46'),
  refuses('http2_preface', 'the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  refuses('invalid_method', 'a MongoDB message', '\x3a\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xdd\x07\x00\x00'),
]

const emptyLines: Row[] = [
  takes('one empty line before a request is passed over', `\r\n${get('')}`, 'GET / none ""'),
  takes('one empty line between requests too', `${get('')}\r\n${get('')}`, 'GET / none ""', 'GET / none ""'),
  takes('an empty line at the end', `${get('')}\r\n`, 'GET / none ""'),
  refuses('empty_line', 'two empty lines', `\r\n\r\n${get('')}`),
  refuses('empty_line', 'two empty lines between requests', `${get('')}\r\n\r\n${get('')}`, {}, 'GET / none ""'),
  refuses('empty_line', 'a PROXY protocol v2 header', '\r\n\r\n\x00\r\nQUIT\n'),
  refuses('bare_lf', 'an LF before a request', `\n${get('')}`),
  refuses('bare_cr', 'a CR before a request', `\r${get('')}`),
  refuses('bare_cr', 'a CR before an empty line', `\r\r\n${get('')}`),
]

const targets: Row[] = [
  ...[
    '/',
    '/a/b?c=d&e=f',
    '/?',
    '//',
    '/a//b',
    '/%2F',
    '/%zz',
    '/a|b{c}"d"',
    '/a\\b',
    '/*',
    '/[x]',
    "/~!$&'()*+,;=:@",
  ].map((target) => takes(`origin form ${target}`, line(`GET ${target} HTTP/1.1`), `GET ${target} none ""`)),
  takes('OPTIONS of the server', line('OPTIONS * HTTP/1.1'), 'OPTIONS * none ""'),
  ...[
    'http://db.internal',
    'http://db.internal/',
    'HTTP://DB.Internal/x?y',
    'https://db.internal/',
    'http://db.internal?q',
  ].map((target) => takes(`absolute form ${target}`, line(`GET ${target} HTTP/1.1`), `GET ${target} none ""`)),
  takes('absolute form with a port', 'GET http://a:80/ HTTP/1.1\r\nHost: a:80\r\n\r\n', 'GET http://a:80/ none ""'),
  refuses('invalid_target', 'asterisk form of another method', line('GET * HTTP/1.1')),
  refuses('invalid_target', 'more than an asterisk', line('OPTIONS */ HTTP/1.1')),
  refuses('invalid_target', 'authority form without CONNECT', line('GET db.internal:80 HTTP/1.1')),
  refuses('invalid_target', 'a relative path', line('GET a/b HTTP/1.1')),
  refuses('invalid_target', 'a query alone', line('GET ?a HTTP/1.1')),
  refuses('invalid_target', 'a fragment', line('GET /a#b HTTP/1.1')),
  refuses('invalid_target', 'another scheme', line('GET ftp://db.internal/ HTTP/1.1')),
  refuses('invalid_target', 'a scheme without authority', line('GET http:///a HTTP/1.1')),
  refuses('invalid_target', 'a scheme with one slash', line('GET http:/db.internal HTTP/1.1')),
  refuses('invalid_target', 'user information', line('GET http://me@db.internal/ HTTP/1.1')),
  refuses('invalid_target', 'an authority with a backslash', line('GET http://db.internal\\x/ HTTP/1.1')),
  refuses('invalid_target', 'no target', line('GET  HTTP/1.1')),
  refuses('invalid_target', 'two spaces before the target', line('GET  / HTTP/1.1')),
  refuses('control_character', 'a tab in the target', line('GET /a\tb HTTP/1.1')),
  refuses('invalid_target', 'an empty target', 'GET \r\n\r\n'),
  refuses('invalid_target', 'an octet above ASCII', line('GET /\xe9 HTTP/1.1')),
  refuses('invalid_target', 'a DEL', line('GET /\x7f HTTP/1.1')),
  refuses('host_mismatch', 'a target of another host', line('GET http://other.internal/ HTTP/1.1')),
  refuses('host_mismatch', 'a target with a port that Host has not', line('GET http://db.internal:80/ HTTP/1.1')),
  ...CONTROLS.filter((c) => ![0x09, 0x0a, 0x0d, 0x7f].includes(c)).map((c) =>
    refuses(
      c === 0 ? 'nul' : 'control_character',
      `${hex(c)} in the target`,
      line(`GET /${String.fromCharCode(c)} HTTP/1.1`),
    ),
  ),
  refuses('bare_lf', 'an LF in the target', line('GET /\n HTTP/1.1')),
]

const versions: Row[] = [
  takes('HTTP/1.0 without Host', 'GET / HTTP/1.0\r\n\r\n', 'GET / none "" close'),
  takes('HTTP/1.0 that asks to be kept', 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', 'GET / none ""'),
  refuses('missing_version', 'HTTP/0.9', 'GET /\r\n'),
  refuses('missing_version', 'a CR behind the target', `GET /\r\n${HOST}\r\n`),
  ...['HTTP/0.9', 'HTTP/1.2', 'HTTP/1.9', 'HTTP/2.0', 'HTTP/3.0', 'HTTP/9.9'].map((version) =>
    refuses('unsupported_version', version, line(`GET / ${version}`)),
  ),
  ...[
    'http/1.1',
    'HTTP/1',
    'HTTP/1.',
    'HTTP/11',
    'HTTP/1,1',
    'HTTP /1.1',
    'HTTP/ 1.1',
    'HTTP/1.x',
    'HTTPS/1.1',
    'ICY/1.1',
    '',
  ].map((version) => refuses('invalid_version', `version "${version}"`, line(`GET / ${version}`))),
  ...['HTTP/1.1 ', 'HTTP/1.1x', 'HTTP/1.11', 'HTTP/1.1\t', 'HTTP/1.1\x00'].map((version) =>
    refuses('invalid_version', `more behind the version: ${JSON.stringify(version)}`, line(`GET / ${version}`)),
  ),
  refuses('invalid_version', 'two spaces before the version', line('GET /  HTTP/1.1')),
  refuses('invalid_version', 'a space in the target', line('GET /a b HTTP/1.1')),
  refuses('bare_lf', 'an LF behind the version', `GET / HTTP/1.1\n${HOST}\r\n`),
  refuses('bare_cr', 'a CR behind the version', `GET / HTTP/1.1\r${HOST}\r\n`),
  refuses('bare_cr', 'two CRs behind the version', `GET / HTTP/1.1\r\r\n${HOST}\r\n`),
]

export const requestLines: readonly Row[] = [...methods, ...protocols, ...emptyLines, ...targets, ...versions]
