import { get, HOST, type Row, refuses, takes } from './row.js'

const ok = 'GET / none ""'
const withHost = (value: string) => `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`

const GOOD = [
  ...[
    'a',
    'db.internal',
    'DB.Internal',
    'a:80',
    'a:0',
    'a:65535',
    'a:',
    '127.0.0.1',
    '127.0.0.1:8000',
    'a_b',
    'a-b.c-d',
  ],
  ...[
    '[::1]',
    '[::1]:8000',
    '[fe80::1:2]',
    '[::ffff:127.0.0.1]:1',
    'xn--bcher-kva.example',
    '%41',
    'a%2db',
    "!$&'()*+;=~",
  ],
]
const BAD = [
  ...[
    '',
    'a b',
    'a,b',
    'a, a',
    'a/b',
    'a?b',
    'a#b',
    'a@b',
    'me:pw@a',
    'http://a',
    'a:b',
    'a:-1',
    'a:65536',
    'a:999999',
    'a:80:80',
  ],
  ...[
    '[',
    '[]',
    '[::1',
    '::1',
    '[::1]x',
    '[::1]:x',
    '[g]',
    '[v1.x]',
    '[fe80::1%25eth0]',
    '%',
    '%4',
    '%4g',
    'a%',
    '\\',
    '"a"',
    '<a>',
    'a|b',
  ],
  ...['\xe9', 'a\tb', 'a^', 'a`', '{a}', ':80', 'a:80 b'],
]

const hosts: Row[] = [
  ...GOOD.map((host) => takes(`Host: ${host}`, withHost(host), ok)),
  ...BAD.map((host) => refuses('invalid_host', `Host: ${host}`, withHost(host))),
  takes('white space around a host', withHost('  a\t '), ok),
  takes('hOST', 'GET / HTTP/1.1\r\nhOST: a\r\n\r\n', ok),
  refuses('missing_host', 'no Host', 'GET / HTTP/1.1\r\n\r\n'),
  refuses('missing_host', 'no Host, but something like it', 'GET / HTTP/1.1\r\nHosts: a\r\nX-Host: a\r\n\r\n'),
  refuses('missing_host', 'no Host, but an absolute target', 'GET http://a/ HTTP/1.1\r\n\r\n'),
  refuses('multiple_host', 'two equal hosts', get(HOST)),
  refuses('multiple_host', 'two hosts', get('host: other\r\n')),
  refuses('multiple_host', 'a second host far behind', get(`${'X: y\r\n'.repeat(20)}HOST: a\r\n`)),
  refuses('multiple_host', 'two hosts in HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n'),
  refuses('invalid_host', 'an invalid host in HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a b\r\n\r\n'),
  takes('an absolute target in HTTP/1.0 without Host', 'GET http://a/ HTTP/1.0\r\n\r\n', 'GET http://a/ none "" close'),
]

const PROTECTED = [
  ...[
    'Host',
    'Content-Length',
    'Transfer-Encoding',
    'Authorization',
    'X-Amz-Target',
    'X-Amz-Date',
    'Cookie',
    'Expect',
    'Via',
  ],
  ...[
    'X-Forwarded-For',
    'Content-Type',
    'Cache-Control',
    'Trailer',
    'X-Amz-Security-Token',
    'X-Amz-Content-Sha256',
    'Range',
  ],
]

const connections: Row[] = [
  takes('Connection: close', get('Connection: close\r\n'), `${ok} close`),
  takes('Connection: Close, in any case', get('cOnnection: CLOSE\r\n'), `${ok} close`),
  takes('Connection: keep-alive', get('Connection: keep-alive\r\n'), ok),
  takes('close wins over keep-alive', get('Connection: keep-alive, close\r\n'), `${ok} close`),
  takes('close in a second field', get('Connection: keep-alive\r\nConnection: close\r\n'), `${ok} close`),
  takes('an option that looks like close', get('Connection: close-not\r\n'), ok),
  takes('Proxy-Connection is not listened to', get('Proxy-Connection: close\r\n'), ok),
  takes('empty elements of the list', get('Connection: ,, close ,\t,\r\n'), `${ok} close`),
  takes('an empty list', get('Connection:\r\n'), ok),
  takes('options that name fields', get('Connection: X-A, x-b\r\nX-A: 1\r\nX-B: 2\r\n'), ok),
  takes('the options of gRPC and curl', get('Connection: TE\r\nTE: trailers\r\n'), ok),
  takes('100 options', get(`Connection: ${'a,'.repeat(100)}\r\n`), ok),
  takes('HTTP/1.0 closes', 'GET / HTTP/1.0\r\nHost: a\r\n\r\n', `${ok} close`),
  takes('HTTP/1.0, keep-alive and close', 'GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n', `${ok} close`),
  refuses('invalid_connection', 'options without a comma', get('Connection: a b\r\n')),
  refuses('invalid_connection', 'a quoted option', get('Connection: "close"\r\n')),
  refuses('invalid_connection', 'an option with a parameter', get('Connection: close;q=1\r\n')),
  refuses('invalid_connection', '101 options', get(`Connection: ${'a,'.repeat(101)}\r\n`)),
  refuses('after_close', 'a request behind close', get('Connection: close\r\n') + get(''), {}, `${ok} close`),
  refuses('after_close', 'a request behind HTTP/1.0', `GET / HTTP/1.0\r\n\r\n${get('')}`, {}, `${ok} close`),
  refuses('after_close', 'an empty line behind close', `${get('Connection: close\r\n')}\r\n`, {}, `${ok} close`),
  ...PROTECTED.map((name) =>
    refuses('protected_option', `Connection names ${name}`, get(`Connection: close, ${name}\r\n`)),
  ),
]

const upgrades: Row[] = [
  refuses('upgrade', 'WebSocket', get('Connection: Upgrade\r\nUpgrade: websocket\r\n')),
  refuses('upgrade', 'an upgrade that Connection does not name', get('Upgrade: websocket\r\n')),
  refuses('upgrade', 'h2c and another', get('Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n')),
  refuses('upgrade', 'h2c, and another in a second field', get('Upgrade: h2c\r\nUpgrade: TLS/1.0\r\n')),
  takes(
    'h2c is not taken up',
    get('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'),
    ok,
  ),
  takes('a request behind one that offers h2c', get('Connection: Upgrade\r\nUpgrade: h2c\r\n') + get(''), ok, ok),
  takes('Connection: Upgrade without Upgrade', get('Connection: Upgrade\r\n'), ok),
]

const expectations: Row[] = [
  takes('Expect: 100-continue', get('Expect: 100-continue\r\n'), ok),
  takes('Expect: 100-Continue, in any case', get('expect: 100-Continue\r\n'), ok),
  takes('Expect twice', get('Expect: 100-continue\r\nExpect: 100-continue\r\n'), ok),
  refuses('unknown_expectation', 'another expectation', get('Expect: 200-ok\r\n')),
  refuses('unknown_expectation', 'two expectations', get('Expect: 100-continue, x\r\n')),
  refuses('unknown_expectation', 'no expectation', get('Expect:\r\n')),
]

export const routing: readonly Row[] = [...hosts, ...connections, ...upgrades, ...expectations]
