import { BSON_ARRAY, readInt32 } from './bson.js'
import { documentOf, type Element, elementsOf, stringArrayElement, stringElement, textOf } from './bson-patch.js'
import { COMPRESSED_HEAD_BYTES } from './compressed.js'
import { crc32c } from './crc32c.js'
import { inflate } from './inflate.js'
import { REPLY_HEAD_BYTES } from './legacy.js'
import { HEADER_BYTES } from './limits.js'
import { FLAG_CHECKSUM_PRESENT, OP_COMPRESSED, OP_MSG, OP_REPLY, UNKNOWN_REQUIRED_FLAGS } from './opcodes.js'

/** What a listener knows of the set when it rewrites. */
export interface MemberMap {
  /**
   * The member that this listener stands for, by the name that hello gives it; '' for a seed listener, which takes any.
   * Normalised: `normalizeMember`.
   */
  readonly member: string
  /** Where clients reach a member through the proxy; undefined when it has no listener. Takes a normalised name. */
  advertise(member: string): string | undefined
}

export type HelloRewrite =
  /** The whole message to send instead. */
  | { readonly kind: 'rewritten'; readonly message: Buffer }
  /** Nothing in it leads away: an error, a standalone, a mongos. */
  | { readonly kind: 'unchanged' }
  /** The node says that it is another member than this listener's. Not to be sent: it would lead the driver astray. */
  | { readonly kind: 'identity_mismatch'; readonly me: string }
  /** It can't be understood, so it can't be made safe either. */
  | { readonly kind: 'failed'; readonly reason: string }

const DEFAULT_PORT = 27_017
const MAX_HELLO_BYTES = 1_048_576
const UNCHANGED: HelloRewrite = { kind: 'unchanged' }
/** Fields that hold member names; nothing else of a hello reply is touched. (Server Discovery and Monitoring) */
const LISTS: ReadonlySet<string> = new Set(['hosts', 'passives', 'arbiters'])

/** Names are compared in lower case, with their port. */
export function normalizeMember(name: string): string {
  const lower = name.toLowerCase()
  const hasPort = lower.startsWith('[') ? /\]:\d+$/.test(lower) : /^[^:]*:\d+$/.test(lower)
  if (hasPort) return lower
  const isBareV6 = !lower.startsWith('[') && lower.includes(':')
  return `${isBareV6 ? `[${lower}]` : lower}:${DEFAULT_PORT}`
}

/**
 * A reply of the hello family (`message`: whole, header included) with `hosts`, `passives`, `arbiters`, `primary` and `me` led
 * through the proxy, in any form it may have: OP_MSG (checksum made anew), OP_REPLY, OP_COMPRESSED (sent uncompressed, which
 * every client must take). Every other byte stays as it is.
 */
export function rewriteHelloReply(message: Buffer, map: MemberMap): HelloRewrite {
  switch (readInt32(message, 12)) {
    case OP_MSG:
      return rewriteOpMsg(message, map)
    case OP_REPLY:
      return rewriteAt(message, HEADER_BYTES + REPLY_HEAD_BYTES, map, 0)
    case OP_COMPRESSED:
      return rewriteCompressed(message, map)
    default:
      return { kind: 'failed', reason: 'unknown_opcode' }
  }
}

function rewriteCompressed(message: Buffer, map: MemberMap): HelloRewrite {
  const payloadAt = HEADER_BYTES + COMPRESSED_HEAD_BYTES
  if (message.length < payloadAt) return { kind: 'failed', reason: 'truncated_message' }
  const opcode = readInt32(message, HEADER_BYTES)
  const size = readInt32(message, HEADER_BYTES + 4)
  if (opcode === OP_COMPRESSED) return { kind: 'failed', reason: 'nested_compression' }
  if (size < 0 || size > MAX_HELLO_BYTES) return { kind: 'failed', reason: 'inflate_size' }
  const inside = inflate(message[HEADER_BYTES + 8] as number, message.subarray(payloadAt), size)
  if (typeof inside === 'string') return { kind: 'failed', reason: inside }
  const plain = Buffer.concat([message.subarray(0, HEADER_BYTES), inside])
  plain.writeInt32LE(plain.length, 0)
  plain.writeInt32LE(opcode, 12)
  return rewriteHelloReply(plain, map)
}

function rewriteOpMsg(message: Buffer, map: MemberMap): HelloRewrite {
  const sectionsAt = HEADER_BYTES + 4
  if (message.length < sectionsAt) return { kind: 'failed', reason: 'truncated_message' }
  const flags = readInt32(message, HEADER_BYTES)
  if ((flags & UNKNOWN_REQUIRED_FLAGS) !== 0) return { kind: 'failed', reason: 'unknown_required_flag' }
  const checksumBytes = (flags & FLAG_CHECKSUM_PRESENT) === 0 ? 0 : 4
  // Section kinds other than the body are sized alike here: a document (kind 3), or a sequence (kind 1).
  for (let at = sectionsAt; at < message.length - checksumBytes; ) {
    const kind = message[at]
    if (kind === 0) return rewriteAt(message, at + 1, map, checksumBytes)
    if ((kind !== 1 && kind !== 3) || at + 5 > message.length) return { kind: 'failed', reason: 'unknown_section' }
    const size = readInt32(message, at + 1)
    if (size < 5) return { kind: 'failed', reason: 'bson_length' }
    at += 1 + size
  }
  return { kind: 'failed', reason: 'missing_body' }
}

/** Rewrite the document at `at` of a message whose last `checksumBytes` bytes are its checksum. */
function rewriteAt(message: Buffer, at: number, map: MemberMap, checksumBytes: number): HelloRewrite {
  const elements = elementsOf(message, at)
  if (elements === undefined) return { kind: 'failed', reason: 'bson_length' }
  const names = elements.filter(({ name }) => LISTS.has(name) || name === 'primary' || name === 'me')
  if (names.length === 0) return UNCHANGED
  const me = names.find(({ name }) => name === 'me')
  const meText = me === undefined ? undefined : textOf(message, me)
  if (map.member !== '' && meText !== undefined && normalizeMember(meText) !== map.member) {
    return { kind: 'identity_mismatch', me: meText }
  }
  const parts = elements.map((element) => rewriteElement(message, element, map))
  if (parts.includes(undefined)) return { kind: 'failed', reason: 'bson_type' }
  const document = documentOf(parts.filter((part) => part !== undefined))
  const tail = message.subarray(at + readInt32(message, at), message.length - checksumBytes)
  const out = Buffer.concat([message.subarray(0, at), document, tail, Buffer.alloc(checksumBytes)])
  out.writeInt32LE(out.length, 0)
  if (checksumBytes > 0) out.writeInt32LE(crc32c(out, out.length - 4), out.length - 4)
  return { kind: 'rewritten', message: out }
}

/** @returns the element's new bytes; empty when it is left out; undefined when it has not the type it must have */
function rewriteElement(message: Buffer, element: Element, map: MemberMap): Uint8Array | undefined {
  const { name } = element
  if (LISTS.has(name)) {
    if (element.type !== BSON_ARRAY) return undefined
    const entries = elementsOf(message, element.valueStart)?.map((entry) => textOf(message, entry))
    if (entries === undefined) return undefined
    const advertised = entries.map((entry) => (entry === undefined ? undefined : map.advertise(normalizeMember(entry))))
    return stringArrayElement(
      name,
      advertised.filter((entry) => entry !== undefined),
    )
  }
  if (name !== 'primary' && name !== 'me') return message.subarray(element.start, element.end)
  const text = textOf(message, element)
  if (text === undefined) return undefined
  const advertised = map.advertise(normalizeMember(text))
  // A hint that leads nowhere is better left out: the driver asks the members themselves.
  return advertised === undefined ? new Uint8Array(0) : stringElement(name, advertised)
}
