/** A TableUse (core/table-use.ts) while it is counted. */
export interface TableRow {
  table: string
  index: string
  readUnits: number
  writeUnits: number
  items: number
  unprocessed: number
}

/** A request names at most 100 tables (TransactItems), and a table has at most 25 indexes that cost: twice what real traffic can have. */
const MAX_ROWS = 256

/** The tables of one operation, bounded. Lists are short: looked through, not hashed. */
export class TableRows {
  readonly rows: TableRow[] = []
  /** There were more than are kept. */
  isFull = false

  /** The row of that table and index, added when it is missing; undefined when there is no room for it. */
  row(table: string, index: string): TableRow | undefined {
    for (const row of this.rows) if (row.table === table && row.index === index) return row
    if (this.rows.length >= MAX_ROWS) {
      this.isFull = true
      return undefined
    }
    const row = newRow(table, index)
    this.rows.push(row)
    return row
  }

  /** The only row of that table, whatever its index. */
  onlyRowOf(table: string): TableRow | undefined {
    let found: TableRow | undefined
    for (const row of this.rows) {
      if (row.table !== table) continue
      if (found !== undefined) return undefined
      found = row
    }
    return found
  }

  /** The one table that all rows are of; '' when there are several, or none. */
  get onlyTable(): string {
    const first = this.rows[0]?.table ?? ''
    for (const row of this.rows) if (row.table !== first) return ''
    return first
  }

  clear(): void {
    this.rows.length = 0
    this.isFull = false
  }
}

export function newRow(table: string, index: string): TableRow {
  return { table, index, readUnits: 0, writeUnits: 0, items: 0, unprocessed: 0 }
}
