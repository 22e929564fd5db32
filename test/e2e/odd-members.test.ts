import type { Document } from 'mongodb'
import t from 'tap'
import { startConfigured, total } from '../support/proxy.js'
import { DriverView, type SetStage, startStage } from '../support/set-stage.js'
import { dial, heardEnd, startStub } from '../support/stub-tcp.js'

const [A, B, C] = ['a.rs.invalid:27017', 'b.rs.invalid:27017', 'c.rs.invalid:27017'] as const
const THREE = [{ name: A }, { name: B }, { name: C }]

/** The last that oplens said of a member's being up or down. */
function lastWord({ proxy }: SetStage, name: string): string {
  const said = proxy.logs.filter(
    ({ fields }) => fields.name === name && /member_(up|down|added)/.test(String(fields.change)),
  )
  const { change, reason = '' } = said.at(-1)?.fields ?? {}
  return `${change} ${reason}`.trim()
}

async function until(claim: () => boolean): Promise<void> {
  while (!claim()) await new Promise((resolve) => setImmediate(resolve))
}

const without = (field: string) => (reply: Document) => {
  const { [field]: _, ...rest } = reply
  return rest
}

const odd: readonly [name: string, edit: (reply: Document) => Document, reason: RegExp][] = [
  ['no set name', without('setName'), /standalone|no replica set/],
  ['another set name', (reply) => ({ ...reply, setName: 'rs1' }), /in replica set "rs1"/],
  ['the name of another', (reply) => ({ ...reply, me: B }), /calls itself "b\.rs\.invalid/],
  ['an IPv6 name', (reply) => ({ ...reply, me: '[2001:db8::1]:27017' }), /calls itself "\[2001:db8::1\]:27017"/],
]

t.test(
  'a member with an odd hello is down with its reason, the others serve, and it is back once it is itself',
  async (t) => {
    const stage = await startStage({ members: THREE })
    t.teardown(() => stage.close())
    const client = stage.client()
    const view = new DriverView(client)
    const orders = client.db('shop').collection('orders')
    await orders.insertOne({ n: 0 })
    for (const [name, edit, reason] of odd) {
      stage.set.setHello(C, edit)
      await until(() => reason.test(lastWord(stage, C)))
      await orders.insertOne({ name })
      t.equal(await orders.countDocuments({ name }), 1, `${name}: others serve`)
      t.notOk(
        [...view.types.keys()].some((address) => /invalid|2001|rs1/.test(address)),
        `${name}: no way around`,
      )
      stage.set.setHello(C, undefined)
      await until(() => lastWord(stage, C) === 'member_up')
      await view.until((types) => [...types.values()].filter((type) => type === 'RSSecondary').length === 2)
      t.pass(`${name}: it is back`)
    }
  },
)

t.test(
  'names in upper case or without a port are the same member, hidden and passive and arbiter have their places',
  async (t) => {
    const members = [
      { name: 'A.RS.Invalid:27017' },
      { name: 'b.rs.invalid' },
      { name: C, passive: true },
      { name: 'h.rs.invalid:1', hidden: true },
      { name: 'x.rs.invalid:1', arbiter: true },
    ]
    const stage = await startStage({ members })
    t.teardown(() => stage.close())
    const client = stage.client()
    const view = new DriverView(client)
    await client.db('shop').collection('orders').insertOne({ n: 1 })
    await view.until((types) => [...types.values()].every((type) => type !== 'Unknown' && type !== 'PossiblePrimary'))
    const types = [...view.types.values()].sort()
    t.strictSame(types, ['RSArbiter', 'RSPrimary', 'RSSecondary', 'RSSecondary'], 'the hidden one is told to nobody')
    t.match(await client.db('shop').collection('orders').findOne({}, { readPreference: 'secondary' }), { n: 1 })
  },
)

t.test('a member whose name leads nowhere is down, and costs the others nothing', async (t) => {
  const stage = await startStage({ members: THREE })
  t.teardown(() => stage.close())
  const client = stage.client()
  const orders = client.db('shop').collection('orders')
  await orders.insertOne({ n: 1 })
  await stage.set.reconfig({ add: [{ name: 'nowhere.invalid:27017' }] })
  await until(() => /resolved/.test(lastWord(stage, 'nowhere.invalid:27017')))
  await orders.insertOne({ n: 2 })
  t.equal(await orders.countDocuments(), 2)
})

t.test('of two primaries clients come to take the one elected last, whichever they hear first', async (t) => {
  const stage = await startStage({ members: THREE })
  t.teardown(() => stage.close())
  const { set } = stage
  set.split([[A]])
  set.elect(B)
  await until(() => stage.proxy.logs.some(({ fields }) => fields.change === 'primary_changed' && fields.to === B))
  const line = () => stage.proxy.logs.findLast(({ fields }) => fields.member === B && fields.address !== undefined)
  await until(() => line() !== undefined)
  for (let i = 0; i < 3; i++) {
    const client = stage.client()
    const view = new DriverView(client)
    await client.connect()
    // Until then the older one is a primary like any other: a write there would wait for a majority that it does not hear.
    await view.until(() => view.primary === line()?.fields.address)
    await client.db('shop').collection('orders').insertOne({ i })
    await client.close()
  }
  t.equal(set.member(A).commandsSeen().insert ?? 0, 0)
  t.equal(set.member(B).commandsSeen().insert, 3)
})

t.test('a wrong node that only clients meet is down until a probe hears its right name', async (t) => {
  const stage = await startStage({ members: THREE })
  t.teardown(() => stage.close())
  await until(() => lastWord(stage, C) === 'member_up')
  // Probes ask for no compression, so that they never hear the wrong name.
  stage.set.setHello(C, (reply) => (reply.compression === undefined ? reply : { ...reply, me: B }))
  const client = stage.client({ compressors: ['zlib'] })
  await client.db('shop').collection('orders').insertOne({ n: 1 })
  const isDistrust = /calls itself "b\.rs\.invalid/
  await until(() => stage.proxy.logs.some(({ fields }) => fields.name === C && isDistrust.test(String(fields.reason))))
  stage.set.setHello(C, undefined)
  const view = new DriverView(client)
  await view.until((types) => [...types.values()].filter((type) => type === 'RSSecondary').length === 2)
  t.equal(lastWord(stage, C), 'member_up')
})

const onlySeeds = (seeds: readonly string[], connectTimeout = '200ms') =>
  startConfigured(
    [
      'admin: { address: 127.0.0.1:0 }',
      'listeners:',
      '  - { name: front, address: 127.0.0.1:0, protocol: mongodb, cluster: db, mode: members, member_ports: 0 }',
      'clusters:',
      `  - { name: db, hosts: [ ${seeds.map((seed) => `"${seed}"`).join(', ')} ], replica_set: rs0, connect_timeout: ${connectTimeout} }`,
    ].join('\n'),
  )

t.test('a seed that accepts and never answers keeps nobody from the set that others tell of', async (t) => {
  const silent = await startStub(() => undefined)
  const stage = await startStage({ members: THREE, cluster: [] })
  const address = stage.set.member(A).address
  const proxy = await onlySeeds([silent.address, `127.0.0.1:${address.port}`])
  t.teardown(async () => {
    await proxy.close()
    await stage.close()
    await silent.close()
  })
  // The set's own names lead nowhere from here, so that only the seed listener answers.
  await until(() => proxy.logs.some(({ message }) => message.includes('can be reached')))
  t.pass('listeners for the members stand')
})

t.test('a client that leaves while nothing is known of the set is forgotten', async (t) => {
  const silent = await startStub(() => undefined)
  const proxy = await onlySeeds([silent.address], '1h')
  t.teardown(async () => {
    await proxy.close()
    await silent.close()
  })
  const client = await dial({ port: proxy.port })
  const closed = async () => total(await proxy.metrics(), 'oplens_downstream_connections_closed_total')
  t.equal(await closed(), 0, 'it waits')
  client.resetAndDestroy()
  while ((await closed()) === 0) await new Promise(setImmediate)
  t.equal(await closed(), 1)
})

t.test('seeds that all fail are said to clients at once', async (t) => {
  const dead = await startStub((socket) => socket.destroy())
  t.teardown(() => dead.close())
  const proxy = await onlySeeds([dead.address])
  t.teardown(() => proxy.close())
  const early = await dial({ port: proxy.port })
  early.destroy()
  const client = await dial({ port: proxy.port })
  client.write('x')
  await heardEnd(client)
  client.destroy()
  while (total(await proxy.metrics(), 'oplens_downstream_connections_active') > 0) await new Promise(setImmediate)
  t.pass('no connection is left')
})
