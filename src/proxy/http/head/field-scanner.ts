import type { HttpReason } from '../reasons.js'
import { COLON, CR, LF, SPACE, TAB, TOKEN } from './characters.js'
import { OFFSETS_PER_FIELD } from './field-list.js'

const LINE_START = 0
const NAME = 1
const VALUE = 2
const LINE_LF = 3
const END_LF = 4
const DONE = 5
const FAILED = 6

/**
 * Finds the field lines of a section (a head after its start line, or trailers) up to its empty line, and refuses every byte
 * that RFC 9112, 5 does not allow there. In any cut: it keeps where it is and no bytes.
 *
 *     LINE_START ──token──▶ NAME ──:──▶ VALUE ──CR──▶ LINE_LF ──LF──▶ LINE_START
 *         └──CR──▶ END_LF ──LF──▶ DONE
 */
export class FieldScanner {
  readonly #maxFields: number
  readonly #offsets: number[] = []
  #length = 0
  #state = LINE_START
  failure: HttpReason | undefined = undefined

  constructor(maxFields: number) {
    this.#maxFields = maxFields
  }

  reset(): void {
    this.#length = 0
    this.#state = LINE_START
  }

  get isDone(): boolean {
    return this.#state === DONE
  }

  /** A section's first line begins here. */
  get isAtStart(): boolean {
    return this.#state === LINE_START && this.#length === 0
  }

  /** What `FieldList` looks at; the caller's own. */
  takeOffsets(): readonly number[] {
    return this.#offsets.slice(0, this.#length)
  }

  /**
   * @param base where the section begins, in terms of `bytes`; negative when it began in an earlier chunk
   * @returns where it stopped: behind the section, at the refused byte, or at `end`
   */
  scan(bytes: Uint8Array, from: number, end: number, base: number): number {
    let i = from
    let state = this.#state
    while (i < end && state < DONE) {
      const byte = bytes[i] as number
      switch (state) {
        case LINE_START:
          if (byte === CR) state = END_LF
          else if (TOKEN[byte] === 1) {
            if (this.#length === this.#maxFields * OFFSETS_PER_FIELD) return this.#fail('too_many_fields', i)
            this.#offsets[this.#length++] = i - base
            state = NAME
          } else return this.#fail(reasonAtLineStart(byte), i)
          i++
          break
        case NAME:
          while (i < end && TOKEN[bytes[i] as number] === 1) i++
          if (i === end) break
          if (bytes[i] !== COLON) return this.#fail(reasonInName(bytes[i] as number), i)
          this.#offsets[this.#length++] = i - base
          i++
          state = VALUE
          break
        case VALUE:
          i = endOfValue(bytes, i, end)
          if (i === end) break
          if (bytes[i] !== CR) return this.#fail(reasonOfControl(bytes[i] as number), i)
          this.#offsets[this.#length++] = i - base
          i++
          state = LINE_LF
          break
        default:
          if (byte !== LF) return this.#fail('bare_cr', i)
          i++
          state = state === LINE_LF ? LINE_START : DONE
      }
    }
    this.#state = state
    return i
  }

  #fail(reason: HttpReason, at: number): number {
    this.failure = reason
    this.#state = FAILED
    return at
  }
}

/** FIELD_VALUE as comparisons: most of a head is values, and the table makes a whole request a tenth dearer (bench/http.bench.mjs). */
function endOfValue(bytes: Uint8Array, from: number, end: number): number {
  let i = from
  while (i < end) {
    const byte = bytes[i] as number
    if ((byte < SPACE && byte !== TAB) || byte === 0x7f) return i
    i++
  }
  return i
}

function reasonAtLineStart(byte: number): HttpReason {
  // Before the first field it is no fold, but the same trap: one reader joins it to the start line. (RFC 9112, 2.2)
  if (byte === SPACE || byte === TAB) return 'obs_fold'
  if (byte === COLON) return 'empty_name'
  return byte < SPACE ? reasonOfControl(byte) : 'invalid_name'
}

function reasonInName(byte: number): HttpReason {
  if (byte === SPACE || byte === TAB) return 'space_before_colon'
  if (byte === CR) return 'missing_colon'
  return byte < SPACE ? reasonOfControl(byte) : 'invalid_name'
}

/** @param byte no part of a value */
export function reasonOfControl(byte: number): HttpReason {
  if (byte === LF) return 'bare_lf'
  if (byte === CR) return 'bare_cr'
  return byte === 0 ? 'nul' : 'control_character'
}
