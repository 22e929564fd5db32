import type { Frame } from '../../core/codec.js'
import type { Exchange } from '../../core/exchange.js'

/** Lists of up to this many frames are kept by length: shortening an array costs more than reading a message's header. */
const KEPT_LISTS = 8

/** Frame objects that are used again, so that a chunk allocates none. */
export class FrameList {
  readonly #pool: Frame[] = []
  readonly #lists: (readonly Frame[])[] = [[]]
  #count = 0

  clear(): void {
    this.#count = 0
  }

  add(
    start: number,
    end: number,
    first: boolean,
    last: boolean,
    exchange: Exchange | undefined,
    output: Buffer | undefined,
  ): void {
    const frame = this.#pool[this.#count++]
    if (frame === undefined) {
      this.#pool.push({ start, end, first, last, exchange, output })
      if (this.#pool.length <= KEPT_LISTS) this.#lists.push(this.#pool.slice())
      return
    }
    frame.start = start
    frame.end = end
    frame.first = first
    frame.last = last
    frame.exchange = exchange
    frame.output = output
  }

  get frames(): readonly Frame[] {
    return this.#lists[this.#count] ?? this.#pool.slice(0, this.#count)
  }
}
