import type { Frame } from '../../core/codec.js'
import type { Exchange } from '../../core/exchange.js'

/** Frame objects that are used again, so that a chunk of many small messages allocates none. */
export class FrameList {
  readonly #pool: Frame[] = []
  readonly #out: Frame[] = []

  clear(): void {
    this.#out.length = 0
  }

  add(start: number, end: number, first: boolean, last: boolean, exchange: Exchange | undefined): void {
    const index = this.#out.length
    const frame = this.#pool[index]
    if (frame === undefined) {
      const made: Frame = { start, end, first, last, exchange }
      this.#pool.push(made)
      this.#out.push(made)
      return
    }
    frame.start = start
    frame.end = end
    frame.first = first
    frame.last = last
    frame.exchange = exchange
    this.#out.push(frame)
  }

  get frames(): readonly Frame[] {
    return this.#out
  }
}
