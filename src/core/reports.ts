// What observers report and the admin server shows.

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

export type DigestSort =
  | 'rate'
  | 'operations'
  | 'total'
  | 'p50'
  | 'p95'
  | 'p99'
  | 'max'
  | 'errors'
  | 'documents'
  | 'bytes'

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
  /** Hex; '' when it is in no trace. */
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
