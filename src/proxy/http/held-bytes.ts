import { MIN_HELD_BYTES } from './limits.js'

const NO_BYTES = Buffer.alloc(0)

/** Bytes of a section that was cut, until it is whole. Its owner bounds it. */
export class HeldBytes {
  #buffer: Buffer | undefined = undefined
  length = 0

  add(chunk: Buffer, from: number, end: number): void {
    const needed = this.length + end - from
    if (needed === this.length) return
    const buffer = this.#buffer !== undefined && needed <= this.#buffer.length ? this.#buffer : this.#grow(needed)
    chunk.copy(buffer, this.length, from, end)
    this.length = needed
  }

  /** All of them; the caller's own. */
  take(): Buffer {
    const bytes = this.#buffer?.subarray(0, this.length) ?? NO_BYTES
    this.clear()
    return bytes
  }

  clear(): void {
    this.#buffer = undefined
    this.length = 0
  }

  #grow(needed: number): Buffer {
    const grown = Buffer.allocUnsafe(Math.max(MIN_HELD_BYTES, needed * 2))
    this.#buffer?.copy(grown, 0, 0, this.length)
    this.#buffer = grown
    return grown
  }
}
