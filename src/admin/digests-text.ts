import type { DigestRow, DigestsReport } from '../core/reports.js'
import { type Column, cut, formatMs, formatRate, namespaceText, shortened, table, visible } from './text-table.js'

const COLUMNS: readonly Column<DigestRow>[] = [
  { title: 'SHAPE ID', isText: true, cell: (r) => r.shapeId || '-' },
  { title: 'CLUSTER', isText: true, cell: (r) => shortened(r.cluster) },
  { title: 'NAMESPACE', isText: true, cell: (r) => shortened(namespaceText(r)) },
  { title: 'COMMAND', isText: true, cell: (r) => shortened(r.command) },
  { title: 'OPS/S', cell: (r) => formatRate(r.rate) },
  { title: 'P50', cell: (r) => percentile(r, r.p50Ms) },
  { title: 'P95', cell: (r) => percentile(r, r.p95Ms) },
  { title: 'P99', cell: (r) => percentile(r, r.p99Ms) },
  { title: 'MAX', cell: (r) => formatMs(r.p99Ms === null ? null : r.maxMs) },
  { title: 'TOTAL', cell: (r) => formatMs(r.p99Ms === null ? null : r.totalMs) },
  { title: 'OPERATIONS', cell: (r) => String(r.operations) },
  { title: 'ERRORS', cell: (r) => String(r.errors) },
  { title: 'DOCS', cell: (r) => String(r.documentsReturned + r.documentsSent) },
  { title: 'SHAPE', isText: true, cell: (r) => cut(shapeText(r), MAX_SHAPE) },
]

/** The columns before it take some 150. */
const MAX_SHAPE = 100

/** Digests for a terminal; of one shape, its whole text too. */
export function digestsText({ isEnabled, rows, rowsTotal, other }: DigestsReport, isOfOne: boolean): string {
  if (!isEnabled) return 'Digests are off: observe.digests.enabled is false.\n'
  const shown = rows.length < rowsTotal ? `${rows.length} of ${rowsTotal} rows; ?limit= shows more. ` : ''
  const rest = other.length > 0 ? '__other__ is what had no row, or made room. ' : ''
  const legend = `${shown}${rest}Percentiles are of the last minute; with a +, of all time.`
  const shapes = isOfOne ? `\n${[...new Set(rows.map(shapeText))].map((text) => `${visible(text)}\n`).join('')}` : ''
  return `${table(COLUMNS, [...rows, ...other])}\n${legend}\n${shapes}`
}

const shapeText = ({ shape, isTruncated }: DigestRow): string => (isTruncated ? `${shape} (cut)` : shape)

const percentile = ({ isRecent }: DigestRow, ms: number | null): string =>
  ms === null || isRecent ? formatMs(ms) : `${formatMs(ms)}+`
