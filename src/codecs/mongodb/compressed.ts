import { readInt32 } from './bson.js'
import { type Inflated, inflate, inflatePrefix } from './inflate.js'
import { PREFIX_BYTES, PREFIX_INFLATED_BYTES } from './limits.js'
import { OP_COMPRESSED } from './opcodes.js'
import type { MessageReason } from './reasons.js'

/** `original opcode | uncompressed size | compressor`. (OP_COMPRESSED specification) */
export const COMPRESSED_HEAD_BYTES = 9

/**
 * Collects the payload of one OP_COMPRESSED as its bytes come: all of it within `max_inflate`, else a prefix that may be enough
 * to find the command. A payload that lies whole in one chunk is not copied.
 */
export class CompressedPayload {
  readonly #maxInflate: number
  #compressor = 0
  #kept: Buffer | undefined = undefined
  #keptBytes = 0
  /** Bytes of the payload that are wanted. */
  #wanted = 0
  opcode = 0
  inflatedSize = 0
  /** The message inside is too large to be read whole. */
  isPrefix = false
  /** Set once all wanted bytes have come: the message inside, without its header, or why there is none. */
  inflated: Inflated | undefined = undefined

  constructor(maxInflate: number) {
    this.#maxInflate = maxInflate
  }

  get heldBytes(): number {
    return this.#kept?.length ?? 0
  }

  /** @returns why the message can't be read; '' when it may be */
  begin(bytes: Buffer, at: number, payloadBytes: number): MessageReason | '' {
    this.opcode = readInt32(bytes, at)
    this.inflatedSize = readInt32(bytes, at + 4)
    this.#compressor = bytes[at + 8] as number
    if (this.opcode === OP_COMPRESSED) return 'nested_compression'
    if (this.inflatedSize < 0) return 'inflate_size'
    // A compressor may add a little; a payload well beyond the inflated size is no honest one and not worth keeping.
    this.isPrefix = this.inflatedSize > this.#maxInflate || payloadBytes > this.#maxInflate + PREFIX_BYTES
    this.#wanted = this.isPrefix ? Math.min(payloadBytes, PREFIX_BYTES) : payloadBytes
    return ''
  }

  /** @returns the first byte not used; `inflated` is set when it was the last wanted one */
  push(bytes: Buffer, at: number, end: number): number {
    if (this.#keptBytes === 0 && end - at >= this.#wanted) {
      this.#inflate(bytes.subarray(at, at + this.#wanted))
      return at + this.#wanted
    }
    this.#kept ??= Buffer.allocUnsafe(this.#wanted)
    const copied = bytes.copy(this.#kept, this.#keptBytes, at, end)
    this.#keptBytes += copied
    if (this.#keptBytes === this.#wanted) this.#inflate(this.#kept)
    return at + copied
  }

  release(): void {
    this.#kept = undefined
    this.#keptBytes = 0
    this.inflated = undefined
    this.isPrefix = false
  }

  #inflate(payload: Buffer): void {
    this.inflated = this.isPrefix
      ? inflatePrefix(this.#compressor, payload, PREFIX_INFLATED_BYTES)
      : inflate(this.#compressor, payload, this.inflatedSize)
  }
}
