// Messages written by hand, for forms that no driver sends on demand. Shares no code with src/.
import { once } from 'node:events'
import { connect } from 'node:net'
import { deserialize, serialize } from 'bson'

const OP_REPLY = 1
const OP_QUERY = 2004
const OP_MSG = 2013
const EXHAUST_ALLOWED = 1 << 16

/** @param {string} address `host:port` */
export async function connectRaw(address, deadlineMs = 10_000) {
  const { hostname, port } = new URL(`tcp://${address}`)
  const socket = connect({ host: hostname, port: Number(port), signal: AbortSignal.timeout(deadlineMs) })
  await once(socket, 'connect')
  const replies = readReplies(socket)
  let lastId = 0
  const send = (opcode, ...parts) => {
    const head = Buffer.alloc(16)
    head.writeInt32LE(16 + Buffer.concat(parts).length, 0)
    lastId += 1
    head.writeInt32LE(lastId, 4)
    head.writeInt32LE(opcode, 12)
    socket.write(Buffer.concat([head, ...parts]))
  }
  return {
    /** As drivers begin, on `admin.$cmd`. */
    query: (command) => send(OP_QUERY, int32(0), Buffer.from('admin.$cmd\0'), int32(0), int32(-1), serialize(command)),
    /** With exhaustAllowed: more than one reply may follow. */
    streamed: (command) =>
      send(OP_MSG, int32(EXHAUST_ALLOWED), Buffer.from([0]), serialize({ ...command, $db: 'admin' })),
    /** @returns {Promise<{opcode: number, flags: number, document: object}>} the next */
    async reply() {
      const { value, done } = await replies.next()
      if (done) throw new Error('the connection ended')
      return value
    },
    close: () => socket.destroy(),
  }
}

async function* readReplies(socket) {
  let pending = Buffer.alloc(0)
  for await (const chunk of socket) {
    pending = Buffer.concat([pending, chunk])
    while (pending.length >= 16 && pending.length >= pending.readInt32LE(0)) {
      const message = pending.subarray(0, pending.readInt32LE(0))
      pending = pending.subarray(message.length)
      const opcode = message.readInt32LE(12)
      if (opcode !== OP_REPLY && opcode !== OP_MSG) throw new Error(`opcode ${opcode}`)
      const document = deserialize(message.subarray(opcode === OP_MSG ? 21 : 36), { promoteLongs: false })
      yield { opcode, flags: message.readInt32LE(16), document }
    }
  }
}

function int32(value) {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}
