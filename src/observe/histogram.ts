import type { Row } from './pages.js'

/** Contains every boundary that OpenTelemetry advises for `db.client.operation.duration`, and goes finer at both ends. */
export const BOUNDS_SECONDS: readonly number[] = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
]
/** Rounded: 0.00005 * 1000 is not 0.05 in binary. */
export const BOUNDS_MS: Readonly<Float64Array> = Float64Array.from(BOUNDS_SECONDS, (s) => Math.round(s * 1e6) / 1e3)
const LAST = BOUNDS_MS.length

/** The finite buckets and the one for everything above. */
export const BUCKETS = LAST + 1
/** Row layout: `BUCKETS` counts (not cumulative), then the sum in seconds. The count is the sum of the buckets. */
export const HISTOGRAM_WIDTH = BUCKETS + 1

/** One time series of a histogram family; `labels` is `a="x",b="y"`, escaped, ready to print. */
export interface HistogramSeries extends Row {
  readonly labels: string
}

/** A bound belongs to its bucket (`le`). */
export function bucketOf(durationMs: number): number {
  // Two steps of a binary search, then a walk of at most seven: faster than either alone on what databases take.
  let i = durationMs > 1 ? (durationMs > 100 ? 11 : 5) : 0
  while (i < LAST && durationMs > (BOUNDS_MS[i] as number)) i++
  return i
}

export function observe(series: Row, durationMs: number): void {
  let ms = durationMs
  // Also true for NaN, which Math.max would let through to spoil the sum for good.
  if (!(ms >= 0)) ms = 0
  const values = series.values
  const base = series.base
  const at = base + bucketOf(ms)
  values[at] = (values[at] as number) + 1
  const sum = base + BUCKETS
  values[sum] = (values[sum] as number) + ms / 1_000
}

/** Adds the buckets of `row` to the `BUCKETS` values of `into` from `at` on. */
export function addBuckets(row: Row, into: Float64Array, at = 0): void {
  for (let i = 0; i < BUCKETS; i++) into[at + i] = (into[at + i] as number) + (row.values[row.base + i] as number)
}

export function countOf(buckets: Float64Array): number {
  let count = 0
  for (let i = 0; i < BUCKETS; i++) count += buckets[i] as number
  return count
}

/**
 * The value below which a share `q` (0 to 1) of the observations lies, in ms, linear inside its bucket as Prometheus'
 * `histogram_quantile` has it; the last finite bound for what is above it; undefined when there are none.
 */
export function quantileMs(buckets: Float64Array, q: number): number | undefined {
  const count = countOf(buckets)
  if (count === 0) return undefined
  const rank = q * count
  let below = 0
  for (let i = 0; i < LAST; i++) {
    const here = buckets[i] as number
    if (here > 0 && below + here >= rank) {
      const low = i === 0 ? 0 : (BOUNDS_MS[i - 1] as number)
      return low + (((BOUNDS_MS[i] as number) - low) * (rank - below)) / here
    }
    below += here
  }
  return BOUNDS_MS[LAST - 1]
}
