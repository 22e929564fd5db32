// What does a DynamoDB request cost in the HTTP/1.1 parser, beside Node's llhttp through its binding? Nanoseconds of one processor.
// Usage: node bench/http.bench.mjs [--smoke] [--dist FOLDER] [--only START]
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, describeTree } from './support/machine.mjs'
import { markdownTable, spread, withSpread } from './support/numbers.mjs'
import { ROOT } from './support/tools.mjs'

const { values: options } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    dist: { type: 'string', default: `${ROOT}dist` },
    /** The start of a case's name: for `node --cpu-prof`. */
    only: { type: 'string', default: '' },
  },
})
const BATCHES = options.smoke ? 1 : 9
const WARMUP_BATCHES = options.smoke ? 1 : 3
const BATCH_MS = options.smoke ? 20 : 200

const load = (path) => import(pathToFileURL(resolve(options.dist, path)).href)
const { RequestParser } = await load('proxy/http/request-parser.js')
const { ReplyParser } = await load('proxy/http/reply-parser.js')
const { forwardHead } = await load('proxy/http/forward-head.js')
const { HTTPParser } = createRequire(import.meta.url)('_http_common')

const BODY = '{"TableName":"orders","Key":{"id":{"S":"48213"}}}'
const SIGNED =
  'content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target;amz-sdk-invocation-id;amz-sdk-request;x-amz-user-agent'
/** As AWS SDK 3 for JavaScript sends it: 12 fields. */
const request = (extra = '', body = `content-length: ${BODY.length}\r\n${extra}\r\n${BODY}`) =>
  Buffer.from(
    'POST / HTTP/1.1\r\ncontent-type: application/x-amz-json-1.0\r\nx-amz-target: DynamoDB_20120810.GetItem\r\n' +
      'host: dynamodb.eu-central-1.amazonaws.com\r\nx-amz-date: 20261126T180000Z\r\n' +
      'x-amz-user-agent: aws-sdk-js/3.900.0\r\nuser-agent: aws-sdk-js/3.900.0 os/linux lang/js md/nodejs#20\r\n' +
      'amz-sdk-invocation-id: 0d9f1c3e-4b5a-4c6d-8e7f-001122334455\r\namz-sdk-request: attempt=1; max=3\r\n' +
      `authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261126/eu-central-1/dynamodb/aws4_request, SignedHeaders=${SIGNED.slice(0, 40)}, Signature=${'0'.repeat(64)}\r\n` +
      `accept: */*\r\n${body}`,
  )
const reply = Buffer.from(
  'HTTP/1.1 200 OK\r\nServer: Server\r\nDate: Thu, 26 Nov 2026 18:00:00 GMT\r\nContent-Type: application/x-amz-json-1.0\r\n' +
    'Content-Length: 82\r\nConnection: keep-alive\r\nx-amzn-RequestId: 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEFKQNSO5\r\n' +
    `x-amz-crc32: 2745614147\r\n\r\n{"Item":{"id":{"S":"48213"},"total":{"N":"129.5"},"status":{"S":"open"},"v":1}}   `,
)
const chunkedBody = `transfer-encoding: chunked\r\n\r\n${`10\r\n${'x'.repeat(16)}\r\n`.repeat(4)}0\r\n\r\n`
const keepAlive = request('connection: keep-alive\r\n')
const halves = (bytes) => [bytes.subarray(0, 300), bytes.subarray(300)]
const GET_ITEM = { method: 'POST', facts: { minorVersion: 1 } }

/** Walks all pieces. @returns messages that ended */
function walk(parser, chunks) {
  let ended = 0
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const piece = parser.next(chunk, at)
      if (piece.kind === 'refused') throw new Error(piece.reason)
      at = piece.next
      if (piece.last) ended++
    }
  }
  return ended
}

/** What the DynamoDB path does with a head, too. */
function walkAndLook(parser, chunks) {
  let ended = 0
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const piece = parser.next(chunk, at)
      at = piece.next
      if (piece.last) ended++
      if (piece.head === undefined) continue
      if (piece.head.method !== 'POST' || piece.head.headers.get('x-amz-target') === undefined)
        throw new Error('no target')
      forwardHead(piece.head)
    }
  }
  return ended
}

const ours = (chunks, step = walk) => {
  const parser = new RequestParser()
  return () => step(parser, chunks)
}
const ourReply = (chunks) => {
  const parser = new ReplyParser()
  return () => {
    parser.expect(GET_ITEM)
    return walk(parser, chunks)
  }
}

/** With the callbacks that node:http sets. */
const llhttp = (chunks, type = HTTPParser.REQUEST) => {
  let ended = 0
  const parser = new HTTPParser()
  parser.initialize(type, {}, 65_536, 0)
  parser[HTTPParser.kOnHeaders] = () => undefined
  parser[HTTPParser.kOnHeadersComplete] = () => 0
  parser[HTTPParser.kOnBody] = () => undefined
  parser[HTTPParser.kOnMessageComplete] = () => {
    ended++
  }
  return () => {
    const before = ended
    for (const chunk of chunks) {
      const result = parser.execute(chunk)
      if (result instanceof Error) throw result
    }
    return ended - before
  }
}

const plain = [request()]
const cut = halves(request())
const inChunks = [request('', chunkedBody)]
const cases = {
  'request, 12 fields and a small body': [ours(plain), llhttp(plain)],
  'the same, target looked up, head forwarded': [ours(plain, walkAndLook), undefined],
  'the same with Connection: keep-alive taken out': [ours([keepAlive], walkAndLook), undefined],
  'request, cut in the head': [ours(cut), llhttp(cut)],
  'request, body in 4 chunks': [ours(inChunks), llhttp(inChunks)],
  'reply, 7 fields and a small body': [ourReply([reply]), llhttp([reply], HTTPParser.RESPONSE)],
}

/** Batches of about BATCH_MS each; the first ones only warm up. @returns nanoseconds per message */
function measure(step) {
  let times = 100
  for (let ms = 0; ms < BATCH_MS / 2; times *= 2) ms = timeOf(step, times)
  for (let i = 0; i < WARMUP_BATCHES; i++) timeOf(step, times)
  return spread(Array.from({ length: BATCHES }, () => (timeOf(step, times) / times) * 1e6))
}

/** Processor time, the collector's threads included: the clock on the wall would count what others do on this machine. */
function timeOf(step, times) {
  const begin = process.cpuUsage()
  let ended = 0
  for (let i = 0; i < times; i++) ended += step()
  const { user, system } = process.cpuUsage(begin)
  if (ended !== times) throw new Error(`${ended} of ${times} messages ended`)
  return (user + system) / 1000
}

const { cpu, loadAverage } = describeMachine()
console.log(`${cpu}, Node ${process.version}, commit ${describeTree().commit}, load before ${loadAverage}`)
console.log(`request: head of ${request().length - BODY.length} bytes, body of ${BODY.length}\n`)
const rows = [['one message', 'ours, ns', 'llhttp, ns']]
for (const [name, [own, peer]] of Object.entries(cases)) {
  if (!name.startsWith(options.only)) continue
  rows.push([name, withSpread(measure(own), 0), peer === undefined ? '-' : withSpread(measure(peer), 0)])
}
console.log(markdownTable(rows))
