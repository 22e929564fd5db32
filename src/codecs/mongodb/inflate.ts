import zlib from 'node:zlib'
import type { MessageReason } from './reasons.js'
import { snappyHead, snappyInto } from './snappy.js'
import { zstdInto } from './zstd.js'

/** Compressor ids of OP_COMPRESSED. (OP_COMPRESSED specification, "compressorId") */
const NOOP = 0
const SNAPPY = 1
const ZLIB = 2
const ZSTD = 3

/** Node ≥ 22.15 brings zstd. */
type ZstdSync = (payload: Uint8Array, options: { maxOutputLength: number }) => Buffer
const zstdBuiltIn = (zlib as { zstdDecompressSync?: ZstdSync }).zstdDecompressSync

export type Inflated = Buffer | MessageReason

/**
 * The message inside OP_COMPRESSED, whole.
 * @param size what the message claims as `uncompressedSize`; anything else that comes out is an error
 */
export function inflate(compressor: number, payload: Buffer, size: number): Inflated {
  if (compressor < NOOP || compressor > ZSTD) return 'unknown_compressor'
  let inflated: Inflated
  try {
    inflated = inflateAny(compressor, payload, size)
  } catch (error) {
    return (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? 'inflate_size' : 'inflate_failed'
  }
  return typeof inflated === 'string' || inflated.length === size ? inflated : 'inflate_size'
}

/** The first `maxBytes` (or fewer) that a cut-off payload gives; empty when it gives none. */
export function inflatePrefix(compressor: number, payload: Buffer, maxBytes: number): Buffer {
  try {
    switch (compressor) {
      case NOOP:
        return payload.subarray(0, maxBytes)
      case SNAPPY:
        return snappyPrefix(payload, maxBytes)
      case ZLIB:
        return zlibPrefix(payload, maxBytes)
      case ZSTD:
        return zstdPrefix(payload, maxBytes)
      default:
        return Buffer.alloc(0)
    }
  } catch {
    // What can't be inflated gives no prefix: the caller counts the message as undecodable.
    return Buffer.alloc(0)
  }
}

function inflateAny(compressor: number, payload: Buffer, size: number): Inflated {
  switch (compressor) {
    case NOOP:
      return payload
    case SNAPPY:
      return snappy(payload, size)
    case ZLIB:
      return zlib.inflateSync(payload, { maxOutputLength: Math.max(size, 1) })
    default:
      return zstdBuiltIn === undefined
        ? zstd(payload, size)
        : zstdBuiltIn(payload, { maxOutputLength: Math.max(size, 1) })
  }
}

function snappy(payload: Buffer, size: number): Inflated {
  const head = snappyHead(payload)
  if (head === undefined) return 'inflate_failed'
  if (head.size !== size) return 'inflate_size'
  const out = Buffer.allocUnsafe(size)
  const { length, isWhole } = snappyInto(out, payload, head.start)
  return isWhole && length === size ? out : 'inflate_failed'
}

function zstd(payload: Buffer, size: number): Inflated {
  const out = Buffer.allocUnsafe(size)
  const { length, isWhole } = zstdInto(out, payload)
  if (isWhole) return length === size ? out : 'inflate_size'
  return length === size ? 'inflate_size' : 'inflate_failed'
}

function snappyPrefix(payload: Buffer, maxBytes: number): Buffer {
  const head = snappyHead(payload)
  if (head === undefined) return Buffer.alloc(0)
  const out = Buffer.allocUnsafe(maxBytes)
  return out.subarray(0, snappyInto(out, payload, head.start).length)
}

function zstdPrefix(payload: Buffer, maxBytes: number): Buffer {
  const out = Buffer.allocUnsafe(maxBytes)
  return out.subarray(0, zstdInto(out, payload).length)
}

/** zlib tells all that a prefix holds when it is asked to flush; a ratio of 1000:1 is cut by taking less of the prefix. */
function zlibPrefix(payload: Buffer, maxBytes: number): Buffer {
  for (let take = payload.length; take > 0; take >>= 2) {
    try {
      const part = payload.subarray(0, take)
      const options = { finishFlush: zlib.constants.Z_SYNC_FLUSH, maxOutputLength: maxBytes * 4 }
      return zlib.inflateSync(part, options).subarray(0, maxBytes)
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_BUFFER_TOO_LARGE') throw error
    }
  }
  return Buffer.alloc(0)
}
