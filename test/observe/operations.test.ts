import t from 'tap'
import { ConnectionInfo } from '../../src/core/connection.js'
import { Exchange, type Operation } from '../../src/core/exchange.js'
import { silentLogger } from '../../src/core/logger.js'
import { ABORTED, OK, type Outcome, UNACKNOWLEDGED } from '../../src/core/outcome.js'
import { observeSchema } from '../../src/observe/config.js'
import { BOUNDS_SECONDS, BUCKETS, bucketOf, quantileMs } from '../../src/observe/histogram.js'
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
    const exchange = new Exchange(new ConnectionInfo(1, 'front', 'shop', 'peer', 0), of, 0)
    exchange.isAwaited = isAwaited
    o.hub.exchangeStarted(exchange)
    Object.assign(exchange, { requestBytes: 100, replyBytes: 400, documents: 2, batchSize: 1, endedAtMs: ms, outcome })
    o.hub.exchangeEnded(exchange)
  }
}

t.test('rates are of the last five seconds, whoever looks and how often', (t) => {
  const { o, clock } = setUp()
  const find = operation('orders')
  for (let second = 0; second < 20; second++) {
    run(o, find, 40)
    run(o, find, 10, 3, DUPLICATE)
    run(o, find, 5, 9_000, OK, true)
    clock.advance(500)
    for (let viewer = 0; viewer < second % 3; viewer++) o.operations.report()
    clock.advance(500)
  }
  const [row] = o.operations.report().rows
  t.match(row, { rate: 50, errorRate: 10, awaitedRate: 5, documentsRate: 165, bytesRate: 27_500 })
  t.match(row, { operations: 1_000, errors: 200, awaited: 100, documentsReturned: 2_200, documentsSent: 1_100 })
  t.match(o.operations.report().totals, { rate: 50, errorRate: 10, operations: 1_000, errors: 200, awaited: 100 })
  clock.advance(6_000)
  t.match(o.operations.report().rows[0], { rate: 0, errorRate: 0, operations: 1_000 }, 'and 0 when all is over')
  o.close()
  t.end()
})

t.test('a single operation right after the start is no rate of thousands', (t) => {
  const { o, clock } = setUp()
  clock.advance(1)
  run(o, operation('orders'), 1)
  t.equal(o.operations.report().rows[0]?.rate, 1)
  o.close()
  t.end()
})

t.test('percentiles are of the last minute, of all time when nothing ended in it, and of answers alone', (t) => {
  const { o, clock } = setUp()
  const find = operation('orders')
  run(o, find, 1_000, 700)
  run(o, find, 1_000, 50_000, ABORTED.client)
  t.match(o.operations.report().rows[0], { isRecent: true, p50Ms: 750, p99Ms: 995 }, 'inside the bucket 500 to 1000')
  clock.advance(30_000)
  t.match(o.operations.report().rows[0], { isRecent: true, p50Ms: 750 })
  clock.advance(31_000)
  t.match(o.operations.report().rows[0], { isRecent: false, p50Ms: 750 })
  run(o, find, 10, 0.7)
  clock.advance(1_000)
  t.match(o.operations.report().rows[0], { isRecent: true, p50Ms: 0.75 }, 'the old ones do not weigh on the new')
  for (let round = 0; round < 12; round++) {
    clock.advance(67_000)
    t.match(o.operations.report().rows[0], { isRecent: false }, `round ${round}: over a minute ago`)
    run(o, find, 10, 0.7)
    clock.advance(49_000)
    t.match(o.operations.report().rows[0], { isRecent: true, p50Ms: 0.75 }, `round ${round}: 49 seconds ago`)
  }
  o.close()
  t.end()
})

t.test('an operation that was never timed has no percentiles', (t) => {
  const { o } = setUp()
  run(o, operation('orders', 'insert'), 3, 1, UNACKNOWLEDGED)
  t.match(o.operations.report().rows[0], { operations: 3, p50Ms: null, p95Ms: null, p99Ms: null })
  o.close()
  t.end()
})

t.test('rows are per command or per collection, and tell the driver’s own commands', (t) => {
  const { o } = setUp()
  run(o, operation('orders'), 90, 0.7)
  run(o, operation('orders', 'insert', 'write'), 10, 70)
  run(o, operation('', 'ping', 'control'), 5)
  run(o, operation('', 'listCollections', 'ddl'), 1)
  const commands = o.operations.report('command').rows
  t.same(
    commands.map((r) => [r.collection, r.command, r.operations, r.isControl]),
    [
      ['orders', 'find', 90, false],
      ['orders', 'insert', 10, false],
      ['', 'ping', 5, true],
      ['', 'listCollections', 1, false],
    ],
  )
  const [orders, none] = o.operations.report('collection').rows
  t.match(orders, { collection: 'orders', command: '', operations: 100, rate: 100, isControl: false })
  t.ok((orders?.p50Ms ?? 0) < 1 && (orders?.p95Ms ?? 0) > 50, 'percentiles of the commands together')
  t.match(none, { collection: '', operations: 6, isControl: false })
  o.close()
  t.end()
})

t.test('the report keeps the 200 busiest rows, and its totals are of all', (t) => {
  const { o } = setUp()
  for (let i = 0; i < 300; i++) run(o, operation(`c${i}`), i + 1)
  const report = o.operations.report()
  t.equal(report.rows.length, 200)
  t.equal(report.rowsTotal, 300)
  t.same([report.rows[0]?.collection, report.rows[199]?.collection], ['c299', 'c100'])
  t.equal(report.totals.operations, 45_150)
  o.close()
  t.end()
})

t.test('one collection can be asked for, however many are busier; its time tells how busy it is', (t) => {
  const { o, clock } = setUp()
  for (let i = 0; i < 300; i++) run(o, operation(`c${i}`), 5)
  clock.advance(5_000)
  run(o, operation('slow'), 1, 2_000)
  run(o, operation('slow', 'insert', 'write'), 2, 500)
  run(o, operation('slow', 'update', 'write'), 1, 60_000, ABORTED.client)
  const of = { cluster: '', database: 'shop', collection: 'slow' }
  const { rows, totals, rowsTotal } = o.operations.report('command', of)
  t.same([rows.length, rowsTotal, totals.operations], [3, 3, 1_504])
  t.match(
    rows.map(({ command, timeRate }) => [command, Math.round(timeRate)]).toSorted(),
    [
      ['find', 400],
      ['insert', 200],
      ['update', 0],
    ],
    'ms per second; nobody waited for an answer that never came',
  )
  t.equal(o.operations.report('collection', { ...of, cluster: 'shop' }).rows[0]?.operations, 4)
  t.same(o.operations.report('collection', { ...of, cluster: 'other' }).rows, [])
  o.close()
  t.end()
})

t.test('closing stops the timers of the views', (t) => {
  const { o, clock } = setUp()
  clock.advance(10_000)
  t.ok(clock.waiting > 0)
  o.close()
  t.equal(clock.waiting, 0)
  t.end()
})

t.test('every duration falls into the bucket of the first bound that is not below it', (t) => {
  const boundsMs = BOUNDS_SECONDS.map((s) => Math.round(s * 1e6) / 1e3)
  const durations = [0, 1e-6, ...boundsMs.flatMap((b) => [b * 0.999, b, b * 1.001]), 1e9]
  for (const ms of durations) {
    const expected = boundsMs.findIndex((bound) => ms <= bound)
    t.equal(bucketOf(ms), expected === -1 ? BUCKETS - 1 : expected, `${ms} ms`)
  }
  t.end()
})

t.test('quantiles are linear inside their bucket and end at the last bound', (t) => {
  const buckets = (counts: Record<number, number>) => {
    const made = new Float64Array(BUCKETS)
    for (const [ms, count] of Object.entries(counts)) made[bucketOf(Number(ms))] = count
    return made
  }
  t.equal(quantileMs(buckets({}), 0.5), undefined)
  t.equal(quantileMs(buckets({ 0.04: 10 }), 0.5), 0.025)
  t.equal(quantileMs(buckets({ 2: 100 }), 0.5), 1.75)
  t.equal(quantileMs(buckets({ 2: 90, 20: 10 }), 0.95), 17.5)
  t.equal(quantileMs(buckets({ 2: 1 }), 1), 2.5)
  t.equal(quantileMs(buckets({ 90000: 3 }), 0.5), 60_000)
  t.end()
})
