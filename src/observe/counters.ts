import { OTHER } from '../core/exchange.js'
import { formatLabels } from './label-text.js'

/** One series of a counter or gauge. Whoever counts often keeps it at hand and adds to `value`. */
export interface Sample {
  /** `a="x",b="y"`, escaped, ready to print; '' when the family has no labels. */
  readonly labels: string
  value: number
}

export interface CountersOptions {
  readonly maxSeries?: number
  /** Something was folded. */
  readonly onOverflow?: () => void
}

/** A small family counted in place: reasons, opcodes, observers. Bounded; what comes later has `__other__` as its last label. */
export class Counters implements Iterable<Sample> {
  readonly #labels: readonly string[]
  readonly #maxSeries: number
  readonly #onOverflow: () => void
  readonly #series = new Map<string, Sample>()

  constructor(labels: readonly string[], options: CountersOptions = {}) {
    this.#labels = labels
    this.#maxSeries = options.maxSeries ?? 2_000
    this.#onOverflow = options.onOverflow ?? (() => undefined)
  }

  with(...values: readonly string[]): Sample {
    const key = values.join('\0')
    const known = this.#series.get(key)
    if (known !== undefined) return known
    const last = values.length - 1
    if (this.#series.size >= this.#maxSeries && values[last] !== OTHER) {
      this.#onOverflow()
      return this.with(...values.slice(0, last), OTHER)
    }
    const made: Sample = { labels: formatLabels(this.#labels, values), value: 0 }
    this.#series.set(key, made)
    return made
  }

  [Symbol.iterator](): IterableIterator<Sample> {
    return this.#series.values()
  }
}
