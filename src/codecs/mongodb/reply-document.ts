import { readInt32 } from './bson.js'
import { COMPRESSED_HEAD_BYTES } from './compressed.js'
import { crc32c } from './crc32c.js'
import { inflate } from './inflate.js'
import { REPLY_HEAD_BYTES } from './legacy.js'
import { HEADER_BYTES, MAX_HELLO_BYTES } from './limits.js'
import { FLAG_CHECKSUM_PRESENT, OP_COMPRESSED, OP_MSG, OP_REPLY, UNKNOWN_REQUIRED_FLAGS } from './opcodes.js'

export interface Failed {
  readonly kind: 'failed'
  readonly reason: string
}

/** What a patch made of a document; any other kind is handed through. */
export type Patched<Other> = { readonly kind: 'patched'; readonly document: Uint8Array } | Failed | Other

/** @param at where the document starts in `bytes`, in which it may not lie whole */
export type PatchDocument<Other> = (bytes: Buffer, at: number) => Patched<Other>

/** `message`: whole, to be sent instead. */
export type PatchedReply<Other> = { readonly kind: 'rewritten'; readonly message: Buffer } | Failed | Other

/**
 * A reply (`message`: whole, header included) with its document patched, in any form it may have: OP_MSG (checksum made anew),
 * OP_REPLY, OP_COMPRESSED (sent uncompressed, which every client must take). Every byte outside the document but lengths and
 * checksum stays as it is.
 */
export function patchReply<Other>(message: Buffer, patch: PatchDocument<Other>): PatchedReply<Other> {
  switch (readInt32(message, 12)) {
    case OP_MSG:
      return patchOpMsg(message, patch)
    case OP_REPLY:
      return patchAt(message, HEADER_BYTES + REPLY_HEAD_BYTES, patch, 0)
    case OP_COMPRESSED:
      return patchCompressed(message, patch)
    default:
      return failed('unknown_opcode')
  }
}

const failed = (reason: string): Failed => ({ kind: 'failed', reason })

function patchCompressed<Other>(message: Buffer, patch: PatchDocument<Other>): PatchedReply<Other> {
  const payloadAt = HEADER_BYTES + COMPRESSED_HEAD_BYTES
  if (message.length < payloadAt) return failed('truncated_message')
  const opcode = readInt32(message, HEADER_BYTES)
  const size = readInt32(message, HEADER_BYTES + 4)
  if (opcode === OP_COMPRESSED) return failed('nested_compression')
  if (size < 0 || size > MAX_HELLO_BYTES) return failed('inflate_size')
  const inside = inflate(message[HEADER_BYTES + 8] as number, message.subarray(payloadAt), size)
  if (typeof inside === 'string') return failed(inside)
  const plain = Buffer.concat([message.subarray(0, HEADER_BYTES), inside])
  plain.writeInt32LE(plain.length, 0)
  plain.writeInt32LE(opcode, 12)
  return patchReply(plain, patch)
}

function patchOpMsg<Other>(message: Buffer, patch: PatchDocument<Other>): PatchedReply<Other> {
  const sectionsAt = HEADER_BYTES + 4
  if (message.length < sectionsAt) return failed('truncated_message')
  const flags = readInt32(message, HEADER_BYTES)
  if ((flags & UNKNOWN_REQUIRED_FLAGS) !== 0) return failed('unknown_required_flag')
  const checksumBytes = (flags & FLAG_CHECKSUM_PRESENT) === 0 ? 0 : 4
  // Section kinds other than the body are sized alike here: a document (kind 3), or a sequence (kind 1).
  for (let at = sectionsAt; at < message.length - checksumBytes; ) {
    const kind = message[at]
    if (kind === 0) return patchAt(message, at + 1, patch, checksumBytes)
    if ((kind !== 1 && kind !== 3) || at + 5 > message.length) return failed('unknown_section')
    const size = readInt32(message, at + 1)
    if (size < 5) return failed('bson_length')
    at += 1 + size
  }
  return failed('missing_body')
}

/** The document at `at` of a message whose last `checksumBytes` bytes are its checksum. */
function patchAt<Other>(
  message: Buffer,
  at: number,
  patch: PatchDocument<Other>,
  checksumBytes: number,
): PatchedReply<Other> {
  const patched = patch(message, at)
  if (!isPatched(patched)) return patched
  const tail = message.subarray(at + readInt32(message, at), message.length - checksumBytes)
  const out = Buffer.concat([message.subarray(0, at), patched.document, tail, Buffer.alloc(checksumBytes)])
  out.writeInt32LE(out.length, 0)
  if (checksumBytes > 0) out.writeInt32LE(crc32c(out, out.length - 4), out.length - 4)
  return { kind: 'rewritten', message: out }
}

function isPatched<Other>(
  patched: Patched<Other>,
): patched is { readonly kind: 'patched'; readonly document: Uint8Array } {
  return (patched as { readonly kind?: unknown }).kind === 'patched'
}
