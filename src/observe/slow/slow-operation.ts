import type { Exchange } from '../../core/exchange.js'
import { UNKNOWN } from '../../core/outcome.js'
import type { SlowOperation } from '../../core/reports.js'
import { cleanName } from '../labels.js'
import { parseTraceParent } from '../tracing/trace-parent.js'
import type { TraceRef } from '../tracing/trace-refs.js'

/** What is known of a slow operation beside its exchange. */
export interface Circumstances {
  readonly id: number
  readonly thresholdMs: number
  /** What is to be added to a time of `Clock.now()` to have one of the wall. */
  readonly toWallMs: number
  readonly trace: TraceRef | undefined
  readonly isRedacted: (field: string) => boolean
}

/** Everything worth keeping of an exchange, which belongs to its session and will be another one's soon. */
export function slowOperation(
  exchange: Exchange,
  { id, thresholdMs, toWallMs, trace, isRedacted }: Circumstances,
): SlowOperation {
  const { connection, operation, shape, startedAtMs, firstReplyAtMs } = exchange
  const outcome = exchange.outcome ?? UNKNOWN
  return {
    id,
    atMs: Math.round(startedAtMs + toWallMs),
    durationMs: exchange.durationMs,
    firstReplyMs: firstReplyAtMs === 0 ? -1 : firstReplyAtMs - startedAtMs,
    connectMs: exchange.connectMs,
    thresholdMs,
    protocol: operation.protocol,
    listener: connection.listener,
    cluster: connection.cluster,
    database: cleanName(operation.database),
    collection: cleanName(operation.collection),
    command: operation.command,
    shapeId: shape?.id ?? '',
    shape: shape?.text ?? '',
    originatingCommand: shape !== undefined && isGetMore(exchange) && shape.command !== GET_MORE ? shape.command : '',
    values: exchange.values?.text(isRedacted) ?? '',
    host: connection.host?.name ?? '',
    peer: connection.peer,
    connectionId: connection.id,
    application: connection.application,
    driver: connection.driver === '' ? '' : `${connection.driver} ${connection.driverVersion}`.trimEnd(),
    documents: exchange.documents,
    affected: exchange.affected,
    modified: exchange.modified,
    batchSize: exchange.batchSize,
    requestBytes: exchange.requestBytes,
    replyBytes: exchange.replyBytes,
    cursorId: cursorText(exchange.cursorIdLow, exchange.cursorIdHigh),
    outcome: outcome.kind,
    code: outcome.code,
    codeName: outcome.codeName,
    // Without a span of its own it is in its client's trace all the same.
    traceId: trace?.traceId ?? parseTraceParent(exchange.traceParent)?.traceId ?? '',
    spanId: trace?.spanId ?? '',
  }
}

const GET_MORE = 'getMore'

const isGetMore = ({ operation }: Exchange): boolean => operation.command === GET_MORE

/** A signed 64-bit number from its halves; '' for 0, which is no cursor. */
function cursorText(low: number, high: number): string {
  if (low === 0 && high === 0) return ''
  return String((BigInt(high) << 32n) | BigInt(low >>> 0))
}
