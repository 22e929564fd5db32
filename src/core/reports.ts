// What observers report and the admin server shows.

/** What a row is about: one command on one collection, or all commands on it. */
export type GroupBy = 'command' | 'collection'

/** One command on one collection, or all commands on it. Rates are per second over the last five seconds. */
export interface OperationRow {
  /** OpenTelemetry's `db.system.name`, or `http`. */
  readonly protocol: string
  readonly cluster: string
  readonly database: string
  readonly collection: string
  /** '' when the row is all commands of a collection. */
  readonly command: string
  /** Some of the tables of operations over several, which have no collection of their own. */
  readonly tables: readonly string[]
  /** Everything in the row is the driver's own: hello, ping, authentication, endSessions. */
  readonly isControl: boolean
  readonly rate: number
  readonly errorRate: number
  readonly awaitedRate: number
  readonly documentsRate: number
  readonly bytesRate: number
  /** Time that answers took, in ms per second: a thousand is one operation in progress all the time. */
  readonly timeRate: number
  /** Of the last minute when something ended in it, else of all time; null when nothing was ever timed. */
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
  /** The percentiles are of the last minute, not of all time. */
  readonly isRecent: boolean
  /** Since the start, awaited ones apart. */
  readonly operations: number
  readonly errors: number
  readonly awaited: number
  readonly documentsReturned: number
  readonly documentsSent: number
  readonly requestBytes: number
  readonly replyBytes: number
  /** Of protocols inside HTTP; null for the rest. */
  readonly calls: CallNumbers | null
}

/** What protocols inside HTTP tell besides. Rates are per second over the last five seconds, the rest is since the start. */
export interface CallNumbers {
  readonly readUnitsRate: number
  readonly writeUnitsRate: number
  readonly throttledRate: number
  readonly readUnits: number
  readonly writeUnits: number
  readonly throttled: number
  readonly retries: number
  readonly unprocessed: number
  readonly scanned: number
}

/** Whose rows; exactly these names, '' included. */
export interface CollectionName {
  /** '' fits any. */
  readonly cluster: string
  readonly database: string
  readonly collection: string
}

export interface OperationTotals {
  readonly rate: number
  readonly errorRate: number
  readonly operations: number
  readonly errors: number
  readonly awaited: number
}

export interface OperationsReport {
  readonly totals: OperationTotals
  /** By rate, then by count, at most 200. */
  readonly rows: readonly OperationRow[]
  /** How many rows there would be without the limit. */
  readonly rowsTotal: number
}

/** One table, whatever the operations: one over several tables counts for each. */
export interface TableRow extends Omit<CallNumbers, 'scanned'> {
  readonly protocol: string
  readonly cluster: string
  readonly table: string
  readonly rate: number
  readonly errorRate: number
  readonly operations: number
  readonly errors: number
}

export interface TablesReport {
  /** By rate, then by count, at most 200. */
  readonly rows: readonly TableRow[]
  /** How many rows there would be without the limit. */
  readonly rowsTotal: number
}

/** What one host answers, whatever role it had. Awaited, unacknowledged, refused and aborted operations are left out. */
export interface MemberTraffic {
  /** Per second over the last five seconds. */
  readonly rate: number
  /** Of the last minute when something ended in it, else of all time; null when nothing was ever timed. */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  /** The percentiles are of the last minute, not of all time. */
  readonly isRecent: boolean
}

/** Everything when left out; else a collection, or one command of it. */
export interface HistoryQuery extends CollectionName {
  /** '' is all commands. */
  readonly command: string
}

/** The last hour in steps, the oldest first. */
export interface HistoryReport {
  /** False: this collection or command has no history of its own (yet). */
  readonly isKept: boolean
  /** What a step is meant to last; `timesMs` tells what it did. */
  readonly stepMs: number
  /** Steps ended so far, those no longer kept included. */
  readonly steps: number
  /** Milliseconds since the epoch: the start of the first step, then the end of each. */
  readonly timesMs: readonly number[]
  /** Awaited ones left out. */
  readonly operations: readonly number[]
  readonly errors: readonly number[]
  /** Upper bounds of the latency buckets; one more bucket holds what took longer. */
  readonly boundsMs: readonly number[]
  /** Answers by latency, `boundsMs.length + 1` counts for each step. The driver's own commands are left out. */
  readonly buckets: readonly number[]
}

/** One kind of operation: a shape on a namespace. Rates are per second, the rest is since the row was made. */
export interface DigestRow {
  /** 16 hex digits; '' for the row of everything that had no place, or no shape. */
  readonly shapeId: string
  readonly shape: string
  readonly isTruncated: boolean
  readonly protocol: string
  readonly cluster: string
  readonly database: string
  readonly collection: string
  readonly command: string
  readonly rate: number
  readonly errorRate: number
  readonly operations: number
  readonly errors: number
  /** Further batches of its cursors; in `documentsReturned` and `replyBytes`, not in `operations` and times. */
  readonly getMores: number
  readonly documentsReturned: number
  readonly documentsSent: number
  readonly requestBytes: number
  readonly replyBytes: number
  /** Time spent, getMores left out. */
  readonly totalMs: number
  /** Time that answers took, in ms per second: a thousand is one operation in progress all the time. */
  readonly timeRate: number
  /** null when nothing was ever timed. */
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
  readonly maxMs: number
  /** The percentiles are of the last minute, not of all time. */
  readonly isRecent: boolean
  /** Milliseconds since the epoch. */
  readonly firstSeenAtMs: number
  readonly lastSeenAtMs: number
}

/** The orders that digests come in: the largest first. */
export const DIGEST_SORTS = [
  'total',
  'load',
  'rate',
  'operations',
  'p50',
  'p95',
  'p99',
  'max',
  'errors',
  'documents',
  'bytes',
] as const
export type DigestSort = (typeof DIGEST_SORTS)[number]

export interface DigestQuery {
  readonly sort: DigestSort
  /** '' asks for any. */
  readonly cluster: string
  readonly database: string
  readonly collection: string
  readonly command: string
  readonly shapeId: string
  readonly limit: number
}

export interface DigestsReport {
  readonly isEnabled: boolean
  readonly rows: readonly DigestRow[]
  /** How many rows fit the query. */
  readonly rowsTotal: number
  /** Everything that has no row of its own, as far as it fits the query. */
  readonly other: readonly DigestRow[]
}

/** One operation that was slow. Durations in ms. */
export interface SlowOperation {
  /** Rises by one with each. */
  readonly id: number
  /** Start, in milliseconds since the epoch. */
  readonly atMs: number
  readonly durationMs: number
  /** From the start to the first byte of the reply; -1 when there was none. */
  readonly firstReplyMs: number
  /** What a new connection to the upstream took; -1 when it waited for none. */
  readonly connectMs: number
  readonly thresholdMs: number
  readonly protocol: string
  readonly listener: string
  readonly cluster: string
  readonly database: string
  readonly collection: string
  readonly command: string
  readonly shapeId: string
  readonly shape: string
  /** Of a getMore: the command that opened its cursor; else ''. */
  readonly originatingCommand: string
  /** The request with its values; '' unless the operator asked for them. */
  readonly values: string
  /** The member that answered; '' when none did. */
  readonly host: string
  readonly peer: string
  readonly connectionId: number
  readonly application: string
  readonly driver: string
  readonly documents: number
  /** -1 when the reply said nothing. */
  readonly affected: number
  readonly modified: number
  readonly batchSize: number
  readonly requestBytes: number
  readonly replyBytes: number
  /** Decimal; '' when there is none. */
  readonly cursorId: string
  readonly outcome: string
  readonly code: number
  readonly codeName: string
  /** Hex; '' when it is in no trace. Without a span of its own it is in the trace that its client named. */
  readonly traceId: string
  readonly spanId: string
}

export interface SlowReport {
  readonly isEnabled: boolean
  /** The newest first. */
  readonly operations: readonly SlowOperation[]
  /** Since the start, those no longer kept included. */
  readonly total: number
}
