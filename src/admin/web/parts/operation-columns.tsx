// What tables of operations show.

import type { OperationRow } from '../../../core/reports.js'
import { bytes, count, duration, load, namespaceOf, perSecond, units, visible, whole } from '../data/format.js'
import { collectionHref } from '../data/route.js'
import type { Column } from './data-table.js'

type Col = Column<OperationRow>

export const keyOf = (row: OperationRow): string =>
  [row.protocol, row.cluster, row.database, row.collection, row.command].join('\0')

export const textOf = (row: OperationRow): string => `${row.cluster} ${namespaceOf(row)} ${row.command}`

const zero = (value: number): string => (value === 0 ? 'zero' : '')
const bad = (value: number): string => (value > 0 ? 'bad' : 'zero')

/** Cluster and collection, as a link to it. */
export const collectionColumn = (hasClusters: boolean): Col => ({
  id: 'namespace',
  title: 'Collection',
  explain: 'Database and collection, or table',
  isText: true,
  value: namespaceOf,
  hint: (row) => `${visible(row.cluster)} / ${namespaceOf(row)}`,
  cell: (row) => (
    <a href={collectionHref(row)}>
      {hasClusters && <span class="dim mid">{visible(row.cluster)} / </span>}
      {namespaceOf(row)}
    </a>
  ),
})

export const COMMAND: Col = {
  id: 'command',
  title: 'Command',
  explain: 'What the application asked for',
  isText: true,
  value: (row) => row.command,
  cell: (row) => (row.command === '' ? 'all' : visible(row.command)),
}

export const LOAD: Col = {
  id: 'load',
  title: 'Load',
  explain: 'Operations in progress on average: seconds of waiting in each second',
  value: (row) => row.timeRate,
  cell: (row) => load(row.timeRate),
  className: (row) => zero(row.timeRate),
}

const RATE: Col = {
  id: 'rate',
  title: 'Ops/s',
  explain: 'Operations per second over the last five seconds',
  value: (row) => row.rate,
  cell: (row) => perSecond(row.rate),
  className: (row) => zero(row.rate),
}

const ERROR_RATE: Col = {
  id: 'errorRate',
  title: 'Errors/s',
  explain: 'Failed operations per second over the last five seconds',
  value: (row) => row.errorRate,
  cell: (row) => perSecond(row.errorRate),
  className: (row) => bad(row.errorRate),
}

export function percentile<Row extends { readonly isRecent: boolean }>(
  id: 'p50Ms' | 'p95Ms' | 'p99Ms',
  from?: 'mid' | 'wide',
): Column<Row & Readonly<Record<typeof id, number | null>>> {
  const title = id.slice(0, 3)
  return {
    id: title,
    title,
    explain: `${title.slice(1)} of 100 took no longer, from request to reply, over the last minute`,
    value: (row) => row[id] ?? -1,
    cell: (row) => duration(row[id]),
    className: (row) => (row[id] === null ? 'zero' : row.isRecent ? '' : 'old'),
    hint: (row) => (row[id] !== null && !row.isRecent ? 'Since the start: nothing ended in the last minute' : ''),
    ...(from === undefined ? {} : { from }),
  }
}

const DOCUMENTS: Col = {
  id: 'documents',
  title: 'Docs/s',
  explain: 'Documents or items returned and sent per second',
  from: 'mid',
  value: (row) => row.documentsRate,
  cell: (row) => perSecond(row.documentsRate),
  className: (row) => zero(row.documentsRate),
  hint: (row) => {
    const scanned = row.calls === null || row.calls.scanned === 0 ? '' : `, ${whole(row.calls.scanned)} looked at`
    return `${whole(row.documentsReturned)} returned${scanned}, ${whole(row.documentsSent)} sent so far`
  },
}

const BYTES: Col = {
  id: 'bytes',
  title: 'Bytes/s',
  explain: 'Bytes of requests and replies per second',
  from: 'wide',
  value: (row) => row.bytesRate,
  cell: (row) => bytes(row.bytesRate),
  className: (row) => zero(row.bytesRate),
  hint: (row) => `${bytes(row.requestBytes)} of requests, ${bytes(row.replyBytes)} of replies so far`,
}

const unitsRate = ({ calls }: OperationRow): number =>
  calls === null ? -1 : calls.readUnitsRate + calls.writeUnitsRate

const CALLS: readonly Col[] = [
  {
    id: 'units',
    title: 'Units/s',
    explain: 'Capacity units per second, of operations that ask for ReturnConsumedCapacity',
    from: 'mid',
    value: unitsRate,
    cell: (row) => (row.calls === null ? '–' : perSecond(unitsRate(row))),
    className: (row) => (unitsRate(row) <= 0 ? 'zero' : ''),
    hint: ({ calls }) =>
      calls === null ? '' : `${units(calls.readUnits)} read, ${units(calls.writeUnits)} write units so far`,
  },
  {
    id: 'throttled',
    title: 'Throttled',
    explain: 'Refused as too many since the start',
    from: 'mid',
    value: ({ calls }) => calls?.throttled ?? -1,
    cell: ({ calls }) => (calls === null ? '–' : count(calls.throttled)),
    className: ({ calls }) => bad(calls?.throttled ?? 0),
  },
  {
    id: 'retries',
    title: 'Retries',
    explain: 'Second and later tries of clients since the start',
    from: 'wide',
    value: ({ calls }) => calls?.retries ?? -1,
    cell: ({ calls }) => (calls === null ? '–' : count(calls.retries)),
    className: ({ calls }) => zero(calls?.retries ?? 0),
  },
]

const TOTAL: Col = {
  id: 'operations',
  title: 'Total',
  explain: 'Operations since the start',
  from: 'wide',
  value: (row) => row.operations,
  cell: (row) => count(row.operations),
  hint: (row) => (row.awaited > 0 ? `and ${whole(row.awaited)} that waited on purpose` : ''),
}

const ERRORS: Col = {
  id: 'errors',
  title: 'Errors',
  explain: 'Failed operations since the start',
  value: (row) => row.errors,
  cell: (row) => count(row.errors),
  className: (row) => bad(row.errors),
}

/** Of a few rows. */
export const SHORT: readonly Col[] = [
  LOAD,
  RATE,
  ERROR_RATE,
  percentile('p50Ms', 'mid'),
  percentile('p95Ms', 'mid'),
  percentile('p99Ms'),
]

/** @param hasCalls some row is of a protocol inside HTTP */
export function numberColumns(hasCalls: boolean): readonly Col[] {
  return [...SHORT, DOCUMENTS, BYTES, ...(hasCalls ? CALLS : []), TOTAL, ERRORS]
}
