import type { Clock } from '../../core/clock.js'
import type { Exchange } from '../../core/exchange.js'
import type { Observer } from '../../core/observer.js'
import type { SlowReport } from '../../core/reports.js'
import type { SlowLogConfig } from '../config.js'
import type { Sample } from '../counters.js'
import { FAMILIES } from '../families.js'
import { formatLabels } from '../label-text.js'
import type { OperationSeries, OperationTable } from '../operation-table.js'
import type { TraceRefs } from '../tracing/trace-refs.js'
import { slowOperation } from './slow-operation.js'
import { SlowRing } from './slow-ring.js'
import type { SlowRules } from './slow-rules.js'

export interface SlowLogOptions {
  readonly config: Pick<SlowLogConfig, 'keep'>
  readonly rules: SlowRules
  readonly clock: Clock
  /** Whose series slow operations are counted by. */
  readonly table: Pick<OperationTable, 'find'>
  readonly traces: TraceRefs
  /** Of values that are shown: whether those under a field of this name are not. */
  readonly isRedacted: (field: string) => boolean
}

/** Counts slow operations and keeps the last of them. To be told after what traces, whose spans it names. */
export class SlowLog implements Observer {
  readonly name = 'slow_log'
  readonly counts = new Map<OperationSeries, Sample>()
  readonly #options: SlowLogOptions
  readonly #ring: SlowRing

  constructor(options: SlowLogOptions) {
    this.#options = options
    this.#ring = new SlowRing(options.config.keep)
  }

  exchangeEnded(exchange: Exchange): void {
    const { rules, clock, traces, isRedacted } = this.#options
    if (!rules.isSlow(exchange)) return
    this.#count(exchange)
    const operation = slowOperation(exchange, {
      id: this.#ring.total + 1,
      thresholdMs: rules.thresholdMs(exchange.operation),
      toWallMs: clock.wall() - clock.now(),
      trace: traces.of(exchange),
      isRedacted,
    })
    this.#ring.push(operation)
  }

  report(limit: number): SlowReport {
    return { isEnabled: true, operations: this.#ring.newest(limit), total: this.#ring.total }
  }

  #count({ connection, operation }: Exchange): void {
    const series = this.#options.table.find(connection, operation)
    let sample = this.counts.get(series)
    if (sample === undefined) {
      const { protocol, cluster, database, collection, command } = series
      const labels = formatLabels(FAMILIES.slowOperations.labels, [protocol, cluster, database, collection, command])
      sample = { labels, value: 0 }
      this.counts.set(series, sample)
    }
    sample.value++
  }
}
