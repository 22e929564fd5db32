import { Long } from 'bson'
import t from 'tap'
import { MAX_HELLO_BYTES } from '../../../src/codecs/mongodb/limits.js'
import { DecodeError } from '../../../src/core/errors.js'
import { newCodec } from '../../support/replay.js'
import { LED_HELLO, RewritingConnection, SET_HELLO, through } from '../../support/rewriting.js'
import { body, compressed, doc, int32, int64, message, opMsg, reply, request } from '../../support/wire.js'

const hello = (requestId: number, flags = 0) => request({ hello: 1, $db: 'admin' }, { requestId, flags })
const find = (requestId: number) => request({ find: 'orders', $db: 'shop' }, { requestId })
const found = (responseTo: number) =>
  reply({ cursor: { id: Long.ZERO, ns: 'shop.orders', firstBatch: [] }, ok: 1 }, responseTo)
const told = (responseTo: number, value: Record<string, unknown>, flags = 0) =>
  opMsg(body(value), { flags, requestId: 1_000 + responseTo, responseTo })
/** A hello of exactly so many bytes. */
function sized(bytes: number, value: Record<string, unknown>): Buffer {
  const spare = bytes - told(1, { ...value, text: '' }).length
  return told(1, { ...value, text: 'x'.repeat(spare) })
}

const onA = (options?: Record<string, unknown>) => new RewritingConnection(through('a.rs:27017'), newCodec(options))

function reasonOf(run: () => void): string {
  try {
    run()
    return 'none'
  } catch (error) {
    return error instanceof DecodeError ? error.reason : String(error)
  }
}

const cut = Buffer.from(told(1, SET_HELLO, 2)).subarray(0, 90)
cut.writeInt32LE(cut.length, 0)

const refused: readonly [string, Buffer, string, string][] = [
  ['another member', told(1, { ...SET_HELLO, me: 'c.rs' }), 'identity_mismatch', 'OP_MSG identity_mismatch c.rs'],
  [
    'another member, compressed',
    compressed(told(1, { ...SET_HELLO, me: 'B.rs:27018' })),
    'identity_mismatch',
    'OP_COMPRESSED identity_mismatch B.rs:27018',
  ],
  ['a list that is none', told(1, { ...SET_HELLO, hosts: 'a.rs' }), 'hello_not_rewritten', 'OP_MSG failed bson_type'],
  ['a streaming reply that breaks off', cut, 'hello_not_rewritten', 'OP_MSG failed bson_length'],
  [
    'an OP_REPLY without its document',
    message(1, 9, 1, int32(8), int64(0n), int32(0), int32(0)),
    'hello_not_rewritten',
    'OP_REPLY failed bson_length',
  ],
  ['an unknown opcode', message(2_999, 9, 1, doc(SET_HELLO)), 'hello_not_rewritten', '__other__ failed unknown_opcode'],
  [
    'a compressor that nobody knows',
    compressed(told(1, SET_HELLO), 77, Buffer.alloc(9)),
    'hello_not_rewritten',
    'OP_COMPRESSED failed unknown_compressor',
  ],
  ['more than 1 MiB', sized(MAX_HELLO_BYTES + 1, SET_HELLO), 'hello_not_rewritten', 'OP_MSG failed hello_too_large'],
]

t.test('a hello that would lead astray ends decoding, and not a byte of it is sent', (t) => {
  for (const [name, bytes, reason, rewrite] of refused) {
    for (const size of [bytes.length, 7]) {
      const connection = onA()
      connection.push('request', find(5))
      connection.push('reply', found(5))
      connection.push('request', hello(1))
      const push = () => {
        for (let at = 0; at < bytes.length; at += size) connection.push('reply', bytes.subarray(at, at + size))
      }
      t.equal(reasonOf(push), reason, name)
      t.strictSame(connection.rewrites, [rewrite], name)
      t.same(connection.toClient, found(5), `${name}: what came before stays`)
      connection.session.end('undecodable', 0)
      t.equal(connection.exchanges.length, 2, `${name}: each operation ended once`)
    }
  }
  t.end()
})

t.test('a listener that takes any member refuses nobody for a name', (t) => {
  const connection = new RewritingConnection(through(''))
  connection.push('request', hello(1))
  connection.push('reply', told(1, { ...SET_HELLO, me: 'c.rs' }))
  t.same(connection.toClient, told(1, { ...LED_HELLO, me: 'proxy.internal:27103' }))
  t.end()
})

t.test('a hello of 1 MiB is the largest that is led', (t) => {
  const connection = onA()
  connection.push('request', hello(1))
  const bytes = sized(MAX_HELLO_BYTES, SET_HELLO)
  for (let at = 0; at < bytes.length; at += 65_536) {
    t.equal(connection.toClient.length, 0, 'held')
    connection.push('reply', bytes.subarray(at, at + 65_536))
  }
  t.strictSame(connection.rewrites, ['OP_MSG rewritten'])
  t.notOk(connection.toClient.includes('.rs'))
  t.equal(connection.session.holdsReplies, false)
  t.end()
})

t.test('the connection may end while a hello is held: its half is not sent', (t) => {
  const connection = onA()
  connection.push('request', hello(1, 65_536))
  connection.push('reply', told(1, SET_HELLO, 2))
  connection.push('reply', told(1, SET_HELLO).subarray(0, 200))
  connection.session.end('server', 0)
  t.same(connection.toClient, told(1, LED_HELLO, 2))
  t.match(
    connection.exchanges.map(({ outcome }) => `${outcome?.kind} ${outcome?.by}`),
    ['ok', 'aborted server'],
  )
  t.end()
})

t.test('hellos that cannot be told by their ids are led all the same', (t) => {
  const rows: readonly [string, RewritingConnection, readonly Buffer[]][] = [
    ['one more open request than are kept', onA({ max_open_operations: 1 }), [find(1), hello(2)]],
    ['a hello that takes the id of a request', onA(), [find(2), hello(2)]],
    ['a request that takes the id of a hello', onA(), [hello(2), find(2)]],
    ['two hellos of one id', onA(), [hello(2), hello(2)]],
    ['a hello that asks for no reply and gets one', onA(), [hello(2, 2)]],
  ]
  for (const [name, connection, requests] of rows) {
    for (const bytes of requests) connection.push('request', bytes)
    const replies = requests.length === 1 ? [] : [name.startsWith('one more') ? found(1) : found(2)]
    for (const bytes of [...replies, told(2, SET_HELLO)]) connection.push('reply', bytes)
    t.same(connection.toClient, Buffer.concat([...replies, told(2, LED_HELLO)]), name)
    connection.push('request', find(9))
    for (const byte of found(9)) connection.push('reply', Buffer.from([byte]))
    t.same(connection.toClient, Buffer.concat([...replies, told(2, LED_HELLO), found(9)]), `${name}: and what follows`)
  }
  t.end()
})

t.test('in doubt, what is no hello passes whatever it is', (t) => {
  const connection = onA()
  connection.push('request', hello(1, 2))
  connection.push('request', find(2))
  const large = reply(
    { cursor: { id: Long.ZERO, ns: 'shop.orders', firstBatch: [{ x: Buffer.alloc(MAX_HELLO_BYTES) }] } },
    2,
  )
  const odd = [message(2_999, 9, 2, Buffer.alloc(9)), opMsg(Buffer.from([9, 9]), { responseTo: 77 }), message(1, 9, 3)]
  const stream = Buffer.concat([large, ...odd])
  for (let at = 0; at < stream.length; at += 30_011) connection.push('reply', stream.subarray(at, at + 30_011))
  t.ok(connection.toClient.equals(stream))
  t.strictSame(connection.rewrites, [])
  t.end()
})

t.test('a reply that began before its request is not led in part', (t) => {
  const connection = onA()
  connection.push('reply', told(1, SET_HELLO).subarray(0, 9))
  connection.push('request', hello(1))
  t.equal(
    reasonOf(() => connection.push('reply', told(1, SET_HELLO).subarray(9))),
    'hello_not_rewritten',
  )
  t.equal(connection.toClient.length, 9)
  t.end()
})

t.test('a hello that would leave a client without any member is not sent', (t) => {
  const nobody = { member: '', advertise: () => undefined }
  for (const value of [SET_HELLO, { hosts: ['z.rs:1'], setName: 'rs0', me: 'z.rs:1', secondary: true, ok: 1 }]) {
    const connection = new RewritingConnection(nobody)
    connection.push('request', hello(1))
    t.equal(
      reasonOf(() => connection.push('reply', told(1, value))),
      'hello_not_rewritten',
    )
    t.strictSame(connection.rewrites, ['OP_MSG failed no_member_known'])
    const odd = new RewritingConnection(nobody)
    odd.push('request', message(2_999, 1, 0, Buffer.alloc(9)))
    t.equal(
      reasonOf(() => odd.push('reply', told(1, value))),
      'hello_not_rewritten',
      'asked for in an unknown way',
    )
    t.equal(odd.toClient.length, 0)
  }
  const ghost = { isreplicaset: true, hosts: [], me: 'z.rs:1', ok: 1 }
  const connection = new RewritingConnection(nobody)
  connection.push('request', hello(1))
  connection.push('reply', told(1, ghost))
  t.same(
    connection.toClient,
    told(1, { isreplicaset: true, hosts: [], ok: 1 }),
    'one that lists nobody takes nobody away',
  )
  t.end()
})
