import { BSON } from 'bson'
import { HEADER_BYTES } from './limits.js'
import { OP_MSG, OP_QUERY, OP_REPLY } from './opcodes.js'

/** An answer in the server's place. */
export interface Refusal {
  readonly code: number
  /** The server's name for the code. */
  readonly codeName: string
  readonly message: string
}

/** responseFlags: AwaitCapable, as every server since 1.6 says. (OP_REPLY) */
const AWAIT_CAPABLE = 8

/** The reply to a request that will not reach the server, in the form that the request's opcode asks for. */
export function refusalReply(requestId: number, opcode: number, { code, codeName, message }: Refusal): Buffer {
  const document = BSON.serialize({ ok: 0, errmsg: message, code, codeName })
  const head = Buffer.alloc(HEADER_BYTES + (opcode === OP_QUERY ? 20 : 5))
  head.writeInt32LE(head.length + document.length, 0)
  head.writeInt32LE(requestId, 8)
  head.writeInt32LE(opcode === OP_QUERY ? OP_REPLY : OP_MSG, 12)
  if (opcode === OP_QUERY) {
    head.writeInt32LE(AWAIT_CAPABLE, HEADER_BYTES)
    head.writeInt32LE(1, HEADER_BYTES + 16)
  }
  return Buffer.concat([head, document])
}
