import { BACKSLASH, CR, EQUALS, FIELD_VALUE, HEX, LF, QUOTE, QUOTED_TEXT, SEMICOLON, TOKEN } from './head/characters.js'
import { MAX_CHUNK_EXTENSION_BYTES, MAX_CHUNK_SIZE_DIGITS, MAX_MESSAGE_EXTENSION_BYTES } from './limits.js'
import type { PayloadRanges } from './piece.js'
import type { HttpReason } from './reasons.js'

const SIZE_FIRST = 0
const SIZE = 1
const EXTENSION_NAME_FIRST = 2
const EXTENSION_NAME = 3
const EXTENSION_VALUE_FIRST = 4
const EXTENSION_VALUE = 5
const QUOTED = 6
const QUOTED_PAIR = 7
const QUOTED_END = 8
const SIZE_LF = 9
const DATA = 10
const DATA_CR = 11
const DATA_LF = 12
const DONE = 13
const FAILED = 14

/**
 * Finds the payload in a chunked body (RFC 9112, 7.1), up to the line of the last chunk; what follows are trailers. In any cut: it
 * keeps where it is and no bytes.
 *
 * Chunk extensions are passed on: a recipient must ignore those it does not know (RFC 9112, 7.1.1), and a body is forwarded as it
 * stands. But only as the grammar has them, since extensions that one reader ends at a bare LF and another at CRLF were a way
 * to smuggle; without the white space that it calls bad; and within bounds.
 */
export class ChunkedScanner {
  #state = SIZE_FIRST
  #digits = 0
  #size = 0
  #extensionBytes = 0
  #messageExtensionBytes = 0
  /** Payload bytes of the chunk still to come. */
  #left = 0
  failure: HttpReason | undefined = undefined

  reset(): void {
    this.#state = SIZE_FIRST
    this.#messageExtensionBytes = 0
  }

  /** The line of the last chunk is over. */
  get isDone(): boolean {
    return this.#state === DONE
  }

  /**
   * @param ranges gets the payload
   * @returns where it stopped: behind the last chunk's line, at the refused byte, at `end`, or where `ranges` were full
   */
  scan(bytes: Uint8Array, from: number, end: number, ranges: PayloadRanges): number {
    let i = from
    while (i < end && this.#state < DONE) {
      if (this.#state !== DATA) {
        i = this.#framing(bytes[i] as number, i)
        continue
      }
      if (ranges.isFull) return i
      const stop = Math.min(end, i + this.#left)
      ranges.add(i, stop)
      this.#left -= stop - i
      if (this.#left === 0) this.#state = DATA_CR
      i = stop
    }
    return i
  }

  /** One byte that is no payload. @returns the next position, or the same when it is refused */
  #framing(byte: number, at: number): number {
    switch (this.#state) {
      case SIZE_FIRST:
        this.#size = 0
        this.#digits = 0
        this.#extensionBytes = 0
        return this.#digit(byte, at)
      case SIZE:
        if ((HEX[byte] as number) < 16) return this.#digit(byte, at)
        return this.#sizeEnd(byte, at, 'invalid_chunk_size')
      case SIZE_LF:
        if (byte !== LF) return this.#fail('bare_cr', at)
        this.#left = this.#size
        this.#state = this.#size === 0 ? DONE : DATA
        return at + 1
      case DATA_CR:
        if (byte !== CR) return this.#fail('missing_chunk_end', at)
        this.#state = DATA_LF
        return at + 1
      case DATA_LF:
        if (byte !== LF) return this.#fail('missing_chunk_end', at)
        this.#state = SIZE_FIRST
        return at + 1
      default:
        return this.#extension(byte, at)
    }
  }

  #digit(byte: number, at: number): number {
    const digit = HEX[byte] as number
    if (digit > 15) return this.#fail('invalid_chunk_size', at)
    this.#size = this.#size * 16 + digit
    if (++this.#digits > MAX_CHUNK_SIZE_DIGITS || this.#size > Number.MAX_SAFE_INTEGER) {
      return this.#fail('chunk_size_overflow', at)
    }
    this.#state = SIZE
    return at + 1
  }

  /** `chunk-ext = *( ";" chunk-ext-name [ "=" ( token / quoted-string ) ] )` */
  #extension(byte: number, at: number): number {
    this.#extensionBytes++
    this.#messageExtensionBytes++
    if (this.#extensionBytes > MAX_CHUNK_EXTENSION_BYTES || this.#messageExtensionBytes > MAX_MESSAGE_EXTENSION_BYTES) {
      return this.#fail('chunk_extension_too_large', at)
    }
    switch (this.#state) {
      case EXTENSION_NAME_FIRST:
        return this.#expect(TOKEN[byte] === 1, byte, EXTENSION_NAME, at)
      case EXTENSION_NAME:
        if (TOKEN[byte] === 1) return at + 1
        if (byte !== EQUALS) return this.#sizeEnd(byte, at, 'invalid_chunk_extension')
        this.#state = EXTENSION_VALUE_FIRST
        return at + 1
      case EXTENSION_VALUE_FIRST:
        if (byte !== QUOTE) return this.#expect(TOKEN[byte] === 1, byte, EXTENSION_VALUE, at)
        this.#state = QUOTED
        return at + 1
      case EXTENSION_VALUE:
        return TOKEN[byte] === 1 ? at + 1 : this.#sizeEnd(byte, at, 'invalid_chunk_extension')
      case QUOTED:
        if (byte === QUOTE) this.#state = QUOTED_END
        else if (byte === BACKSLASH) this.#state = QUOTED_PAIR
        else return this.#expect(QUOTED_TEXT[byte] === 1, byte, QUOTED, at)
        return at + 1
      case QUOTED_PAIR:
        return this.#expect(FIELD_VALUE[byte] === 1, byte, QUOTED, at)
      default:
        return this.#sizeEnd(byte, at, 'invalid_chunk_extension')
    }
  }

  #expect(isRight: boolean, byte: number, next: number, at: number): number {
    if (!isRight) return this.#fail(byte === LF ? 'bare_lf' : 'invalid_chunk_extension', at)
    this.#state = next
    return at + 1
  }

  /** Where the line, or another extension, may begin. */
  #sizeEnd(byte: number, at: number, reason: HttpReason): number {
    if (byte === CR) this.#state = SIZE_LF
    else if (byte === SEMICOLON) this.#state = EXTENSION_NAME_FIRST
    else return this.#fail(byte === LF ? 'bare_lf' : reason, at)
    return at + 1
  }

  #fail(reason: HttpReason, at: number): number {
    this.failure = reason
    this.#state = FAILED
    return at
  }
}
