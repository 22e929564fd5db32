const BACKSLASH = 0x5c
const QUOTE = 0x22
/** Beyond so many bytes a string is searched by memchr: a call into it costs about as much as looking at 64 bytes. */
const SHORT_STRING = 64

/** What the functions of this file return besides an index. */
export const UNFINISHED = -1
export const BROKEN = -2
/** Unfinished, and the last byte escapes the next one. */
export const ESCAPED_END = -3

/**
 * The index after the closing quote, `UNFINISHED` or `ESCAPED_END`. `begin` must not be inside an escape.
 */
export function skipString(bytes: Buffer, begin: number): number {
  const length = bytes.length
  const short = begin + SHORT_STRING < length ? begin + SHORT_STRING : length
  let at = begin
  while (at < short) {
    const byte = bytes[at++] as number
    if (byte === QUOTE) return at
    if (byte === BACKSLASH) {
      if (at === length) return ESCAPED_END
      at++
    }
  }
  return at >= length ? UNFINISHED : skipLongString(bytes, at)
}

function skipLongString(bytes: Buffer, begin: number): number {
  let from = begin
  for (;;) {
    const quote = bytes.indexOf(QUOTE, from)
    const end = quote < 0 ? bytes.length : quote
    // The quote is escaped when an odd number of backslashes stands before it.
    let slashes = end
    while (slashes > from && bytes[slashes - 1] === BACKSLASH) slashes--
    const isEscaped = ((end - slashes) & 1) === 1
    if (quote < 0) return isEscaped ? ESCAPED_END : UNFINISHED
    if (!isEscaped) return quote + 1
    from = quote + 1
  }
}

/** The index of the closing quote when the string ends in `bytes` and has no escape; -1 otherwise. */
export function plainStringEnd(bytes: Buffer, at: number): number {
  for (let i = at; i < bytes.length; i++) {
    const byte = bytes[i] as number
    if (byte === QUOTE) return i
    if (byte === BACKSLASH) return -1
  }
  return -1
}

const NO_BYTES = Buffer.alloc(0)
const SIMPLE_ESCAPES: Readonly<Record<number, number>> = {
  34: 34,
  47: 47,
  92: 92,
  98: 8,
  102: 12,
  110: 10,
  114: 13,
  116: 9,
}
/** U+FFFD: what half of a surrogate pair becomes in UTF-8. */
const REPLACEMENT = 0xfffd

/**
 * One string, collected over any cuts and with its escapes decoded to UTF-8 (RFC 8259, section 7), up to a bound. Its buffer
 * grows with what it holds and is kept for the next one.
 */
export class JsonText {
  bytes: Buffer = NO_BYTES
  length = 0
  /** It is longer than the bound: only its beginning is here. */
  isCut = false
  #max = 0
  /** Inside an escape: 1 after the backslash, 2 to 5 before the digits of `\u`. */
  #escape = 0
  #unit = 0
  /** The first half of a surrogate pair; 0 when none waits. */
  #high = 0

  start(maxBytes: number): void {
    this.length = 0
    this.isCut = false
    this.#max = maxBytes
    this.#escape = 0
    this.#high = 0
  }

  /** @returns the index after the closing quote, `UNFINISHED` or `BROKEN` */
  push(bytes: Buffer, at: number): number {
    for (let i = at; i < bytes.length; i++) {
      const byte = bytes[i] as number
      if (this.#escape > 0) {
        if (!this.#pushEscape(byte)) return BROKEN
      } else if (byte === BACKSLASH) {
        this.#escape = 1
      } else {
        if (this.#high !== 0) this.#endPair()
        if (byte === QUOTE) return i + 1
        this.#append(byte)
      }
    }
    return UNFINISHED
  }

  /** As it is: of numbers. */
  append(bytes: Buffer, start: number, end: number): void {
    for (let i = start; i < end; i++) this.#append(bytes[i] as number)
  }

  #pushEscape(byte: number): boolean {
    if (this.#escape === 1) {
      if (byte === 0x75) {
        this.#escape = 2
        this.#unit = 0
        return true
      }
      this.#escape = 0
      const plain = SIMPLE_ESCAPES[byte]
      if (plain === undefined) return false
      if (this.#high !== 0) this.#endPair()
      this.#append(plain)
      return true
    }
    const digit = hexDigit(byte)
    if (digit < 0) return false
    this.#unit = (this.#unit << 4) | digit
    this.#escape = this.#escape === 5 ? 0 : this.#escape + 1
    if (this.#escape === 0) this.#pushUnit(this.#unit)
    return true
  }

  #pushUnit(unit: number): void {
    const isLow = unit >= 0xdc00 && unit <= 0xdfff
    if (this.#high !== 0 && isLow) {
      const point = 0x10000 + ((this.#high - 0xd800) << 10) + (unit - 0xdc00)
      this.#high = 0
      this.#appendPoint(point)
      return
    }
    if (this.#high !== 0) this.#endPair()
    if (unit >= 0xd800 && unit <= 0xdbff) this.#high = unit
    else this.#appendPoint(isLow ? REPLACEMENT : unit)
  }

  #endPair(): void {
    this.#high = 0
    this.#appendPoint(REPLACEMENT)
  }

  /** UTF-8. (RFC 3629, section 3) */
  #appendPoint(point: number): void {
    if (point < 0x80) {
      this.#append(point)
      return
    }
    if (point < 0x800) {
      this.#append(0xc0 | (point >> 6))
    } else {
      if (point < 0x10000) {
        this.#append(0xe0 | (point >> 12))
      } else {
        this.#append(0xf0 | (point >> 18))
        this.#append(0x80 | ((point >> 12) & 0x3f))
      }
      this.#append(0x80 | ((point >> 6) & 0x3f))
    }
    this.#append(0x80 | (point & 0x3f))
  }

  #append(byte: number): void {
    if (this.length >= this.#max) {
      this.isCut = true
      return
    }
    if (this.length === this.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(64, this.bytes.length * 2))
      this.bytes.copy(grown)
      this.bytes = grown
    }
    this.bytes[this.length++] = byte
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
