import type { Writable } from 'node:stream'
import type { Clock, Random } from '../../core/clock.js'
import { OplensError } from '../../core/errors.js'
import type { Exchange } from '../../core/exchange.js'
import type { Logger } from '../../core/logger.js'
import type { Observer } from '../../core/observer.js'
import type { SlowReport } from '../../core/reports.js'
import type { SlowLogConfig } from '../config.js'
import type { Sample } from '../counters.js'
import { FAMILIES } from '../families.js'
import { formatLabels } from '../label-text.js'
import type { OperationSeries, OperationTable } from '../operation-table.js'
import type { TraceRefs } from '../tracing/trace-refs.js'
import { type Files, FileTarget, systemFiles } from './file-target.js'
import { slowOperation } from './slow-operation.js'
import { SlowRing } from './slow-ring.js'
import type { SlowRules } from './slow-rules.js'
import { SlowWriter } from './slow-writer.js'
import { stdoutTarget } from './stdout-target.js'

export interface SlowLogOptions {
  readonly config: SlowLogConfig
  readonly rules: SlowRules
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Whose series slow operations are counted by. */
  readonly table: Pick<OperationTable, 'find'>
  readonly traces: TraceRefs
  /** Of values that are shown: whether those under a field of this name are not. */
  readonly isRedacted: (field: string) => boolean
  /** Standard output. */
  readonly stdout: Writable
  readonly files?: Files
}

/** Counts slow operations, keeps the last of them, and writes them. To be told after what traces, whose spans it names. */
export class SlowLog implements Observer {
  readonly name = 'slow_log'
  readonly counts = new Map<OperationSeries, Sample>()
  readonly writer: SlowWriter
  readonly #options: SlowLogOptions
  readonly #ring: SlowRing

  constructor(options: SlowLogOptions) {
    this.#options = options
    this.#ring = new SlowRing(options.config.keep)
    this.writer = new SlowWriter(options)
  }

  /**
   * Opens what is written to; before it, operations are only kept.
   * @throws OplensError OPL_SLOW_LOG when the file can't be opened
   */
  async start(): Promise<void> {
    const { config, stdout, files = systemFiles, logger } = this.#options
    if (config.file !== undefined) {
      const { path, max_size: maxSize, keep } = config.file
      const target = new FileTarget({ path, maxSize, keep, files, logger })
      await target.open().catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error)
        const message = `Cannot open the slow log: ${why} (make its folder, or name another file in observe.slow_log.file.path)`
        throw new OplensError(message, { code: 'OPL_SLOW_LOG', origin: 'config' })
      })
      this.writer.addTarget(target)
    }
    if (config.stdout) this.writer.addTarget(await stdoutTarget(stdout))
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
    this.writer.write(operation)
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
