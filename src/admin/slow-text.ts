import { isoTime } from '../core/clock.js'
import type { SlowOperation, SlowReport } from '../core/reports.js'
import { type Column, cut, formatMs, namespaceText, shortened, table, visible } from './text-table.js'

const COLUMNS: readonly Column<SlowOperation>[] = [
  { title: 'ID', cell: (o) => String(o.id) },
  { title: 'STARTED', isText: true, cell: (o) => isoTime(o.atMs) },
  { title: 'TOOK', cell: (o) => formatMs(o.durationMs) },
  { title: 'CLUSTER', isText: true, cell: (o) => shortened(o.cluster) },
  { title: 'NAMESPACE', isText: true, cell: (o) => shortened(namespaceText(o)) },
  { title: 'COMMAND', isText: true, cell: (o) => shortened(o.command) },
  { title: 'OUTCOME', isText: true, cell: (o) => (o.codeName === '' ? o.outcome : shortened(o.codeName)) },
  { title: 'DOCS', cell: (o) => String(o.documents + o.batchSize) },
  { title: 'BYTES', cell: (o) => String(o.requestBytes + o.replyBytes) },
  { title: 'HOST', isText: true, cell: (o) => shortened(o.host) || '-' },
  { title: 'APPLICATION', isText: true, cell: (o) => shortened(o.application) || '-' },
  { title: 'SHAPE ID', isText: true, cell: (o) => o.shapeId || '-' },
  { title: 'SHAPE', isText: true, cell: (o) => cut(o.shape, MAX_SHAPE) },
]

/** The columns before it take some 150. */
const MAX_SHAPE = 100

/** Slow operations for a terminal, the newest first. */
export function slowText({ isEnabled, operations, total }: SlowReport): string {
  if (!isEnabled) return SLOW_LOG_IS_OFF
  return `${table(COLUMNS, operations)}\n${operations.length} shown; ${total} since the start. ?id= shows one with everything.\n`
}

export const SLOW_LOG_IS_OFF = 'The slow log is off: observe.slow_log.enabled is false.\n'

/** Everything of one, a line each; what there is nothing to say of is left out. */
export function slowOperationText(operation: SlowOperation): string {
  const { atMs, ...fields } = operation
  const lines = Object.entries(fields).filter(([, value]) => value !== '' && value !== -1)
  const width = Math.max(...lines.map(([name]) => name.length))
  const line = (name: string, value: unknown) => `${name.padEnd(width)}  ${visible(String(value))}\n`
  return [line('startedAt', isoTime(atMs)), ...lines.map(([name, value]) => line(name, value))].join('')
}
