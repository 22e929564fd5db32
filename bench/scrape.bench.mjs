// How long does a scrape hold up the traffic? The event loop must turn at least every 10 ms while 2,000 series are rendered.
// Usage: node bench/scrape.bench.mjs [--smoke] [--dist FOLDER] [--series N]
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
    series: { type: 'string', default: '2000' },
  },
})
const SERIES = Number(options.series)
const SCRAPES = options.smoke ? 2 : 30
const GRANTED_MS = 10

const load = (path) => import(pathToFileURL(resolve(options.dist, path)).href)
const { createObservation } = await load('observe/observation.js')
const { observeSchema } = await load('observe/config.js')
const { ConnectionInfo } = await load('core/connection.js')
const { Exchange } = await load('core/exchange.js')
const { OK } = await load('core/outcome.js')
const { systemClock } = await load('core/clock.js')
const { silentLogger } = await load('core/logger.js')

const observation = createObservation({
  config: observeSchema.parse({ metrics: { max_collections: SERIES, max_series: SERIES } }),
  clock: systemClock,
  logger: silentLogger,
  sources: { listeners: [], clusters: [], memberListeners: [] },
  version: 'bench',
})
const connection = new ConnectionInfo(1, 'bench', 'bench', '127.0.0.1:1', 0)
const commands = ['find', 'insert', 'update', 'delete', 'aggregate']

/** Each series gets an operation between two scrapes, as it would in production: what is cached of its values is stale. */
function operate() {
  for (let i = 0; i < SERIES; i++) {
    const command = commands[i % commands.length]
    const collection = `collection_${Math.floor(i / commands.length)}`
    const operation = { protocol: 'mongodb', command, kind: 'read', database: 'shop', collection }
    const exchange = new Exchange(connection, operation, 0)
    exchange.endedAtMs = (i % 1000) + 0.5
    exchange.outcome = OK
    observation.hub.exchangeStarted(exchange)
    observation.hub.exchangeEnded(exchange)
  }
}

/**
 * Two upper bounds of how long the loop was busy: processor time counts the compiler's and the collector's threads, too, and the
 * clock on the wall what others do on this machine.
 */
function now() {
  const { user, system } = process.cpuUsage()
  return { cpuMs: (user + system) / 1000, wallMs: performance.now() }
}

const busyMs = (from, to) => Math.min(to.cpuMs - from.cpuMs, to.wallMs - from.wallMs)

/** @returns the longest time between two turns of the loop while one scrape is rendered, all of its time, and its size */
async function scrape(expected) {
  let longestMs = 0
  let last = now()
  let isDone = false
  const turn = () => {
    const at = now()
    longestMs = Math.max(longestMs, busyMs(last, at))
    last = at
    if (!isDone) setImmediate(turn)
  }
  setImmediate(turn)
  const begin = last
  let bytes = 0
  let found = 0
  for await (const chunk of observation.metrics.render(undefined).body) {
    bytes += Buffer.byteLength(chunk)
    // A chunk ends at the end of a line.
    found += chunk.match(/^db_client_operation_duration_seconds_count/gm)?.length ?? 0
  }
  isDone = true
  turn()
  if (found !== expected) throw new Error(`the scrape has ${found} of ${expected} series`)
  return { longestMs, totalMs: busyMs(begin, last), bytes }
}

const { cpu, loadAverage } = describeMachine()
console.log(`${cpu}, Node ${process.version}, commit ${describeTree().commit}, load before ${loadAverage}\n`)
// oplens loads what measures its process at its start, not in a scrape.
await scrape(0)
const scrapes = []
for (let i = 0; i < SCRAPES; i++) {
  operate()
  scrapes.push(await scrape(SERIES))
}
observation.close()
// The first one finds code that is not compiled and labels that were never written.
const [first, ...later] = scrapes
const row = (name, some) => [
  name,
  withSpread(spread(some.map(({ longestMs }) => longestMs))),
  withSpread(spread(some.map(({ totalMs }) => totalMs))),
  (first.bytes / 1024).toFixed(0),
]
const head = [`${SERIES} series`, 'loop held up ms', 'whole scrape ms', 'KiB']
console.log(markdownTable([head, row('first scrape', [first]), row('later scrapes', later)]))
const worst = Math.max(...scrapes.map(({ longestMs }) => longestMs))
console.log(`\nAt most ${worst.toFixed(1)} ms; granted: ${GRANTED_MS} ms`)
if (worst > GRANTED_MS && !options.smoke) process.exitCode = 1
