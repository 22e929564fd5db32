import { OTHER } from '../core/exchange.js'
import type { OperationTotals, TableTotals } from './application.js'
import type { WorkloadRow } from './demo-backend.js'
import { formatTable } from './table.js'

export interface DemoSummary {
  readonly text: string
  /** The proxy saw exactly what the drivers did. */
  readonly isEqual: boolean
}

export interface Seen {
  readonly operations: readonly OperationTotals[]
  readonly tables: readonly TableTotals[]
}

/** What the proxy counted, beside what the workloads' own drivers say they did. */
export function summarize({ operations, tables }: Seen, done: readonly WorkloadRow[]): DemoSummary {
  const shown = operations.filter((row) => !NOT_COMPARED.has(row.command)).sort(byName)
  const compared = done.filter(({ command }) => !NOT_COMPARED.has(command))
  const operationsSeen = sumsOf(shown, nameOf)
  const operationsDone = driverSums(shown, compared)
  const differences = [
    ...compare(operationsSeen, operationsDone),
    ...compare(
      sumsOf(tables, ({ table }) => `table ${table}`),
      tableSums(compared),
    ),
  ]
  const total = compared.reduce((sum, { count }) => sum + count, 0)
  const lost = [...operationsDone].reduce((sum, [name, own]) => sum + lostOf(own, operationsSeen.get(name)), 0)
  const verdict =
    differences.length === 0
      ? `The drivers did ${total} operations; oplens counted the same, command by command and table by table.${lostWords(lost)}`
      : `The drivers did ${total} operations, and oplens does not agree:\n  ${differences.join('\n  ')}`
  return { text: `${formatTable([HEADER, ...shown.map(cellsOf)])}\n\n${verdict}`, isEqual: differences.length === 0 }
}

/** Handshakes and monitoring raise no events of the driver; endSessions is sent as it leaves, and nobody waits for it. */
const NOT_COMPARED = new Set(['hello', 'isMaster', 'ismaster', 'saslStart', 'saslContinue', 'endSessions'])

const HEADER = [
  ...['collection', 'command', 'operations', 'errors', 'p50', 'p95', 'p99'],
  ...['items', 'units', 'throttled', 'retries'],
]

function cellsOf(row: OperationTotals): string[] {
  const { calls } = row
  return [
    namespaceOf(row) || '-',
    row.command,
    String(row.operations),
    String(row.errors),
    milliseconds(row.p50Ms),
    milliseconds(row.p95Ms),
    milliseconds(row.p99Ms),
    String(row.documentsReturned + row.documentsSent),
    calls === null ? '-' : String(Math.round((calls.readUnits + calls.writeUnits) * 10) / 10),
    calls === null ? '-' : String(calls.throttled),
    calls === null ? '-' : String(calls.retries),
  ]
}

interface Sum {
  readonly operations: number
  readonly errors: number
}

interface DriverSum extends Sum {
  /** Writes that it waited for no answer of. */
  readonly unanswered: number
}

type Sums = ReadonlyMap<string, Sum>

function sumsOf<Row extends Sum>(rows: readonly Row[], name: (row: Row) => string): Sums {
  const sums = new Map<string, Sum>()
  for (const row of rows) add(sums, name(row), row)
  return sums
}

function driverSums(seen: readonly OperationTotals[], done: readonly WorkloadRow[]): ReadonlyMap<string, DriverSum> {
  const known = new Set(seen.map(nameOf))
  const sums = new Map<string, DriverSum>()
  for (const row of done) {
    const name = nameAt(known, row)
    const before = sums.get(name) ?? { operations: 0, errors: 0, unanswered: 0 }
    const { operations, errors } = sumOf(row)
    const unanswered = before.unanswered + (row.outcome === 'unacknowledged' ? row.count : 0)
    sums.set(name, { operations: before.operations + operations, errors: before.errors + errors, unanswered })
  }
  return sums
}

function tableSums(done: readonly WorkloadRow[]): Sums {
  const sums = new Map<string, Sum>()
  for (const row of done) for (const table of row.tables) add(sums, `table ${table}`, sumOf(row))
  return sums
}

const sumOf = ({ outcome, count }: WorkloadRow): Sum => ({
  operations: count,
  errors: outcome === 'ok' || outcome === 'unacknowledged' ? 0 : count,
})

function add(sums: Map<string, Sum>, name: string, { operations, errors }: Sum): void {
  const sum = sums.get(name)
  sums.set(name, { operations: operations + (sum?.operations ?? 0), errors: errors + (sum?.errors ?? 0) })
}

/** Of the writes that a driver waits for no answer of, the share that may be lost with connections that an election cuts. */
const MAX_LOST_SHARE = 0.1

/**
 * Writes that never reached the proxy: a driver that waits for no answer takes them for done when it has written them to a
 * connection, also to one that is being cut. 0 when the difference has another reason.
 */
function lostOf(driver: DriverSum, proxy: Sum | undefined): number {
  const missing = driver.operations - (proxy?.operations ?? 0)
  const isPossible = missing > 0 && missing <= Math.ceil(driver.unanswered * MAX_LOST_SHARE)
  return isPossible && driver.errors === (proxy?.errors ?? 0) ? missing : 0
}

const lostWords = (lost: number): string =>
  lost === 0 ? '' : ` Beside them, ${lost} unacknowledged writes went down with connections that an election cut.`

/** One sentence for each name on which the two do not agree. */
function compare(proxy: Sums, driver: ReadonlyMap<string, Sum | DriverSum>): string[] {
  return [...new Set([...driver.keys(), ...proxy.keys()])].sort().flatMap((name) => {
    const [own, other] = [driver.get(name), proxy.get(name)]
    if (own?.operations === other?.operations && own?.errors === other?.errors) return []
    if (own !== undefined && 'unanswered' in own && lostOf(own, other) > 0) return []
    return [`${name}: driver ${words(own)}, oplens ${words(other)}`]
  })
}

/** A command that is in no table (the demo makes one up) is counted as `__other__`, and its target is not known. */
function nameAt(known: ReadonlySet<string>, row: WorkloadRow): string {
  const other = nameOf({ ...row, command: OTHER })
  return known.has(nameOf(row)) || !known.has(other) ? nameOf(row) : other
}

const words = (sum: Sum | undefined): string =>
  sum === undefined ? 'none' : `${sum.operations} (${sum.errors} errors)`

interface Named {
  readonly database: string
  readonly collection: string
  readonly tables: readonly string[]
  readonly command: string
}

const nameOf = (row: Named): string => `${row.command} on ${namespaceOf(row)}`

/** Of operations over several tables the proxy keeps one row. */
function namespaceOf({ database, collection, tables }: Named): string {
  if (database !== '' && collection !== '') return `${database}.${collection}`
  return database || collection || tables.join(', ')
}

const byName = (a: OperationTotals, b: OperationTotals): number =>
  namespaceOf(a).localeCompare(namespaceOf(b)) || a.command.localeCompare(b.command)

const milliseconds = (ms: number | null): string =>
  ms === null ? '-' : `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`
