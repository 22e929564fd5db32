import type { Sample } from './counters.js'
import type { Row } from './pages.js'

/** Places in the row of numbers that an operation of a protocol inside HTTP has beside its plain ones. */
export const READ_UNITS = 0
export const WRITE_UNITS = 1
export const UNPROCESSED = 2
export const SCANNED = 3
export const RETRIES = 4
export const THROTTLED_COUNT = 5
/** Of tables alone: an operation counts itself in its plain row. */
export const TABLE_OPERATIONS = 6
export const TABLE_ERRORS = 7
export const CALL_WIDTH = 8

/** Everything counted for one table, whatever the operation. */
export interface TableSeries {
  readonly protocol: string
  readonly cluster: string
  readonly table: string
  readonly row: Row
  readonly commands: Map<string, TableCommand>
}

/** Capacity of one index, or of the table itself; a side is made when it is first used. */
export interface Units {
  readonly index: string
  read: Sample | undefined
  write: Sample | undefined
}

/** One operation on one table. */
export interface TableCommand {
  readonly of: TableSeries
  readonly labels: string
  /** By outcome. */
  readonly outcomes: Map<string, Sample>
  /** By index. */
  readonly units: Map<string, Units>
  unprocessed: Sample | undefined
}

/** A table as one operation names it. */
export interface Use {
  readonly command: TableCommand
  /** The last exchange that counted it: its rows are one per index, and a table counts once. */
  seenBy: number
}

/** What an operation of a protocol inside HTTP has beside time, bytes and documents. */
export interface CallSeries {
  readonly row: Row
  /** By the table's name as it came. */
  readonly uses: Map<string, Use>
  /** Some of the tables that it was seen with, for people. */
  readonly tables: Set<string>
}

export function addTo({ values, base }: Row, place: number, amount: number): void {
  values[base + place] = (values[base + place] as number) + amount
}
