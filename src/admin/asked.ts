/** What was asked for can't be; the message says what can. */
export class BadQuery extends Error {}

/**
 * The query of a URL whose every key is known: a mistyped filter must not answer with everything.
 * Its readers throw BadQuery.
 */
export class AskedQuery {
  readonly #values: URLSearchParams

  /** @throws BadQuery when a key is none of these */
  constructor(values: URLSearchParams, keys: readonly string[]) {
    this.#values = values
    const unknown = [...values.keys()].find((key) => !keys.includes(key))
    if (unknown !== undefined) throw new BadQuery(`There is no ${quoted(unknown)} here. There are: ${keys.join(', ')}`)
  }

  /** '' when it was not said. */
  text(key: string): string {
    return this.#values.get(key) ?? ''
  }

  choice<C extends string>(key: string, choices: readonly C[], fallback: C): C {
    const text = this.#values.get(key)
    if (text === null) return fallback
    const found = choices.find((choice) => choice === text)
    if (found === undefined) throw new BadQuery(`${key} is one of ${choices.join(', ')}, not ${quoted(text)}`)
    return found
  }

  /** A whole number from 1 on. */
  count(key: string, fallback: number, max: number): number {
    const text = this.#values.get(key)
    if (text === null) return fallback
    const value = /^\d{1,15}$/.test(text) ? Number(text) : 0
    if (value < 1 || value > max) throw new BadQuery(`${key} is a whole number from 1 to ${max}, not ${quoted(text)}`)
    return value
  }

  /** The id of a shape; '' when none was said. */
  shapeId(key: string): string {
    const text = this.text(key).toLowerCase()
    if (text === '' || /^[0-9a-f]{16}$/.test(text)) return text
    throw new BadQuery(`${key} is the id of a shape, 16 hex digits, not ${quoted(text)}`)
  }
}

const quoted = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text)
