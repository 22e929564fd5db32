import type { SlowOperation } from '../../core/reports.js'

/** The last slow operations, in memory. */
export class SlowRing {
  readonly #kept: SlowOperation[] = []
  readonly #capacity: number
  #next = 0
  total = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  push(operation: SlowOperation): void {
    this.#kept[this.#next] = operation
    this.#next = (this.#next + 1) % this.#capacity
    this.total++
  }

  /** The newest first. */
  newest(limit: number): readonly SlowOperation[] {
    const { length } = this.#kept
    const count = Math.min(Math.max(Math.floor(limit), 0), length)
    return Array.from({ length: count }, (_, i) => this.#kept[(this.#next - 1 - i + length) % length] as SlowOperation)
  }
}
