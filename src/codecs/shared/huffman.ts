/** Codes up to so many bits are found by one look into a table. */
const FAST_BITS = 9
const MAX_BITS = 15

/** A canonical Huffman code as deflate has it. (RFC 1951, section 3.2.2) */
export class HuffmanCode {
  /** By the next `FAST_BITS` bits: symbol × 16 + length; 0 for longer codes. */
  readonly #fast = new Uint16Array(1 << FAST_BITS)
  readonly #counts = new Uint16Array(MAX_BITS + 1)
  readonly #symbols: Uint16Array
  readonly #next = new Uint16Array(MAX_BITS + 1)

  constructor(maxSymbols: number) {
    this.#symbols = new Uint16Array(maxSymbols)
  }

  /** @returns false when the lengths make no code: too many of them, or (but for a single one) too few */
  build(lengths: Uint8Array, begin: number, count: number): boolean {
    const counts = this.#counts.fill(0)
    for (let i = 0; i < count; i++)
      counts[lengths[begin + i] as number] = (counts[lengths[begin + i] as number] as number) + 1
    let left = 1
    for (let bits = 1; bits <= MAX_BITS; bits++) {
      left = left * 2 - (counts[bits] as number)
      if (left < 0) return false
    }
    const used = count - (counts[0] as number)
    if (left > 0 && used > 1) return false
    this.#fill(lengths, begin, count)
    return true
  }

  /**
   * The next symbol of `bits`, whose lowest bit comes first.
   * @returns symbol × 16 + its length in bits, or -1 when the bits are no code
   */
  decode(bits: number): number {
    const fast = this.#fast[bits & ((1 << FAST_BITS) - 1)] as number
    return fast !== 0 ? fast : this.#decodeLong(bits)
  }

  #fill(lengths: Uint8Array, begin: number, count: number): void {
    const offsets = this.#next
    offsets[1] = 0
    for (let bits = 1; bits < MAX_BITS; bits++)
      offsets[bits + 1] = (offsets[bits] as number) + (this.#counts[bits] as number)
    for (let symbol = 0; symbol < count; symbol++) {
      const length = lengths[begin + symbol] as number
      if (length === 0) continue
      this.#symbols[offsets[length] as number] = symbol
      offsets[length] = (offsets[length] as number) + 1
    }
    this.#fast.fill(0)
    let code = 0
    let at = 0
    for (let length = 1; length <= FAST_BITS; length++, code <<= 1) {
      for (let i = this.#counts[length] as number; i > 0; i--, code++, at++) {
        const entry = (this.#symbols[at] as number) * 16 + length
        for (let slot = reversed(code, length); slot < 1 << FAST_BITS; slot += 1 << length) this.#fast[slot] = entry
      }
    }
  }

  #decodeLong(bits: number): number {
    let rest = bits
    let code = 0
    let first = 0
    let index = 0
    for (let length = 1; length <= MAX_BITS; length++) {
      code |= rest & 1
      rest >>>= 1
      const count = this.#counts[length] as number
      if (code - count < first) return (this.#symbols[index + (code - first)] as number) * 16 + length
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    return -1
  }
}

function reversed(code: number, length: number): number {
  let result = 0
  for (let i = 0; i < length; i++) result |= ((code >> i) & 1) << (length - 1 - i)
  return result
}
