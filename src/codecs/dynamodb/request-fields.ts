import type { OperationKind } from '../../core/exchange.js'
import { JsonScanner, type JsonSink } from '../shared/json-scan.js'
import type { JsonShape } from '../shared/json-shape.js'
import { Expressions } from './expressions.js'
import type { OperationInfo } from './operations.js'
import { readStatement, type Statement, statementShape } from './partiql.js'
import type { Failure } from './reasons.js'
import * as ids from './request-shapes.js'
import { indexName, tableName } from './table-name.js'
import { type TableRow, TableRows } from './table-rows.js'

/** Of a transaction, that differ: as many as the service takes. (Developer guide, "Service quotas") */
const MAX_ACTIONS = 100
/** Of their texts together: a shape shows half of it. Without it a request could hold two MiB while it is open. */
const MAX_ACTION_CHARS = 8_192

/** What one request's body tells: tables, items per table, PartiQL's verbs. Of a member that is there twice the last value counts. */
export class RequestFields implements JsonSink {
  /** The operation's only table; '' while (or when) there is none. */
  table = ''
  index = ''
  limit = -1
  /** Of operations on lists of things. */
  readonly many = new TableRows()
  readonly #info: OperationInfo
  readonly #scanner: JsonScanner
  #failure: Failure = ''
  #row: TableRow | undefined
  #elementTable = ''
  #statement: Statement | undefined
  #statements = 0
  #reads = 0
  /** Of the first statement. */
  #statementShape = ''
  /** Of the request, or of the action of a transaction that is being read. */
  #expressions: Expressions | undefined
  /** Of a transaction: what its actions do, each once. */
  readonly #actions = new Set<string>()
  #actionChars = 0
  #action = ''

  /** @param withShape `shape` is asked for; `shape` has the expressions then */
  constructor(info: OperationInfo, shape: JsonShape, withShape = false) {
    this.#info = info
    this.#expressions = withShape ? new Expressions() : undefined
    this.#scanner = new JsonScanner(shape, this)
  }

  get failure(): Failure {
    return this.#scanner.failure || this.#failure
  }

  /** The operation can be told before the body is over: its table was named, or two were. */
  get isKnown(): boolean {
    switch (this.#info.source) {
      case 'batch':
      case 'transact':
        return this.many.rows.length > 1
      case 'Statement':
      case 'Statements':
      case 'TransactStatements':
        return false
      default:
        return this.table !== ''
    }
  }

  /** PartiQL only reads when all of its statements do. */
  get kind(): OperationKind {
    return this.#statements > 0 && this.#reads === this.#statements ? 'read' : this.#info.kind
  }

  /** What the request does, without values: expressions, or a statement; '' when it has none, or nobody asked. */
  get shape(): string {
    if (this.#info.source === 'transact') return [...this.#actions].sort().join('; ')
    return this.#statementShape || (this.#expressions?.toString() ?? '')
  }

  /** Items, keys or statements in the request. */
  get items(): number {
    let items = this.#info.isOneItem ? 1 : 0
    for (const row of this.many.rows) items += row.items
    return items
  }

  push(chunk: Buffer): void {
    this.#scanner.push(chunk)
  }

  end(): void {
    this.#scanner.end()
    if (this.#info.source === 'Statement') this.#endStatement()
    if (this.many.isFull) this.#fail('too_many_tables')
    if (this.many.rows.length > 0) this.table = this.many.onlyTable
  }

  begin(id: number): void {
    if (id === ids.BATCH || id === ids.LIST) {
      this.many.clear()
      this.#statements = 0
      this.#reads = 0
      this.#actions.clear()
      this.#actionChars = 0
    } else if (id === ids.ELEMENT) {
      this.#elementTable = ''
      this.#statement = undefined
      this.#action = ''
      if (this.#expressions !== undefined && this.#info.source === 'transact') this.#expressions = new Expressions()
    } else if (id >= ids.FIRST_ACTION) {
      this.#action = ids.ACTIONS[id - ids.FIRST_ACTION] ?? ''
    } else if (id === ids.NAMES) this.#expressions?.clearNames()
  }

  ended(id: number, count: number): void {
    if (id === ids.ELEMENT) {
      if (this.#info.source === 'transact') this.#endAction()
      else this.#endStatement()
    } else if (id === ids.BATCH_KEYS || (id === ids.BATCH_TABLE && this.#info.kind === 'write')) {
      if (this.#row !== undefined) this.#row.items = count
    }
  }

  name(id: number, bytes: Buffer, start: number, end: number): void {
    if (id === ids.NAME) {
      this.#expressions?.placeholder(bytes.toString('utf8', start, end))
      return
    }
    this.#row = this.many.row(tableName(bytes.toString('utf8', start, end)), '')
    if (this.#row !== undefined) this.#row.items = 0
  }

  text(id: number, bytes: Buffer, start: number, end: number, isCut: boolean): void {
    const text = bytes.toString('utf8', start, end)
    if (id === ids.TABLE) this.table = tableName(text)
    else if (id === ids.INDEX) this.index = indexName(text)
    else if (id === ids.ELEMENT_TABLE) this.#elementTable = tableName(text)
    else if (id === ids.STATEMENT) this.#readStatement(text, isCut)
    else if (id === ids.NAME) this.#expressions?.nameOf(text)
    else this.#expressions?.text(id, text, isCut)
  }

  #readStatement(text: string, isCut: boolean): void {
    this.#statement = readStatement(text)
    const isFirst = this.#expressions !== undefined && this.#statementShape === ''
    if (isFirst) this.#statementShape = statementShape(text, isCut)
  }

  number(id: number, value: number): void {
    if (id === ids.LIMIT) this.limit = value
  }

  other(id: number): void {
    if (id === ids.TABLE) this.table = ''
    else if (id === ids.INDEX) this.index = ''
    else if (id === ids.ELEMENT_TABLE) this.#elementTable = ''
    else if (id === ids.BATCH || id === ids.LIST) this.begin(id)
  }

  #endAction(): void {
    const row = this.#elementTable === '' ? undefined : this.many.row(this.#elementTable, '')
    if (row !== undefined) row.items++
    if (this.#expressions === undefined || this.#actions.size >= MAX_ACTIONS) return
    if (this.#actionChars > MAX_ACTION_CHARS) return
    const expressions = this.#expressions.toString()
    const action = `${this.#action} ${this.#elementTable}${expressions === '' ? '' : ` ${expressions}`}`
    if (!this.#actions.has(action)) this.#actionChars += action.length
    this.#actions.add(action)
  }

  #endStatement(): void {
    const statement = this.#statement
    if (statement === undefined) return
    this.#statements++
    if (statement.isRead) this.#reads++
    if (statement.table === '') {
      this.#fail('partiql_statement')
      return
    }
    const row = this.many.row(statement.table, statement.index)
    if (row !== undefined) row.items++
  }

  #fail(failure: Failure): void {
    if (this.#failure === '') this.#failure = failure
  }
}
