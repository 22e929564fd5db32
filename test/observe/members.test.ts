import t from 'tap'
import { ConnectionInfo } from '../../src/core/connection.js'
import { Exchange, type Operation } from '../../src/core/exchange.js'
import { silentLogger } from '../../src/core/logger.js'
import { ABORTED, OK, OUTCOME_KINDS, type Outcome, UNACKNOWLEDGED } from '../../src/core/outcome.js'
import { ClusterStats, HostStats } from '../../src/core/stats.js'
import { type TopologyMember, type TopologySnapshot, TopologyStats } from '../../src/core/topology.js'
import type { Host, HostState } from '../../src/core/upstream.js'
import { observeSchema } from '../../src/observe/config.js'
import { createObservation, type Observation } from '../../src/observe/observation.js'
import type { ObservationSources } from '../../src/observe/sources.js'
import { FakeClock } from '../support/fake-clock.js'
import { parseStrictly } from './strict-parser.js'

const DURATION = 'oplens_upstream_operation_duration_seconds'
const NONE: ObservationSources = { listeners: [], clusters: [], memberListeners: [] }
const FIND: Operation = { protocol: 'mongodb', command: 'find', kind: 'read', database: 'shop', collection: 'orders' }

function setUp(sources = NONE): { o: Observation; clock: FakeClock } {
  const clock = new FakeClock()
  const config = observeSchema.parse({ metrics: { process_metrics: false } })
  return { clock, o: createObservation({ config, clock, logger: silentLogger, sources, version: '0' }) }
}

function host(name: string, role: HostState['role'] = ''): Host {
  const address = { kind: 'tcp', host: name, port: 1 } as const
  return { name, address, hostname: '', weight: 1, stats: new HostStats(), state: { role } }
}

interface Run {
  readonly ms?: number
  readonly outcome?: Outcome
  readonly isAwaited?: boolean
  readonly cluster?: string
}

function run(o: Observation, at: Host | undefined, times = 1, how: Run = {}): void {
  const connection = new ConnectionInfo(1, 'front', how.cluster ?? 'shop', 'peer', 0)
  connection.host = at
  for (let i = 0; i < times; i++) {
    const exchange = new Exchange(connection, FIND, 0)
    exchange.isAwaited = how.isAwaited ?? false
    o.hub.exchangeStarted(exchange)
    Object.assign(exchange, { endedAtMs: how.ms ?? 3, outcome: how.outcome ?? OK })
    o.hub.exchangeEnded(exchange)
  }
}

async function samplesOf(o: Observation, prefix: string): Promise<Record<string, number>> {
  let text = ''
  for await (const chunk of o.metrics.render(undefined).body) text += chunk
  const { samples } = parseStrictly('text', text)
  return Object.fromEntries([...samples].filter(([key]) => key.startsWith(prefix)))
}

const keyOf = (host: string, role: string, cluster = 'shop') =>
  `${DURATION}_count{cluster="${cluster}",host="${host}",role="${role}"}`

t.test('an operation is timed for the member that answered, in the role that it had then', async (t) => {
  const { o } = setUp()
  const one = host('a:1', 'primary')
  const two = host('b:1', 'secondary')
  const plain = host('c:1')
  for (let i = 0; i < 3; i++) for (const at of [one, two, plain]) run(o, at)
  one.state.role = 'secondary'
  two.state.role = 'primary'
  for (const at of [one, one, two]) run(o, at)
  one.state.role = 'primary'
  run(o, one)
  run(o, host('a:1', 'primary'), 1, { cluster: 'other' })
  run(o, host('a:1', 'primary'))
  run(o, undefined)
  t.same(await samplesOf(o, `${DURATION}_count`), {
    [keyOf('a:1', 'primary')]: 5,
    [keyOf('b:1', 'secondary')]: 3,
    [keyOf('c:1', '')]: 3,
    [keyOf('a:1', 'secondary')]: 2,
    [keyOf('b:1', 'primary')]: 1,
    [keyOf('a:1', 'primary', 'other')]: 1,
  })
  o.close()
})

t.test('only what a member answered counts: nothing awaited, unacknowledged, refused or aborted', async (t) => {
  const { o } = setUp()
  const at = host('a:1', 'primary')
  for (const kind of OUTCOME_KINDS) run(o, at, 1, { outcome: { kind, code: 0, codeName: '', by: '' } })
  run(o, at, 1, { isAwaited: true })
  const answered = ['ok', 'command_error', 'write_error', 'write_concern_error', 'unknown']
  t.same(await samplesOf(o, `${DURATION}_count`), { [keyOf('a:1', 'primary')]: answered.length })
  o.close()
})

t.test('hosts that come and go without end fold into __other__, and keep their cluster and role', async (t) => {
  const { o, clock } = setUp()
  for (let i = 0; i < 3_100; i++) run(o, host(`pod-${i}:1`, i % 2 === 0 ? 'primary' : 'secondary'))
  const known = host('pod-0:1', 'primary')
  run(o, known, 4)
  const counts = await samplesOf(o, `${DURATION}_count`)
  t.equal(Object.keys(counts).length, 1_002)
  t.equal(counts[keyOf('__other__', 'primary')], 1_050)
  t.equal(counts[keyOf('__other__', 'secondary')], 1_050)
  t.equal(counts[keyOf('pod-0:1', 'primary')], 5, 'those that were first stay')
  t.same(await samplesOf(o, 'oplens_metrics_overflow_total'), { 'oplens_metrics_overflow_total{label="host"}': 2_100 })
  clock.advance(1_000)
  t.match(o.members.report('shop', 'pod-0:1'), { p50Ms: 3.75 })
  t.equal(o.members.report('shop', 'pod-3000:1'), undefined, 'nothing can be said of one that folded')
  o.close()
})

t.test('the rate of a member is of the last five seconds, over all roles that it had', (t) => {
  const { o, clock } = setUp()
  const at = host('a:1', 'secondary')
  for (let second = 0; second < 20; second++) {
    run(o, at, 40)
    if (second === 17) at.state.role = 'primary'
    clock.advance(1_000)
  }
  t.equal(o.members.report('shop', 'a:1')?.rate, 40)
  t.match(o.members.report('shop', 'b:1'), { rate: 0, p50Ms: null, p99Ms: null, isRecent: false })
  clock.advance(6_000)
  t.equal(o.members.report('shop', 'a:1')?.rate, 0)
  run(o, host('new:1'))
  t.equal(o.members.report('shop', 'new:1')?.rate, 1 / 5, 'one that came since the last tick')
  o.close()
  t.end()
})

t.test('percentiles of a member are of the last minute, and of all time when nothing ended in it', (t) => {
  const { o, clock } = setUp()
  const at = host('a:1', 'primary')
  run(o, at, 1_000, { ms: 700 })
  run(o, at, 1_000, { ms: 50_000, outcome: ABORTED.server })
  run(o, at, 10, { outcome: UNACKNOWLEDGED })
  t.match(o.members.report('shop', 'a:1'), { isRecent: true, p50Ms: 750, p99Ms: 995 })
  clock.advance(61_000)
  t.match(o.members.report('shop', 'a:1'), { isRecent: false, p50Ms: 750, p99Ms: 995 })
  at.state.role = 'secondary'
  run(o, at, 10, { ms: 0.7 })
  clock.advance(1_000)
  t.match(o.members.report('shop', 'a:1'), { isRecent: true, p50Ms: 0.75 }, 'the old ones do not weigh on the new')
  o.close()
  t.end()
})

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

t.test('what the probes know of each member is read at each scrape, without what is not known', async (t) => {
  const stats = Object.assign(new TopologyStats(), { elections: 2, identityMismatches: 1 })
  const gone = {
    role: 'unknown',
    isUp: false,
    reason: 'connecting failed',
    rttMs: undefined,
    lagMs: undefined,
  } as const
  let members = [member('p:1', { role: 'primary', lagMs: undefined }), member('a"\\:1'), member('gone:1', gone)]
  // As the monitor has it: getters of a class.
  class View {
    get snapshot(): TopologySnapshot {
      return { version: 1, kind: 'replica_set', setName: 'rs0', primary: 'p:1', members }
    }
    get stats(): TopologyStats {
      return stats
    }
  }
  const breaker = { isConnectionsOpen: true, isPendingOpen: false, isRequestsOpen: false, isRetriesOpen: true }
  const shop = { name: 'shop', stats: new ClusterStats(), hosts: [], breaker, topology: new View() }
  const { o } = setUp({ ...NONE, clusters: [shop, { ...shop, name: 'plain', topology: undefined }] })
  const known = await Promise.all(
    ['role', 'up', 'lag', 'rtt'].map((what) => samplesOf(o, `oplens_upstream_member_${what}`)),
  )
  t.same(Object.assign({}, ...known), {
    'oplens_upstream_member_role{cluster="shop",host="p:1",role="primary"}': 1,
    'oplens_upstream_member_role{cluster="shop",host="a\\"\\\\:1",role="secondary"}': 1,
    'oplens_upstream_member_role{cluster="shop",host="gone:1",role="unknown"}': 1,
    'oplens_upstream_member_up{cluster="shop",host="p:1"}': 1,
    'oplens_upstream_member_up{cluster="shop",host="a\\"\\\\:1"}': 1,
    'oplens_upstream_member_up{cluster="shop",host="gone:1"}': 0,
    'oplens_upstream_member_lag_seconds{cluster="shop",host="a\\"\\\\:1"}': 1.5,
    'oplens_upstream_member_rtt_seconds{cluster="shop",host="p:1"}': 0.0005,
    'oplens_upstream_member_rtt_seconds{cluster="shop",host="a\\"\\\\:1"}': 0.0005,
  })
  t.same(await samplesOf(o, 'oplens_upstream_elections_total'), {
    'oplens_upstream_elections_total{cluster="shop"}': 2,
  })
  t.same(await samplesOf(o, 'oplens_member_identity_mismatch_total'), {
    'oplens_member_identity_mismatch_total{cluster="shop"}': 1,
  })
  t.same(await samplesOf(o, 'oplens_upstream_circuit_breaker_open'), {
    'oplens_upstream_circuit_breaker_open{breaker="connections",cluster="shop"}': 1,
    'oplens_upstream_circuit_breaker_open{breaker="pending_connects",cluster="shop"}': 0,
    'oplens_upstream_circuit_breaker_open{breaker="requests",cluster="shop"}': 0,
    'oplens_upstream_circuit_breaker_open{breaker="retries",cluster="shop"}': 1,
    'oplens_upstream_circuit_breaker_open{breaker="connections",cluster="plain"}': 1,
    'oplens_upstream_circuit_breaker_open{breaker="pending_connects",cluster="plain"}': 0,
    'oplens_upstream_circuit_breaker_open{breaker="requests",cluster="plain"}': 0,
    'oplens_upstream_circuit_breaker_open{breaker="retries",cluster="plain"}': 1,
  })
  members = [member('a:1', { role: 'primary' })]
  t.same(await samplesOf(o, 'oplens_upstream_member_role'), {
    'oplens_upstream_member_role{cluster="shop",host="a:1",role="primary"}': 1,
  })
  o.close()
})

t.test('rewritten hellos are counted by listener, form and result', async (t) => {
  const { o } = setUp()
  const connection = new ConnectionInfo(1, 'front/a:1', 'shop', 'peer', 0)
  for (let i = 0; i < 2; i++) o.hub.replyRewritten(connection, 'OP_MSG', 'rewritten')
  o.hub.replyRewritten(connection, 'OP_REPLY', 'identity_mismatch')
  t.same(await samplesOf(o, 'oplens_hello_rewrites_total'), {
    'oplens_hello_rewrites_total{form="OP_MSG",listener="front/a:1",result="rewritten"}': 2,
    'oplens_hello_rewrites_total{form="OP_REPLY",listener="front/a:1",result="identity_mismatch"}': 1,
  })
  o.close()
})
