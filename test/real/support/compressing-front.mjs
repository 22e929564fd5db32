// A small proxy that gives a server without compression the server's side of OP_COMPRESSED: it adds `compression` to hello
// replies, inflates compressed requests and compresses the replies to them. Test peer: written apart from src/, shares nothing with it.
import { once } from 'node:events'
import net from 'node:net'
import zlib from 'node:zlib'
import zstd from '@mongodb-js/zstd'
import { deserialize, serialize } from 'bson'
import snappyjs from 'snappyjs'

const OP_REPLY = 1
const OP_QUERY = 2004
const OP_COMPRESSED = 2012
const OP_MSG = 2013
const HEADER_BYTES = 16
const HELLO = new Set(['hello', 'isMaster', 'ismaster'])

const codecs = {
  1: {
    name: 'snappy',
    compress: (b) => Buffer.from(snappyjs.compress(b)),
    inflate: (b) => Buffer.from(snappyjs.uncompress(b)),
  },
  2: { name: 'zlib', compress: (b) => zlib.deflateSync(b), inflate: (b) => zlib.inflateSync(b) },
  3: { name: 'zstd', compress: (b) => zstd.compress(b), inflate: (b) => zstd.decompress(b) },
}

/**
 * @param {{target: {host: string, port: number}, compressors: ('zlib' | 'snappy' | 'zstd')[]}} options
 */
export async function startCompressingFront({ target, compressors }) {
  const sockets = new Set()
  const counts = { requestsInflated: 0, repliesCompressed: 0 }
  const problems = []
  const server = net.createServer({ noDelay: true }, (client) => {
    const upstream = net.connect({ ...target, noDelay: true })
    // By request id: what the reply with this responseTo needs.
    const pending = new Map()
    pump(client, upstream, (message) => inflateRequest(message, pending, compressors, counts), problems)
    pump(upstream, client, (message) => shapeReply(message, pending, counts), problems)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: server.address().port,
    /** How much really went through compressed: a test that wants compression checks this. */
    counts,
    problems,
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

/** Cuts a direction into whole messages and writes what `transform` makes of each, in order. */
function pump(from, to, transform, problems) {
  let held = Buffer.alloc(0)
  let tail = Promise.resolve()
  const forward = async (message) => {
    try {
      to.write(await transform(message))
    } catch (error) {
      problems.push(error)
      from.destroy()
    }
  }
  from.on('data', (chunk) => {
    held = Buffer.concat([held, chunk])
    while (held.length >= 4 && held.length >= held.readInt32LE(0)) {
      const length = held.readInt32LE(0)
      const message = held.subarray(0, length)
      held = held.subarray(length)
      tail = tail.then(() => forward(message))
    }
  })
  from.on('end', () => {
    tail = tail.then(() => void to.end())
  })
  from.on('error', (error) => to.destroy(error))
  to.on('error', () => from.destroy())
  from.on('close', () => {
    tail = tail.then(() => void to.end())
  })
}

const opcodeOf = (message) => message.readInt32LE(12)

function header(bodyBytes, like, opcode) {
  const bytes = Buffer.alloc(HEADER_BYTES)
  bytes.writeInt32LE(HEADER_BYTES + bodyBytes, 0)
  like.copy(bytes, 4, 4, 12)
  bytes.writeInt32LE(opcode, 12)
  return bytes
}

async function inflateRequest(message, pending, compressors, counts) {
  const id = message.readInt32LE(4)
  if (opcodeOf(message) !== OP_COMPRESSED) {
    const hello = helloOf(message)
    if (hello === undefined) return message
    const shared = compressors.filter((name) => (hello.compression ?? []).includes(name))
    pending.set(id, { hello: shared })
    return message
  }
  const codec = codecs[message.readUInt8(24)]
  const body = await codec.inflate(message.subarray(25))
  if (body.length !== message.readInt32LE(20))
    throw new Error(`inflated ${body.length} bytes, not ${message.readInt32LE(20)}`)
  counts.requestsInflated += 1
  const moreToCome = message.readInt32LE(16) === OP_MSG && (body.readUInt32LE(0) & 2) !== 0
  if (!moreToCome) pending.set(id, { compressor: message.readUInt8(24) })
  return Buffer.concat([header(body.length, message, message.readInt32LE(16)), body])
}

async function shapeReply(message, pending, counts) {
  const responseTo = message.readInt32LE(8)
  const want = pending.get(responseTo)
  if (want === undefined) return message
  const opcode = opcodeOf(message)
  const moreToCome = opcode === OP_MSG && (message.readUInt32LE(HEADER_BYTES) & 2) !== 0
  pending.delete(responseTo)
  // An exhaust stream's later replies answer the request again, or the reply before: servers differ.
  if (moreToCome) pending.set(responseTo, want).set(message.readInt32LE(4), want)
  if (want.hello !== undefined) return want.hello.length === 0 ? message : addCompression(message, want.hello)
  const body = message.subarray(HEADER_BYTES)
  const packed = await codecs[want.compressor].compress(body)
  const wrap = Buffer.alloc(9)
  wrap.writeInt32LE(opcode, 0)
  wrap.writeInt32LE(body.length, 4)
  wrap.writeUInt8(want.compressor, 8)
  counts.repliesCompressed += 1
  return Buffer.concat([header(wrap.length + packed.length, message, OP_COMPRESSED), wrap, packed])
}

/** The command document of a hello-family request; undefined for anything else. */
function helloOf(message) {
  const start = documentStart(message)
  if (start === undefined) return undefined
  const key = message.toString('latin1', start + 5, message.indexOf(0, start + 5))
  return HELLO.has(key) ? deserialize(documentAt(message, start)) : undefined
}

function documentStart(message) {
  const opcode = opcodeOf(message)
  if (opcode === OP_MSG) return message.readUInt8(20) === 0 ? 21 : undefined
  if (opcode === OP_QUERY) return message.indexOf(0, 20) + 1 + 8
  return opcode === OP_REPLY ? 36 : undefined
}

const documentAt = (message, start) => message.subarray(start, start + message.readInt32LE(start))

/** Splices `compression: [names]` in as the last element; all other bytes stay. */
function addCompression(message, names) {
  const start = documentStart(message)
  const document = documentAt(message, start)
  if (start + document.length !== message.length) throw new Error('a hello reply with bytes after its document')
  const element = Buffer.from(serialize({ compression: names })).subarray(4, -1)
  const grown = Buffer.concat([document.subarray(0, -1), element, Buffer.from([0])])
  grown.writeInt32LE(grown.length, 0)
  return Buffer.concat([
    header(start - HEADER_BYTES + grown.length, message, opcodeOf(message)),
    message.subarray(HEADER_BYTES, start),
    grown,
  ])
}
