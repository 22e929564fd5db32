import { Timestamp } from 'bson'
import type { Clock } from '../../../core/clock.js'
import { type BsonDate, bsonDate } from '../bson-date.js'

/** An idle primary writes a no-op this often, so that its lastWrite does not grow old. (mongod, periodicNoopIntervalSecs) */
const NOOP_EVERY_SECONDS = 10

export interface WriteTime {
  readonly ts: Timestamp
  readonly date: BsonDate
}

/** The time of the newest write: one for the set, as its data is one. */
export class ClusterTime {
  readonly #clock: Clock
  #seconds = 0
  #ordinal = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Something was written. */
  tick(): void {
    const seconds = Math.max(this.#seconds, this.#wallSeconds())
    this.#ordinal = seconds === this.#seconds ? this.#ordinal + 1 : 1
    this.#seconds = seconds
  }

  /** The last write that a member so far behind has. */
  newest(lagMs = 0): WriteTime {
    if (this.#wallSeconds() - this.#seconds >= NOOP_EVERY_SECONDS) this.tick()
    if (lagMs === 0) return { ts: new Timestamp({ t: this.#seconds, i: this.#ordinal }), date: this.#dateOf(0) }
    const behindSeconds = Math.max(0, Math.floor(this.#seconds - lagMs / 1_000))
    return { ts: new Timestamp({ t: behindSeconds, i: 1 }), date: this.#dateOf(lagMs) }
  }

  #dateOf(lagMs: number): BsonDate {
    return bsonDate(this.#seconds * 1_000 - lagMs)
  }

  #wallSeconds(): number {
    return Math.floor(this.#clock.wall() / 1_000)
  }
}
