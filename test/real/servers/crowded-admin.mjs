// The built admin server over made-up numbers that move: 200 collections, 1,000 shapes, 500 connections, 500 slow operations.
//   node test/real/servers/crowded-admin.mjs
import { adminSchema } from '../../../dist/admin/config.js'
import { AdminServer } from '../../../dist/admin/server.js'
import { systemClock } from '../../../dist/core/clock.js'
import { ConnectionInfo } from '../../../dist/core/connection.js'
import { silentLogger } from '../../../dist/core/logger.js'

const COLLECTIONS = 200
const SHAPES = 1_000
const SLOW = 500
const CONNECTIONS = 500
const STEPS = 720
const BOUNDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1e3, 2.5e3, 5e3, 1e4, 3e4, 6e4]

const startedMs = Date.now()
/** Another number each second, for each thing; some pass others, most keep their place. */
const moving = (of) => {
  const second = Math.floor((Date.now() - startedMs) / 1_000)
  return (1 + Math.abs(Math.sin(of * 12.9898)) * 500) * (1 + 0.05 * Math.sin(of + second * 78.233))
}

function operationRow(i, command) {
  return {
    protocol: 'mongodb',
    cluster: 'shop',
    database: `database_${i % 7}`,
    collection: i === 1 ? '<img src=x onerror=alert(1)>\u202e' : `collection_with_a_long_name_${i}`,
    command,
    tables: [],
    isControl: false,
    rate: moving(i),
    errorRate: i % 9 === 0 ? moving(i) / 100 : 0,
    awaitedRate: 0,
    documentsRate: moving(i + 1),
    bytesRate: moving(i + 2) * 1e3,
    timeRate: moving(i + 3),
    p50Ms: moving(i) / 100,
    p95Ms: moving(i) / 10,
    p99Ms: moving(i),
    isRecent: i % 11 !== 0,
    operations: Math.round(moving(i) * 1e3),
    errors: i,
    awaited: 0,
    documentsReturned: 5,
    documentsSent: 6,
    requestBytes: 7,
    replyBytes: 8,
    calls: null,
  }
}

function digestRow(i) {
  return {
    shapeId: i.toString(16).padStart(16, '0'),
    shape: `{filter: {field_${i}: "?string", status: {$in: "?array<?string>"}, customer: {$gt: "?number"}}, sort: {placedAt: -1}, limit: "?number"}`,
    isTruncated: false,
    ...operationRow(i % COLLECTIONS, 'find'),
    getMores: 3,
    totalMs: moving(i) * 1e3,
    timeRate: moving(i),
    maxMs: moving(i),
    firstSeenAtMs: startedMs,
    lastSeenAtMs: Date.now(),
  }
}

const slowOperations = Array.from({ length: SLOW }, (_, i) => {
  const { protocol, cluster, database, collection } = operationRow(i % COLLECTIONS, 'find')
  const { shapeId, shape } = digestRow(i)
  return {
    ...{
      id: SLOW - i,
      atMs: startedMs - i * 1_000,
      durationMs: 100 + i,
      firstReplyMs: 90 + i,
      connectMs: i % 3 === 0 ? 20 : -1,
    },
    ...{
      thresholdMs: 100,
      protocol,
      listener: 'front',
      cluster,
      database,
      collection,
      command: 'find',
      shapeId,
      shape,
    },
    ...{ originatingCommand: '', values: '', host: 'a.rs:27017', peer: '10.0.0.7:51234', connectionId: 1 + i },
    ...{ application: 'checkout', driver: 'nodejs 7.9.0', documents: 20, affected: -1, modified: -1, batchSize: 0 },
    ...{ requestBytes: 300, replyBytes: 4_000, cursorId: '', outcome: 'ok', code: 0, codeName: '' },
    ...{ traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' },
  }
})

const connections = Array.from({ length: CONNECTIONS }, (_, i) =>
  Object.assign(new ConnectionInfo(i + 1, 'front', 'shop', `10.0.0.7:${20_000 + i}`, 0), {
    application: 'checkout',
    driver: 'nodejs',
    driverVersion: '7.9.0',
  }),
)

function history(_of, maxSteps = STEPS) {
  const past = Math.floor((Date.now() - startedMs) / 5_000)
  const count = Math.min(maxSteps, STEPS)
  const at = (step) => startedMs + (step - STEPS) * 5_000
  const steps = Array.from({ length: count }, (_, i) => STEPS + past - count + i)
  return {
    isKept: true,
    stepMs: 5_000,
    steps: STEPS + past,
    timesMs: [...steps.map(at), at(STEPS + past)],
    operations: steps.map((step) => 5_000 + (step % 13) * 100),
    errors: steps.map((step) => step % 7),
    boundsMs: BOUNDS,
    buckets: steps.flatMap((step) => [...BOUNDS, 0].map((_, i) => (i > 2 && i < 13 ? 10 * (i + (step % 5)) : 0))),
  }
}

const sources = {
  version: '0.0.0',
  metrics: () => ({ contentType: 'text/plain', body: (async function* () {})() }),
  operations: (by, of) => {
    const rows = Array.from({ length: COLLECTIONS }, (_, i) => operationRow(i, by === 'command' ? 'find' : ''))
    const wanted = of === undefined ? rows : rows.filter(({ collection }) => collection === of.collection)
    const totals = { rate: moving(0) * 100, errorRate: 1, operations: Date.now() % 1e9, errors: 7, awaited: 0 }
    return { totals, rows: wanted, rowsTotal: wanted.length }
  },
  tables: () => ({ rows: [], rowsTotal: 0 }),
  digests: ({ limit, shapeId, collection }) => {
    const rows = Array.from({ length: SHAPES }, (_, i) => digestRow(i)).filter(
      (row) => (shapeId === '' || row.shapeId === shapeId) && (collection === '' || row.collection === collection),
    )
    return { isEnabled: true, rows: rows.slice(0, limit), rowsTotal: rows.length, other: [] }
  },
  slow: (limit) => ({ isEnabled: true, operations: slowOperations.slice(0, limit), total: SLOW }),
  history,
  live: () => ({ connections: CONNECTIONS, active: 5, awaitedActive: 1 }),
  listeners: () => [],
  clusters: () => [],
  memberListeners: () => [],
  memberTraffic: () => undefined,
  connections: () => connections,
  configDump: () => ({}),
  readiness: () => ({ ready: true, reason: '' }),
  drain: () => undefined,
}

const config = adminSchema.parse({ address: '127.0.0.1:0', trace_url: 'http://jaeger.invalid/trace/{trace_id}' })
const server = new AdminServer({ config, sources, clock: systemClock, logger: silentLogger })
await server.listen()
console.log(`Live page: http://127.0.0.1:${server.address.port}/`)
process.on('SIGTERM', () => server.close())
