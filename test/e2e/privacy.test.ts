// No value of a query, a document, a comment or an error leaves oplens unless the operator asked for it: canaries are planted
// wherever values stand, in every command, and every output is searched for them.
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ExecuteStatementCommand, PutItemCommand, QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { Binary, BSONRegExp, Code, Decimal128, type Document, Double, Long, MongoClient, ObjectId } from 'mongodb'
import t, { type Test } from 'tap'
import { VIEWS } from '../../src/admin/views.js'
import { COMMAND_NAMES } from '../../src/codecs/mongodb/commands.js'
import { startDemoServer } from '../../src/demo/mongod/server.js'
import { newClient, startDynamodbStub } from '../support/dynamodb-servers.js'
import { startConfigured, type TestProxy } from '../support/proxy.js'

const TEXT = 'CANARY7f3a'
const NUMBER = 867_530_912
/** As they would show: plainly, in Base64, in hex. */
const TRACES = [
  TEXT,
  String(NUMBER),
  Buffer.from(TEXT).toString('base64').slice(0, 12),
  Buffer.from(TEXT).toString('hex'),
]

const PAGES = [
  '/metrics',
  '/stats',
  '/operations',
  '/operations?format=text',
  '/operations?by=collection',
  '/digests?limit=1000',
  '/digests?format=text&limit=1000',
  '/slow?n=10000',
  '/slow?format=text&n=10000',
  '/connections',
  '/clusters',
  '/clusters?format=text',
  '/history',
  '/config_dump',
]

/** A value of each kind that BSON has room for text or numbers in. */
const VALUES = {
  text: TEXT,
  number: NUMBER,
  long: Long.fromNumber(NUMBER),
  double: new Double(NUMBER),
  decimal: Decimal128.fromString(String(NUMBER)),
  binary: new Binary(Buffer.from(TEXT)),
  regex: new BSONRegExp(TEXT, 'i'),
  code: new Code(`return "${TEXT}"`),
  scoped: new Code(`return "${TEXT}"`, { inside: TEXT }),
  list: [TEXT, NUMBER, { deep: TEXT }, [TEXT]],
  map: { inner: { innermost: TEXT } },
}

const FILTER = {
  ...VALUES,
  status: { $in: [TEXT, NUMBER], $ne: TEXT, $not: { $regex: TEXT, $options: 'i' } },
  $or: [{ mail: TEXT }, { total: { $gt: NUMBER } }],
  $expr: { $eq: ['$mail', TEXT] },
  $where: `this.mail == "${TEXT}"`,
  $comment: TEXT,
  $text: { $search: TEXT },
  place: { $near: { $geometry: { type: 'Point', coordinates: [NUMBER, NUMBER] } } },
}
const UPDATE = { $set: VALUES, $push: { tags: { $each: [TEXT] } }, $setOnInsert: { by: TEXT }, $inc: { n: NUMBER } }
const PIPELINE = [
  { $match: FILTER },
  { $addFields: { said: { $literal: TEXT }, shout: { $concat: ['$mail', TEXT] } } },
  { $lookup: { from: 'others', let: { v: TEXT }, pipeline: [{ $match: { mail: TEXT } }], as: 'found' } },
  { $group: { _id: TEXT, sum: { $sum: NUMBER }, worst: { $function: { body: TEXT, args: [TEXT], lang: 'js' } } } },
  { $limit: NUMBER },
]

/** What any command may carry; each has what it knows, and what it doesn't. */
const EVERYWHERE: Document = {
  comment: { note: TEXT, more: [TEXT] },
  filter: FILTER,
  query: FILTER,
  q: FILTER,
  projection: { said: { $literal: TEXT }, list: { $elemMatch: { mail: TEXT } }, list2: { $slice: NUMBER } },
  fields: { said: { $literal: TEXT } },
  update: UPDATE,
  updates: [
    { q: FILTER, u: UPDATE, arrayFilters: [{ x: TEXT }], c: { v: TEXT } },
    { q: FILTER, u: VALUES, upsert: true },
    { q: FILTER, u: PIPELINE, multi: true },
  ],
  deletes: [{ q: FILTER, limit: 1 }],
  documents: [VALUES],
  ops: [
    { insert: 0, document: VALUES },
    { update: 0, filter: FILTER, updateMods: UPDATE },
    { delete: 0, filter: FILTER },
  ],
  nsInfo: [{ ns: 'shop.orders' }],
  pipeline: PIPELINE,
  arrayFilters: [{ x: TEXT }],
  let: { v: TEXT },
  min: { a: TEXT },
  max: { a: TEXT },
  limit: NUMBER,
  skip: NUMBER,
  maxTimeMS: NUMBER,
  pwd: TEXT,
  user: TEXT,
  payload: new Binary(Buffer.from(TEXT)),
  speculativeAuthenticate: { saslStart: 1, mechanism: 'SCRAM-SHA-256', payload: new Binary(Buffer.from(TEXT)) },
  customData: VALUES,
  validator: FILTER,
  indexes: [{ key: { a: 1 }, name: 'a_1', partialFilterExpression: FILTER }],
  map: new Code(TEXT),
  reduce: new Code(TEXT),
  finalize: new Code(TEXT),
  scope: VALUES,
}

interface Sinks {
  readonly proxy: TestProxy
  readonly spans: string[]
  slowFile(): string
}

async function startEverything(t: Test, showValues: string): Promise<Sinks> {
  const folder = mkdtempSync(join(tmpdir(), 'oplens-privacy-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const spans: string[] = []
  const collector = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    spans.push(body)
    response.end('{}')
  }).listen(0, '127.0.0.1')
  await once(collector, 'listening')
  t.teardown(() => collector.close())
  const mongod = await startDemoServer()
  t.teardown(() => mongod.close())
  const stub = await startDynamodbStub(t, () => ({
    status: 400,
    json: { __type: 'ConditionalCheckFailedException', message: TEXT, Item: { mail: { S: TEXT } } },
  }))
  const file = join(folder, 'slow.log')
  const proxy = await startConfigured(`
admin: { address: 127.0.0.1:0 }
listeners:
  - { name: documents, address: 127.0.0.1:0, protocol: mongodb, cluster: mongo, mode: transparent }
  - { name: tables, address: 127.0.0.1:0, protocol: dynamodb, cluster: dynamo }
clusters:
  - { name: mongo, hosts: [ "${new URL(mongod.uri).host}" ] }
  - { name: dynamo, hosts: [ "${stub.address}" ] }
observe:
  slow_log: { threshold: 0ms, keep: 10000, max_per_second: 100000, file: { path: "${file}" } }
  tracing:
    enabled: true
    protocol: http/json
    endpoint: "http://127.0.0.1:${(collector.address() as AddressInfo).port}"
    sample: 1
    max_queue: 10000
  ${showValues}
`)
  const client = new MongoClient(`mongodb://127.0.0.1:${proxy.port}/?directConnection=true`, { retryWrites: false })
  await everyCommand(client)
  await client.close()
  const dynamo = newClient(t, proxy.ports[1] ?? 0)
  for (const call of dynamoCalls()) await t.rejects(dynamo.send(call as never))
  return { proxy, spans, slowFile: () => readFileSync(file, 'utf8') }
}

/** Whatever the server makes of them: most are refused, with the value in the message where that is the server's habit. */
async function everyCommand(client: MongoClient): Promise<void> {
  const shop = client.db('shop')
  const run = (command: Document) => shop.command(command).catch(() => undefined)
  const orders = shop.collection<Document>('orders')
  await orders.insertOne({ _id: TEXT as never, ...VALUES })
  await orders.insertOne({ _id: TEXT as never }).catch(() => undefined)
  await orders.insertMany([{ _id: new ObjectId(), ...VALUES }, { ...VALUES }])
  await orders.find({ text: TEXT }, { comment: TEXT, batchSize: 1 }).toArray()
  await orders.find({}, { comment: `traceparent='00-${'a'.repeat(32)}-${'b'.repeat(16)}-01',x='${TEXT}'` }).toArray()
  await orders.updateMany({ text: TEXT }, { $set: { text: TEXT } })
  await orders.bulkWrite([{ deleteOne: { filter: { text: TEXT } } }, { insertOne: { document: { ...VALUES } } }])
  for (const name of COMMAND_NAMES) {
    if (name === 'shutdown' || name === 'endSessions') continue
    await run({ [name]: 'orders', collection: 'orders', ...EVERYWHERE })
  }
  await run({ explain: { find: 'orders', ...EVERYWHERE } })
  await run({ noSuchCommand: TEXT, ...EVERYWHERE })
}

const dynamoCalls = (): readonly object[] => {
  const values = { ':v': { S: TEXT }, ':n': { N: String(NUMBER) } }
  return [
    new PutItemCommand({ TableName: 'carts', Item: { id: { S: TEXT }, n: { N: String(NUMBER) } } }),
    new QueryCommand({
      TableName: 'carts',
      KeyConditionExpression: 'id = :v',
      FilterExpression: 'n > :n',
      ExpressionAttributeValues: values,
    }),
    new UpdateItemCommand({
      TableName: 'carts',
      Key: { id: { S: TEXT } },
      UpdateExpression: 'SET a = :v',
      ConditionExpression: 'n < :n',
      ExpressionAttributeValues: values,
    }),
    new ExecuteStatementCommand({ Statement: `SELECT * FROM "carts" WHERE id = '${TEXT}' AND n = ${NUMBER}` }),
  ]
}

/** Everything that oplens says, by where it says it. */
async function outputs({ proxy, spans, slowFile }: Sinks): Promise<Map<string, string>> {
  const all = new Map<string, string>()
  for (const page of PAGES) all.set(page, await proxy.get(page))
  all.set('/metrics as OpenMetrics', await proxy.get('/metrics', { accept: 'application/openmetrics-text' }))
  for (const view of VIEWS) {
    const path = `/events?view=${view}&cluster=mongo&database=shop&collection=orders&id=20`
    all.set(path, await firstEvent(proxy, path))
  }
  await proxy.drain()
  await proxy.close()
  all.set('the slow log', slowFile())
  all.set('spans', spans.join('\n'))
  all.set('log lines', proxy.logs.map((line) => JSON.stringify(line)).join('\n'))
  return all
}

async function firstEvent({ admin }: TestProxy, path: string): Promise<string> {
  const stop = new AbortController()
  const response = await fetch(`${admin}${path}`, { signal: stop.signal })
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk as Uint8Array).toString()
    if (text.includes('\n\n')) break
  }
  stop.abort()
  return text
}

t.test('no value is in any output', async (t) => {
  const all = await outputs(await startEverything(t, ''))
  for (const [where, text] of all) {
    for (const trace of TRACES) t.notOk(text.includes(trace), `${where} holds ${trace}: ${around(text, trace)}`)
  }
  // They would be there: each of these shows the operations in question.
  for (const where of ['/digests?limit=1000', '/slow?n=10000', 'the slow log', 'spans', '/metrics']) {
    t.match(all.get(where), 'findAndModify', where)
    t.match(all.get(where), 'carts', where)
  }
  // Shapes are there, with the fields that the values stood in.
  for (const where of ['/digests?limit=1000', '/slow?n=10000', 'the slow log', 'spans']) {
    t.match(all.get(where), /list2.*elemMatch|elemMatch.*list2/, where)
  }
})

t.test('commands that carry secrets have no shape at all', async (t) => {
  const all = await outputs(await startEverything(t, 'show_values: { namespaces: ["*"] }'))
  for (const [where, text] of all) {
    t.notMatch(text, /speculativeAuthenticate|"?pwd"?: |payload/, where)
  }
})

t.test('where the operator asked for values they show, but for what is to stay hidden', async (t) => {
  const rule = 'show_values: { namespaces: ["shop.*"], except: [".carts"], redact: [mail, "inner*"] }'
  const all = await outputs(await startEverything(t, rule))
  for (const where of ['/slow?n=10000', 'the slow log', 'spans']) t.match(all.get(where), TEXT, where)
  // Metrics, digests and the log never have them.
  for (const where of ['/metrics', '/digests?limit=1000', '/operations', '/connections', 'log lines']) {
    t.notOk(all.get(where)?.includes(TEXT), where)
  }
  t.notMatch(all.get('the slow log'), new RegExp(`"mail\\\\?":[^,}]{0,12}${TEXT}`))
  t.notMatch(all.get('the slow log'), new RegExp(`"innermost\\\\?":[^,}]{0,12}${TEXT}`))
})

function around(text: string, part: string): string {
  const at = text.indexOf(part)
  return at < 0 ? '' : text.slice(Math.max(0, at - 120), at + 60)
}
