import { MAX_METHOD_BYTES } from '../limits.js'
import type { HttpReason } from '../reasons.js'
import { CR, LF, SPACE, TARGET, TOKEN } from './characters.js'
import { reasonOfControl } from './field-scanner.js'
import { isTls, VersionScanner } from './version.js'

const START = 0
const START_LF = 1
const METHOD = 2
const TARGET_FIRST = 3
const TARGET_REST = 4
const VERSION = 5
const LINE_LF = 6
const DONE = 7
const FAILED = 8

/**
 * Reads `method SP request-target SP HTTP-version CRLF` (RFC 9112, 3): exactly one space between, nothing around. In any cut:
 * it keeps where it is and no bytes. One empty line before it is passed over (RFC 9112, 2.2: some clients send a CRLF behind
 * the body of a POST).
 */
export class RequestLine {
  #state = START
  #hasSeenEmptyLine = false
  readonly version = new VersionScanner()
  failure: HttpReason | undefined = undefined
  /** From `base` on. The method begins there, the target one byte behind the method. */
  methodEnd = 0
  targetEnd = 0

  reset(): void {
    this.#state = START
    this.#hasSeenEmptyLine = false
    this.version.reset()
  }

  get isDone(): boolean {
    return this.#state === DONE
  }

  /** No byte of a message has come; an empty line, or its CR, may have. */
  get isAtStart(): boolean {
    return this.#state === START || this.#state === START_LF
  }

  /** Why a head is too large while this line is not yet done. */
  get tooLarge(): HttpReason {
    return 'target_too_long'
  }

  /**
   * Passes over an empty line before the message, in any cut. For as long as `isAtStart`, before `scan`.
   * @returns the first byte that is no part of it; or `end`
   */
  skip(bytes: Uint8Array, from: number, end: number): number {
    let i = from
    if (i < end && this.#state === START && bytes[i] === CR) {
      if (this.#hasSeenEmptyLine) return this.#fail('empty_line', i)
      this.#hasSeenEmptyLine = true
      this.#state = START_LF
      i++
    }
    if (i < end && this.#state === START_LF) {
      if (bytes[i] !== LF) return this.#fail('bare_cr', i)
      this.#state = START
      i++
      if (i < end && bytes[i] === CR) return this.#fail('empty_line', i)
    }
    return i
  }

  /**
   * @param base where the head begins, in terms of `bytes`; negative when it began in an earlier chunk
   * @returns where it stopped: behind the line, at the refused byte, or at `end`
   */
  scan(bytes: Uint8Array, from: number, end: number, base: number): number {
    let i = from
    while (i < end && this.#state < DONE) {
      switch (this.#state) {
        case START:
          if (TOKEN[bytes[i] as number] !== 1) return this.#fail(reasonAtStart(bytes[i] as number), i)
          this.#state = METHOD
          break
        case METHOD:
          while (i < end && TOKEN[bytes[i] as number] === 1) i++
          if (i - base > MAX_METHOD_BYTES) return this.#fail('invalid_method', base + MAX_METHOD_BYTES)
          if (i === end) break
          if (bytes[i] !== SPACE) return this.#fail('invalid_method', i)
          this.methodEnd = i - base
          this.#state = TARGET_FIRST
          i++
          break
        case TARGET_FIRST:
          if (TARGET[bytes[i] as number] !== 1) return this.#fail(reasonInTarget(bytes[i] as number, true), i)
          this.#state = TARGET_REST
          i++
          break
        case TARGET_REST:
          while (i < end && TARGET[bytes[i] as number] === 1) i++
          if (i === end) break
          if (bytes[i] !== SPACE) return this.#fail(reasonInTarget(bytes[i] as number, false), i)
          this.targetEnd = i - base
          this.#state = VERSION
          i++
          break
        case VERSION:
          i = this.version.scan(bytes, i, end)
          if (this.version.isInvalid) return this.#fail('invalid_version', i)
          if (!this.version.isDone) break
          // 2.0 may be a preface: what it is shows when the head is whole.
          if (!this.version.isSupported && this.version.major !== 2) return this.#fail('unsupported_version', i - 1)
          if (i === end) break
          if (bytes[i] !== CR) return this.#fail(bytes[i] === LF ? 'bare_lf' : 'invalid_version', i)
          this.#state = LINE_LF
          i++
          break
        default:
          if (bytes[i] !== LF) return this.#fail('bare_cr', i)
          this.#state = DONE
          i++
      }
    }
    return i
  }

  #fail(reason: HttpReason, at: number): number {
    this.failure = reason
    this.#state = FAILED
    return at
  }
}

function reasonAtStart(byte: number): HttpReason {
  if (isTls(byte)) return 'tls_on_plain_port'
  return byte === LF ? 'bare_lf' : 'invalid_method'
}

function reasonInTarget(byte: number, isFirst: boolean): HttpReason {
  if (byte === CR && !isFirst) return 'missing_version'
  return byte < SPACE && byte !== CR ? reasonOfControl(byte) : 'invalid_target'
}
