/** Type bytes of BSON elements. (BSON specification 1.1) */
export const BSON_DOUBLE = 1
export const BSON_STRING = 2
export const BSON_DOCUMENT = 3
export const BSON_ARRAY = 4
export const BSON_BINARY = 5
export const BSON_BOOL = 8
export const BSON_REGEX = 11
export const BSON_DB_POINTER = 12
export const BSON_CODE = 13
export const BSON_SYMBOL = 14
export const BSON_CODE_WITH_SCOPE = 15
export const BSON_INT32 = 16
export const BSON_INT64 = 18

const VARIABLE = -1
const INVALID = -2

/** Bytes of a value by type: `VARIABLE` when its length stands in front of it, `INVALID` when there is no such type. */
export const VALUE_BYTES: Int8Array = new Int8Array(256).fill(INVALID)
for (const [type, bytes] of [
  [BSON_DOUBLE, 8],
  [BSON_STRING, VARIABLE],
  [BSON_DOCUMENT, VARIABLE],
  [BSON_ARRAY, VARIABLE],
  [BSON_BINARY, VARIABLE],
  [6, 0], // undefined
  [7, 12], // ObjectId
  [BSON_BOOL, 1],
  [9, 8], // date
  [10, 0], // null
  [BSON_REGEX, VARIABLE],
  [BSON_DB_POINTER, VARIABLE],
  [BSON_CODE, VARIABLE],
  [BSON_SYMBOL, VARIABLE],
  [BSON_CODE_WITH_SCOPE, VARIABLE],
  [BSON_INT32, 4],
  [17, 8], // timestamp
  [BSON_INT64, 8],
  [19, 16], // decimal128
  [0x7f, 0], // maxKey
  [0xff, 0], // minKey
] as const) {
  VALUE_BYTES[type] = bytes
}

export function readInt32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  )
}

/** A number however it was written: `ok` comes as double, int32, int64 or bool. 0 for other types. */
export function readNumber(type: number, bytes: Buffer, at: number): number {
  switch (type) {
    case BSON_DOUBLE:
      // A sum that took in one NaN would never be a number again.
      return bytes.readDoubleLE(at) || 0
    case BSON_INT32:
      return readInt32(bytes, at)
    case BSON_INT64:
      return readInt32(bytes, at + 4) * 4_294_967_296 + (readInt32(bytes, at) >>> 0)
    case BSON_BOOL:
      return bytes[at] as number
    default:
      return 0
  }
}

/** Bytes of a value that begins with this `length`, the length included; -1 when it is less than any value of the type has. (BSON, version 1.1) */
export function sizedBytes(type: number, length: number): number {
  switch (type) {
    case BSON_DOCUMENT:
    case BSON_ARRAY:
      return length < 5 ? -1 : length
    case BSON_CODE_WITH_SCOPE:
      return length < 14 ? -1 : length
    case BSON_BINARY:
      return length < 0 ? -1 : length + 5
    case BSON_DB_POINTER:
      return length < 1 ? -1 : length + 16
    default:
      return length < 1 ? -1 : length + 4
  }
}
