import { createHash, randomBytes } from 'node:crypto'
import { type AnyBulkWriteOperation, type Db, MongoClient, type MongoClientOptions } from 'mongodb'
import t from 'tap'
import { startDemoServer } from '../../src/demo/mongod/server.js'
import { counted, DriverTruth } from '../support/driver-truth.js'
import { startProxy, type TestProxy, total } from '../support/proxy.js'

const open = async (proxy: TestProxy, truth: DriverTruth, options: MongoClientOptions = {}) => {
  const uri = `mongodb://127.0.0.1:${proxy.port}/?directConnection=true`
  const client = new MongoClient(uri, { monitorCommands: true, appName: 'e2e', ...options })
  truth.watch(client)
  return client.connect()
}

const ignore = async (promise: Promise<unknown>) => {
  await promise.then(
    () => undefined,
    () => undefined,
  )
}

/** A bit of everything that an application does. */
async function session(db: Db): Promise<void> {
  const orders = db.collection<{ _id: number; n?: number; text?: string }>('orders')
  const documents = Array.from({ length: 500 }, (_, i) => ({ _id: i, n: i % 7, text: 'x'.repeat(200) }))
  await orders.insertMany(documents)
  await orders.insertOne({ _id: 1_000 })
  await orders.find({ n: 3 }).batchSize(10).toArray()
  await orders.find().limit(5).toArray()
  await orders.findOne({ _id: 7 })
  await orders.updateOne({ _id: 7 }, { $set: { n: 8 } })
  await orders.updateMany({ n: 2 }, { $inc: { n: 1 } })
  await orders.deleteOne({ _id: 9 })
  await orders.countDocuments({ n: 3 })
  await orders.estimatedDocumentCount()
  await orders.distinct('n')
  await orders.findOneAndUpdate({ _id: 1 }, { $set: { n: 5 } })
  await orders.aggregate([{ $group: { _id: '$n', c: { $sum: 1 } } }]).toArray()
  const writes: AnyBulkWriteOperation<{ _id: number; n?: number }>[] = [
    { insertOne: { document: { _id: 2_000 } } },
    { updateOne: { filter: { _id: 2_000 }, update: { $set: { n: 1 } } } },
    { deleteOne: { filter: { _id: 2_000 } } },
  ]
  await orders.bulkWrite(writes)
  await ignore(orders.insertOne({ _id: 1 }))
  await ignore(orders.insertMany([{ _id: 1 }, { _id: 3_000 }], { ordered: false }))
  await ignore(db.command({ noSuchCommand: 1 }))
  await ignore(orders.aggregate([{ $noSuchStage: {} }]).toArray())
  await orders.createIndex({ n: 1 })
  await orders.indexes()
  await db.collection('audit.2026').insertOne({ a: 1 })
  await db.listCollections().toArray()
  const cursor = orders.find().batchSize(2)
  await cursor.next()
  await cursor.close()
  await db.collection('log').insertOne({ a: 1 }, { writeConcern: { w: 0 } })
  await db.collection('log').updateOne({}, { $set: { a: 2 } }, { writeConcern: { w: 0 } })
  await db.command({ ping: 1 })
  await db.collection('audit.2026').drop()
}

t.test("the driver's own events equal the proxy's counters, plain and compressed", async (t) => {
  const server = await startDemoServer()
  t.teardown(() => server.close())
  const used = new Set<string>()
  for (const compressors of [undefined, 'zlib', 'snappy', 'zstd'] as const) {
    const proxy = await startProxy(`127.0.0.1:${server.address.port}`)
    const truth = new DriverTruth()
    const client = await open(proxy, truth, compressors === undefined ? {} : { compressors: [compressors] })
    await client.db('admin').command({ listDatabases: 1 })
    await session(client.db(`shop_${compressors ?? 'plain'}`))
    await client.close()
    const samples = await proxy.metrics()
    t.ok(truth.counts.size >= 20, `${truth.counts.size} kinds of operations`)
    t.same(counted(samples), truth.sorted, `${compressors ?? 'no compression'}: counts are equal`)
    t.equal(total(samples, 'oplens_decode_errors_total'), 0, 'nothing was undecodable')
    if (total(samples, 'oplens_messages_total', { opcode: 'OP_COMPRESSED' }) > 20) used.add(compressors ?? '')
    await proxy.close()
  }
  t.same([...used].sort(), ['snappy', 'zlib', 'zstd'], 'each compressor really was in use')
})

t.test('write concern errors and replies that never come are what the driver saw', async (t) => {
  const server = await startDemoServer()
  const proxy = await startProxy(`127.0.0.1:${server.address.port}`)
  t.teardown(async () => {
    await proxy.close()
    await server.close()
  })
  const truth = new DriverTruth()
  const client = await open(proxy, truth, { retryReads: false, retryWrites: false })
  const db = client.db('shop')
  const failNext = (data: Record<string, unknown>) =>
    client.db('admin').command({ configureFailPoint: 'failCommand', mode: { times: 1 }, data })
  await failNext({ failCommands: ['insert'], writeConcernError: { code: 64, errmsg: 'waiting for replication' } })
  await ignore(db.collection('orders').insertOne({ a: 1 }))
  await failNext({ failCommands: ['find'], closeConnection: true })
  await ignore(db.collection('orders').findOne({}))
  await failNext({ failCommands: ['update'], errorCode: 11_600, errorLabels: ['RetryableWriteError'] })
  await ignore(db.collection('orders').updateOne({}, { $set: { a: 1 } }))
  await client.close()
  const samples = await proxy.metrics()
  t.same(counted(samples), truth.sorted)
  for (const outcome of ['write_concern_error', 'aborted', 'command_error']) {
    t.ok(
      truth.sorted.some((line) => line.includes(outcome)),
      `${outcome} was among them`,
    )
  }
  t.equal(total(samples, 'oplens_operation_errors_total', { db_response_status_code: '64' }), 1)
  t.equal(total(samples, 'oplens_operation_errors_total', { db_response_status_code: '11600' }), 1)
})

t.test('documents of 15 MiB pass both ways unchanged, over TCP and over the codec', async (t) => {
  const server = await startDemoServer()
  t.teardown(() => server.close())
  const payload = randomBytes(15 * 1_048_576)
  const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
  for (const protocol of ['mongodb', 'tcp']) {
    const proxy = await startProxy(`127.0.0.1:${server.address.port}`, { protocol })
    const client = await open(proxy, new DriverTruth(), { promoteBuffers: true })
    const files = client.db('shop').collection<{ _id: string; payload: Buffer }>('files')
    await files.insertOne({ _id: protocol, payload })
    const found = await files.findOne({ _id: protocol })
    t.equal(hash(found?.payload ?? Buffer.alloc(0)), hash(payload), protocol)
    await client.close()
    const samples = await proxy.metrics()
    t.equal(
      total(samples, 'db_client_operation_duration_seconds_count', { db_collection_name: 'files' }),
      protocol === 'tcp' ? 0 : 2,
    )
    t.ok(total(samples, 'oplens_downstream_received_bytes_total') > payload.length, 'bytes are counted all the same')
    await proxy.close()
  }
})

t.test('the page shows the operations, and values of queries are nowhere', async (t) => {
  const server = await startDemoServer()
  const proxy = await startProxy(`127.0.0.1:${server.address.port}`)
  t.teardown(async () => {
    await proxy.close()
    await server.close()
  })
  const client = await open(proxy, new DriverTruth())
  const secret = 'hunter2-secret-value'
  const people = client.db('shop').collection('people')
  await people.insertOne({ password: secret })
  await people.findOne({ password: secret }, { comment: secret })
  await ignore(client.db('shop').command({ [secret]: secret }))
  await client.close()
  const report = JSON.parse(await proxy.get('/operations?by=collection'))
  const row = report.rows.find((r: { collection: string }) => r.collection === 'people')
  t.match(row, { database: 'shop', collection: 'people', operations: 2, errors: 0 })
  for (const path of [
    '/metrics',
    '/operations',
    '/stats',
    '/clusters',
    '/connections',
    '/config_dump',
    '/operations?format=text',
  ]) {
    t.notMatch(await proxy.get(path), secret, path)
  }
  t.notMatch(JSON.stringify(proxy.logs), secret, 'logs')
  t.match(await proxy.get('/'), /<!doctype html>/i)
})

t.test('an upstream that is down closes the client at once, with a line that says which and why', async (t) => {
  const server = await startDemoServer()
  const { port } = server.address
  await server.close()
  const proxy = await startProxy(`127.0.0.1:${port}`)
  t.teardown(() => proxy.close())
  const client = new MongoClient(`mongodb://127.0.0.1:${proxy.port}/?directConnection=true`, {
    serverSelectionTimeoutMS: 300,
  })
  await t.rejects(client.connect())
  await client.close()
  t.ok(
    proxy.logs.some((line) => line.level === 'warn' && line.fields.host === `127.0.0.1:${port}`),
    'the log names the host',
  )
  const samples = await proxy.metrics()
  t.ok(total(samples, 'oplens_downstream_connections_closed_total', { reason: 'connect_failed' }) >= 1)
  t.ok(total(samples, 'oplens_upstream_connect_failures_total') >= 1)
})

t.test('a drain lets the operation in flight end and does not wait for monitors', async (t) => {
  const server = await startDemoServer()
  const proxy = await startProxy(`127.0.0.1:${server.address.port}`)
  t.teardown(async () => {
    await proxy.close()
    await server.close()
  })
  // Closing sends endSessions, which waits for a server that is no more.
  const client = await open(proxy, new DriverTruth(), { serverSelectionTimeoutMS: 200 })
  const db = client.db('shop')
  await db.collection('orders').insertOne({ a: 1 })
  await client.db('admin').command({
    configureFailPoint: 'failCommand',
    mode: 'alwaysOn',
    data: { failCommands: ['find'], blockConnection: true, blockTimeMS: 300 },
  })
  const started = new Promise((resolve) => client.once('commandStarted', resolve))
  const answer = db.collection('orders').findOne({ a: 1 })
  await started
  while (total(await proxy.metrics(), 'oplens_operations_active') === 0) await new Promise(setImmediate)
  const { cut } = await proxy.drain()
  t.equal(cut, 0)
  t.match(await answer, { a: 1 }, 'the reply came')
  t.match(await proxy.get('/ready'), /drain/)
  await client.close()
})
