import { BSON } from 'bson'
import t from 'tap'
import type { Rewrite } from '../../../src/core/codec.js'
import { RewritingConnection, through } from '../../support/rewriting.js'
import { seededRandom } from '../../support/seeded-random.js'
import { body, message, opMsg } from '../../support/wire.js'

const covering: Rewrite = { ...through('a.rs:27017'), coversStatus: true }
const request = (command: Record<string, unknown>, requestId = 5, flags = 0) =>
  opMsg(body({ ...command, $db: 'admin' }), { requestId, flags })
const reply = (document: Record<string, unknown>, responseTo = 5) =>
  opMsg(body(document), { requestId: 90, responseTo })

const STATUS = {
  set: 'rs0',
  syncSourceHost: '',
  members: [
    { _id: 0, name: 'a.rs:27017', health: 1, syncSourceHost: '' },
    { _id: 1, name: 'B.rs:27018', health: 1, syncSourceHost: 'a.rs:27017' },
    { _id: 2, name: 'gone.rs:1', health: 0, syncSourceHost: 'a.rs:27017' },
  ],
  ok: 1,
}
const LED_STATUS = {
  ...STATUS,
  members: [
    { _id: 0, name: 'proxy.internal:27101', health: 1, syncSourceHost: '' },
    { _id: 1, name: 'proxy.internal:27102', health: 1, syncSourceHost: 'proxy.internal:27101' },
    { _id: 2, name: 'gone.rs:1', health: 0, syncSourceHost: 'proxy.internal:27101' },
  ],
}
const CONFIG = {
  config: { _id: 'rs0', members: [{ _id: 0, host: 'a.rs:27017', tags: { host: 'a.rs:27017' } }] },
  ok: 1,
}
const LED_CONFIG = {
  config: { _id: 'rs0', members: [{ _id: 0, host: 'proxy.internal:27101', tags: { host: 'a.rs:27017' } }] },
  ok: 1,
}

t.test('status and config name the proxy where that was asked for, and nothing else changes', async (t) => {
  for (const [command, given, led] of [
    [{ replSetGetStatus: 1 }, STATUS, LED_STATUS],
    [{ replSetGetConfig: 1 }, CONFIG, LED_CONFIG],
  ] as const) {
    const connection = new RewritingConnection(covering)
    connection.push('request', request(command))
    connection.push('reply', reply(given))
    t.same(connection.toClient, reply(led))
    t.match(connection.rewrites, ['OP_MSG rewritten'])
  }
})

t.test('without being asked for they stay real', async (t) => {
  const connection = new RewritingConnection(through('a.rs:27017'))
  connection.push('request', request({ replSetGetStatus: 1 }))
  t.notOk(connection.session.holdsReplies)
  connection.push('reply', reply(STATUS))
  t.same(connection.toClient, reply(STATUS))
})

t.test('commands that would write the names back never reach the server, and are answered', async (t) => {
  for (const command of [{ replSetReconfig: { _id: 'rs0' } }, { replSetInitiate: {} }]) {
    const connection = new RewritingConnection(covering)
    connection.push('request', request(command, 7))
    t.equal(connection.toServer.length, 0)
    const answer = connection.toClient
    t.equal(answer.readInt32LE(8), 7, 'it answers that request')
    t.match(BSON.deserialize(answer.subarray(21)), {
      ok: 0,
      code: 20,
      codeName: 'IllegalOperation',
      errmsg: /rewrite_status/,
    })
    t.match(connection.exchanges, [{ outcome: { kind: 'refused', code: 20 } }])
    t.equal(connection.session.inFlight, 0)
  }
})

t.test('a refused command without a reply gets none', async (t) => {
  const connection = new RewritingConnection(covering)
  connection.push('request', request({ replSetReconfig: {} }, 7, 2))
  t.equal(connection.toServer.length, 0)
  t.equal(connection.toClient.length, 0)
})

t.test('a legacy query is answered as one', async (t) => {
  const query = Buffer.concat([
    Buffer.from('\0\0\0\0admin.$cmd\0\0\0\0\0\xff\xff\xff\xff', 'latin1'),
    BSON.serialize({ replSetInitiate: {} }),
  ])
  const connection = new RewritingConnection(covering)
  connection.push('request', message(2004, 9, 0, query))
  t.equal(connection.toServer.length, 0)
  t.equal(connection.toClient.readInt32LE(12), 1, 'OP_REPLY')
  t.match(BSON.deserialize(connection.toClient.subarray(36)), { ok: 0, code: 20 })
})

t.test('all other requests reach the server byte for byte, in any cut, refused ones taken out', async (t) => {
  const random = seededRandom(11)
  const insert = request({ insert: 'orders', documents: [{ blob: 'x'.repeat(100_000) }] }, 2)
  const requests = [
    request({ find: 'a' }, 1),
    insert,
    request({ replSetReconfig: { a: 'y'.repeat(200) } }, 3),
    request({ ping: 1 }, 4),
  ]
  const wanted = Buffer.concat([requests[0], insert, requests[3]] as Buffer[])
  const all = Buffer.concat(requests)
  for (const cut of [
    () => all.length,
    () => 1,
    () => 1 + Math.floor(random() * 40),
    () => 1 + Math.floor(random() * 70_000),
  ]) {
    const connection = new RewritingConnection(covering)
    for (let at = 0; at < all.length; ) {
      const size = cut()
      connection.push('request', all.subarray(at, at + size))
      at += size
    }
    t.ok(connection.toServer.equals(wanted))
    t.equal(connection.exchanges.filter(({ outcome }) => outcome?.kind === 'refused').length, 1)
  }
})

t.test('an answer waits until the reply that is passing has passed', async (t) => {
  const connection = new RewritingConnection(covering)
  const found = reply({ cursor: { id: 0, ns: 'a.b', firstBatch: [] }, ok: 1 }, 1)
  connection.push('request', request({ find: 'a' }, 1))
  connection.push('reply', found.subarray(0, 30))
  connection.push('request', request({ replSetReconfig: {} }, 2))
  t.same(connection.toClient, found.subarray(0, 30))
  connection.push('reply', found.subarray(30))
  t.same(connection.toClient.subarray(0, found.length), found)
  t.equal(connection.toClient.readInt32LE(found.length + 8), 2)
})

t.test('where only a primary may be told of, the hello of any other is not sent, and names stay', async (t) => {
  const only: Rewrite = { member: '', advertise: () => undefined, onlyPrimary: true }
  const hello = { isWritablePrimary: true, hosts: ['a.rs:27017'], setName: 'rs0', me: 'a.rs:27017', ok: 1 }
  let connection = new RewritingConnection(only)
  connection.push('request', request({ hello: 1 }, 1))
  connection.push('reply', reply(hello, 1))
  t.same(connection.toClient, reply(hello, 1))
  for (const [name, flags] of [
    ['hello', { isWritablePrimary: false, secondary: true }],
    ['isMaster', { ismaster: false, secondary: true }],
  ] as const) {
    connection.push('request', request({ [name]: 1 }, 2))
    const before = connection.toClient.length
    const withheld = { name: 'ReplyWithheld', reason: 'not_primary' }
    const { isWritablePrimary: _, ...rest } = hello
    t.throws(() => connection.push('reply', reply({ ...rest, ...flags }, 2)), withheld)
    t.equal(connection.toClient.length, before)
    t.match(connection.rewrites.at(-1), 'OP_MSG not_primary')
    connection = new RewritingConnection(only)
  }
})
