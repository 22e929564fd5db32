// @ts-check
// What the table of operations shows: one column each, how it is sorted and how it is written.

import { bytes, count, duration, perSecond, setText, units, visible, whole } from './format.js'

/**
 * @typedef {{readUnitsRate: number, writeUnitsRate: number, throttledRate: number, readUnits: number, writeUnits: number,
 *   throttled: number, retries: number, unprocessed: number, scanned: number}} Calls
 * @typedef {{protocol: string, cluster: string, database: string, collection: string, command: string, tables: string[],
 *   isControl: boolean, rate: number, errorRate: number, awaitedRate: number, documentsRate: number, bytesRate: number,
 *   p50Ms: number | null, p95Ms: number | null, p99Ms: number | null, isRecent: boolean, operations: number, errors: number,
 *   awaited: number, documentsReturned: number, documentsSent: number, requestBytes: number, replyBytes: number,
 *   calls: Calls | null}} Row
 * @typedef {{maxRate: number, hasClusters: boolean}} View what a cell must know of the others
 * @typedef {{id: string, title: string, explain: string, shown: string[], value: (row: Row) => number | string,
 *   fill: (cell: HTMLElement, row: Row, view: View) => void}} Column `shown`: classes that say when
 */

/**
 * DynamoDB's tables have no namespace; an operation over several has their names in place of one.
 * @param {Row} row
 */
export function namespaceOf({ protocol, database, collection, tables }) {
  const name = database !== '' && collection !== '' ? `${database}.${collection}` : database || collection
  if (name !== '' || tables.length > 0) return visible(name || tables.join(', '))
  return protocol === 'http' ? '(HTTP)' : '(none)'
}

/** @param {Row} row */
export function keyOf(row) {
  return [row.protocol, row.cluster, row.database, row.collection, row.command].join('\0')
}

/** @returns {Column} @param {'p50Ms' | 'p95Ms' | 'p99Ms'} id @param {string} title @param {string[]} shown */
function percentile(id, title, shown) {
  return {
    id,
    title,
    shown,
    explain: `${title} of the time from request to reply, over the last minute`,
    value: (row) => row[id] ?? -1,
    fill: (cell, row) => {
      setText(cell, duration(row[id]))
      cell.classList.toggle('old', row[id] !== null && !row.isRecent)
      cell.title = row[id] !== null && !row.isRecent ? 'Since the start: nothing ended in the last minute' : ''
    },
  }
}

/** @returns {Column} @param {'throttled' | 'retries'} id @param {string} title @param {string} explain @param {string[]} shown */
function calls(id, title, explain, shown) {
  return {
    id,
    title,
    explain,
    shown,
    value: (row) => row.calls?.[id] ?? -1,
    fill: (cell, row) => {
      setText(cell, row.calls === null ? '–' : count(row.calls[id]))
      cell.classList.toggle('zero', (row.calls?.[id] ?? 0) === 0)
      cell.classList.toggle('bad', id === 'throttled' && (row.calls?.throttled ?? 0) > 0)
    },
  }
}

/** @type {Column[]} */
export const COLUMNS = [
  {
    id: 'namespace',
    title: 'Collection',
    explain: 'Database and collection, or table',
    shown: [],
    value: namespaceOf,
    fill: (cell, row, { hasClusters }) => {
      const name = hasClusters ? `${visible(row.cluster)} / ${namespaceOf(row)}` : namespaceOf(row)
      setText(cell, name)
      cell.title = name
    },
  },
  {
    id: 'command',
    title: 'Command',
    explain: 'What the application asked for',
    shown: [],
    value: (row) => row.command,
    fill: (cell, row) => setText(cell, row.command === '' ? 'all' : visible(row.command)),
  },
  {
    id: 'rate',
    title: 'Ops/s',
    explain: 'Operations per second over the last five seconds',
    shown: [],
    value: (row) => row.rate,
    fill: (cell, row, { maxRate }) => {
      setText(cell, perSecond(row.rate))
      cell.classList.add('rate')
      cell.classList.toggle('zero', row.rate === 0)
      cell.style.setProperty('--share', String(maxRate > 0 ? row.rate / maxRate : 0))
    },
  },
  {
    id: 'errorRate',
    title: 'Errors/s',
    explain: 'Failed operations per second over the last five seconds',
    shown: [],
    value: (row) => row.errorRate,
    fill: (cell, row) => {
      setText(cell, perSecond(row.errorRate))
      cell.classList.toggle('zero', row.errorRate === 0)
      cell.classList.toggle('bad', row.errorRate > 0)
    },
  },
  percentile('p50Ms', 'p50', ['midonly']),
  percentile('p95Ms', 'p95', ['midonly']),
  percentile('p99Ms', 'p99', []),
  {
    id: 'documents',
    title: 'Docs/s',
    explain: 'Documents or items returned and sent per second',
    shown: ['midonly'],
    value: (row) => row.documentsRate,
    fill: (cell, row) => {
      setText(cell, perSecond(row.documentsRate))
      cell.classList.toggle('zero', row.documentsRate === 0)
      const scanned =
        row.calls === null || row.calls.scanned === 0 ? '' : `, ${whole.format(row.calls.scanned)} looked at`
      cell.title = `${whole.format(row.documentsReturned)} returned${scanned}, ${whole.format(row.documentsSent)} sent so far`
    },
  },
  {
    id: 'bytes',
    title: 'Bytes/s',
    explain: 'Bytes of requests and replies per second',
    shown: ['wideonly'],
    value: (row) => row.bytesRate,
    fill: (cell, row) => {
      setText(cell, bytes(row.bytesRate))
      cell.classList.toggle('zero', row.bytesRate === 0)
      cell.title = `${bytes(row.requestBytes)} of requests, ${bytes(row.replyBytes)} of replies so far`
    },
  },
  {
    id: 'units',
    title: 'Units/s',
    explain: 'Capacity units per second, of operations that ask for ReturnConsumedCapacity',
    shown: ['callsonly', 'midonly'],
    value: ({ calls }) => (calls === null ? -1 : calls.readUnitsRate + calls.writeUnitsRate),
    fill: (cell, { calls }) => {
      const rate = calls === null ? 0 : calls.readUnitsRate + calls.writeUnitsRate
      setText(cell, calls === null ? '–' : perSecond(rate))
      cell.classList.toggle('zero', rate === 0)
      cell.title = calls === null ? '' : `${units(calls.readUnits)} read, ${units(calls.writeUnits)} write units so far`
    },
  },
  calls('throttled', 'Throttled', 'Refused as too many since the start', ['callsonly', 'midonly']),
  calls('retries', 'Retries', 'Second and later tries of clients since the start', ['callsonly', 'wideonly']),
  {
    id: 'operations',
    title: 'Total',
    explain: 'Operations since the start',
    shown: ['wideonly'],
    value: (row) => row.operations,
    fill: (cell, row) => {
      setText(cell, count(row.operations))
      cell.title = row.awaited > 0 ? `and ${whole.format(row.awaited)} that waited on purpose` : ''
    },
  },
  {
    id: 'errors',
    title: 'Errors',
    explain: 'Failed operations since the start',
    shown: [],
    value: (row) => row.errors,
    fill: (cell, row) => {
      setText(cell, count(row.errors))
      cell.classList.toggle('zero', row.errors === 0)
      cell.classList.toggle('bad', row.errors > 0)
    },
  },
]
export const TEXT_COLUMNS = 2
