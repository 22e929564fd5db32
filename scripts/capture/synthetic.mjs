// Messages that no driver here sends, made by hand and answered by the real server: layouts that are legal on the wire.
import { once } from 'node:events'
import net from 'node:net'
import { serialize } from 'bson'

const OP_MSG = 2013
const CHECKSUM_PRESENT = 1

/** CRC-32C (Castagnoli), reflected; crc32c('123456789') is 0xe3069283. */
function crc32c(bytes) {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}
if (crc32c(Buffer.from('123456789')) !== 0xe3069283) throw new Error('crc32c is wrong')

const body = (document) => Buffer.concat([Buffer.from([0]), serialize(document)])

function sequence(identifier, documents) {
  const bytes = Buffer.concat([Buffer.from(`${identifier}\0`, 'latin1'), ...documents.map((d) => serialize(d))])
  const head = Buffer.alloc(5)
  head.writeUInt8(1, 0)
  head.writeInt32LE(bytes.length + 4, 1)
  return Buffer.concat([head, bytes])
}

function message(requestId, flags, sections) {
  const hasChecksum = (flags & CHECKSUM_PRESENT) !== 0
  const payload = Buffer.concat(sections)
  const bytes = Buffer.alloc(20)
  bytes.writeInt32LE(20 + payload.length + (hasChecksum ? 4 : 0), 0)
  bytes.writeInt32LE(requestId, 4)
  bytes.writeInt32LE(OP_MSG, 12)
  bytes.writeUInt32LE(flags, 16)
  const whole = Buffer.concat([bytes, payload])
  if (!hasChecksum) return whole
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32LE(crc32c(whole), 0)
  return Buffer.concat([whole, checksum])
}

const shop = (command) => ({ ...command, $db: 'shop' })
const ok = (command, more = {}) => ({ command, database: 'shop', collection: 'orders', outcome: 'ok', ...more })

/** Each: messages sent one after the other's reply, and what they are, known because they were written down here. */
const captures = {
  'synthetic-checksum': [
    [
      message(101, CHECKSUM_PRESENT, [body(shop({ insert: 'orders', documents: [{ _id: 1 }, { _id: 2 }] }))]),
      ok('insert', { batchSize: 2 }),
    ],
    [
      message(102, CHECKSUM_PRESENT, [body(shop({ insert: 'orders' })), sequence('documents', [{ _id: 3 }])]),
      ok('insert', { batchSize: 1 }),
    ],
    [message(103, CHECKSUM_PRESENT, [body(shop({ find: 'orders', filter: {} }))]), ok('find', { documents: 3 })],
  ],
  'synthetic-body-last': [
    [
      message(-7, 0, [sequence('documents', [{ _id: 1 }, { _id: 2 }, { _id: 3 }]), body(shop({ insert: 'orders' }))]),
      ok('insert', { batchSize: 3 }),
    ],
    [
      message(2_147_483_647, 0, [
        sequence('updates', [{ q: { _id: 1 }, u: { $set: { a: 1 } } }]),
        body(shop({ update: 'orders', ordered: true })),
      ]),
      ok('update', { batchSize: 1 }),
    ],
    [message(-2_147_483_648, 0, [body(shop({ count: 'orders', query: {} }))]), ok('count')],
  ],
}

export const SYNTHETIC = Object.keys(captures)

/** @returns {Promise<object[]>} the operations expected of the recording */
export async function recordSynthetic(name, port) {
  const socket = net.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const replies = readMessages(socket)
  for (const [bytes] of captures[name]) {
    socket.write(bytes)
    const { value: reply } = await replies.next()
    if (reply.readInt32LE(8) !== bytes.readInt32LE(4)) throw new Error(`${name}: a reply to another request`)
    if (!reply.includes(Buffer.from('\x01ok\0\0\0\0\0\0\0\xf0\x3f', 'latin1')))
      throw new Error(`${name}: not ok: ${reply}`)
  }
  socket.end()
  return captures[name].map(([, operation]) => operation)
}

async function* readMessages(socket) {
  let held = Buffer.alloc(0)
  for await (const chunk of socket) {
    held = Buffer.concat([held, chunk])
    while (held.length >= 4 && held.length >= held.readInt32LE(0)) {
      yield held.subarray(0, held.readInt32LE(0))
      held = held.subarray(held.readInt32LE(0))
    }
  }
}
