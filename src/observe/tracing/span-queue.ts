import type { tracing } from '@opentelemetry/sdk-node'
import type { Clock, Timer } from '../../core/clock.js'
import type { Logger } from '../../core/logger.js'
import type { TracingSettings } from './settings.js'

type ReadableSpan = tracing.ReadableSpan

/** What the queue wants of an exporter of OpenTelemetry's. */
export interface SpanExporter {
  export(spans: ReadableSpan[], done: (result: { readonly code: number; readonly error?: Error }) => void): void
  shutdown(): Promise<void>
}

type QueueSettings = Pick<TracingSettings, 'maxQueue' | 'maxBatch' | 'delayMs' | 'exportTimeoutMs'>

export interface SpanQueueOptions {
  readonly settings: QueueSettings
  readonly exporter: SpanExporter
  readonly clock: Clock
  readonly logger: Logger
}

/** `ExportResultCode.SUCCESS` */
const SUCCESS = 0
/** After a failure the next export waits twice as long, up to this: what comes meanwhile fills the queue, no further. */
const MAX_BACKOFF_MS = 30_000
/** Between two lines about a collector that takes nothing; of one outage each next one waits twice as long. */
const LOG_EVERY_MS = 60_000
const MAX_LOG_EVERY_MS = 3_600_000

/**
 * Between spans that end and the exporter, in the place of the SDK's batch processor, which neither counts what it drops nor waits
 * longer for a collector that is down. One export at a time; `maxQueue` bounds what waits and what is on its way together.
 */
export class SpanQueue implements tracing.SpanProcessor {
  exported = 0
  readonly dropped = { queue: 0, export: 0, shutdown: 0 }
  readonly #options: SpanQueueOptions
  #waiting: ReadableSpan[] = []
  #inFlight = 0
  /** Exports that failed in a row. */
  #failures = 0
  #loggedAtMs = Number.NEGATIVE_INFINITY
  #logEveryMs = LOG_EVERY_MS
  /** The log says that the collector takes none. */
  #isSaid = false
  #timer: Timer | undefined
  #isClosed = false
  #whenIdle: (() => void) | undefined

  constructor(options: SpanQueueOptions) {
    this.#options = options
  }

  /** What waits, those on their way included. */
  get size(): number {
    return this.#waiting.length + this.#inFlight
  }

  /** Asked before a span is made; no is counted. @param isMinor has room while half of the queue is free */
  hasRoom(isMinor = false): boolean {
    const { maxQueue } = this.#options.settings
    if (this.size < (isMinor ? maxQueue / 2 : maxQueue) && !this.#isClosed) return true
    this.dropped.queue++
    return false
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    this.#waiting.push(span)
    if (this.#inFlight > 0) return
    if (this.#timer === undefined) this.#wait(this.#delayMs())
    // Once for each batch: put off by every span, it would never come.
    else if (this.#failures === 0 && this.#waiting.length === this.#options.settings.maxBatch) this.#wait(0)
  }

  async forceFlush(): Promise<void> {}

  /** For the SDK; `close` is what ends it. */
  async shutdown(): Promise<void> {}

  /** Sends what waits, for `maxMs` at the longest, and drops the rest. Never rejects, and waits for no collector any longer. */
  async close(maxMs: number): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#timer?.cancel()
    // Whatever was before, it is asked once more.
    this.#failures = 0
    const untilMs = this.#options.clock.now() + maxMs
    await new Promise<void>((resolve) => {
      this.#whenIdle = resolve
      this.#options.clock.after(maxMs, resolve)
      if (this.#inFlight === 0) this.#next()
    })
    this.#whenIdle = undefined
    const left = this.size
    this.dropped.shutdown += left
    this.#waiting = []
    this.#inFlight = 0
    if (left > 0) {
      const isLate = this.#options.clock.now() >= untilMs
      this.#options.logger.warn(
        { spans: left, isLate },
        'Spans were lost: the collector did not take them before the end',
      )
    }
    // Of an exporter that still waits for its collector: nobody waits for it.
    this.#options.exporter.shutdown().catch((error: unknown) => {
      this.#options.logger.debug({ err: error }, 'An exporter of spans did not end well')
    })
  }

  #isBatchFull(): boolean {
    return this.#waiting.length >= this.#options.settings.maxBatch
  }

  #delayMs(): number {
    const { delayMs } = this.#options.settings
    if (this.#failures > 0) return Math.max(delayMs, Math.min(MAX_BACKOFF_MS, delayMs * 2 ** this.#failures))
    return this.#isBatchFull() ? 0 : delayMs
  }

  #wait(ms: number): void {
    this.#timer?.cancel()
    this.#timer = this.#options.clock.after(ms, () => this.#export())
  }

  #export(): void {
    this.#timer = undefined
    const { clock, exporter, settings } = this.#options
    const batch = this.#waiting.splice(0, settings.maxBatch)
    this.#inFlight = batch.length
    let isOver = false
    const end = (failure: string | undefined) => {
      // An export that was given up may still end, and one whose queue was closed is counted already.
      if (isOver || this.#inFlight === 0) return
      isOver = true
      timeout.cancel()
      this.#ended(failure)
    }
    const timeout = clock.after(settings.exportTimeoutMs, () => end(`no answer in ${settings.exportTimeoutMs} ms`))
    try {
      exporter.export(batch, ({ code, error }) => end(code === SUCCESS ? undefined : describe(error)))
    } catch (error) {
      end(describe(error))
    }
  }

  #ended(failure: string | undefined): void {
    const count = this.#inFlight
    this.#inFlight = 0
    if (failure === undefined) {
      this.exported += count
      this.#failures = 0
      if (this.#isSaid) this.#options.logger.info({ dropped: this.#lost }, 'The collector takes spans again')
      this.#isSaid = false
      this.#logEveryMs = LOG_EVERY_MS
    } else {
      this.dropped.export += count
      this.#failures++
      this.#logFailure(failure)
    }
    this.#next()
  }

  #next(): void {
    if (this.#whenIdle !== undefined) {
      if (this.#waiting.length === 0 || this.#failures > 0) this.#whenIdle()
      else this.#export()
    } else if (this.#waiting.length > 0) this.#wait(this.#delayMs())
  }

  get #lost(): number {
    return this.dropped.export + this.dropped.queue
  }

  #logFailure(reason: string): void {
    const { clock, logger } = this.#options
    const nowMs = clock.now()
    if (nowMs - this.#loggedAtMs < this.#logEveryMs) return
    this.#loggedAtMs = nowMs
    this.#logEveryMs = Math.min(MAX_LOG_EVERY_MS, this.#logEveryMs * 2)
    this.#isSaid = true
    logger.warn({ reason, dropped: this.#lost }, 'The collector does not take spans; traffic is not affected')
  }
}

/** The error's own words, without what a collector may have said at length. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const code = 'code' in error ? `${String(error.code)} ` : ''
  // Of a host with several addresses each fails for itself, and the whole has no message.
  const inner = error instanceof AggregateError && error.message === '' ? String(error.errors[0]) : error.message
  return `${code}${inner}`.slice(0, 300)
}
