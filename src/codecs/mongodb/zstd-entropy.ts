import { BackwardBits, highBit, malformed } from './zstd-bits.js'

/** The two entropy coders of Zstandard: finite state entropy and Huffman. (RFC 8878, 4.1 and 4.2) */

export interface FseTable {
  readonly log: number
  readonly symbols: Uint8Array
  readonly bits: Uint8Array
  readonly next: Uint16Array
}

export interface HuffmanTable {
  readonly log: number
  /** By the next `log` bits of a stream. */
  readonly symbols: Uint8Array
  readonly bits: Uint8Array
}

const MAX_WEIGHT_LOG = 6
const MAX_HUFFMAN_LOG = 11

/** One symbol for ever, in no bits. */
export function rleTable(symbol: number): FseTable {
  return { log: 0, symbols: Uint8Array.of(symbol), bits: Uint8Array.of(0), next: Uint16Array.of(0) }
}

/** @param counts by symbol, of the `1 << log` states; -1 is "less than one" */
export function fseTable(counts: readonly number[], log: number): FseTable {
  const size = 1 << log
  const symbols = new Uint8Array(size)
  const bits = new Uint8Array(size)
  const next = new Uint16Array(size)
  const following = new Uint16Array(counts.length)
  let high = size
  counts.forEach((count, symbol) => {
    if (count === -1) symbols[--high] = symbol
    following[symbol] = Math.abs(count)
  })
  const step = (size >> 1) + (size >> 3) + 3
  let at = 0
  counts.forEach((count, symbol) => {
    for (let i = 0; i < count; i++) {
      symbols[at] = symbol
      do at = (at + step) & (size - 1)
      while (at >= high)
    }
  })
  for (let state = 0; state < size; state++) {
    const symbol = symbols[state] as number
    const place = following[symbol] as number
    following[symbol] = place + 1
    const count = log - highBit(place)
    bits[state] = count
    next[state] = (place << count) - size
  }
  return { log, symbols, bits, next }
}

/** A table's description at `[at, end)`. @returns the table and the first byte behind its description */
export function readFseTable(
  bytes: Uint8Array,
  at: number,
  end: number,
  maxLog: number,
  maxSymbol: number,
): { readonly table: FseTable; readonly at: number } {
  let bit = at * 8
  const read = (count: number): number => {
    let value = 0
    for (let i = 0; i < count; i++, bit++) value |= (((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1) << i
    if (bit > end * 8) throw malformed('a table is cut off')
    return value
  }
  const log = read(4) + 5
  if (log > maxLog) throw malformed('a table is too fine')
  const counts: number[] = []
  let left = 1 << log
  while (left > 0) {
    if (counts.length > maxSymbol) throw malformed('a table has too many symbols')
    const width = highBit(left + 1) + 1
    const low = (1 << (width - 1)) - 1
    const threshold = (1 << width) - 2 - left
    let value = read(width)
    if ((value & low) < threshold) {
      value &= low
      bit--
    } else if (value > low) {
      value -= threshold
    }
    counts.push(value - 1)
    left -= Math.abs(value - 1)
    if (value !== 1) continue
    let zeros = 3
    while (zeros === 3) {
      zeros = read(2)
      for (let i = 0; i < zeros; i++) counts.push(0)
    }
  }
  if (left < 0 || counts.length > maxSymbol + 1) throw malformed('the shares of a table do not add up')
  return { table: fseTable(counts, log), at: (bit + 7) >> 3 }
}

/** @returns the table and the first byte behind its description */
export function readHuffmanTable(
  bytes: Uint8Array,
  at: number,
  end: number,
): { readonly table: HuffmanTable; readonly at: number } {
  const head = at < end ? (bytes[at] as number) : 0
  const isPacked = head < 128
  const next = at + 1 + (isPacked ? head : (head - 126) >> 1)
  if (at >= end || next > end) throw malformed('a Huffman table is cut off')
  const weights = isPacked ? packedWeights(bytes, at + 1, next) : plainWeights(bytes, at + 1, head - 127)
  return { table: huffmanTable(weights), at: next }
}

function plainWeights(bytes: Uint8Array, at: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const byte = bytes[at + (i >> 1)] as number
    return (i & 1) === 0 ? byte >> 4 : byte & 15
  })
}

/** Two states take turns until the stream has no more bits. */
function packedWeights(bytes: Uint8Array, start: number, end: number): number[] {
  const { table, at } = readFseTable(bytes, start, end, MAX_WEIGHT_LOG, MAX_HUFFMAN_LOG + 1)
  const stream = new BackwardBits(bytes, at, end)
  let state = stream.read(table.log)
  let other = stream.read(table.log)
  const weights: number[] = []
  for (;;) {
    weights.push(table.symbols[state] as number)
    const count = table.bits[state] as number
    if (stream.left < count || weights.length > 254) break
    const following = (table.next[state] as number) + stream.read(count)
    state = other
    other = following
  }
  weights.push(table.symbols[other] as number)
  return weights
}

/** The last weight is not written: it fills up the sum to a power of two. */
function huffmanTable(written: readonly number[]): HuffmanTable {
  let sum = 0
  for (const weight of written) sum += weight === 0 ? 0 : 2 ** (weight - 1)
  const log = sum === 0 ? 0 : Math.floor(Math.log2(sum)) + 1
  const missing = 2 ** log - sum
  if (log === 0 || log > MAX_HUFFMAN_LOG || written.length > 255 || (missing & (missing - 1)) !== 0) {
    throw malformed('the weights of a Huffman table do not add up')
  }
  const weights = [...written, highBit(missing) + 1]
  const symbols = new Uint8Array(1 << log)
  const bits = new Uint8Array(1 << log)
  const starts = placesOf(weights)
  weights.forEach((weight, symbol) => {
    if (weight === 0) return
    const from = starts[weight] as number
    const end = from + (1 << (weight - 1))
    symbols.fill(symbol, from, end)
    bits.fill(log + 1 - weight, from, end)
    starts[weight] = end
  })
  return { log, symbols, bits }
}

/** By weight, where the codes of its symbols begin: the lightest first. */
function placesOf(weights: readonly number[]): Uint16Array {
  const sizes = new Uint16Array(MAX_HUFFMAN_LOG + 3)
  for (const weight of weights) {
    if (weight > MAX_HUFFMAN_LOG + 1) throw malformed('a Huffman weight is too large')
    if (weight > 0) sizes[weight + 1] = (sizes[weight + 1] as number) + (1 << (weight - 1))
  }
  for (let weight = 1; weight < sizes.length; weight++) {
    sizes[weight] = (sizes[weight] as number) + (sizes[weight - 1] as number)
  }
  return sizes
}

/** Decode `count` symbols of one stream `[start, end)` to `out` at `to`. */
export function huffmanStream(
  table: HuffmanTable,
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  to: number,
  count: number,
): void {
  const stream = new BackwardBits(bytes, start, end)
  for (let i = to; i < to + count; i++) {
    const code = stream.peek(table.log)
    out[i] = table.symbols[code] as number
    stream.left -= table.bits[code] as number
  }
  if (stream.left !== 0) throw malformed('a Huffman stream has another length')
}
