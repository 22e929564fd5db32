import zlib from 'node:zlib'
import t from 'tap'
import { FAILURES } from '../../../src/codecs/dynamodb/reasons.js'
import type { Exchange } from '../../../src/core/exchange.js'
import { randomCut } from '../../support/cuts.js'
import { Headers, JSON_TYPE, newCodec, newConnection, read } from '../../support/dynamodb.js'
import { seededRandom } from '../../support/seeded-random.js'

const key = { id: { S: '1' } }
const REQUESTS: readonly (readonly [operation: string, body: object])[] = [
  ['Query', { TableName: 'orders', IndexName: 'by_name', Limit: 10, ExpressionAttributeValues: { ':a': { S: 'x' } } }],
  ['BatchGetItem', { RequestItems: { orders: { Keys: [key, key] }, users: { Keys: [key] } } }],
  ['BatchWriteItem', { RequestItems: { orders: [{ PutRequest: { Item: key } }], users: [{}, {}] } }],
  [
    'TransactWriteItems',
    { TransactItems: [{ Put: { TableName: 'orders', Item: key } }, { Delete: { TableName: 'b' } }] },
  ],
  [
    'BatchExecuteStatement',
    { Statements: [{ Statement: 'SELECT * FROM "a"."i" WHERE x = 1' }, { Statement: 'DELETE FROM b' }] },
  ],
]
const REPLIES: readonly object[] = [
  { Items: [key, key], Count: 2, ScannedCount: 3, ConsumedCapacity: { TableName: 'orders', CapacityUnits: 1.5 } },
  {
    Responses: { a: [key], b: [] },
    UnprocessedKeys: { a: { Keys: [key] } },
    ConsumedCapacity: [{ TableName: 'a', CapacityUnits: 2 }],
  },
  {
    UnprocessedItems: { orders: [{}, {}] },
    ConsumedCapacity: [
      { TableName: 'orders', Table: { CapacityUnits: 1 }, GlobalSecondaryIndexes: { i: { CapacityUnits: 1 } } },
    ],
  },
  {
    __type: 'x#TransactionCanceledException',
    CancellationReasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed' }],
  },
]
const MARKS = Buffer.from('{}[]",:\\u0 1netTableNameItms')

function mutated(bytes: Buffer, random: () => number): Buffer {
  const copy = Buffer.from(bytes)
  for (let i = Math.floor(random() * 4); i > 0; i--) {
    const from = Math.floor(random() * copy.length)
    const to = Math.floor(random() * copy.length)
    if (random() < 0.3) copy.copyWithin(to, from, from + Math.floor(random() * 30))
    else copy[to] = random() < 0.8 ? (MARKS[Math.floor(random() * MARKS.length)] as number) : Math.floor(random() * 256)
  }
  return random() < 0.1 ? copy.subarray(0, Math.floor(random() * copy.length)) : copy
}

const pick = <T>(from: readonly T[], random: () => number): T => from[Math.floor(random() * from.length)] as T
const NAME = /^[A-Za-z0-9_.-]{1,255}$/

/** What a Query's request and reply say, as JSON.parse reads them. */
function queryTruth(request: unknown): { table: string; limit: number } {
  const { TableName, Limit } = Object(request) as { TableName?: unknown; Limit?: unknown }
  const table =
    typeof TableName === 'string' && TableName !== '' ? (NAME.test(TableName) ? TableName : '__other__') : ''
  return { table, limit: typeof Limit === 'number' ? Limit : -1 }
}

t.test(
  '10,000 mutated calls: none throws, failures have names, and good JSON is read as JSON.parse does',
  async (t) => {
    const random = seededRandom(20_120_810)
    const codec = newCodec()
    let good = 0
    for (let run = 0; run < 10_000; run++) {
      const [operation, body] = random() < 0.4 ? (REQUESTS[0] as (typeof REQUESTS)[0]) : pick(REQUESTS, random)
      const request = mutated(Buffer.from(JSON.stringify(body)), random)
      const plain = mutated(Buffer.from(JSON.stringify(pick(REPLIES, random))), random)
      const isPacked = random() < 0.2
      const reply = isPacked ? mutated(zlib.gzipSync(plain), random) : plain
      const replyHeaders: Record<string, string> = isPacked ? { 'content-encoding': 'gzip' } : {}
      let result: { exchange: Exchange; failure: string } | undefined
      try {
        result = read({ operation, request, reply, replyHeaders }, (bytes) => randomCut(bytes, random), codec)
      } catch (error) {
        t.fail(`run ${run}: ${String(error)}`)
        continue
      }
      const { exchange, failure } = result
      if (failure !== '' && !(FAILURES as readonly string[]).includes(failure)) t.fail(`run ${run}: ${failure}`)
      if (operation !== 'Query' || !isGood(request)) continue
      good++
      const truth = queryTruth(JSON.parse(request.toString()))
      if (exchange.operation.collection !== truth.table || exchange.limit !== truth.limit)
        t.same([exchange.operation.collection, exchange.limit], [truth.table, truth.limit], request.toString())
    }
    t.ok(good > 800, `${good} good ones`)
  },
)

function isGood(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString())
    return Buffer.from(bytes.toString()).equals(bytes)
  } catch {
    return false
  }
}

t.test('5 MB each way, plain and compressed, with less than 1 MB of memory', async (t) => {
  const item = Buffer.from(`,{"id":{"S":"user#1"},"text":{"S":"${'x'.repeat(300)}"},"n":{"N":"12"}}`)
  const items = Buffer.concat(Array.from({ length: Math.ceil(5e6 / item.length) }, () => item))
  const request = Buffer.concat([Buffer.from('{"RequestItems":{"orders":[{}'), items, Buffer.from(']}}')])
  const plain = Buffer.concat([
    Buffer.from('{"Items":[{}'),
    items,
    Buffer.from('],"Count":9,"ConsumedCapacity":{"TableName":"orders","CapacityUnits":3}}'),
  ])
  const count = 1 + Math.ceil(5e6 / item.length)
  const codec = newCodec()
  const once = (reply: Buffer, encoding: string): number => {
    const head = {
      method: 'POST',
      target: '/',
      headers: new Headers({ 'x-amz-target': 'DynamoDB_20120810.BatchWriteItem', ...JSON_TYPE }),
    }
    const reader = codec.open(head, newConnection())
    const before = process.memoryUsage()
    for (let at = 0; at < request.length; at += 65_536) reader.request(request.subarray(at, at + 65_536))
    t.match(reader.request(null), { collection: 'orders' })
    reader.reply({ status: 200, headers: new Headers({ ...JSON_TYPE, 'content-encoding': encoding }) })
    for (let at = 0; at < reply.length; at += 4_096) reader.replyBody(reply.subarray(at, at + 4_096))
    reader.replyBody(null)
    const after = process.memoryUsage()
    const { exchange } = read({ operation: 'ListTables', request: {}, reply: {} })
    reader.finish(exchange)
    t.equal(reader.failure, '')
    t.match(exchange, { documents: count, affected: 9, batchSize: count, tables: [{ table: 'orders', writeUnits: 3 }] })
    return after.heapUsed + after.external - before.heapUsed - before.external
  }
  const packed = zlib.gzipSync(plain)
  once(plain, 'identity')
  once(packed, 'gzip')
  for (const [name, grown] of [
    ['plain', once(plain, 'identity')],
    ['gzip', once(packed, 'gzip')],
  ] as const) {
    t.comment(`${name}: heap and buffers grew by ${grown} bytes`)
    t.ok(grown < 1_000_000, `${name}: ${grown} bytes`)
  }
})
