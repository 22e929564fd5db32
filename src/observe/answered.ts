import type { OutcomeKind } from '../core/outcome.js'
import { addBuckets, BUCKETS } from './histogram.js'
import { type OperationSeries, outcomeIndex } from './operation-table.js'

/** What an answer took: an aborted operation has none, and a refusal is the proxy's own. */
const ANSWERED: readonly number[] = (
  ['ok', 'command_error', 'write_error', 'write_concern_error', 'unknown'] satisfies OutcomeKind[]
).map(outcomeIndex)

/** Adds the answers of a series by latency to the `BUCKETS` values of `into` from `at` on. */
export function addAnswered(series: OperationSeries, into: Float64Array, at: number): void {
  for (const outcome of ANSWERED) {
    const row = series.durations[outcome]
    if (row !== undefined) addBuckets(row, into, at)
  }
}

/** What all answers of a series took together. */
export function answeredSeconds({ durations }: OperationSeries): number {
  let sum = 0
  for (const outcome of ANSWERED) {
    const row = durations[outcome]
    if (row !== undefined) sum += row.values[row.base + BUCKETS] as number
  }
  return sum
}
