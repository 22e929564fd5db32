import { OTHER } from '../core/exchange.js'
import type { OutcomeKind } from '../core/outcome.js'
import {
  CALL_WIDTH,
  type CallSeries,
  type TableCommand,
  type TableSeries,
  type Units,
  type Use,
} from './call-series.js'
import type { MetricsConfig } from './config.js'
import type { Sample } from './counters.js'
import { FAMILIES, TABLE_LABELS } from './families.js'
import { formatLabels } from './label-text.js'
import type { LabelGuard } from './labels.js'
import type { OperationSeries } from './operation-table.js'
import { Pages } from './pages.js'

/** Names kept per operation before it starts anew: those that fold are not bounded by the label's cap. */
const MAX_USES = 2_000
/** A table has at most 25 indexes that cost; what a reply names beyond is folded. */
const MAX_INDEXES = 64
/** As many as a line can show. */
const MAX_SHOWN_TABLES = 8

/** Finds and makes the series of tables. The hit path is one lookup by the table's name in a map of the operation's own. */
export class TableUses {
  readonly all: TableSeries[] = []
  readonly operations: Sample[] = []
  readonly capacity: Sample[] = []
  readonly unprocessed: Sample[] = []
  readonly #guard: LabelGuard
  readonly #maxSeries: number
  readonly #byKey = new Map<string, TableSeries>()
  readonly #rows = new Pages(CALL_WIDTH)
  #commands = 0
  #indexes = 0

  constructor(limits: Pick<MetricsConfig, 'max_series'>, guard: LabelGuard) {
    this.#guard = guard
    this.#maxSeries = limits.max_series
  }

  newCalls(): CallSeries {
    return { row: this.#rows.allocate(), uses: new Map(), tables: new Set() }
  }

  /** Before the rows of an exchange: in the middle of them what was seen must not be forgotten. */
  makeRoom({ uses }: CallSeries): void {
    if (uses.size >= MAX_USES) uses.clear()
  }

  use(calls: CallSeries, series: OperationSeries, table: string): Use {
    const known = calls.uses.get(table)
    if (known !== undefined) return known
    const made = { command: this.#command(series, table), seenBy: 0 }
    calls.uses.set(table, made)
    if (calls.tables.size < MAX_SHOWN_TABLES) calls.tables.add(made.command.of.table)
    return made
  }

  outcome(command: TableCommand, kind: OutcomeKind): Sample {
    const known = command.outcomes.get(kind)
    if (known !== undefined) return known
    const made = { labels: `${command.labels},${formatLabels(OUTCOME, [kind])}`, value: 0 }
    command.outcomes.set(kind, made)
    this.operations.push(made)
    return made
  }

  unit(command: TableCommand, index: string, side: 'read' | 'write'): Sample {
    const units = command.units.get(index) ?? this.#units(command, index)
    const known = units[side]
    if (known !== undefined) return known
    const made = { labels: `${command.labels},${formatLabels(INDEX_AND_UNIT, [units.index, side])}`, value: 0 }
    units[side] = made
    this.capacity.push(made)
    return made
  }

  unprocessedOf(command: TableCommand): Sample {
    if (command.unprocessed === undefined) {
      command.unprocessed = { labels: command.labels, value: 0 }
      this.unprocessed.push(command.unprocessed)
    }
    return command.unprocessed
  }

  #units(command: TableCommand, index: string): Units {
    const name = this.#indexName(command, index)
    const known = command.units.get(name)
    if (known !== undefined) return known
    const made: Units = { index: name, read: undefined, write: undefined }
    command.units.set(name, made)
    if (name !== '') this.#indexes++
    return made
  }

  #indexName({ of, units }: TableCommand, index: string): string {
    if (index === '' || index === OTHER) return index
    if (units.size < MAX_INDEXES && this.#indexes < this.#maxSeries) {
      return this.#guard.index(of.cluster, of.table, index)
    }
    this.#guard.overflowed('index')
    return OTHER
  }

  #command(series: OperationSeries, table: string): TableCommand {
    const name = this.#guard.namespace(series.cluster, '', table).collection
    const known = this.#byKey.get(keyOf(series, name))?.commands.get(series.command)
    if (known !== undefined) return known
    if (this.#commands < this.#maxSeries || name === OTHER) return this.#newCommand(series, name)
    this.#guard.overflowed('series')
    const folded = this.#byKey.get(keyOf(series, OTHER))?.commands.get(series.command)
    return folded ?? this.#newCommand(series, OTHER)
  }

  #newCommand(series: OperationSeries, table: string): TableCommand {
    const { protocol, cluster, command } = series
    const of = this.#byKey.get(keyOf(series, table)) ?? this.#newTable(series, table)
    const labels = formatLabels(TABLE_LABELS, [protocol, cluster, table, command])
    const made: TableCommand = { of, labels, outcomes: new Map(), units: new Map(), unprocessed: undefined }
    of.commands.set(command, made)
    this.#commands++
    return made
  }

  #newTable(series: OperationSeries, table: string): TableSeries {
    const { protocol, cluster } = series
    const made = { protocol, cluster, table, row: this.#rows.allocate(), commands: new Map() }
    this.#byKey.set(keyOf(series, table), made)
    this.all.push(made)
    return made
  }
}

const OUTCOME = FAMILIES.tableOperations.labels.slice(TABLE_LABELS.length)
const INDEX_AND_UNIT = FAMILIES.consumedCapacity.labels.slice(TABLE_LABELS.length)

const keyOf = ({ protocol, cluster }: OperationSeries, table: string): string => `${protocol}\0${cluster}\0${table}`
