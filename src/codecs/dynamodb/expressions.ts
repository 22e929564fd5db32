import * as ids from './request-shapes.js'

/** In the order of the text. */
const PARTS: readonly (readonly [id: number, label: string])[] = [
  [ids.KEY_CONDITION, 'key'],
  [ids.CONDITION, 'if'],
  [ids.UPDATE, 'update'],
  [ids.FILTER, 'filter'],
  [ids.PROJECTION, 'project'],
]
/** Longer lists of names stand for generated requests, which have no shape worth a row. */
const MAX_NAMES = 256
const PLAIN_NAME = /^[\w.-]+$/

/** The expressions of one request, and the names that its `#placeholders` stand for. (Developer guide, "Expressions in DynamoDB") */
export class Expressions {
  readonly #texts = new Map<number, string>()
  readonly #names = new Map<string, string>()
  #placeholder = ''

  /** One expression; of one that is there twice the last counts. */
  text(id: number, text: string, isCut: boolean): void {
    this.#texts.set(id, isCut ? `${text}…` : text)
  }

  /** `#c` of `ExpressionAttributeNames`; its name is told next. */
  placeholder(text: string): void {
    this.#placeholder = text
  }

  nameOf(name: string): void {
    if (this.#names.size < MAX_NAMES) this.#names.set(this.#placeholder, name)
  }

  clearNames(): void {
    this.#names.clear()
  }

  /** `key(customer = ? AND date > ?) filter(status IN (?))`: names and operators, without values; '' when there are none. */
  toString(): string {
    const parts = PARTS.flatMap(([id, label]) => {
      const text = this.#texts.get(id)
      return text === undefined ? [] : [`${label}(${this.#normalize(text)})`]
    })
    return parts.join(' ')
  }

  /** Values come as `:placeholders` alone: an expression has no literals. */
  #normalize(text: string): string {
    return text
      .trim()
      .replaceAll(/\s+/g, ' ')
      .replaceAll(/:[A-Za-z0-9_]+/g, '?')
      .replaceAll(/#[A-Za-z0-9_]+/g, (placeholder) => this.#resolve(placeholder))
      .replaceAll(/\?(?: ?, ?\?)+/g, '?')
  }

  #resolve(placeholder: string): string {
    const name = this.#names.get(placeholder)
    if (name === undefined) return placeholder
    return PLAIN_NAME.test(name) ? name : JSON.stringify(name)
  }
}
