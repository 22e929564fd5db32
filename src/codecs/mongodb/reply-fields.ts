import { OK, type Outcome, UNKNOWN } from '../../core/outcome.js'
import { BSON_DOCUMENT, BSON_INT64, BSON_STRING, readInt32, readNumber } from './bson.js'
import { type BsonSink, type Node, node } from './bson-wants.js'
import type { Interner } from './intern.js'
import { REPLY_CURSOR_NOT_FOUND, REPLY_QUERY_FAILURE } from './opcodes.js'

const OK_FIELD = 0
const CODE = 1
const CODE_NAME = 2
const ERROR_LABELS = 3
const CURSOR_ID = 4
const BATCH = 5
const N = 6
const MODIFIED = 7
const WRITE_ERRORS = 8
const WRITE_ERROR_CODE = 9
const CONCERN_ERROR = 10
const CONCERN_CODE = 11
const CONCERN_CODE_NAME = 12
const BULK_ERRORS = 13
const VALUE = 14
const LEGACY_ERROR = 15
const IGNORED = 16

/** The body of a reply. (Server's generic reply fields; CRUD and bulkWrite results) */
export const REPLY_NODE: Node = node({
  ok: { field: OK_FIELD },
  code: { field: CODE },
  codeName: { field: CODE_NAME },
  errorLabels: { field: ERROR_LABELS, array: 'values' },
  cursor: {
    field: IGNORED,
    document: node({
      id: { field: CURSOR_ID },
      firstBatch: { field: BATCH, array: 'count' },
      nextBatch: { field: BATCH, array: 'count' },
    }),
  },
  n: { field: N },
  nModified: { field: MODIFIED },
  writeErrors: { field: WRITE_ERRORS, array: node({ code: { field: WRITE_ERROR_CODE } }) },
  writeConcernError: {
    field: CONCERN_ERROR,
    document: node({ code: { field: CONCERN_CODE }, codeName: { field: CONCERN_CODE_NAME } }),
  },
  nErrors: { field: BULK_ERRORS },
  value: { field: VALUE },
  lastErrorObject: { field: IGNORED, document: node({ n: { field: N } }) },
  $err: { field: LEGACY_ERROR },
})

const CURSOR_NOT_FOUND_CODE = 43
const MAX_LABELS = 16

/** What one reply says. Reused from message to message: `reset` first. */
export class ReplyFields implements BsonSink {
  readonly #names: Interner
  #ok = -1
  #code = 0
  #codeName = ''
  #writeErrors = 0
  #writeErrorCode = 0
  #hasConcernError = false
  #concernCode = 0
  #concernCodeName = ''
  #bulkErrors = 0
  #legacyFlags = 0
  documents = 0
  affected = -1
  modified = -1
  cursorIdLow = 0
  cursorIdHigh = 0
  hasCursor = false
  errorLabels: string[] | undefined = undefined

  constructor(names: Interner) {
    this.#names = names
  }

  reset(): void {
    this.#ok = -1
    this.#code = 0
    this.#codeName = ''
    this.#writeErrors = 0
    this.#writeErrorCode = 0
    this.#hasConcernError = false
    this.#concernCode = 0
    this.#concernCodeName = ''
    this.#bulkErrors = 0
    this.#legacyFlags = 0
    this.documents = 0
    this.affected = -1
    this.modified = -1
    this.cursorIdLow = 0
    this.cursorIdHigh = 0
    this.hasCursor = false
    this.errorLabels = undefined
  }

  /** The fixed part of OP_REPLY. `isCommand`: its one document is a command's reply and will be walked. */
  legacy(flags: number, bytes: Buffer, cursorAt: number, documents: number, isCommand: boolean): void {
    this.#legacyFlags = flags
    if (isCommand) return
    this.#ok = 1
    this.documents = documents
    this.hasCursor = true
    this.cursorIdLow = readInt32(bytes, cursorAt)
    this.cursorIdHigh = readInt32(bytes, cursorAt + 4)
  }

  first(): Node | undefined {
    return undefined
  }

  value(field: number, type: number, bytes: Buffer, start: number, end: number): void {
    switch (field) {
      case OK_FIELD:
        this.#ok = readNumber(type, bytes, start)
        break
      case CODE:
        this.#code = readNumber(type, bytes, start) | 0
        break
      case CODE_NAME:
        if (type === BSON_STRING) this.#codeName = this.#names.get(bytes, start, end)
        break
      case ERROR_LABELS:
        if (type === BSON_STRING) this.#label(this.#names.get(bytes, start, end))
        break
      case CURSOR_ID:
        if (type !== BSON_INT64) break
        this.hasCursor = true
        this.cursorIdLow = readInt32(bytes, start)
        this.cursorIdHigh = readInt32(bytes, start + 4)
        break
      case N:
        this.affected = readNumber(type, bytes, start)
        break
      case MODIFIED:
        this.modified = readNumber(type, bytes, start)
        break
      case WRITE_ERROR_CODE:
        this.#writeErrorCode = readNumber(type, bytes, start) | 0
        break
      case CONCERN_ERROR:
        this.#hasConcernError = type === BSON_DOCUMENT
        break
      case CONCERN_CODE:
        this.#concernCode = readNumber(type, bytes, start) | 0
        break
      case CONCERN_CODE_NAME:
        if (type === BSON_STRING) this.#concernCodeName = this.#names.get(bytes, start, end)
        break
      case BULK_ERRORS:
        this.#bulkErrors = readNumber(type, bytes, start)
        break
      case VALUE:
        // findAndModify answers with the document itself.
        if (type === BSON_DOCUMENT) this.documents = 1
        break
      case LEGACY_ERROR:
        this.#legacyFlags |= REPLY_QUERY_FAILURE
        break
    }
  }

  count(field: number, elements: number): void {
    if (field === BATCH) this.documents = elements
    else if (field === WRITE_ERRORS) this.#writeErrors = elements
  }

  /** (Errors hide in `ok: 1` too: `writeErrors`, `writeConcernError`, bulkWrite's `nErrors`.) */
  outcome(): Outcome {
    if ((this.#legacyFlags & REPLY_CURSOR_NOT_FOUND) !== 0) {
      return { kind: 'command_error', code: CURSOR_NOT_FOUND_CODE, codeName: 'CursorNotFound', by: '' }
    }
    if (this.#ok === 0 || (this.#legacyFlags & REPLY_QUERY_FAILURE) !== 0) {
      return { kind: 'command_error', code: this.#code, codeName: this.#codeName, by: '' }
    }
    if (this.#ok < 0) return UNKNOWN
    if (this.#writeErrors > 0 || this.#bulkErrors > 0) {
      return { kind: 'write_error', code: this.#writeErrorCode, codeName: '', by: '' }
    }
    if (this.#hasConcernError) {
      return { kind: 'write_concern_error', code: this.#concernCode, codeName: this.#concernCodeName, by: '' }
    }
    return OK
  }

  #label(label: string): void {
    this.errorLabels ??= []
    if (this.errorLabels.length < MAX_LABELS) this.errorLabels.push(label)
  }
}
