import type { Clock, Timer } from '../core/clock.js'
import type { MemberTraffic } from '../core/reports.js'
import { addBuckets, BUCKETS, countOf, quantileMs } from './histogram.js'
import type { MemberTable } from './member-table.js'
import { bucketSnapshots, RATE_SLOTS, Slots, TICK_MS } from './slots.js'

/** Snapshots of one series. */
interface History {
  readonly counts: Float64Array
  readonly buckets: Float64Array
}

/** Recent rates and percentiles per member, from snapshots taken each second; never touches the hot path. */
export class MembersView {
  readonly #clock: Clock
  readonly #table: MemberTable
  readonly #slots: Slots
  readonly #histories: History[] = []
  #timer: Timer

  constructor(clock: Clock, table: MemberTable) {
    this.#clock = clock
    this.#table = table
    this.#slots = new Slots(clock.now())
    this.#timer = clock.after(TICK_MS, this.#tick)
  }

  /** @returns undefined when its operations can't be told from those of others: too many hosts were seen */
  report(cluster: string, host: string): MemberTraffic | undefined {
    const indexes = this.#table.seriesOf(cluster, host)
    if (indexes === undefined) return undefined
    const ever = new Float64Array(BUCKETS)
    const minute = new Float64Array(BUCKETS)
    let before = 0
    for (const index of indexes) {
      const series = this.#table.durations[index]
      if (series === undefined) continue
      addBuckets(series, ever)
      addBuckets(series, minute)
      const history = this.#histories[index]
      before += history?.counts[this.#slots.oldestRate] ?? 0
      const from = this.#slots.oldestWindow * BUCKETS
      for (let i = 0; i < BUCKETS; i++) minute[i] = (minute[i] as number) - (history?.buckets[from + i] ?? 0)
    }
    const isRecent = countOf(minute) > 0
    const buckets = isRecent ? minute : ever
    return {
      rate: (countOf(ever) - before) / this.#slots.seconds(this.#clock.now()),
      p50Ms: quantileMs(buckets, 0.5) ?? null,
      p99Ms: quantileMs(buckets, 0.99) ?? null,
      isRecent,
    }
  }

  close(): void {
    this.#timer.cancel()
  }

  readonly #tick = (): void => {
    const { rate, window } = this.#slots.tick(this.#clock.now())
    const buckets = new Float64Array(BUCKETS)
    this.#table.durations.forEach((series, i) => {
      buckets.fill(0)
      addBuckets(series, buckets)
      this.#histories[i] ??= { counts: new Float64Array(RATE_SLOTS), buckets: bucketSnapshots() }
      const history = this.#histories[i]
      history.counts[rate] = countOf(buckets)
      if (window >= 0) history.buckets.set(buckets, window * BUCKETS)
    })
    this.#timer = this.#clock.after(TICK_MS, this.#tick)
  }
}
