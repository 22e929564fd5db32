import type { CallNumbers, OperationRow, TableRow } from '../core/reports.js'
import { type Column, formatMs, formatRate, namespaceText, shortened, table } from './text-table.js'

/** An operation over several tables has their names. */
function namespaceOf(row: OperationRow): string {
  return row.database === '' && row.collection === '' && row.tables.length > 0
    ? row.tables.join(', ')
    : namespaceText(row)
}

const COLUMNS: readonly Column<OperationRow>[] = [
  { title: 'CLUSTER', isText: true, cell: (r) => shortened(r.cluster) },
  { title: 'NAMESPACE', isText: true, cell: (r) => shortened(namespaceOf(r)) },
  { title: 'COMMAND', isText: true, cell: (r) => (r.command === '' ? '*' : shortened(r.command)) },
  { title: 'OPS/S', cell: (r) => formatRate(r.rate) },
  { title: 'ERR/S', cell: (r) => formatRate(r.errorRate) },
  { title: 'P50', cell: (r) => formatMs(r.p50Ms) },
  { title: 'P95', cell: (r) => formatMs(r.p95Ms) },
  { title: 'P99', cell: (r) => formatMs(r.p99Ms) },
  { title: 'DOCS/S', cell: (r) => formatRate(r.documentsRate) },
  { title: 'OPERATIONS', cell: (r) => String(r.operations) },
  { title: 'ERRORS', cell: (r) => String(r.errors) },
]

const ofCalls = (title: string, value: (calls: CallNumbers) => string): Column<OperationRow> => ({
  title,
  cell: ({ calls }) => (calls === null ? '-' : value(calls)),
})

/** Only where some row has them. */
const CALL_COLUMNS: readonly Column<OperationRow>[] = [
  ofCalls('UNITS/S', (c) => formatRate(c.readUnitsRate + c.writeUnitsRate)),
  ofCalls('THROTTLED', (c) => String(c.throttled)),
  ofCalls('RETRIES', (c) => String(c.retries)),
]

const TABLE_COLUMNS: readonly Column<TableRow>[] = [
  { title: 'CLUSTER', isText: true, cell: (r) => shortened(r.cluster) },
  { title: 'TABLE', isText: true, cell: (r) => shortened(r.table) },
  { title: 'OPS/S', cell: (r) => formatRate(r.rate) },
  { title: 'ERR/S', cell: (r) => formatRate(r.errorRate) },
  { title: 'READ/S', cell: (r) => formatRate(r.readUnitsRate) },
  { title: 'WRITE/S', cell: (r) => formatRate(r.writeUnitsRate) },
  { title: 'READ UNITS', cell: (r) => formatUnits(r.readUnits) },
  { title: 'WRITE UNITS', cell: (r) => formatUnits(r.writeUnits) },
  { title: 'THROTTLED', cell: (r) => String(r.throttled) },
  { title: 'RETRIES', cell: (r) => String(r.retries) },
  { title: 'UNPROCESSED', cell: (r) => String(r.unprocessed) },
  { title: 'OPERATIONS', cell: (r) => String(r.operations) },
]

/** Capacity comes in halves; sums of them need no more. */
const formatUnits = (units: number): string => String(Math.round(units * 10) / 10)

/** Operations as columns for a terminal, and below them the tables of databases that have such. */
export function operationsText(rows: readonly OperationRow[], tables: readonly TableRow[]): string {
  const hasCalls = rows.some(({ calls }) => calls !== null)
  const operations = table(hasCalls ? [...COLUMNS, ...CALL_COLUMNS] : COLUMNS, rows)
  return tables.length === 0 ? operations : `${operations}\n${table(TABLE_COLUMNS, tables)}`
}
