// A collector that is down, slow, silent or broken, as seen by the traffic, the counters, the memory and the log.
import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MongoClient } from 'mongodb'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/core/clock.js'
import { Exchange } from '../../src/core/exchange.js'
import type { Logger } from '../../src/core/logger.js'
import { silentLogger } from '../../src/core/logger.js'
import { ABORTED } from '../../src/core/outcome.js'
import { startDemoServer } from '../../src/demo/mongod/server.js'
import { client as connection, observation } from '../observe/harness.js'
import { type Behaviour, startOtlpReceiver } from '../support/otlp-receiver.js'
import { startConfigured, type TestProxy, total } from '../support/proxy.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const MAX_POLLS = 5_000
const MAX_QUEUE = 40

const variables: Record<string, string> = {
  OTEL_BSP_SCHEDULE_DELAY: '20',
  // A busy machine takes its time, too.
  OTEL_BSP_EXPORT_TIMEOUT: '1500',
  OTEL_EXPORTER_OTLP_TIMEOUT: '1000',
}
Object.assign(process.env, variables)

async function startProxy(t: Test, endpoint: string, tracing: object = {}) {
  const server = await startDemoServer()
  const proxy = await startConfigured(
    JSON.stringify({
      admin: { address: '127.0.0.1:0' },
      listeners: [{ name: 'front', address: '127.0.0.1:0', protocol: 'mongodb', cluster: 'db' }],
      clusters: [{ name: 'db', hosts: [`127.0.0.1:${server.address.port}`] }],
      observe: { tracing: { enabled: true, endpoint, sample: 1, max_queue: MAX_QUEUE, ...tracing } },
    }),
  )
  const uri = `mongodb://127.0.0.1:${proxy.port}/?directConnection=true`
  const client = await new MongoClient(uri).connect()
  t.teardown(async () => {
    await client.close()
    await proxy.close()
    await server.close()
  })
  return { proxy, orders: client.db('shop').collection('orders') }
}

interface Counts {
  readonly made: number
  readonly exported: number
  readonly queue: number
  readonly lost: number
  readonly queued: number
}

async function countsOf(proxy: TestProxy): Promise<Counts> {
  const samples = await proxy.metrics()
  return {
    made: total(samples, 'oplens_traces_spans_total'),
    exported: total(samples, 'oplens_traces_exported_total'),
    queue: total(samples, 'oplens_traces_dropped_total', { reason: 'queue' }),
    lost: total(samples, 'oplens_traces_dropped_total', { reason: 'export' }),
    queued: total(samples, 'oplens_traces_queued'),
  }
}

/** Asks the metrics until they say so; each answer is a turn of the loop, so nothing is waited for by the clock. */
async function until(proxy: TestProxy, isTrue: (counts: Counts) => boolean): Promise<Counts> {
  for (let i = 0; i < MAX_POLLS; i++) {
    const counts = await countsOf(proxy)
    if (isTrue(counts)) return counts
  }
  throw new Error(`It never came: ${JSON.stringify(await countsOf(proxy))}`)
}

const about = (proxy: TestProxy, message: RegExp) => proxy.logs.filter((line) => message.test(line.message))
const DOWN = /does not take spans/
const UP = /takes spans again/

const WAYS: readonly (Behaviour | 'down')[] = ['fail', 'hang', 'dribble', 'down']
for (const way of WAYS) {
  t.test(
    `a collector that is no use (${way}): traffic passes, losses are counted, and it is found again`,
    async (t) => {
      const first = await startOtlpReceiver()
      const { port } = first
      if (way === 'down') await first.close()
      else first.behaviour = way
      const { proxy, orders } = await startProxy(t, `http://127.0.0.1:${port}`)
      let operations = 0
      for (
        let counts = await countsOf(proxy);
        counts.lost === 0 || counts.queue === 0;
        counts = await countsOf(proxy)
      ) {
        for (let i = 0; i < 50; i++) await orders.insertOne({ i })
        operations += 50
      }
      t.equal(await orders.countDocuments(), operations, 'every operation went through')
      const counts = await countsOf(proxy)
      t.ok(counts.queued <= MAX_QUEUE, `${counts.queued} wait`)
      t.equal(counts.made, counts.exported + counts.lost + counts.queued, 'no span is unaccounted for')
      t.equal(counts.made + counts.queue, operations + 1, 'nor an operation')
      t.equal(counts.exported, 0)
      const [line, ...more] = about(proxy, DOWN)
      t.equal(more.length, 0, 'one line')
      t.notOk(JSON.stringify(line).includes('SECRET'), 'without the words of the collector')
      const receiver = way === 'down' ? await startOtlpReceiver(port) : first
      t.teardown(() => receiver.close())
      receiver.behaviour = 'take'
      // What waited may be lost already: only what comes later finds the collector.
      while (receiver.spans.length === 0) await orders.insertOne({})
      await until(proxy, ({ exported, queued }) => exported > 0 && queued === 0)
      t.equal(about(proxy, UP).length, 1)
      const before = receiver.spans.length
      await orders.insertOne({ last: true })
      await receiver.until(before + 1)
      const { exported } = await until(proxy, ({ made, exported, lost }) => made === exported + lost && exported > 1)
      t.equal(receiver.spans.length, exported, 'what was counted is what came')
    },
  )
}

t.test('a collector that hangs holds no more memory than the queue', async (t) => {
  const receiver = await startOtlpReceiver()
  t.teardown(() => receiver.close())
  receiver.behaviour = 'hang'
  const tracing = { enabled: true, endpoint: receiver.endpoint, sample: 1, max_queue: 200 }
  const o = observation({ clock: systemClock, env: process.env, observe: { tracing } })
  await o.start()
  const operation = {
    protocol: 'mongodb',
    command: 'find',
    kind: 'read',
    database: 'shop',
    collection: 'orders',
  } as const
  const run = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const exchange = new Exchange(connection(), operation, systemClock.now())
      Object.assign(exchange, { outcome: ABORTED.server, endedAtMs: systemClock.now() })
      o.hub.exchangeStarted(exchange)
      o.hub.exchangeEnded(exchange)
      if (i % 1_000 === 0) await new Promise(setImmediate)
    }
  }
  await run(20_000)
  collect()
  const before = process.memoryUsage().heapUsed
  await run(200_000)
  collect()
  const grown = process.memoryUsage().heapUsed - before
  t.ok(grown < 1_000_000, `${grown} bytes more`)
})

t.test('a collector that hangs does not hold up the end', async (t) => {
  const receiver = await startOtlpReceiver()
  receiver.behaviour = 'hang'
  // Past the end by less than the exporter waits before it tries again: its timers would hold this process.
  process.env.OTEL_EXPORTER_OTLP_TIMEOUT = '3900'
  process.env.OTEL_BSP_EXPORT_TIMEOUT = '60000'
  t.teardown(() => {
    Object.assign(process.env, variables)
    return receiver.close()
  })
  const { proxy, orders } = await startProxy(t, receiver.endpoint)
  await orders.insertOne({ a: 1 })
  const startedAtMs = performance.now()
  await proxy.close()
  const tookMs = performance.now() - startedAtMs
  t.ok(tookMs > 2_500 && tookMs < 5_000, `${tookMs} ms`)
  t.equal(about(proxy, /were lost/).length, 1)
})

t.test('what waits is sent at the end', async (t) => {
  const receiver = await startOtlpReceiver()
  process.env.OTEL_BSP_SCHEDULE_DELAY = '60000'
  t.teardown(() => {
    Object.assign(process.env, variables)
    return receiver.close()
  })
  const { proxy, orders } = await startProxy(t, receiver.endpoint)
  await orders.insertOne({ a: 1 })
  t.equal(receiver.spans.length, 0)
  await proxy.close()
  t.equal(receiver.spans.length, 1)
})

t.test('an OpenTelemetry that can not be started stops nothing', async (t) => {
  const logged: Record<string, unknown>[] = []
  const logger: Logger = { ...silentLogger, error: (fields) => logged.push(fields) }
  const loaded = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'))
  const api = loaded('@opentelemetry/exporter-trace-otlp-http') as { OTLPTraceExporter: unknown }
  const real = Object.getOwnPropertyDescriptor(api, 'OTLPTraceExporter') ?? {}
  Object.defineProperty(api, 'OTLPTraceExporter', {
    configurable: true,
    get: () => {
      throw new Error('of the test')
    },
  })
  t.teardown(() => Object.defineProperty(api, 'OTLPTraceExporter', real))
  const o = observation({ logger, observe: { tracing: { enabled: true, protocol: 'http/json' } } })
  await o.start()
  t.match(logged, [{ code: 'OPL_TRACING' }])
  const exchange = new Exchange(
    connection(),
    { protocol: 'mongodb', command: 'find', kind: 'read', database: '', collection: '' },
    1,
  )
  o.hub.exchangeStarted(exchange)
  o.hub.exchangeEnded(exchange)
  await o.flush()
})
