import { OTHER } from '../core/exchange.js'
import type { OperationTotals } from './application.js'
import type { WorkloadRow } from './demo-backend.js'
import { formatTable } from './table.js'

export interface DemoSummary {
  readonly text: string
  /** The proxy saw exactly what the driver did. */
  readonly isEqual: boolean
}

/** What the proxy counted, beside what the workload's own driver says it did. */
export function summarize(seen: readonly OperationTotals[], done: readonly WorkloadRow[]): DemoSummary {
  const shown = seen.filter((row) => !NOT_COMPARED.has(row.command)).sort(byName)
  const compared = done.filter(({ command }) => !NOT_COMPARED.has(command))
  const differences = compare(seen, compared)
  const total = compared.reduce((sum, { count }) => sum + count, 0)
  const verdict =
    differences.length === 0
      ? `The driver did ${total} operations; oplens counted the same, command by command.`
      : `The driver did ${total} operations, and oplens does not agree:\n  ${differences.join('\n  ')}`
  return { text: `${formatTable([HEADER, ...shown.map(cellsOf)])}\n\n${verdict}`, isEqual: differences.length === 0 }
}

/** Handshakes and monitoring raise no events of the driver; endSessions is sent as it leaves, and nobody waits for it. */
const NOT_COMPARED = new Set(['hello', 'isMaster', 'ismaster', 'saslStart', 'saslContinue', 'endSessions'])

const HEADER = ['collection', 'command', 'operations', 'errors', 'p50', 'p95', 'p99']

const cellsOf = (row: OperationTotals): string[] => [
  namespaceOf(row),
  row.command,
  String(row.operations),
  String(row.errors),
  milliseconds(row.p50Ms),
  milliseconds(row.p95Ms),
  milliseconds(row.p99Ms),
]

interface Sum {
  operations: number
  errors: number
}

/** One sentence per command and collection on which the two do not agree. */
function compare(seen: readonly OperationTotals[], done: readonly WorkloadRow[]): string[] {
  const proxy = new Map<string, Sum>()
  for (const row of seen) if (!NOT_COMPARED.has(row.command)) proxy.set(nameOf(row), row)
  const driver = new Map<string, Sum>()
  for (const row of done) {
    const name = nameAt(proxy, row)
    const sum = driver.get(name) ?? { operations: 0, errors: 0 }
    sum.operations += row.count
    if (row.outcome !== 'ok' && row.outcome !== 'unacknowledged') sum.errors += row.count
    driver.set(name, sum)
  }
  return [...new Set([...driver.keys(), ...proxy.keys()])].sort().flatMap((name) => {
    const [own, other] = [driver.get(name), proxy.get(name)]
    if (own?.operations === other?.operations && own?.errors === other?.errors) return []
    return [`${name}: driver ${words(own)}, oplens ${words(other)}`]
  })
}

/** A command that is in no table (the demo makes one up) is counted as `__other__`, and its target is not known. */
function nameAt(proxy: ReadonlyMap<string, Sum>, row: WorkloadRow): string {
  const other = nameOf({ ...row, command: OTHER })
  return proxy.has(nameOf(row)) || !proxy.has(other) ? nameOf(row) : other
}

const words = (sum: Sum | undefined): string =>
  sum === undefined ? 'none' : `${sum.operations} (${sum.errors} errors)`

interface Named {
  readonly database: string
  readonly collection: string
  readonly command: string
}

const nameOf = (row: Named): string => `${row.command} on ${namespaceOf(row)}`
const namespaceOf = ({ database, collection }: Named): string =>
  collection === '' ? database : `${database}.${collection}`

const byName = (a: OperationTotals, b: OperationTotals): number =>
  namespaceOf(a).localeCompare(namespaceOf(b)) || a.command.localeCompare(b.command)

const milliseconds = (ms: number | null): string =>
  ms === null ? '-' : `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`
