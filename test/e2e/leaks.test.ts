import { type Document, MongoClient, type MongoClientOptions } from 'mongodb'
import t, { type Test } from 'tap'
import { startDemoSet } from '../../src/demo/mongod/set/set.js'
import { startProxy, total } from '../support/proxy.js'
import { type Relay, relayHost, Sniffer, startRelay } from '../support/recording-relay.js'
import { DriverView, startStage } from '../support/set-stage.js'
import { holdPort } from '../support/stub-tcp.js'

const NEEDLE = '.invalid'
const [A, B, C, D, H, X] = [
  'A.rs.invalid',
  'b.rs.invalid:27018',
  'c.rs.invalid:27017',
  'd.rs.invalid:27017',
  'h.rs.invalid:27017',
  'x.rs.invalid:27017',
] as const
const MEMBERS = [{ name: A }, { name: B }, { name: C }, { name: H, hidden: true }, { name: X, arbiter: true }]
const HOST = await relayHost()
const textHost = HOST.includes(':') ? `[${HOST}]` : HOST

/** Everything that a client does, in front of a set that changes; each byte that it gets goes past the sniffer. */
async function overhear(t: Test, options: MongoClientOptions): Promise<Sniffer> {
  const sniffer = new Sniffer(NEEDLE)
  const relays: Relay[] = []
  t.teardown(() => Promise.all(relays.map((relay) => relay.close())))
  // Clients are told the port that oplens listens on, at the relay's host.
  const held = await Promise.all(Array.from({ length: MEMBERS.length + 1 }, holdPort))
  const ports = held.map(({ port }) => port)
  for (const port of ports) relays.push(await startRelay({ host: HOST, port }, () => port, sniffer))
  await Promise.all(held.map(({ release }) => release()))
  const stage = await startStage({ members: MEMBERS, later: [{ name: D }], advertise: HOST, ports })
  const front = await startRelay({ host: HOST }, () => stage.proxy.port, sniffer)
  relays.push(front)
  t.teardown(() => stage.close())
  const client = stage.client(options, `${textHost}:${front.port}`)
  const view = new DriverView(client)
  const orders = client.db('shop').collection<{ _id: number; text: string }>('orders')
  await orders.insertMany(Array.from({ length: 60 }, (_, _id) => ({ _id, text: 'x'.repeat(100) })))
  const use = async () => {
    t.equal((await orders.find().batchSize(10).toArray()).length, 60)
    t.equal((await orders.find({}, { readPreference: 'secondary' }).toArray()).length, 60)
    await orders.updateOne({ _id: 1 }, { $set: { text: 'y' } })
    await client.db('admin').command({ hello: 1 })
    await client
      .db('admin')
      .command({ isMaster: 1, helloOk: true })
      .catch(() => undefined)
  }
  await use()
  const { set } = stage
  const primaryBefore = view.primary
  set.elect(B)
  await view.until(() => view.primary !== undefined && view.primary !== primaryBefore)
  await use()
  await set.reconfig({ add: await stage.joining(), remove: [C] })
  await view.until((types) => [...types.values()].filter((type) => type === 'RSSecondary').length === 2)
  await use()
  t.ok(
    [...view.types.keys()].every((address) => address.startsWith(textHost)),
    'the driver knows the relay alone',
  )
  await client.close()
  const samples = await stage.proxy.metrics()
  t.equal(total(samples, 'oplens_decode_errors_total'), 0)
  return sniffer
}

for (const compressors of [undefined, ['zlib'], ['snappy']] as const) {
  t.test(`no member's name reaches a client, ${compressors?.[0] ?? 'nothing'} compressed`, async (t) => {
    const sniffer = await overhear(t, compressors === undefined ? {} : { compressors: [...compressors] })
    t.strictSame(sniffer.found, [])
    t.ok(sniffer.messages > 40, `${sniffer.messages} messages were looked at`)
    if (compressors !== undefined) t.ok(sniffer.compressed > 10, `${sniffer.compressed} of them inflated`)
  })
}

t.test('the same scan finds names where nothing is rewritten, compressed or not', async (t) => {
  const set = await startDemoSet({ members: [{ name: A }, { name: B }, { name: C }] })
  t.teardown(() => set.close())
  const proxy = await startProxy(`127.0.0.1:${set.member(A).address.port}`, { listener: ['mode: transparent'] })
  t.teardown(() => proxy.close())
  for (const compressors of [undefined, ['zlib'], ['snappy']] as const) {
    const sniffer = new Sniffer(NEEDLE)
    const relay = await startRelay({ host: HOST }, () => proxy.port, sniffer)
    const options = compressors === undefined ? {} : { compressors: [...compressors] }
    const client = new MongoClient(`mongodb://${textHost}:${relay.port}/?directConnection=true`, options)
    const hello: Document = await client.db('admin').command({ hello: 1 })
    t.equal(hello.me, A)
    t.ok(sniffer.found.length > 0, 'in handshakes')
    const before = sniffer.found.length
    // Its reply may be compressed, and holds what a hello holds.
    await client.db('admin').command({ replSetGetStatus: 1 })
    t.ok(sniffer.found.length > before, `in what is ${compressors?.[0] ?? 'not'} compressed`)
    t.equal(sniffer.compressed > 0, compressors !== undefined)
    await client.close()
    await relay.close()
  }
})
