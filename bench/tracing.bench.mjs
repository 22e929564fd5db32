// What do traces cost an operation: when they are off, when it is not sampled, when it has a span; and how long does an export hold
// up the event loop? Nanoseconds of one processor, without a socket; the export goes to a collector in this process.
// Usage: node bench/tracing.bench.mjs [--smoke] [--dist FOLDER]
import { resolve } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { collector } from './support/collector.mjs'
import { describeMachine, describeTree } from './support/machine.mjs'
import { markdownTable, spread, withSpread } from './support/numbers.mjs'
import { ROOT } from './support/tools.mjs'

const { values: options } = parseArgs({
  options: { smoke: { type: 'boolean', default: false }, dist: { type: 'string', default: `${ROOT}dist` } },
})
const BATCHES = options.smoke ? 1 : 9
const WARMUP_BATCHES = options.smoke ? 1 : 3
const OPERATIONS = options.smoke ? 1_000 : 200_000
/** Fits into the queue: between two batches it is sent. */
const SPANS = options.smoke ? 100 : 20_000

const load = (path) => import(pathToFileURL(resolve(options.dist, path)).href)
const { createObservation } = await load('observe/observation.js')
const { observeSchema } = await load('observe/config.js')
const { ConnectionInfo } = await load('core/connection.js')
const { Exchange } = await load('core/exchange.js')
const { OK } = await load('core/outcome.js')
const { systemClock } = await load('core/clock.js')
const { silentLogger } = await load('core/logger.js')
const { HostStats } = await load('core/stats.js')

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-'
const operation = { protocol: 'mongodb', command: 'find', kind: 'read', database: 'shop', collection: 'orders' }
const shape = { id: '0123456789abcdef', command: 'find', text: '{ filter: { customerId: <int> } }', isTruncated: false }
const host = {
  name: '10.0.0.5:27017',
  address: { kind: 'tcp', host: '10.0.0.5', port: 27017 },
  hostname: '',
  weight: 1,
  stats: new HostStats(),
  state: { role: 'primary' },
}

const { endpoint } = await collector()
const on = (more) => ({ tracing: { enabled: true, endpoint, max_queue: 100_000, sample: 0, ...more } })
const off = { tracing: { enabled: false } }
const cases = {
  'traces off': [off, '', OPERATIONS],
  'on, not sampled': [on(), '', OPERATIONS],
  'on, below a parent that is not sampled': [on(), `${TRACE}00`, OPERATIONS],
  'on, one in a hundred has a span': [on({ sample: 0.01 }), '', OPERATIONS],
  'on, each has a span': [on({ sample: 1 }), '', SPANS],
  'on, each has a span below its parent': [on(), `${TRACE}01`, SPANS],
}

async function start(observe) {
  process.env.OTEL_BSP_SCHEDULE_DELAY = '1'
  const sources = { listeners: [], clusters: [], memberListeners: [] }
  const config = observeSchema.parse({ ...observe, metrics: { process_metrics: false } })
  const observation = createObservation({ config, clock: systemClock, logger: silentLogger, sources, version: 'bench' })
  await observation.start()
  return observation
}

function exchangeOf(traceParent) {
  const connection = new ConnectionInfo(1, 'bench', 'bench', '127.0.0.1:1', 0)
  connection.host = host
  const exchange = new Exchange(connection, operation, 5_000)
  const times = { firstReplyAtMs: 5_001, endedAtMs: 5_002 }
  return Object.assign(exchange, {
    ...times,
    outcome: OK,
    shape,
    traceParent,
    documents: 20,
    requestBytes: 200,
    replyBytes: 4_000,
  })
}

/** Spans that wait, as the metrics tell. */
async function queued(observation) {
  let text = ''
  for await (const chunk of observation.metrics.render(undefined).body) text += chunk
  return Number(/^oplens_traces_queued (\d+)$/m.exec(text)?.[1] ?? 0)
}

async function measure(observation, traceParent, times) {
  const { hub } = observation
  const exchange = exchangeOf(traceParent)
  const ns = []
  for (let batch = 0; batch < WARMUP_BATCHES + BATCHES; batch++) {
    const begin = process.cpuUsage()
    for (let i = 0; i < times; i++) {
      hub.exchangeStarted(exchange)
      hub.exchangeEnded(exchange)
    }
    const { user, system } = process.cpuUsage(begin)
    if (batch >= WARMUP_BATCHES) ns.push(((user + system) * 1_000) / times)
    while ((await queued(observation)) > 0) await new Promise(setImmediate)
  }
  return spread(ns)
}

/** The longest turn of the event loop while a batch is sent, in ms: serialising, and the collector's part here too. */
async function longestTurn(batch) {
  process.env.OTEL_BSP_MAX_EXPORT_BATCH_SIZE = String(batch)
  const observation = await start(on({ sample: 1 }))
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const longest = []
  for (let round = 0; round < WARMUP_BATCHES + BATCHES; round++) {
    const exchange = exchangeOf('')
    for (let i = 0; i < batch; i++) {
      observation.hub.exchangeStarted(exchange)
      observation.hub.exchangeEnded(exchange)
    }
    delay.enable()
    await new Promise(setImmediate)
    delay.reset()
    while ((await queued(observation)) > 0) await new Promise(setImmediate)
    if (round >= WARMUP_BATCHES) longest.push(Math.max(0, delay.max / 1e6 - 1))
    delay.disable()
  }
  await observation.flush()
  return spread(longest)
}

const { cpu, loadAverage } = describeMachine()
console.log(`${cpu}, Node ${process.version}, commit ${describeTree().commit}, load before ${loadAverage}\n`)
const rows = [['start and end of an operation, metrics included', 'ns']]
for (const [name, [observe, traceParent, times]] of Object.entries(cases)) {
  const observation = await start(observe)
  rows.push([name, withSpread(await measure(observation, traceParent, times), 0)])
  await observation.flush()
  observation.close()
}
for (const batch of [128, 512])
  rows.push([`longest turn of the loop in an export of ${batch} spans, ms`, withSpread(await longestTurn(batch), 1)])
console.log(markdownTable(rows))
// The collector's keep-alive connections would wait for a while.
process.exit(0)
