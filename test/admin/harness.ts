import { once } from 'node:events'
import { type IncomingHttpHeaders, request } from 'node:http'
import type { Test } from 'tap'
import { adminSchema } from '../../src/admin/config.js'
import { AdminServer } from '../../src/admin/server.js'
import type { AdminSources } from '../../src/admin/sources.js'
import { systemClock } from '../../src/core/clock.js'
import { ConnectionInfo } from '../../src/core/connection.js'
import type { Logger } from '../../src/core/logger.js'
import { silentLogger } from '../../src/core/logger.js'
import type { CallNumbers, HistoryReport, OperationRow, TableRow } from '../../src/core/reports.js'
import { ClusterStats, HostStats } from '../../src/core/stats.js'

export const ROW: OperationRow = {
  protocol: 'mongodb',
  cluster: 'shop',
  database: 'shop',
  collection: 'orders',
  command: 'find',
  tables: [],
  isControl: false,
  rate: 12.34,
  errorRate: 0,
  awaitedRate: 0,
  documentsRate: 240,
  bytesRate: 9_000,
  timeRate: 420,
  p50Ms: 0.4321,
  p95Ms: 12.3,
  p99Ms: 1_234,
  isRecent: true,
  operations: 1_000,
  errors: 3,
  awaited: 0,
  documentsReturned: 20_000,
  documentsSent: 0,
  requestBytes: 1,
  replyBytes: 2,
  calls: null,
}

export const CALLS: CallNumbers = {
  readUnitsRate: 2,
  writeUnitsRate: 0.5,
  throttledRate: 0.2,
  readUnits: 120.5,
  writeUnits: 7,
  throttled: 4,
  retries: 3,
  unprocessed: 9,
  scanned: 55,
}

const { scanned: _, ...CAPACITY } = CALLS
export const TABLE: TableRow = {
  ...{
    protocol: 'aws.dynamodb',
    cluster: 'dynamo',
    table: 'users',
    rate: 5,
    errorRate: 0.2,
    operations: 50,
    errors: 4,
  },
  ...CAPACITY,
}

export const HISTORY: HistoryReport = {
  isKept: true,
  stepMs: 5_000,
  steps: 2,
  timesMs: [1_700_000_000_000, 1_700_000_005_000, 1_700_000_010_000],
  operations: [10, 20],
  errors: [0, 1],
  boundsMs: [1, 10],
  buckets: [8, 2, 0, 10, 9, 1],
}

export async function* textOf(...chunks: string[]): AsyncGenerator<string> {
  yield* chunks
}

export function fakeSources(overrides: Partial<AdminSources> = {}): AdminSources {
  const host = {
    name: '10.0.0.1:27017',
    address: { kind: 'tcp', host: '10.0.0.1', port: 27017 },
    hostname: '',
    state: { role: '' },
  } as const
  const hosts = [
    { ...host, weight: 1, stats: new HostStats() },
    { ...host, name: '10.0.0.2:27017', weight: 1, stats: new HostStats() },
  ]
  return {
    version: '1.2.3',
    metrics: (accept) => ({
      contentType: `text/plain; asked=${accept}`,
      body: textOf('# TYPE a counter\na_total{x="1 2"} 3\nb_buck', 'et{le="1.0"} 4\nb_sum 0.5\n'),
    }),
    operations: (by) => ({
      totals: { rate: 1, errorRate: 0, operations: 5, errors: 0, awaited: 0 },
      rows: [{ ...ROW, command: by === 'collection' ? '' : ROW.command }],
      rowsTotal: 1,
    }),
    tables: () => ({ rows: [], rowsTotal: 0 }),
    digests: () => ({ isEnabled: true, rows: [], rowsTotal: 0, other: [] }),
    slow: () => ({ isEnabled: true, operations: [], total: 0 }),
    history: () => HISTORY,
    live: () => ({ connections: 3, active: 2, awaitedActive: 1 }),
    listeners: () => [
      { name: 'front', protocol: 'mongodb', cluster: 'shop', address: '127.0.0.1:1', uri: 'mongodb://127.0.0.1:1/' },
    ],
    clusters: () => [
      {
        name: 'shop',
        stats: new ClusterStats(),
        hosts: { version: 2, all: hosts, usable: hosts.slice(1) },
        topology: undefined,
      },
    ],
    memberListeners: () => [],
    memberTraffic: () => undefined,
    connections: () => [1, 2, 3].map((id) => new ConnectionInfo(id, 'front', 'shop', `127.0.0.1:${id}`, 500)),
    configDump: () => ({
      clusters: [{ uri: 'mongodb://ann:p%40ss@db/', tls: { key: '/etc/key.pem', passphrase: 'x' } }],
    }),
    readiness: () => ({ ready: true, reason: '' }),
    drain: () => undefined,
    ...overrides,
  }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Started {
  readonly server: AdminServer
  readonly port: number
  ask(path: string, how?: { method?: string; headers?: Record<string, string>; body?: string }): Promise<Answer>
}

export async function start(
  t: Test,
  overrides: Partial<AdminSources> = {},
  config: object = {},
  logger: Logger = silentLogger,
): Promise<Started> {
  const parsed = adminSchema.parse({ address: '127.0.0.1:0', ...config })
  const server = new AdminServer({ config: parsed, sources: fakeSources(overrides), clock: systemClock, logger })
  await server.listen()
  t.teardown(() => server.close())
  const port = server.address?.kind === 'tcp' ? server.address.port : 0
  return {
    server,
    port,
    ask: async (path, { method = 'GET', headers = {}, body } = {}) => {
      const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false })
      sent.end(body)
      const [response] = await once(sent, 'response')
      let text = ''
      for await (const chunk of response.setEncoding('utf8')) text += chunk
      return { status: response.statusCode, headers: response.headers, body: text }
    },
  }
}
