// What tables of query shapes and of slow operations show.

import type { DigestRow, SlowOperation } from '../../../core/reports.js'
import { bytes, count, duration, load, namespaceOf, perSecond, timeOf, visible, whole } from '../data/format.js'
import { collectionHref, shapeHref, slowHref } from '../data/route.js'
import type { Column } from './data-table.js'
import { percentile } from './operation-columns.js'

type Col = Column<DigestRow>

export const shapeKey = (row: DigestRow): string =>
  [row.shapeId, row.protocol, row.cluster, row.database, row.collection, row.command].join('\0')

export const shapeTextOf = (row: DigestRow): string =>
  `${row.cluster} ${namespaceOf(row)} ${row.command} ${row.shape} ${row.shapeId}`

/** In one line: the command says most where there is no more. */
export function shapeName({ command, shape, shapeId }: Pick<DigestRow, 'command' | 'shape' | 'shapeId'>): string {
  if (shapeId === '') return `${visible(command)} (no shape of its own)`
  return shape === '' ? visible(command) : `${visible(command)} ${visible(shape)}`
}

export const SHAPE: Col = {
  id: 'shape',
  title: 'Query shape',
  explain: 'The command and what it asks, with types in place of values',
  isText: true,
  value: shapeName,
  hint: shapeName,
  cell: (row) => (row.shapeId === '' ? shapeName(row) : <a href={shapeHref(row.shapeId, row)}>{shapeName(row)}</a>),
}

export const SHAPE_COLLECTION: Col = {
  id: 'namespace',
  title: 'Collection',
  explain: 'Database and collection, or table',
  isText: true,
  value: namespaceOf,
  hint: (row) => `${visible(row.cluster)} / ${namespaceOf(row)}`,
  cell: (row) => <a href={collectionHref(row)}>{namespaceOf(row)}</a>,
}

/** In one cell, where there is room for one. */
export const SHAPE_WITH_COLLECTION: Col = {
  ...SHAPE,
  hint: (row) => `${namespaceOf(row)}: ${shapeName(row)}`,
  cell: (row) => (
    <>
      <span class="dim">{namespaceOf(row)}</span> {SHAPE.cell(row)}
    </>
  ),
}

export const SHAPE_SHORT: readonly Col[] = [
  {
    id: 'load',
    title: 'Load',
    explain: 'Operations in progress on average: seconds of waiting in each second',
    value: (row) => row.timeRate,
    cell: (row) => load(row.timeRate),
    className: (row) => (row.timeRate === 0 ? 'zero' : ''),
  },
  {
    id: 'rate',
    title: 'Ops/s',
    explain: 'Operations per second over the last five seconds',
    value: (row) => row.rate,
    cell: (row) => perSecond(row.rate),
    className: (row) => (row.rate === 0 ? 'zero' : ''),
  },
  percentile('p50Ms', 'mid'),
  percentile('p95Ms', 'mid'),
  percentile('p99Ms'),
]

export const SHAPE_NUMBERS: readonly Col[] = [
  ...SHAPE_SHORT,
  {
    id: 'total',
    title: 'Time',
    explain: 'Time spent since it was first seen',
    value: (row) => row.totalMs,
    cell: (row) => duration(row.totalMs),
    from: 'mid',
  },
  {
    id: 'max',
    title: 'Slowest',
    explain: 'The one that took longest',
    from: 'mid',
    value: (row) => row.maxMs,
    cell: (row) => duration(row.maxMs),
  },
  {
    id: 'documents',
    title: 'Docs/op',
    explain: 'Documents returned and sent by an operation on average',
    from: 'wide',
    value: docsPerOperation,
    cell: (row) => perSecond(docsPerOperation(row)),
    hint: (row) => `${whole(row.documentsReturned)} returned, ${whole(row.documentsSent)} sent so far`,
  },
  {
    id: 'bytes',
    title: 'Bytes/op',
    explain: 'Bytes of request and replies of an operation on average',
    from: 'wide',
    value: bytesPerOperation,
    cell: (row) => bytes(bytesPerOperation(row)),
  },
  {
    id: 'operations',
    title: 'Total',
    explain: 'Operations since it was first seen',
    from: 'wide',
    value: (row) => row.operations,
    cell: (row) => count(row.operations),
    hint: (row) => (row.getMores > 0 ? `and ${whole(row.getMores)} further batches` : ''),
  },
  {
    id: 'errors',
    title: 'Errors',
    explain: 'Failed operations since it was first seen',
    value: (row) => row.errors,
    cell: (row) => count(row.errors),
    className: (row) => (row.errors > 0 ? 'bad' : 'zero'),
  },
]

function docsPerOperation({ documentsReturned, documentsSent, operations }: DigestRow): number {
  return (documentsReturned + documentsSent) / Math.max(operations, 1)
}

function bytesPerOperation({ requestBytes, replyBytes, operations }: DigestRow): number {
  return (requestBytes + replyBytes) / Math.max(operations, 1)
}

type SlowCol = Column<SlowOperation>

export const slowKey = (one: SlowOperation): string => String(one.id)

export const slowTextOf = (one: SlowOperation): string =>
  [one.cluster, namespaceOf(one), one.command, one.shape, one.host, one.peer, one.application, one.outcome].join(' ')

export const isFailed = ({ outcome }: SlowOperation): boolean => outcome !== 'ok' && outcome !== 'unacknowledged'

export const SLOW_COLUMNS: readonly SlowCol[] = [
  {
    id: 'at',
    title: 'Started',
    explain: 'When it started',
    isText: true,
    value: (one) => one.atMs,
    cell: (one) => <a href={slowHref(one.id)}>{timeOf(one.atMs)}</a>,
    className: () => 'narrow',
  },
  {
    id: 'duration',
    title: 'Took',
    explain: 'From request to the end of the reply',
    value: (one) => one.durationMs,
    cell: (one) => duration(one.durationMs),
  },
  {
    id: 'namespace',
    title: 'Collection',
    explain: 'Database and collection, or table',
    isText: true,
    value: namespaceOf,
    cell: (one) => <a href={collectionHref(one)}>{namespaceOf(one)}</a>,
  },
  {
    id: 'shape',
    title: 'What',
    explain: 'The command and its shape',
    isText: true,
    value: shapeName,
    hint: shapeName,
    className: () => 'stretch',
    cell: (one) => (one.shapeId === '' ? shapeName(one) : <a href={shapeHref(one.shapeId, one)}>{shapeName(one)}</a>),
  },
  {
    id: 'outcome',
    title: 'Outcome',
    explain: 'How it ended',
    isText: true,
    value: (one) => one.outcome,
    cell: (one) => visible(one.codeName || one.outcome),
    className: (one) => (isFailed(one) ? 'bad' : 'zero'),
  },
  {
    id: 'application',
    title: 'Application',
    explain: 'As the client says it is called; its address where it says nothing',
    isText: true,
    from: 'mid',
    value: (one) => one.application || one.peer,
    cell: (one) => visible(one.application || one.peer),
  },
  {
    id: 'member',
    title: 'Member',
    explain: 'Who answered',
    isText: true,
    from: 'wide',
    value: (one) => one.host,
    cell: (one) => visible(one.host || '–'),
  },
]
