import { MAX_MESSAGE_BYTES } from '../limits.js'
import { HEADER_BYTES, OP_COMPRESSED, OP_MSG, OP_QUERY } from './opcodes.js'

const OPCODES: ReadonlySet<number> = new Set([OP_MSG, OP_QUERY, OP_COMPRESSED])

/** Cuts a byte stream into whole messages by their length prefix. */
export class Inbox {
  #chunks: Buffer[] = []
  #bytes = 0

  /** Bytes held: whole messages and the start of the next one. */
  get bytes(): number {
    return this.#bytes
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
  }

  /**
   * @returns the next whole message, undefined while it is incomplete, or 'garbage' as soon as its header cannot be one: a
   * stream of something else must not be collected until a length read from it is reached
   */
  take(): Buffer | 'garbage' | undefined {
    if (this.#bytes < 4) return undefined
    const start = this.#start()
    const length = start.readInt32LE(0)
    if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) return 'garbage'
    if (start.length >= HEADER_BYTES && !OPCODES.has(start.readInt32LE(12))) return 'garbage'
    return this.#bytes < length ? undefined : this.#cut(length)
  }

  /** The first chunk, which holds the whole header when that is there. */
  #start(): Buffer {
    const first = this.#chunks[0]
    if (first !== undefined && (first.length >= HEADER_BYTES || this.#chunks.length === 1)) return first
    const joined = Buffer.concat(this.#chunks)
    this.#chunks = [joined]
    return joined
  }

  #cut(length: number): Buffer {
    const first = this.#chunks[0]
    const whole = first !== undefined && first.length >= length ? first : Buffer.concat(this.#chunks)
    const message = whole.subarray(0, length)
    if (whole === first) this.#chunks.shift()
    else this.#chunks = []
    if (whole.length > length) this.#chunks.unshift(whole.subarray(length))
    this.#bytes -= length
    return message
  }
}
