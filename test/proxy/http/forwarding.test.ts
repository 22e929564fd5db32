import t from 'tap'
import { everyCut } from '../../support/cuts.js'
import { seededRandom } from '../../support/seeded-random.js'
import { onStage, type Peer, told, until } from './stage.js'

/** One request and its reply: what each side says, and what the other must hear. */
interface Trip {
  readonly name: string
  readonly request: string
  /** Where it differs from `request`. */
  readonly sent?: string
  readonly reply: string
  /** Where it differs from `reply`. */
  readonly received?: string
  /** The client's connection ends behind it. Default: it doesn't. */
  readonly ends?: true
  /** The upstream ends its connection behind the reply. */
  readonly upstreamEnds?: true
  /** The upstream's connection carries no other request. */
  readonly isSpent?: true
}

const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`
const GET = head('GET / HTTP/1.1', 'Host: a')
const OK = `${head('HTTP/1.1 200 OK', 'Content-Length: 2')}ok`
const CHUNKED = head('POST /c HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')
const CHUNKED_OK = head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')

const trips: readonly Trip[] = [
  { name: 'a request without a body', request: GET, reply: OK },
  {
    name: 'a body of a known length',
    request: `${head('POST /p HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`,
    reply: OK,
  },
  {
    name: 'a body that is binary',
    request: `${head('PUT / HTTP/1.1', 'Host: a', 'Content-Length: 6')}\0\r\n\r\n\xff`,
    reply: OK,
  },
  { name: 'a body of no byte', request: head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 0'), reply: OK },
  { name: 'a request in chunks', request: `${CHUNKED}5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n`, reply: OK },
  { name: 'no chunk but the last', request: `${CHUNKED}0\r\n\r\n`, reply: OK },
  {
    name: 'chunk sizes with zeros and letters of both cases',
    request: `${CHUNKED}000A\r\n0123456789\r\na\r\n0123456789\r\n00\r\n\r\n`,
    reply: OK,
  },
  { name: 'chunk extensions', request: `${CHUNKED}5;a=b;c\r\nhello\r\n0;d="e \\" f"\r\n\r\n`, reply: OK },
  { name: 'trailers of a request', request: `${CHUNKED}1\r\nx\r\n0\r\nX-Sum: 1\r\nx-Sum:2 \r\n\r\n`, reply: OK },
  { name: 'a reply in chunks', request: GET, reply: `${CHUNKED_OK}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n` },
  {
    name: 'trailers of a reply',
    request: GET,
    reply: `${CHUNKED_OK}3;x=y\r\nabc\r\n0\r\nServer-Timing: a;dur=1\r\n\r\n`,
  },
  { name: 'chunks both ways', request: `${CHUNKED}2\r\nhi\r\n0\r\n\r\n`, reply: `${CHUNKED_OK}2\r\nho\r\n0\r\n\r\n` },
  {
    name: 'many chunks of one byte',
    request: `${CHUNKED}${'1\r\nx\r\n'.repeat(70)}0\r\n\r\n`,
    reply: `${CHUNKED_OK}${'1\r\ny\r\n'.repeat(70)}0\r\n\r\n`,
  },
  {
    name: 'HEAD with a length',
    request: head('HEAD / HTTP/1.1', 'Host: a'),
    reply: head('HTTP/1.1 200 OK', 'Content-Length: 4711'),
  },
  { name: 'HEAD of what comes in chunks', request: head('HEAD / HTTP/1.1', 'Host: a'), reply: CHUNKED_OK },
  {
    name: 'HEAD without a length',
    request: head('HEAD / HTTP/1.1', 'Host: a'),
    reply: head('HTTP/1.1 200 OK', 'X: y'),
  },
  { name: '204', request: head('DELETE /x HTTP/1.1', 'Host: a'), reply: head('HTTP/1.1 204 No Content', 'X: y') },
  {
    name: '204 with a length of 0',
    request: head('DELETE /x HTTP/1.1', 'Host: a'),
    reply: head('HTTP/1.1 204 No Content', 'Content-Length: 0'),
  },
  {
    name: '304 with the length it would have',
    request: head('GET / HTTP/1.1', 'Host: a', 'If-None-Match: "1"'),
    reply: head('HTTP/1.1 304 Not Modified', 'ETag: "1"', 'Content-Length: 99'),
  },
  { name: 'an error with a body', request: GET, reply: `${head('HTTP/1.1 500 Oh no', 'Content-Length: 3')}no\n` },
  { name: 'a status without a reason', request: GET, reply: head('HTTP/1.1 200 ', 'Content-Length: 0') },
  {
    name: 'a status and a reason that nobody knows',
    request: GET,
    reply: head('HTTP/1.1 799 \xe4\xf6 \t?', 'Content-Length: 0'),
  },
  {
    name: '100 and then the reply',
    request: `${head('POST / HTTP/1.1', 'Host: a', 'Expect: 100-continue', 'Content-Length: 2')}hi`,
    reply: `${head('HTTP/1.1 100 Continue')}${OK}`,
  },
  {
    name: '103 with fields',
    request: GET,
    reply: `${head('HTTP/1.1 103 Early Hints', 'Link: </a>; rel=preload')}${OK}`,
  },
  {
    name: 'several 1xx',
    request: GET,
    reply: `${head('HTTP/1.1 102 Processing')}${head('HTTP/1.1 103 Early Hints')}${head('HTTP/1.1 103 Early Hints', 'A: b')}${OK}`,
  },
  {
    name: '1xx to HTTP/1.0 is left out',
    request: head('GET / HTTP/1.0', 'Connection: keep-alive'),
    sent: head('GET / HTTP/1.0', 'Connection: keep-alive'),
    reply: `${head('HTTP/1.1 103 Early Hints')}${OK}`,
    received: `${head('HTTP/1.1 200 OK', 'Content-Length: 2', 'Connection: keep-alive')}ok`,
  },
  {
    name: 'a 1xx loses what is about the connection',
    request: GET,
    reply: `${head('HTTP/1.1 103 Early Hints', 'Connection: x-a', 'X-A: 1', 'Link: b')}${OK}`,
    received: `${head('HTTP/1.1 103 Early Hints', 'Link: b')}${OK}`,
  },
  {
    name: 'HTTP/1.0',
    request: head('GET / HTTP/1.0'),
    sent: head('GET / HTTP/1.0', 'Connection: keep-alive'),
    reply: OK,
    received: `${head('HTTP/1.1 200 OK', 'Content-Length: 2', 'Connection: close')}ok`,
    ends: true,
  },
  {
    name: 'HTTP/1.0 with a body',
    request: `${head('POST / HTTP/1.0', 'Content-Length: 2')}hi`,
    sent: `${head('POST / HTTP/1.0', 'Content-Length: 2', 'Connection: keep-alive')}hi`,
    reply: OK,
    received: `${head('HTTP/1.1 200 OK', 'Content-Length: 2', 'Connection: close')}ok`,
    ends: true,
  },
  {
    name: 'HTTP/1.0 that keeps its connection',
    request: head('GET / HTTP/1.0', 'connection: Keep-Alive', 'keep-alive: 300', 'A: b'),
    sent: head('GET / HTTP/1.0', 'A: b', 'Connection: keep-alive'),
    reply: OK,
    received: `${head('HTTP/1.1 200 OK', 'Content-Length: 2', 'Connection: keep-alive')}ok`,
  },
  {
    name: 'an upstream of HTTP/1.0',
    request: GET,
    reply: `${head('HTTP/1.0 200 OK', 'Content-Length: 2')}ok`,
    received: `${head('HTTP/1.0 200 OK', 'Content-Length: 2', 'Connection: keep-alive')}ok`,
    isSpent: true,
  },
  {
    name: 'an upstream of HTTP/1.0 that keeps its connection',
    request: GET,
    reply: `${head('HTTP/1.0 200 OK', 'Connection: keep-alive', 'Content-Length: 2')}ok`,
    received: `${head('HTTP/1.0 200 OK', 'Content-Length: 2', 'Connection: keep-alive')}ok`,
  },
  {
    name: 'a reply that the end of its connection ends',
    request: GET,
    reply: `${head('HTTP/1.1 200 OK', 'X: y')}all of it\r\n\r\n`,
    received: `${head('HTTP/1.1 200 OK', 'X: y', 'Connection: close')}all of it\r\n\r\n`,
    upstreamEnds: true,
    ends: true,
  },
  {
    name: 'a reply of HTTP/1.0 that the end of its connection ends',
    request: GET,
    reply: `${head('HTTP/1.0 200 OK')}all`,
    received: `${head('HTTP/1.0 200 OK', 'Connection: close')}all`,
    upstreamEnds: true,
    ends: true,
  },
  {
    name: 'a reply without a byte of body that the end ends',
    request: GET,
    reply: head('HTTP/1.1 200 OK'),
    received: head('HTTP/1.1 200 OK', 'Connection: close'),
    upstreamEnds: true,
    ends: true,
  },
  {
    name: 'an upstream that says close',
    request: GET,
    reply: `${head('HTTP/1.1 200 OK', 'Connection: close', 'Content-Length: 2')}ok`,
    received: OK,
    isSpent: true,
  },
  {
    name: 'an upstream that says close and closes',
    request: GET,
    reply: `${head('HTTP/1.1 200 OK', 'CONNECTION: foo , Close', 'Foo: x', 'Content-Length: 2')}ok`,
    received: OK,
    upstreamEnds: true,
  },
  {
    name: 'a client that says close',
    request: head('GET / HTTP/1.1', 'Host: a', 'Connection: close'),
    sent: GET,
    reply: OK,
    received: `${head('HTTP/1.1 200 OK', 'Content-Length: 2', 'Connection: close')}ok`,
    ends: true,
  },
  {
    name: 'fields about the connection, of a request',
    request: head(
      'GET / HTTP/1.1',
      'TE: trailers',
      'Host: a',
      'Connection: TE, keep-alive',
      'Keep-Alive: timeout=9',
      'Proxy-Connection: keep-alive',
      'B: 1',
    ),
    sent: head('GET / HTTP/1.1', 'Host: a', 'B: 1'),
    reply: OK,
  },
  {
    name: 'fields that Connection names',
    request: head(
      'GET / HTTP/1.1',
      'Host: a',
      'X-One: 1',
      'connection: x-TWO',
      'x-two: 2',
      'X-Two: again',
      'X-Twos: stays',
      'Connection: , x-one,',
    ),
    sent: head('GET / HTTP/1.1', 'Host: a', 'X-Twos: stays'),
    reply: OK,
  },
  {
    name: 'h2c that is asked for',
    request: head(
      'GET / HTTP/1.1',
      'Host: a',
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAAQAAP__',
    ),
    sent: GET,
    reply: OK,
  },
  {
    name: 'fields about the connection, of a reply',
    request: GET,
    reply: `${head('HTTP/1.1 200 OK', 'Keep-Alive: timeout=60', 'Connection: keep-alive, X-A', 'X-A: 1', 'Proxy-Connection: x', 'Content-Length: 2', 'X-B: 2')}ok`,
    received: `${head('HTTP/1.1 200 OK', 'Content-Length: 2', 'X-B: 2')}ok`,
  },
  {
    name: 'fields that come twice, in their order',
    request: head('GET / HTTP/1.1', 'Cookie: a', 'Host: a', 'Cookie: b', 'X: 1', 'Cookie: a'),
    reply: `${head('HTTP/1.1 200 OK', 'Set-Cookie: a', 'Content-Length: 2', 'Set-Cookie: b', 'Set-Cookie: a')}ok`,
  },
  {
    name: 'odd spellings of names and white space',
    request: head('GET / HTTP/1.1', 'hOsT:a', 'x-EMPTY:', 'X-Tab:\t a \t', "x!#$%&'*+-.^_`|~9: 1"),
    reply: `${head('HTTP/1.1 200 OK', 'cOnTeNt-LeNgTh:   2  ', 'x-y:')}ok`,
  },
  {
    name: 'bytes beyond ASCII in values',
    request: head('GET / HTTP/1.1', 'Host: a', 'X: \x80\xff \xe2\x82\xac'),
    reply: `${head('HTTP/1.1 200 OK', 'X: \xa0\xfe', 'Content-Length: 2')}ok`,
  },
  { name: 'a target in absolute form', request: head('GET http://a/b?c=d HTTP/1.1', 'Host: a'), reply: OK },
  { name: 'OPTIONS *', request: head('OPTIONS * HTTP/1.1', 'Host: a'), reply: OK },
  {
    name: 'a target with all that may be in one',
    request: head("GET /a%00b//../?q=1&r='(*)';:@!$ HTTP/1.1", 'Host: [::1]:80'),
    reply: OK,
  },
  {
    name: 'a method that nobody knows',
    request: head('BREW-x /pot HTTP/1.1', 'Host: a'),
    reply: head("HTTP/1.1 418 I'm a teapot", 'Content-Length: 0'),
  },
  { name: 'an empty line before the request is left out', request: `\r\n${GET}`, sent: GET, reply: OK },
  {
    name: 'what traces and balancers put in',
    request: head(
      'GET / HTTP/1.1',
      'Host: a',
      'Via: 1.1 b',
      'X-Forwarded-For: 1.2.3.4',
      'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'tracestate: a=b',
    ),
    reply: `${head('HTTP/1.1 200 OK', 'Via: 1.1 c', 'Content-Length: 2', 'Age: 3')}ok`,
  },
  {
    name: 'a long head',
    request: head('GET / HTTP/1.1', 'Host: a', `X: ${'y'.repeat(3_000)}`),
    reply: `${head('HTTP/1.1 200 OK', `X: ${'z'.repeat(3_000)}`, 'Content-Length: 2')}ok`,
  },
]

const random = seededRandom(4_711)
t.ok(trips.length >= 40)

for (const trip of trips) {
  const { name, request, sent = request, reply, received = reply } = trip
  const spoken = everyCut(Buffer.from(request, 'latin1'), random)
  const answered = everyCut(Buffer.from(reply, 'latin1'), random)
  void t.test(
    name,
    onStage({}, async (t, stage) => {
      let used = 0
      for (const [i, [cut, chunks]] of spoken.entries()) {
        const client = await stage.client()
        await client.writeCut(chunks)
        const upstream = await stage.upstream.peer(used)
        t.equal(await upstream.take(sent.length), sent, `${cut}: to the upstream`)
        await upstream.writeCut((answered[i] as (typeof answered)[number])[1])
        if (trip.upstreamEnds === true) upstream.end()
        t.equal(await client.take(received.length), received, `${cut}: to the client`)
        await checkEnds(trip, client, upstream)
        if (trip.upstreamEnds === true || trip.isSpent === true) used++
        t.equal(`${client.text}${upstream.text}`, '', `${cut}: nothing more`)
      }
      t.equal(stage.host().connectionsIdle, used === 0 ? 1 : 0, 'the connection is kept when it may be')
      t.equal(stage.upstream.count, used === 0 ? 1 : used, 'and used again')
      const bytes = `${request.replace(/^(\r\n)+/, '').length}/${reply.length}`
      t.ok(told(stage.hub).every((line) => line.endsWith(` ${bytes}`)) && stage.hub.ended.length === spoken.length)
    }),
  )

  async function checkEnds({ ends, upstreamEnds, isSpent }: Trip, client: Peer, upstream: Peer): Promise<void> {
    if (ends === true) await client.takeRest()
    else client.end()
    if (upstreamEnds === true || isSpent === true) await upstream.takeEnd()
    await until(() => client.ended !== '')
  }
}
