import t from 'tap'
import { encodeReply, refusal, replyRefused, requestRefused } from '../../../src/proxy/http/proxy-reply.js'
import { HTTP_REASONS, type HttpReason } from '../../../src/proxy/http/reasons.js'
import { newParser, play, type Side } from './play.js'

const read = (bytes: Buffer, method = 'GET', side: Side = 'reply') => play(newParser(side, [method]), [bytes])

t.test('the refusal of a request is a reply with the status of its reason, and closes', async (t) => {
  for (const [reason, { status, message }] of Object.entries(HTTP_REASONS)) {
    const { messages, verdict } = read(requestRefused(reason as HttpReason))
    t.match(messages, [{ line: String(status), payload: `${message} (${reason})\n`, keepAlive: false }], reason)
    t.equal(verdict, 'idle')
    t.notMatch(message, /\.$/, 'no full stop')
  }
})

t.test('the refusal of a reply is a 502, and closes only when told', async (t) => {
  for (const close of [true, false]) {
    const { messages } = read(replyRefused('length_and_coding', { close }))
    t.match(messages, [{ line: '502', payload: /^Upstream: .*\(length_and_coding\)\n$/, keepAlive: !close }])
  }
})

t.test('each status that the proxy has can be told', async (t) => {
  for (const status of [400, 413, 414, 417, 431, 501, 502, 503, 504, 505] as const) {
    const { messages } = read(refusal(status, 'Cluster shop has no usable host', { close: false }))
    t.match(messages, [{ line: String(status), payload: 'Cluster shop has no usable host\n' }])
  }
})

t.test('HEAD is answered with the length of the body that is not sent', async (t) => {
  const { messages, verdict } = read(refusal(503, 'No', { close: true, isHead: true }), 'HEAD')
  t.equal(verdict, 'idle')
  t.match(messages[0], { line: '503', payload: '' })
  t.ok(messages[0]?.fields.some(([name, value]) => name === 'content-length' && value === '3'))
})

t.test('a codec’s reply is encoded with its fields, its length and its body', async (t) => {
  const body = Buffer.from('{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}')
  const headers = [
    ['Content-Type', 'application/x-amz-json-1.0'],
    ['x-amzn-RequestId', 'A'],
  ] as const
  const bytes = encodeReply({ status: 400, headers, body }, { close: false })
  t.equal(
    bytes.toString('latin1'),
    `HTTP/1.1 400 Bad Request\r\nContent-Type: application/x-amz-json-1.0\r\nx-amzn-RequestId: A\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  t.match(encodeReply({ status: 799, headers: [], body }, { close: true }).toString(), /^HTTP\/1\.1 799 \r\n/)
})

t.test('a field that would split the reply is a bug, not a reply', async (t) => {
  const body = Buffer.alloc(0)
  const bad = [
    ['X', 'a\r\nY: b'],
    ['X', 'a\n'],
    ['X: y', 'a'],
    ['', 'a'],
    ['X', 'a\0'],
    ['X', '\u2028'],
  ] as const
  for (const header of bad) {
    t.throws(
      () => encodeReply({ status: 400, headers: [header], body }, { close: true }),
      /invalid field/,
      header.join(),
    )
  }
})
