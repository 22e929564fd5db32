const MAX_CURSORS = 10_000

/**
 * Cursors whose getMores wait on purpose: tailable with awaitData, and change streams. Shared by a listener's connections,
 * because a driver may send a getMore on another one than the find. The getMore alone does not tell: change streams need no
 * `maxTimeMS`, and ordinary getMores may carry one. Bounded; the oldest is forgotten first, and its getMores count as ordinary.
 */
export class AwaitedCursors {
  readonly #ids = new Set<string>()

  has(low: number, high: number): boolean {
    return this.#ids.size > 0 && this.#ids.has(cursorKey(low, high))
  }

  add(low: number, high: number): void {
    if (this.#ids.size >= MAX_CURSORS) {
      const oldest = this.#ids.values().next().value
      if (oldest !== undefined) this.#ids.delete(oldest)
    }
    this.#ids.add(cursorKey(low, high))
  }

  delete(low: number, high: number): void {
    if (this.#ids.size > 0) this.#ids.delete(cursorKey(low, high))
  }
}

/** Cursor ids are 64 bits wide. */
export function cursorKey(low: number, high: number): string {
  return `${high}:${low}`
}
