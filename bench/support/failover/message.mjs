// OP_MSG, as small as it can be: one document, no checksum, no compression.
import { deserialize, serialize } from 'bson'

const HEADER = 21
let nextId = 1

export function encode(document) {
  const body = serialize(document)
  const bytes = Buffer.alloc(HEADER + body.length)
  bytes.writeInt32LE(bytes.length, 0)
  bytes.writeInt32LE(nextId++, 4)
  bytes.writeInt32LE(2013, 12)
  bytes.set(body, HEADER)
  return bytes
}

/** Calls `reply` with each document that comes. */
export function onReplies(socket, reply) {
  let rest = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    while (rest.length >= HEADER && rest.length >= rest.readInt32LE(0)) {
      const end = rest.readInt32LE(0)
      const document = deserialize(rest.subarray(HEADER, end))
      rest = rest.subarray(end)
      reply(document)
    }
  })
}
