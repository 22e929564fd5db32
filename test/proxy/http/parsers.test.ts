import t from 'tap'
import type { RequestHead } from '../../../src/proxy/http/head/heads.js'
import { MAX_RANGES } from '../../../src/proxy/http/limits.js'
import { ReplyParser } from '../../../src/proxy/http/reply-parser.js'
import { RequestParser } from '../../../src/proxy/http/request-parser.js'
import { bytewise, newParser, play } from './play.js'

const GET = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'
const chunked = (body: string) => `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`

t.test('a caller may stop at the end of a request and read the next one later', async (t) => {
  const parser = new RequestParser()
  const chunk = Buffer.from(GET + POST + GET.slice(0, 10))
  const first = parser.next(chunk, 0)
  t.match(first, { kind: 'head', last: true, next: GET.length })
  t.ok(parser.isIdle)
  const second = parser.next(chunk, GET.length)
  t.match(second, { kind: 'head', last: false, start: GET.length })
  const body = parser.next(chunk, second.next)
  t.match(body, { kind: 'body', last: true, next: GET.length + POST.length })
  t.match(parser.next(chunk, body.next), { kind: 'none', next: chunk.length })
  t.notOk(parser.isIdle)
  t.equal(parser.heldBytes, 10)
  const rest = parser.next(Buffer.from(GET.slice(10)), 0)
  t.match(rest, { kind: 'head', last: true, start: 0, end: GET.length })
  t.equal(rest.bytes.toString(), GET, 'a head that was cut comes out whole')
  t.equal(parser.heldBytes, 0)
})

t.test('a head in one chunk is that chunk, a body is never copied', async (t) => {
  const parser = new RequestParser()
  const chunk = Buffer.from(POST)
  t.equal(parser.next(chunk, 0).bytes, chunk)
  t.equal(parser.next(chunk, POST.length - 3).bytes, chunk)
})

t.test('a body holds nothing, whatever its size and its chunks', async (t) => {
  const parser = new RequestParser()
  const head = Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n')
  parser.next(head, 0)
  const chunk = Buffer.alloc(65_536)
  let left = 10_000_000
  while (left > 0) {
    const part = left < chunk.length ? chunk.subarray(0, left) : chunk
    const piece = parser.next(part, 0)
    left -= part.length
    if (piece.last !== (left === 0) || parser.heldBytes > 0) t.fail(`${left} bytes left`)
  }
  t.ok(parser.isIdle)
})

t.test('payload comes as ranges between the framing, a bounded number at a time', async (t) => {
  const parser = new RequestParser()
  const chunk = Buffer.from(chunked('3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n'))
  const from = parser.next(chunk, 0).next
  const body = parser.next(chunk, from)
  t.equal(body.payload.count, 2)
  t.equal(chunk.toString('latin1', body.payload.start(1), body.payload.end(1)), 'de')
  t.match(body, { start: from, end: chunk.length, last: true })

  const many = Buffer.from(chunked(`${'1\r\nx\r\n'.repeat(500)}0\r\n\r\n`))
  let pieces = 0
  for (let at = parser.next(many, 0).next; at < many.length; pieces++) {
    const piece = parser.next(many, at)
    t.ok(piece.payload.count <= MAX_RANGES)
    at = piece.next
  }
  t.equal(pieces, Math.ceil(500 / MAX_RANGES))
})

t.test('after a refusal every byte is refused for the same reason', async (t) => {
  const parser = new RequestParser()
  t.match(parser.next(Buffer.from('GET  '), 0), { kind: 'refused', reason: 'invalid_target', next: 4 })
  t.match(parser.next(Buffer.from(GET), 0), { kind: 'refused', reason: 'invalid_target' })
  t.equal(parser.end(), 'truncated_message')
})

t.test('what is held is bounded by the limits, and given back', async (t) => {
  const limits = { maxHeadBytes: 4_000, maxFields: 100, maxTrailerBytes: 300 }
  const head = play(
    newParser('request', [], limits),
    bytewise(Buffer.from(`GET / HTTP/1.1\r\nX: ${'a'.repeat(9_000)}`)),
  )
  t.equal(head.verdict, 'head_too_large')
  t.equal(head.refusedAt, 4_000)
  t.ok(head.maxHeld <= 4_000)
  const trailers = play(
    newParser('request', [], limits),
    bytewise(Buffer.from(chunked(`0\r\nX: ${'a'.repeat(9_000)}`))),
  )
  t.equal(trailers.verdict, 'trailers_too_large')
  t.ok(trailers.maxHeld <= 300)
})

t.test('fields are found by name, in order, without what was not asked for', async (t) => {
  const lines = 'X-A: 1 \r\nx-b:\t2\r\nX-a:3\r\nX-Amz-Target: DynamoDB_20120810.GetItem\r\nX-Empty: \t \r\n'
  const head = new RequestParser().next(Buffer.from(`GET /p?q HTTP/1.1\r\nHost: a\r\n${lines}\r\n`), 0)
    .head as RequestHead
  t.match(head, { method: 'GET', target: '/p?q' })
  t.equal(head.headers.get('x-a'), '1')
  t.same(head.headers.all('x-a'), ['1', '3'])
  t.equal(head.headers.get('x-b'), '2')
  t.equal(head.headers.get('x-amz-target'), 'DynamoDB_20120810.GetItem')
  t.equal(head.headers.get('x-empty'), '')
  t.equal(head.headers.get('x-c'), undefined)
  t.equal(head.headers.get('x-amz-targe'), undefined)
  t.same(head.headers.all('x-c'), [])
  t.equal(head.headers.count, 6)
})

t.test('a head that is kept outlives its chunk', async (t) => {
  const chunk = Buffer.from(`xx${POST}`)
  const head = new RequestParser().next(chunk, 2).head as RequestHead
  head.headers.keep()
  chunk.fill(0)
  t.match(head, { method: 'POST', target: '/' })
  t.equal(head.headers.get('content-length'), '3')
  t.equal(head.headers.end, POST.length - 3)
})

t.test('a head tells what it comes to', async (t) => {
  const facts = (lines: string) =>
    new RequestParser().next(Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`), 0).head as RequestHead
  t.match(facts('Content-Length: 3\r\n').facts, {
    framing: 'length',
    contentLength: 3,
    keepAlive: true,
    hasHopByHop: false,
  })
  t.match(facts('Transfer-Encoding: chunked\r\n').facts, { framing: 'chunked', contentLength: -1, hasHopByHop: false })
  t.match(facts('Connection: x-a\r\n').facts, { framing: 'none', hasHopByHop: true, connectionOptions: ['x-a'] })
  t.equal(facts('Expect: 100-continue\r\n').expectsContinue, true)
  t.equal(facts('').expectsContinue, false)
  const old = new RequestParser().next(Buffer.from('POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n'), 0)
    .head as RequestHead
  t.match(old, { expectsContinue: false, facts: { minorVersion: 0, keepAlive: false } })
})

t.test('replies are read by the requests they answer, interim ones on the way', async (t) => {
  const parser = new ReplyParser()
  const one = { method: 'HEAD', facts: { minorVersion: 1 } }
  parser.expect(one)
  parser.expect({ ...one, method: 'GET' })
  t.equal(parser.expectedCount, 2)
  const chunk = Buffer.from(
    'HTTP/1.1 103 X\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc!',
  )
  const interim = parser.next(chunk, 0)
  t.match(interim, { kind: 'head', last: false, head: { status: 103, isInterim: true } })
  t.equal(parser.expectedCount, 2)
  const first = parser.next(chunk, interim.next)
  t.match(first, { kind: 'head', last: true, head: { status: 200, isInterim: false } })
  t.equal(parser.expectedCount, 1)
  const second = parser.next(chunk, first.next)
  t.match(second, { kind: 'head', last: false })
  const body = parser.next(chunk, second.next)
  t.match(body, { kind: 'body', last: true })
  t.ok(parser.isIdle)
  t.match(parser.next(chunk, body.next), { kind: 'refused', reason: 'unsolicited_reply', next: chunk.length - 1 })
})

t.test('the end of a connection is told apart', async (t) => {
  const parser = new ReplyParser()
  t.equal(parser.end(), 'idle')
  parser.expect({ method: 'GET', facts: { minorVersion: 1 } })
  const chunk = Buffer.from('HTTP/1.1 200 OK\r\n\r\nabc')
  const head = parser.next(chunk, 0)
  t.match(head, { last: false, head: { facts: { framing: 'close', keepAlive: false } } })
  t.match(parser.next(chunk, head.next), { kind: 'body', last: false })
  t.equal(parser.end(), 'complete')
  t.match(parser.next(chunk, 0), { kind: 'refused' })
})
