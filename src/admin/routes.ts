import { readFile } from 'node:fs/promises'
import type { Clock } from '../core/clock.js'
import type { ConnectionInfo } from '../core/connection.js'
import { checkedReports, clusterReports, clustersJson, topologyReports } from './clusters.js'
import { clustersText } from './clusters-text.js'
import { operationsText } from './operations-text.js'
import { redact } from './redact.js'
import { json, type Reply, TEXT, text } from './reply.js'
import { digests, slow } from './shape-routes.js'
import type { AdminSources, GroupBy } from './sources.js'

export interface Asked {
  readonly query: URLSearchParams
  readonly accept: string | undefined
}

export interface Route {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** One line for the list that an unknown path gets. */
  readonly help: string
  handle(asked: Asked): Reply
}

const MAX_CONNECTIONS = 2_000

const ASSETS = [
  ['/', 'index.html', 'text/html; charset=utf-8', 'the live page'],
  ['/page.js', 'page.js', 'text/javascript; charset=utf-8', 'its script'],
  ['/sets.js', 'sets.js', 'text/javascript; charset=utf-8', 'its replica sets'],
  ['/hosts.js', 'hosts.js', 'text/javascript; charset=utf-8', 'its checked hosts'],
  ['/columns.js', 'columns.js', 'text/javascript; charset=utf-8', 'its columns'],
  ['/tables.js', 'tables.js', 'text/javascript; charset=utf-8', 'its tables'],
  ['/format.js', 'format.js', 'text/javascript; charset=utf-8', 'its words and numbers'],
  ['/style.css', 'style.css', 'text/css; charset=utf-8', 'its style'],
  ['/favicon.svg', 'favicon.svg', 'image/svg+xml', 'its icon'],
] as const

/** @throws when a file of the page is missing: the package is broken then */
export async function pageRoutes(): Promise<Route[]> {
  return Promise.all(
    ASSETS.map(async ([path, file, type, help]): Promise<Route> => {
      const body = await readFile(new URL(`./web/${file}`, import.meta.url))
      return { method: 'GET', path, help, handle: () => ({ status: 200, type, body }) }
    }),
  )
}

export function dataRoutes(sources: AdminSources, clock: Clock): Route[] {
  const get = (path: string, help: string, handle: Route['handle']): Route => ({ method: 'GET', path, help, handle })
  return [
    get('/metrics', 'Prometheus text or OpenMetrics, by Accept', ({ accept }) => {
      const { contentType, body } = sources.metrics(accept)
      return { status: 200, type: contentType, body }
    }),
    get('/ready', '200 when traffic is taken, 503 while starting or draining', () => {
      const { ready, reason } = sources.readiness()
      return ready ? text(200, 'ready') : text(503, reason)
    }),
    get('/live', '200 while the process runs', () => text(200, 'live')),
    get('/stats', 'every counter as "name: value"; ?filter=part of a name', ({ query }) => ({
      status: 200,
      type: TEXT,
      body: statLines(sources.metrics(undefined).body, query.get('filter') ?? ''),
    })),
    get('/clusters', 'clusters, their hosts and the members of sets; ?format=text', ({ query }) =>
      query.get('format') === 'text'
        ? { status: 200, type: TEXT, body: clustersText(clusterReports(sources.clusters(), sources)) }
        : json(clustersJson(sources.clusters(), sources)),
    ),
    get('/connections', 'client connections, oldest first; ?limit=500', ({ query }) =>
      json(connections(sources.connections(), clock.now(), query.get('limit'))),
    ),
    get('/operations', 'what runs now; ?format=text for terminals, ?by=collection', ({ query }) =>
      operations(sources, query),
    ),
    get('/digests', 'operations by query shape; ?sort=p99&collection=…&shape=…&limit=…, ?format=text', ({ query }) =>
      digests(sources, query),
    ),
    get('/slow', 'the last slow operations, the newest first; ?n=100&collection=…&id=…, ?format=text', ({ query }) =>
      slow(sources, query),
    ),
    get('/config_dump', 'the config that runs, filled in, without secrets', () => json(redact(sources.configDump()))),
    {
      method: 'POST',
      path: '/drain',
      help: 'stop accepting, let operations in flight end, exit',
      handle: () => {
        sources.drain()
        return text(202, 'draining')
      },
    },
  ]
}

function operations(sources: AdminSources, query: URLSearchParams): Reply {
  const by: GroupBy = query.get('by') === 'collection' ? 'collection' : 'command'
  const report = sources.operations(by)
  if (query.get('format') === 'text') {
    return { status: 200, type: TEXT, body: operationsText(report.rows, sources.tables().rows) }
  }
  const { version } = sources
  const tables = sources.tables()
  return json({
    product: { name: 'oplens', version },
    readiness: sources.readiness(),
    listeners: sources.listeners(),
    live: sources.live(),
    topologies: topologyReports(sources.clusters(), sources),
    checked: checkedReports(sources.clusters(), sources),
    by,
    ...report,
    tables: tables.rows,
    tablesTotal: tables.rowsTotal,
  })
}

function connections(open: Iterable<ConnectionInfo>, nowMs: number, asked: string | null): unknown {
  const limit = Math.min(Math.max(Number.parseInt(asked ?? '500', 10) || 0, 0), MAX_CONNECTIONS)
  const listed: unknown[] = []
  let total = 0
  for (const c of open) {
    if (total++ >= limit) continue
    const { id, listener, cluster, peer, application, driver, driverVersion, bytesReceived, bytesSent } = c
    const host = c.host?.name ?? ''
    const ageMs = Math.round(nowMs - c.openedAtMs)
    const client = { application, driver, driverVersion }
    listed.push({
      id,
      listener,
      cluster,
      peer,
      host,
      ageMs,
      ...client,
      bytesReceived,
      bytesSent,
      operations: c.operations,
    })
  }
  return { total, connections: listed }
}

/** The samples of a Prometheus text as `name{labels}: value`; buckets are for machines and left out. */
async function* statLines(metrics: AsyncIterable<string>, filter: string): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of metrics) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    const kept = lines.filter((line) => line !== '' && !line.startsWith('#') && !/^\w+_bucket\{/.test(line))
    const shown = kept.map((line) => line.replace(/ (\S+)$/, ': $1')).filter((line) => line.includes(filter))
    if (shown.length > 0) yield `${shown.join('\n')}\n`
  }
}
