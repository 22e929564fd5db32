import { crc32 } from 'node:zlib'
import { HuffmanCode } from './huffman.js'

export type InflateFailure = '' | 'inflate_failed' | 'inflate_limit'

// Where the stream is. One gzip member is HEADER, BLOCK, then STORED or CODES and BLOCK again, TRAILER; another one may follow.
const HEADER = 0
const BLOCK = 1
const STORED = 2
const CODES = 3
const TRAILER = 4
const FAILED = 5

/** No header of a block is longer, in bytes: 17 bits, 19 lengths of 3 bits, 316 lengths of up to 14 bits. (RFC 1951, 3.2.7) */
const MAX_BLOCK_HEADER = 600
/** No length with its distance is longer: 48 bits, and up to 4 bytes are read ahead. */
const MAX_PAIR = 12
/** A gzip header is longer only with a file's name or comment, which HTTP has no use for. */
const MAX_HEADER = 1_024
const WINDOW = 32_768
const MAX_LENGTH = 258

const LENGTHS = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
]
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]
const DISTANCES = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
]
const DISTANCE_BITS = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13]
const LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

const NO_BYTES = Buffer.alloc(0)

/**
 * Inflates gzip (RFC 1952, 1951) that comes in chunks of any cut, in pieces of at most 64 KiB. Written here because node:zlib can
 * do it piece by piece only asynchronously, or whole at once: a codec is synchronous, and must not hold a body. Holds 64 KiB of
 * output, and less than a block's header of input. Never throws.
 */
export class Gunzip {
  failure: InflateFailure = ''
  readonly #maxBytes: number
  readonly #output: (bytes: Buffer) => void
  readonly #out = Buffer.allocUnsafe(2 * WINDOW)
  readonly #lengths = new Uint8Array(320)
  readonly #literals = new HuffmanCode(288)
  readonly #distances = new HuffmanCode(32)
  #state = HEADER
  #isLastBlock = false
  /** The end of input: what is missing never comes. */
  #isEnd = false
  #stored = 0
  #input: Buffer = NO_BYTES
  #at = 0
  #bits = 0
  #bitCount = 0
  #written = 0
  #emitted = 0
  /** Of this member. */
  #size = 0
  #crc = 0
  #total = 0
  #members = 0

  /** `output` gets views, valid during the call only. Beyond `maxBytes` of output it gives up. */
  constructor(maxBytes: number, output: (bytes: Buffer) => void) {
    this.#maxBytes = maxBytes
    this.#output = output
  }

  push(chunk: Buffer): void {
    if (this.#state === FAILED) return
    const rest = this.#input.length - this.#at
    this.#input = rest === 0 ? chunk : Buffer.concat([this.#input.subarray(this.#at), chunk])
    this.#at = 0
    this.#run()
    // The chunk belongs to its owner.
    this.#input = this.#state === FAILED ? NO_BYTES : Buffer.from(this.#input.subarray(this.#at))
    this.#at = 0
  }

  end(): void {
    this.#isEnd = true
    if (this.#state === FAILED) return
    this.#run()
    const isWhole = this.#state === HEADER && this.#members > 0
    if (this.#state !== FAILED && !isWhole) this.#fail('inflate_failed')
    this.#input = NO_BYTES
  }

  #run(): void {
    while (this.#step()) if (this.#at > this.#input.length) this.#fail('inflate_failed')
    if (this.#state !== FAILED) this.#emit()
  }

  /** @returns false when more input is needed, or nothing more can be done */
  #step(): boolean {
    switch (this.#state) {
      case HEADER:
        return this.#header()
      case BLOCK:
        return (this.#isLastBlock || this.#has(MAX_BLOCK_HEADER)) && this.#block()
      case STORED:
        return this.#copyStored()
      case CODES:
        return this.#codes()
      case TRAILER:
        return this.#trailer()
      default:
        return false
    }
  }

  #has(bytes: number): boolean {
    return this.#isEnd || this.#input.length - this.#at >= bytes
  }

  /** RFC 1952, section 2.3 */
  #header(): boolean {
    const input = this.#input.subarray(this.#at)
    if (input.length === 0 || !this.#has(10)) return false
    if (input.length < 10 || input[0] !== 0x1f || input[1] !== 0x8b || input[2] !== 8) {
      // Zeros may follow the last member; anything else is no gzip.
      return this.#fail('inflate_failed')
    }
    const flags = input[3] as number
    let at = 10
    if ((flags & 4) !== 0) at += 2 + (input.length < 12 ? MAX_HEADER : input.readUInt16LE(10))
    for (const flag of [8, 16]) {
      if ((flags & flag) === 0) continue
      const zero = at < input.length ? input.indexOf(0, at) : -1
      at = zero < 0 ? input.length + 1 : zero + 1
    }
    if ((flags & 2) !== 0) at += 2
    if (at > input.length) return this.#isEnd || input.length > MAX_HEADER ? this.#fail('inflate_failed') : false
    this.#at += at
    this.#state = BLOCK
    this.#isLastBlock = false
    this.#size = 0
    this.#crc = 0
    return true
  }

  #need(count: number): void {
    while (this.#bitCount < count) {
      this.#bits |= (this.#input[this.#at++] ?? 0) << this.#bitCount
      this.#bitCount += 8
    }
  }

  /** At most 16 bits, lowest first. */
  #take(count: number): number {
    this.#need(count)
    const value = this.#bits & ((1 << count) - 1)
    this.#drop(count)
    return value
  }

  #drop(count: number): void {
    this.#bits >>>= count
    this.#bitCount -= count
  }

  /** A symbol of the code; -1 when there is none. */
  #symbol(code: HuffmanCode): number {
    this.#need(15)
    const found = code.decode(this.#bits)
    if (found < 0) return -1
    this.#drop(found & 15)
    return found >> 4
  }

  /** To the next whole byte; those read ahead are given back. */
  #align(): void {
    this.#at -= this.#bitCount >> 3
    this.#bits = 0
    this.#bitCount = 0
  }

  /** RFC 1951, section 3.2.3 */
  #block(): boolean {
    if (this.#isLastBlock) {
      this.#align()
      this.#state = TRAILER
      return true
    }
    this.#isLastBlock = this.#take(1) === 1
    switch (this.#take(2)) {
      case 0: {
        this.#align()
        if (this.#input.length - this.#at < 4) return this.#fail('inflate_failed')
        this.#stored = this.#input.readUInt16LE(this.#at)
        if ((this.#stored ^ 0xffff) !== this.#input.readUInt16LE(this.#at + 2)) return this.#fail('inflate_failed')
        this.#at += 4
        this.#state = STORED
        return true
      }
      case 1:
        this.#lengths.fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280, 288).fill(5, 288, 320)
        this.#literals.build(this.#lengths, 0, 288)
        // The last two of 32 codes of 5 bits are never used.
        this.#distances.build(this.#lengths, 288, 32)
        this.#state = CODES
        return true
      case 2:
        if (!this.#readCodes()) return this.#fail('inflate_failed')
        this.#state = CODES
        return true
      default:
        return this.#fail('inflate_failed')
    }
  }

  /** RFC 1951, section 3.2.7 */
  #readCodes(): boolean {
    const literals = this.#take(5) + 257
    const distances = this.#take(5) + 1
    const orders = this.#take(4) + 4
    const lengths = this.#lengths.fill(0)
    for (let i = 0; i < orders; i++) lengths[LENGTH_ORDER[i] as number] = this.#take(3)
    if (literals > 286 || distances > 30 || !this.#literals.build(lengths, 0, 19)) return false
    lengths.fill(0)
    let count = 0
    while (count < literals + distances) {
      const symbol = this.#symbol(this.#literals)
      if (symbol < 0) return false
      if (symbol < 16) {
        lengths[count++] = symbol
        continue
      }
      if (symbol === 16 && count === 0) return false
      const value = symbol === 16 ? (lengths[count - 1] as number) : 0
      const repeat = symbol === 16 ? 3 + this.#take(2) : symbol === 17 ? 3 + this.#take(3) : 11 + this.#take(7)
      if (count + repeat > literals + distances) return false
      lengths.fill(value, count, count + repeat)
      count += repeat
    }
    // Without a code for the end of the block it would have none.
    if (lengths[256] === 0) return false
    return this.#literals.build(lengths, 0, literals) && this.#distances.build(lengths, literals, distances)
  }

  #copyStored(): boolean {
    const count = Math.min(this.#stored, this.#input.length - this.#at)
    if (count === 0 && this.#stored > 0) return this.#isEnd ? this.#fail('inflate_failed') : false
    for (let i = 0; i < count; i++) {
      if (this.#written === this.#out.length) this.#slide()
      this.#out[this.#written++] = this.#input[this.#at++] as number
    }
    this.#stored -= count
    if (this.#stored === 0) this.#state = BLOCK
    return true
  }

  #codes(): boolean {
    while (this.#isEnd || this.#at + MAX_PAIR <= this.#input.length) {
      const symbol = this.#symbol(this.#literals)
      if (symbol < 256) {
        if (symbol < 0) return this.#fail('inflate_failed')
        if (this.#written === this.#out.length) this.#slide()
        this.#out[this.#written++] = symbol
      } else if (symbol === 256) {
        this.#state = BLOCK
        return true
      } else if (!this.#copyPair(symbol - 257)) {
        return this.#fail('inflate_failed')
      }
      // Bits read behind the end are no bits.
      if (this.#at - (this.#bitCount >> 3) > this.#input.length) return this.#fail('inflate_failed')
      if (this.#state === FAILED) return false
    }
    return false
  }

  #copyPair(index: number): boolean {
    if (index >= LENGTHS.length) return false
    const length = (LENGTHS[index] as number) + this.#take(LENGTH_BITS[index] as number)
    const symbol = this.#symbol(this.#distances)
    if (symbol < 0 || symbol >= DISTANCES.length) return false
    const distance = (DISTANCES[symbol] as number) + this.#take(DISTANCE_BITS[symbol] as number)
    if (this.#written + MAX_LENGTH > this.#out.length) this.#slide()
    if (distance > this.#written || distance > this.#memberBytes) return false
    const out = this.#out
    let to = this.#written
    for (let from = to - distance, end = to + length; to < end; ) out[to++] = out[from++] as number
    this.#written = to
    return true
  }

  get #memberBytes(): number {
    return this.#size + this.#written - this.#emitted
  }

  /** Makes room: the last 32 KiB stay, for distances go back so far. */
  #slide(): void {
    this.#emit()
    const keep = Math.min(WINDOW, this.#written)
    this.#out.copyWithin(0, this.#written - keep, this.#written)
    this.#written = keep
    this.#emitted = keep
  }

  #emit(): void {
    const bytes = this.#out.subarray(this.#emitted, this.#written)
    this.#emitted = this.#written
    if (bytes.length === 0) return
    this.#size += bytes.length
    this.#total += bytes.length
    if (this.#total > this.#maxBytes) {
      this.#fail('inflate_limit')
      return
    }
    this.#crc = crc32(bytes, this.#crc)
    this.#output(bytes)
  }

  #trailer(): boolean {
    if (!this.#has(8)) return false
    this.#emit()
    if (this.#state === FAILED || this.#input.length - this.#at < 8) return this.#fail('inflate_failed')
    const isRight =
      this.#input.readUInt32LE(this.#at) === this.#crc && this.#input.readUInt32LE(this.#at + 4) === this.#size >>> 0
    if (!isRight) return this.#fail('inflate_failed')
    this.#at += 8
    this.#members++
    this.#state = HEADER
    return true
  }

  #fail(failure: InflateFailure): false {
    if (this.#state !== FAILED) this.failure = failure
    this.#state = FAILED
    return false
  }
}
