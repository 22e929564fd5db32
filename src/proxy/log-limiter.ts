import type { Clock } from '../core/clock.js'

const WINDOW_MS = 1_000
/** Keys are hosts and listeners: few. The cap is for a cluster whose addresses never stop changing. */
const MAX_KEYS = 1_024

interface Entry {
  allowedFromMs: number
  suppressed: number
}

/** Lets one line a second through for each key, and counts the others. */
export class LogLimiter {
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @returns how many lines were held back since the last one let through, or -1: hold this one back */
  allow(key: string): number {
    const nowMs = this.#clock.now()
    const entry = this.#entries.get(key)
    if (entry === undefined) {
      if (this.#entries.size >= MAX_KEYS) this.#entries.clear()
      this.#entries.set(key, { allowedFromMs: nowMs + WINDOW_MS, suppressed: 0 })
      return 0
    }
    if (nowMs < entry.allowedFromMs) {
      entry.suppressed++
      return -1
    }
    const { suppressed } = entry
    entry.allowedFromMs = nowMs + WINDOW_MS
    entry.suppressed = 0
    return suppressed
  }
}
