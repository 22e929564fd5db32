import t from 'tap'
import { ConnectionInfo } from '../../src/core/connection.js'
import { Exchange, type Operation } from '../../src/core/exchange.js'
import { silentLogger } from '../../src/core/logger.js'
import { OK, type Outcome } from '../../src/core/outcome.js'
import type { HistoryReport } from '../../src/core/reports.js'
import { observeSchema } from '../../src/observe/config.js'
import { BOUNDS_SECONDS, BUCKETS, bucketOf } from '../../src/observe/histogram.js'
import { createObservation, type Observation } from '../../src/observe/observation.js'
import { FakeClock } from '../support/fake-clock.js'

const DUPLICATE: Outcome = { kind: 'write_error', code: 11000, codeName: 'DuplicateKey', by: '' }

function setUp(): { o: Observation; clock: FakeClock } {
  const clock = new FakeClock()
  const config = observeSchema.parse({ metrics: { process_metrics: false } })
  const sources = { listeners: [], clusters: [], memberListeners: [] }
  return { clock, o: createObservation({ config, clock, logger: silentLogger, sources, version: '0' }) }
}

const operation = (collection: string, command = 'find', kind: Operation['kind'] = 'read'): Operation =>
  Object.freeze({ protocol: 'mongodb', command, kind, database: 'shop', collection })

function run(o: Observation, of: Operation, times: number, ms = 3, outcome = OK, isAwaited = false): void {
  for (let i = 0; i < times; i++) {
    const exchange = new Exchange(new ConnectionInfo(1, 'front', 'east', 'peer', 0), of, 0)
    exchange.isAwaited = isAwaited
    o.hub.exchangeStarted(exchange)
    Object.assign(exchange, { endedAtMs: ms, outcome })
    o.hub.exchangeEnded(exchange)
  }
}

const of = (collection: string, command = '') => ({ cluster: 'east', database: 'shop', collection, command })
const bucketAt = ({ buckets }: HistoryReport, step: number, ms: number) => buckets[step * BUCKETS + bucketOf(ms)]

t.test('each step of five seconds has what ended in it, and when it was', (t) => {
  const { o, clock } = setUp()
  const startedMs = clock.wall()
  run(o, operation('orders'), 7, 3)
  clock.advance(5_000)
  run(o, operation('orders'), 2, 3)
  run(o, operation('users', 'insert', 'write'), 3, 400, DUPLICATE)
  run(o, operation('orders'), 50, 9_000, OK, true)
  run(o, operation('', 'ping', 'control'), 4, 1)
  clock.advance(5_000)
  run(o, operation('orders'), 100)
  const report = o.history.report()
  t.match(report, { isKept: true, stepMs: 5_000, steps: 2, operations: [7, 9], errors: [0, 3] })
  t.same(report.timesMs, [startedMs, startedMs + 5_000, startedMs + 10_000])
  t.same(report.boundsMs, [...BOUNDS_SECONDS.map((s) => Math.round(s * 1e6) / 1e3)])
  t.equal(report.buckets.length, 2 * BUCKETS)
  t.same([bucketAt(report, 0, 3), bucketAt(report, 1, 3), bucketAt(report, 1, 400)], [7, 2, 3])
  t.equal(bucketAt(report, 1, 1), 0, 'what drivers ask for themselves is counted, but not timed')
  t.equal(
    report.buckets.reduce((sum, count) => sum + count, 0),
    12,
    'awaited ones are nowhere',
  )
  o.close()
  t.equal(clock.waiting, 0)
  t.end()
})

t.test('an hour is kept, whatever came before', (t) => {
  const { o, clock } = setUp()
  for (let step = 0; step < 800; step++) {
    run(o, operation('orders'), step % 5)
    clock.advance(5_000)
  }
  const all = o.history.report()
  t.match(all, {
    steps: 800,
    operations: { length: 720 },
    timesMs: { length: 721 },
    buckets: { length: 720 * BUCKETS },
  })
  t.same(all.operations.slice(0, 3), [80 % 5, 81 % 5, 82 % 5])
  t.equal(all.timesMs[0], clock.wall() - 3_600_000)
  const part = o.history.report(of('orders'))
  t.match(part, { stepMs: 30_000, steps: 133, operations: { length: 120 } })
  t.equal(part.operations[119], 2 + 3 + 4 + 0 + 1 + 2, 'steps 792 to 797')
  o.close()
  t.end()
})

t.test('a collection and a command have their own, in steps of thirty seconds', (t) => {
  const { o, clock } = setUp()
  run(o, operation('orders'), 5, 3)
  run(o, operation('orders', 'insert', 'write'), 2, 400, DUPLICATE)
  run(o, operation('users'), 11, 3)
  t.match(o.history.report(of('orders')), { isKept: false, operations: [] })
  clock.advance(30_000)
  run(o, operation('orders'), 1, 3)
  clock.advance(30_000)
  t.match(o.history.report(of('orders')), { isKept: true, operations: [7, 1], errors: [2, 0] })
  t.match(o.history.report(of('orders', 'insert')), { isKept: true, operations: [2, 0], errors: [2, 0] })
  const finds = o.history.report(of('orders', 'find'))
  t.match(finds, { operations: [5, 1], errors: [0, 0], timesMs: { length: 3 } })
  t.equal(bucketAt(finds, 0, 3), 5)
  t.match(o.history.report(of('nothing')), { isKept: false, operations: [] })
  t.match(o.history.report({ ...of('orders'), cluster: 'west' }), { isKept: false })
  o.close()
  t.end()
})

t.test('collections are bounded; those that fell silent make room, and nothing old comes up as new', (t) => {
  const { o, clock } = setUp()
  run(o, operation('silent'), 3)
  for (let i = 1; i < 200; i++) run(o, operation(`c${i}`), 1)
  clock.advance(30_000)
  run(o, operation('late'), 1_000)
  clock.advance(30_000)
  t.match(o.history.report(of('late')), { isKept: false }, 'no room: all others spoke within five minutes')
  t.match(o.history.report(of('silent')), { isKept: true, operations: [3, 0] })
  for (let step = 0; step < 12; step++) {
    for (let i = 1; i < 200; i++) run(o, operation(`c${i}`), 1)
    if (step >= 9) run(o, operation('late'), 5)
    clock.advance(30_000)
  }
  t.match(o.history.report(of('silent')), { isKept: false }, 'it was silent the longest')
  const late = o.history.report(of('late'))
  t.ok(late.isKept)
  t.same([...new Set(late.operations)], [5], 'what it counted while there was no room is in no step')
  t.match(o.history.report(of('c7')), { isKept: true, operations: { length: 14 } })
  t.match(o.history.report(), { operations: { length: 84 } })
  o.close()
  t.end()
})

t.test('what is silent too keeps its history, until something that is not wants the place', (t) => {
  const { o, clock } = setUp()
  const step = (of: readonly string[]) => {
    for (const name of of) run(o, operation(name), 1)
    clock.advance(30_000)
  }
  const names = (letter: string, count: number) => Array.from({ length: count }, (_, i) => `${letter}${i}`)
  step(names('a', 200))
  step([...names('a', 200), ...names('b', 100)])
  for (let i = 0; i < 15; i++) step([])
  const isKept = (name: string) => o.history.report(of(name)).isKept
  t.equal(names('a', 200).filter(isKept).length, 200, 'b has been silent for as long')
  step(['b7'])
  step(['b7'])
  const report = o.history.report(of('b7'))
  t.same([report.isKept, report.operations], [true, [1]], 'what it counted before it had a place is of no step')
  t.equal(names('a', 200).filter(isKept).length, 199)
  o.close()
  t.end()
})

t.test('a new command on a collection that comes to a place late brings nothing of before', (t) => {
  const { o, clock } = setUp()
  for (let i = 0; i < 200; i++) run(o, operation(`a${i}`), 1)
  run(o, operation('late'), 1_000)
  clock.advance(30_000)
  for (let i = 0; i < 12; i++) clock.advance(30_000)
  run(o, operation('late', 'insert', 'write'), 3)
  clock.advance(30_000)
  run(o, operation('late', 'insert', 'write'), 4)
  clock.advance(30_000)
  t.same(o.history.report(of('late')).operations, [4])
  t.same(o.history.report(of('late', 'insert')).operations, [3, 4])
  o.close()
  t.end()
})
