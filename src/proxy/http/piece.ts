import type { FieldList } from './head/field-list.js'
import type { MessageHead } from './head/heads.js'
import { MAX_RANGES } from './limits.js'
import type { HttpReason } from './reasons.js'

export type HttpPieceKind =
  /** Nothing to write yet: the chunk ended inside a head or trailers, and what came was copied; or an empty line was passed over. */
  | 'none'
  /** A whole head. */
  | 'head'
  /** Some of a body, with the framing around it. */
  | 'body'
  /** What follows the last chunk: trailer fields (or none), and the empty line. */
  | 'trailers'
  /** Nothing can be read from here on, ever. */
  | 'refused'

/** Where payload stands in the chunk: up to `MAX_RANGES` pairs. */
export class PayloadRanges {
  readonly #numbers: number[] = []
  count = 0

  clear(): void {
    this.count = 0
  }

  get isFull(): boolean {
    return this.count === MAX_RANGES
  }

  add(start: number, end: number): void {
    const at = this.count * 2
    this.#numbers[at] = start
    this.#numbers[at + 1] = end
    this.count++
  }

  start(index: number): number {
    return this.#numbers[index * 2] as number
  }

  end(index: number): number {
    return this.#numbers[index * 2 + 1] as number
  }
}

/**
 * The next piece of a direction. One object per parser, filled again by each `next`. Pieces cover the input exactly, in order,
 * but for empty lines between requests.
 */
export interface HttpPiece<H extends MessageHead> {
  kind: HttpPieceKind
  /** Where in the chunk the next piece begins; of a refusal, the byte that was refused. */
  next: number
  /** The message's bytes as they came: `[start, end)` of `bytes`, which is the chunk, or a copy of what was cut. */
  bytes: Buffer
  start: number
  end: number
  /** The message ends with this piece. Never with an interim reply (1xx): it is no end of what answers the request. */
  last: boolean
  /** Of a body: its payload in the chunk. */
  readonly payload: PayloadRanges
  /** Of kind `head`. */
  head: H | undefined
  /** Of kind `trailers`. */
  trailers: FieldList | undefined
  /** Of kind `refused`. */
  reason: HttpReason | undefined
}
