// Do the spans of operations say what the official driver says, and hang where its application wants them?
import { GetItemCommand, PutItemCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb'
import { type CommandFailedEvent, type CommandStartedEvent, type CommandSucceededEvent, MongoClient } from 'mongodb'
import t, { type Test } from 'tap'
import { startDemoServer } from '../../src/demo/mongod/server.js'
import { exception, newClient, startDynamodbStub } from '../support/dynamodb-servers.js'
import { type OtlpReceiver, type ReceivedSpan, startGrpcReceiver, startOtlpReceiver } from '../support/otlp-receiver.js'
import { startConfigured, total } from '../support/proxy.js'

process.env.OTEL_BSP_SCHEDULE_DELAY = '20'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const SAMPLED = `00-${TRACE}-${SPAN}-01`
const UNSAMPLED = `00-${TRACE}-${SPAN}-00`

interface Settings {
  readonly protocol?: string
  readonly observe?: Record<string, unknown>
}

function configured(upstream: string, endpoint: string, { protocol = 'mongodb', observe = {} }: Settings) {
  const { tracing, ...others } = { tracing: {}, ...observe }
  return startConfigured(
    JSON.stringify({
      admin: { address: '127.0.0.1:0' },
      listeners: [{ name: 'front', address: '127.0.0.1:0', protocol, cluster: 'db' }],
      clusters: [{ name: 'db', hosts: [upstream] }],
      observe: { ...others, tracing: { enabled: true, protocol: 'http/json', endpoint, sample: 0, ...tracing } },
    }),
  )
}

async function startStage(t: Test, settings: Settings = {}, collector?: Pick<OtlpReceiver, 'endpoint'>) {
  const receiver = await startOtlpReceiver()
  const server = await startDemoServer()
  const upstream = `127.0.0.1:${server.address.port}`
  const proxy = await configured(upstream, (collector ?? receiver).endpoint, settings)
  const uri = `mongodb://127.0.0.1:${proxy.port}/?directConnection=true`
  const client = await new MongoClient(uri, { monitorCommands: true, appName: 'traces', retryWrites: false }).connect()
  t.teardown(async () => {
    await client.close()
    await proxy.close()
    await server.close()
    await receiver.close()
  })
  const failNext = (data: Record<string, unknown>) =>
    client.db('admin').command({ configureFailPoint: 'failCommand', mode: { times: 1 }, data })
  return { receiver, server, proxy, client, failNext, db: client.db('shop') }
}

const ignore = async (promise: Promise<unknown>) => {
  await promise.then(
    () => undefined,
    () => undefined,
  )
}

const named = (spans: readonly ReceivedSpan[], name: string) => spans.filter((span) => span.name === name)

t.test('an operation whose comment carries a sampled context is a span below it, with its times inside', async (t) => {
  const { receiver, db, server } = await startStage(t)
  await db.collection('orders').insertMany([{ _id: 1 as never }, { _id: 2 as never }, { _id: 3 as never }])
  await db
    .collection('orders')
    .find({}, { comment: { traceparent: SAMPLED } })
    .toArray()
  const [span, ...more] = await receiver.until(1)
  if (span === undefined) return
  t.same(more, [], 'the insert without a parent is no span')
  t.match(span, { traceId: TRACE, parentSpanId: SPAN, name: 'find orders', kind: 3, status: 0 })
  t.match(span.spanId, /^[0-9a-f]{16}$/)
  const { attributes } = span
  t.match(attributes, {
    'db.system.name': 'mongodb',
    'db.namespace': 'shop',
    'db.collection.name': 'orders',
    'db.operation.name': 'find',
    'db.query.summary': 'find orders',
    'db.response.returned_rows': 3,
    'server.address': '127.0.0.1',
    'server.port': server.address.port,
    'network.peer.address': '127.0.0.1',
    'network.peer.port': server.address.port,
    'oplens.sampled_by': 'parent',
    'oplens.outcome': 'ok',
    'oplens.cluster': 'db',
    'oplens.listener': 'front',
    'oplens.application': 'traces',
  })
  t.ok((attributes['oplens.request_bytes'] as number) > 50)
  t.notOk('db.operation.batch.size' in attributes)
  t.notOk(JSON.stringify(attributes).includes('comment'))
  t.match(span.resource, {
    'service.name': 'oplens',
    'service.version': '0.0.0-test',
    'telemetry.sdk.language': 'nodejs',
  })
  t.match(span.resource['service.instance.id'], /^[0-9a-f-]{36}$/)
  const times = span.events.map(({ nanos }) => nanos)
  t.same(span.events.map(({ name }) => name).slice(-2), ['reply.first_byte', 'reply.last_byte'])
  t.ok(
    times.every((at) => at >= span.startNanos && at <= span.endNanos),
    'each event is inside its span',
  )
  t.equal(times.at(-1), span.endNanos)
  t.ok(Math.abs(Number(span.startNanos / 1_000_000n) - Date.now()) < 30_000, 'the time of day')
})

t.test('the spans of a session equal what the driver tells of its commands', async (t) => {
  const { receiver, client, db } = await startStage(t, { observe: { tracing: { sample: 1 } } })
  const told = new Map<number, { event: CommandStartedEvent; startedAt: number; endedAt: number; failure: string }>()
  client.on('commandStarted', (event) =>
    told.set(event.requestId, { event, startedAt: Date.now(), endedAt: 0, failure: '' }),
  )
  const end = (event: CommandSucceededEvent | CommandFailedEvent, failure: string) => {
    const one = told.get(event.requestId)
    if (one !== undefined) Object.assign(one, { endedAt: Date.now(), failure })
  }
  client.on('commandSucceeded', (event) => end(event, ''))
  client.on('commandFailed', (event) => end(event, String((event.failure as { code?: number }).code)))
  const orders = db.collection<{ _id: number }>('orders')
  await orders.insertMany(Array.from({ length: 25 }, (_, _id) => ({ _id })))
  await orders.find().batchSize(10).toArray()
  await orders.updateOne({ _id: 1 }, { $set: { n: 2 } })
  await orders.countDocuments()
  await ignore(orders.aggregate([{ $noSuchStage: {} }]).toArray())
  await ignore(db.command({ noSuchCommand: 1 }))
  await db.listCollections().toArray()
  await db.command({ ping: 1 })
  const commands = [...told.values()].filter(({ event }) => event.commandName !== 'ping')
  const spans = [...(await receiver.until(commands.length))].sort((a, b) => (a.startNanos < b.startNanos ? -1 : 1))
  t.equal(spans.length, commands.length)
  for (const [i, { event, startedAt, endedAt, failure }] of commands.entries()) {
    const span = spans[i]
    if (span === undefined) return
    const { commandName, command, databaseName } = event
    const isKnown = commandName !== 'noSuchCommand'
    t.equal(span.attributes['db.operation.name'], isKnown ? commandName : '__other__')
    t.equal(span.attributes['db.namespace'], databaseName)
    const target = commandName === 'getMore' ? command.collection : command[commandName]
    t.equal(span.attributes['db.collection.name'], typeof target === 'string' ? target : undefined, commandName)
    t.equal(span.status, failure === '' ? 0 : 2)
    t.equal(span.attributes['error.type'], failure === '' ? undefined : failure)
    t.equal(span.attributes['db.response.status_code'], failure === '' ? undefined : failure)
    t.equal(span.statusMessage, '')
    // The driver's clock reads whole milliseconds, and so does the time of day behind ours.
    t.ok(Number(span.startNanos) / 1e6 >= startedAt - 2, `${commandName} began after the driver began it`)
    t.ok(Number(span.endNanos) / 1e6 <= endedAt + 3, `${commandName} ended before the driver had its reply`)
    t.equal(span.parentSpanId, '')
    t.equal(span.attributes['oplens.sampled_by'], 'head')
  }
  t.equal(new Set(spans.map(({ traceId }) => traceId)).size, spans.length, 'each is a trace of its own')
  const [getMore] = named(spans, 'getMore orders')
  const cursor = commands.find(({ event }) => event.commandName === 'getMore')?.event.command.getMore
  t.equal(getMore?.attributes['db.mongodb.cursor_id'], String(cursor))
  t.equal(named(spans, 'insert orders')[0]?.attributes['db.operation.batch.size'], 25)
})

t.test('slow and failed operations are kept though nothing is sampled; ordinary ones are not', async (t) => {
  const { receiver, db, failNext, proxy } = await startStage(t, { observe: { slow_log: { threshold: '60ms' } } })
  const orders = db.collection('orders')
  await orders.insertOne({ _id: 1 as never })
  await orders.findOne({})
  await failNext({ failCommands: ['find'], blockConnection: true, blockTimeMS: 80 })
  await orders.findOne({}, { comment: { traceparent: UNSAMPLED } as never })
  await ignore(orders.insertOne({ _id: 1 as never }))
  await ignore(
    db
      .collection('carts')
      .aggregate([{ $noSuchStage: {} }])
      .toArray(),
  )
  await orders.findOne({}, { comment: { traceparent: UNSAMPLED } as never })
  for (const comment of ['00-zz-00-01', `00-${'0'.repeat(32)}-${SPAN}-01`, SAMPLED.slice(0, -1)])
    await orders.findOne({}, { comment: { traceparent: comment } as never })
  const spans = await receiver.until(3)
  const seen = spans.map(({ name, attributes }) => [name, attributes['oplens.sampled_by'], attributes['error.type']])
  t.same(seen.sort(), [
    ['aggregate carts', 'failed', '40324'],
    ['find orders', 'slow', undefined],
    ['insert orders', 'failed', '11000'],
  ])
  t.match(
    named(spans, 'find orders')[0],
    { traceId: TRACE, parentSpanId: SPAN },
    'below the parent that was not sampled',
  )
  const slow = named(spans, 'find orders')[0]
  t.ok(slow !== undefined && slow.endNanos - slow.startNanos >= 79_000_000n)
  await proxy.close()
  t.equal(receiver.spans.length, 3, 'and nothing more came until the end')
})

t.test('connections that die before the reply are failed spans; what nobody traced costs no span', async (t) => {
  const { receiver, db, failNext, proxy } = await startStage(t, { observe: { tracing: { keep_slow: false } } })
  await failNext({ failCommands: ['find'], closeConnection: true })
  await ignore(db.collection('orders').findOne({}, { comment: 'x' }))
  const [span] = await receiver.until(1)
  t.match(span, { name: 'find orders', status: 2 })
  t.match(span?.attributes, { 'error.type': 'aborted', 'oplens.ended_by': 'server', 'oplens.outcome': 'aborted' })
  t.notOk('db.response.status_code' in (span?.attributes ?? {}))
  t.same(
    span?.events.filter(({ name }) => name.startsWith('reply')),
    [],
    'no reply, no events of one',
  )
  const samples = await proxy.metrics()
  t.equal(total(samples, 'oplens_traces_spans_total', { sampled_by: 'failed' }), 1)
  t.equal(total(samples, 'oplens_traces_spans_total'), 1)
})

t.test('protobuf, and gRPC, bring the same spans', async (t) => {
  const grpc = await startGrpcReceiver()
  t.teardown(() => grpc.close())
  const ways = [
    ['http/protobuf', undefined],
    ['grpc', grpc],
  ] as const
  for (const [protocol, collector] of ways) {
    const { receiver, db, proxy } = await startStage(t, { observe: { tracing: { protocol, sample: 1 } } }, collector)
    await db.collection('orders').insertMany([{ a: 1 }, { a: 2 }], { comment: { traceparent: SAMPLED } as never })
    const [span] = await (collector ?? receiver).until(1)
    t.match(span, { traceId: TRACE, parentSpanId: SPAN, name: 'insert orders', kind: 3 }, protocol)
    t.match(span?.attributes, { 'db.operation.batch.size': 2, 'db.namespace': 'shop', 'oplens.sampled_by': 'parent' })
    t.same(
      span?.events.map(({ name }) => name).slice(-2),
      ['reply.first_byte', 'reply.last_byte'],
      `${protocol}: events`,
    )
    await proxy.close()
  }
})

t.test('no value of a request or an error is in any span', async (t) => {
  const { receiver, db } = await startStage(t, { observe: { tracing: { sample: 1 } } })
  const canary = 'CANARY-7f3a'
  const orders = db.collection<{ _id: string; secret: string }>('orders')
  await orders.insertOne({ _id: canary, secret: canary }, { comment: canary })
  await orders.findOne({ secret: canary }, { comment: { traceparent: SAMPLED, text: canary } as never })
  await orders.updateOne({ secret: canary }, { $set: { secret: `${canary}2` } })
  await ignore(orders.insertOne({ _id: canary, secret: canary }))
  await orders.aggregate([{ $match: { secret: canary } }]).toArray()
  const spans = await receiver.until(5)
  const text = JSON.stringify(spans, (_, value) => (typeof value === 'bigint' ? String(value) : value))
  t.notOk(text.includes(canary))
  t.ok(
    spans.some(({ status }) => status === 2),
    'the failed one is among them',
  )
})

t.test('what stays hidden is in no text, though values of the namespace are shown', async (t) => {
  const show_values = { namespaces: ['shop.orders'], redact: ['pass*'] }
  const { receiver, db } = await startStage(t, { observe: { tracing: { sample: 1 }, show_values } })
  await db.collection('orders').findOne({ a: 'SHOWN', password: 'CANARY' })
  await db.collection('carts').findOne({ a: 'CANARY', password: 'CANARY' })
  const spans = await receiver.until(2)
  for (const { attributes } of spans) {
    t.match(attributes['db.query.text'], 'password')
    t.notOk(String(attributes['db.query.text']).includes('CANARY'))
  }
  t.match(named(spans, 'find orders')[0]?.attributes['db.query.text'], 'SHOWN')
})

t.test('a slow operation names its span, and its span names the digest that it belongs to', async (t) => {
  const { receiver, db, failNext, proxy } = await startStage(t, { observe: { slow_log: { threshold: '40ms' } } })
  await failNext({ failCommands: ['find'], blockConnection: true, blockTimeMS: 50 })
  await db.collection('orders').findOne({ a: 1 })
  const [span] = await receiver.until(1)
  const { operations } = JSON.parse(await proxy.get('/slow')) as { operations: Record<string, unknown>[] }
  const [slow] = operations
  t.match(slow, { traceId: span?.traceId, spanId: span?.spanId, shapeId: span?.attributes['oplens.shape_id'] })
  t.match(slow?.shapeId, /^[0-9a-f]{16}$/)
  t.equal(slow?.shape, span?.attributes['db.query.text'])
  const spanMs = Number((span?.endNanos ?? 0n) - (span?.startNanos ?? 0n)) / 1e6
  t.ok(Math.abs(Number(slow?.durationMs) - spanMs) < 0.001, 'of the same length')
  const text = await proxy.get('/metrics', { accept: 'application/openmetrics-text;version=1.0.0' })
  t.match(text, `trace_id="${span?.traceId}",span_id="${span?.spanId}"`, 'and the histogram shows it')
})

t.test('a DynamoDB call with a traceparent header is a span below it; several tables are all named', async (t) => {
  const receiver = await startOtlpReceiver()
  const stub = await startDynamodbStub(t, ({ operation }) =>
    operation === 'PutItem'
      ? exception('ConditionalCheckFailedException')
      : operation === 'GetItem'
        ? { json: { Item: { id: { S: 'x' } }, ConsumedCapacity: { TableName: 'carts', CapacityUnits: 0.5 } } }
        : { json: {} },
  )
  const proxy = await configured(stub.address, receiver.endpoint, { protocol: 'dynamodb' })
  t.teardown(async () => {
    await proxy.close()
    await receiver.close()
  })
  const client = newClient(t, proxy.port)
  client.middlewareStack.add(
    (next) => (args) => {
      const { headers } = args.request as { headers: Record<string, string> }
      headers.traceparent = SAMPLED
      return next(args)
    },
    { step: 'build' },
  )
  await client.send(new GetItemCommand({ TableName: 'carts', Key: { id: { S: 'CANARY' } } }))
  await ignore(client.send(new PutItemCommand({ TableName: 'carts', Item: { id: { S: 'CANARY' } } })))
  const put = (TableName: string) => ({ Put: { TableName, Item: { id: { S: 'CANARY' } } } })
  await client.send(new TransactWriteItemsCommand({ TransactItems: [put('carts'), put('stock')] }))
  const spans = await receiver.until(3)
  const [get, failed, transaction] = ['GetItem carts', 'PutItem carts', 'TransactWriteItems carts stock'].map(
    (name) => named(spans, name)[0],
  )
  for (const span of [get, failed, transaction]) t.match(span, { traceId: TRACE, parentSpanId: SPAN, kind: 3 })
  t.match(get?.attributes, {
    'db.system.name': 'aws.dynamodb',
    'db.operation.name': 'GetItem',
    'db.collection.name': 'carts',
    'aws.dynamodb.table_names': ['carts'],
    'http.response.status_code': 200,
  })
  const capacity = get?.attributes['aws.dynamodb.consumed_capacity'] as readonly string[] | undefined
  t.match(JSON.parse(capacity?.[0] ?? '{}'), { TableName: 'carts', CapacityUnits: 0.5 })
  t.match(failed?.attributes, {
    'error.type': 'ConditionalCheckFailedException',
    'db.response.status_code': 'ConditionalCheckFailedException',
    'http.response.status_code': 400,
  })
  t.equal(failed?.status, 2)
  t.match(transaction?.attributes, { 'aws.dynamodb.table_names': ['carts', 'stock'], 'db.operation.batch.size': 2 })
  t.notOk('db.collection.name' in (transaction?.attributes ?? {}))
  t.ok(
    get?.events.some(({ name }) => name === 'upstream.connected'),
    'the first call waited for its connection',
  )
  t.notOk(JSON.stringify(spans.map(({ attributes }) => attributes)).includes('CANARY'))
})
