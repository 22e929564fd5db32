// What does one DynamoDB call cost in the codec, without a socket? Nanoseconds of one processor, and MB/s of large replies.
// Usage: node bench/dynamodb.bench.mjs [--smoke] [--dist FOLDER] [--only START]
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
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
/** As a socket gives them. */
const CHUNK = 65_536

const load = (path) => import(pathToFileURL(resolve(options.dist, path)).href)
const { dynamodb } = await load('codecs/dynamodb/index.js')
const { ConnectionInfo } = await load('core/connection.js')
const { Exchange } = await load('core/exchange.js')

/** The fields an SDK sends, looked up as the HTTP path's headers are: by a lower-case name. */
class Headers {
  constructor(fields) {
    this.fields = new Map(Object.entries(fields))
  }
  get(name) {
    return this.fields.get(name)
  }
  all(name) {
    return [this.fields.get(name)].filter((value) => value !== undefined)
  }
}

const requestHeaders = (operation) =>
  new Headers({
    host: 'dynamodb.eu-central-1.amazonaws.com',
    'x-amz-target': `DynamoDB_20120810.${operation}`,
    'content-type': 'application/x-amz-json-1.0',
    'user-agent':
      'aws-sdk-js/3.1164.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#20.20.2 api/dynamodb#3.1164.0 m/E,N app/shop',
    'amz-sdk-request': 'attempt=1; max=3',
    authorization: 'AWS4-HMAC-SHA256 Credential=…',
  })
const plainHeaders = new Headers({ 'content-type': 'application/x-amz-json-1.0', 'x-amz-crc32': '1' })
const gzipHeaders = new Headers({ 'content-type': 'application/x-amz-json-1.0', 'content-encoding': 'gzip' })

const item = (i) => ({
  id: { S: `order#${i}` },
  customer: { S: 'user#48213' },
  total: { N: '129.5' },
  status: { S: 'open' },
  tags: { L: [{ S: 'gift' }, { S: 'fast' }] },
  address: { M: { street: { S: 'Unter den Linden 17' }, city: { S: 'Berlin' } } },
})
const items = (bytes) => Array.from({ length: Math.ceil(bytes / JSON.stringify(item(1)).length) }, (_, i) => item(i))
const query = (all) => ({ Count: all.length, Items: all, ScannedCount: all.length })
const chunks = (body) => {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))
  return Array.from({ length: Math.ceil(bytes.length / CHUNK) }, (_, i) => bytes.subarray(i * CHUNK, (i + 1) * CHUNK))
}
const call = (operation, request, reply, headers = plainHeaders) => ({
  request: chunks(request),
  reply: chunks(reply),
  requestHead: { method: 'POST', target: '/', headers: requestHeaders(operation) },
  replyHead: { status: 200, headers },
  bytes: chunks(request)
    .concat(chunks(reply))
    .reduce((sum, { length }) => sum + length, 0),
})

const get = { TableName: 'orders', Key: { id: { S: 'order#1' } }, ConsistentRead: false }
const queryRequest = {
  TableName: 'orders',
  KeyConditionExpression: 'customer = :c',
  ExpressionAttributeValues: { ':c': { S: 'user#48213' } },
}
const large = query(items(1e6))
const long = query(Array.from({ length: 25 }, (_, i) => ({ id: { S: `${i}` }, blob: { B: 'QUJD'.repeat(10_000) } })))
const puts = items(1e6).map((Item) => ({ PutRequest: { Item } }))
const cases = {
  GetItem: call('GetItem', get, { Item: item(1) }),
  'GetItem with its cost': call(
    'GetItem',
    { ...get, ReturnConsumedCapacity: 'TOTAL' },
    {
      Item: item(1),
      ConsumedCapacity: { TableName: 'orders', CapacityUnits: 0.5 },
    },
  ),
  PutItem: call('PutItem', { TableName: 'orders', Item: item(1) }, {}),
  'BatchGetItem, 2 tables, 20 keys': call(
    'BatchGetItem',
    { RequestItems: { orders: { Keys: Array(10).fill(get.Key) }, users: { Keys: Array(10).fill(get.Key) } } },
    { Responses: { orders: items(2e3), users: items(2e3) }, UnprocessedKeys: {} },
  ),
  ExecuteStatement: call(
    'ExecuteStatement',
    { Statement: 'SELECT * FROM "orders" WHERE id = ?' },
    { Items: [item(1)] },
  ),
  'Query, 1 MB of small values': call('Query', queryRequest, large),
  'Query, 1 MB of 40 kB values': call('Query', queryRequest, long),
  'Query, 1 MB of small values, gzip': call('Query', queryRequest, gzipSync(JSON.stringify(large)), gzipHeaders),
  'BatchWriteItem, 1 MB': call('BatchWriteItem', { RequestItems: { orders: puts } }, { UnprocessedItems: {} }),
  'for scale: JSON.parse of the 1 MB reply': { parse: JSON.stringify(large), bytes: JSON.stringify(large).length },
}
cases['Query, 1 MB of small values, gzip'].bytes = JSON.stringify(large).length

function reading({ requestHead, request, replyHead, reply }) {
  const codec = dynamodb.createCodec(dynamodb.config.parse({}))
  const connection = new ConnectionInfo(1, 'bench', 'bench', '127.0.0.1:1', 0)
  let ended = 0
  const run = (times) => {
    for (let i = 0; i < times; i++) {
      if (!codec.matches(requestHead)) throw new Error('not of the protocol')
      const reader = codec.open(requestHead, connection)
      let operation
      for (const chunk of request) operation ??= reader.request(chunk)
      operation = reader.request(null) ?? operation
      const exchange = new Exchange(connection, operation, 0)
      reader.reply(replyHead)
      for (const chunk of reply) reader.replyBody(chunk)
      reader.replyBody(null)
      if (reader.finish(exchange).kind === 'ok' && reader.failure === '' && operation.collection !== undefined) ended++
    }
  }
  return { run, ended: () => ended }
}

function parsing({ parse }) {
  let ended = 0
  const run = (times) => {
    for (let i = 0; i < times; i++) if (JSON.parse(parse).Count > 0) ended++
  }
  return { run, ended: () => ended }
}

/** Batches of about BATCH_MS each; the first ones only warm up. @returns nanoseconds per call */
function measure({ run, ended }) {
  let times = 1
  for (let ms = 0; ms < BATCH_MS / 2; times *= 2) ms = timeOf(run, times)
  for (let i = 0; i < WARMUP_BATCHES; i++) run(times)
  const before = ended()
  const ns = Array.from({ length: BATCHES }, () => (timeOf(run, times) / times) * 1e6)
  if (ended() - before !== times * BATCHES) throw new Error(`${ended() - before} of ${times * BATCHES} calls were read`)
  return spread(ns)
}

/** Processor time, the collector's threads included: the clock on the wall would count what others do on this machine. */
function timeOf(run, times) {
  const begin = process.cpuUsage()
  run(times)
  const { user, system } = process.cpuUsage(begin)
  return (user + system) / 1000
}

const { cpu, loadAverage } = describeMachine()
console.log(`${cpu}, Node ${process.version}, commit ${describeTree().commit}, load before ${loadAverage}\n`)
const rows = [['one call: request and reply', 'bytes', 'ns', 'MB/s']]
for (const [name, one] of Object.entries(cases)) {
  if (!name.startsWith(options.only)) continue
  const ns = measure('parse' in one ? parsing(one) : reading(one))
  rows.push([name, String(one.bytes), withSpread(ns, 0), ((one.bytes / ns.median) * 1000).toFixed(0)])
}
console.log(markdownTable(rows))
