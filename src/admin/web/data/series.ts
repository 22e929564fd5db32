// From the counts of the history to what charts show.

import type { HistoryReport } from '../../../core/reports.js'

/** What charts share; equally long arrays, null where nothing is known. */
export interface Series {
  /** Seconds since the epoch: the end of each step. */
  readonly times: readonly number[]
  readonly rate: readonly number[]
  readonly errors: readonly number[]
  readonly p50: readonly (number | null)[]
  readonly p95: readonly (number | null)[]
  readonly p99: readonly (number | null)[]
  /** Counts of answers by latency, for each step. */
  readonly cells: readonly (readonly number[])[]
  readonly boundsMs: readonly number[]
  readonly stepSeconds: number
}

/** @param merge how many steps become one point */
export function seriesOf(history: HistoryReport, spanMs: number, merge: number): Series {
  const { timesMs, operations, errors, boundsMs, buckets, stepMs } = history
  const width = boundsMs.length + 1
  const count = operations.length
  // Points stand on multiples of the merged step, so that they keep their numbers while time goes on.
  const firstStep = history.steps - count
  const wanted = Math.ceil(spanMs / stepMs)
  let from = Math.max(0, count - wanted)
  if (merge > 1 && from > 0) from += (merge - ((firstStep + from) % merge)) % merge
  const made: Mutable = { times: [], rate: [], errors: [], p50: [], p95: [], p99: [], cells: [] }
  for (let at = from; at < count; ) {
    const until = Math.min(at + merge - ((firstStep + at) % merge), count)
    const cells = new Array<number>(width).fill(0)
    for (let step = at; step < until; step++) {
      for (let i = 0; i < width; i++) cells[i] = (cells[i] ?? 0) + (buckets[step * width + i] ?? 0)
    }
    const seconds = Math.max(((timesMs[until] ?? 0) - (timesMs[at] ?? 0)) / 1_000, 0.001)
    made.times.push((timesMs[until] ?? 0) / 1_000)
    made.rate.push(sum(operations, at, until) / seconds)
    made.errors.push(sum(errors, at, until) / seconds)
    made.p50.push(quantile(cells, boundsMs, 0.5))
    made.p95.push(quantile(cells, boundsMs, 0.95))
    made.p99.push(quantile(cells, boundsMs, 0.99))
    made.cells.push(cells)
    at = until
  }
  return { ...made, boundsMs, stepSeconds: (stepMs * merge) / 1_000 }
}

type Mutable = {
  times: number[]
  rate: number[]
  errors: number[]
  p50: (number | null)[]
  p95: (number | null)[]
  p99: (number | null)[]
  cells: number[][]
}

function sum(values: readonly number[], from: number, until: number): number {
  let total = 0
  for (let i = from; i < until; i++) total += values[i] ?? 0
  return total
}

/** As the server has it: linear inside its bucket, the last bound for what is above it; null when there is nothing. */
export function quantile(cells: readonly number[], boundsMs: readonly number[], q: number): number | null {
  const total = sum(cells, 0, cells.length)
  if (total === 0) return null
  const rank = q * total
  let below = 0
  for (let i = 0; i < boundsMs.length; i++) {
    const here = cells[i] ?? 0
    if (here > 0 && below + here >= rank) {
      const low = i === 0 ? 0 : (boundsMs[i - 1] ?? 0)
      return low + (((boundsMs[i] ?? 0) - low) * (rank - below)) / here
    }
    below += here
  }
  return boundsMs.at(-1) ?? null
}

/**
 * The history with the step that a frame brought.
 * @returns undefined when steps are missing between them, or another process counts: it must be asked for again
 */
export function withStep(history: HistoryReport, last: HistoryReport): HistoryReport | undefined {
  if (last.steps === history.steps) return history
  if (last.steps !== history.steps + 1 || last.operations.length !== 1) return undefined
  const width = history.boundsMs.length + 1
  const drop = history.operations.length >= MAX_STEPS ? 1 : 0
  return {
    ...history,
    steps: last.steps,
    timesMs: [...history.timesMs.slice(drop), ...last.timesMs.slice(-1)],
    operations: [...history.operations.slice(drop), ...last.operations],
    errors: [...history.errors.slice(drop), ...last.errors],
    buckets: [...history.buckets.slice(drop * width), ...last.buckets],
  }
}

/** An hour of five seconds. */
const MAX_STEPS = 720

export interface Bounds {
  readonly low: number
  readonly high: number
  readonly last: number
}

/** For words about a chart; undefined when there is nothing to say. */
export function boundsOf(values: readonly (number | null)[]): Bounds | undefined {
  const known = values.filter((value) => value !== null)
  const last = known.at(-1)
  if (last === undefined) return undefined
  return { low: Math.min(...known), high: Math.max(...known), last }
}
