import type { Document } from 'bson'
import { parse } from '../bson-parse.js'
import { CommandError, messageOf } from '../errors.js'
import { MAX_MESSAGE_BYTES } from '../limits.js'
import type { Compressor } from './compression.js'
import { crc32c } from './crc32c.js'
import {
  CHECKSUM_PRESENT,
  EXHAUST_ALLOWED,
  HEADER_BYTES,
  MORE_TO_COME,
  OP_COMPRESSED,
  OP_MSG,
  OP_QUERY,
  REQUIRED_FLAGS,
} from './opcodes.js'

/** How a message asks to be answered. */
export interface ReplyForm {
  readonly requestId: number
  readonly opcode: typeof OP_MSG | typeof OP_QUERY
  readonly compressor: Compressor | undefined
  readonly withChecksum: boolean
  /** The client wants no answer (moreToCome). */
  readonly isSilent: boolean
  readonly allowsExhaust: boolean
}

export type ParsedMessage =
  | {
      readonly kind: 'command'
      readonly form: ReplyForm
      readonly body: Document
      readonly sequences: ReadonlyMap<string, readonly Uint8Array[]>
    }
  /** Readable enough to be answered with an error; `isFatal` when the connection must end after it, as mongod does. */
  | { readonly kind: 'refused'; readonly form: ReplyForm; readonly error: CommandError; readonly isFatal: boolean }
  /** Nothing to answer: the connection ends. */
  | { readonly kind: 'garbage'; readonly reason: string }

/** Parse one whole message. Never throws: whatever the bytes are, the answer is one of the three kinds. */
export function parseMessage(message: Buffer, compressors: ReadonlyMap<number, Compressor>): ParsedMessage {
  const requestId = message.readInt32LE(4)
  const opcode = message.readInt32LE(12)
  const payload = message.subarray(HEADER_BYTES)
  if (opcode === OP_COMPRESSED) return parseCompressed(requestId, payload, compressors)
  return parsePayload({ requestId, opcode, payload, whole: message, compressor: undefined })
}

interface Payload {
  readonly requestId: number
  readonly opcode: number
  readonly payload: Buffer
  /** The message as it came, for its checksum; undefined for a compressed one, which carries none. */
  readonly whole: Buffer | undefined
  readonly compressor: Compressor | undefined
}

function parsePayload(input: Payload): ParsedMessage {
  if (input.opcode === OP_MSG) return parseOpMsg(input)
  if (input.opcode === OP_QUERY) return parseOpQuery(input)
  return { kind: 'garbage', reason: `opcode ${input.opcode}` }
}

/** OP_COMPRESSED: int32 originalOpcode | int32 uncompressedSize | uint8 compressorId | payload. */
function parseCompressed(
  requestId: number,
  payload: Buffer,
  compressors: ReadonlyMap<number, Compressor>,
): ParsedMessage {
  if (payload.length < 9) return { kind: 'garbage', reason: 'OP_COMPRESSED too short' }
  const opcode = payload.readInt32LE(0)
  const expectedBytes = payload.readInt32LE(4)
  const compressor = compressors.get(payload.readUInt8(8))
  if (opcode === OP_COMPRESSED) return { kind: 'garbage', reason: 'OP_COMPRESSED inside OP_COMPRESSED' }
  if (expectedBytes < 0 || expectedBytes > MAX_MESSAGE_BYTES - HEADER_BYTES) {
    return { kind: 'garbage', reason: `uncompressed size ${expectedBytes}` }
  }
  if (compressor === undefined) return { kind: 'garbage', reason: `compressor ${payload.readUInt8(8)}` }
  try {
    const inner = compressor.decompress(payload.subarray(9), expectedBytes)
    if (inner.length !== expectedBytes) return { kind: 'garbage', reason: 'uncompressed size does not match' }
    const bytes = Buffer.from(inner.buffer, inner.byteOffset, inner.length)
    return parsePayload({ requestId, opcode, payload: bytes, whole: undefined, compressor })
  } catch (error) {
    return { kind: 'garbage', reason: `cannot decompress: ${messageOf(error)}` }
  }
}

/** OP_QUERY: int32 flags | cstring namespace | int32 skip | int32 return | BSON query; only commands, on `<db>.$cmd`. */
function parseOpQuery(input: Payload): ParsedMessage {
  const { payload, requestId, compressor } = input
  const form: ReplyForm = {
    requestId,
    opcode: OP_QUERY,
    compressor,
    withChecksum: false,
    isSilent: false,
    allowsExhaust: false,
  }
  const end = payload.indexOf(0, 4)
  if (end < 0 || payload.length < end + 14) return { kind: 'garbage', reason: 'OP_QUERY too short' }
  const namespace = payload.toString('utf8', 4, end)
  const query = documentAt(payload, end + 9, payload.length)
  if (query === undefined) return { kind: 'garbage', reason: 'OP_QUERY without a document' }
  if (!namespace.endsWith('.$cmd')) {
    const error = new CommandError(352, `Unsupported OP_QUERY on ${namespace}: use OP_MSG`)
    return { kind: 'refused', form, error, isFatal: false }
  }
  return withDocuments(form, () => {
    const outer = parse(query)
    const body: Document = typeof outer.$query === 'object' && outer.$query !== null ? outer.$query : outer
    body.$db = namespace.slice(0, -'.$cmd'.length)
    return { kind: 'command', form, body, sequences: new Map() }
  })
}

/** OP_MSG: uint32 flags | sections | uint32 checksum when flagged. */
function parseOpMsg(input: Payload): ParsedMessage {
  const { payload, requestId, compressor, whole } = input
  if (payload.length < 5) return { kind: 'garbage', reason: 'OP_MSG too short' }
  const flags = payload.readUInt32LE(0)
  const form: ReplyForm = {
    requestId,
    opcode: OP_MSG,
    compressor,
    withChecksum: (flags & CHECKSUM_PRESENT) !== 0 && whole !== undefined,
    isSilent: (flags & MORE_TO_COME) !== 0,
    allowsExhaust: (flags & EXHAUST_ALLOWED) !== 0,
  }
  if ((flags & REQUIRED_FLAGS & ~(CHECKSUM_PRESENT | MORE_TO_COME)) !== 0) {
    const error = new CommandError(223, `Message contains illegal flags value: Ob${flags.toString(2)}`)
    return { kind: 'refused', form, error, isFatal: true }
  }
  const hasChecksum = (flags & CHECKSUM_PRESENT) !== 0
  const end = hasChecksum ? payload.length - 4 : payload.length
  if (hasChecksum && whole !== undefined && crc32c(whole.subarray(0, -4)) !== whole.readUInt32LE(whole.length - 4)) {
    return { kind: 'refused', form, error: new CommandError(288, 'OP_MSG checksum does not match'), isFatal: true }
  }
  const sections = readSections(payload, end)
  if (sections.kind === 'refused') return { ...sections, form }
  return withDocuments(form, () => {
    const body = parse(sections.body, bodyOptions(sections.body))
    for (const name of sections.sequences.keys()) {
      if (name in body) throw new CommandError(40433, `Duplicate field between body and document sequence ${name}`)
    }
    return { kind: 'command', form, body, sequences: sections.sequences }
  })
}

/** BSON that the parser cannot read refuses the message; the connection goes on, since the framing is sound. */
function withDocuments(form: ReplyForm, read: () => ParsedMessage): ParsedMessage {
  try {
    return read()
  } catch (error) {
    const refusal = error instanceof CommandError ? error : new CommandError(22, messageOf(error))
    return { kind: 'refused', form, error: refusal, isFatal: false }
  }
}

/**
 * The documents of an insert stay bytes, so that what is stored is what was sent. Only for insert: elsewhere a field of that
 * name may be part of a filter.
 */
function bodyOptions(body: Buffer) {
  const isInsert = body.toString('latin1', 5, 12) === 'insert\0'
  return isInsert ? { fieldsAsRaw: { documents: true } } : {}
}

type Sections =
  | { readonly kind: 'read'; readonly body: Buffer; readonly sequences: Map<string, readonly Uint8Array[]> }
  | { readonly kind: 'refused'; readonly error: CommandError; readonly isFatal: boolean }

const refused = (code: number, message: string, isFatal = true): Sections => ({
  kind: 'refused',
  error: new CommandError(code, message),
  isFatal,
})

/** Kind 0 body, kind 1 sequence, kind 3 telemetry (read past). Kind 2 is refused as a mongod without tenants does; others end the connection. */
function readSections(payload: Buffer, end: number): Sections {
  let body: Buffer | undefined
  const sequences = new Map<string, readonly Uint8Array[]>()
  let at = 4
  while (at < end) {
    const kind = payload.readUInt8(at)
    at++
    if (kind === 0 || kind === 3) {
      const document = documentAt(payload, at, end)
      if (document === undefined) return refused(22, 'OP_MSG section ends inside its document')
      if (kind === 0 && body !== undefined) return refused(40430, 'Multiple body sections in message')
      if (kind === 0) body = document
      at += document.length
    } else if (kind === 1) {
      const sequence = readSequence(payload, at, end)
      if (sequence === undefined) return refused(22, 'OP_MSG document sequence is malformed')
      if (sequences.has(sequence.name)) return refused(40431, `Duplicate document sequence: ${sequence.name}`)
      if (sequences.size === 2) return refused(233, 'Too many document sequences in OP_MSG')
      sequences.set(sequence.name, sequence.documents)
      at = sequence.end
    } else if (kind === 2) {
      return refused(13, 'Unsupported Security Token provided', false)
    } else {
      return refused(40432, `Unknown section kind ${kind}`)
    }
  }
  return body === undefined
    ? refused(40587, 'OP_MSG messages must have a body', false)
    : { kind: 'read', body, sequences }
}

/** int32 size (counts itself) | cstring name | documents. */
function readSequence(payload: Buffer, start: number, limit: number) {
  if (start + 5 > limit) return undefined
  const end = start + payload.readInt32LE(start)
  const nameEnd = payload.indexOf(0, start + 4)
  if (end <= start || end > limit || nameEnd < 0 || nameEnd >= end) return undefined
  const documents: Buffer[] = []
  let at = nameEnd + 1
  while (at < end) {
    const document = documentAt(payload, at, end)
    if (document === undefined) return undefined
    documents.push(document)
    at += document.length
  }
  return { name: payload.toString('utf8', start + 4, nameEnd), documents, end }
}

/** The BSON document at `start` when it fits before `end`; its inside is not looked at. */
function documentAt(bytes: Buffer, start: number, end: number): Buffer | undefined {
  if (start + 5 > end) return undefined
  const length = bytes.readInt32LE(start)
  if (length < 5 || start + length > end || bytes[start + length - 1] !== 0) return undefined
  return bytes.subarray(start, start + length)
}
