import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { mongodbProbe } from '../../src/codecs/mongodb/probe.js'
import { isServiceName, parseDnsName } from '../../src/core/dns-name.js'
import { type Logger, silentLogger } from '../../src/core/logger.js'
import type { MemberReport, Probe } from '../../src/core/probe.js'
import type { HostSet } from '../../src/core/upstream.js'
import { startDemoSet } from '../../src/demo/mongod/set/set.js'
import { type ClusterManagerDeps, createClusterManager } from '../../src/upstream/cluster-manager.js'
import { clusterSchema } from '../../src/upstream/config.js'
import { chooseHosts } from '../../src/upstream/discovery/srv.js'
import {
  checkTargets,
  createSrvResolver,
  parseTxt,
  type SrvRecord,
  type SrvResolver,
} from '../../src/upstream/discovery/srv-records.js'
import { FakeClock } from '../support/fake-clock.js'
import { startStub } from '../support/stub-tcp.js'

const never = new AbortController().signal
const NAME = 'test1.build.example.net'

/** Scripted answers have come through by then. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

async function until(claim: () => boolean): Promise<void> {
  while (!claim()) await turn()
}

const record = (name: string, port = 27_017, ttlSeconds?: number): SrvRecord => ({
  name,
  port,
  ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
})
const at = (...ports: number[]) => ports.map((port) => record(`localhost.${NAME.slice(6)}`, port))
const hostsAt = (...ports: number[]) => ports.map((port) => `localhost.build.example.net:${port}`)

/** DNS by script: what is set is answered, an error is thrown, `undefined` is never answered. */
class ScriptedDns implements SrvResolver {
  records: readonly SrvRecord[] | Error | undefined
  texts: readonly (readonly string[])[] | Error | undefined = []
  readonly asked: string[] = []

  constructor(records?: readonly SrvRecord[] | Error) {
    this.records = records
  }

  srv(name: string, signal: AbortSignal): Promise<readonly SrvRecord[]> {
    return this.#answer(`SRV ${name}`, this.records, signal)
  }

  txt(name: string, signal: AbortSignal): Promise<readonly (readonly string[])[]> {
    return this.#answer(`TXT ${name}`, this.texts, signal)
  }

  get srvAsked(): number {
    return this.asked.filter((question) => question.startsWith('SRV')).length
  }

  #answer<T>(question: string, answer: T | Error | undefined, signal: AbortSignal): Promise<T> {
    this.asked.push(question)
    if (answer instanceof Error) return Promise.reject(answer)
    if (answer !== undefined) return Promise.resolve(answer)
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('ECANCELLED'))))
  }
}

interface Started {
  readonly dns: ScriptedDns
  readonly clock: FakeClock
  readonly srv?: Record<string, unknown>
  readonly config?: Record<string, unknown>
  readonly deps?: Partial<ClusterManagerDeps>
}

function start(t: Test, { dns, clock, srv, config, deps }: Started) {
  const lines: string[] = []
  const log = (fields: object, message: string) => {
    const { reason, refused, auth_source } = fields as Record<string, unknown>
    lines.push(String(reason ?? (refused === undefined ? `${message} ${String(auth_source)}` : refused)))
  }
  const logger: Logger = { ...silentLogger, warn: log, info: log }
  const parsed = clusterSchema.parse({ name: 'shop', srv: { name: NAME, ...srv }, ...config })
  const manager = createClusterManager([parsed], { clock, random: () => 0.5, logger, srvResolver: dns, ...deps })
  t.teardown(() => manager.close())
  const cluster = manager.get('shop')
  if (cluster === undefined) throw new Error('no cluster')
  return { cluster, lines, names: () => cluster.hosts.all.map((host) => host.name).sort() }
}

/** Nothing happens before `ms`, and one question then. */
async function asksAfter(t: Test, clock: FakeClock, dns: ScriptedDns, ms: number): Promise<void> {
  const before = dns.srvAsked
  clock.advance(ms - 1)
  t.equal(dns.srvAsked, before, `not asked within ${ms} ms`)
  clock.advance(1)
  t.equal(dns.srvAsked, before + 1, `asked after ${ms} ms`)
  await turn()
}

t.test('a name is a DNS name or nothing, a service is what RFC 6335 calls one', (t) => {
  const names: readonly [text: string, name: string | undefined][] = [
    ['Cluster0.Example.NET', 'cluster0.example.net'],
    ['cluster_1.tests.example.co.uk.', 'cluster_1.tests.example.co.uk'],
    ['localhost', 'localhost'],
    [`${'a'.repeat(63)}.b`, `${'a'.repeat(63)}.b`],
    [`${'a'.repeat(64)}.b`, undefined],
    [Array(128).fill('a').join('.'), undefined],
    ['', undefined],
    ['.', undefined],
    ['a..b', undefined],
    ['a.-b', undefined],
    ['a-.b', undefined],
    ['10.0.0.1', undefined],
    ['[::1]', undefined],
    ['a b', undefined],
    ['a:1', undefined],
    ['mongodb+srv://a.b', undefined],
  ]
  for (const [text, name] of names) t.equal(parseDnsName(text), name, text)
  for (const good of ['mongodb', 'a', 'x-1', 'A1', 'a'.repeat(62)]) t.ok(isServiceName(good), good)
  for (const bad of ['', '1', '-a', 'a-', 'a--b', 'a_b', 'a'.repeat(63), '_mongodb']) t.notOk(isServiceName(bad), bad)
  t.end()
})

t.test('hosts are taken only from below the domain that the name belongs to', (t) => {
  const table: readonly [name: string, target: string, isTaken: boolean][] = [
    // The prose tests 2 to 4 of the specification.
    ['localhost', 'localhost.mongodb', false],
    ['mongo.local', 'test_1.evil.local', false],
    ['blogs.mongodb.com', 'blogs.evil.com', false],
    ['localhost', 'localhost', false],
    ['mongo.local', 'mongo.local', false],
    ['localhost', 'test_1.cluster_1localhost', false],
    ['mongo.local', 'test_1.my_hostmongo.local', false],
    ['blogs.mongodb.com', 'cluster.testmongodb.com', false],
    // Its records test12 to test19.
    ['test12.test.build.example.cc', 'localhost.build.example.cc', false],
    ['test13.test.build.example.cc', 'test.build.example.cc', false],
    ['test14.test.build.example.cc', 'localhost.not-test.build.example.cc', false],
    ['test15.test.build.example.cc', 'localhost.test.not-build.example.cc', false],
    ['test17.test.build.example.cc', 'localhost.test.build.example.not-cc', false],
    ['test18.test.build.example.cc', 'localhost.sub.test.build.example.cc', true],
    ['test1.test.build.example.cc', 'LOCALHOST.test.build.example.cc.', true],
    ['blogs.mongodb.com', 'blogs.mongodb.com', true],
    ['localhost', 'a.localhost', true],
    ['mongo.local', 'a.mongo.local', true],
    // RFC 2782: there is no such service here.
    ['blogs.mongodb.com', '', false],
    ['blogs.mongodb.com', '10.0.0.1', false],
    ['blogs.mongodb.com', `${'a'.repeat(64)}.mongodb.com`, false],
    ['blogs.mongodb.com', 'a@evil.mongodb.com', false],
  ]
  for (const [name, target, isTaken] of table) {
    const { hosts, refused } = checkTargets(name, [record(target)])
    const host = target.toLowerCase().replace(/\.$/, '')
    t.strictSame(hosts, isTaken ? [`${host}:27017`] : [], `${name} -> ${target}`)
    t.equal(refused.length, isTaken ? 0 : 1)
  }
  const { hosts, refused } = checkTargets(NAME, [...at(2, 1, 2), record('a.build.example.net', 0), record('a\nb')])
  t.strictSame(hosts, hostsAt(1, 2), 'sorted, and each once')
  t.strictSame(refused, ['"a.build.example.net" port 0', 'with a malformed name port 27017'])
  t.end()
})

t.test('a TXT record may hold three options, in any cut', (t) => {
  const none = { authSource: '', replicaSet: '', isLoadBalanced: false }
  const good: readonly [records: readonly (readonly string[])[], options: object][] = [
    [[], none],
    [[['']], none],
    [[['replicaSet=repl0&authSource=thisDB']], { ...none, replicaSet: 'repl0', authSource: 'thisDB' }],
    [[['replicaS', 'et=rep', 'l0']], { ...none, replicaSet: 'repl0' }],
    [[['loadBalanced=true']], { ...none, isLoadBalanced: true }],
    [[['loadbalanced=false&authsource=%24external']], { ...none, authSource: '$external' }],
  ]
  for (const [records, options] of good) t.strictSame(parseTxt(records), { kind: 'options', options }, `${records}`)
  const bad: readonly [records: readonly (readonly string[])[], reason: RegExp][] = [
    [[['replicaSet=repl0'], ['authSource=otherDB']], /2 TXT records/],
    [[['ssl=false']], /"ssl": allowed are authSource, replicaSet, loadBalanced/],
    [[['socketTimeoutMS=500']], /"socketTimeoutMS"/],
    [[['authSource']], /of the form name=value/],
    [[['authSource=']], /of the form name=value/],
    [[['=x']], /of the form name=value/],
    [[['replicaSet=%']], /of the form name=value/],
    [[['replicaSet=a b']], /of the form name=value/],
    [[['a\u001b[31m=b']], /option with a malformed name/],
    [[['loadBalanced=yes']], /neither true nor false/],
  ]
  for (const [records, reason] of bad) t.match(parseTxt(records), { kind: 'refused', reason }, `${records}`)
  t.end()
})

t.test('of too many hosts, those that were chosen stay and any are added', (t) => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 0, max: 30 }).map(String)),
      fc.uniqueArray(fc.integer({ min: 0, max: 30 }).map(String)),
      fc.integer({ min: 0, max: 12 }),
      fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      (found, before, max, draws) => {
        const earlier = before.slice(0, max)
        const chosen = chooseHosts(found, earlier, max, () => draws.next().value ?? 0)
        const count = max === 0 ? found.length : Math.min(max, found.length)
        const stayed = earlier.filter((host) => found.includes(host))
        return (
          new Set(chosen).size === count &&
          chosen.every((host) => found.includes(host)) &&
          stayed.every((host) => chosen.includes(host))
        )
      },
    ),
  )
  const all = ['a', 'b', 'c', 'd']
  t.strictSame(
    chooseHosts(all, [], 2, () => 0),
    ['a', 'b'],
  )
  t.strictSame(
    chooseHosts(all, [], 2, () => 0.999),
    ['c', 'd'],
  )
  t.strictSame(
    chooseHosts(all, ['d'], 2, () => 0.5),
    ['b', 'd'],
  )
  t.end()
})

t.test('the schema takes a name, its service and a number of hosts, and TLS may be said to be off', (t) => {
  const parsed = clusterSchema.parse({ name: 'a', srv: { name: 'C0.Example.net.' }, tls: false })
  t.match(parsed, { srv: { name: 'c0.example.net', service: 'mongodb', max_hosts: 0 } })
  t.equal(parsed.tls, undefined)
  const srv = { name: 'c0.example.net' }
  const refused: [string, unknown, string][] = [
    ['a URI for a name', { srv: { name: 'mongodb+srv://u:hunter2@a.b' } }, 'host name alone'],
    ['a port', { srv: { name: 'a.b:1' } }, 'host name alone'],
    ['an underscore before the service', { srv: { ...srv, service: '_mongodb' } }, 'name of a service'],
    ['a negative number', { srv: { ...srv, max_hosts: -1 } }, 'max_hosts'],
    ['a limit in a set', { srv: { ...srv, max_hosts: 1 }, replica_set: 'rs0' }, 'expected 0 beside replica_set'],
    ['two sources', { srv, hosts: ['a:1'] }, 'exactly one of hosts, dns, srv, file and uri'],
    ['TLS that is just on', { srv, tls: true }, 'expected false or a mapping'],
  ]
  for (const [name, config, words] of refused) {
    const result = clusterSchema.safeParse({ name: 'a', ...(config as object) })
    t.match(JSON.stringify(result.error?.issues), words, name)
    t.notMatch(JSON.stringify(result.error?.issues), 'hunter2', 'what may be a password is not quoted')
  }
  t.end()
})

t.test(
  'until there is an answer DNS is asked again, ever more seldom, and each failure is told and counted',
  async (t) => {
    const clock = new FakeClock()
    const dns = new ScriptedDns(new Error('querySrv ENOTFOUND _mongodb._tcp.test1.build.example.net'))
    const { cluster, lines, names } = start(t, { dns, clock })
    await turn()
    t.strictSame(dns.asked, [`SRV _mongodb._tcp.${NAME}`, `TXT ${NAME}`])
    await t.rejects(cluster.connect({ signal: never }), /no usable host/, 'at once: the question failed')

    const wrong: readonly [SrvRecord[] | Error, readonly (readonly string[])[] | Error, string][] = [
      [[], [], `_mongodb._tcp.${NAME} names no hosts`],
      [
        [...at(1), record('a.evil.net')],
        [],
        `_mongodb._tcp.${NAME} names what is no host below build.example.net: "a.evil.net" port 27017`,
      ],
      [at(1), new Error('queryTxt ESERVFAIL'), 'queryTxt ESERVFAIL'],
      [
        at(1),
        [['ssl=false']],
        `${NAME}: its TXT record has option "ssl": allowed are authSource, replicaSet, loadBalanced`,
      ],
      [at(1), [['replicaSet=a'], ['authSource=b']], `${NAME}: it has 2 TXT records, where one is allowed`],
      [
        at(1, 2),
        [['loadBalanced=true']],
        `${NAME}: its TXT record has loadBalanced=true, which goes with one host, not 2`,
      ],
      [
        at(1),
        [['loadBalanced=true&replicaSet=rs0']],
        `${NAME}: its TXT record has loadBalanced=true, and there is the name of a replica set`,
      ],
    ]
    for (const [index, [records, texts]] of wrong.entries()) {
      dns.records = records
      dns.texts = texts
      await asksAfter(t, clock, dns, Math.min(60_000, 1_000 * 2 ** index))
    }
    t.strictSame(
      lines.slice(1),
      wrong.map(([, , reason]) => reason),
    )
    t.equal(cluster.stats.discoveryFailures, wrong.length + 1)
    t.strictSame(names(), [])

    dns.texts = []
    await asksAfter(t, clock, dns, 60_000)
    t.strictSame(names(), hostsAt(1))
  },
)

t.test('an answer that does not come in time is a failure, and a closed cluster asks no more', async (t) => {
  const clock = new FakeClock()
  const dns = new ScriptedDns()
  const { cluster, lines } = start(t, { dns, clock })
  clock.advance(9_999)
  t.strictSame(lines, [])
  clock.advance(1)
  await until(() => lines.length === 1)
  t.strictSame(lines, [`DNS did not answer for ${NAME} in time`])
  await turn()
  clock.advance(1_000)
  t.equal(dns.srvAsked, 2)
  cluster.close()
  await turn()
  t.strictSame([clock.waiting, lines.length], [0, 1], 'the question is taken back without a word')

  const between = start(t, { dns: new ScriptedDns(at(1)), clock })
  await turn()
  between.cluster.close()
  t.equal(clock.waiting, 0)
})

t.test(
  'hosts that nobody watches are asked for again as their time to live says, and changed by difference',
  async (t) => {
    const clock = new FakeClock()
    const dns = new ScriptedDns(at(27_017, 27_018))
    const { cluster, names, lines } = start(t, { dns, clock, deps: { random: () => 0 } })
    await turn()
    t.strictSame(names(), hostsAt(27_017, 27_018))
    t.match(cluster.hosts.all[0]?.address, { kind: 'tcp', host: 'localhost.build.example.net', port: 27_017 })
    const seen: HostSet[] = []
    cluster.onHostsChanged((hosts) => seen.push(hosts))
    const kept = cluster.hosts.all[0]

    // The prose tests 1 to 5 of the polling specification.
    for (const ports of [[27_017, 27_018, 27_019], [27_017, 27_019], [27_017, 27_020], [27_019], [27_019, 27_020]]) {
      dns.records = at(...ports)
      await asksAfter(t, clock, dns, 60_000)
      t.strictSame(names(), hostsAt(...ports))
      if (ports.includes(27_017))
        t.equal(
          cluster.hosts.all.find(({ name }) => name === kept?.name),
          kept,
          'the same object',
        )
    }
    t.equal(seen.length, 5)
    dns.records = at(27_020, 27_019)
    await asksAfter(t, clock, dns, 60_000)
    t.equal(seen.length, 5, 'another order is no change')
    t.equal(dns.asked.filter((question) => question.startsWith('TXT')).length, 1, 'options are asked for once')

    // And 6 to 8: the known ones stay, and DNS is asked each heartbeat until it answers.
    lines.length = 0
    for (const [index, records] of [
      new Error('ETIMEOUT'),
      new Error('ENOTFOUND'),
      [],
      [record('a.evil.net')],
    ].entries()) {
      dns.records = records
      await asksAfter(t, clock, dns, index === 0 ? 60_000 : 9_000)
      t.strictSame(names(), hostsAt(27_019, 27_020))
    }
    const none = `_mongodb._tcp.${NAME} names no hosts`
    t.strictSame(lines, ['ETIMEOUT', 'ENOTFOUND', none, '"a.evil.net" port 27017', none])
    dns.records = [...at(27_021), record('a.evil.net')]
    await asksAfter(t, clock, dns, 9_000)
    t.strictSame(names(), hostsAt(27_021), 'what is right of a mixed answer counts')

    dns.records = [record('a.build.example.net', 1, 600), record('b.build.example.net', 1, 300)]
    await asksAfter(t, clock, dns, 60_000)
    dns.records = [record('a.build.example.net', 1, 5)]
    await asksAfter(t, clock, dns, 300_000)
    await asksAfter(t, clock, dns, 60_000)
  },
)

t.test('waits are spread: retries by a tenth either way, questions for news only later', async (t) => {
  for (const [random, retryMs, pollMs] of [
    [0, 900, 60_000],
    [0.999_999, 1_100, 66_000],
  ] as const) {
    const clock = new FakeClock()
    const dns = new ScriptedDns(new Error('no'))
    start(t, { dns, clock, deps: { random: () => random } })
    await turn()
    clock.advance(retryMs - 1)
    t.equal(dns.srvAsked, 1)
    dns.records = at(1)
    clock.advance(1)
    t.equal(dns.srvAsked, 2)
    await turn()
    clock.advance(pollMs - 1)
    t.equal(dns.srvAsked, 2)
    clock.advance(1)
    t.equal(dns.srvAsked, 3)
  }
})

t.test('max_hosts limits how many are used, at first and later', async (t) => {
  const clock = new FakeClock()
  const dns = new ScriptedDns(at(27_017, 27_018))
  const { names, cluster } = start(t, { dns, clock, srv: { max_hosts: 2 }, deps: { random: () => 0 } })
  await turn()
  t.strictSame(names(), hostsAt(27_017, 27_018))
  // The prose tests 11 and 12.
  dns.records = at(27_019, 27_020)
  await asksAfter(t, clock, dns, 60_000)
  t.strictSame(names(), hostsAt(27_019, 27_020))
  dns.records = at(27_017, 27_018, 27_020)
  await asksAfter(t, clock, dns, 60_000)
  t.strictSame(names(), hostsAt(27_017, 27_020))
  t.equal(cluster.hosts.version, 3)

  const set = new ScriptedDns(at(1))
  set.texts = [['replicaSet=rs0']]
  const { lines } = start(t, { dns: set, clock, srv: { max_hosts: 2 } })
  await until(() => lines.length === 1)
  t.match(lines, [/max_hosts is for routers, and its TXT record names a replica set/])
})

t.test('behind a load balancer there is one host, and DNS is not asked again', async (t) => {
  const clock = new FakeClock()
  const dns = new ScriptedDns(at(27_017))
  dns.texts = [['loadBalanced=true&authSource=admin']]
  const { names, lines } = start(t, { dns, clock })
  await until(() => names().length === 1)
  t.strictSame(lines, ['Hosts of the cluster were found in DNS admin'])
  t.equal(clock.waiting, 0)
})

t.test('a replica set is found by one seed of it, and followed by its own word', async (t) => {
  const members = ['a', 'b', 'c'].map((name) => `${name}.build.example.net:27017`)
  const set = await startDemoSet({ members: members.map((name) => ({ name })) })
  t.teardown(() => set.close())
  const dials = new Map(members.map((name) => [name, { kind: 'tcp', ...set.member(name).address } as const]))
  const clock = new FakeClock()
  const dns = new ScriptedDns(new Error('ESERVFAIL'))
  dns.texts = [['replicaSet=rs0&authSource=admin']]
  const deps = { clock, srvResolver: dns, watchOf: () => ({ probe: mongodbProbe, dials }) }
  const { cluster, names } = start(t, { dns, clock, deps })
  await turn()
  t.match(cluster.topology?.snapshot, { kind: 'unknown', members: [] })
  t.equal(cluster.stats.discoveryFailures, 1)

  dns.records = [record('B.build.example.net.')]
  clock.advance(1_000)
  await until(() => (cluster.topology?.snapshot.primary ?? '') !== '')
  await until(() => cluster.hosts.usable.length === 3)
  t.strictSame(names(), members)
  t.match(cluster.topology?.snapshot, { kind: 'replica_set', setName: 'rs0', primary: members[0] })

  dns.records = [record('x.build.example.net')]
  const { srvAsked } = dns
  for (let minute = 0; minute < 5; minute++) clock.advance(60_000)
  t.equal(dns.srvAsked, srvAsked, 'a set is not asked for in DNS again')
})

t.test('the name of the set is the one of the config before the one in DNS', async (t) => {
  const set = await startDemoSet({ members: [{ name: 'a.build.example.net:27017' }] })
  t.teardown(() => set.close())
  const { port } = set.member('a.build.example.net:27017').address
  const dials = new Map([['a.build.example.net:27017', { kind: 'tcp', host: '127.0.0.1', port } as const]])
  for (const [config, text, reason] of [
    [{}, 'replicaSet=other', 'it is in replica set "rs0"'],
    [{ replica_set: 'rs0' }, 'replicaSet=other', ''],
    [{}, 'authSource=admin', ''],
  ] as const) {
    const dns = new ScriptedDns([record('a.build.example.net')])
    dns.texts = [[text]]
    const deps = { watchOf: () => ({ probe: mongodbProbe, dials }) }
    const { cluster } = start(t, { dns, clock: new FakeClock(), config, deps })
    await until(() => cluster.topology?.snapshot.members[0]?.lastReportAtMs !== undefined)
    t.match(cluster.topology?.snapshot.members[0], { reason, isUp: reason === '' }, text)
  }
  const dns = new ScriptedDns(at(1))
  dns.texts = [['loadBalanced=true']]
  const { lines } = start(t, { dns, clock: new FakeClock(), deps: { watchOf: () => ({ probe: mongodbProbe, dials }) } })
  await until(() => lines.length === 1)
  t.match(lines, [/loadBalanced=true, which goes with mode transparent only/])
})

const ROUTER: MemberReport = {
  role: 'router',
  name: '',
  setName: '',
  peers: [],
  arbiters: [],
  primaryName: '',
  isHidden: false,
  tags: new Map(),
  lastWriteWallMs: 0,
  epoch: undefined,
  version: undefined,
}
/** Whoever answers is a router. */
const routerProbe: Probe = {
  open: () => ({ request: () => Buffer.from('?'), push: () => [ROUTER], isStreaming: false }),
  normalize: (name) => name,
  compareEpochs: () => 0,
  isOutdated: () => false,
}

const startRouter = async (t: Test) => {
  const stub = await startStub((socket) =>
    socket.on('data', () => socket.write('router')).on('end', () => socket.end()),
  )
  t.teardown(() => stub.close())
  return stub
}

t.test('a connection that comes before the first answer waits for it, and goes to a host of it', async (t) => {
  const stub = await startRouter(t)
  const dns = new ScriptedDns()
  let answer: (records: SrvRecord[]) => void = () => undefined
  dns.srv = () =>
    new Promise((resolve) => {
      answer = resolve
    })
  const dials = new Map([['a.localhost:7', { kind: 'tcp', host: '127.0.0.1', port: stub.port } as const]])
  const deps = { watchOf: () => ({ probe: routerProbe, dials }) }
  const { cluster } = start(t, { dns, clock: new FakeClock(), srv: { name: 'localhost' }, deps })
  const connecting = cluster.connect({ signal: never, target: { kind: 'primary' } })
  await turn()
  t.equal(stub.sockets.length, 0, 'nobody is dialled before DNS has answered')
  answer([record('A.localhost', 7)])
  const { socket, lease } = await connecting
  t.equal(lease.host.name, 'a.localhost:7')
  t.equal(lease.host.hostname, 'a.localhost', 'what its certificate must carry')
  socket.destroy()
})

t.test('routers are asked for in DNS again, as are hosts of which none has answered yet', async (t) => {
  const stub = await startRouter(t)
  const address = { kind: 'tcp', host: '127.0.0.1', port: stub.port } as const
  const dials = new Map([27_018, 27_019, 27_020].map((port) => [hostsAt(port).join(), address] as const))
  const clock = new FakeClock()
  // Nobody is behind it.
  const dns = new ScriptedDns([record('gone.build.example.net', 1)])
  const { cluster } = start(t, {
    dns,
    clock,
    deps: { random: () => 0, watchOf: () => ({ probe: routerProbe, dials }) },
  })
  const show = () => cluster.topology?.snapshot.members.map(({ name, role }) => `${name} ${role}`)
  await until(() => show()?.length === 1)
  const become = async (ports: number[]) => {
    dns.records = at(...ports)
    const asked = dns.srvAsked
    for (let second = 0; second < 61 && dns.srvAsked === asked; second++) {
      clock.advance(1_000)
      await turn()
    }
    await until(() => String(show()) === String(hostsAt(...ports).map((host) => `${host} router`)))
    t.equal(cluster.topology?.snapshot.kind, 'routers')
  }
  await become([27_018])
  await become([27_018, 27_019])
  await become([27_019])
  const kept = cluster.hosts.all[0]
  await become([27_019, 27_020])
  t.equal(cluster.hosts.all[0], kept, 'who stays is left alone')
  t.strictSame(
    cluster.hosts.all.map(({ name }) => name),
    hostsAt(27_019, 27_020),
  )
})

/** A DNS server that knows two names, on loopback. */
async function startDns(t: Test) {
  const server = createSocket('udp4')
  const label = (name: string) =>
    Buffer.concat([...name.split('.').map((one) => Buffer.from([one.length, ...Buffer.from(one)])), Buffer.from([0])])
  const answer = (type: number, data: Buffer) => {
    const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, 0])
    head.writeUInt16BE(data.length, 10)
    return Buffer.concat([head, data])
  }
  server.on('message', (question, peer) => {
    const end = question.indexOf(0, 12) + 5
    const type = question.readUInt16BE(end - 4)
    const name = question.subarray(13, end - 5).toString('latin1')
    const isKnown = name.includes('known')
    const answers = isKnown
      ? type === 33
        ? [answer(33, Buffer.concat([Buffer.from([0, 1, 0, 1, 0x69, 0x89]), label('a.example.net')]))]
        : [answer(16, Buffer.from('\u0005authS\u0008ource=db', 'latin1'))]
      : []
    if (name.includes('silent')) return
    const head = Buffer.from([
      ...question.subarray(0, 2),
      0x81,
      isKnown ? 0x80 : 0x83,
      0,
      1,
      0,
      answers.length,
      0,
      0,
      0,
      0,
    ])
    server.send(Buffer.concat([head, question.subarray(12, end), ...answers]), peer.port, peer.address)
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return createSrvResolver(() => {
    const resolver = new Resolver({ timeout: 60_000, tries: 1 })
    resolver.setServers([`127.0.0.1:${server.address().port}`])
    return resolver
  })
}

t.test('the system resolver asks for both records, and can be stopped', async (t) => {
  const dns = await startDns(t)
  t.match(await dns.srv('_mongodb._tcp.known.example.net', never), [{ name: 'a.example.net', port: 27_017 }])
  t.strictSame(parseTxt(await dns.txt('known.example.net', never)), {
    kind: 'options',
    options: { authSource: 'db', replicaSet: '', isLoadBalanced: false },
  })
  t.strictSame(await dns.txt('other.example.net', never), [], 'no record is no failure')
  await t.rejects(dns.srv('_mongodb._tcp.other.example.net', never), { code: 'ENOTFOUND' })
  const stop = new AbortController()
  const asking = dns.srv('silent.example.net', stop.signal)
  stop.abort()
  await t.rejects(asking, { code: 'ECANCELLED' })
})
