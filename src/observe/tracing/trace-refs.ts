import type { Exchange } from '../../core/exchange.js'

/** The span of an operation, in hex as W3C Trace Context writes it. */
export interface TraceRef {
  readonly traceId: string
  readonly spanId: string
}

/** Tells observers that come after the tracing one which operations have a span. */
export interface TraceRefs {
  /** Of the exchange that is being handed over: undefined when it has no span. */
  of(exchange: Exchange): TraceRef | undefined
}

export const NO_TRACES: TraceRefs = { of: () => undefined }
