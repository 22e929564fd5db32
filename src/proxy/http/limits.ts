/** How much of one message may be held, or has to be walked through before its end is known. */
export interface HttpLimits {
  /** Start line, fields and the empty line; held when a chunk ends inside. */
  readonly maxHeadBytes: number
  /** Field lines of a head, and of trailers. */
  readonly maxFields: number
  /** Trailers are always held until their end: they must be known to be harmless before the message may end. */
  readonly maxTrailerBytes: number
}

/** Envoy takes 60 KiB and 100 fields, Node 16 KiB: what AWS or a browser sends is far below either. */
export const DEFAULT_LIMITS: HttpLimits = { maxHeadBytes: 65_536, maxFields: 100, maxTrailerBytes: 8_192 }

/** The longest registered method has 17 bytes (UPDATEREDIRECTREF). */
export const MAX_METHOD_BYTES = 32
/** More digits than any size has, so that zeros in front (some servers pad to eight digits) have an end. */
export const MAX_CHUNK_SIZE_DIGITS = 16
/** Extensions of one chunk: longer than any that is in use. */
export const MAX_CHUNK_EXTENSION_BYTES = 256
/** Of one message. Without a bound, one byte of payload could cost 256 of reading. (Node has the same since CVE-2024-22019.) */
export const MAX_MESSAGE_EXTENSION_BYTES = 16_384
/** Options in `Connection`: each is looked for among the fields. */
export const MAX_CONNECTION_OPTIONS = 100
/** Payload ranges in one piece: a chunk of one-byte chunks comes out in several pieces. */
export const MAX_RANGES = 64
/** A first hold: most heads that were cut fit. */
export const MIN_HELD_BYTES = 1_024
