import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { inflateSync } from 'node:zlib'
import { type Document, deserialize, Long, ObjectId, serialize } from 'bson'
import t from 'tap'
import { type DemoServer, type DemoServerOptions, startDemoServer } from '../../src/demo/mongod/server.js'
import { crc32c } from '../../src/demo/mongod/wire/crc32c.js'
import { FakeClock } from '../support/fake-clock.js'

/** The test's own framing: what the server writes is not checked with the server's code. */
interface Message {
  readonly requestId: number
  readonly responseTo: number
  readonly opcode: number
  readonly payload: Buffer
}

class RawClient {
  readonly socket: Socket
  readonly #received: Buffer[] = []
  #bytes = 0
  readonly closed: Promise<unknown>

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('data', (chunk) => {
      this.#received.push(chunk)
      this.#bytes += chunk.length
    })
    this.socket.on('error', () => undefined)
    this.closed = once(this.socket, 'close')
  }

  write(bytes: Buffer): void {
    this.socket.write(bytes)
  }

  /** The next whole message. */
  async next(): Promise<Message> {
    while (this.#bytes < 4) await once(this.socket, 'data')
    const length = Buffer.concat(this.#received.slice(0, 4)).readInt32LE(0)
    while (this.#bytes < length) await once(this.socket, 'data')
    const all = Buffer.concat(this.#received)
    this.#received.splice(0, this.#received.length, all.subarray(length))
    this.#bytes -= length
    return {
      requestId: all.readInt32LE(4),
      responseTo: all.readInt32LE(8),
      opcode: all.readInt32LE(12),
      payload: all.subarray(16, length),
    }
  }

  async body(): Promise<Document> {
    const { payload } = await this.next()
    return deserialize(payload.subarray(5, 5 + payload.readInt32LE(5)))
  }
}

const header = (requestId: number, opcode: number, payload: Buffer): Buffer => {
  const bytes = Buffer.alloc(16 + payload.length)
  bytes.writeInt32LE(bytes.length, 0)
  bytes.writeInt32LE(requestId, 4)
  bytes.writeInt32LE(opcode, 12)
  payload.copy(bytes, 16)
  return bytes
}

const flagBytes = (flags: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(flags)
  return bytes
}

const body = (document: Document): Buffer => Buffer.concat([Buffer.from([0]), serialize(document)])

const sequence = (name: string, documents: readonly Document[]): Buffer => {
  const content = Buffer.concat([Buffer.from(`${name}\0`), ...documents.map((document) => serialize(document))])
  return Buffer.concat([Buffer.from([1]), flagBytes(content.length + 4), content])
}

const opMsg = (requestId: number, flags: number, ...sections: readonly Buffer[]): Buffer =>
  header(requestId, 2013, Buffer.concat([flagBytes(flags), ...sections]))

const opQuery = (requestId: number, namespace: string, document: Document): Buffer =>
  header(
    requestId,
    2004,
    Buffer.concat([
      flagBytes(0),
      Buffer.from(`${namespace}\0`),
      flagBytes(0),
      flagBytes(0xffffffff),
      serialize(document),
    ]),
  )

const withChecksum = (message: Buffer, wrong = 0): Buffer => {
  const bytes = Buffer.concat([message, Buffer.alloc(4)])
  bytes.writeInt32LE(bytes.length, 0)
  bytes.writeUInt32LE((crc32c(bytes.subarray(0, -4)) + wrong) >>> 0, bytes.length - 4)
  return bytes
}

async function withRaw(
  options: DemoServerOptions,
  run: (client: RawClient, server: DemoServer) => Promise<void>,
): Promise<void> {
  const server = await startDemoServer(options)
  const client = new RawClient(server.address.port)
  try {
    await run(client, server)
  } finally {
    client.socket.destroy()
    await server.close()
  }
}

const ping = { ping: 1, $db: 'admin' }

t.test('CRC-32C gives the check value of its specification', async (t) => {
  t.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
})

t.test('hello over OP_QUERY is answered by OP_REPLY, with helloOk when asked', (t) =>
  withRaw({}, async (client) => {
    client.write(
      opQuery(7, 'admin.$cmd', {
        ismaster: 1,
        helloOk: true,
        compression: ['zlib', 'none'],
        client: { application: { name: 'x' } },
      }),
    )
    const reply = await client.next()
    t.match(reply, { opcode: 1, responseTo: 7 })
    t.equal(reply.payload.readInt32LE(0), 8, 'AwaitCapable')
    t.equal(reply.payload.readInt32LE(16), 1, 'one document')
    t.match(deserialize(reply.payload.subarray(20)), {
      ismaster: true,
      helloOk: true,
      maxWireVersion: 25,
      logicalSessionTimeoutMinutes: 30,
      compression: ['zlib'],
      ok: 1,
    })
    client.write(opQuery(8, 'admin.$cmd', { $query: { isMaster: 1 }, $readPreference: { mode: 'nearest' } }))
    t.match(deserialize((await client.next()).payload.subarray(20)), { ismaster: true, ok: 1 }, 'wrapped in $query')
    client.write(opQuery(9, 'shop.$cmd', { find: 'orders' }))
    t.match(deserialize((await client.next()).payload.subarray(20)), { ok: 0, code: 352 })
    client.write(opQuery(10, 'admin.$cmd', { isMaster: 1, client: {} }))
    t.match(deserialize((await client.next()).payload.subarray(20)), { ok: 0, code: 186 }, 'metadata comes once')
  }),
)

t.test('the server says ok as a double, and a cursor id as an int64, as mongod does', (t) =>
  withRaw({}, async (client) => {
    client.write(opMsg(1, 0, body({ find: 'none', $db: 'shop' })))
    const { payload } = await client.next()
    const reply = deserialize(payload.subarray(5), { promoteValues: false })
    t.equal(reply.ok._bsontype, 'Double')
    t.ok(reply.cursor.id instanceof Long)
    t.strictSame(Object.keys(reply.cursor), ['firstBatch', 'id', 'ns'])
  }),
)

t.test('document sequences are read in front of the body and behind it; telemetry is read past', (t) =>
  withRaw({}, async (client) => {
    const insert = body({ insert: 'orders', $db: 'shop' })
    client.write(opMsg(1, 0, sequence('documents', [{ _id: 1 }, { _id: 2 }]), insert))
    t.match(await client.body(), { ok: 1, n: 2 })
    const telemetry = Buffer.concat([Buffer.from([3]), serialize({ otel: { traceparent: '00-0-0-00' } })])
    client.write(opMsg(2, 0x0800_0000, insert, telemetry, sequence('documents', [{ _id: 3 }])))
    t.match(await client.body(), { ok: 1, n: 1 }, 'an unknown optional flag is ignored')
    const find = body({ find: 'orders', filter: {}, $db: 'shop' })
    client.write(opMsg(3, 0, find))
    t.match(await client.body(), { cursor: { firstBatch: [{ _id: 1 }, { _id: 2 }, { _id: 3 }], ns: 'shop.orders' } })
  }),
)

interface BadMessage {
  readonly name: string
  readonly message: Buffer
  readonly code: number
  readonly goesOn: boolean
}

const unknownKind = Buffer.concat([Buffer.from([9]), serialize({})])
const documents = sequence('documents', [{ a: 1 }])
const badMessages: readonly BadMessage[] = [
  { name: 'an unknown required flag', message: opMsg(1, 4, body(ping)), code: 223, goesOn: false },
  { name: 'two bodies', message: opMsg(1, 0, body(ping), body(ping)), code: 40430, goesOn: false },
  { name: 'no body', message: opMsg(1, 0, documents), code: 40587, goesOn: true },
  { name: 'a sequence twice', message: opMsg(1, 0, body(ping), documents, documents), code: 40431, goesOn: false },
  {
    name: 'a sequence beside the same field',
    message: opMsg(1, 0, body({ insert: 'x', documents: [], $db: 'd' }), documents),
    code: 40433,
    goesOn: true,
  },
  {
    name: 'three sequences',
    message: opMsg(1, 0, body(ping), documents, sequence('b', []), sequence('c', [])),
    code: 233,
    goesOn: false,
  },
  { name: 'an unknown section', message: opMsg(1, 0, body(ping), unknownKind), code: 40432, goesOn: false },
  { name: 'a security token', message: opMsg(1, 0, body(ping), Buffer.from([2, 97, 0])), code: 13, goesOn: true },
  { name: 'a wrong checksum', message: withChecksum(opMsg(1, 1, body(ping)), 1), code: 288, goesOn: false },
  { name: 'no database', message: opMsg(1, 0, body({ ping: 1 })), code: 40571, goesOn: true },
  {
    name: 'broken BSON inside a right length',
    message: opMsg(1, 0, Buffer.from([0, 12, 0, 0, 0, 0x77, 97, 0, 1, 1, 1, 1, 0])),
    code: 22,
    goesOn: true,
  },
]

t.test(
  'a message that breaks the rules is refused with its code, and the connection ends where mongod ends it',
  async (t) => {
    for (const { name, message, code, goesOn } of badMessages) {
      t.test(name, (t) =>
        withRaw({}, async (client) => {
          client.write(message)
          t.match(await client.body(), { ok: 0, code })
          if (!goesOn) return void (await client.closed)
          client.write(opMsg(2, 0, body(ping)))
          t.match(await client.body(), { ok: 1 })
        }),
      )
    }
  },
)

const garbage: readonly { readonly name: string; readonly bytes: Buffer }[] = [
  { name: 'HTTP', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n') },
  { name: 'a TLS hello', bytes: Buffer.from('16030100c8010000c40303aabbccddeeff00', 'hex') },
  { name: 'a length below the header', bytes: header(1, 2013, Buffer.alloc(0)).fill(3, 0, 1) },
  { name: 'a length above 48,000,000', bytes: Buffer.concat([flagBytes(48_000_001), Buffer.alloc(12)]) },
  { name: 'a negative length', bytes: Buffer.concat([flagBytes(0xffff_ffff), Buffer.alloc(12)]) },
  { name: 'an unknown opcode', bytes: header(1, 4242, Buffer.alloc(8)) },
  { name: 'OP_INSERT', bytes: header(1, 2002, Buffer.alloc(8)) },
  { name: 'an unknown compressor', bytes: header(1, 2012, Buffer.from([221, 7, 0, 0, 5, 0, 0, 0, 99, 1, 2])) },
  { name: 'a compressed lie', bytes: header(1, 2012, Buffer.from([221, 7, 0, 0, 5, 0, 0, 0, 2, 1, 2])) },
  { name: 'compressed twice', bytes: header(1, 2012, Buffer.from([220, 7, 0, 0, 5, 0, 0, 0, 2, 1, 2])) },
  { name: 'an OP_MSG of three bytes', bytes: header(1, 2013, Buffer.alloc(3)) },
]

t.test('garbage closes its connection and no other', async (t) => {
  const server = await startDemoServer()
  const neighbour = new RawClient(server.address.port)
  for (const { name, bytes } of garbage) {
    const client = new RawClient(server.address.port)
    client.write(bytes)
    await client.closed
    neighbour.write(opMsg(1, 0, body(ping)))
    t.match(await neighbour.body(), { ok: 1 }, name)
  }
  neighbour.socket.destroy()
  await neighbour.closed
  await server.close()
  t.equal(server.connections, 0)
})

t.test('a reply carries a checksum when its request did, and is compressed when its request was', (t) =>
  withRaw({ compressors: ['zlib'] }, async (client) => {
    client.write(withChecksum(opMsg(1, 1, body(ping))))
    const { payload, requestId, responseTo } = await client.next()
    t.equal(payload.readUInt32LE(0), 1)
    const whole = header(requestId, 2013, payload)
    whole.writeInt32LE(responseTo, 8)
    t.equal(payload.readUInt32LE(payload.length - 4), crc32c(whole.subarray(0, -4)))

    const inner = Buffer.concat([flagBytes(0), body(ping)])
    const compressed = (await import('node:zlib')).deflateSync(inner)
    const head = Buffer.alloc(9)
    head.writeInt32LE(2013, 0)
    head.writeInt32LE(inner.length, 4)
    head.writeUInt8(2, 8)
    client.write(header(2, 2012, Buffer.concat([head, compressed])))
    const reply = await client.next()
    t.match(reply, { opcode: 2012, responseTo: 2 })
    t.equal(reply.payload.readInt32LE(0), 2013)
    const inflated = inflateSync(reply.payload.subarray(9))
    t.equal(inflated.length, reply.payload.readInt32LE(4))
    t.match(deserialize(inflated.subarray(5)), { ok: 1 })

    const helloInner = Buffer.concat([flagBytes(0), body({ hello: 1, $db: 'admin' })])
    head.writeInt32LE(helloInner.length, 4)
    client.write(header(3, 2012, Buffer.concat([head, (await import('node:zlib')).deflateSync(helloInner)])))
    t.match(await client.next(), { opcode: 2013, responseTo: 3 }, 'a hello is never compressed')
  }),
)

for (const exhaustChain of ['chained', 'flat'] as const) {
  t.test(`an exhaust getMore streams until the cursor ends; its replies are ${exhaustChain}`, (t) =>
    withRaw({ exhaustChain }, async (client, server) => {
      const docs = Array.from({ length: 10 }, (_, i) => ({ _id: i }))
      client.write(opMsg(1, 0, body({ insert: 'orders', $db: 'shop' }), sequence('documents', docs)))
      await client.next()
      client.write(opMsg(2, 0x1_0000, body({ find: 'orders', batchSize: 2, $db: 'shop' })))
      const first = await client.next()
      t.equal(first.payload.readUInt32LE(0), 0, 'a find is not streamed')
      const { id } = deserialize(first.payload.subarray(5), { promoteLongs: false }).cursor
      client.write(opMsg(3, 0x1_0000, body({ getMore: id, collection: 'orders', batchSize: 3, $db: 'shop' })))
      const replies = [await client.next(), await client.next(), await client.next()]
      t.strictSame(
        replies.map(({ payload }) => payload.readUInt32LE(0)),
        [2, 2, 0],
        'moreToCome in all but the last',
      )
      const expected = exhaustChain === 'flat' ? [3, 3, 3] : [3, replies[0]?.requestId, replies[1]?.requestId]
      t.strictSame(
        replies.map(({ responseTo }) => responseTo),
        expected,
      )
      t.equal(server.commandsSeen().getMore, 3)
    }),
  )
}

t.test('an awaited hello waits for its time; streamed, it goes on until the client leaves', (t) => {
  const clock = new FakeClock()
  return withRaw({ clock }, async (client, server) => {
    client.write(opMsg(1, 0, body({ hello: 1, $db: 'admin' })))
    const { topologyVersion } = await client.body()
    const awaited = { hello: 1, topologyVersion, maxAwaitTimeMS: 10_000, $db: 'admin' }
    const stale = { ...awaited, topologyVersion: { processId: new ObjectId(), counter: Long.ZERO } }
    client.write(opMsg(2, 0, body(stale)))
    t.match(await client.body(), { ok: 1 }, 'news are told at once')

    const passTime = async () => {
      while (clock.waiting === 0) await new Promise(setImmediate)
      clock.advance(10_000)
    }
    client.write(opMsg(3, 0, body(awaited)))
    await passTime()
    const polled = await client.next()
    t.match(polled, { responseTo: 3 })
    t.equal(polled.payload.readUInt32LE(0), 0)

    client.write(opMsg(4, 0x1_0000, body(awaited)))
    await passTime()
    const one = await client.next()
    await passTime()
    const two = await client.next()
    t.strictSame([one.payload.readUInt32LE(0), two.payload.readUInt32LE(0)], [2, 2])
    t.strictSame([one.responseTo, two.responseTo], [4, one.requestId])
    t.match(deserialize(two.payload.subarray(5)), { isWritablePrimary: true, topologyVersion, ok: 1 })
    while (clock.waiting === 0) await new Promise(setImmediate)
    client.socket.destroy()
    while (server.connections > 0) await new Promise(setImmediate)
    t.equal(server.connections, 0)
  })
})

t.test('an idle cursor is ended by the clock, and the number of open ones is bounded', (t) => {
  const clock = new FakeClock()
  return withRaw({ clock, cursorTimeoutMs: 1_000, maxOpenCursors: 1 }, async (client, server) => {
    const docs = Array.from({ length: 10 }, (_, i) => ({ _id: i }))
    client.write(opMsg(1, 0, body({ insert: 'orders', $db: 'shop' }), sequence('documents', docs)))
    await client.next()
    const find = { find: 'orders', batchSize: 2, $db: 'shop' }
    client.write(opMsg(2, 0, body(find)))
    const { id } = deserialize((await client.next()).payload.subarray(5), { promoteLongs: false }).cursor
    client.write(opMsg(3, 0, body(find)))
    t.match(await client.body(), { ok: 0, code: 146 })
    clock.advance(2_000)
    t.equal(server.openCursors, 0)
    client.write(opMsg(4, 0, body({ getMore: id, collection: 'orders', $db: 'shop' })))
    t.match(await client.body(), { ok: 0, code: 43, codeName: 'CursorNotFound' })
  })
})

t.test('requests that are pipelined are answered in order, silent ones not at all, byte by byte too', (t) =>
  withRaw({}, async (client) => {
    const insert = (id: number, flags: number) =>
      opMsg(id, flags, body({ insert: 'orders', documents: [{ _id: id }], $db: 'shop' }))
    const count = opMsg(9, 0, body({ count: 'orders', $db: 'shop' }))
    const all = Buffer.concat([insert(1, 2), insert(2, 0), insert(2, 2), insert(3, 2), count])
    for (const byte of all) client.write(Buffer.from([byte]))
    t.match(await client.next(), { responseTo: 2 })
    const last = await client.next()
    t.match(last, { responseTo: 9 })
    t.match(deserialize(last.payload.subarray(5)), { n: 3 })
  }),
)

t.test('a client that half-closes still gets its answers', (t) =>
  withRaw({}, async (client) => {
    client.socket.end(Buffer.concat([opMsg(1, 0, body(ping)), opMsg(2, 0, body(ping))]))
    t.match(await client.next(), { responseTo: 1 })
    t.match(await client.next(), { responseTo: 2 })
    await client.closed
  }),
)

t.test('a client that asks and does not read holds one reply, not all of them', (t) =>
  withRaw({ maxBatchBytes: 40_000_000 }, async (client, server) => {
    const blob = Buffer.alloc(15_000_000)
    client.write(opMsg(1, 0, body({ insert: 'big', $db: 'shop' }), sequence('documents', [{ _id: 1, blob }])))
    await client.next()
    client.socket.pause()
    for (let id = 2; id < 6; id++) client.write(opMsg(id, 0, body({ find: 'big', $db: 'shop' })))
    const other = new RawClient(server.address.port)
    for (let i = 0; i < 50; i++) {
      other.write(opMsg(i, 0, body(ping)))
      await other.next()
    }
    t.equal(server.commandsSeen().find, 1, 'the second find waits for the first reply to be read')
    other.socket.destroy()
    client.socket.resume()
    for (let id = 2; id < 6; id++) t.match(await client.next(), { responseTo: id })
  }),
)
