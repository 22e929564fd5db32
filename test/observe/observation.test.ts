import { readFileSync } from 'node:fs'
import t from 'tap'
import type { ConnectionInfo as Connection } from '../../src/core/connection.js'
import { DecodeError } from '../../src/core/errors.js'
import { Exchange, type Operation } from '../../src/core/exchange.js'
import { type HealthState, HostHealth } from '../../src/core/health.js'
import type { Logger } from '../../src/core/logger.js'
import { silentLogger } from '../../src/core/logger.js'
import { CLOSE_REASONS, type Observer } from '../../src/core/observer.js'
import { ABORTED, OK, type Outcome, UNACKNOWLEDGED, UNKNOWN } from '../../src/core/outcome.js'
import { ClusterStats, HostStats, ListenerStats } from '../../src/core/stats.js'
import { type TopologyMember, TopologyStats } from '../../src/core/topology.js'
import type { Host } from '../../src/core/upstream.js'
import { observeSchema } from '../../src/observe/config.js'
import { formatFor } from '../../src/observe/exposition.js'
import { FAMILIES, type Family } from '../../src/observe/families.js'
import type { Observation } from '../../src/observe/observation.js'
import type { ObservationSources } from '../../src/observe/sources.js'
import { FakeClock } from '../support/fake-clock.js'
import { call, client, failedAs, OPENMETRICS, observation, request, sample, scrape, textOf } from './harness.js'
import { parseStrictly } from './strict-parser.js'

function hostOf(name: string, role: Host['state']['role'] = ''): Host {
  const address = { kind: 'tcp', host: name, port: 1 } as const
  return { name, address, hostname: '', weight: 1, stats: new HostStats(), state: { role } }
}

const clientOf = (host: Host, cluster?: string): Connection => Object.assign(client(cluster), { host })

const operation = (database: string, collection: string, command = 'find'): Operation =>
  Object.freeze({ protocol: 'mongodb', command, kind: 'read', database, collection })

interface Run {
  readonly ms?: number
  readonly outcome?: Outcome
  readonly awaited?: boolean
  readonly documents?: number
  readonly batchSize?: number
}

function run(o: Observation, of: Operation, how: Run = {}, connection = client()): void {
  const exchange = new Exchange(connection, of, 100)
  exchange.isAwaited = how.awaited ?? false
  o.hub.exchangeStarted(exchange)
  exchange.requestBytes = 120
  exchange.replyBytes = 480
  exchange.documents = how.documents ?? 0
  exchange.batchSize = how.batchSize ?? 0
  exchange.endedAtMs = 100 + (how.ms ?? 3)
  exchange.outcome = how.outcome ?? OK
  o.hub.exchangeEnded(exchange)
}

const failed = (kind: Outcome['kind'], code: number): Outcome => ({ kind, code, codeName: '', by: '' })
const DURATION = 'db_client_operation_duration_seconds'
const ERRORS = 'oplens_operation_errors_total'

t.test('each outcome is counted where docs/metrics.md says', async (t) => {
  const o = observation()
  const find = operation('shop', 'orders')
  run(o, find, { ms: 3, documents: 20 })
  run(o, find, { ms: 0.05 })
  run(o, find, { ms: 70_000 })
  run(o, find, { outcome: failed('command_error', 13) })
  run(o, find, { outcome: failed('command_error', 13) })
  run(o, find, { outcome: failed('write_error', 11000) })
  run(o, find, { outcome: failed('write_concern_error', 64), batchSize: 7 })
  run(o, find, { outcome: UNACKNOWLEDGED })
  run(o, find, { outcome: UNKNOWN })
  run(o, find, { outcome: ABORTED.server })
  run(o, find, { outcome: ABORTED.client })
  run(o, find, { awaited: true, ms: 9_000 })
  run(o, find, { awaited: true, outcome: ABORTED.client })
  run(o, find, { awaited: true, outcome: failed('command_error', 43) })
  const got = await scrape(o)
  const counts = (name: string) =>
    Object.fromEntries(
      ['ok', 'command_error', 'write_error', 'write_concern_error', 'unacknowledged', 'unknown', 'aborted']
        .map((outcome) => [outcome, sample(got, `${name}_count`, { outcome })] as const)
        .filter(([, count]) => count !== undefined),
    )
  t.same(counts(DURATION), { ok: 3, command_error: 2, write_error: 1, write_concern_error: 1, unknown: 1, aborted: 2 })
  t.same(counts('oplens_awaited_operation_duration_seconds'), { ok: 1, aborted: 1, command_error: 1 })
  t.equal(sample(got, 'oplens_unacknowledged_operations_total'), 1)
  const bucket = (le: string) => sample(got, `${DURATION}_bucket`, { outcome: 'ok', le })
  t.same(['0.00005', '0.0001', '0.0025', '0.005', '60.0', '+Inf'].map(bucket), [1, 1, 1, 2, 2, 3], 'a bound is inside')
  t.ok(Math.abs((sample(got, `${DURATION}_sum`, { outcome: 'ok' }) ?? 0) - 70.00305) < 1e-9)
  const errors = [...got.samples].filter(([key]) => key.startsWith(ERRORS)).length
  t.equal(errors, 6, 'unknown and unacknowledged are no errors, nor is an awaited operation that its client left')
  t.equal(sample(got, ERRORS, { outcome: 'command_error', db_response_status_code: '13', ended_by: '' }), 2)
  t.equal(sample(got, ERRORS, { outcome: 'command_error', db_response_status_code: '43' }), 1)
  t.equal(sample(got, ERRORS, { outcome: 'aborted', db_response_status_code: '', ended_by: 'server' }), 1)
  t.equal(sample(got, ERRORS, { outcome: 'aborted', ended_by: 'client' }), 1)
  t.equal(sample(got, 'oplens_operation_request_bytes_total'), 14 * 120)
  t.equal(sample(got, 'oplens_operation_reply_bytes_total'), 14 * 480)
  t.equal(sample(got, 'oplens_operation_documents_returned_total'), 20)
  t.equal(sample(got, 'oplens_operation_documents_sent_total'), 7)
})

t.test('the same operation on two clusters, and an equal operation made again, land in the right series', async (t) => {
  const o = observation()
  const find = operation('shop', 'orders')
  for (let i = 0; i < 3; i++) run(o, find, {}, client('one'))
  for (let i = 0; i < 2; i++) run(o, find, {}, client('two'))
  run(o, operation('shop', 'orders'), {}, client('one'))
  const got = await scrape(o)
  t.equal(sample(got, `${DURATION}_count`, { cluster: 'one' }), 4)
  t.equal(sample(got, `${DURATION}_count`, { cluster: 'two' }), 2)
})

t.test('what a cache that overflowed forgot is found again', async (t) => {
  const o = observation({ metrics: { max_collections: 5 } })
  const first = operation('shop', 'orders')
  run(o, first)
  for (let i = 0; i < 20_010; i++) run(o, operation('shop', 'carts'))
  run(o, first)
  const got = await scrape(o)
  t.equal(sample(got, `${DURATION}_count`, { db_collection_name: 'orders' }), 2)
  t.equal(sample(got, `${DURATION}_count`, { db_collection_name: 'carts' }), 20_010)
})

t.test('names past a cap fold into __other__ and are counted', async (t) => {
  const o = observation({ metrics: { max_databases: 2, max_collections: 3, max_error_codes: 2 } })
  for (const name of ['a.x', 'a.y', 'b.x', 'b.y', 'c.x', 'd.x', 'a.']) {
    const [database = '', collection = ''] = name.split('.')
    run(o, operation(database, collection))
  }
  run(o, operation('a', 'x'.repeat(256)))
  for (const code of [1, 2, 3, 4, 1]) run(o, operation('a', 'x'), { outcome: failed('command_error', code) })
  const got = await scrape(o)
  const count = (db: string, collection: string) =>
    sample(got, `${DURATION}_count`, { db_namespace: db, db_collection_name: collection, outcome: 'ok' })
  t.same([count('a', 'x'), count('a', 'y'), count('b', 'x'), count('b', '__other__')], [1, 1, 1, 1])
  t.equal(count('__other__', '__other__'), 2, 'databases c and d')
  t.equal(count('a', '__other__'), 1, 'a name longer than any database takes')
  t.equal(count('a', ''), 1, 'no collection is no name')
  t.equal(sample(got, ERRORS, { db_response_status_code: '1' }), 2)
  t.equal(sample(got, ERRORS, { db_response_status_code: '__other__' }), 2)
  const overflow = (label: string) => sample(got, 'oplens_metrics_overflow_total', { label })
  t.same(['db_namespace', 'db_collection_name', 'db_response_status_code'].map(overflow), [2, 2, 2])
})

t.test('a flood of made-up names never makes more series than max_series and its folds', async (t) => {
  const o = observation({ metrics: { max_databases: 1_000, max_collections: 1_000, max_series: 50 } })
  for (let i = 0; i < 500; i++) run(o, operation(`db${i}`, `c${i}`), { outcome: failed('command_error', i + 1) })
  const got = await scrape(o)
  const series = [...got.samples].filter(([key]) => key.startsWith(`${DURATION}_count`))
  t.equal(series.length, 51)
  t.equal(sample(got, `${DURATION}_count`, { db_collection_name: '__other__' }), 450)
  t.ok([...got.samples].filter(([key]) => key.startsWith(ERRORS)).length <= 102)
})

t.test('hostile names stay inside their label, in both formats', async (t) => {
  const o = observation()
  const names = [
    'a"b\\c\nd',
    '\u0000nul',
    '\u0001nul',
    '\ud800',
    '\udfff',
    '{x="y"} 1',
    'مجموعة',
    '\u202edb',
    '\u{1f600}',
  ]
  for (const name of names) run(o, operation('shop', name))
  const text = await textOf(o)
  const got = parseStrictly('text', text)
  parseStrictly('openmetrics', await textOf(o, OPENMETRICS))
  t.same(text, Buffer.from(text).toString(), 'nothing that an encoder would change')
  t.equal(
    sample(got, `${DURATION}_count`, { db_collection_name: '\ufffdnul' }),
    2,
    'names that became one are one series',
  )
  t.equal(sample(got, `${DURATION}_count`, { db_collection_name: '\u{1f600}' }), 1)
})

t.test('a duration that is not a number or negative spoils nothing', async (t) => {
  const o = observation()
  for (const ms of [Number.NaN, -5, 2]) run(o, operation('shop', 'orders'), { ms })
  const got = await scrape(o)
  t.equal(sample(got, `${DURATION}_sum`), 0.002)
  t.equal(sample(got, `${DURATION}_count`), 3)
})

t.test(
  'operations in progress are counted by listener, and awaited ones apart even when that shows late',
  async (t) => {
    const o = observation()
    const make = (listener: string, isAwaited = false) => {
      const exchange = new Exchange(client('shop', listener), operation('admin', '', 'hello'), 0)
      exchange.isAwaited = isAwaited
      exchange.outcome = OK
      o.hub.exchangeStarted(exchange)
      return exchange
    }
    const open = [make('one'), make('one'), make('two'), make('one', true), make('two', true)]
    const late = make('two')
    const active = async () => {
      const got = await scrape(o)
      const of = (name: string) => ['one', 'two'].map((listener) => sample(got, name, { listener, cluster: 'shop' }))
      return [...of('oplens_operations_active'), ...of('oplens_awaited_operations_active')]
    }
    t.same(await active(), [2, 2, 1, 1])
    t.match(o.operations.live(), { active: 4, awaitedActive: 2 })
    late.isAwaited = true
    for (const exchange of [...open, late]) o.hub.exchangeEnded(exchange)
    t.same(await active(), [0, 0, 0, 0])
  },
)

t.test('messages, decode errors and closed connections are counted, and the open connections listed', async (t) => {
  const o = observation()
  const one = client()
  const two = client('shop', 'back')
  o.hub.connectionOpened(one)
  o.hub.connectionOpened(two)
  for (let i = 0; i < 3; i++) o.hub.messageSeen(one, 'request', 'OP_MSG')
  o.hub.messageSeen(one, 'reply', 'OP_MSG')
  o.hub.messageUndecodable(one, 'request', 'unknown_section')
  o.hub.decodingLost(two, 'reply', new DecodeError('bad_length', 'Length 3 is below 16'))
  for (const reason of CLOSE_REASONS) o.hub.connectionClosed(one, reason)
  t.same([...o.connections()], [two])
  t.equal(o.operations.live().connections, 1)
  const got = await scrape(o)
  t.equal(sample(got, 'oplens_messages_total', { direction: 'request', opcode: 'OP_MSG' }), 3)
  t.equal(sample(got, 'oplens_messages_total', { direction: 'reply', opcode: 'OP_MSG' }), 1)
  t.equal(sample(got, 'oplens_decode_errors_total', { listener: 'front', reason: 'unknown_section' }), 1)
  t.equal(sample(got, 'oplens_decode_errors_total', { listener: 'back', reason: 'bad_length' }), 1)
  t.equal(sample(got, 'oplens_decoding_lost_total'), 1)
  for (const reason of CLOSE_REASONS) {
    t.equal(sample(got, 'oplens_downstream_connections_closed_total', { listener: 'front', reason }), 1, reason)
  }
})

const member = (name: string, more: Partial<TopologyMember>): TopologyMember => ({
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
/** Of the same labels, from other sources than the stats of listeners and clusters. */
const OTHERS =
  /upstream_(hosts|members_without_listener|elections|reconfigs|probe_failures|stale|outdated|names_refused)|identity_mismatch/
const MEMBERS: readonly TopologyMember[] = [
  member('p:1', { role: 'primary', lagMs: undefined }),
  member('a"b\\:1', {}),
  member('gone:1', { role: 'unknown', isUp: false, reason: 'refused', rttMs: undefined, lagMs: undefined }),
]

const EXPIRY = 'oplens_tls_certificate_expiry_timestamp_seconds'

interface FilledSources extends ObservationSources {
  readonly listeners: { name: string; readonly cluster: string; readonly stats: ListenerStats }[]
}

function filledSources(): FilledSources {
  const fill = <S extends object>(stats: S): S => {
    for (const [i, [key, value]] of Object.entries(stats).entries()) {
      if (typeof value === 'number') Object.assign(stats, { [key]: i + 1 })
    }
    return stats
  }
  const host = (name: string): Host => {
    const made = hostOf(name)
    fill(made.stats)
    return made
  }
  const expiring = <S extends { readonly certificateExpiry: object }>(stats: S, certSeconds: number): S => {
    Object.assign(stats.certificateExpiry, { certSeconds, caSeconds: certSeconds + 1 })
    return fill(stats)
  }
  const twice = host('b:1')
  const checkedHost = (name: string, state: HealthState): Host => {
    const made = hostOf(name)
    made.state.health = Object.assign(fill(new HostHealth()), { state, reason: '' })
    return made
  }
  return {
    listeners: [{ name: 'front', cluster: 'shop', stats: expiring(new ListenerStats(), 1_900_000_000) }],
    clusters: [
      {
        name: 'shop',
        stats: expiring(new ClusterStats(), 2_000_000_000),
        hosts: [host('a:1'), twice, twice, host('b:1')],
        breaker: { isConnectionsOpen: false, isPendingOpen: true, isRequestsOpen: true, isRetriesOpen: false },
        topology: {
          snapshot: { version: 1, kind: 'replica_set', setName: 'rs0', primary: 'p:1', members: [...MEMBERS] },
          stats: fill(new TopologyStats()),
        },
      },
      {
        name: 'plain',
        stats: new ClusterStats(),
        hosts: [checkedHost('c:1', 'healthy'), checkedHost('d:1', 'unhealthy'), checkedHost('e:1', 'unknown')],
        breaker: { isConnectionsOpen: true, isPendingOpen: false, isRequestsOpen: false, isRetriesOpen: true },
        topology: undefined,
      },
    ],
    memberListeners: [{ listener: 'front', without: 2 }],
  }
}

t.test('counters of listeners, clusters and hosts are read at each scrape, every field of them', async (t) => {
  const sources = filledSources()
  const o = observation({ sources })
  const got = await scrape(o)
  t.equal(sample(got, 'oplens_downstream_connections_total', { listener: 'front' }), 1)
  t.equal(sample(got, 'oplens_downstream_certificate_reload_failures_total', { listener: 'front' }), 10)
  t.equal(sample(got, 'oplens_upstream_operations_failed_total', { cluster: 'shop', host: 'a:1' }), 13)
  t.equal(
    sample(got, 'oplens_upstream_connections_total', { host: 'b:1' }),
    8,
    'one host is one series, two are summed',
  )
  t.equal(sample(got, 'oplens_upstream_discovery_failures_total', { cluster: 'shop' }), 16)
  t.equal(sample(got, 'oplens_upstream_hosts', { cluster: 'shop' }), 3)
  t.equal(sample(got, 'oplens_build_info', { version: '1.2.3', node_version: process.versions.node }), 1)
  const numbersOf = (stats: object) => Object.values(stats).filter((value) => typeof value === 'number')
  const values = (pattern: RegExp) =>
    [...got.samples]
      .filter(([key]) => pattern.test(key) && !OTHERS.test(key))
      .map(([, value]) => value)
      .sort((a, b) => a - b)
  t.same(
    values(/\{listener="front"\}$/),
    numbersOf(new ListenerStats()).map((_, i) => i + 1),
    'no field is left out',
  )
  t.same(
    values(/host="a:1"/),
    Object.values(new HostStats()).map((_, i) => i + 1),
    'no field is left out',
  )
  t.same(
    values(/\{cluster="shop"\}$/),
    numbersOf(new ClusterStats()).map((_, i) => i + 1),
    'no field is left out',
  )
  const healthy = (host: string) => sample(got, 'oplens_upstream_host_healthy', { cluster: 'plain', host })
  t.same(['c:1', 'd:1', 'e:1', 'a:1'].map(healthy), [1, 0, undefined, undefined], 'not known is neither')
  const checks = (result: string) => sample(got, 'oplens_upstream_health_checks_total', { host: 'd:1', result })
  t.same(['success', 'failure', 'network_failure', 'timeout'].map(checks), [3, 4, 5, 6])
  const turned = (to: string) => sample(got, 'oplens_upstream_health_transitions_total', { host: 'e:1', to })
  t.same(['healthy', 'unhealthy'].map(turned), [7, 8])
  t.same(
    [...got.samples].filter(([key]) => key.startsWith(EXPIRY)),
    [
      [`${EXPIRY}{cluster="",file="cert",listener="front"}`, 1_900_000_000],
      [`${EXPIRY}{cluster="",file="ca",listener="front"}`, 1_900_000_001],
      [`${EXPIRY}{cluster="shop",file="cert",listener=""}`, 2_000_000_000],
      [`${EXPIRY}{cluster="shop",file="ca",listener=""}`, 2_000_000_001],
    ],
    'certificates that are configured, and no others',
  )
  for (const listener of sources.listeners) listener.name = 'renamed'
  t.equal(sample(await scrape(o), 'oplens_downstream_connections_total', { listener: 'renamed' }), 1)
})

t.test('every family appears with its type and exactly its labels, in text and in OpenMetrics', async (t) => {
  const throws: Observer = {
    name: 'broken',
    connectionOpened: () => {
      throw new Error('no')
    },
  }
  const observe = { tracing: { enabled: true } }
  const o = observation({ sources: filledSources(), observers: [throws], metrics: { max_databases: 1 }, observe })
  await o.start()
  o.hub.connectionOpened(client())
  run(o, operation('shop', 'orders'), { documents: 1, batchSize: 1 })
  run(o, operation('other', 'orders'), { outcome: failed('command_error', 1) })
  run(o, operation('shop', 'orders'), { outcome: UNACKNOWLEDGED })
  run(o, operation('shop', 'orders'), { awaited: true })
  run(o, operation('shop', 'orders'), { ms: 100 })
  o.hub.messageSeen(client(), 'request', 'OP_MSG')
  o.hub.decodingLost(client(), 'reply', new DecodeError('bad_length', 'x'))
  o.hub.connectionClosed(client(), 'client_closed')
  o.hub.replyRewritten(client(), 'OP_MSG', 'rewritten')
  run(o, operation('shop', 'orders'), {}, clientOf(hostOf('a:1', 'primary')))
  const cost = { table: 'users', readUnits: 1, unprocessed: 1 }
  call(o, { tables: [cost], attempt: 2, scanned: 3, outcome: failedAs('Throttling', 400), errorLabels: ['throttled'] })
  request(o, 'GET')
  const text = parseStrictly('text', await textOf(o))
  const openmetrics = parseStrictly('openmetrics', await textOf(o, OPENMETRICS))
  t.same(openmetrics.samples, text.samples, 'the same samples under the same names')
  const families: readonly Family[] = Object.values(FAMILIES)
  t.same([...text.types.keys()].sort(), families.map((f) => f.name).sort())
  for (const { name, type, labels } of families) {
    t.equal(text.types.get(name), type, name)
    t.equal(openmetrics.types.get(name.replace(/_total$/, '')), type, name)
    const key = [...text.samples.keys()].find((k) => k.startsWith(`${name}{`) || k.startsWith(`${name}_count{`)) ?? ''
    t.same([...key.matchAll(/(\w+)="/g)].map((m) => m[1]).sort(), [...labels].sort(), `labels of ${name}`)
  }
})

t.test('docs/metrics.md lists exactly the families of the code, with their types and labels', (t) => {
  const doc = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')
  const rows = [...doc.matchAll(/^\| `(\w+)` +\| (counter|gauge|histogram) +\| (.*?) +\|/gm)]
  const documented = rows.map(([, name, type, labels = '']) => [
    name,
    type,
    ...[...labels.matchAll(/`(\w+)`/g)].map((m) => m[1]),
  ])
  const inCode = Object.values(FAMILIES).map(({ name, type, labels }) => [name, type, ...labels])
  t.same(documented.map((row) => row.join(' ')).sort(), inCode.map((row) => row.join(' ')).sort())
  for (const reason of CLOSE_REASONS) t.ok(doc.includes(`\`${reason}\``), `close reason ${reason}`)
  for (const [key, value] of Object.entries(observeSchema.parse({}).metrics)) {
    if (typeof value === 'number') t.match(doc, new RegExp(`\\| \`${key}\` +\\| ${value} +\\|`), `default of ${key}`)
  }
  t.end()
})

t.test('process metrics are valid in both formats', async (t) => {
  const o = observation({ metrics: { process_metrics: true } })
  const text = parseStrictly('text', await textOf(o))
  const openmetrics = parseStrictly('openmetrics', await textOf(o, OPENMETRICS))
  for (const name of ['process_resident_memory_bytes', 'nodejs_eventloop_lag_p99_seconds', 'nodejs_version_info']) {
    t.ok(text.types.has(name), name)
    t.ok(openmetrics.types.has(name), name)
  }
  t.equal(openmetrics.types.get('process_cpu_user_seconds'), 'counter')
})

t.test('the Accept header chooses the format', (t) => {
  const cases: [string | undefined, string][] = [
    [undefined, 'text'],
    ['', 'text'],
    ['*/*', 'text'],
    ['text/html,application/xhtml+xml,*/*;q=0.8', 'text'],
    [OPENMETRICS, 'openmetrics'],
    ['application/openmetrics-text', 'openmetrics'],
    ['application/openmetrics-text; version="1.0.0"; charset=utf-8', 'openmetrics'],
    ['application/openmetrics-text;version=0.0.1', 'text'],
    ['application/openmetrics-text;version=1.0.0;q=0', 'text'],
    ['text/plain;q=0.9,application/openmetrics-text;q=0.1', 'text'],
    [
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      'openmetrics',
    ],
  ]
  for (const [accept, format] of cases) t.equal(formatFor(accept), format, `Accept: ${accept}`)
  t.match(observation().metrics.render(OPENMETRICS).contentType, 'application/openmetrics-text; version=1.0.0')
  t.match(observation().metrics.render('*/*').contentType, 'text/plain; version=0.0.4')
  t.end()
})

t.test('a large scrape lets the event loop turn between slices, and takes series that come meanwhile', async (t) => {
  const o = observation({ metrics: { max_collections: 5_000 } })
  for (let i = 0; i < 2_000; i++) run(o, operation('shop', `c${i}`))
  let turns = 0
  let isOver = false
  const turn = () => {
    turns++
    run(o, operation('shop', `late${turns}`))
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  const chunks: string[] = []
  for await (const chunk of o.metrics.render(undefined).body) chunks.push(chunk)
  isOver = true
  const longest = Math.max(...chunks.map((chunk) => chunk.length))
  t.ok(longest < 80_000, `the longest slice has ${longest} characters`)
  t.ok(turns >= chunks.length - 1, `${turns} turns in ${chunks.length} slices`)
  t.ok(
    chunks.every((chunk) => chunk.endsWith('\n')),
    'slices end with a line',
  )
  parseStrictly('text', chunks.join(''))
})

t.test(
  'an observer that throws is counted, logged once a minute and skipped; the others still see everything',
  async (t) => {
    const clock = new FakeClock()
    const logged: unknown[] = []
    const logger: Logger = { ...silentLogger, error: (fields) => logged.push(fields.observer) }
    const seen: string[] = []
    const hooks = [
      'connectionOpened',
      'connectionClosed',
      'exchangeStarted',
      'exchangeEnded',
      'messageSeen',
      'messageUndecodable',
      'replyRewritten',
      'decodingLost',
    ] as const
    const each = (hook: (name: string) => void) => Object.fromEntries(hooks.map((name) => [name, () => hook(name)]))
    const broken: Observer = {
      name: 'broken',
      ...each(() => {
        throw new Error('bug')
      }),
    }
    const after: Observer = { name: 'after', ...each((name) => seen.push(name)) }
    const o = observation({ clock, logger, observers: [broken, { name: 'blind' }, after] })
    o.hub.connectionOpened(client())
    run(o, operation('a', 'b'))
    o.hub.messageSeen(client(), 'request', 'OP_MSG')
    o.hub.messageUndecodable(client(), 'request', 'x')
    o.hub.replyRewritten(client(), 'OP_MSG', 'failed')
    o.hub.decodingLost(client(), 'request', new DecodeError('x', 'x'))
    o.hub.connectionClosed(client(), 'error')
    t.same([...seen].sort(), [...hooks].sort())
    t.same(logged, ['broken'])
    clock.advance(60_000)
    o.hub.connectionOpened(client())
    t.same(logged, ['broken', 'broken'])
    t.equal(sample(await scrape(o), 'oplens_observer_errors_total', { observer: 'broken' }), 9)
  },
)

t.test('settings that make no sense are refused', (t) => {
  for (const metrics of [{ max_databases: 0 }, { max_collections: 1.5 }, { max_series: '9' }, { unknown: 1 }]) {
    t.throws(() => observeSchema.parse({ metrics }), JSON.stringify(metrics))
  }
  t.end()
})
