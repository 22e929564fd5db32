import { type Document, Double, type Long, serialize } from 'bson'
import { crc32c } from './crc32c.js'
import type { ReplyForm } from './message.js'
import { CHECKSUM_PRESENT, HEADER_BYTES, MORE_TO_COME, OP_COMPRESSED, OP_MSG, OP_QUERY, OP_REPLY } from './opcodes.js'

/** A batch of documents that are BSON already: they are copied into the reply, never parsed again. */
export class CursorReply {
  readonly namespace: string
  readonly batchName: 'firstBatch' | 'nextBatch'
  readonly documents: readonly Uint8Array[]
  /** Zero when the cursor is done. */
  readonly cursorId: Long
  /** Fields between `cursor` and `ok`. */
  readonly extra: Document

  constructor(
    namespace: string,
    batchName: 'firstBatch' | 'nextBatch',
    documents: readonly Uint8Array[],
    cursorId: Long,
    extra: Document = {},
  ) {
    this.namespace = namespace
    this.batchName = batchName
    this.documents = documents
    this.cursorId = cursorId
    this.extra = extra
  }

  with(extra: Document): CursorReply {
    return new CursorReply(this.namespace, this.batchName, this.documents, this.cursorId, extra)
  }
}

export type CommandReply = Document | CursorReply

export interface ReplyHeader {
  readonly requestId: number
  readonly responseTo: number
  readonly moreToCome: boolean
}

/** The reply as wire bytes, in the form its request asked for. `ok` is made a double, as mongod sends it. */
export async function encodeReply(reply: CommandReply, header: ReplyHeader, form: ReplyForm): Promise<Buffer> {
  const body = reply instanceof CursorReply ? encodeCursorReply(reply) : serialize(withDoubleOk(reply))
  if (form.opcode === OP_QUERY) return encodeOpReply(body, header)
  if (form.compressor !== undefined) return encodeCompressed(body, header, form.compressor)
  return encodeOpMsg(body, header, form.withChecksum)
}

function withDoubleOk(reply: Document): Document {
  return typeof reply.ok === 'number' ? { ...reply, ok: new Double(reply.ok) } : reply
}

function writeHeader(message: Buffer, opcode: number, header: ReplyHeader): void {
  message.writeInt32LE(message.length, 0)
  message.writeInt32LE(header.requestId, 4)
  message.writeInt32LE(header.responseTo, 8)
  message.writeInt32LE(opcode, 12)
}

/** uint32 flags | uint8 kind 0 | body. */
function writeOpMsgPayload(message: Buffer, at: number, flags: number, body: Uint8Array): void {
  message.writeUInt32LE(flags, at)
  message.writeUInt8(0, at + 4)
  message.set(body, at + 5)
}

function encodeOpMsg(body: Uint8Array, header: ReplyHeader, withChecksum: boolean): Buffer {
  const message = Buffer.allocUnsafe(HEADER_BYTES + 5 + body.length + (withChecksum ? 4 : 0))
  writeHeader(message, OP_MSG, header)
  const flags = (header.moreToCome ? MORE_TO_COME : 0) | (withChecksum ? CHECKSUM_PRESENT : 0)
  writeOpMsgPayload(message, HEADER_BYTES, flags, body)
  if (withChecksum) message.writeUInt32LE(crc32c(message.subarray(0, -4)), message.length - 4)
  return message
}

/** mongod drops the checksum of a message it compresses. */
async function encodeCompressed(
  body: Uint8Array,
  header: ReplyHeader,
  compressor: NonNullable<ReplyForm['compressor']>,
): Promise<Buffer> {
  const inner = Buffer.allocUnsafe(5 + body.length)
  writeOpMsgPayload(inner, 0, header.moreToCome ? MORE_TO_COME : 0, body)
  const compressed = await compressor.compress(inner)
  const message = Buffer.allocUnsafe(HEADER_BYTES + 9 + compressed.length)
  writeHeader(message, OP_COMPRESSED, header)
  message.writeInt32LE(OP_MSG, 16)
  message.writeInt32LE(inner.length, 20)
  message.writeUInt8(compressor.id, 24)
  message.set(compressed, 25)
  return message
}

/** int32 responseFlags (8: AwaitCapable) | int64 cursorId | int32 startingFrom | int32 numberReturned | document. */
function encodeOpReply(body: Uint8Array, header: ReplyHeader): Buffer {
  const message = Buffer.alloc(HEADER_BYTES + 20 + body.length)
  writeHeader(message, OP_REPLY, header)
  message.writeInt32LE(8, 16)
  message.writeInt32LE(1, 32)
  message.set(body, 36)
  return message
}

/** `{cursor: {<batchName>: [documents], id: int64, ns: string}, ok: 1.0}`, written by hand around the ready documents. */
function encodeCursorReply(reply: CursorReply): Buffer {
  const keys = reply.documents.map((_, index) => Buffer.from(`\x03${index}\0`, 'latin1'))
  let arrayBytes = 5
  for (const [index, document] of reply.documents.entries()) arrayBytes += (keys[index]?.length ?? 0) + document.length
  const arrayHead = Buffer.from(`\x04${reply.batchName}\0`, 'latin1')
  const tail = serialize({ id: reply.cursorId, ns: reply.namespace }, { ignoreUndefined: true })
  const cursorBytes = 4 + arrayHead.length + arrayBytes + (tail.length - 4)
  const cursorHead = Buffer.from('\x03cursor\0', 'latin1')
  const end = serialize({ ...reply.extra, ok: new Double(1) })
  const body = Buffer.allocUnsafe(4 + cursorHead.length + cursorBytes + (end.length - 4))
  let at = body.writeInt32LE(body.length, 0)
  const put = (bytes: Uint8Array) => {
    body.set(bytes, at)
    at += bytes.length
  }
  put(cursorHead)
  at = body.writeInt32LE(cursorBytes, at)
  put(arrayHead)
  at = body.writeInt32LE(arrayBytes, at)
  for (const [index, document] of reply.documents.entries()) {
    put(keys[index] ?? Buffer.alloc(0))
    put(document)
  }
  at = body.writeUInt8(0, at)
  put(tail.subarray(4))
  put(end.subarray(4))
  return body
}
