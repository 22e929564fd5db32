import zlib from 'node:zlib'
import { Decompress } from 'fzstd'
import { uncompress } from 'snappyjs'
import type { MessageReason } from './reasons.js'

/** Compressor ids of OP_COMPRESSED. (OP_COMPRESSED specification, "compressorId") */
const NOOP = 0
const SNAPPY = 1
const ZLIB = 2
const ZSTD = 3

/** Node ≥ 22.15 brings zstd; older ones use fzstd, a decoder in JavaScript. */
type ZstdSync = (payload: Uint8Array, options: { maxOutputLength: number }) => Buffer
const zstdBuiltIn = (zlib as { zstdDecompressSync?: ZstdSync }).zstdDecompressSync

export type Inflated = Buffer | MessageReason

/**
 * The message inside OP_COMPRESSED, whole.
 * @param size what the message claims as `uncompressedSize`; anything else that comes out is an error
 */
export function inflate(compressor: number, payload: Buffer, size: number): Inflated {
  if (compressor < NOOP || compressor > ZSTD) return 'unknown_compressor'
  let inflated: Buffer
  try {
    inflated = inflateAny(compressor, payload, size)
  } catch (error) {
    return (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? 'inflate_size' : 'inflate_failed'
  }
  return inflated.length === size ? inflated : 'inflate_size'
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
        return fzstd(payload, maxBytes, false)
      default:
        return Buffer.alloc(0)
    }
  } catch {
    // What can't be inflated gives no prefix: the caller counts the message as undecodable.
    return Buffer.alloc(0)
  }
}

function inflateAny(compressor: number, payload: Buffer, size: number): Buffer {
  switch (compressor) {
    case NOOP:
      return payload
    case SNAPPY:
      return Buffer.from(uncompress(payload, size))
    case ZLIB:
      return zlib.inflateSync(payload, { maxOutputLength: Math.max(size, 1) })
    default:
      return zstdBuiltIn === undefined
        ? fzstd(payload, size, true)
        : zstdBuiltIn(payload, { maxOutputLength: Math.max(size, 1) })
  }
}

/** Stops as soon as more than `maxBytes` came out: a small payload may claim, or hold, gigabytes. */
function fzstd(payload: Buffer, maxBytes: number, isWhole: boolean): Buffer {
  const parts: Uint8Array[] = []
  let bytes = 0
  const stream = new Decompress((part) => {
    parts.push(part)
    bytes += part.length
  })
  const step = 4_096
  for (let at = 0; at < payload.length && bytes <= maxBytes; at += step) {
    const isLast = isWhole && at + step >= payload.length
    stream.push(payload.subarray(at, at + step), isLast)
  }
  return Buffer.concat(parts).subarray(0, isWhole ? maxBytes + 1 : maxBytes)
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

/**
 * Snappy's raw format, element by element, until the payload or the room ends.
 * (Snappy compressed format description: varint length, then literals (tag 0) and copies (1, 2, 4-byte offset))
 */
function snappyPrefix(payload: Buffer, maxBytes: number): Buffer {
  const out = Buffer.allocUnsafe(maxBytes)
  let at = 0
  while (((payload[at] ?? 0) & 0x80) !== 0) at++
  at++
  let to = 0
  while (at < payload.length && to < maxBytes) {
    const tag = payload[at++] as number
    const kind = tag & 3
    if (kind === 0) {
      let length = (tag >> 2) + 1
      if (length > 60) {
        const extra = length - 60
        if (at + extra > payload.length) break
        length = payload.readUIntLE(at, extra) + 1
        at += extra
      }
      const copied = payload.copy(out, to, at, Math.min(at + length, payload.length))
      to += copied
      at += length
      continue
    }
    const offsetBytes = kind === 3 ? 4 : kind
    if (at + offsetBytes > payload.length) break
    const length = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1
    const low = payload.readUIntLE(at, offsetBytes)
    const offset = kind === 1 ? ((tag >> 5) << 8) | low : low
    at += offsetBytes
    if (offset === 0 || offset > to) break
    for (let i = 0; i < length && to < maxBytes; i++, to++) out[to] = out[to - offset] as number
  }
  return out.subarray(0, to)
}
