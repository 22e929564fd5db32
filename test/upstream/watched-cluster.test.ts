import t, { type Test } from 'tap'
import { mongodbProbe } from '../../src/codecs/mongodb/probe.js'
import { systemClock } from '../../src/core/clock.js'
import { UpstreamError } from '../../src/core/errors.js'
import { silentLogger } from '../../src/core/logger.js'
import type { MemberReport } from '../../src/core/probe.js'
import type { Cluster, Target, UpstreamConnection } from '../../src/core/upstream.js'
import { startDemoSet } from '../../src/demo/mongod/set/set.js'
import { type ClusterManagerDeps, createClusterManager } from '../../src/upstream/cluster-manager.js'
import { clusterSchema } from '../../src/upstream/config.js'
import { Topology } from '../../src/upstream/topology/topology.js'
import { refusedPort, startEcho, startStub } from '../support/stub-tcp.js'

const never = new AbortController().signal

function start(t: Test, config: Record<string, unknown>, deps: Partial<ClusterManagerDeps> = {}) {
  const parsed = clusterSchema.parse({ name: 'shop', ...config })
  const manager = createClusterManager([parsed], { clock: systemClock, random: () => 0, logger: silentLogger, ...deps })
  t.teardown(() => manager.close())
  const cluster = manager.get('shop')
  if (cluster === undefined) throw new Error('no cluster')
  return cluster
}

async function failureOf(cluster: Cluster, target?: Target): Promise<UpstreamError> {
  const result = await cluster.connect({ signal: never, ...(target === undefined ? {} : { target }) }).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (result instanceof UpstreamError) return result
  throw new Error(`expected a failure, got ${String(result)}`)
}

function end({ socket, lease }: UpstreamConnection): void {
  socket.destroy()
  lease.release()
}

async function echoes(t: Test, count: number) {
  const stubs = await Promise.all(Array.from({ length: count }, () => startEcho()))
  t.teardown(() => Promise.all(stubs.map((stub) => stub.close())))
  return stubs.map(({ address }) => address)
}

t.test("a cluster's cap on connections holds, counts, and gives back what is released", async (t) => {
  const cluster = start(t, { hosts: await echoes(t, 2), circuit_breakers: { max_connections: 2 } })
  const open = [await cluster.connect({ signal: never }), await cluster.connect({ signal: never })]
  const refused = await failureOf(cluster)
  t.match(refused, { failure: 'overflow', host: '', message: /breaker of cluster shop/ })
  t.match(cluster.stats, { connectionsActive: 2, connectionsOverflow: 1, connectsPending: 0 })
  t.equal(cluster.breaker.isConnectionsOpen, true)
  t.strictSame(
    cluster.hosts.all.map(({ stats }) => stats.connectionsTotal),
    [1, 1],
    'nobody was dialled',
  )
  for (const connection of open.splice(0, 1)) end(connection)
  end(await cluster.connect({ signal: never }))
  t.equal(cluster.stats.connectionsActive, 1)
  for (const connection of open) end(connection)
})

t.test("a host's cap sends connections to the others, and is an overflow when all are full", async (t) => {
  const cluster = start(t, { hosts: await echoes(t, 2), circuit_breakers: { host: { max_connections: 2 } } })
  const open: UpstreamConnection[] = []
  for (let i = 0; i < 4; i++) open.push(await cluster.connect({ signal: never }))
  t.strictSame(
    cluster.hosts.all.map(({ stats }) => stats.connectionsActive),
    [2, 2],
  )
  const refused = await failureOf(cluster)
  t.equal(refused.failure, 'overflow')
  t.ok(
    cluster.hosts.all.some(({ name }) => name === refused.host),
    'it names one',
  )
  t.strictSame(
    cluster.hosts.all.map(({ stats }) => stats.connectionsOverflow),
    [1, 1],
  )
  t.match(cluster.stats, { connectionsOverflow: 0, connectionsActive: 4 })
  for (const connection of open) end(connection)
})

t.test('caps on connects that are under way hold for the cluster and for a host', async (t) => {
  const silent = await startStub(() => undefined)
  t.teardown(() => silent.close())
  for (const [limits, host] of [
    [{ max_pending_connects: 1 }, ''],
    [{ host: { max_pending_connects: 1 } }, silent.address],
  ] as const) {
    // A TLS handshake that never ends keeps a connect under way.
    const cluster = start(t, { hosts: [silent.address], tls: {}, circuit_breakers: limits })
    const leaving = new AbortController()
    const pending = cluster.connect({ signal: leaving.signal }).catch((error: UpstreamError) => error.failure)
    t.match(await failureOf(cluster), { failure: 'overflow', host })
    const counted = host === '' ? cluster.stats : cluster.hosts.all[0]?.stats
    t.match(counted, { connectsPending: 1, connectsPendingOverflow: 1 })
    leaving.abort()
    t.equal(await pending, 'aborted')
    t.match(cluster.stats, { connectsPending: 0, connectionsActive: 0 })
  }
})

async function watched(t: Test, more: Record<string, unknown> = {}) {
  const names = ['a.rs.invalid:27017', 'b.rs.invalid:27017', 'c.rs.invalid:27017'] as const
  const set = await startDemoSet({ members: names.map((name) => ({ name })) })
  t.teardown(() => set.close())
  const dials = new Map(names.map((name) => [name as string, { kind: 'tcp' as const, ...set.member(name).address }]))
  const config = { hosts: [...names], replica_set: 'rs0', heartbeat: '500ms', ...more }
  const cluster = start(t, config, { watchOf: () => ({ probe: mongodbProbe, dials }) })
  const { topology } = cluster
  if (topology === undefined) throw new Error('it is not watched')
  await topology.until(({ members }) => members.length === 3 && members.every(({ isUp }) => isUp), never)
  return { set, cluster, topology, names }
}

t.test("a member's connection goes to that member or to nobody; one that is down is not even dialled", async (t) => {
  const { set, cluster, topology, names } = await watched(t)
  const [, b] = names
  for (let i = 0; i < 4; i++) {
    const connection = await cluster.connect({ signal: never, target: { kind: 'member', name: b } })
    t.equal(connection.lease.host.name, b)
    end(connection)
  }
  await set.member(b).close()
  await topology.until(({ members }) => members.find(({ name }) => name === b)?.isUp === false, never)
  const host = cluster.hosts.all.find(({ name }) => name === b)
  const dialled = host?.stats.connectionsTotal
  t.match(await failureOf(cluster, { kind: 'member', name: b }), { failure: 'member_down', host: b })
  t.equal(host?.stats.connectionsTotal, dialled)
  t.equal(cluster.stats.memberDown, 1)
  t.match(await failureOf(cluster, { kind: 'member', name: 'z.rs:1' }), {
    failure: 'member_down',
    message: /no member/,
  })
  await set.member(b).start()
  await topology.until(({ members }) => members.every(({ isUp }) => isUp), never)
  end(await cluster.connect({ signal: never, target: { kind: 'member', name: b } }))
})

t.test('a connection to any member goes by the read preference, as the topology is now', async (t) => {
  const { set, cluster, topology, names } = await watched(t, {
    read_preference: { mode: 'secondary', latency_window: '10s' },
  })
  const used = new Set<string>()
  for (let i = 0; i < 6; i++) {
    const connection = await cluster.connect({ signal: never })
    used.add(connection.lease.host.name)
    end(connection)
  }
  t.strictSame([...used].sort(), [names[1], names[2]])
  set.elect(names[1])
  await topology.until(({ primary }) => primary === names[1], never)
  await topology.until(({ members }) => members.find(({ name }) => name === names[0])?.role === 'secondary', never)
  used.clear()
  for (let i = 0; i < 6; i++) {
    const connection = await cluster.connect({ signal: never })
    used.add(connection.lease.host.name)
    end(connection)
  }
  t.strictSame([...used].sort(), [names[0], names[2]], 'it follows an election')
})

t.test('a node that is distrusted is down until a new probe hears its right name', async (t) => {
  const { cluster, topology, names } = await watched(t)
  const [, b, c] = names
  const reasons: string[] = []
  const stop = topology.onChanged(({ members }) => reasons.push(members.find(({ name }) => name === b)?.reason ?? ''))
  topology.distrust(b, c)
  t.match(await failureOf(cluster, { kind: 'member', name: b }), { failure: 'member_down' })
  await topology.until(({ members }) => members.every(({ isUp }) => isUp), never)
  stop()
  t.strictSame(reasons, [`it calls itself "${c}"`, ''])
  t.equal(topology.stats.identityMismatches, 1)
  t.equal(topology.stats.probeFailures, 0, 'which is nobody’s silence')
})

t.test('what a client heard of a wrong member counts like a probe, of nobody when it is none', (t) => {
  const topology = new Topology({ seeds: ['a:1', 'b:1'], setName: 'rs0', order: mongodbProbe })
  const report: MemberReport = {
    ...{ role: 'secondary', name: 'b:1', setName: 'rs0', peers: ['a:1', 'b:1'], arbiters: [], primaryName: '' },
    ...{ isHidden: false, tags: new Map(), lastWriteWallMs: 0, epoch: undefined, version: undefined },
  }
  topology.reported('b:1', report, 0)
  t.strictSame(topology.mistaken('z:1', 'b:1', 1), [])
  t.equal(topology.stats.identityMismatches, 0)
  const events = topology.mistaken('b:1', 'a:1', 2)
  t.match(events, [
    { kind: 'member_down', name: 'b:1' },
    { kind: 'role_changed', from: 'secondary', to: 'unknown' },
  ])
  t.match(topology.snapshot.members[1], { isUp: false, reason: 'it calls itself "a:1"' })
  topology.reported('b:1', report, 3)
  t.match(topology.snapshot.members[1], { isUp: true, reason: '' })
  t.end()
})

t.test('without time to wait, a missing primary is said at once', async (t) => {
  const dead = `127.0.0.1:${await refusedPort()}`
  const cluster = start(
    t,
    { hosts: [dead], replica_set: 'rs0', primary_timeout: '0s' },
    {
      watchOf: () => ({ probe: mongodbProbe, dials: new Map() }),
    },
  )
  t.equal((await failureOf(cluster, { kind: 'primary' })).failure, 'no_primary')
  t.equal(cluster.stats.noPrimary, 1)
})
