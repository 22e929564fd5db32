import { MongoClient } from 'mongodb'
import t, { type Test } from 'tap'
import type { DemoSet } from '../../src/demo/mongod/set/options.js'
import { startDemoSet } from '../../src/demo/mongod/set/set.js'
import { startProxy, type TestProxy, total } from '../support/proxy.js'

const NAMES = ['a.rs:27017', 'b.rs:27017', 'c.rs:27017'] as const

async function setUp(t: Test): Promise<{ set: DemoSet; proxy: TestProxy; client: MongoClient }> {
  const set = await startDemoSet({ members: NAMES.map((name) => ({ name })) })
  t.teardown(() => set.close())
  const dials = set.members.map(({ name, address }) => `"${name}": { port: 0, dial: "127.0.0.1:${address.port}" }`)
  const proxy = await startProxy(NAMES[0], {
    listener: ['mode: members', `members: { ${dials.join(', ')} }`],
    cluster: ['replica_set: rs0', 'heartbeat: 500ms'],
  })
  t.teardown(() => proxy.close())
  const client = new MongoClient(`mongodb://127.0.0.1:${proxy.port}/?replicaSet=rs0`)
  t.teardown(() => client.close())
  await client.connect()
  return { set, proxy, client }
}

/** Asks again until the admin address says what is waited for; tap's own limit ends a wait that is in vain. */
async function until(proxy: TestProxy, expected: RegExp): Promise<string> {
  for (;;) {
    const text = await proxy.get('/clusters?format=text')
    if (expected.test(text)) return text
  }
}

t.test(
  'a set behind the proxy is seen: members, addresses, traffic by role, an election, a member that is down',
  async (t) => {
    const { set, proxy, client } = await setUp(t)
    const orders = client.db('shop').collection('orders')
    await orders.insertOne({ n: 1 })
    await until(proxy, /primary a\.rs:27017, 3 of 3 up/)
    const { topologies, listeners } = JSON.parse(await proxy.get('/operations'))
    const given = listeners.filter(({ uri }: { uri: string }) => uri !== '')
    t.same([listeners.length, given.length, given[0].name], [4, 1, 'front'], 'applications are given the front alone')
    const [{ members, setName }] = topologies
    t.equal(setName, 'rs0')
    const { hosts } = await client.db('admin').command({ hello: 1 })
    const addresses = members.map((m: { listeners: { address: string }[] }) => m.listeners[0]?.address)
    t.same(addresses, hosts, 'the addresses are those that clients are told')
    t.match(members[0].listeners, [{ listener: 'front', reason: '' }])

    set.elect(NAMES[1])
    await until(proxy, /primary b\.rs:27017/)
    await orders.insertOne({ n: 2 })
    await set.member(NAMES[2]).close()
    const text = await until(proxy, /2 of 3 up/)
    t.match(text, /c\.rs:27017 +unknown +down .*(failed|closed|broke)/)

    const samples = await proxy.metrics()
    const inserts = (labels: Record<string, string>) =>
      total(samples, 'oplens_upstream_operation_duration_seconds_count', { cluster: 'db', ...labels })
    t.ok(inserts({ host: NAMES[0], role: 'primary' }) > 0)
    t.ok(inserts({ host: NAMES[1], role: 'primary' }) > 0)
    t.equal(total(samples, 'oplens_upstream_member_role', { role: 'primary' }), 1)
    t.equal(total(samples, 'oplens_upstream_member_up'), 2)
    t.equal(total(samples, 'oplens_upstream_elections_total'), 1)
    t.equal(total(samples, 'oplens_upstream_members_without_listener', { listener: 'front' }), 0)
    t.ok(total(samples, 'oplens_hello_rewrites_total', { result: 'rewritten' }) > 0)
  },
)
