import t from 'tap'
import type { MemberListener } from '../../src/admin/frames.js'
import type { AdminCluster } from '../../src/admin/sources.js'
import { HostHealth } from '../../src/core/health.js'
import type { MemberTraffic } from '../../src/core/reports.js'
import { ClusterStats, HostStats } from '../../src/core/stats.js'
import { type TopologyMember, type TopologySnapshot, TopologyStats } from '../../src/core/topology.js'
import type { Host } from '../../src/core/upstream.js'
import { start } from './harness.js'

const member = (name: string, more: Partial<TopologyMember> = {}): TopologyMember => ({
  name,
  isSeed: false,
  role: 'secondary',
  isUp: true,
  reason: '',
  isHidden: false,
  isArbiter: false,
  tags: new Map(),
  rttMs: 0.5,
  lagMs: 1_500,
  lastReportAtMs: 1,
  ...more,
})

function host(name: string, stats: Partial<HostStats> = {}): Host {
  const address = { kind: 'tcp', host: name, port: 1 } as const
  const counted = Object.assign(new HostStats(), stats)
  return { name, address, hostname: '', weight: 1, stats: counted, state: { role: '' } }
}

const DOWN = { role: 'unknown', isUp: false, lagMs: undefined, rttMs: undefined } as const
const MEMBERS = [
  member('a.rs:27017', { role: 'primary', lagMs: undefined, tags: new Map([['dc', 'east']]) }),
  member('b.rs:27017', { lagMs: 0, isHidden: true }),
  member('c.rs:27017', { ...DOWN, reason: 'connecting failed (ECONNREFUSED)' }),
  member('d.rs:27017', { ...DOWN, isSeed: true }),
  member('e.rs:27017', { role: 'other', isArbiter: true, reason: 'recovering' }),
]

interface Shape {
  readonly snapshot?: Partial<TopologySnapshot>
  readonly hosts?: readonly Host[]
}

function watched({ snapshot = {}, hosts = [] }: Shape = {}): AdminCluster {
  const stats = Object.assign(new TopologyStats(), { elections: 2, reconfigs: 1, identityMismatches: 3 })
  const whole = { version: 7, kind: 'replica_set', setName: 'rs0', primary: 'a.rs:27017', members: MEMBERS } as const
  return {
    name: 'db',
    stats: new ClusterStats(),
    hosts: { version: 4, all: hosts, usable: hosts.slice(0, 1) },
    topology: { snapshot: { ...whole, ...snapshot }, stats },
  }
}

const HOSTS = [
  host('a.rs:27017', { connectionsActive: 12, operationsTotal: 34_567, operationsFailed: 8 }),
  host('b.rs:27017'),
]
const LISTENERS: readonly MemberListener[] = [
  { cluster: 'db', listener: 'front', member: 'a.rs:27017', address: 'proxy:27101', reason: '' },
  { cluster: 'db', listener: 'back', member: 'a.rs:27017', address: 'proxy:28101', reason: '' },
  { cluster: 'db', listener: 'front', member: 'b.rs:27017', address: '', reason: 'no port is left for it' },
  { cluster: 'other', listener: 'far', member: 'b.rs:27017', address: 'proxy:1', reason: '' },
]
const TRAFFIC: MemberTraffic = { rate: 12.34, p50Ms: 0.4, p99Ms: 3.21, isRecent: true }
const trafficOf = (cluster: string, name: string) =>
  cluster === 'db' && name === 'a.rs:27017' ? TRAFFIC : { ...TRAFFIC, rate: 0, isRecent: false }

t.test('clusters tell what is known of each member, and join it with what was counted', async (t) => {
  const { ask } = await start(t, {
    clusters: () => [watched({ hosts: HOSTS })],
    memberListeners: () => LISTENERS,
    memberTraffic: trafficOf,
  })
  const [cluster] = JSON.parse((await ask('/clusters')).body)
  t.match(cluster, {
    name: 'db',
    version: 4,
    stats: { noPrimary: 0 },
    hosts: [{ name: 'a.rs:27017', usable: true }, {}],
  })
  t.match(cluster.hosts[1], { usable: false, stats: { operationsTotal: 0 }, traffic: { isRecent: false } })
  const { topology } = cluster
  t.match(topology, { cluster: 'db', kind: 'replica_set', setName: 'rs0', primary: 'a.rs:27017', version: 7 })
  t.match(topology.stats, { elections: 2, reconfigs: 1, identityMismatches: 3, probeFailures: 0 })
  t.same(topology.members[0], {
    name: 'a.rs:27017',
    role: 'primary',
    isPrimary: true,
    isUp: true,
    reason: '',
    isSeed: false,
    isHidden: false,
    isArbiter: false,
    tags: { dc: 'east' },
    lagMs: null,
    rttMs: 0.5,
    listeners: [
      { listener: 'front', address: 'proxy:27101', reason: '' },
      { listener: 'back', address: 'proxy:28101', reason: '' },
    ],
    host: {
      name: 'a.rs:27017',
      isUsable: true,
      connections: 12,
      operations: 34_567,
      failures: 8,
      health: null,
      traffic: TRAFFIC,
    },
  })
  const { members } = topology
  t.match(members[1], { lagMs: 0, isHidden: true, listeners: [{ listener: 'front', address: '' }], isPrimary: false })
  t.match(members[2], { isUp: false, reason: 'connecting failed (ECONNREFUSED)', host: null, rttMs: null })
})

t.test('the page is told of watched clusters alone', async (t) => {
  const plain = { ...watched({ hosts: HOSTS }), name: 'plain', topology: undefined }
  const { ask } = await start(t, { clusters: () => [plain, watched()] })
  const { topologies } = JSON.parse((await ask('/operations')).body)
  t.match(topologies, [{ cluster: 'db', members: { length: 5 } }])
  t.equal(topologies.length, 1)
  t.equal(JSON.parse((await ask('/clusters')).body)[0].topology, null)
})

t.test('the members of a set are a table for terminals', async (t) => {
  const { ask } = await start(t, {
    clusters: () => [watched({ hosts: HOSTS })],
    memberListeners: () => LISTENERS,
    memberTraffic: trafficOf,
  })
  const { body, headers } = await ask('/clusters?format=text')
  t.match(headers['content-type'], 'text/plain')
  const lines = body.split('\n')
  t.equal(lines[0], 'db: replica set rs0, primary a.rs:27017, 3 of 5 up')
  t.match(lines[1], /^ {2}elections 2, reconfigurations 1, identity mismatches 3, failed probes 0/)
  const cells = (line: string | undefined) => (line ?? '').trim().split(/ {2,}/)
  t.same(cells(lines[2]).slice(0, 5), ['MEMBER', 'ROLE', 'STATE', 'LAG', 'RTT'])
  const number = ['12', '34567', '8', '12', '3.2 ms']
  const a = ['* a.rs:27017', 'primary', 'up', '-', '0.500 ms', ...number, 'proxy:27101, proxy:28101', 'dc=east']
  t.same(cells(lines[3]), a)
  const none = ['0', '0', '0', '0', '3.2 ms+']
  const b = ['b.rs:27017', 'secondary', 'up', '0 ms', '0.500 ms', ...none, '-', 'hidden; front: no port is left for it']
  t.same(cells(lines[4]), b)
  const unknown = ['-', '-', '-', '-', '-']
  t.same(cells(lines[5]), [
    'c.rs:27017',
    'unknown',
    'down',
    '-',
    '-',
    ...unknown,
    '-',
    'connecting failed (ECONNREFUSED)',
  ])
  t.match(lines[6], /not asked yet .*only configured, the set has not named it$/)
  t.match(lines[7], /other +up .*recovering; arbiter$/)
  t.match(body, /P99 is of the last minute; with a \+, of all time/)
})

t.test('a set without a primary says so, others have none to miss', async (t) => {
  const cases: [Partial<TopologySnapshot>, RegExp][] = [
    [{ primary: '' }, /^db: replica set rs0, NO PRIMARY, 3 of 5 up\n/],
    [{ primary: '', kind: 'routers', setName: '' }, /^db: routers, 3 of 5 up\n/],
    [
      { kind: 'standalone', setName: '', members: MEMBERS.slice(0, 1) },
      /^db: standalone server, primary a.rs:27017, 1 of 1 up\n/,
    ],
    [{ primary: '', kind: 'unknown', setName: '', members: [] }, /^db: nobody has answered yet, 0 of 0 up\n/],
  ]
  for (const [snapshot, expected] of cases) {
    const { ask } = await start(t, { clusters: () => [watched({ snapshot })] })
    t.match((await ask('/clusters?format=text')).body, expected)
  }
})

t.test(
  'hosts of a cluster that nobody watches are a table too, and traffic that cannot be told is a dash',
  async (t) => {
    const plain = { ...watched({ hosts: HOSTS }), name: 'plain', topology: undefined }
    const { ask } = await start(t, { clusters: () => [plain], memberTraffic: () => undefined })
    const lines = (await ask('/clusters?format=text')).body.split('\n')
    t.equal(lines[0], 'plain')
    t.match(lines[2], /^ {2}a\.rs:27017 +yes +- +12 +34567 +8 +- +- *$/)
    t.match(lines[3], /^ {2}b\.rs:27017 +no +- +0 +0 +0 +- +- *$/)
    const none = await start(t, { clusters: () => [] })
    t.equal((await none.ask('/clusters?format=text')).body, '')
  },
)

function checked(name: string, health: Partial<HostHealth>): Host {
  const made = host(name)
  made.state.health = Object.assign(new HostHealth(), health)
  return made
}

t.test('what health checks find is told of each host: as data, as a table, and to the page', async (t) => {
  const evil = 'connecting failed \u001b[2J'
  const hosts = [
    checked('a:1', { state: 'healthy', successes: 7 }),
    checked('b:1', { state: 'unhealthy', reason: evil, networkFailures: 3 }),
    checked('c:1', {}),
  ]
  const one = { ...watched({ hosts }), name: 'checked', topology: undefined }
  const { ask } = await start(t, { clusters: () => [one, { ...watched({ hosts: HOSTS }), topology: undefined }] })
  const [json, other] = JSON.parse((await ask('/clusters')).body)
  t.match(json, {
    panic: false,
    hosts: [
      { health: { state: 'healthy', reason: '', successes: 7 } },
      { health: { state: 'unhealthy', reason: evil, networkFailures: 3 } },
      { health: { state: 'unknown' } },
    ],
  })
  t.equal(other.hosts[0].health, null)
  const lines = (await ask('/clusters?format=text')).body.split('\n')
  t.equal(lines[0], 'checked')
  t.match(lines[1], /HOST +USABLE +HEALTH .* LAST CHECK/)
  t.match(lines[2], /^ {2}a:1 +yes +healthy /)
  t.match(lines[3], /^ {2}b:1 +no +unhealthy .* connecting failed \\u\{1b\}\[2J$/)
  t.match(lines[4], /^ {2}c:1 +no +unknown /)
  const page = JSON.parse((await ask('/operations')).body).checked
  t.equal(page.length, 1, 'clusters that are checked, no others')
  t.match(page[0], {
    name: 'checked',
    isPanic: false,
    hosts: [{}, { health: { state: 'unhealthy', reason: evil } }, {}],
  })
})

t.test('a cluster without a usable host says that all are used', async (t) => {
  const all = [checked('a:1', { state: 'unhealthy' })]
  const panicking = { ...watched(), hosts: { version: 1, all, usable: [] }, topology: undefined }
  const empty = { ...watched(), name: 'empty', hosts: { version: 1, all: [], usable: [] }, topology: undefined }
  const { ask } = await start(t, { clusters: () => [panicking, empty] })
  const { body } = await ask('/clusters?format=text')
  t.match(body, /^db: PANIC, no host is usable, so all are used\n/)
  t.match(body, /^empty$/m)
  t.match(JSON.parse((await ask('/clusters')).body), [{ panic: true }, { panic: false }])
  t.match(JSON.parse((await ask('/operations')).body).checked, [{ name: 'db', isPanic: true }])
})

t.test('names, reasons and tags can do nothing to the terminal', async (t) => {
  const evil = '\u001b[2J\u202e'
  const members = [
    member(`${evil}${'x'.repeat(200)}`, { reason: `it calls itself ${evil}`, tags: new Map([[evil, evil]]) }),
  ]
  const at = { cluster: 'db', member: members[0]?.name ?? '' }
  const { ask } = await start(t, {
    clusters: () => [watched({ snapshot: { setName: evil, primary: evil, members } })],
    memberListeners: () => [
      { ...at, listener: 'front', address: evil, reason: '' },
      { ...at, listener: 'back', address: '', reason: evil },
    ],
  })
  const { body } = await ask('/clusters?format=text')
  t.notMatch(body.replaceAll('\n', ''), /\p{C}/u)
  t.match(body, /\\u\{1b\}\[2J\\u\{202e\}x+\.\.\./)
})
