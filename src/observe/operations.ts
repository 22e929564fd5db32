import type { Clock, Timer } from '../core/clock.js'
import type { CallNumbers, CollectionName, GroupBy, OperationRow, OperationsReport } from '../core/reports.js'
import { addAnswered, answeredSeconds } from './answered.js'
import { CallHistory } from './call-history.js'
import { BUCKETS, countOf, quantileMs } from './histogram.js'
import {
  AWAITED,
  DOCUMENTS_RETURNED,
  DOCUMENTS_SENT,
  ERRORS,
  OPERATIONS,
  type OperationSeries,
  type OperationTable,
  PLAIN_WIDTH,
  REPLY_BYTES,
  REQUEST_BYTES,
} from './operation-table.js'
import { Pages, type Row } from './pages.js'
import { RATE_SLOTS, Slots, TICK_MS, WINDOW_SLOTS } from './slots.js'

const MAX_ROWS = 200
/** Several pages that poll at once share one report. */
const REPORT_AGE_MS = 200

/**
 * Snapshots of one series: its plain numbers in each slot, the time that answers took in each, and behind them its buckets.
 * Zeros at first, as it was before it came.
 */
const TIME_AT = RATE_SLOTS * PLAIN_WIDTH
const BUCKETS_AT = TIME_AT + RATE_SLOTS
const HISTORY_WIDTH = BUCKETS_AT + WINDOW_SLOTS * BUCKETS

/** One row to be: only what sorting needs; the rest is summed for the rows that are shown. */
interface Group {
  readonly first: OperationSeries
  /** Indexes of its series in the table. */
  readonly members: number[]
  isControl: boolean
  operations: number
  /** In the rate window. */
  recent: number
}

interface Sums {
  ever(place: number): number
  recent(place: number): number
}

/**
 * The live view behind the page: recent rates and percentiles per operation, from snapshots taken each second. It never
 * touches the hot path, and any number of viewers see the same.
 */
export class OperationsView {
  readonly #clock: Clock
  readonly #table: OperationTable
  /** In pages: an array for each of a thousand new series would hold up the loop. */
  readonly #pages = new Pages(HISTORY_WIDTH)
  readonly #histories: Row[] = []
  readonly #calls = new CallHistory()
  readonly #slots: Slots
  #timer: Timer
  readonly #reports = new Map<GroupBy, { readonly atMs: number; readonly report: OperationsReport }>()

  constructor(clock: Clock, table: OperationTable) {
    this.#clock = clock
    this.#table = table
    this.#slots = new Slots(clock.now())
    this.#timer = clock.after(TICK_MS, this.#tick)
  }

  /** @param of the rows of one collection alone; the totals are of everything */
  report(by: GroupBy = 'command', of?: CollectionName): OperationsReport {
    const nowMs = this.#clock.now()
    if (of !== undefined) return this.#report(by, nowMs, of)
    const last = this.#reports.get(by)
    if (last !== undefined && nowMs - last.atMs < REPORT_AGE_MS) return last.report
    const report = this.#report(by, nowMs)
    this.#reports.set(by, { atMs: nowMs, report })
    return report
  }

  close(): void {
    this.#timer.cancel()
  }

  readonly #tick = (): void => {
    const { rate, window } = this.#slots.tick(this.#clock.now())
    this.#table.all.forEach((series, i) => {
      const { values, base } = series.plain
      const history = this.#history(i)
      const at = history.base + rate * PLAIN_WIDTH
      for (let k = 0; k < PLAIN_WIDTH; k++) history.values[at + k] = values[base + k] as number
      history.values[history.base + TIME_AT + rate] = answeredSeconds(series)
      if (series.calls !== undefined) this.#calls.take(i, series.calls.row, rate)
      if (window < 0) return
      const from = history.base + BUCKETS_AT + window * BUCKETS
      history.values.fill(0, from, from + BUCKETS)
      addAnswered(series, history.values, from)
    })
    this.#timer = this.#clock.after(TICK_MS, this.#tick)
  }

  #history(index: number): Row {
    const history = this.#histories[index] ?? this.#pages.allocate()
    this.#histories[index] = history
    return history
  }

  /** One number of a series as it was; 0 before it came. */
  #before(index: number, at: number): number {
    const history = this.#histories[index]
    return history === undefined ? 0 : (history.values[history.base + at] as number)
  }

  #report(by: GroupBy, nowMs: number, of?: CollectionName): OperationsReport {
    const oldest = this.#slots.oldestRate * PLAIN_WIDTH
    const seconds = this.#slots.seconds(nowMs)
    const groups = [...this.#groups(by, oldest, of).values()]
    groups.sort((a, b) => b.recent - a.recent || b.operations - a.operations)
    const all = this.#sums(this.#table.all.keys(), oldest)
    return {
      totals: {
        rate: all.recent(OPERATIONS) / seconds,
        errorRate: all.recent(ERRORS) / seconds,
        operations: all.ever(OPERATIONS),
        errors: all.ever(ERRORS),
        awaited: all.ever(AWAITED),
      },
      rows: groups.slice(0, MAX_ROWS).map((group) => this.#row(group, by, oldest, seconds)),
      rowsTotal: groups.length,
    }
  }

  #groups(by: GroupBy, oldest: number, of: CollectionName | undefined): Map<string, Group> {
    const groups = new Map<string, Group>()
    for (let index = 0; index < this.#table.all.length; index++) {
      const series = this.#table.all[index] as OperationSeries
      if (of !== undefined && !isOf(series, of)) continue
      const key = by === 'command' ? series.labels : collectionKey(series)
      let group = groups.get(key)
      if (group === undefined) {
        group = { first: series, members: [], isControl: true, operations: 0, recent: 0 }
        groups.set(key, group)
      }
      const operations = series.plain.values[series.plain.base + OPERATIONS] as number
      group.members.push(index)
      group.isControl &&= series.kind === 'control'
      group.operations += operations
      group.recent += operations - this.#before(index, oldest + OPERATIONS)
    }
    return groups
  }

  /** The plain numbers of some series, added up: of all time, and since the oldest snapshot. */
  #sums(members: Iterable<number>, oldest: number): Sums {
    const now = new Float64Array(PLAIN_WIDTH)
    const before = new Float64Array(PLAIN_WIDTH)
    for (const index of members) {
      const plain = this.#table.all[index]?.plain
      for (let k = 0; k < PLAIN_WIDTH; k++) {
        now[k] = (now[k] as number) + (plain?.values[plain.base + k] ?? 0)
        before[k] = (before[k] as number) + this.#before(index, oldest + k)
      }
    }
    return {
      ever: (place) => now[place] as number,
      recent: (place) => (now[place] as number) - (before[place] as number),
    }
  }

  #row({ first, members, isControl }: Group, by: GroupBy, oldest: number, seconds: number): OperationRow {
    const { ever, recent } = this.#sums(members, oldest)
    const { buckets, isRecent } = this.#buckets(members)
    const quantile = (q: number) => quantileMs(buckets, q) ?? null
    return {
      protocol: first.protocol,
      cluster: first.cluster,
      database: first.database,
      collection: first.collection,
      tables: first.collection === '' ? this.#tables(members) : [],
      command: by === 'command' ? first.command : '',
      isControl,
      rate: recent(OPERATIONS) / seconds,
      errorRate: recent(ERRORS) / seconds,
      awaitedRate: recent(AWAITED) / seconds,
      documentsRate: (recent(DOCUMENTS_RETURNED) + recent(DOCUMENTS_SENT)) / seconds,
      timeRate: (this.#seconds(members) * 1_000) / seconds,
      bytesRate: (recent(REQUEST_BYTES) + recent(REPLY_BYTES)) / seconds,
      p50Ms: quantile(0.5),
      p95Ms: quantile(0.95),
      p99Ms: quantile(0.99),
      isRecent,
      operations: ever(OPERATIONS),
      errors: ever(ERRORS),
      awaited: ever(AWAITED),
      documentsReturned: ever(DOCUMENTS_RETURNED),
      documentsSent: ever(DOCUMENTS_SENT),
      requestBytes: ever(REQUEST_BYTES),
      replyBytes: ever(REPLY_BYTES),
      calls: this.#callNumbers(members, seconds),
    }
  }

  /** That answers took since the oldest snapshot. */
  #seconds(members: readonly number[]): number {
    let sum = 0
    for (const index of members) {
      const series = this.#table.all[index]
      if (series === undefined) continue
      sum += answeredSeconds(series) - this.#before(index, TIME_AT + this.#slots.oldestRate)
    }
    return Math.max(sum, 0)
  }

  #callNumbers(members: readonly number[], seconds: number): CallNumbers | null {
    const rows = members.flatMap((index) => {
      const calls = this.#table.all[index]?.calls
      return calls === undefined ? [] : [[index, calls.row] as const]
    })
    return rows.length === 0 ? null : this.#calls.numbers(rows, this.#slots.oldestRate, seconds)
  }

  #tables(members: readonly number[]): readonly string[] {
    return [...new Set(members.flatMap((index) => [...(this.#table.all[index]?.calls?.tables ?? [])]))].sort()
  }

  /** Of the last minute; of all time when nothing ended in it. */
  #buckets(members: readonly number[]): { buckets: Float64Array; isRecent: boolean } {
    const oldest = this.#slots.oldestWindow
    const lifetime = new Float64Array(BUCKETS)
    const recent = new Float64Array(BUCKETS)
    for (const index of members) {
      const series = this.#table.all[index]
      if (series !== undefined) addAnswered(series, lifetime, 0)
      const at = BUCKETS_AT + oldest * BUCKETS
      for (let i = 0; i < BUCKETS; i++) recent[i] = (recent[i] as number) - this.#before(index, at + i)
    }
    for (let i = 0; i < BUCKETS; i++) recent[i] = (recent[i] as number) + (lifetime[i] as number)
    const isRecent = countOf(recent) > 0
    return { buckets: isRecent ? recent : lifetime, isRecent }
  }
}

const isOf = (series: OperationSeries, { cluster, database, collection }: CollectionName): boolean =>
  series.collection === collection && series.database === database && (cluster === '' || series.cluster === cluster)

const collectionKey = ({ protocol, cluster, database, collection }: OperationSeries): string =>
  [protocol, cluster, database, collection].join('\0')
