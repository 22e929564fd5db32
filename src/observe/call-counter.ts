import { type Exchange, THROTTLED } from '../core/exchange.js'
import { type OutcomeKind, UNKNOWN } from '../core/outcome.js'
import {
  addTo,
  type CallSeries,
  READ_UNITS,
  RETRIES,
  SCANNED,
  TABLE_ERRORS,
  TABLE_OPERATIONS,
  type TableCommand,
  THROTTLED_COUNT,
  UNPROCESSED,
  WRITE_UNITS,
} from './call-series.js'
import { HttpResponses } from './http-responses.js'
import type { LabelGuard } from './labels.js'
import type { OperationSeries } from './operation-table.js'
import type { TableUses } from './table-uses.js'

/** No operation costs or looks at so much: what a reply says beyond is not believed, as one such number spoils a sum for good. */
const MAX_AMOUNT = 1e9

/** What protocols inside HTTP tell beyond an operation's time: status, tables, capacity, tries. Others never come here. */
export class CallCounter {
  readonly responses: HttpResponses
  readonly #tables: TableUses
  #exchanges = 0

  constructor(tables: TableUses, guard: LabelGuard) {
    this.#tables = tables
    this.responses = new HttpResponses(guard)
  }

  count(exchange: Exchange, series: OperationSeries): void {
    if (exchange.status !== 0) this.responses.count(exchange)
    if (series.isHttp) return
    series.calls ??= this.#tables.newCalls()
    const { row } = series.calls
    if (exchange.attempt > 1) addTo(row, RETRIES, 1)
    if (isCountable(exchange.scanned)) addTo(row, SCANNED, exchange.scanned)
    if (exchange.errorLabels[0] === THROTTLED) addTo(row, THROTTLED_COUNT, 1)
    if (exchange.tables.length > 0) this.#countTables(exchange, series, series.calls)
  }

  #countTables(exchange: Exchange, series: OperationSeries, calls: CallSeries): void {
    const seenBy = ++this.#exchanges
    this.#tables.makeRoom(calls)
    for (const { table, index, readUnits, writeUnits, unprocessed } of exchange.tables) {
      const use = this.#tables.use(calls, series, table)
      const { command } = use
      const { row } = command.of
      if (use.seenBy !== seenBy) {
        use.seenBy = seenBy
        this.#countTable(exchange, use.command)
      }
      if (isCountable(readUnits)) {
        this.#tables.unit(command, index, 'read').value += readUnits
        addTo(row, READ_UNITS, readUnits)
        addTo(calls.row, READ_UNITS, readUnits)
      }
      if (isCountable(writeUnits)) {
        this.#tables.unit(command, index, 'write').value += writeUnits
        addTo(row, WRITE_UNITS, writeUnits)
        addTo(calls.row, WRITE_UNITS, writeUnits)
      }
      if (isCountable(unprocessed)) {
        this.#tables.unprocessedOf(command).value += unprocessed
        addTo(row, UNPROCESSED, unprocessed)
        addTo(calls.row, UNPROCESSED, unprocessed)
      }
    }
  }

  #countTable({ attempt, errorLabels, outcome = UNKNOWN }: Exchange, command: TableCommand): void {
    const { row } = command.of
    this.#tables.outcome(command, outcome.kind).value++
    addTo(row, TABLE_OPERATIONS, 1)
    if (isFailure(outcome.kind)) addTo(row, TABLE_ERRORS, 1)
    if (attempt > 1) addTo(row, RETRIES, 1)
    if (errorLabels[0] === THROTTLED) addTo(row, THROTTLED_COUNT, 1)
  }
}

const isCountable = (amount: number): boolean => amount > 0 && amount < MAX_AMOUNT

/** As everywhere in the metrics: nobody knows of a reply that could not be read. */
const isFailure = (kind: OutcomeKind): boolean => kind !== 'ok' && kind !== 'unacknowledged' && kind !== 'unknown'
