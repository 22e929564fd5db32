import { hash } from 'node:crypto'
import type { Shape } from '../../core/shape.js'

/** Distinct shapes remembered; beyond it they are made anew, as equal objects. */
const MAX_SHAPES = 10_000
/** Of all their texts together: ten thousand of 4 KiB would be 80 MiB and more, for each listener. */
export const MAX_SHAPES_CHARS = 2 * 1_048_576

const MAX_TEXT_BYTES = 4_096
const MORE = '…'

/** Whether a text is longer than a shape's may be. */
export function isLongText(text: string): boolean {
  return text.length * 3 > MAX_TEXT_BYTES && Buffer.byteLength(text) > MAX_TEXT_BYTES
}

/** `text` as one that is truncated: ends in `…`, within 4 KiB. */
export function truncated(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length + MORE.length * 3 <= MAX_TEXT_BYTES) return text + MORE
  return bytes.toString('utf8', 0, MAX_TEXT_BYTES - 3).replace(/\uFFFD+$/, '') + MORE
}

/** One Shape for each command and text. */
export class ShapeTable {
  readonly #protocol: string
  readonly #shapes = new Map<string, Shape>()
  #chars = 0

  constructor(protocol: string) {
    this.#protocol = protocol
  }

  get(command: string, text: string, isTruncated = false): Shape {
    if (isLongText(text)) return this.get(command, truncated(text), true)
    const key = `${command}\n${isTruncated ? '…' : ''}${text}`
    const known = this.#shapes.get(key)
    if (known !== undefined) return known
    if (this.#shapes.size >= MAX_SHAPES || this.#chars + text.length > MAX_SHAPES_CHARS) {
      this.#shapes.clear()
      this.#chars = 0
    }
    this.#chars += text.length
    // In one call, not by an object: that took 3 µs of the 8 that a new shape cost.
    const id = hash('sha256', `${this.#protocol}\n${key}`, 'hex').slice(0, 16)
    const made: Shape = Object.freeze({ id, command, text, isTruncated })
    this.#shapes.set(key, made)
    return made
  }
}
