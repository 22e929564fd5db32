import type { DigestQuery, DigestRow, DigestSort, DigestsReport } from '../../core/reports.js'
import { BUCKETS, quantileMs } from '../histogram.js'
import type { Slots } from '../slots.js'
import {
  BUCKETS_AT,
  type DigestSeries,
  type DigestTable,
  DOCUMENTS_RETURNED,
  DOCUMENTS_SENT,
  ERRORS,
  FIRST_SEEN,
  GET_MORES,
  LAST_SEEN,
  MAX_MS,
  OPERATIONS,
  RATED,
  REPLY_BYTES,
  REQUEST_BYTES,
  TIME,
} from './digest-table.js'

/** At which moment, and how a time of `Clock.now()` becomes one of the wall. */
interface When {
  readonly seconds: number
  readonly toWallMs: number
}

/** Makes rows to be shown of the table's numbers. Rates are of the last five seconds, percentiles of the last minute. */
export class DigestReporter {
  readonly #table: DigestTable
  readonly #slots: Slots
  readonly #recent = new Float64Array(BUCKETS)
  readonly #ever = new Float64Array(BUCKETS)

  constructor(table: DigestTable, slots: Slots) {
    this.#table = table
    this.#slots = slots
  }

  /** @param toWallMs what is to be added to a time of `Clock.now()` */
  report(query: DigestQuery, nowMs: number, toWallMs: number): DigestsReport {
    const when = { seconds: this.#slots.seconds(nowMs), toWallMs }
    const found = this.#table.rows.filter((series) => fits(series, query))
    // What has no row is not told apart by namespace or shape.
    const isNarrow = query.database !== '' || query.collection !== '' || query.shapeId !== ''
    const others = isNarrow ? [] : this.#table.others.filter((series) => fits(series, query))
    return {
      isEnabled: true,
      rows: this.#sorted(found, query.sort)
        .slice(0, query.limit)
        .map((series) => this.#row(series, when)),
      rowsTotal: found.length,
      other: this.#sorted(others, query.sort).map((series) => this.#row(series, when)),
    }
  }

  /** The largest first; what is equal, by how often it came. */
  #sorted(rows: readonly DigestSeries[], sort: DigestSort): readonly DigestSeries[] {
    const keyed = rows.map((series) => ({ series, key: this.#sortKey(series, sort), count: now(series, OPERATIONS) }))
    return keyed.sort((a, b) => b.key - a.key || b.count - a.count).map(({ series }) => series)
  }

  #sortKey(series: DigestSeries, sort: DigestSort): number {
    switch (sort) {
      case 'load':
        return this.#recentSeconds(series)
      case 'rate':
        return this.#since(series, OPERATIONS)
      case 'operations':
        return now(series, OPERATIONS)
      case 'total':
        return totalMs(series)
      case 'p50':
      case 'p95':
      case 'p99':
        return this.#percentile(series, this.#buckets(series).buckets, QUANTILES[sort]) ?? -1
      case 'max':
        return now(series, MAX_MS)
      case 'errors':
        return now(series, ERRORS)
      case 'documents':
        return now(series, DOCUMENTS_RETURNED) + now(series, DOCUMENTS_SENT)
      case 'bytes':
        return now(series, REQUEST_BYTES) + now(series, REPLY_BYTES)
      default:
        return sort satisfies never
    }
  }

  #row(series: DigestSeries, { seconds, toWallMs }: When): DigestRow {
    const { buckets, isRecent } = this.#buckets(series)
    const { protocol, cluster, database, collection, command, shape } = series
    const percentile = (q: number) => this.#percentile(series, buckets, q)
    return {
      shapeId: shape?.id ?? '',
      shape: shape?.text ?? '',
      isTruncated: shape?.isTruncated ?? false,
      protocol,
      cluster,
      database,
      collection,
      command,
      rate: this.#since(series, OPERATIONS) / seconds,
      errorRate: this.#since(series, ERRORS) / seconds,
      operations: now(series, OPERATIONS),
      errors: now(series, ERRORS),
      getMores: now(series, GET_MORES),
      documentsReturned: now(series, DOCUMENTS_RETURNED),
      documentsSent: now(series, DOCUMENTS_SENT),
      requestBytes: now(series, REQUEST_BYTES),
      replyBytes: now(series, REPLY_BYTES),
      totalMs: totalMs(series),
      timeRate: (this.#recentSeconds(series) * 1_000) / seconds,
      p50Ms: percentile(QUANTILES.p50),
      p95Ms: percentile(QUANTILES.p95),
      p99Ms: percentile(QUANTILES.p99),
      maxMs: now(series, MAX_MS),
      isRecent,
      firstSeenAtMs: Math.round(now(series, FIRST_SEEN) + toWallMs),
      lastSeenAtMs: Math.round(now(series, LAST_SEEN) + toWallMs),
    }
  }

  /** Linear inside its bucket, it could come out above everything that there was. */
  #percentile(series: DigestSeries, buckets: Float64Array, q: number): number | null {
    const ms = quantileMs(buckets, q)
    return ms === undefined ? null : Math.min(ms, now(series, MAX_MS))
  }

  /** Since the oldest snapshot. */
  #since(series: DigestSeries, place: number): number {
    const { values, base } = series.history
    return now(series, place) - (values[base + this.#slots.oldestRate * RATED + place] as number)
  }

  /** That answers took since the oldest snapshot. */
  #recentSeconds({ durations, history: { values, base } }: DigestSeries): number {
    const before = values[base + this.#slots.oldestRate * RATED + TIME] as number
    return Math.max((durations.values[durations.base + BUCKETS] as number) - before, 0)
  }

  /** Of the last minute; of all time when nothing ended in it. Valid until the next call. */
  #buckets({ durations, history }: DigestSeries): { readonly buckets: Float64Array; readonly isRecent: boolean } {
    const at = history.base + BUCKETS_AT + this.#slots.oldestWindow * BUCKETS
    let count = 0
    for (let i = 0; i < BUCKETS; i++) {
      const ever = durations.values[durations.base + i] as number
      const recent = ever - (history.values[at + i] as number)
      this.#ever[i] = ever
      this.#recent[i] = recent
      count += recent
    }
    return count > 0 ? { buckets: this.#recent, isRecent: true } : { buckets: this.#ever, isRecent: false }
  }
}

const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const

const now = ({ values, base }: DigestSeries, place: number): number => values[base + place] as number

/** The sum behind the buckets is in seconds; what is below a microsecond there is the error of adding. */
const totalMs = ({ durations: { values, base } }: DigestSeries): number =>
  Math.round((values[base + BUCKETS] as number) * 1e6) / 1e3

function fits(series: DigestSeries, { cluster, database, collection, command, shapeId }: DigestQuery): boolean {
  return (
    (cluster === '' || series.cluster === cluster) &&
    (database === '' || series.database === database) &&
    (collection === '' || series.collection === collection) &&
    (command === '' || series.command.toLowerCase() === command.toLowerCase()) &&
    (shapeId === '' || series.shape?.id === shapeId)
  )
}
