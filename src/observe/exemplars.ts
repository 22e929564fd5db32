import { BUCKETS, bucketOf, type HistogramSeries } from './histogram.js'

/** One observation of a histogram and the span that shows it. */
export interface Exemplar {
  readonly traceId: string
  readonly spanId: string
  readonly valueMs: number
  /** Milliseconds since the epoch. */
  readonly atMs: number
}

export type BucketExemplars = readonly (Exemplar | undefined)[]

/** Series that have exemplars, some 3 KiB each; the one that had no trace for longest makes room. */
const MAX_SERIES = 1_000

/** The latest trace of each bucket of each series. Holds nothing for series that were never traced. */
export class Exemplars {
  readonly #bySeries = new Map<HistogramSeries, (Exemplar | undefined)[]>()
  readonly #maxSeries: number
  readonly #onOverflow: () => void

  constructor(onOverflow: () => void, maxSeries = MAX_SERIES) {
    this.#onOverflow = onOverflow
    this.#maxSeries = maxSeries
  }

  record(series: HistogramSeries, exemplar: Exemplar): void {
    const buckets = this.#bySeries.get(series) ?? this.#make()
    // Taken out and put in again: the order of the Map is that of their last use.
    this.#bySeries.delete(series)
    this.#bySeries.set(series, buckets)
    buckets[bucketOf(exemplar.valueMs)] = exemplar
  }

  of(series: HistogramSeries): BucketExemplars | undefined {
    return this.#bySeries.get(series)
  }

  #make(): (Exemplar | undefined)[] {
    if (this.#bySeries.size >= this.#maxSeries) {
      this.#onOverflow()
      for (const oldest of this.#bySeries.keys()) {
        this.#bySeries.delete(oldest)
        break
      }
    }
    return new Array<Exemplar | undefined>(BUCKETS).fill(undefined)
  }
}
