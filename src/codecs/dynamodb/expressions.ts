import { foldPath } from '../shared/folded-names.js'
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
/** Longer names are no names that somebody chose. */
const MAX_NAME = 64
const PLAIN_NAME = /^[\w.?-]+$/
/** Literals, which the service refuses: whoever writes one has made a mistake, which is no reason to show it. Placeholders, names and numbers. */
const TOKENS = /'[^']*'?|"[^"]*"?|[:#][A-Za-z0-9_]+|[A-Za-z_]\w*|(\[ ?)?\d[\w.]*/g

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
    if (this.#names.size >= MAX_NAMES || this.#placeholder.length > MAX_NAME) return
    this.#names.set(this.#placeholder, name.length > MAX_NAME ? '?' : name)
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

  #normalize(text: string): string {
    return text
      .trim()
      .replaceAll(/\s+/g, ' ')
      .replaceAll(TOKENS, (token, bracket: string | undefined) => this.#shown(token, bracket))
      .replaceAll(/\?(?: ?, ?\?)+/g, '?')
  }

  /** Values come as `:placeholders`; the only numbers that an expression may have are indexes. */
  #shown(token: string, bracket: string | undefined): string {
    if (bracket !== undefined) return token.length - bracket.length < 4 ? token : `${bracket}?`
    if (token.startsWith('#')) return this.#resolve(token)
    return /^[A-Za-z_]/.test(token) ? foldPath(token) : '?'
  }

  #resolve(placeholder: string): string {
    const name = this.#names.get(placeholder)
    if (name === undefined) return placeholder
    const folded = foldPath(name)
    return PLAIN_NAME.test(folded) ? folded : JSON.stringify(folded)
  }
}
