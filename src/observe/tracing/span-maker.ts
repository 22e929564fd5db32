import type { Span, Tracer } from '@opentelemetry/api'
import {
  type Context,
  type HrTime,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import type { Exchange } from '../../core/exchange.js'
import { isFailed, type SampledBy } from './sampler.js'
import { attributesOf, summaryOf } from './span-attributes.js'
import type { TraceParent } from './trace-parent.js'
import type { TraceRef } from './trace-refs.js'

/** Loaded with OpenTelemetry, when tracing is on: makes the span of an operation that is over. */
export class SpanMaker {
  readonly #tracer: Tracer
  readonly #isRedacted: (field: string) => boolean

  constructor(tracer: Tracer, isRedacted: (field: string) => boolean) {
    this.#tracer = tracer
    this.#isRedacted = isRedacted
  }

  /** @param offsetMs what makes the exchange's times those of the day: one for all of them, so that they keep their distances */
  make(exchange: Exchange, sampledBy: SampledBy, parent: TraceParent | undefined, offsetMs: number): TraceRef {
    const summary = summaryOf(exchange)
    const attributes = attributesOf(exchange, summary, sampledBy, this.#isRedacted)
    const startTime = timeOf(exchange.startedAtMs + offsetMs)
    const how = { kind: SpanKind.CLIENT, startTime, attributes }
    const span = this.#tracer.startSpan(summary, how, parent === undefined ? ROOT_CONTEXT : contextOf(parent))
    addEvents(span, exchange, offsetMs)
    // Without a message: the database's may hold values.
    if (isFailed(exchange)) span.setStatus({ code: SpanStatusCode.ERROR })
    const { traceId, spanId } = span.spanContext()
    span.end(timeOf(Math.max(exchange.endedAtMs, exchange.startedAtMs) + offsetMs))
    return { traceId, spanId }
  }
}

/** Where its time went. A filter that holds an operation will have its event here. */
function addEvents(span: Span, exchange: Exchange, offsetMs: number): void {
  const { startedAtMs, firstReplyAtMs, endedAtMs, connectMs, connection } = exchange
  if (connectMs >= 0) {
    // The connection of a client's own stood before its first operation began.
    const isOwn = connection.connectMs >= 0
    const atMs = isOwn ? startedAtMs : Math.min(startedAtMs + connectMs, endedAtMs)
    span.addEvent('upstream.connected', { 'oplens.connect_ms': connectMs }, timeOf(atMs + offsetMs))
  }
  if (firstReplyAtMs <= 0) return
  span.addEvent('reply.first_byte', timeOf(firstReplyAtMs + offsetMs))
  span.addEvent('reply.last_byte', timeOf(endedAtMs + offsetMs))
}

function contextOf({ traceId, spanId, isSampled }: TraceParent): Context {
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
}

/** Seconds and nanoseconds: the SDK would take small numbers for times since the process began. */
function timeOf(epochMs: number): HrTime {
  const seconds = Math.floor(epochMs / 1_000)
  // Below a second by construction; its rounding must not reach one.
  return [seconds, Math.min(999_999_999, Math.round((epochMs - seconds * 1_000) * 1e6))]
}
