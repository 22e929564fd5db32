import type { Clock, Timer } from '../../core/clock.js'
import type { Exchange } from '../../core/exchange.js'
import type { Observer } from '../../core/observer.js'
import { type OutcomeKind, UNKNOWN } from '../../core/outcome.js'
import type { DigestQuery, DigestsReport } from '../../core/reports.js'
import type { DigestsConfig } from '../config.js'
import { addBuckets, BUCKETS, observe } from '../histogram.js'
import { Slots, TICK_MS } from '../slots.js'
import { DigestReporter } from './digest-reporter.js'
import {
  BUCKETS_AT,
  type DigestSeries,
  DigestTable,
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

/** Several pages that poll at once share one report. */
const REPORT_AGE_MS = 200
const MAX_REPORTS = 32

/** Operations by their shape. Counts on the hot path; recent rates and percentiles come from snapshots taken each second. */
export class Digests implements Observer {
  readonly name = 'digests'
  readonly table: DigestTable
  /** Their command has no shape, or it could not be read. */
  withoutShape = 0
  readonly #clock: Clock
  readonly #slots: Slots
  readonly #reporter: DigestReporter
  readonly #reports = new Map<string, { readonly atMs: number; readonly report: DigestsReport }>()
  #timer: Timer

  constructor(config: Pick<DigestsConfig, 'max_rows'>, clock: Clock) {
    this.table = new DigestTable(config.max_rows)
    this.#clock = clock
    this.#slots = new Slots(clock.now())
    this.#reporter = new DigestReporter(this.table, this.#slots)
    this.#timer = clock.after(TICK_MS, this.#tick)
  }

  exchangeEnded(exchange: Exchange): void {
    const { shape } = exchange
    if (shape === undefined) {
      this.withoutShape++
      return
    }
    const row = this.table.see(exchange.connection, exchange.operation, shape)
    const { values, base } = row
    const { command } = exchange.operation
    const isGetMore = command === 'getMore' && shape.command !== command
    if (values[base + FIRST_SEEN] === 0) values[base + FIRST_SEEN] = exchange.endedAtMs
    values[base + LAST_SEEN] = exchange.endedAtMs
    values[base + DOCUMENTS_RETURNED] = (values[base + DOCUMENTS_RETURNED] as number) + exchange.documents
    values[base + DOCUMENTS_SENT] = (values[base + DOCUMENTS_SENT] as number) + exchange.batchSize
    values[base + REQUEST_BYTES] = (values[base + REQUEST_BYTES] as number) + exchange.requestBytes
    values[base + REPLY_BYTES] = (values[base + REPLY_BYTES] as number) + exchange.replyBytes
    const { kind } = exchange.outcome ?? UNKNOWN
    if (isError(kind, exchange.isAwaited)) values[base + ERRORS] = (values[base + ERRORS] as number) + 1
    if (isGetMore) values[base + GET_MORES] = (values[base + GET_MORES] as number) + 1
    else if (!exchange.isAwaited) countOperation(row, exchange, kind)
  }

  report(query: DigestQuery): DigestsReport {
    const nowMs = this.#clock.now()
    const key = JSON.stringify(query)
    const last = this.#reports.get(key)
    if (last !== undefined && nowMs - last.atMs < REPORT_AGE_MS) return last.report
    const report = this.#reporter.report(query, nowMs, this.#clock.wall() - nowMs)
    // Those that are old go at once: one may have thousands of rows.
    for (const [of, { atMs }] of this.#reports) if (nowMs - atMs >= REPORT_AGE_MS) this.#reports.delete(of)
    if (this.#reports.size >= MAX_REPORTS) this.#reports.clear()
    this.#reports.set(key, { atMs: nowMs, report })
    return report
  }

  close(): void {
    this.#timer.cancel()
  }

  readonly #tick = (): void => {
    const { rate, window } = this.#slots.tick(this.#clock.now())
    for (const series of this.table.rows) snapshot(series, rate, window)
    for (const series of this.table.others) snapshot(series, rate, window)
    this.table.tick()
    this.#timer = this.#clock.after(TICK_MS, this.#tick)
  }
}

function countOperation(row: DigestSeries, exchange: Exchange, kind: OutcomeKind): void {
  const { values, base } = row
  values[base + OPERATIONS] = (values[base + OPERATIONS] as number) + 1
  if (!isAnswered(kind)) return
  const ms = exchange.durationMs
  observe(row.durations, ms)
  if (ms > (values[base + MAX_MS] as number)) values[base + MAX_MS] = ms
}

/** What an answer took: an aborted operation has none, a refusal is the proxy's own, and an unacknowledged one waits for none. */
const isAnswered = (kind: OutcomeKind): boolean =>
  kind === 'ok' || (kind !== 'aborted' && kind !== 'refused' && kind !== 'unacknowledged')

/** As `oplens_operation_errors_total` has it: every client that leaves cuts what waits, which is no error of an operation. */
const isError = (kind: OutcomeKind, isAwaited: boolean): boolean =>
  kind !== 'ok' && kind !== 'unacknowledged' && kind !== 'unknown' && !(isAwaited && kind === 'aborted')

function snapshot(series: DigestSeries, rate: number, window: number): void {
  const { values, base, durations, history } = series
  series.hasHistory = true
  const at = history.base + rate * RATED
  history.values[at + OPERATIONS] = values[base + OPERATIONS] as number
  history.values[at + ERRORS] = values[base + ERRORS] as number
  history.values[at + TIME] = durations.values[durations.base + BUCKETS] as number
  if (window < 0) return
  const from = history.base + BUCKETS_AT + window * BUCKETS
  history.values.fill(0, from, from + BUCKETS)
  addBuckets(durations, history.values, from)
}
