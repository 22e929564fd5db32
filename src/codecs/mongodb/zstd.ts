import { DecodeError } from '../../core/errors.js'
import { BackwardBits, malformed } from './zstd-bits.js'
import {
  type FseTable,
  fseTable,
  type HuffmanTable,
  huffmanStream,
  readFseTable,
  readHuffmanTable,
  rleTable,
} from './zstd-entropy.js'

const MAGIC = 0xfd2fb528
/** Its lowest four bits are free. */
const SKIPPABLE = 0x184d2a50
const MAX_BLOCK_BYTES = 131_072
/** Some twenty blocks' tables at their largest; more when more comes out. */
const MIN_TABLE_BUDGET = 65_536

/** What codes of one kind mean. (RFC 8878, 3.1.1.3.2.1.1) */
interface Codes {
  readonly maxLog: number
  readonly extraBits: readonly number[]
  readonly base: readonly number[]
  readonly predefined: FseTable
}

const LITERAL_LENGTHS = codes(
  9,
  0,
  [...zeros(16), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
  [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1],
  6,
)
const MATCH_LENGTHS = codes(
  9,
  3,
  [...zeros(32), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
  [
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
  ],
  6,
)
const OFFSETS = codes(
  8,
  1,
  Array.from({ length: 32 }, (_, code) => code),
  [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
  5,
)

function zeros(count: number): readonly number[] {
  return new Array<number>(count).fill(0)
}

function codes(
  maxLog: number,
  first: number,
  extraBits: readonly number[],
  counts: readonly number[],
  log: number,
): Codes {
  let next = first
  const base = extraBits.map((bits) => {
    const own = next
    next += 2 ** bits
    return own
  })
  return { maxLog, extraBits, base, predefined: fseTable(counts, log) }
}

export interface ZstdResult {
  /** Bytes written to `out`. */
  readonly length: number
  /** The payload was read to its end, nothing in it was malformed, and all had room. */
  readonly isWhole: boolean
}

/**
 * Decode `payload` into `out` until either ends, or something is malformed. For Node below 22.15, which has no zstd of its own,
 * and for prefixes. Never writes beyond `out`: a match reads what is there already, so no window is kept, and time is bounded by
 * the payload and `out` whatever the payload claims. Checksums are not verified, dictionaries not known. (RFC 8878)
 */
export function zstdInto(out: Buffer, payload: Buffer): ZstdResult {
  const decoder = new ZstdDecoder(out, payload)
  try {
    return { isWhole: decoder.run(), length: decoder.length }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { isWhole: false, length: decoder.length }
  }
}

class ZstdDecoder {
  readonly #out: Buffer
  readonly #bytes: Buffer
  #at = 0
  /** Where the current frame began in `out`: matches reach no further back. */
  #frameStart = 0
  #literals: Uint8Array = new Uint8Array(0)
  #huffman: HuffmanTable | undefined = undefined
  /** Of the block before, for those that repeat them. */
  #literalLengths: FseTable | undefined = undefined
  #offsets: FseTable | undefined = undefined
  #matchLengths: FseTable | undefined = undefined
  #repeats: [number, number, number] = [1, 4, 8]
  /** Entries of tables that may still be built: without a bound, blocks of ten bytes that hold nothing cost a table each. */
  #tableBudget: number
  length = 0

  constructor(out: Buffer, bytes: Buffer) {
    this.#out = out
    this.#bytes = bytes
    this.#tableBudget = MIN_TABLE_BUDGET + out.length
  }

  /** @returns whether the payload ended where a frame did, and all had room */
  run(): boolean {
    while (this.#at < this.#bytes.length) if (!this.#frame()) return false
    return true
  }

  #need(count: number): number {
    const at = this.#at
    if (at + count > this.#bytes.length) throw malformed('it is cut off')
    this.#at = at + count
    return at
  }

  #frame(): boolean {
    const magic = this.#bytes.readUInt32LE(this.#need(4))
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      this.#need(this.#bytes.readUInt32LE(this.#need(4)))
      return true
    }
    if (magic !== MAGIC) throw malformed('no frame')
    const hasChecksum = this.#frameHeader()
    this.#frameStart = this.length
    this.#huffman = undefined
    this.#literalLengths = undefined
    this.#offsets = undefined
    this.#matchLengths = undefined
    this.#repeats = [1, 4, 8]
    for (let isLast = false; !isLast; ) {
      const head = this.#bytes.readUIntLE(this.#need(3), 3)
      isLast = (head & 1) !== 0
      if (!this.#block((head >> 1) & 3, head >> 3)) return false
    }
    if (hasChecksum) this.#need(4)
    return true
  }

  /** @returns whether a checksum follows the frame */
  #frameHeader(): boolean {
    const flags = this.#bytes[this.#need(1)] as number
    const isSingleSegment = (flags & 0x20) !== 0
    const sizeFlag = flags >> 6
    if ((flags & 8) !== 0) throw malformed('a reserved bit is set')
    if ((flags & 3) !== 0) throw malformed('it asks for a dictionary')
    const sizeBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 1 << sizeFlag
    this.#need((isSingleSegment ? 0 : 1) + sizeBytes)
    return (flags & 4) !== 0
  }

  /** @returns false when there was no room */
  #block(type: number, size: number): boolean {
    const out = this.#out
    const from = this.length
    if (size > MAX_BLOCK_BYTES) throw malformed('a block is too large')
    switch (type) {
      case 0: {
        const at = this.#need(size)
        this.length += this.#bytes.copy(out, from, at, at + size)
        return this.length === from + size
      }
      case 1: {
        const byte = this.#bytes[this.#need(1)] as number
        this.length = Math.min(from + size, out.length)
        out.fill(byte, from, this.length)
        return this.length === from + size
      }
      case 2: {
        const at = this.#need(size)
        return this.#compressedBlock(at, at + size)
      }
      default:
        throw malformed('a block of no known type')
    }
  }

  #compressedBlock(start: number, end: number): boolean {
    const at = this.#readLiterals(start, end)
    if (at >= end) throw malformed('a block without sequences')
    const first = this.#bytes[at] as number
    if (first === 0) return this.#copyLiterals(0, this.#literals.length)
    const headBytes = first < 128 ? 1 : first < 255 ? 2 : 3
    if (at + headBytes >= end) throw malformed('a block is cut off')
    const second = this.#bytes[at + 1] as number
    const count =
      headBytes === 1
        ? first
        : headBytes === 2
          ? ((first - 128) << 8) + second
          : second + ((this.#bytes[at + 2] as number) << 8) + 0x7f00
    return this.#sequences(at + headBytes, end, count)
  }

  /** Literals of a block into `#literals`. @returns the first byte behind them */
  #readLiterals(start: number, end: number): number {
    const head = start < end ? (this.#bytes[start] as number) : 0
    const format = (head >> 2) & 3
    const isCoded = (head & 2) !== 0
    const headBytes = isCoded ? (format === 0 ? 3 : format + 2) : (format & 1) === 0 ? 1 : format === 1 ? 2 : 3
    const at = start + headBytes
    if (at > end) throw malformed('a block is cut off')
    const packed = this.#bytes.readUIntLE(start, headBytes)
    if (isCoded) return this.#readCoded(at, end, format, packed, (head & 1) === 0)
    const size = Math.floor(packed / ((format & 1) === 0 ? 8 : 16))
    const isSame = (head & 1) !== 0
    const next = at + (isSame ? 1 : size)
    if (size > MAX_BLOCK_BYTES || next > end) throw malformed('literals are cut off')
    this.#literals = isSame ? new Uint8Array(size).fill(this.#bytes[at] as number) : this.#bytes.subarray(at, next)
    return next
  }

  #readCoded(start: number, end: number, format: number, packed: number, hasTable: boolean): number {
    const width = 2 ** (format < 2 ? 10 : format === 2 ? 14 : 18)
    const sizes = Math.floor(packed / 16)
    const size = sizes % width
    const next = start + Math.floor(sizes / width)
    if (size > MAX_BLOCK_BYTES || next > end) throw malformed('literals are cut off')
    let at = start
    if (hasTable) {
      const read = readHuffmanTable(this.#bytes, at, next)
      this.#huffman = read.table
      this.#built(read.table.log)
      at = read.at
    }
    const table = this.#huffman
    if (table === undefined) throw malformed('no Huffman table to repeat')
    const literals = new Uint8Array(size)
    if (format === 0) huffmanStream(table, this.#bytes, at, next, literals, 0, size)
    else this.#fourStreams(table, at, next, literals)
    this.#literals = literals
    return next
  }

  #fourStreams(table: HuffmanTable, start: number, end: number, literals: Uint8Array): void {
    const each = (literals.length + 3) >> 2
    if (start + 6 > end || each * 3 > literals.length) throw malformed('four streams are cut off')
    let at = start + 6
    for (let i = 0; i < 4; i++) {
      const next = i === 3 ? end : at + this.#bytes.readUInt16LE(start + i * 2)
      if (next > end) throw malformed('four streams are cut off')
      const count = i === 3 ? literals.length - each * 3 : each
      huffmanStream(table, this.#bytes, at, next, literals, i * each, count)
      at = next
    }
  }

  #sequences(start: number, end: number, count: number): boolean {
    const modes = this.#bytes[start] as number
    if ((modes & 3) !== 0) throw malformed('a reserved bit is set')
    this.#at = start + 1
    const literalLengths = this.#table(modes >> 6, end, LITERAL_LENGTHS, this.#literalLengths)
    const offsets = this.#table((modes >> 4) & 3, end, OFFSETS, this.#offsets)
    const matchLengths = this.#table((modes >> 2) & 3, end, MATCH_LENGTHS, this.#matchLengths)
    this.#literalLengths = literalLengths
    this.#offsets = offsets
    this.#matchLengths = matchLengths
    const stream = new BackwardBits(this.#bytes, this.#at, end)
    this.#at = end
    let literalState = stream.read(literalLengths.log)
    let offsetState = stream.read(offsets.log)
    let matchState = stream.read(matchLengths.log)
    const blockStart = this.length
    let used = 0
    for (let left = count; left > 0; left--) {
      const offset = this.#value(OFFSETS, offsets.symbols[offsetState], stream)
      const match = this.#value(MATCH_LENGTHS, matchLengths.symbols[matchState], stream)
      const literal = this.#value(LITERAL_LENGTHS, literalLengths.symbols[literalState], stream)
      if (stream.left < 0) throw malformed('sequences are cut off')
      if (used + literal > this.#literals.length) throw malformed('literals are used up')
      if (!this.#copyLiterals(used, used + literal)) return false
      used += literal
      if (!this.#copyMatch(this.#distance(offset, literal === 0), match)) return false
      if (this.length - blockStart > MAX_BLOCK_BYTES) throw malformed('a block grows too large')
      if (left === 1) break
      literalState = (literalLengths.next[literalState] ?? 0) + stream.read(literalLengths.bits[literalState] ?? 0)
      matchState = (matchLengths.next[matchState] ?? 0) + stream.read(matchLengths.bits[matchState] ?? 0)
      offsetState = (offsets.next[offsetState] ?? 0) + stream.read(offsets.bits[offsetState] ?? 0)
    }
    if (stream.left !== 0) throw malformed('a bit stream has another length')
    return this.#copyLiterals(used, this.#literals.length)
  }

  #table(mode: number, end: number, kind: Codes, before: FseTable | undefined): FseTable {
    switch (mode) {
      case 0:
        return kind.predefined
      case 1:
        if (this.#at >= end) throw malformed('a table is cut off')
        return rleTable(this.#bytes[this.#at++] as number)
      case 2: {
        const read = readFseTable(this.#bytes, this.#at, end, kind.maxLog, kind.base.length - 1)
        this.#at = read.at
        this.#built(read.table.log)
        return read.table
      }
      default:
        if (before === undefined) throw malformed('no table to repeat')
        return before
    }
  }

  #built(log: number): void {
    this.#tableBudget -= 1 << log
    if (this.#tableBudget < 0) throw malformed('too many tables for what they decode')
  }

  #value(kind: Codes, code: number | undefined, stream: BackwardBits): number {
    const base = code === undefined ? undefined : kind.base[code]
    if (code === undefined || base === undefined) throw malformed('a code of no meaning')
    return base + stream.read(kind.extraBits[code] as number)
  }

  /** Values 1 to 3 stand for distances used before. (RFC 8878, 3.1.1.5) */
  #distance(value: number, hasNoLiterals: boolean): number {
    const [first, second, third] = this.#repeats
    if (value > 3) {
      this.#repeats = [value - 3, first, second]
      return value - 3
    }
    switch (hasNoLiterals ? value + 1 : value) {
      case 1:
        return first
      case 2:
        this.#repeats = [second, first, third]
        return second
      case 3:
        this.#repeats = [third, first, second]
        return third
      default:
        this.#repeats = [first - 1, first, second]
        return first - 1
    }
  }

  #copyLiterals(from: number, end: number): boolean {
    const room = this.#out.length - this.length
    const literals = this.#literals
    const stop = Math.min(end, from + room)
    for (let i = from; i < stop; i++) this.#out[this.length++] = literals[i] as number
    return stop === end
  }

  #copyMatch(distance: number, count: number): boolean {
    const out = this.#out
    let to = this.length
    if (distance <= 0 || distance > to - this.#frameStart) throw malformed('a match reaches too far back')
    const end = Math.min(to + count, out.length)
    const isWhole = to + count === end
    for (; to < end; to++) out[to] = out[to - distance] as number
    this.length = to
    return isWhole
  }
}
