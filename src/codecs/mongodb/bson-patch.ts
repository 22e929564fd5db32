import {
  BSON_ARRAY,
  BSON_BINARY,
  BSON_CODE_WITH_SCOPE,
  BSON_DB_POINTER,
  BSON_DOCUMENT,
  BSON_REGEX,
  BSON_STRING,
  readInt32,
  VALUE_BYTES,
} from './bson.js'

/** One element of a document that lies whole in memory: where its parts stand. */
export interface Element {
  readonly type: number
  /** Of the type byte. */
  readonly start: number
  readonly name: string
  readonly valueStart: number
  /** First byte after the element. */
  readonly end: number
}

/**
 * The elements of the document at `start`, which lies whole in `bytes`. For small documents that must be changed; the data path
 * walks with BsonWalker.
 * @returns undefined when the document is malformed at its own level (values are checked by their lengths alone)
 */
export function elementsOf(bytes: Buffer, start: number): readonly Element[] | undefined {
  if (bytes.length - start < 5) return undefined
  const end = start + readInt32(bytes, start)
  if (end < start + 5 || end > bytes.length || bytes[end - 1] !== 0) return undefined
  const elements: Element[] = []
  let at = start + 4
  while (at < end - 1) {
    const type = bytes[at] as number
    const nul = bytes.indexOf(0, at + 1)
    if (type === 0 || nul < 0 || nul >= end - 1) return undefined
    const next = valueEnd(type, bytes, nul + 1, end - 1)
    if (next < 0) return undefined
    elements.push({ type, start: at, name: bytes.toString('utf8', at + 1, nul), valueStart: nul + 1, end: next })
    at = next
  }
  return at === end - 1 ? elements : undefined
}

/** Where the value at `at` ends, -1 when that is beyond `limit` or nonsense. */
function valueEnd(type: number, bytes: Buffer, at: number, limit: number): number {
  const fixed = VALUE_BYTES[type] as number
  if (fixed >= 0) return within(at + fixed, limit)
  if (fixed === -2) return -1
  if (type === BSON_REGEX) {
    const pattern = bytes.indexOf(0, at)
    const options = pattern < 0 ? -1 : bytes.indexOf(0, pattern + 1)
    return options < 0 ? -1 : within(options + 1, limit)
  }
  if (at + 4 > limit) return -1
  const length = readInt32(bytes, at)
  switch (type) {
    case BSON_DOCUMENT:
    case BSON_ARRAY:
    case BSON_CODE_WITH_SCOPE:
      return length < 5 ? -1 : within(at + length, limit)
    case BSON_BINARY:
      return length < 0 ? -1 : within(at + 5 + length, limit)
    case BSON_DB_POINTER:
      return length < 1 ? -1 : within(at + 16 + length, limit)
    default:
      return length < 1 ? -1 : within(at + 4 + length, limit)
  }
}

function within(end: number, limit: number): number {
  return end <= limit ? end : -1
}

/** The text of a string element. */
export function textOf(bytes: Buffer, element: Element): string | undefined {
  if (element.type !== BSON_STRING) return undefined
  return bytes.toString('utf8', element.valueStart + 4, element.end - 1)
}

/** A whole string element: type, name, length, text. */
export function stringElement(name: string, text: string): Buffer {
  const value = Buffer.from(text)
  const head = Buffer.from(`\x02${name}\0`)
  const out = Buffer.alloc(head.length + 4 + value.length + 1)
  head.copy(out)
  out.writeInt32LE(value.length + 1, head.length)
  value.copy(out, head.length + 4)
  return out
}

/** A document (or, with a name, an element that holds one) around finished elements. */
export function documentOf(parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const out = Buffer.alloc(body.length + 5)
  out.writeInt32LE(out.length, 0)
  body.copy(out, 4)
  return out
}

/** An array element of strings: keys are counted anew from 0. */
export function stringArrayElement(name: string, texts: readonly string[]): Buffer {
  const array = documentOf(texts.map((text, index) => stringElement(String(index), text)))
  return Buffer.concat([Buffer.from(`\x04${name}\0`), array])
}
