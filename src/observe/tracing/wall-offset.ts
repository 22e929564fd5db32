import type { Clock } from '../../core/clock.js'

/**
 * What to add to the clock's monotonic time to get the time of day. The time of day comes in whole milliseconds, rounded down, so
 * the offset of one moment can be up to 1 ms too small: the largest seen is kept while the two clocks agree, which puts the
 * spans of one process in their true order.
 */
export class WallOffset {
  readonly #clock: Clock
  #offsetMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    const offsetMs = this.#clock.wall() - this.#clock.now()
    if (offsetMs > this.#offsetMs || offsetMs < this.#offsetMs - 1) this.#offsetMs = offsetMs
    return this.#offsetMs
  }
}
