import type { OperationKind } from '../../core/exchange.js'
import * as ids from './reply-shapes.js'
import { indexName, tableName } from './table-name.js'
import type { TableRows } from './table-rows.js'

/** Units of a table, or of one index, or their sum: one level of a `ConsumedCapacity`. */
interface Units {
  table: string
  index: string
  units: number
  read: number
  write: number
  /** The sum over table and indexes, told without its parts. */
  isTotal: boolean
}

const MAX_PARTS = 256

/** `ConsumedCapacity` of one reply, in each of its forms, from the events of ReplyFields. */
export class Capacity {
  #parts: Units[] = []
  /** Where the parts of the object being read begin; its table may be named after them. */
  #first = 0
  #table = ''
  #isOpen = false
  #total: Units = emptyUnits()
  #part: Units | undefined

  /** Another `ConsumedCapacity`: what came before does not count. */
  clear(): void {
    this.#parts = []
    this.#first = 0
  }

  get isEmpty(): boolean {
    return this.#parts.length === 0
  }

  beginObject(): void {
    this.#isOpen = true
    this.#first = this.#parts.length
    this.#table = ''
    this.#total = emptyUnits()
    this.#part = undefined
  }

  setTable(name: string): void {
    this.#table = tableName(name)
  }

  beginPart(index: string): void {
    this.#part = { ...emptyUnits(), index: index === '' ? '' : indexName(index) }
  }

  number(id: number, value: number): void {
    const target = this.#part ?? this.#total
    if (id === ids.UNITS) target.units = value
    else if (id === ids.READ_UNITS) target.read = value
    else if (id === ids.WRITE_UNITS) target.write = value
  }

  endPart(): void {
    if (this.#part !== undefined && this.#parts.length < MAX_PARTS) this.#parts.push(this.#part)
    this.#part = undefined
  }

  endObject(): void {
    // A list ends behind its last object.
    if (!this.#isOpen) return
    this.#isOpen = false
    if (this.#parts.length === this.#first && this.#parts.length < MAX_PARTS) {
      this.#total.isTotal = true
      this.#parts.push(this.#total)
    }
    for (let i = this.#first; i < this.#parts.length; i++) (this.#parts[i] as Units).table = this.#table
    this.#first = this.#parts.length
  }

  /**
   * Adds the units to the operation's rows. A total goes to the request's row of that table when there is one only, which may be an
   * index that was queried; a part goes to its own row, which is not added for nothing.
   */
  addTo(rows: TableRows, kind: OperationKind, onlyTable: string): void {
    for (const { table, index, units, read, write, isTotal } of this.#parts) {
      const name = table === '' ? onlyTable : table
      const isSplit = read > 0 || write > 0
      const readUnits = isSplit ? read : kind === 'read' ? units : 0
      const writeUnits = isSplit ? write : kind === 'read' ? 0 : units
      if (name === '' || (readUnits === 0 && writeUnits === 0)) continue
      const row = (isTotal ? rows.onlyRowOf(name) : undefined) ?? rows.row(name, index)
      if (row === undefined) continue
      row.readUnits += readUnits
      row.writeUnits += writeUnits
    }
  }
}

function emptyUnits(): Units {
  return { table: '', index: '', units: 0, read: 0, write: 0, isTotal: false }
}
