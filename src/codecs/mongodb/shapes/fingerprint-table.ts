import type { Shape } from '../../../core/shape.js'
import { MAX_SHAPES_CHARS } from '../../shared/shape-table.js'

const MAX_ENTRIES = 10_000
const FIRST_SLOTS = 256

/** Shapes by their 64-bit fingerprint: a lookup makes no key and no object. Bounded: when it is full it forgets all. */
export class FingerprintTable {
  #highs = new Int32Array(FIRST_SLOTS)
  #lows = new Int32Array(FIRST_SLOTS)
  #shapes: (Shape | undefined)[] = new Array<Shape | undefined>(FIRST_SLOTS).fill(undefined)
  #mask = FIRST_SLOTS - 1
  #count = 0
  /** Of the texts that it keeps alive; one that has several fingerprints counts for each. */
  #chars = 0

  get size(): number {
    return this.#count
  }

  get(high: number, low: number): Shape | undefined {
    for (let slot = low & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const shape = this.#shapes[slot]
      if (shape === undefined) return undefined
      if (this.#lows[slot] === low && this.#highs[slot] === high) return shape
    }
  }

  /** `high` and `low` are not in it. */
  add(high: number, low: number, shape: Shape): void {
    const isFull = this.#count >= MAX_ENTRIES || this.#chars + shape.text.length > MAX_SHAPES_CHARS
    if (isFull) this.#resize(FIRST_SLOTS, [])
    else if (this.#count * 2 > this.#mask) this.#resize(this.#shapes.length * 2, this.#shapes)
    this.#put(high, low, shape)
  }

  #resize(slots: number, kept: readonly (Shape | undefined)[]): void {
    const highs = this.#highs
    const lows = this.#lows
    this.#highs = new Int32Array(slots)
    this.#lows = new Int32Array(slots)
    this.#shapes = new Array<Shape | undefined>(slots).fill(undefined)
    this.#mask = slots - 1
    this.#count = 0
    this.#chars = 0
    kept.forEach((shape, slot) => {
      if (shape !== undefined) this.#put(highs[slot] as number, lows[slot] as number, shape)
    })
  }

  #put(high: number, low: number, shape: Shape): void {
    let slot = low & this.#mask
    while (this.#shapes[slot] !== undefined) slot = (slot + 1) & this.#mask
    this.#highs[slot] = high
    this.#lows[slot] = low
    this.#shapes[slot] = shape
    this.#count++
    this.#chars += shape.text.length
  }
}
