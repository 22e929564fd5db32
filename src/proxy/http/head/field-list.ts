import type { HttpHeaders } from '../../../core/http.js'
import { equalsLower, SPACE, TAB } from './characters.js'

/** Numbers per field in `offsets`: where its name begins, its colon, its CR. */
export const OFFSETS_PER_FIELD = 3

const NONE: readonly string[] = []

/**
 * One section of a message (its head, or its trailers): where its fields stand, and no string before somebody asks.
 * A view: valid as long as the chunk it came in is not written over, unless `keep` was called. (What Node's `data` event gives is
 * never written over; what an `onread` buffer gives is.)
 */
export class FieldList implements HttpHeaders {
  #bytes: Buffer
  #base: number
  #isKept = false
  readonly #length: number
  readonly #offsets: readonly number[]

  /**
   * @param base where in `bytes` the section begins, its start line included
   * @param length of the section, its empty line included
   * @param offsets of a section found valid, relative to `base`; owned by the list
   */
  constructor(bytes: Buffer, base: number, length: number, offsets: readonly number[]) {
    this.#bytes = bytes
    this.#base = base
    this.#length = length
    this.#offsets = offsets
  }

  get count(): number {
    return this.#offsets.length / OFFSETS_PER_FIELD
  }

  /** What the section stands in: the chunk, or a copy when it was cut. */
  get bytes(): Buffer {
    return this.#bytes
  }

  get start(): number {
    return this.#base
  }

  get end(): number {
    return this.#base + this.#length
  }

  /** Copies the section out of its chunk: for who looks at it after the chunk was given back. */
  keep(): void {
    if (this.#isKept) return
    this.#isKept = true
    this.#bytes = Buffer.from(this.#bytes.subarray(this.start, this.end))
    this.#base = 0
  }

  get(name: string): string | undefined {
    const index = this.find(name, 0)
    return index < 0 ? undefined : this.value(index)
  }

  all(name: string): readonly string[] {
    let values: string[] | undefined
    for (let i = this.find(name, 0); i >= 0; i = this.find(name, i + 1)) {
      if (values === undefined) values = []
      values.push(this.value(i))
    }
    return values ?? NONE
  }

  /** @returns the first field of that name (lower case) from index `from` on, or -1 */
  find(name: string, from: number): number {
    const offsets = this.#offsets
    const count = this.count
    for (let i = from; i < count; i++) {
      const at = i * OFFSETS_PER_FIELD
      const start = offsets[at] as number
      // The length first: it tells nearly all names apart.
      if ((offsets[at + 1] as number) - start === name.length && this.#isNamed(start, name)) return i
    }
    return -1
  }

  nameLength(index: number): number {
    const at = index * OFFSETS_PER_FIELD
    return (this.#offsets[at + 1] as number) - (this.#offsets[at] as number)
  }

  /** @param name in lower case */
  isNamed(index: number, name: string): boolean {
    return (
      this.nameLength(index) === name.length && this.#isNamed(this.#offsets[index * OFFSETS_PER_FIELD] as number, name)
    )
  }

  /** In lower case. */
  name(index: number): string {
    const at = index * OFFSETS_PER_FIELD
    const base = this.#base
    const start = base + (this.#offsets[at] as number)
    return this.#bytes.toString('latin1', start, base + (this.#offsets[at + 1] as number)).toLowerCase()
  }

  /** Latin-1, as Node gives them: one character for each byte. */
  value(index: number): string {
    return this.#bytes.toString('latin1', this.valueStart(index), this.valueEnd(index))
  }

  /** Where in `bytes` the line begins. */
  lineStart(index: number): number {
    return this.#base + (this.#offsets[index * OFFSETS_PER_FIELD] as number)
  }

  /** Where in `bytes` the value begins, white space passed over. Of a value of white space alone both ends are at the colon. */
  valueStart(index: number): number {
    const at = index * OFFSETS_PER_FIELD
    const first = this.#base + (this.#offsets[at + 1] as number) + 1
    const end = this.#base + (this.#offsets[at + 2] as number)
    let start = first
    while (start < end && isBlank(this.#bytes[start])) start++
    return start === end ? first : start
  }

  valueEnd(index: number): number {
    const at = index * OFFSETS_PER_FIELD
    const first = this.#base + (this.#offsets[at + 1] as number) + 1
    let end = this.#base + (this.#offsets[at + 2] as number)
    while (end > first && isBlank(this.#bytes[end - 1])) end--
    return end
  }

  /** Where in `bytes` the line ends, its CRLF included. */
  lineEnd(index: number): number {
    return this.#base + (this.#offsets[index * OFFSETS_PER_FIELD + 2] as number) + 2
  }

  #isNamed(start: number, name: string): boolean {
    const at = this.#base + start
    return equalsLower(this.#bytes, at, at + name.length, name)
  }
}

/** OWS of RFC 9110, 5.6.3. */
function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB
}
