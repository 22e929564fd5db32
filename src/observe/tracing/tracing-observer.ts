import type { Exchange } from '../../core/exchange.js'
import type { Observer } from '../../core/observer.js'
import type { Exemplars } from '../exemplars.js'
import type { HistogramSeries } from '../histogram.js'
import { isThrottled, SAMPLED_BY, type SampledBy, type Sampler } from './sampler.js'
import { parseTraceParent, type TraceParent } from './trace-parent.js'
import type { TraceRef, TraceRefs } from './trace-refs.js'
import type { WallOffset } from './wall-offset.js'

/** Where spans are made, once OpenTelemetry is loaded. */
export interface SpanSink {
  /** Counts the span as lost when not. @param isMinor half of the room is not for it */
  hasRoom(isMinor: boolean): boolean
  make(exchange: Exchange, sampledBy: SampledBy, parent: TraceParent | undefined, offsetMs: number): TraceRef
}

export interface TracingObserverOptions {
  readonly sampler: Sampler
  readonly offset: WallOffset
  readonly exemplars: Exemplars
  /** What the metrics observed the exchange in. */
  readonly durationOf: (exchange: Exchange) => HistogramSeries | undefined
}

/** Makes a span of each operation that the sampler wants, when it is over. */
export class TracingObserver implements Observer, TraceRefs {
  readonly name = 'tracing'
  /** Spans made, by why. */
  readonly made: Readonly<Record<SampledBy, { value: number }>>
  /** undefined: nothing is traced, yet or any more. */
  sink: SpanSink | undefined = undefined
  readonly #options: TracingObserverOptions
  #exchange: Exchange | undefined
  #ref: TraceRef | undefined

  constructor(options: TracingObserverOptions) {
    this.#options = options
    this.made = Object.fromEntries(SAMPLED_BY.map((why) => [why, { value: 0 }])) as Record<SampledBy, { value: number }>
  }

  exchangeEnded(exchange: Exchange): void {
    this.#exchange = undefined
    const { sink } = this
    if (sink === undefined) return
    const why = this.#options.sampler.decide(exchange)
    if (why === '' || !sink.hasRoom(why === 'failed' && isThrottled(exchange))) return
    this.#trace(exchange, why, sink)
  }

  of(exchange: Exchange): TraceRef | undefined {
    return exchange === this.#exchange ? this.#ref : undefined
  }

  #trace(exchange: Exchange, why: SampledBy, sink: SpanSink): void {
    const { offset, exemplars, durationOf } = this.#options
    const offsetMs = offset.now()
    const ref = sink.make(exchange, why, parseTraceParent(exchange.traceParent), offsetMs)
    this.made[why].value++
    this.#exchange = exchange
    this.#ref = ref
    const series = durationOf(exchange)
    if (series === undefined) return
    exemplars.record(series, { ...ref, valueMs: exchange.durationMs, atMs: exchange.endedAtMs + offsetMs })
  }
}
