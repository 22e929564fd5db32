import t from 'tap'
import { boundsOf, quantile, seriesOf, withStep } from '../../../src/admin/web/data/series.js'
import type { HistoryReport } from '../../../src/core/reports.js'
import { BOUNDS_SECONDS, BUCKETS, quantileMs } from '../../../src/observe/histogram.js'

/** @param operations of each step; all in the first bucket but one in the second */
function history(operations: readonly number[], steps = operations.length): HistoryReport {
  return {
    isKept: true,
    stepMs: 5_000,
    steps,
    timesMs: [0, ...operations].map((_, i) => (steps - operations.length + i) * 5_000),
    operations,
    errors: operations.map((value) => value / 10),
    boundsMs: [1, 10],
    buckets: operations.flatMap((value) => (value === 0 ? [0, 0, 0] : [value - 1, 1, 0])),
  }
}

t.test('steps become rates and percentiles; nothing answered is no percentile', (t) => {
  const series = seriesOf(history([50, 0, 100]), 300_000, 1)
  t.same(series.times, [5, 10, 15])
  t.same(series.rate, [10, 0, 20])
  t.same(series.errors, [1, 0, 2])
  t.same(
    series.p50.map((ms) => (ms === null ? null : ms < 1)),
    [true, null, true],
  )
  t.same(series.cells, [
    [49, 1, 0],
    [0, 0, 0],
    [99, 1, 0],
  ])
  t.end()
})

t.test('a window takes the last steps; merged ones keep their borders while time goes on', (t) => {
  const counts = Array.from({ length: 40 }, (_, i) => i * 5)
  t.same(
    seriesOf(history(counts), 50_000, 1).rate,
    counts.slice(30).map((value) => value / 5),
  )
  const merged = seriesOf(history(counts.slice(0, 13)), 3_600_000, 6)
  t.same(merged.times, [30, 60, 65])
  t.same(merged.rate, [(0 + 1 + 2 + 3 + 4 + 5) / 6, (6 + 7 + 8 + 9 + 10 + 11) / 6, 12])
  const later = seriesOf(history(counts.slice(0, 14)), 3_600_000, 6)
  t.same(later.rate.slice(0, 2), merged.rate.slice(0, 2))
  t.equal(later.rate[2], 12.5)
  const cut = seriesOf(history(counts.slice(4), 40), 100_000, 6)
  t.equal(((cut.times[0] ?? 0) / 5) % 6, 0, 'the first is whole, too')
  t.end()
})

t.test('percentiles are those of the server', (t) => {
  const boundsMs = BOUNDS_SECONDS.map((seconds) => Math.round(seconds * 1e6) / 1e3)
  let seed = 1
  for (let round = 0; round < 200; round++) {
    const buckets = Float64Array.from({ length: BUCKETS }, () => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % 3 === 0 ? seed % 1_000 : 0
    })
    for (const q of [0, 0.5, 0.95, 0.99, 1]) {
      t.equal(quantile([...buckets], boundsMs, q), quantileMs(buckets, q) ?? null)
    }
  }
  t.equal(quantile([0, 0, 0], [1, 2], 0.5), null)
  t.end()
})

t.test('the step of a frame is taken once; a gap or another process asks for all of it', (t) => {
  const known = history([1, 2, 3])
  const step = (steps: number, operations = [9]) => history(operations, steps)
  t.equal(withStep(known, step(3)), known, 'no new step')
  t.same(withStep(known, step(4)), { ...history([1, 2, 3, 9]) })
  t.equal(withStep(known, step(5)), undefined, 'one is missing')
  t.equal(withStep(known, step(1)), undefined, 'it began anew')
  t.equal(withStep(known, step(4, [])), undefined)
  const full = history(Array.from({ length: 720 }, () => 1))
  const next = withStep(full, step(721))
  t.match(next, { operations: { length: 720 }, timesMs: { length: 721 }, buckets: { length: 2_160 } })
  t.equal(next?.timesMs[0], 5_000)
  t.end()
})

t.test('what a line was like is told in words', (t) => {
  t.same(boundsOf([null, 3, 1, 2, null]), { low: 1, high: 3, last: 2 })
  t.equal(boundsOf([null, null]), undefined)
  t.end()
})
