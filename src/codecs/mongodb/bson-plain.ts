import { BSON_ARRAY, BSON_BINARY, BSON_DOCUMENT, BSON_STRING, readInt32, VALUE_BYTES } from './bson.js'
import type { Want } from './bson-wants.js'
import { MAX_STRING_BYTES } from './limits.js'

// What the walker's fast loops ask of an element that lies whole in the window.

/** Beyond every window: a value that isn't plain. */
const FAR = 0x7fff_ffff

/** The first NUL of `[pos, stop)`, or `stop`. */
export function nulAt(bytes: Buffer, pos: number, stop: number): number {
  let at = pos
  while (at < stop && bytes[at] !== 0) at++
  return at
}

/** Where a value at `at` ends, when that is at most `stop`; beyond it also when its length is wrong, or its type rare. */
export function plainEnd(type: number, bytes: Buffer, at: number, stop: number): number {
  const fixed = VALUE_BYTES[type] as number
  if (fixed >= 0) return at + fixed
  if (stop - at < 4) return FAR
  const length = readInt32(bytes, at)
  if (length > stop - at) return FAR
  switch (type) {
    case BSON_DOCUMENT:
    case BSON_ARRAY:
      return length < 5 ? FAR : at + length
    case BSON_STRING:
      return length < 1 ? FAR : at + 4 + length
    case BSON_BINARY:
      return length < 0 ? FAR : at + 5 + length
    default:
      return FAR
  }
}

/** A string that is read whole. */
export function isPlainText(bytes: Buffer, at: number, valueEnd: number): boolean {
  return bytes[valueEnd - 1] === 0 && valueEnd - at - 5 <= MAX_STRING_BYTES
}

export function isEntered(want: Want, type: number): boolean {
  return type === BSON_DOCUMENT ? want.document !== undefined : type === BSON_ARRAY && want.array !== undefined
}
