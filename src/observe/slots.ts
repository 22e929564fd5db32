import { BUCKETS } from './histogram.js'

export const TICK_MS = 1_000
/** The oldest of six snapshots taken each second is five to six seconds old. */
export const RATE_SLOTS = 6
/** The oldest of six snapshots taken each ten seconds is fifty to sixty seconds old. */
export const WINDOW_SLOTS = 6
const TICKS_PER_WINDOW_SLOT = 10

/** Which slot of a ring of snapshots is written next, and which holds the oldest: rates of five seconds, percentiles of a minute. */
export class Slots {
  readonly #tickedAtMs: Float64Array
  #ticks = 0

  constructor(nowMs: number) {
    this.#tickedAtMs = new Float64Array(RATE_SLOTS).fill(nowMs)
  }

  /** @returns where the snapshots of this tick go; `window` is -1 when it takes none of the buckets */
  tick(nowMs: number): { readonly rate: number; readonly window: number } {
    const rate = this.oldestRate
    const isWindowTick = this.#ticks % TICKS_PER_WINDOW_SLOT === 0
    const window = isWindowTick ? (this.#ticks / TICKS_PER_WINDOW_SLOT) % WINDOW_SLOTS : -1
    this.#tickedAtMs[rate] = nowMs
    this.#ticks++
    return { rate, window }
  }

  get oldestRate(): number {
    return this.#ticks % RATE_SLOTS
  }

  get oldestWindow(): number {
    return Math.ceil(this.#ticks / TICKS_PER_WINDOW_SLOT) % WINDOW_SLOTS
  }

  /** Since the oldest snapshot for rates; at least one: an operation right after the start is no rate of hundreds. */
  seconds(nowMs: number): number {
    return Math.max(nowMs - (this.#tickedAtMs[this.oldestRate] as number), TICK_MS) / 1_000
  }
}

/** Room for the bucket snapshots of one series; zeros at first, which is what it was before it came. */
export const bucketSnapshots = (): Float64Array => new Float64Array(WINDOW_SLOTS * BUCKETS)
