import { once } from 'node:events'
import type { Socket } from 'node:net'
import { BSON, type Document } from 'bson'
import t, { type Test } from 'tap'
import type { DemoSet } from '../../src/demo/mongod/set/options.js'
import { startDemoSet } from '../../src/demo/mongod/set/set.js'
import { FakeClock } from '../support/fake-clock.js'
import { startConfigured, type TestProxy, total } from '../support/proxy.js'
import { dial as dialTcp } from '../support/stub-tcp.js'
import { request } from '../support/wire.js'

/** One connection without a driver. */
class RawClient {
  hasEnded = false
  readonly ended: Promise<void>
  readonly #socket: Socket
  #bytes: Buffer = Buffer.alloc(0)

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
    })
    this.ended = new Promise((resolve) => {
      const end = () => {
        this.hasEnded = true
        socket.end()
        resolve()
      }
      socket.once('end', end)
      socket.once('close', end)
    })
  }

  say(command: Document): void {
    this.#socket.write(request({ ...command, $db: command.$db ?? 'admin' }))
  }

  async next(): Promise<Document> {
    while (this.#bytes.length < 4 || this.#bytes.length < this.#bytes.readInt32LE(0)) await once(this.#socket, 'data')
    const length = this.#bytes.readInt32LE(0)
    const document = BSON.deserialize(this.#bytes.subarray(21, length))
    this.#bytes = this.#bytes.subarray(length)
    return document
  }

  ask(command: Document): Promise<Document> {
    this.say(command)
    return this.next()
  }
}

interface Stage {
  readonly set: DemoSet
  readonly proxy: TestProxy
  /** Of the set: what is slow waits for it. */
  readonly clock: FakeClock
  /** A command with the comment `slow` has come to a member. */
  readonly slow: Promise<void>
  connect(): Promise<RawClient>
}

async function onStage(t: Test, primaryTimeout = '60s'): Promise<Stage> {
  const clock = new FakeClock()
  let arrived: () => void = () => undefined
  const slow = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const latency = ({ body }: { body: Document }) => {
    if (body.comment !== 'slow') return 0
    arrived()
    return 1_000
  }
  const set = await startDemoSet({ clock, latency })
  const hosts = set.members.map(({ name }) => `"${name}"`).join(', ')
  const text = [
    'admin: { address: 127.0.0.1:0 }',
    'listeners:',
    '  - { name: front, address: 127.0.0.1:0, protocol: mongodb, cluster: db, mode: primary }',
    'clusters:',
    `  - { name: db, hosts: [ ${hosts} ], replica_set: rs0, heartbeat: 500ms, primary_timeout: ${primaryTimeout} }`,
  ].join('\n')
  const proxy = await startConfigured(text)
  t.teardown(async () => {
    await proxy.close()
    await set.close()
  })
  return { set, proxy, clock, slow, connect: async () => new RawClient(await dialTcp({ port: proxy.port })) }
}

const closed = async (proxy: TestProxy, reason: string) =>
  total(await proxy.metrics(), 'oplens_downstream_connections_closed_total', { reason })

const turns = async () => {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
}

t.test(
  'after an election monitors end at once, idle connections a moment later, others as their replies are out',
  async (t) => {
    const { set, proxy, clock, slow, connect } = await onStage(t)
    const [a = '', b = ''] = set.members.map(({ name }) => name)
    const [idle, busy, monitor] = [await connect(), await connect(), await connect()]
    t.match(await monitor.ask({ hello: 1 }), { me: a, isWritablePrimary: true }, 'the primary is reached')
    t.match(await idle.ask({ ping: 1 }), { ok: 1 })
    busy.say({ find: 'orders', $db: 'shop', comment: 'slow' })
    await slow
    set.elect(b)
    await monitor.ended
    await idle.ended
    const next = await connect()
    t.match(await next.ask({ hello: 1 }), { me: b, isWritablePrimary: true }, 'who comes now reaches the new one')
    await turns()
    t.notOk(busy.hasEnded, 'a reply is awaited')
    clock.advance(1_000)
    t.match(await busy.next(), { ok: 1 }, 'it comes')
    await busy.ended
    t.equal(await closed(proxy, 'primary_changed'), 3)
    t.notOk(next.hasEnded)
  },
)

t.test('without a primary a connection waits for one and is never led to another member', async (t) => {
  const { set, proxy, connect } = await onStage(t)
  const [, , c = ''] = set.members.map(({ name }) => name)
  const before = await connect()
  await before.ask({ ping: 1 })
  await set.stepDown()
  await before.ended
  t.equal(await closed(proxy, 'primary_changed'), 1, 'a member that stepped down is left')
  const waiting = await connect()
  waiting.say({ hello: 1 })
  await turns()
  t.notOk(waiting.hasEnded)
  set.elect(c)
  t.match(await waiting.next(), { me: c, isWritablePrimary: true })
  t.match(await waiting.ask({ listDatabases: 1 }), { ok: 1 })
  const asked = set.members.map((member) => member.commandsSeen().listDatabases)
  t.strictSame(asked, [undefined, undefined, 1], 'by nobody else')
})

t.test('a primary that does not come is said so in time', async (t) => {
  const { set, proxy, connect } = await onStage(t, '200ms')
  const first = await connect()
  await first.ask({ ping: 1 })
  await set.stepDown()
  await first.ended
  const [one, two] = [await connect(), await connect()]
  await Promise.all([one.ended, two.ended])
  t.equal(await closed(proxy, 'no_primary'), 2)
  t.ok(proxy.logs.some(({ level, fields }) => level === 'warn' && /no primary/.test(String(fields.reason))))
})

t.test('a client that leaves while it waits for a primary is forgotten', async (t) => {
  const { set, proxy } = await onStage(t)
  const held = new RawClient(await dialTcp({ port: proxy.port }))
  await held.ask({ ping: 1 })
  await set.stepDown()
  await held.ended
  const client = await dialTcp({ port: proxy.port })
  await turns()
  client.destroy()
  while ((await closed(proxy, 'client_closed')) + (await closed(proxy, 'client_reset')) === 0) await turns()
  t.equal(total(await proxy.metrics(), 'oplens_downstream_connections_active'), 0)
})

t.test('a primary that dies takes its connections along, and the next one is found', async (t) => {
  const { set, connect } = await onStage(t)
  const [a = '', b = ''] = set.members.map(({ name }) => name)
  const client = await connect()
  t.match(await client.ask({ hello: 1 }), { me: a })
  await set.member(a).close()
  await client.ended
  const next = await connect()
  next.say({ hello: 1 })
  set.elect(b)
  t.match(await next.next(), { me: b, isWritablePrimary: true })
})

t.test('members whose names lead nowhere are reached where the cluster says', async (t) => {
  const set = await startDemoSet({ members: ['a', 'b', 'c'].map((name) => ({ name: `${name}.rs.invalid:27017` })) })
  const dial = set.members.map(({ name, address }) => `"${name.toUpperCase()}": "127.0.0.1:${address.port}"`).join(', ')
  const proxy = await startConfigured(
    [
      'admin: { address: 127.0.0.1:0 }',
      'listeners:',
      '  - { name: front, address: 127.0.0.1:0, protocol: mongodb, cluster: db, mode: primary }',
      'clusters:',
      `  - { name: db, hosts: [ "a.rs.invalid:27017" ], replica_set: rs0, dial: { ${dial} } }`,
    ].join('\n'),
  )
  t.teardown(async () => {
    await proxy.close()
    await set.close()
  })
  const client = new RawClient(await dialTcp({ port: proxy.port }))
  t.match(await client.ask({ hello: 1 }), { me: 'a.rs.invalid:27017', isWritablePrimary: true })
})
