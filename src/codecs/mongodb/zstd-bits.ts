import { DecodeError } from '../../core/errors.js'
import { readInt32 } from './bson.js'

export function malformed(what: string): DecodeError {
  return new DecodeError('inflate_failed', `Malformed zstd: ${what}`)
}

/** Index of the highest set bit of a positive number. */
export function highBit(value: number): number {
  return 31 - Math.clz32(value)
}

/** Bits from the end of `[start, end)` towards its start, as entropy-coded data is laid out; the last byte's highest bit marks the end. */
export class BackwardBits {
  readonly #bytes: Uint8Array
  readonly #start: number
  /** Bits not read yet; below 0 when more were asked for than there are (they read as 0). */
  left: number

  constructor(bytes: Uint8Array, start: number, end: number) {
    const last = end > start ? (bytes[end - 1] as number) : 0
    if (last === 0) throw malformed('a bit stream without its end mark')
    this.#bytes = bytes
    this.#start = start
    this.left = (end - start - 1) * 8 + highBit(last)
  }

  /** At most 16 bits. What is read beyond the stream's end lies above them. */
  peek(count: number): number {
    const from = this.left - count
    if (from >= 0) {
      return (readInt32(this.#bytes, this.#start + (from >> 3)) >>> (from & 7)) & ((1 << count) - 1)
    }
    if (this.left <= 0) return 0
    return (readInt32(this.#bytes, this.#start) & ((1 << this.left) - 1)) << -from
  }

  /** At most 31 bits. */
  read(count: number): number {
    if (count <= 16) {
      const value = this.peek(count)
      this.left -= count
      return value
    }
    const high = this.read(count - 16)
    return high * 65_536 + this.read(16)
  }
}
