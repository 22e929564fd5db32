import type { Clock, Random } from '../../core/clock.js'
import type { SlowOperation } from '../../core/reports.js'
import type { SlowLogConfig } from '../config.js'
import { type DropReason, LineQueue, type LineQueueOptions, type LineTarget } from './line-queue.js'
import { slowLine } from './slow-line.js'

const WINDOW_MS = 1_000

export interface SlowWriterOptions extends Pick<LineQueueOptions, 'clock' | 'logger'> {
  readonly config: Pick<SlowLogConfig, 'sample' | 'max_per_second'>
  readonly random: Random
}

/** Writes slow operations: a share of them, no more than so many in a second, to each target that there is. */
export class SlowWriter {
  written = 0
  readonly dropped: Record<DropReason | 'sampled' | 'rate', number> = { sampled: 0, rate: 0, queue: 0, error: 0 }
  readonly #options: SlowWriterOptions
  readonly #clock: Clock
  readonly #queues: LineQueue[] = []
  #windowFromMs = Number.NEGATIVE_INFINITY
  #inWindow = 0

  constructor(options: SlowWriterOptions) {
    this.#options = options
    this.#clock = options.clock
  }

  addTarget(target: LineTarget): void {
    const { clock, logger } = this.#options
    const onWritten = (lines: number) => {
      this.written += lines
    }
    const onDropped = (reason: DropReason, lines: number) => {
      this.dropped[reason] += lines
    }
    this.#queues.push(new LineQueue({ target, clock, logger, onWritten, onDropped }))
  }

  write(operation: SlowOperation): void {
    if (this.#queues.length === 0) return
    const { config, random } = this.#options
    if (config.sample < 1 && random() >= config.sample) this.dropped.sampled++
    else if (!this.#isWithinRate()) this.dropped.rate++
    else {
      const line = slowLine(operation)
      for (const queue of this.#queues) queue.push(line)
    }
  }

  reopen(): void {
    for (const queue of this.#queues) queue.reopen()
  }

  /** Writes what waits, for some seconds at the longest. Never rejects. */
  async close(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.close()))
  }

  #isWithinRate(): boolean {
    const nowMs = this.#clock.now()
    if (nowMs - this.#windowFromMs >= WINDOW_MS) {
      this.#windowFromMs = nowMs
      this.#inWindow = 0
    }
    return ++this.#inWindow <= this.#options.config.max_per_second
  }
}
