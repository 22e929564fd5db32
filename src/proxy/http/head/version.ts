const PREFIX = 'HTTP/'
const LENGTH = PREFIX.length + 3
const DOT = 0x2e
const ZERO = 0x30

/** Reads `HTTP/digit.digit`, case-sensitive (RFC 9112, 2.3), in any cut. */
export class VersionScanner {
  #count = 0
  isInvalid = false
  major = 0
  minor = 0

  reset(): void {
    this.#count = 0
  }

  get isDone(): boolean {
    return this.#count === LENGTH
  }

  /** The message can be read: what HTTP/2 looks like on the wire is something else, and 0.9 has no version. */
  get isSupported(): boolean {
    return this.major === 1 && this.minor <= 1
  }

  /** @returns behind the version, at the wrong byte (`isInvalid`), or `end` */
  scan(bytes: Uint8Array, from: number, end: number): number {
    let i = from
    for (; i < end && this.#count < LENGTH; i++, this.#count++) {
      const byte = bytes[i] as number
      if (!this.#takes(byte, this.#count)) {
        this.isInvalid = true
        return i
      }
    }
    return i
  }

  #takes(byte: number, index: number): boolean {
    if (index < PREFIX.length) return byte === PREFIX.charCodeAt(index)
    if (index === PREFIX.length + 1) return byte === DOT
    const digit = byte - ZERO
    if (index === PREFIX.length) this.major = digit
    else this.minor = digit
    return digit >= 0 && digit <= 9
  }
}

/**
 * Content types of TLS records: alert and handshake. Both are control characters, so that no HTTP message begins with one, and
 * one byte is enough to say what it must be.
 */
export function isTls(firstByte: number): boolean {
  return firstByte === 0x16 || firstByte === 0x15
}
