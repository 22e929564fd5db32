// What does counting an operation by its shape cost, and looking whether it was slow? Nanoseconds of one processor, without a socket.
// Usage: node bench/digests.bench.mjs [--smoke] [--dist FOLDER] [--only START]
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
const BATCH = options.smoke ? 20_000 : 1_000_000
const MAX_ROWS = 1_000

const load = (path) => import(pathToFileURL(resolve(options.dist, path)).href)
const { Digests } = await load('observe/digests/digests.js')
const { SlowLog } = await load('observe/slow/slow-log.js')
const { SlowRules } = await load('observe/slow/slow-rules.js')
const { NO_TRACES } = await load('observe/tracing/trace-refs.js')
const { OperationTable } = await load('observe/operation-table.js')
const { LabelGuard } = await load('observe/labels.js')
const { observeSchema } = await load('observe/config.js')
const { ConnectionInfo } = await load('core/connection.js')
const { Exchange } = await load('core/exchange.js')
const { systemClock } = await load('core/clock.js')
const { OK } = await load('core/outcome.js')

const connection = new ConnectionInfo(1, 'bench', 'bench', '127.0.0.1:1', 0)
const operations = Array.from({ length: 50 }, (_, i) => ({
  protocol: 'mongodb',
  command: 'find',
  kind: 'read',
  database: 'shop',
  collection: `c${i}`,
}))
const shapeOf = (n) => ({
  id: n.toString(16).padStart(16, '0'),
  command: 'find',
  text: '{"status": ?}',
  isTruncated: false,
})

function exchangeOf(operation, shape, ms = 0.7) {
  const exchange = new Exchange(connection, operation, 1_000)
  Object.assign(exchange, { shape, outcome: OK, endedAtMs: 1_000 + ms, firstReplyAtMs: 1_000.2, documents: 1 })
  return Object.assign(exchange, { requestBytes: 120, replyBytes: 480 })
}

/** The exchanges are made before; a flood gets a new shape in each call. */
function counting(exchanges, next) {
  const digests = new Digests({ max_rows: MAX_ROWS }, systemClock)
  let n = 0
  return (times) => {
    for (let i = 0; i < times; i++) {
      const exchange = exchanges[i % exchanges.length]
      if (next !== undefined) exchange.shape = next(n++)
      digests.exchangeEnded(exchange)
    }
  }
}

function looking(config, ms) {
  const { slow_log: parsed, metrics } = observeSchema.parse({ slow_log: config })
  const table = new OperationTable(metrics, new LabelGuard(metrics, new Map()))
  const rules = new SlowRules(parsed)
  const slow = new SlowLog({
    config: parsed,
    rules,
    clock: systemClock,
    table,
    traces: NO_TRACES,
    isRedacted: () => false,
  })
  const exchanges = operations.map((operation, i) => exchangeOf(operation, shapeOf(i), ms))
  return (times) => {
    for (let i = 0; i < times; i++) slow.exchangeEnded(exchanges[i % exchanges.length])
  }
}

const many = operations.flatMap((operation) => Array.from({ length: 10 }, (_, i) => exchangeOf(operation, shapeOf(i))))
const own = operations.flatMap((operation, o) =>
  Array.from({ length: 10 }, (_, i) => exchangeOf(operation, shapeOf(1_000 + 10 * o + i))),
)
const known = Array.from({ length: 5_000 }, (_, i) => shapeOf(1e6 + i))
const cases = {
  'digests: one shape': counting([exchangeOf(operations[0], shapeOf(0))]),
  'digests: 500 rows, each its own shape': counting(own),
  'digests: 500 rows, 10 shapes on 50 collections': counting(many),
  'digests: 5,000 shapes in turn, 1,000 rows': counting([own[0]], (n) => known[n % known.length]),
  'digests: each operation a new shape': counting([exchangeOf(operations[0])], shapeOf),
  'digests: no shape': counting([exchangeOf(operations[0])]),
  'slow log: not slow': looking({}, 0.7),
  'slow log: not slow, two rules': looking(
    {
      rules: [
        { namespaces: ['a.*'], threshold: '1s' },
        { commands: ['aggregate'], threshold: '2s' },
      ],
    },
    0.7,
  ),
  'slow log: slow, kept in memory': looking({ threshold: '0ms' }, 0.7),
  'for scale: making a shape object': (times) => {
    for (let i = 0; i < times; i++) if (shapeOf(i).id === '') throw new Error('no id')
  },
}

/** Processor time, the collector's threads included: the clock on the wall would count what others do on this machine. */
function timeOf(run) {
  const begin = process.cpuUsage()
  run(BATCH)
  const { user, system } = process.cpuUsage(begin)
  return ((user + system) * 1_000) / BATCH
}

const { cpu, loadAverage } = describeMachine()
console.log(`${cpu}, Node ${process.version}, commit ${describeTree().commit}, load before ${loadAverage}\n`)
const rows = [['one operation', 'ns']]
for (const [name, run] of Object.entries(cases)) {
  if (!name.startsWith(options.only)) continue
  for (let i = 0; i < WARMUP_BATCHES; i++) run(BATCH)
  rows.push([name, withSpread(spread(Array.from({ length: BATCHES }, () => timeOf(run))), 0)])
}
console.log(markdownTable(rows))
process.exit(0)
