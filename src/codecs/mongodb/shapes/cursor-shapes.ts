import type { Shape } from '../../../core/shape.js'
import { cursorKey } from '../awaited-cursors.js'

const MAX_CURSORS = 10_000

/** Of each open cursor the shape that opened it: what its getMores do. Bounded; the oldest is forgotten first. */
export class CursorShapes {
  readonly #shapes = new Map<string, Shape>()

  get size(): number {
    return this.#shapes.size
  }

  get(low: number, high: number): Shape | undefined {
    return this.#shapes.size === 0 ? undefined : this.#shapes.get(cursorKey(low, high))
  }

  add(low: number, high: number, shape: Shape): void {
    if (this.#shapes.size >= MAX_CURSORS) {
      const oldest = this.#shapes.keys().next().value
      if (oldest !== undefined) this.#shapes.delete(oldest)
    }
    this.#shapes.set(cursorKey(low, high), shape)
  }

  delete(low: number, high: number): void {
    if (this.#shapes.size > 0) this.#shapes.delete(cursorKey(low, high))
  }
}
