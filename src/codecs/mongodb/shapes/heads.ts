import { MAX_HEAD_BYTES } from './request-parts.js'

/** Of one codec: what requests that are cut across chunks may hold together. */
const MAX_HEADS = (8 * 1_048_576) / MAX_HEAD_BYTES
/** Kept for the next one: cut requests are rare, and a few are cut at the same time. */
const MAX_IDLE = 16

/** The first bytes of a request that comes in pieces. */
export interface Head {
  readonly bytes: Buffer
  length: number
}

/** Buffers for heads: few, bounded, lent from a request's first piece to its end. */
export class Heads {
  readonly #idle: Head[] = []
  #lent = 0
  /** Requests that got none: too many were cut at that time. */
  refused = 0

  get lentBytes(): number {
    return this.#lent * MAX_HEAD_BYTES
  }

  take(): Head | undefined {
    if (this.#lent >= MAX_HEADS) {
      this.refused++
      return undefined
    }
    this.#lent++
    const head = this.#idle.pop() ?? { bytes: Buffer.allocUnsafeSlow(MAX_HEAD_BYTES), length: 0 }
    head.length = 0
    return head
  }

  give(head: Head): void {
    this.#lent--
    if (this.#idle.length < MAX_IDLE) this.#idle.push(head)
  }
}

export function append(head: Head, chunk: Buffer, at: number, end: number): void {
  if (head.length < MAX_HEAD_BYTES) head.length += chunk.copy(head.bytes, head.length, at, end)
}
