import { readFile } from 'node:fs/promises'
import type { Clock } from '../core/clock.js'
import type { ConnectionInfo } from '../core/connection.js'
import type { GroupBy } from '../core/reports.js'
import { checkedReports, clusterReports, clustersJson, topologyReports } from './clusters.js'
import { clustersText } from './clusters-text.js'
import { connectionRows } from './connections.js'
import { EVENT_HEADERS, type EventStreams, MAX_VIEWERS } from './event-streams.js'
import { operationsText } from './operations-text.js'
import { redact } from './redact.js'
import { compact, json, type Reply, TEXT, text } from './reply.js'
import { digests, slow } from './shape-routes.js'
import type { AdminSources } from './sources.js'
import { historyQuery, VIEWS, type ViewDeps, viewOf } from './views.js'

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
  ['/style.css', 'style.css', 'text/css; charset=utf-8', 'its style'],
  ['/favicon.svg', 'favicon.svg', 'image/svg+xml', 'its icon'],
] as const

/** The page is built: beside this file in the package, and in `dist` when this runs from its source. */
const WEB = new URL(import.meta.url.endsWith('.ts') ? '../../dist/admin/web/' : './web/', import.meta.url)

/** @throws when a file of the page is missing: the package is broken then, or a clone not built */
export async function pageRoutes(): Promise<Route[]> {
  return Promise.all(
    ASSETS.map(async ([path, file, type, help]): Promise<Route> => {
      const body = await readFile(new URL(file, WEB))
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
    get(
      '/history',
      'the last hour in steps; ?cluster=, ?database=, ?collection=, ?command= of one alone',
      ({ query }) => compact(sources.history(historyQuery(query))),
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

/** What the page watches. Each event is whole: one that asks again with `Last-Event-ID` has missed nothing it needs. */
export function eventsRoute(streams: EventStreams, deps: ViewDeps): Route {
  const handle: Route['handle'] = ({ query }) => {
    const { 'content-type': type = '', ...headers } = EVENT_HEADERS
    if (!streams.hasRoom) return { ...text(503, `${MAX_VIEWERS} watch already`), headers: { 'retry-after': '5' } }
    return { status: 200, type, headers, body: (response) => streams.add(viewOf(query, deps), response) }
  }
  return { method: 'GET', path: '/events', help: `server-sent events for the page; ?view=${VIEWS.join('|')}`, handle }
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
  return connectionRows(open, nowMs, limit)
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
