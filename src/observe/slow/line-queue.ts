import type { Clock, Timer } from '../../core/clock.js'
import type { Logger } from '../../core/logger.js'

/** Where lines go. */
export interface LineTarget {
  /** For logs: a path, `stdout`. */
  readonly name: string
  /** Resolves once all of it is written. After it rejected, the next call starts on a new line. */
  write(lines: Buffer): Promise<void>
  /** The file was moved away: opens its path anew. */
  reopen(): Promise<void>
  close(): Promise<void>
}

export type DropReason = 'queue' | 'error'

export interface LineQueueOptions {
  readonly target: LineTarget
  readonly clock: Clock
  readonly logger: Logger
  readonly onWritten: (lines: number) => void
  readonly onDropped: (reason: DropReason, lines: number) => void
}

/** Of lines that wait; a line is one to six KiB. */
export const MAX_QUEUE_BYTES = 4 * 1024 * 1024
/** Written at once, so that one bad write costs no more than this. */
const MAX_BATCH_BYTES = 256 * 1024
const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 30_000
const LOG_EVERY_MS = 60_000
/** How long the end of the process waits for a disk. */
const CLOSE_MS = 2_000

/**
 * Lines on their way out. Who writes one never waits: a target that is slow or stuck fills the queue, one that fails loses what it was
 * given and is tried again later, by itself; what is lost is counted.
 */
export class LineQueue {
  readonly #options: LineQueueOptions
  #lines: Buffer[] = []
  #bytes = 0
  #isPumping = false
  #wantsReopen = false
  #isClosed = false
  #retry: Timer | undefined
  #retryMs = 0
  #loggedAtMs = Number.NEGATIVE_INFINITY
  #onIdle: (() => void) | undefined

  constructor(options: LineQueueOptions) {
    this.#options = options
  }

  /** @param line with its newline */
  push(line: string): void {
    const bytes = Buffer.from(line)
    if (this.#isClosed || this.#bytes + bytes.length > MAX_QUEUE_BYTES) {
      this.#options.onDropped('queue', 1)
      return
    }
    this.#lines.push(bytes)
    this.#bytes += bytes.length
    this.#pump()
  }

  reopen(): void {
    this.#wantsReopen = true
    this.#pump()
  }

  /** Writes what waits, for some seconds at the longest. Never rejects. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#retry?.cancel()
    this.#retry = undefined
    const { clock, target, onDropped } = this.#options
    await new Promise<void>((resolve) => {
      const timer = clock.after(CLOSE_MS, resolve)
      this.#onIdle = () => {
        timer.cancel()
        resolve()
      }
      this.#pump()
      if (!this.#isPumping) this.#onIdle()
    })
    if (this.#lines.length > 0) onDropped('queue', this.#lines.length)
    this.#lines = []
    // One that is stuck would not close either.
    if (!this.#isPumping) await target.close().catch((error: unknown) => this.#failed(error))
  }

  #pump(): void {
    if (this.#isPumping || this.#retry !== undefined) return
    this.#isPumping = true
    void this.#run().finally(() => {
      this.#isPumping = false
      this.#onIdle?.()
      if (this.#hasWork) this.#pump()
    })
  }

  get #hasWork(): boolean {
    return this.#retry === undefined && (this.#lines.length > 0 || this.#wantsReopen)
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { target, onWritten, onDropped } = this.#options
    while (this.#hasWork) {
      let count = 0
      try {
        if (this.#wantsReopen) {
          this.#wantsReopen = false
          await target.reopen()
        }
        const batch = this.#take()
        count = batch.length
        if (count > 0) await target.write(Buffer.concat(batch))
        onWritten(count)
        this.#recovered()
      } catch (error) {
        if (count > 0) onDropped('error', count)
        this.#failed(error)
        return
      }
    }
  }

  /** What is taken is not in the queue any more: a target that is stuck holds one batch beside it. */
  #take(): Buffer[] {
    let bytes = 0
    let count = 0
    for (; count < this.#lines.length; count++) {
      const { length } = this.#lines[count] as Buffer
      if (count > 0 && bytes + length > MAX_BATCH_BYTES) break
      bytes += length
    }
    this.#bytes -= bytes
    return this.#lines.splice(0, count)
  }

  #failed(error: unknown): void {
    const { clock, logger, target } = this.#options
    this.#retryMs = Math.min(Math.max(this.#retryMs * 2, FIRST_RETRY_MS), MAX_RETRY_MS)
    if (!this.#isClosed) {
      this.#retry = clock.after(this.#retryMs, () => {
        this.#retry = undefined
        this.#pump()
      })
    }
    if (clock.now() - this.#loggedAtMs < LOG_EVERY_MS) return
    this.#loggedAtMs = clock.now()
    const fields = { err: error, target: target.name }
    logger.error(fields, 'The slow log can not be written: its lines are dropped and counted, traffic is not affected')
  }

  #recovered(): void {
    if (this.#retryMs === 0) return
    this.#retryMs = 0
    this.#loggedAtMs = Number.NEGATIVE_INFINITY
    this.#options.logger.info({ target: this.#options.target.name }, 'The slow log is written again')
  }
}
