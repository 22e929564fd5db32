import { type JsonShape, MAX_NAME_BYTES, memberShape } from './json-shape.js'
import { BROKEN, ESCAPED_END, JsonText, plainStringEnd, skipString, UNFINISHED } from './json-text.js'

/** Told while a body is scanned, in its order. `bytes` is valid during the call only; none may throw. */
export interface JsonSink {
  /** A wanted object or array begins. */
  begin(id: number, isArray: boolean): void
  /** It ended, with so many members or elements. */
  ended(id: number, count: number): void
  /** A member that its object has no field for: the name, UTF-8 at `[start, end)`. Events of its value follow. */
  name(id: number, bytes: Buffer, start: number, end: number, isCut: boolean): void
  /** A string, decoded; `isCut` when it is longer than its shape's bound. */
  text(id: number, bytes: Buffer, start: number, end: number, isCut: boolean): void
  number(id: number, value: number): void
  /** A value that is not looked into: a literal, or an object or array whose shape has no place for one. */
  other(id: number, isNull: boolean): void
}

/** Why a body could not be read to its end; '' when it could. */
export type JsonFailure = '' | 'json_syntax' | 'json_truncated'

// What is expected next. Inside a container: MEMBER → NAME → COLON → VALUE → AFTER → NEXT_MEMBER …, ELEMENT → AFTER → VALUE ….
const VALUE = 0
/** After `{`: a name or `}`. */
const MEMBER = 1
const NEXT_MEMBER = 2
/** Inside a name that is cut or has escapes. */
const NAME = 3
const COLON = 4
const AFTER = 5
/** After `[`: a value or `]`. */
const ELEMENT = 6
/** Inside a wanted string that is cut or has escapes. */
const TEXT = 7
/** Inside a wanted number that is cut. */
const NUMBER = 8
const SKIPPED_SCALAR = 9
const SKIPPED_STRING = 10
const SKIPPED_CONTAINER = 11
const DONE = 12
const FAILED = 13

const QUOTE = 0x22
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
/** `[` and `{`, `]` and `}` differ in this bit alone. */
const BRACKET_KIND = 0x20
const MAX_NUMBER_BYTES = 64

/**
 * Finds wanted members of one JSON text (RFC 8259) that comes in chunks of any cut. Builds nothing: memory is one bounded string
 * and a stack as deep as the shape; what is not wanted is skipped by counting brackets, to any depth. Never throws.
 *
 * Members that are there twice are told twice: the last one holds, as for JSON.parse, Jackson (DynamoDB Local) and the
 * service itself; the sink's owner overwrites.
 *
 * Strict about what it looks into, lenient about what it skips (kinds of brackets, commas, literals): that can tell less
 * than a full parser about broken JSON, which the database refuses, and never something else about good JSON.
 */
export class JsonScanner {
  failure: JsonFailure = ''
  readonly #sink: JsonSink
  readonly #text = new JsonText()
  readonly #shapes: JsonShape[] = []
  readonly #counts: number[] = []
  /** Bit per level of the stack: 1 is an array. */
  #arrays = 0
  #state = VALUE
  /** Of the value that comes; undefined when it is skipped. */
  #next: JsonShape | undefined
  #skipDepth = 0
  #isInString = false
  #isEscaped = false

  constructor(shape: JsonShape, sink: JsonSink) {
    this.#sink = sink
    this.#next = shape
  }

  push(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      switch (this.#state) {
        case SKIPPED_CONTAINER:
          at = this.#skipContainer(bytes, at)
          break
        case SKIPPED_STRING:
          at = this.#skipText(bytes, at)
          break
        case SKIPPED_SCALAR:
          at = this.#skipScalar(bytes, at)
          break
        case NAME:
        case TEXT:
          at = this.#collectText(bytes, at)
          break
        case NUMBER:
          at = this.#collectNumber(bytes, at)
          break
        case FAILED:
          return
        default:
          at = this.#structure(bytes, at)
      }
    }
  }

  /** No more bytes come. */
  end(): void {
    if (this.#state === NUMBER) this.#endNumber()
    else if (this.#state === SKIPPED_SCALAR) this.#endValue()
    if (this.#state !== DONE && this.#state !== FAILED) this.#fail('json_truncated', 0)
  }

  /** What stands between values. */
  #structure(bytes: Buffer, at: number): number {
    const byte = bytes[at] as number
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return at + 1
    switch (this.#state) {
      case VALUE:
        return this.#value(bytes, at, byte)
      case ELEMENT:
        return byte === CLOSE_ARRAY ? this.#close(byte, at) : this.#value(bytes, at, byte)
      case MEMBER:
        return byte === CLOSE_OBJECT ? this.#close(byte, at) : this.#name(bytes, at, byte)
      case NEXT_MEMBER:
        return this.#name(bytes, at, byte)
      case COLON:
        if (byte !== 0x3a) return this.#fail('json_syntax', at)
        this.#state = VALUE
        return at + 1
      case AFTER:
        if (byte !== 0x2c) return this.#close(byte, at)
        this.#state = this.#isArray ? VALUE : NEXT_MEMBER
        if (this.#isArray) this.#next = this.#top?.items
        return at + 1
      default:
        // DONE: only white space may follow the value.
        return this.#fail('json_syntax', at)
    }
  }

  get #isArray(): boolean {
    return (this.#arrays & 1) === 1
  }

  get #top(): JsonShape | undefined {
    return this.#shapes[this.#shapes.length - 1]
  }

  #close(byte: number, at: number): number {
    const shape = this.#top
    if (shape === undefined || byte !== (this.#isArray ? CLOSE_ARRAY : CLOSE_OBJECT))
      return this.#fail('json_syntax', at)
    const count = this.#counts.pop() ?? 0
    this.#shapes.pop()
    this.#arrays >>= 1
    this.#sink.ended(shape.id, count)
    this.#endValue()
    return at + 1
  }

  #name(bytes: Buffer, at: number, byte: number): number {
    if (byte !== QUOTE) return this.#fail('json_syntax', at)
    this.#counts[this.#counts.length - 1] = (this.#counts[this.#counts.length - 1] as number) + 1
    const end = plainStringEnd(bytes, at + 1)
    if (end >= 0) {
      this.#endName(bytes, at + 1, Math.min(end, at + 1 + MAX_NAME_BYTES), end - at - 1 > MAX_NAME_BYTES)
      return end + 1
    }
    this.#state = NAME
    this.#text.start(MAX_NAME_BYTES)
    return at + 1
  }

  #endName(bytes: Buffer, start: number, end: number, isCut: boolean): void {
    this.#state = COLON
    const parent = this.#top
    if (parent === undefined) return
    this.#next = isCut ? undefined : memberShape(parent, bytes, start, end)
    if (this.#next !== undefined || parent.any === undefined) return
    this.#next = parent.any
    this.#sink.name(parent.any.id, bytes, start, end, isCut)
  }

  #value(bytes: Buffer, at: number, byte: number): number {
    if (this.#isArray) this.#counts[this.#counts.length - 1] = (this.#counts[this.#counts.length - 1] as number) + 1
    const shape = this.#next
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) return this.#container(at, byte, shape)
    if (byte === QUOTE)
      return shape === undefined ? this.#skipText(bytes, at + 1) : this.#wantedText(bytes, at + 1, shape)
    const isNumber = byte === 0x2d || (byte >= 0x30 && byte <= 0x39)
    if (!isNumber && byte !== 0x74 && byte !== 0x66 && byte !== 0x6e) return this.#fail('json_syntax', at)
    if (shape === undefined || !isNumber) {
      if (shape !== undefined) this.#sink.other(shape.id, byte === 0x6e)
      this.#state = SKIPPED_SCALAR
      return at
    }
    this.#text.start(MAX_NUMBER_BYTES)
    this.#state = NUMBER
    return this.#collectNumber(bytes, at)
  }

  #container(at: number, byte: number, shape: JsonShape | undefined): number {
    const isArray = byte === OPEN_ARRAY
    const isEntered =
      shape !== undefined && (isArray ? shape.isCounted : shape.fields.length > 0 || shape.any !== undefined)
    if (!isEntered) {
      if (shape !== undefined) this.#sink.other(shape.id, false)
      this.#skipDepth = 1
      this.#state = SKIPPED_CONTAINER
      return at + 1
    }
    this.#shapes.push(shape)
    this.#counts.push(0)
    this.#arrays = (this.#arrays << 1) | (isArray ? 1 : 0)
    this.#state = isArray ? ELEMENT : MEMBER
    this.#next = isArray ? shape.items : undefined
    this.#sink.begin(shape.id, isArray)
    return at + 1
  }

  #wantedText(bytes: Buffer, start: number, shape: JsonShape): number {
    const end = plainStringEnd(bytes, start)
    if (end >= 0) {
      const isCut = end - start > shape.maxBytes
      this.#endValue()
      this.#sink.text(shape.id, bytes, start, isCut ? start + shape.maxBytes : end, isCut)
      return end + 1
    }
    this.#state = TEXT
    this.#text.start(shape.maxBytes)
    return start
  }

  #collectText(bytes: Buffer, at: number): number {
    const text = this.#text
    const next = text.push(bytes, at)
    if (next === UNFINISHED) return bytes.length
    if (next === BROKEN) return this.#fail('json_syntax', at)
    if (this.#state === NAME) {
      this.#endName(text.bytes, 0, text.length, text.isCut)
    } else {
      const shape = this.#next
      this.#endValue()
      if (shape !== undefined) this.#sink.text(shape.id, text.bytes, 0, text.length, text.isCut)
    }
    return next
  }

  #collectNumber(bytes: Buffer, at: number): number {
    let end = at
    while (end < bytes.length && isNumberByte(bytes[end] as number)) end++
    this.#text.append(bytes, at, end)
    if (end < bytes.length) this.#endNumber()
    return end
  }

  #endNumber(): void {
    const { bytes, length, isCut } = this.#text
    const value = isCut ? Number.NaN : Number(bytes.toString('latin1', 0, length))
    const shape = this.#next
    // More digits than a double has: told as a value that can't be read.
    if (!isCut && Number.isNaN(value)) {
      this.#fail('json_syntax', 0)
      return
    }
    this.#endValue()
    if (shape === undefined) return
    if (isCut) this.#sink.other(shape.id, false)
    else this.#sink.number(shape.id, value)
  }

  #skipScalar(bytes: Buffer, at: number): number {
    let end = at
    while (end < bytes.length && isScalarByte(bytes[end] as number)) end++
    if (end < bytes.length) this.#endValue()
    return end
  }

  #skipText(bytes: Buffer, at: number): number {
    const next = this.#skipString(bytes, at)
    if (next < 0) {
      this.#state = SKIPPED_STRING
      return bytes.length
    }
    this.#endValue()
    return next
  }

  /** Where so large a part of all bytes goes that it is one loop: strings apart, only brackets count. */
  #skipContainer(bytes: Buffer, begin: number): number {
    const length = bytes.length
    let depth = this.#skipDepth
    let at = this.#isInString ? this.#skipString(bytes, begin) : begin
    while (at >= 0 && at < length) {
      const byte = bytes[at++] as number
      if (byte === QUOTE) {
        at = this.#skipString(bytes, at)
      } else if ((byte | BRACKET_KIND) === OPEN_OBJECT) {
        depth++
      } else if ((byte | BRACKET_KIND) === CLOSE_OBJECT && --depth === 0) {
        this.#endValue()
        return at
      }
    }
    this.#skipDepth = depth
    return length
  }

  /** @returns the index after the string, or -1 when it goes on in the next chunk */
  #skipString(bytes: Buffer, begin: number): number {
    const at = this.#isEscaped ? begin + 1 : begin
    const next = skipString(bytes, at)
    this.#isInString = next < 0
    this.#isEscaped = next === ESCAPED_END
    return next
  }

  #endValue(): void {
    this.#state = this.#shapes.length === 0 ? DONE : AFTER
  }

  #fail(failure: JsonFailure, at: number): number {
    this.failure = failure
    this.#state = FAILED
    return at
  }
}

/** Digits, sign, point, exponent. */
function isNumberByte(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2b || byte === 0x2e || (byte | 0x20) === 0x65
}

function isScalarByte(byte: number): boolean {
  return isNumberByte(byte) || (byte >= 0x61 && byte <= 0x7a)
}
