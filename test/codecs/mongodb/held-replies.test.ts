import { Long } from 'bson'
import { compress } from 'snappyjs'
import t from 'tap'
import { crc32c } from '../../../src/codecs/mongodb/crc32c.js'
import type { Direction } from '../../../src/core/codec.js'
import { LED_HELLO, RewritingConnection, SET_HELLO, through } from '../../support/rewriting.js'
import { seededRandom } from '../../support/seeded-random.js'
import {
  body,
  compressed,
  cstring,
  doc,
  int32,
  int64,
  message,
  opMsg,
  reply,
  request,
  sequence,
  telemetry,
} from '../../support/wire.js'

const MORE_TO_COME = 2
const EXHAUST_ALLOWED = 65_536

interface Step {
  readonly direction: Direction
  readonly bytes: Buffer
  /** What the client is to get for it; the bytes as they are when left out. */
  readonly led?: Buffer
}
const ask = (bytes: Buffer): Step => ({ direction: 'request', bytes })
const answer = (bytes: Buffer, led?: Buffer): Step => ({
  direction: 'reply',
  bytes,
  ...(led === undefined ? {} : { led }),
})

const hello = (requestId: number, flags = 0) => request({ hello: 1, helloOk: true, $db: 'admin' }, { requestId, flags })
const find = (requestId: number) => request({ find: 'orders', $db: 'shop' }, { requestId })
const found = (responseTo: number, text = '') =>
  reply({ cursor: { id: Long.ZERO, ns: 'shop.orders', firstBatch: [{ me: 'a.rs:27017', text }] }, ok: 1 }, responseTo)
const isMaster = (requestId: number) =>
  message(2004, requestId, 0, int32(0), cstring('admin.$cmd'), int32(0), int32(-1), doc({ isMaster: 1, helloOk: true }))
const opReply = (responseTo: number, value: Record<string, unknown>) =>
  message(1, 9, responseTo, int32(8), int64(0n), int32(0), int32(1), doc(value))
const summed = (message: Buffer) => {
  message.writeInt32LE(crc32c(message, message.length - 4), message.length - 4)
  return message
}
const told = (responseTo: number, value: Record<string, unknown>, flags = 0, requestId = 1_000 + responseTo) =>
  opMsg(body(value), { flags, requestId, responseTo })
const sections = (value: Record<string, unknown>) => [telemetry({}), sequence('other', [{ a: 1 }]), body(value)]

interface Row {
  readonly name: string
  readonly steps: readonly Step[]
  readonly rewrites: readonly string[]
}

const rows: readonly Row[] = [
  {
    name: 'OP_MSG',
    steps: [ask(hello(1)), answer(told(1, SET_HELLO), told(1, LED_HELLO))],
    rewrites: ['OP_MSG rewritten'],
  },
  {
    name: 'OP_QUERY and OP_REPLY',
    steps: [ask(isMaster(1)), answer(opReply(1, SET_HELLO), opReply(1, LED_HELLO))],
    rewrites: ['OP_REPLY rewritten'],
  },
  {
    name: 'a stream, each reply answering the one before it, then another request',
    steps: [
      ask(hello(1, EXHAUST_ALLOWED)),
      answer(told(1, SET_HELLO, MORE_TO_COME, 50), told(1, LED_HELLO, MORE_TO_COME, 50)),
      answer(told(50, SET_HELLO, MORE_TO_COME, 51), told(50, LED_HELLO, MORE_TO_COME, 51)),
      answer(told(1, SET_HELLO, MORE_TO_COME, 52), told(1, LED_HELLO, MORE_TO_COME, 52)),
      answer(told(52, SET_HELLO, 0, 53), told(52, LED_HELLO, 0, 53)),
      ask(find(2)),
      answer(found(2)),
    ],
    rewrites: Array.from({ length: 4 }, () => 'OP_MSG rewritten'),
  },
  {
    name: 'with checksums',
    steps: [ask(hello(1, 1)), answer(summed(told(1, SET_HELLO, 1)), summed(told(1, LED_HELLO, 1)))],
    rewrites: ['OP_MSG rewritten'],
  },
  {
    name: 'compressed by zlib: sent uncompressed',
    steps: [ask(hello(1)), answer(compressed(told(1, SET_HELLO)), told(1, LED_HELLO))],
    rewrites: ['OP_COMPRESSED rewritten'],
  },
  {
    name: 'compressed by snappy, the request too',
    steps: [
      ask(compressed(hello(1), 1, compress(hello(1).subarray(16)))),
      answer(compressed(told(1, SET_HELLO), 1, compress(told(1, SET_HELLO).subarray(16))), told(1, LED_HELLO)),
    ],
    rewrites: ['OP_COMPRESSED rewritten'],
  },
  {
    name: 'the body behind other sections',
    steps: [
      ask(opMsg([sequence('x', [{ a: 1 }]), body({ isMaster: 1, $db: 'admin' })])),
      answer(
        opMsg(sections(SET_HELLO), { requestId: 9, responseTo: 1 }),
        opMsg(sections(LED_HELLO), { requestId: 9, responseTo: 1 }),
      ),
    ],
    rewrites: ['OP_MSG rewritten'],
  },
  {
    name: 'in the middle of a connection, with other operations before, beside and after it',
    steps: [
      ask(find(1)),
      answer(found(1, 'x'.repeat(300))),
      ask(Buffer.concat([find(2), hello(3), find(4)])),
      answer(found(4, 'y'.repeat(70))),
      answer(found(2, 'z'.repeat(70))),
      answer(told(3, SET_HELLO), told(3, LED_HELLO)),
      ask(Buffer.concat([find(5), hello(6)])),
      answer(told(6, SET_HELLO), told(6, LED_HELLO)),
      answer(found(5)),
      ask(find(7)),
      answer(found(7)),
    ],
    rewrites: ['OP_MSG rewritten', 'OP_MSG rewritten'],
  },
  {
    name: 'an error, a standalone and a router say nothing that leads away',
    steps: [
      ask(hello(1)),
      answer(told(1, { ok: 0, code: 18, errmsg: 'me' })),
      ask(hello(2)),
      answer(told(2, { isWritablePrimary: true, ok: 1 })),
      ask(isMaster(3)),
      answer(opReply(3, { ismaster: true, msg: 'isdbgrid', ok: 1 })),
    ],
    rewrites: ['OP_MSG unchanged', 'OP_MSG unchanged', 'OP_REPLY unchanged'],
  },
  {
    name: 'a request that is not understood: a reply that names members is led, one that does not is left',
    steps: [
      ask(opMsg([Buffer.from([2, 5, 0, 0, 0, 0]), body({ hello: 1, $db: 'admin' })], { requestId: 1 })),
      answer(told(1, SET_HELLO), told(1, LED_HELLO)),
      ask(opMsg([Buffer.from([2, 5, 0, 0, 0, 0]), body({ find: 'orders', $db: 'shop' })], { requestId: 2 })),
      answer(found(2)),
      ask(message(2_999, 3, 0, Buffer.alloc(9))),
      answer(message(2_998, 9, 3, Buffer.alloc(9))),
      ask(compressed(hello(4), 77, Buffer.alloc(5, 1))),
      answer(compressed(told(4, SET_HELLO)), told(4, LED_HELLO)),
    ],
    rewrites: ['OP_MSG rewritten', 'OP_COMPRESSED rewritten'],
  },
]

/** @param cut the size of the next chunk */
function play(steps: readonly Step[], cut: () => number): RewritingConnection {
  const connection = new RewritingConnection(through('a.rs:27017'))
  for (const [index, { direction, bytes }] of steps.entries()) {
    // Replies in a row come as one stream, cut anywhere.
    const run = direction === 'reply' && steps[index - 1]?.direction === 'reply' ? undefined : [bytes]
    for (let next = index + 1; run !== undefined && direction === 'reply'; next++) {
      const step = steps[next]
      if (step?.direction !== 'reply') break
      run.push(step.bytes)
    }
    const stream = Buffer.concat(run ?? [])
    for (let at = 0; at < stream.length; ) {
      const size = Math.max(1, cut())
      connection.push(direction, stream.subarray(at, at + size))
      at += size
    }
  }
  return connection
}

const wanted = (steps: readonly Step[]) =>
  Buffer.concat(steps.filter(({ direction }) => direction === 'reply').map(({ bytes, led }) => led ?? bytes))

t.test('whatever the chunks, hellos come out led through the proxy and all else as it came', (t) => {
  const random = seededRandom(41)
  const cuts: [string, () => number][] = [
    ['whole', () => Number.MAX_SAFE_INTEGER],
    ['byte by byte', () => 1],
    ['around a header', () => 15],
  ]
  for (let i = 0; i < 150; i++)
    cuts.push([`random cut ${i}`, () => 1 + Math.floor(random() * (i % 3 === 0 ? 20 : 400))])
  for (const { name, steps, rewrites } of rows) {
    const want = wanted(steps)
    for (const [how, cut] of cuts) {
      const connection = play(steps, cut)
      if (!connection.toClient.equals(want)) {
        t.strictSame(connection.toClient.toString('latin1'), want.toString('latin1'), `${name}, ${how}`)
      }
      if (connection.rewrites.join() !== rewrites.join()) t.strictSame(connection.rewrites, rewrites, `${name}, ${how}`)
      if (connection.session.holdsReplies) t.fail(`${name}, ${how}: still holding`)
    }
    t.pass(name)
  }
  t.end()
})

t.test('every cut in two of a hello beside another reply, which is not touched', (t) => {
  const stream = Buffer.concat([found(1), told(2, SET_HELLO), found(3)])
  const want = Buffer.concat([found(1), told(2, LED_HELLO), found(3)])
  for (let at = 1; at < stream.length; at++) {
    const connection = new RewritingConnection(through('a.rs:27017'))
    connection.push('request', Buffer.concat([find(1), hello(2), find(3)]))
    connection.push('reply', stream.subarray(0, at))
    connection.push('reply', stream.subarray(at))
    if (!connection.toClient.equals(want)) t.fail(`cut at ${at}`)
  }
  t.pass(`${stream.length - 1} cuts`)
  t.end()
})

t.test('a reply that is on its way when a hello is asked goes on as it is, header cut or not', (t) => {
  const [first, second] = [found(1), told(2, SET_HELLO)]
  for (let at = 1; at < first.length; at++) {
    const connection = new RewritingConnection(through('a.rs:27017'))
    connection.push('request', find(1))
    connection.push('reply', first.subarray(0, at))
    if (connection.toClient.length !== at) t.fail(`held at ${at}, and nobody asked for a hello yet`)
    connection.push('request', hello(2))
    for (const byte of Buffer.concat([first.subarray(at), second])) connection.push('reply', Buffer.from([byte]))
    if (!connection.toClient.equals(Buffer.concat([first, told(2, LED_HELLO)]))) t.fail(`cut at ${at}`)
  }
  t.end()
})

t.test('nothing is held but while a hello is awaited', (t) => {
  const connection = new RewritingConnection(through('a.rs:27017'))
  t.equal(connection.session.holdsReplies, false, 'at first')
  connection.push('request', hello(1))
  t.equal(connection.session.holdsReplies, true, 'a hello is awaited')
  connection.push('reply', told(1, SET_HELLO).subarray(0, 40))
  t.equal(connection.session.holdsReplies, true, 'half of it is here')
  t.equal(connection.toClient.length, 0, 'and kept')
  connection.push('reply', told(1, SET_HELLO).subarray(40))
  for (let id = 2; id < 20; id++) {
    t.equal(connection.session.holdsReplies, false)
    connection.push('request', find(id))
    t.equal(connection.session.holdsReplies, false)
    connection.push('reply', found(id).subarray(0, 9 + id))
    t.equal(connection.session.holdsReplies, false, 'not even inside a header')
    connection.push('reply', found(id).subarray(9 + id))
  }
  connection.push('request', hello(20, EXHAUST_ALLOWED))
  connection.push('reply', told(20, SET_HELLO, MORE_TO_COME))
  t.equal(connection.session.holdsReplies, true, 'a stream goes on')
  connection.push('reply', told(20, SET_HELLO))
  t.equal(connection.session.holdsReplies, false, 'until its last')
  const plain = new RewritingConnection(undefined)
  plain.push('request', hello(1))
  t.equal(plain.session.holdsReplies, false, 'nor where nothing is rewritten')
  plain.push('reply', told(1, SET_HELLO))
  t.same(plain.toClient, told(1, SET_HELLO))
  t.end()
})
