import type { Clock, Timer } from '../../src/core/clock.js'

interface Pending {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

/** A clock that stands still until told: `advance` runs what falls due, in order. */
export class FakeClock implements Clock {
  #nowMs: number
  #order = 0
  #pending: Pending[] = []

  constructor(startMs = 1_000) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  wall(): number {
    return 1_700_000_000_000 + this.#nowMs
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#pending.length
  }

  after(ms: number, run: () => void): Timer {
    const entry: Pending = { atMs: this.#nowMs + ms, order: this.#order++, run }
    this.#pending.push(entry)
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((p) => p !== entry)
      },
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const timer = this.after(ms, resolve)
      signal?.addEventListener('abort', () => {
        timer.cancel()
        reject(signal.reason)
      })
    })
  }

  advance(ms: number): void {
    const untilMs = this.#nowMs + ms
    for (;;) {
      const due = this.#pending.filter((p) => p.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0]
      if (due === undefined) break
      this.#pending = this.#pending.filter((p) => p !== due)
      this.#nowMs = due.atMs
      due.run()
    }
    this.#nowMs = untilMs
  }
}
