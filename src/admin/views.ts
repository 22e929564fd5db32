import type { Clock } from '../core/clock.js'
import {
  type CollectionName,
  DIGEST_SORTS,
  type DigestQuery,
  type DigestRow,
  type HistoryQuery,
  type OperationRow,
  type SlowOperation,
  type SlowReport,
} from '../core/reports.js'
import { checkedReports, topologyReports } from './clusters.js'
import { connectionRows } from './connections.js'
import type { WatchedView } from './event-streams.js'
import type { Frame, ViewName, ViewParts } from './frames.js'
import type { AdminSources } from './sources.js'

export const VIEWS: readonly ViewName[] = [
  'overview',
  'collections',
  'collection',
  'shapes',
  'shape',
  'slow',
  'operation',
  'members',
  'tables',
  'connections',
]

const TOP = 8
const MAX_SHAPES = 1_000
const SHAPES_OF_COLLECTION = 100
const MAX_SLOW = 200
const SLOW_EXAMPLES = 20
/** All that may be kept: one is looked for by its id. */
const ALL_SLOW = 10_000
const MAX_CONNECTIONS = 500
/** In lists; a shape of its own is shown whole. */
const MAX_SHAPE_TEXT = 240

export interface ViewDeps {
  readonly sources: AdminSources
  readonly clock: Clock
  /** Where a trace is looked at; '' when nobody said. */
  readonly traceUrl: string
  /** Of this process: another one begins its numbers anew. */
  readonly bootId: string
}

/** What the page asks to see, from the query of `/events`. Unknown names mean the overview. */
export function viewOf(query: URLSearchParams, deps: ViewDeps): WatchedView {
  const asked = query.get('view') ?? ''
  const name = VIEWS.find((view) => view === asked) ?? 'overview'
  const parts = PARTS[name]
  const params = Object.fromEntries(parts.params.map((param) => [param, text(query, param)]))
  const of = (param: string) => params[param] ?? ''
  return {
    key: JSON.stringify([name, params]),
    everyMs: parts.everyMs ?? 1_000,
    frame: (): Frame => ({ view: name, ...common(deps), ...parts.frame(deps, of) }),
  }
}

const MAX_TEXT = 1_000
const text = (query: URLSearchParams, param: string): string => (query.get(param) ?? '').slice(0, MAX_TEXT)

type Of = (param: string) => string

interface Parts {
  /** Those that tell one view from another. */
  readonly params: readonly string[]
  readonly everyMs?: number
  frame(deps: ViewDeps, of: Of): ViewParts
}

const NAME = ['cluster', 'database', 'collection'] as const

const PARTS: Readonly<Record<ViewName, Parts>> = {
  overview: { params: [], frame: ({ sources }) => overview(sources) },
  collections: {
    params: ['by'],
    frame: ({ sources }, of) => rows(sources, of('by')),
  },
  collection: { params: NAME, frame: ({ sources }, of) => collection(sources, nameOf(of)) },
  shapes: {
    params: ['sort', ...NAME, 'command'],
    everyMs: 2_000,
    frame: ({ sources }, of) => shapes(sources, { ...queryOf(of, MAX_SHAPES), shapeId: '' }),
  },
  shape: {
    params: ['shape', ...NAME],
    frame: ({ sources }, of) => shape(sources, { ...queryOf(of, TOP * 10), shapeId: of('shape') }),
  },
  slow: { params: [], frame: ({ sources }) => ({ slow: listed(sources.slow(MAX_SLOW)) }) },
  operation: { params: ['id'], frame: ({ sources }, of) => operation(sources, Number(of('id'))) },
  members: {
    params: [],
    frame: ({ sources }) => ({ ...membersOf(sources), memberListeners: sources.memberListeners() }),
  },
  tables: { params: [], frame: ({ sources }) => ({ tables: sources.tables() }) },
  connections: {
    params: [],
    everyMs: 2_000,
    frame: ({ sources, clock }) => ({
      open: connectionRows(sources.connections(), clock.now(), MAX_CONNECTIONS),
      listeners: sources.listeners(),
    }),
  },
}

/** What every view has above: who it is, how it is, the totals, and the last step of the charts: a page that has those before needs no more. */
function common({ sources, traceUrl, bootId }: ViewDeps) {
  const { totals } = sources.operations('collection')
  return {
    product: { name: 'oplens', version: sources.version, bootId },
    readiness: sources.readiness(),
    live: sources.live(),
    totals,
    last: sources.history(undefined, 1),
    slowTotal: sources.slow(1).total,
    tablesTotal: sources.tables().rowsTotal,
    traceUrl,
  }
}

function rows(sources: AdminSources, by: string) {
  const { rows, rowsTotal } = sources.operations(by === 'command' ? 'command' : 'collection')
  return { rows, rowsTotal }
}

function overview(sources: AdminSources) {
  const { rows, rowsTotal } = sources.operations('collection')
  const shown = rows.filter(({ isControl }) => !isControl)
  return {
    ...membersOf(sources),
    listeners: sources.listeners(),
    rows: slowest(shown),
    rowsTotal,
    digests: shapes(sources, { ...EVERYTHING, sort: 'load', limit: TOP }).digests,
    slow: listed(sources.slow(TOP)),
  }
}

/** Where the time goes, then what is asked most. */
function slowest(rows: readonly OperationRow[]): readonly OperationRow[] {
  return rows.toSorted((a, b) => b.timeRate - a.timeRate || b.rate - a.rate).slice(0, TOP)
}

function membersOf(sources: AdminSources) {
  const clusters = sources.clusters()
  return { topologies: topologyReports(clusters, sources), checked: checkedReports(clusters, sources) }
}

function collection(sources: AdminSources, name: CollectionName) {
  const isIts = (row: CollectionName) =>
    row.collection === name.collection &&
    row.database === name.database &&
    (name.cluster === '' || row.cluster === name.cluster)
  const digests = shapes(sources, { ...EVERYTHING, ...name, sort: 'load', limit: SHAPES_OF_COLLECTION }).digests
  const slow = sources.slow(ALL_SLOW)
  return {
    all: sources.operations('collection', name).rows,
    rows: sources.operations('command', name).rows,
    // To a query '' is any name; here it is a name.
    digests: { ...digests, rows: digests.rows.filter(isIts) },
    slow: listed({ ...slow, operations: slow.operations.filter(isIts).slice(0, SLOW_EXAMPLES) }),
  }
}

function shapes(sources: AdminSources, query: DigestQuery) {
  const { rows, ...rest } = sources.digests(query)
  return { digests: { ...rest, rows: rows.map(shortened) } }
}

/** Each has a view of its own, where it is whole. */
function listed(report: SlowReport): SlowReport {
  return { ...report, operations: report.operations.map((one) => ({ ...shortened(one), values: '' })) }
}

function shortened<Row extends DigestRow | SlowOperation>(row: Row): Row {
  return row.shape.length <= MAX_SHAPE_TEXT ? row : { ...row, shape: `${row.shape.slice(0, MAX_SHAPE_TEXT)}…` }
}

function shape(sources: AdminSources, query: DigestQuery) {
  const slow = sources.slow(ALL_SLOW)
  const isIts = (row: CollectionName & { readonly shapeId: string }) =>
    row.shapeId === query.shapeId && (query.cluster === '' || row.cluster === query.cluster)
  return {
    digests: sources.digests(query),
    slow: listed({ ...slow, operations: slow.operations.filter(isIts).slice(0, SLOW_EXAMPLES) }),
  }
}

function operation(sources: AdminSources, id: number) {
  const { operations, ...rest } = sources.slow(ALL_SLOW)
  return { slow: { ...rest, operations: operations.filter((one) => one.id === id) } }
}

const EVERYTHING: DigestQuery = {
  sort: 'total',
  cluster: '',
  database: '',
  collection: '',
  command: '',
  shapeId: '',
  limit: TOP,
}

const nameOf = (of: Of): CollectionName => ({
  cluster: of('cluster'),
  database: of('database'),
  collection: of('collection'),
})

function queryOf(of: Of, limit: number): DigestQuery {
  const sort = DIGEST_SORTS.find((one) => one === of('sort')) ?? 'total'
  return { ...nameOf(of), sort, command: of('command'), shapeId: '', limit }
}

/** What `/history` is asked: everything when no name is given. */
export function historyQuery(query: URLSearchParams): HistoryQuery | undefined {
  if (![...NAME, 'command'].some((param) => query.has(param))) return undefined
  return { ...nameOf((param) => text(query, param)), command: text(query, 'command') }
}
