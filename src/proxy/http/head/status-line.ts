import type { HttpReason } from '../reasons.js'
import { CR, FIELD_VALUE, LF, SPACE } from './characters.js'
import { reasonOfControl } from './field-scanner.js'
import { isTls, VersionScanner } from './version.js'

const VERSION = 0
const VERSION_SPACE = 1
const STATUS = 2
const STATUS_END = 3
const PHRASE = 4
const LINE_LF = 5
const DONE = 6
const FAILED = 7

const ZERO = 0x30
const STATUS_DIGITS = 3

/**
 * Reads `HTTP-version SP status-code SP [reason-phrase] CRLF` (RFC 9112, 4) in any cut. The second space may be missing with the
 * phrase: it must be sent, some servers don't, and the code has three digits all the same.
 */
export class StatusLine {
  #state = VERSION
  #isAtStart = true
  #digits = 0
  readonly version = new VersionScanner()
  failure: HttpReason | undefined = undefined
  status = 0

  reset(): void {
    this.#state = VERSION
    this.#isAtStart = true
    this.#digits = 0
    this.status = 0
    this.version.reset()
  }

  get isDone(): boolean {
    return this.#state === DONE
  }

  get isAtStart(): boolean {
    return this.#isAtStart
  }

  get tooLarge(): HttpReason {
    return 'head_too_large'
  }

  /** Nothing may stand before a reply. */
  skip(_bytes: Uint8Array, from: number, _end: number): number {
    return from
  }

  /** As `RequestLine.scan`. */
  scan(bytes: Uint8Array, from: number, end: number): number {
    let i = from
    while (i < end && this.#state < DONE) {
      const byte = bytes[i] as number
      switch (this.#state) {
        case VERSION:
          if (this.#isAtStart && isTls(byte)) return this.#fail('tls_on_plain_port', i)
          this.#isAtStart = false
          i = this.version.scan(bytes, i, end)
          if (this.version.isInvalid) return this.#fail('invalid_status_line', i)
          if (!this.version.isDone) break
          if (!this.version.isSupported) return this.#fail('unsupported_version', i - 1)
          this.#state = VERSION_SPACE
          break
        case VERSION_SPACE:
          if (byte !== SPACE) return this.#fail('invalid_status_line', i)
          this.#state = STATUS
          i++
          break
        case STATUS:
          // 1 to 9 first: below 100 there is no class that would say how to read it. (RFC 9110, 15)
          if (byte < (this.#digits === 0 ? ZERO + 1 : ZERO) || byte > ZERO + 9) {
            return this.#fail('invalid_status_line', i)
          }
          this.status = this.status * 10 + byte - ZERO
          if (++this.#digits === STATUS_DIGITS) this.#state = STATUS_END
          i++
          break
        case STATUS_END:
          if (byte === SPACE) this.#state = PHRASE
          else if (byte === CR) this.#state = LINE_LF
          else return this.#fail(byte === LF ? 'bare_lf' : 'invalid_status_line', i)
          i++
          break
        case PHRASE:
          while (i < end && FIELD_VALUE[bytes[i] as number] === 1) i++
          if (i === end) break
          if (bytes[i] !== CR) return this.#fail(reasonOfControl(bytes[i] as number), i)
          this.#state = LINE_LF
          i++
          break
        default:
          if (byte !== LF) return this.#fail('bare_cr', i)
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
