import { type JsonFailure, JsonScanner, type JsonSink } from '../shared/json-scan.js'
import { Capacity } from './capacity.js'
import * as ids from './reply-shapes.js'
import { replyShape } from './reply-shapes.js'
import { tableName } from './table-name.js'

/** Transactions and batches have at most 100 parts. */
const MAX_CODES = 100
const MAX_UNPROCESSED = 100

export interface Unprocessed {
  readonly table: string
  items: number
}

/** What one reply's body tells. Of a member that is there twice the last value counts. */
export class ReplyFields implements JsonSink {
  /** `__type` as it came; '' when there is none. */
  type = ''
  /** Items that came back. */
  documents = 0
  /** -1 when the reply has none. */
  count = -1
  scanned = -1
  /** Codes of the single parts that failed: of a cancelled transaction, of PartiQL statements in a batch. */
  readonly codes: string[] = []
  readonly unprocessed: Unprocessed[] = []
  readonly capacity = new Capacity()
  readonly #scanner = new JsonScanner(replyShape, this)
  #unprocessed: Unprocessed | undefined
  #code = ''

  get failure(): JsonFailure {
    return this.#scanner.failure
  }

  push(chunk: Buffer): void {
    this.#scanner.push(chunk)
  }

  end(): void {
    this.#scanner.end()
  }

  begin(id: number): void {
    switch (id) {
      case ids.CAPACITY:
        this.capacity.clear()
        this.capacity.beginObject()
        break
      case ids.CAPACITY_ELEMENT:
        this.capacity.beginObject()
        break
      case ids.CAPACITY_TABLE:
        this.capacity.beginPart('')
        break
      case ids.UNPROCESSED:
        this.unprocessed.length = 0
        break
      case ids.RESPONSES:
        this.documents = 0
        this.codes.length = 0
        break
      case ids.CANCELLATION:
        this.codes.length = 0
        break
      case ids.CANCELLATION_REASON:
      case ids.RESPONSE_ERROR:
        this.#code = ''
        break
    }
  }

  ended(id: number, count: number): void {
    switch (id) {
      case ids.ITEMS:
        this.documents = count
        break
      case ids.RESPONSES_OF_TABLE:
        this.documents += count
        break
      case ids.UNPROCESSED_KEYS:
      case ids.UNPROCESSED_LIST:
        if (this.#unprocessed !== undefined) this.#unprocessed.items = count
        break
      case ids.CANCELLATION_REASON:
      case ids.RESPONSE_ERROR:
        if (this.#code !== '' && this.#code !== 'None' && this.codes.length < MAX_CODES) this.codes.push(this.#code)
        break
      case ids.CAPACITY:
      case ids.CAPACITY_ELEMENT:
        this.capacity.endObject()
        break
      case ids.CAPACITY_TABLE:
      case ids.CAPACITY_INDEX:
        this.capacity.endPart()
        break
    }
  }

  name(id: number, bytes: Buffer, start: number, end: number): void {
    if (id === ids.UNPROCESSED_TABLE || id === ids.UNPROCESSED_LIST) {
      this.#unprocessed = { table: tableName(bytes.toString('utf8', start, end)), items: 0 }
      if (this.unprocessed.length < MAX_UNPROCESSED) this.unprocessed.push(this.#unprocessed)
    } else if (id === ids.CAPACITY_INDEX) {
      this.capacity.beginPart(bytes.toString('utf8', start, end))
    }
  }

  text(id: number, bytes: Buffer, start: number, end: number): void {
    switch (id) {
      case ids.TYPE:
        this.type = bytes.toString('utf8', start, end)
        break
      case ids.CAPACITY_NAME:
        this.capacity.setTable(bytes.toString('utf8', start, end))
        break
      case ids.CANCELLATION_CODE:
      case ids.ERROR_CODE:
        this.#code = bytes.toString('utf8', start, end)
        break
    }
  }

  number(id: number, value: number): void {
    if (id === ids.COUNT) this.count = value
    else if (id === ids.SCANNED) this.scanned = value
    else this.capacity.number(id, value)
  }

  other(id: number, isNull: boolean): void {
    if (id === ids.ITEM) this.documents = isNull ? 0 : 1
    else if (id === ids.RESPONSE_ITEM && !isNull) this.documents++
  }
}
