import { traceParentIn, validTraceParent } from '../shared/trace-parent.js'
import { BSON_BOOL, BSON_DOCUMENT, BSON_INT64, BSON_STRING, readInt32, readNumber } from './bson.js'
import { type BsonSink, type Node, node } from './bson-wants.js'
import { type CommandInfo, findCommand, OTHER_COMMAND } from './commands.js'
import type { Interner } from './intern.js'
import { equalBytes } from './name-table.js'

const DB = 0
const COLLECTION = 1
const LIMIT = 2
const BATCH_SIZE = 3
const MAX_TIME = 4
const COMMENT = 5
const COMMENT_TRACE = 6
const LSID = 7
const AUTOCOMMIT = 8
const START_TRANSACTION = 9
const AWAIT_DATA = 10
const TOPOLOGY_VERSION = 11
const MAX_AWAIT_TIME = 12
const APPLICATION = 13
const DRIVER = 14
const DRIVER_VERSION = 15
const PIPELINE = 16
const NS = 17
const IGNORED = 18
const TELEMETRY_TRACE = 19
export const DOCUMENTS = 20
export const UPDATES = 21
export const DELETES = 22
export const OPS = 23
export const NS_INFO = 24

/** One element of `nsInfo`: `{ns: "db.collection"}`. */
export const NS_INFO_NODE: Node = node({ ns: { field: NS } })
/** Section kind 3: `{otel: {traceparent: "00-…"}}`. (OP_MSG specification, telemetry section) */
export const TELEMETRY_NODE: Node = node({
  otel: { field: IGNORED, document: node({ traceparent: { field: TELEMETRY_TRACE } }) },
})
const STAGE_NODE: Node = node({}, true)
/** The command inside `explain`. */
const INNER_NODE: Node = node({ collection: { field: COLLECTION } }, true)
/** The body of a request: generic arguments and those of the commands that carry documents or wait. */
export const REQUEST_NODE: Node = node(
  {
    $db: { field: DB },
    collection: { field: COLLECTION },
    limit: { field: LIMIT },
    batchSize: { field: BATCH_SIZE },
    cursor: { field: IGNORED, document: node({ batchSize: { field: BATCH_SIZE } }) },
    maxTimeMS: { field: MAX_TIME },
    comment: { field: COMMENT, document: node({ traceparent: { field: COMMENT_TRACE } }) },
    lsid: { field: LSID },
    autocommit: { field: AUTOCOMMIT },
    startTransaction: { field: START_TRANSACTION },
    awaitData: { field: AWAIT_DATA },
    topologyVersion: { field: TOPOLOGY_VERSION },
    maxAwaitTimeMS: { field: MAX_AWAIT_TIME },
    client: {
      field: IGNORED,
      document: node({
        application: { field: IGNORED, document: node({ name: { field: APPLICATION } }) },
        driver: { field: IGNORED, document: node({ name: { field: DRIVER }, version: { field: DRIVER_VERSION } }) },
      }),
    },
    pipeline: { field: PIPELINE, array: STAGE_NODE },
    documents: { field: DOCUMENTS, array: 'count' },
    updates: { field: UPDATES, array: 'count' },
    deletes: { field: DELETES, array: 'count' },
    ops: { field: OPS, array: 'count' },
    nsInfo: { field: NS_INFO, array: NS_INFO_NODE },
  },
  true,
)

const QUERY_WRAPPERS = [Buffer.from('$query'), Buffer.from('query')]
const CHANGE_STREAM = Buffer.from('$changeStream')
const BATCH_FIELDS = { documents: DOCUMENTS, updates: UPDATES, deletes: DELETES, ops: OPS }
const DOT = 0x2e

/** What one request says about itself. Reused from message to message: `reset` first. */
export class RequestFields implements BsonSink {
  readonly #names: Interner
  command: CommandInfo = OTHER_COMMAND
  /** The command inside `explain`. */
  #inner: CommandInfo | undefined = undefined
  #hasCommand = false
  /** `$db`, and the value of the command's own element. */
  #db = ''
  #value = ''
  #collectionField = ''
  #ns = ''
  #nsCount = 0
  #hasCounts = false
  /** By field, from DOCUMENTS on. */
  readonly #counts: [number, number, number, number, number] = [0, 0, 0, 0, 0]
  limit = -1
  cursorBatchSize = -1
  maxTimeMs = -1
  comment = ''
  /** `traceparent` as it stands in a telemetry section, and in a comment that is a document. */
  #telemetryTrace = ''
  #commentTrace = ''
  hasSession = false
  inTransaction = false
  startsTransaction = false
  /** The cursor that this command opens will be awaited on: tailable with `awaitData`, or a change stream. */
  opensAwaitedCursor = false
  /** A legacy opcode that reads: answered with documents, not with a command's reply. */
  isLegacyRead = false
  #hasTopologyVersion = false
  #hasMaxAwaitTime = false
  cursorIdLow = 0
  cursorIdHigh = 0
  application = ''
  driver = ''
  driverVersion = ''

  constructor(names: Interner) {
    this.#names = names
  }

  reset(): void {
    this.command = OTHER_COMMAND
    this.#inner = undefined
    this.#hasCommand = false
    this.#db = ''
    this.#value = ''
    this.#collectionField = ''
    this.#ns = ''
    this.#nsCount = 0
    if (this.#hasCounts) this.#counts.fill(0)
    this.#hasCounts = false
    this.limit = -1
    this.cursorBatchSize = -1
    this.maxTimeMs = -1
    this.comment = ''
    this.#telemetryTrace = ''
    this.#commentTrace = ''
    this.hasSession = false
    this.inTransaction = false
    this.startsTransaction = false
    this.opensAwaitedCursor = false
    this.#hasMaxAwaitTime = false
    this.isLegacyRead = false
    this.#hasTopologyVersion = false
    this.cursorIdLow = 0
    this.cursorIdHigh = 0
    this.application = ''
    this.driver = ''
    this.driverVersion = ''
  }

  /** A legacy opcode's command and its `db.collection`. */
  legacy(command: CommandInfo, bytes: Buffer, start: number, end: number): void {
    this.command = command
    this.#hasCommand = true
    this.isLegacyRead = command.kind === 'read'
    let split = start
    while (split < end && bytes[split] !== DOT) split++
    this.#db = this.#names.get(bytes, start, split)
    this.#value = split < end ? this.#names.get(bytes, split + 1, end) : ''
    this.#collectionField = this.#value
  }

  /** OP_QUERY on `db.$cmd`: the command comes in the document, without `$db`. */
  legacyDatabase(bytes: Buffer, start: number, end: number): void {
    this.#db = this.#names.get(bytes, start, end)
  }

  setCursorId(bytes: Buffer, at: number): void {
    this.cursorIdLow = readInt32(bytes, at)
    this.cursorIdHigh = readInt32(bytes, at + 4)
  }

  first(
    parent: Node,
    bytes: Buffer,
    nameStart: number,
    nameEnd: number,
    type: number,
    start: number,
    end: number,
  ): Node | undefined {
    if (parent === STAGE_NODE) {
      if (equalBytes(CHANGE_STREAM, bytes, nameStart, nameEnd)) this.opensAwaitedCursor = true
      return undefined
    }
    if (type === BSON_DOCUMENT && QUERY_WRAPPERS.some((name) => equalBytes(name, bytes, nameStart, nameEnd))) {
      return REQUEST_NODE
    }
    const info = findCommand(bytes, nameStart, nameEnd)
    if (this.#hasCommand) this.#inner = info
    else this.command = info
    this.#hasCommand = true
    if (type === BSON_STRING) this.#value = this.#names.get(bytes, start, end)
    else if (type === BSON_INT64 && info.target === 'field') this.setCursorId(bytes, start)
    return info.target === 'inner' && type === BSON_DOCUMENT ? INNER_NODE : undefined
  }

  value(field: number, type: number, bytes: Buffer, start: number, end: number): void {
    if (type === BSON_STRING) this.#text(field, bytes, start, end)
    else this.#scalar(field, type, bytes, start)
  }

  #text(field: number, bytes: Buffer, start: number, end: number): void {
    switch (field) {
      case DB:
        this.#db = this.#names.get(bytes, start, end)
        break
      case COLLECTION:
        this.#collectionField = this.#names.get(bytes, start, end)
        break
      case COMMENT:
        this.comment = bytes.toString('utf8', start, end)
        break
      case COMMENT_TRACE:
        this.#commentTrace = bytes.toString('latin1', start, end)
        break
      case TELEMETRY_TRACE:
        this.#telemetryTrace = bytes.toString('latin1', start, end)
        break
      case APPLICATION:
        this.application = this.#names.get(bytes, start, end)
        break
      case DRIVER:
        this.driver = this.#names.get(bytes, start, end)
        break
      case DRIVER_VERSION:
        this.driverVersion = this.#names.get(bytes, start, end)
        break
      case NS:
        this.#ns = this.#names.get(bytes, start, end)
        break
    }
  }

  #scalar(field: number, type: number, bytes: Buffer, start: number): void {
    switch (field) {
      case LIMIT:
        this.limit = readNumber(type, bytes, start)
        break
      case BATCH_SIZE:
        this.cursorBatchSize = readNumber(type, bytes, start)
        break
      case MAX_TIME:
        this.maxTimeMs = readNumber(type, bytes, start)
        break
      case LSID:
        this.hasSession = true
        break
      case AUTOCOMMIT:
        this.inTransaction = type === BSON_BOOL && bytes[start] === 0
        break
      case START_TRANSACTION:
        this.startsTransaction = readNumber(type, bytes, start) !== 0
        break
      case AWAIT_DATA:
        if (readNumber(type, bytes, start) !== 0) this.opensAwaitedCursor = true
        break
      case TOPOLOGY_VERSION:
        this.#hasTopologyVersion = true
        break
      case MAX_AWAIT_TIME:
        this.#hasMaxAwaitTime = true
        break
    }
  }

  /** Elements of an array in the body, or documents of a sequence (section kind 1) of that name. */
  count(field: number, elements: number): void {
    if (field === NS_INFO) this.#nsCount = elements
    else if (field >= DOCUMENTS) {
      const place = field - DOCUMENTS
      this.#counts[place] = (this.#counts[place] ?? 0) + elements
      this.#hasCounts = true
    }
  }

  /** W3C traceparent: of the telemetry section, else of the comment. '' when neither has a valid one. */
  get traceParent(): string {
    const { comment } = this
    if (this.#telemetryTrace === '' && this.#commentTrace === '' && comment === '') return ''
    return validTraceParent(this.#telemetryTrace) || validTraceParent(this.#commentTrace) || traceParentIn(comment)
  }

  /** The server answers when something changed or the time is over. (Server Discovery and Monitoring, "streaming protocol") */
  get isAwaitedHello(): boolean {
    return this.#hasTopologyVersion && this.#hasMaxAwaitTime
  }

  get batchSize(): number {
    const batch = this.command.batch
    return batch === '' ? 0 : (this.#counts[BATCH_FIELDS[batch] - DOCUMENTS] ?? 0)
  }

  get database(): string {
    const ns = this.#fullNamespace()
    return ns === '' ? this.#db : ns.slice(0, ns.indexOf('.'))
  }

  get collection(): string {
    const ns = this.#fullNamespace()
    return ns === '' ? this.#plainCollection() : ns.slice(ns.indexOf('.') + 1)
  }

  /** `db.collection` for commands that run on another database than their target's; '' for the rest. */
  #fullNamespace(): string {
    const target = this.command.target
    const ns = target === 'namespace' ? this.#value : target === 'nsinfo' && this.#nsCount === 1 ? this.#ns : ''
    return ns.includes('.') ? ns : ''
  }

  #plainCollection(): string {
    const info = this.#inner ?? this.command
    const name = info.target === 'field' ? this.#collectionField : info.target === 'value' ? this.#value : ''
    // Cursors of database-level commands name a pseudo collection (`$cmd.aggregate`); their first command named none.
    return name.startsWith('$cmd') ? '' : name
  }
}
