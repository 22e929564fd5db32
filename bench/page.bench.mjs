// What does an open page cost the proxy? Each view's frame is made once a second (or two) whoever watches: its processor time, and the
// history's. 200 collections with five commands each, 1,000 shapes, 500 slow operations, 500 connections.
// Usage: node bench/page.bench.mjs [--smoke] [--dist FOLDER]
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
  },
})
const FRAMES = options.smoke ? 2 : 60
const COLLECTIONS = 200
const COMMANDS = ['find', 'insert', 'update', 'delete', 'aggregate']
const SHAPES = 1_000
const CONNECTIONS = 500
const SECONDS_BEFORE = options.smoke ? 40 : 3_700

const load = (path) => import(pathToFileURL(resolve(options.dist, path)).href)
const { createObservation } = await load('observe/observation.js')
const { observeSchema } = await load('observe/config.js')
const { viewOf } = await load('admin/views.js')
const { ConnectionInfo } = await load('core/connection.js')
const { Exchange } = await load('core/exchange.js')
const { OK } = await load('core/outcome.js')
const { silentLogger } = await load('core/logger.js')

/** Stands still until told: an hour passes in a second. Its timers run in the order they were set. */
class SteppedClock {
  nowMs = 1_000
  waiting = []
  now = () => this.nowMs
  wall = () => 1_700_000_000_000 + this.nowMs
  after(ms, run) {
    const timer = { atMs: this.nowMs + ms, run }
    this.waiting.push(timer)
    return { cancel: () => (this.waiting = this.waiting.filter((one) => one !== timer)) }
  }
  second() {
    this.nowMs += 1_000
    const due = this.waiting.filter(({ atMs }) => atMs <= this.nowMs)
    this.waiting = this.waiting.filter(({ atMs }) => atMs > this.nowMs)
    for (const { run } of due) run()
  }
}

const clock = new SteppedClock()
const observation = createObservation({
  config: observeSchema.parse({ metrics: { process_metrics: false } }),
  clock,
  logger: silentLogger,
  sources: { listeners: [], clusters: [], memberListeners: [] },
  version: 'bench',
  env: {},
})
const connections = Array.from(
  { length: CONNECTIONS },
  (_, i) => new ConnectionInfo(i + 1, 'front', 'shop', `10.0.0.1:${10_000 + i}`, 0),
)
for (const connection of connections) observation.hub.connectionOpened(connection)

const kinds = Array.from({ length: SHAPES }, (_, i) => {
  const command = COMMANDS[i % COMMANDS.length]
  const collection = `collection_${Math.floor(i / COMMANDS.length) % COLLECTIONS}`
  const text = `{filter: {field_${i}: "?string", status: {$in: "?array<?string>"}}, sort: {placedAt: -1}, limit: "?number"}`
  const shape = { id: i.toString(16).padStart(16, '0'), command, text, isTruncated: false }
  return { operation: { protocol: 'mongodb', command, kind: 'read', database: 'shop', collection }, shape }
})

/** Everything moves, as it would in production. */
function operate() {
  kinds.forEach(({ operation, shape }, i) => {
    const exchange = new Exchange(connections[i % CONNECTIONS], operation, clock.nowMs)
    Object.assign(exchange, {
      shape,
      outcome: OK,
      firstReplyAtMs: clock.nowMs + 0.4,
      requestBytes: 120,
      replyBytes: 480,
    })
    exchange.endedAtMs = clock.nowMs + (i % 500) + 0.5
    observation.hub.exchangeStarted(exchange)
    observation.hub.exchangeEnded(exchange)
  })
}

const sources = {
  version: 'bench',
  operations: (by, of) => observation.operations.report(by, of),
  history: (of, maxSteps) => observation.history.report(of, maxSteps),
  tables: () => observation.tables.report(),
  digests: (query) => observation.digests.report(query),
  slow: (limit) => observation.slow.report(limit),
  live: () => observation.operations.live(),
  listeners: () => [],
  clusters: () => [],
  memberListeners: () => [],
  memberTraffic: () => undefined,
  connections: () => observation.connections(),
  readiness: () => ({ ready: true, reason: '' }),
}

function cpuMs() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

function timed(run) {
  const from = cpuMs()
  run()
  return cpuMs() - from
}

for (let second = 0; second < SECONDS_BEFORE; second++) {
  if (second % 20 === 0) operate()
  clock.second()
}

const ASKED = [
  ['overview', ''],
  ['collections', 'view=collections'],
  ['collections by command', 'view=collections&by=command'],
  ['one collection', 'view=collection&cluster=shop&database=shop&collection=collection_7'],
  ['shapes', 'view=shapes'],
  ['one shape', 'view=shape&shape=0000000000000007'],
  ['slow', 'view=slow'],
  ['connections', 'view=connections'],
]
const rows = ASKED.map(([name, query]) => {
  const view = viewOf(new URLSearchParams(query), { sources, clock, traceUrl: '', bootId: 'bench' })
  const samples = []
  let bytes = 0
  for (let i = 0; i < FRAMES; i++) {
    operate()
    clock.second()
    samples.push(
      timed(() => {
        bytes = Buffer.byteLength(JSON.stringify(view.frame()))
      }),
    )
  }
  const frame = spread(samples)
  const share = (frame.median / view.everyMs) * 100
  return [name, String(view.everyMs / 1_000), withSpread(frame, 2), `${Math.round(bytes / 1_024)}`, share.toFixed(2)]
})
const ticks = []
for (let i = 0; i < FRAMES; i++) {
  operate()
  ticks.push(timed(() => clock.second()))
}
rows.push(['(nobody watches)', '1', withSpread(spread(ticks), 2), '-', (spread(ticks).median / 10).toFixed(2)])

const { cpu, cores } = describeMachine()
const { commit } = describeTree()
console.log(`${cores} × ${cpu}, Node ${process.version}, ${commit}`)
console.log(
  `${COLLECTIONS} collections, ${SHAPES} shapes; processor time of one frame, median of ${FRAMES} (least–most)\n`,
)
console.log(markdownTable([['view', 'each s', 'ms per frame', 'KiB', '% of a core'], ...rows]))
observation.close()
