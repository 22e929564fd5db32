/** What is ordered: `of(item)` may grow at any time without telling. */
export interface Weights {
  of(item: number): number
}

/**
 * Finds the lightest of some items whose weights only grow between two calls of `scale`. A heap by what each weighed when it was
 * last looked at, which is a lower bound: growing costs nothing, and a search looks again only at items that seemed the lightest.
 */
export class Least {
  readonly #weights: Weights
  readonly #items: Int32Array
  readonly #seen: Float64Array
  #size = 0

  constructor(capacity: number, weights: Weights) {
    this.#weights = weights
    this.#items = new Int32Array(capacity)
    this.#seen = new Float64Array(capacity)
  }

  add(item: number): void {
    const at = this.#size++
    this.#items[at] = item
    this.#seen[at] = this.#weights.of(item)
    this.#rise(at)
  }

  /** The lightest; it stays. There must be one. */
  find(): number {
    for (;;) {
      const item = this.#items[0] as number
      const weight = this.#weights.of(item)
      if (weight <= (this.#seen[0] as number)) return item
      this.#seen[0] = weight
      this.#sink(0)
    }
  }

  /** All weights were multiplied by this: their order is the same. */
  scale(factor: number): void {
    for (let at = 0; at < this.#size; at++) this.#seen[at] = (this.#seen[at] as number) * factor
  }

  #rise(from: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if ((this.#seen[parent] as number) <= (this.#seen[at] as number)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #sink(from: number): void {
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= this.#size) return
      if (child + 1 < this.#size && (this.#seen[child + 1] as number) < (this.#seen[child] as number)) child++
      if ((this.#seen[at] as number) <= (this.#seen[child] as number)) return
      this.#swap(at, child)
      at = child
    }
  }

  #swap(a: number, b: number): void {
    const item = this.#items[a] as number
    const seen = this.#seen[a] as number
    this.#items[a] = this.#items[b] as number
    this.#seen[a] = this.#seen[b] as number
    this.#items[b] = item
    this.#seen[b] = seen
  }
}
