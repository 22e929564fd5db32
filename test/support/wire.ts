import zlib from 'node:zlib'
import { BSON } from 'bson'

/** Hand-made wire messages, for what no capture holds. Written from the OP_MSG and legacy opcode specifications. */
export function message(opcode: number, requestId: number, responseTo: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const head = Buffer.alloc(16)
  head.writeInt32LE(16 + body.length, 0)
  head.writeInt32LE(requestId, 4)
  head.writeInt32LE(responseTo, 8)
  head.writeInt32LE(opcode, 12)
  return Buffer.concat([head, body])
}

export const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value | 0, 0)
  return bytes
}
export const int64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(value, 0)
  return bytes
}
export const cstring = (text: string): Buffer => Buffer.from(`${text}\0`)
export const doc = (value: Record<string, unknown>): Buffer => Buffer.from(BSON.serialize(value))

export const body = (value: Record<string, unknown>): Buffer => Buffer.concat([Buffer.from([0]), doc(value)])
export function sequence(name: string, documents: readonly Record<string, unknown>[]): Buffer {
  const content = Buffer.concat([cstring(name), ...documents.map(doc)])
  return Buffer.concat([Buffer.from([1]), int32(content.length + 4), content])
}
export const telemetry = (value: Record<string, unknown>): Buffer => Buffer.concat([Buffer.from([3]), doc(value)])

export interface MsgOptions {
  readonly requestId?: number
  readonly responseTo?: number
  readonly flags?: number
}

export function opMsg(sections: Uint8Array | readonly Uint8Array[], options: MsgOptions = {}): Buffer {
  const { requestId = 1, responseTo = 0, flags = 0 } = options
  const parts = sections instanceof Uint8Array ? [sections] : sections
  const checksum = (flags & 1) !== 0 ? [int32(0)] : []
  return message(2013, requestId, responseTo, int32(flags), ...parts, ...checksum)
}

export const request = (value: Record<string, unknown>, options: MsgOptions = {}): Buffer => opMsg(body(value), options)
export const reply = (value: Record<string, unknown>, responseTo = 1, options: MsgOptions = {}): Buffer =>
  opMsg(body(value), { requestId: 1_000 + responseTo, responseTo, ...options })

/** OP_COMPRESSED around a whole message; `payload` given when the compressor is not zlib. */
export function compressed(inner: Buffer, compressor = 2, payload?: Uint8Array, claimedSize?: number): Buffer {
  const content = inner.subarray(16)
  const bytes = payload ?? (compressor === 0 ? content : zlib.deflateSync(content))
  return message(
    2012,
    inner.readInt32LE(4),
    inner.readInt32LE(8),
    int32(inner.readInt32LE(12)),
    int32(claimedSize ?? content.length),
    Buffer.from([compressor]),
    bytes,
  )
}
