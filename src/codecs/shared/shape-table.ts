import { createHash } from 'node:crypto'
import type { Shape } from '../../core/shape.js'

/** Distinct shapes remembered; beyond it they are made anew, as equal objects. */
const MAX_SHAPES = 10_000

/** One Shape for each command and text. */
export class ShapeTable {
  readonly #protocol: string
  readonly #shapes = new Map<string, Shape>()

  constructor(protocol: string) {
    this.#protocol = protocol
  }

  get(command: string, text: string, isTruncated = false): Shape {
    const key = `${command}\n${isTruncated ? '…' : ''}${text}`
    const known = this.#shapes.get(key)
    if (known !== undefined) return known
    if (this.#shapes.size >= MAX_SHAPES) this.#shapes.clear()
    const hash = createHash('sha256').update(`${this.#protocol}\n${key}`)
    const made: Shape = Object.freeze({ id: hash.digest('hex').slice(0, 16), command, text, isTruncated })
    this.#shapes.set(key, made)
    return made
  }
}
