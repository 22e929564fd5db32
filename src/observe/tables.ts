import type { Clock, Timer } from '../core/clock.js'
import type { TableRow, TablesReport } from '../core/reports.js'
import { CallHistory } from './call-history.js'
import { TABLE_ERRORS, TABLE_OPERATIONS } from './call-series.js'
import { Slots, TICK_MS } from './slots.js'
import type { TableUses } from './table-uses.js'

const MAX_ROWS = 200

/** Recent rates per table, from snapshots taken each second; never touches the hot path. */
export class TablesView {
  readonly #clock: Clock
  readonly #tables: TableUses
  readonly #slots: Slots
  readonly #history = new CallHistory()
  #timer: Timer

  constructor(clock: Clock, tables: TableUses) {
    this.#clock = clock
    this.#tables = tables
    this.#slots = new Slots(clock.now())
    this.#timer = clock.after(TICK_MS, this.#tick)
  }

  report(): TablesReport {
    const slot = this.#slots.oldestRate
    const seconds = this.#slots.seconds(this.#clock.now())
    const rows = this.#tables.all.map(({ protocol, cluster, table, row }, index): TableRow => {
      const { scanned: _, ...numbers } = this.#history.numbers([[index, row]], slot, seconds)
      const rate = (place: number) => this.#history.since(index, row, slot, place) / seconds
      const ever = (place: number) => row.values[row.base + place] as number
      return {
        protocol,
        cluster,
        table,
        rate: rate(TABLE_OPERATIONS),
        errorRate: rate(TABLE_ERRORS),
        operations: ever(TABLE_OPERATIONS),
        errors: ever(TABLE_ERRORS),
        ...numbers,
      }
    })
    rows.sort((a, b) => b.rate - a.rate || b.operations - a.operations)
    return { rows: rows.slice(0, MAX_ROWS), rowsTotal: rows.length }
  }

  close(): void {
    this.#timer.cancel()
  }

  readonly #tick = (): void => {
    const { rate } = this.#slots.tick(this.#clock.now())
    for (const [index, { row }] of this.#tables.all.entries()) this.#history.take(index, row, rate)
    this.#timer = this.#clock.after(TICK_MS, this.#tick)
  }
}
