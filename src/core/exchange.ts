import type { ConnectionInfo } from './connection.js'
import type { Outcome } from './outcome.js'
import type { RequestValues, Shape } from './shape.js'
import type { TableUse } from './table-use.js'
import type { Host } from './upstream.js'

/** The label value that stands for everything outside a bounded set. */
export const OTHER = '__other__'

/** The class of errors that say: not now, you ask too often. The first of an exchange's error labels. */
export const THROTTLED = 'throttled'

export type OperationKind = 'read' | 'write' | 'ddl' | 'admin' | 'control'

/**
 * What an operation is, apart from when it happened: the identity that series, rules and span names are made of.
 * Codecs intern it, so that an observer can keep what it derived in a Map by object; two objects may still be equal by
 * value (after an interner was emptied), so such a Map is a cache and never the truth.
 */
export interface Operation {
  /** OpenTelemetry's `db.system.name`: `mongodb`, `aws.dynamodb`. */
  readonly protocol: string
  /** From the protocol's fixed table, else `__other__`. */
  readonly command: string
  readonly kind: OperationKind
  /** '' when the operation names none or it could not be seen. */
  readonly database: string
  readonly collection: string
}

/**
 * One operation from its first request byte to its last reply byte: the narrow waist between codecs and everything that
 * decides or watches. A class whose fields are all set here, so that the hot path sees one object shape.
 * Times are milliseconds of `Clock.now()`.
 */
export class Exchange {
  operation: Operation
  readonly connection: ConnectionInfo
  startedAtMs: number
  /** 0 until the first byte of a reply was seen. */
  firstReplyAtMs = 0
  /** 0 until the exchange is over. */
  endedAtMs = 0
  /** On the wire, compressed when the message was. */
  requestBytes = 0
  replyBytes = 0
  /** Documents in the request: inserts, updates, deletes, bulk operations. 0 for commands that carry none. */
  batchSize = 0
  /** Documents in the reply's batch. */
  documents = 0
  /** `n` of a reply: matched, inserted, deleted or counted; -1 when absent. */
  affected = -1
  modified = -1
  /** Items that the database looked at to answer, when it says so; -1 otherwise. */
  scanned = -1
  /** `limit` and `batchSize` as the client asked; -1 when absent. */
  limit = -1
  cursorBatchSize = -1
  maxTimeMs = -1
  /** 64-bit cursor id in halves; both 0 when there is none. From the request, or else from the reply. */
  cursorIdLow = 0
  cursorIdHigh = 0
  hasSession = false
  inTransaction = false
  startsTransaction = false
  /**
   * Waits on purpose (awaited hello, awaitData getMore): has its own series, is never slow, does not delay a drain.
   * May become true until the end, never false again.
   */
  isAwaited = false
  /** A reply of an exhaust stream after its first: this exchange had no request of its own. */
  isContinuation = false
  /** `comment` when it is a string of at most 1 KiB; '' otherwise. */
  comment = ''
  /** What it does, without values. Undefined: nobody asked, it could not be read, or commands of this kind have none. */
  shape: Shape | undefined = undefined
  /** Where the operator asked for them; valid during the call that hands the exchange over. */
  values: RequestValues | undefined = undefined
  /** Of its time, what went into a new connection to the upstream; -1 when it waited for none. Of the first on a TCP connection it lies before `startedAtMs`. */
  connectMs = -1
  /** W3C traceparent carried by the request; '' when there is none. */
  traceParent = ''
  /** Which try of the client's this is, when it says so: 1 is the first; 0 when it doesn't say. */
  attempt = 0
  /** Of protocols inside HTTP: the reply's status; 0 until its head came. */
  status = 0
  /** Of protocols whose operations may name several tables, or tell their cost. */
  tables: readonly TableUse[] = NO_TABLES
  /** Error labels of the reply. Protocols that class their errors put the class first. */
  errorLabels: readonly string[] = NO_LABELS
  outcome: Outcome | undefined = undefined

  constructor(connection: ConnectionInfo, operation: Operation, startedAtMs: number) {
    this.connection = connection
    this.operation = operation
    this.startedAtMs = startedAtMs
  }

  /** The upstream member that this operation's connection is bound to. */
  get host(): Host | undefined {
    return this.connection.host
  }

  get durationMs(): number {
    return this.endedAtMs - this.startedAtMs
  }
}

const NO_LABELS: readonly string[] = Object.freeze([])
const NO_TABLES: readonly TableUse[] = Object.freeze([])
