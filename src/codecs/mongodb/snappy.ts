/**
 * Snappy's raw format: a varint with the length of the whole, then literals (tag 0) and copies (1, 2, 4-byte offset). Decodes
 * into `out` until the payload or the room ends: each step writes at least one byte, so time is bounded by `out` whatever the
 * payload claims. (Snappy compressed format description)
 */

export interface SnappyResult {
  /** Bytes written to `out`. */
  readonly length: number
  /** The payload was read to its end, and nothing in it was malformed or had no room. */
  readonly isWhole: boolean
}

/** What the payload says its whole length is, and where its elements begin; undefined when that can't be read. */
export function snappyHead(payload: Uint8Array): { readonly size: number; readonly start: number } | undefined {
  let size = 0
  for (let at = 0; at < 5 && at < payload.length; at++) {
    const byte = payload[at] as number
    size += (byte & 0x7f) * 2 ** (7 * at)
    if (byte < 0x80) return { size, start: at + 1 }
  }
  return undefined
}

export function snappyInto(out: Buffer, payload: Buffer, start: number): SnappyResult {
  let at = start
  let to = 0
  while (at < payload.length && to < out.length) {
    const tag = payload[at++] as number
    const kind = tag & 3
    if (kind === 0) {
      let length = (tag >> 2) + 1
      if (length > 60) {
        const extra = length - 60
        if (at + extra > payload.length) return { length: to, isWhole: false }
        length = payload.readUIntLE(at, extra) + 1
        at += extra
      }
      const copied = payload.copy(out, to, at, Math.min(at + length, payload.length))
      to += copied
      if (copied < length) return { length: to, isWhole: false }
      at += length
      continue
    }
    const offsetBytes = kind === 3 ? 4 : kind
    if (at + offsetBytes > payload.length) return { length: to, isWhole: false }
    const length = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1
    const low = payload.readUIntLE(at, offsetBytes)
    const offset = kind === 1 ? ((tag >> 5) << 8) | low : low
    at += offsetBytes
    if (offset === 0 || offset > to) return { length: to, isWhole: false }
    const end = Math.min(to + length, out.length)
    const isCut = to + length > out.length
    for (; to < end; to++) out[to] = out[to - offset] as number
    if (isCut) return { length: to, isWhole: false }
  }
  return { length: to, isWhole: at === payload.length }
}
