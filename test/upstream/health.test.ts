import t, { type Test } from 'tap'
import { type Logger, silentLogger } from '../../src/core/logger.js'
import type { Cluster, HostSet } from '../../src/core/upstream.js'
import { type ClusterManagerDeps, createClusterManager } from '../../src/upstream/cluster-manager.js'
import { clusterSchema } from '../../src/upstream/config.js'
import { FakeClock } from '../support/fake-clock.js'
import { type StubServer, startStub } from '../support/stub-tcp.js'

const never = new AbortController().signal
const turn = () => new Promise((resolve) => setImmediate(resolve))

function start(t: Test, config: Record<string, unknown>, deps: Partial<ClusterManagerDeps> = {}) {
  const clock = new FakeClock()
  const lines: Record<string, unknown>[] = []
  const logger: Logger = { ...silentLogger, info: (fields, text) => /^Health/.test(text) && lines.push(fields) }
  const parse = (more: Record<string, unknown>) =>
    clusterSchema.parse({
      name: 'shop',
      health_checks: { kind: 'tcp', interval_jitter_percent: 0 },
      ...config,
      ...more,
    })
  const manager = createClusterManager([parse({})], { clock, random: () => 0, logger, ...deps })
  t.teardown(() => manager.close())
  const cluster = () => {
    const found = manager.get('shop')
    if (found === undefined) throw new Error('no cluster')
    return found
  }
  /** Until so many checks of the hosts have ended. */
  const checked = async (count: number) => {
    const healths = () => cluster().hosts.all.map(({ state }) => state.health)
    const ended = () =>
      healths().reduce((sum, h) => sum + (h ? h.successes + h.failures + h.networkFailures + h.timeouts : 0), 0)
    while (ended() < count) await turn()
  }
  return {
    clock,
    manager,
    lines,
    cluster,
    checked,
    replace: (more: Record<string, unknown>) => manager.replace(parse(more)),
    states: () => cluster().hosts.all.map(({ state }) => state.health?.state),
    usable: () => cluster().hosts.usable.map(({ name }) => name),
  }
}

/** Where client connections go, in turn. */
async function connections(cluster: Cluster, count: number): Promise<string[]> {
  const names: string[] = []
  for (let i = 0; i < count; i++) {
    const { socket, lease } = await cluster.connect({ signal: never })
    names.push(lease.host.name)
    socket.destroy()
    lease.release()
  }
  return names
}

async function startTwo(t: Test): Promise<[StubServer, StubServer]> {
  const stubs: [StubServer, StubServer] = [await startStub(() => undefined), await startStub(() => undefined)]
  t.teardown(() => Promise.all(stubs.map((stub) => stub.close())))
  return stubs
}

t.test('a host that refuses gets no connection after its check, and is used again once it came back', async (t) => {
  const [a, b] = await startTwo(t)
  const { clock, cluster, checked, lines, usable } = start(t, { hosts: [a.address, b.address] })
  const both = [a.address, b.address]
  t.strictSame((await connections(cluster(), 4)).sort(), [...both, ...both].sort(), 'used before anything is known')
  await checked(2)
  const told: HostSet[] = []
  cluster().onHostsChanged((hosts) => told.push(hosts))
  const before = cluster().hosts
  const hostB = before.all[1]
  await b.close()
  clock.advance(5_000)
  await checked(4)
  t.strictSame(usable(), [a.address])
  t.strictSame([told.length, told[0] === cluster().hosts, told[0] === before], [1, true, false], 'a set of its own')
  t.equal(before.usable.length, 2, 'the old one stays as it was')
  const attempts = hostB?.stats.connectionsTotal
  t.strictSame(
    await connections(cluster(), 4),
    Array.from({ length: 4 }, () => a.address),
  )
  t.equal(hostB?.stats.connectionsTotal, attempts, 'nobody even tried')
  t.equal(cluster().choose({})?.name, a.address)

  clock.advance(5_000)
  await checked(6)
  t.equal(told.length, 1, 'no change, no set')
  const again = await startStub(() => undefined, '127.0.0.1', b.port)
  t.teardown(() => again.close())
  clock.advance(5_000)
  await checked(8)
  t.strictSame(usable(), [a.address], 'one success is not enough')
  clock.advance(5_000)
  await checked(10)
  t.equal(cluster().hosts.all[1], hostB)
  t.strictSame((await connections(cluster(), 4)).sort(), [...both, ...both].sort())
  t.strictSame(
    lines.map(({ host, from, to, reason }) => [host, from, to, reason]),
    [
      ...both.map((host) => [host, 'unknown', 'healthy', '']),
      [b.address, 'healthy', 'unhealthy', 'connecting failed (ECONNREFUSED)'],
      [b.address, 'unhealthy', 'healthy', ''],
    ],
  )
  t.match(lines[0], { cluster: 'shop' })
  t.match(cluster().stats, { panics: 0, membershipChanges: 0 })
})

t.test('with no usable host left all are used, and that is counted', async (t) => {
  const [a, b] = await startTwo(t)
  const { clock, cluster, checked, states, usable } = start(t, { hosts: [a.address, b.address] })
  await checked(2)
  await Promise.all([a.close(), b.close()])
  clock.advance(5_000)
  await checked(4)
  t.strictSame([states(), usable()], [['unhealthy', 'unhealthy'], []])
  t.equal(cluster().stats.panics, 0, 'nobody wanted a host yet')
  const again = await startStub(() => undefined, '127.0.0.1', b.port)
  t.teardown(() => again.close())
  t.strictSame(await connections(cluster(), 2), [b.address, b.address], 'whoever answers, whatever the checks say')
  const names = [cluster().choose({}), cluster().choose({})].map((host) => host?.name)
  t.strictSame(names.sort(), [a.address, b.address].sort())
  t.match(cluster().stats, { panics: 4, noUsableHost: 0 })
  clock.advance(5_000)
  await checked(6)
  clock.advance(5_000)
  await checked(8)
  await connections(cluster(), 3)
  t.equal(cluster().stats.panics, 4, 'over with the first that is healthy')
})

t.test('no check overlaps another of its host, and all end with the cluster', async (t) => {
  const [a] = await startTwo(t)
  const config = { hosts: [a.address], tls: { insecure_skip_verify: true }, connect_timeout: '60s' }
  const checks = { kind: 'tcp', interval: '1s', timeout: '30s', interval_jitter_percent: 0 }
  const { clock, cluster } = start(t, { ...config, health_checks: checks })
  await a.socket(0)
  clock.advance(29_000)
  for (let i = 0; i < 20; i++) await turn()
  t.equal(a.sockets.length, 1, 'the handshake of the first is not over')
  const [socket] = a.sockets
  cluster().close()
  for (let i = 0; i < 5; i++) await turn()
  t.equal(clock.waiting, 0)
  socket?.resume()
  while (socket?.destroyed === false && !socket.readableEnded) await turn()
  t.equal(cluster().hosts.all[0]?.state.health?.state, 'unknown')
})

t.test('health outlives a replacement of its cluster, and ends where the new one checks nothing', async (t) => {
  const [a, b] = await startTwo(t)
  const { clock, cluster, checked, replace, states, usable } = start(t, { hosts: [a.address, b.address] })
  await checked(2)
  await b.close()
  clock.advance(5_000)
  await checked(4)
  const health = cluster().hosts.all[1]?.state.health
  const hosts = [{ address: b.address, weight: 3 }, a.address]
  replace({ hosts, load_balancer: 'random' })
  t.equal(cluster().hosts.all[0]?.state.health, health, 'another weight is the same server')
  t.strictSame([states(), usable()], [['unhealthy', 'healthy'], [a.address]], 'at once')
  t.equal(cluster().choose({})?.name, a.address)
  await checked(6)
  t.equal(clock.waiting, 2, 'the checks of the old one ended')
  t.equal(health?.networkFailures, 2, 'and the new one goes on')

  replace({ hosts, health_checks: undefined })
  t.strictSame(
    [states(), usable()],
    [
      [undefined, undefined],
      [b.address, a.address],
    ],
  )
  t.equal(clock.waiting, 0)
})

t.test('a replacement that checks nothing forgets at once, also while its discovery has no answer', async (t) => {
  const [a] = await startTwo(t)
  const clock = new FakeClock()
  const deps = { clock, random: () => 0, logger: silentLogger, resolve: () => new Promise<string[]>(() => undefined) }
  const first = clusterSchema.parse({ name: 'shop', hosts: [a.address, '127.0.0.1:1'], health_checks: { kind: 'tcp' } })
  const manager = createClusterManager([first], deps)
  t.teardown(() => manager.close())
  const usable = () => manager.get('shop')?.hosts.usable.length
  while (usable() !== 1) await turn()
  manager.replace(clusterSchema.parse({ name: 'shop', dns: { host: 'db', port: 1 } }))
  t.equal(usable(), 2)
})

t.test('hosts that discovery brings are checked, those that it takes away no more', async (t) => {
  const [a] = await startTwo(t)
  let answer = ['127.0.0.1', '127.0.0.9']
  const resolve = async () => answer
  const dns = { host: 'db', port: a.port, refresh: '7s' }
  const { clock, cluster, checked, states, usable } = start(t, { dns }, { resolve, random: () => 0.5 })
  await checked(2)
  t.strictSame([states(), usable()], [['healthy', 'unhealthy'], [a.address]], 'nobody listens on the other address')
  t.equal(clock.waiting, 3, 'the next checks and the next question')
  const gone = cluster().hosts.all[1]?.state.health
  answer = ['127.0.0.1']
  clock.advance(7_000)
  while (cluster().hosts.all.length > 1) await turn()
  await checked(2)
  while (clock.waiting !== 2) await turn()
  answer = ['127.0.0.1', '127.0.0.9']
  clock.advance(7_000)
  while (cluster().hosts.all.length === 1) await turn()
  while (usable().length === 2) await turn()
  t.match(
    cluster().hosts.all[1]?.state.health,
    { state: 'unhealthy', networkFailures: 1 },
    'one that comes back is new',
  )
  t.match(gone, { networkFailures: 1 }, 'and nobody checked it meanwhile')
})

t.test('the schema fills in what a check of each kind needs, and refuses the rest', (t) => {
  const checksOf = (health_checks: unknown) =>
    clusterSchema.parse({ name: 'a', hosts: ['db:1'], health_checks }).health_checks
  const common = { interval: 5_000, timeout: 2_000, unhealthy_threshold: 3, healthy_threshold: 2 }
  const spread = { interval_jitter_percent: 10, initial_jitter: 0 }
  for (const kind of ['tcp', 'protocol']) t.strictSame(checksOf({ kind }), { kind, ...common, ...spread })
  const http = { method: 'GET', path: '/', statuses: [{ first: 200, last: 200 }] }
  t.strictSame(checksOf({ kind: 'http' }), { kind: 'http', ...common, ...spread, ...http })
  t.match(checksOf({ kind: 'http', statuses: [404, '200-299'] }), {
    statuses: [{ first: 404 }, { first: 200, last: 299 }],
  })
  const refused: readonly Record<string, unknown>[] = [
    {},
    { kind: 'grpc' },
    { kind: 'tcp', path: '/' },
    { kind: 'tcp', interval: '0s' },
    { kind: 'tcp', timeout: '0s' },
    { kind: 'tcp', healthy_threshold: 0 },
    { kind: 'tcp', unhealthy_threshold: 101 },
    { kind: 'tcp', interval_jitter_percent: 101 },
    { kind: 'http', path: 'up' },
    { kind: 'http', path: '/a b' },
    { kind: 'http', path: '/\r\nX: y' },
    { kind: 'http', host: 'a\r\nX: y' },
    { kind: 'http', method: 'get' },
    { kind: 'http', statuses: [] },
    { kind: 'http', statuses: [99] },
    { kind: 'http', statuses: ['299-200'] },
  ]
  for (const checks of refused) t.throws(() => checksOf(checks), Error, JSON.stringify(checks))
  t.end()
})
