import { BSON_REGEX, readInt32, sizedBytes, VALUE_BYTES } from '../bson.js'
import { nulAt } from '../bson-plain.js'

/** Not BSON, or longer than its parent. */
export const BAD = -1
/** It goes on beyond what there is. */
export const CUT = -2

/**
 * Where the value at `at` ends: may lie beyond `stop`, where the bytes end, never beyond `last`, its parent's NUL.
 * BAD or CUT otherwise.
 */
export function valueEnd(type: number, bytes: Buffer, at: number, last: number, stop: number): number {
  const fixed = VALUE_BYTES[type] as number
  if (fixed >= 0) return at + fixed <= last ? at + fixed : BAD
  if (fixed === -2) return BAD
  if (type === BSON_REGEX) return regexEnd(bytes, at, last, stop)
  if (last - at < 4) return BAD
  if (stop - at < 4) return CUT
  const total = sizedBytes(type, readInt32(bytes, at))
  return total < 0 || total > last - at ? BAD : at + total
}

function regexEnd(bytes: Buffer, at: number, last: number, stop: number): number {
  const pattern = nameEnd(bytes, at, last, stop)
  if (pattern < 0) return pattern
  const flags = nameEnd(bytes, pattern + 1, last, stop)
  return flags < 0 ? flags : flags + 1
}

/** The NUL of the cstring at `at`; BAD or CUT when it isn't there. */
export function nameEnd(bytes: Buffer, at: number, last: number, stop: number): number {
  const most = last < stop ? last : stop
  const end = at < most ? nulAt(bytes, at, most) : most
  if (end < most) return end
  return most === last ? BAD : CUT
}

/** Where the document at `at` ends when it can be one inside `[at, limit)`; BAD or CUT otherwise. */
export function documentEnd(bytes: Buffer, at: number, limit: number, stop: number): number {
  if (limit - at < 5) return BAD
  if (stop - at < 4) return CUT
  const length = readInt32(bytes, at)
  return length < 5 || length > limit - at ? BAD : at + length
}
