import { foldPath } from '../shared/folded-names.js'
import { indexName, tableName } from './table-name.js'

export interface Statement {
  readonly isRead: boolean
  /** '' when the statement names none that can be seen. */
  readonly table: string
  readonly index: string
}

/** What can't be understood may write. */
const UNKNOWN: Statement = Object.freeze({ isRead: false, table: '', index: '' })

/**
 * Verb and table of one PartiQL statement, as far as DynamoDB takes PartiQL: one table, first named after `FROM`, `INTO` or `UPDATE`.
 * Reads no further than that name. `text` may be cut short.
 */
export function readStatement(text: string): Statement {
  const tokens = new Tokens(text)
  const verb = tokens.next().toLowerCase()
  switch (verb) {
    case 'select':
      return named(tokens.skipTo('from'), true)
    case 'exists': {
      // A condition of a transaction: EXISTS(SELECT * FROM …)
      const isSelect = tokens.next() === '(' && tokens.next().toLowerCase() === 'select'
      return isSelect ? named(tokens.skipTo('from'), true) : UNKNOWN
    }
    case 'insert':
      return tokens.next().toLowerCase() === 'into' ? named(tokens, false) : UNKNOWN
    case 'delete':
      return tokens.next().toLowerCase() === 'from' ? named(tokens, false) : UNKNOWN
    case 'update':
      return named(tokens, false)
    default:
      return UNKNOWN
  }
}

/**
 * The statement without its values: every literal, and every list of them, is a `?`; keywords and names stay. `isCut` says that
 * its end is missing.
 */
export function statementShape(text: string, isCut: boolean): string {
  const tokens = new Tokens(text)
  const shown: string[] = []
  for (let token = tokens.next(); token !== ''; token = tokens.next()) shown.push(shownToken(token, shown.at(-1)))
  const plain = shown
    .join(' ')
    // A fraction is three tokens, a sign is one of its own.
    .replaceAll(/\? \. \?/g, '?')
    .replaceAll(/(^|[=<>(,[{:]) [-+] \?/g, '$1 ?')
    .replaceAll(/\?(?: [,:] \?)+/g, '?')
  return isCut ? `${plain} …` : plain
}

/** What is compared with a text in double quotes is compared with a field; who writes that means a string. */
function shownToken(token: string, before: string | undefined): string {
  const quote = token[0] as string
  if (quote === "'" || quote === '`' || /^\d/.test(token)) return '?'
  if (quote !== '"') return token.length === 1 ? token : foldPath(token)
  if (before === '=' || before === '<' || before === '>' || token.length > MAX_QUOTED) return '?'
  return token.length === 1 ? token : `"${foldPath(token.slice(1, -1))}"`
}

/** As long as the name of a table may be. */
const MAX_QUOTED = 257

function named(tokens: Tokens, isRead: boolean): Statement {
  const table = nameOf(tokens.next())
  if (table === '') return isRead ? { isRead, table: '', index: '' } : UNKNOWN
  const index = tokens.next() === '.' ? nameOf(tokens.next()) : ''
  return { isRead, table: tableName(detached(table)), index: index === '' ? '' : indexName(detached(index)) }
}

/** A copy: a part of a string keeps the whole of it alive, and this whole holds values. */
function detached(part: string): string {
  return Buffer.from(part).toString()
}

/** '' for a token that is no name: a string literal, punctuation, the end. */
function nameOf(token: string): string {
  if (token.startsWith('"')) return token.length < 2 ? '' : token.slice(1, -1).replaceAll('""', '"')
  return isWord(token.charCodeAt(0)) ? token : ''
}

const SPACE = /\s/

/** Words, quoted names and literals with their quotes, and single characters; '' at the end. White space and comments are left out. */
class Tokens {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  next(): string {
    this.#skipSpace()
    const text = this.#text
    const begin = this.#at
    if (begin >= text.length) return ''
    const code = text.charCodeAt(begin)
    // Ion literals stand between backticks.
    if (code === 0x22 || code === 0x27 || code === 0x60) return this.#quoted(text[begin] as string)
    if (!isWord(code)) {
      this.#at++
      return text[begin] as string
    }
    while (this.#at < text.length && isWord(text.charCodeAt(this.#at))) this.#at++
    return text.slice(begin, this.#at)
  }

  /** To behind the keyword that stands outside of all brackets. */
  skipTo(keyword: string): this {
    let depth = 0
    for (let token = this.next(); token !== ''; token = this.next()) {
      if ('([{'.includes(token)) depth++
      else if (')]}'.includes(token)) depth--
      else if (depth === 0 && token.toLowerCase() === keyword) break
    }
    return this
  }

  /** A doubled quote stands for itself. */
  #quoted(quote: string): string {
    const text = this.#text
    const begin = this.#at
    let end = text.indexOf(quote, begin + 1)
    while (end >= 0 && text[end + 1] === quote) end = text.indexOf(quote, end + 2)
    // Never closed: there is no name then.
    this.#at = end < 0 ? text.length : end + 1
    return end < 0 ? quote : text.slice(begin, end + 1)
  }

  #skipSpace(): void {
    const text = this.#text
    for (;;) {
      while (this.#at < text.length && SPACE.test(text[this.#at] as string)) this.#at++
      if (text.startsWith('--', this.#at)) this.#at = endOf(text, '\n', this.#at)
      else if (text.startsWith('/*', this.#at)) this.#at = endOf(text, '*/', this.#at + 2)
      else return
    }
  }
}

function endOf(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from)
  return at < 0 ? text.length : at + mark.length
}

/** Letters, digits, `_` and `$`; beyond ASCII too, for PartiQL takes them. */
function isWord(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x5f ||
    code === 0x24 ||
    code > 0x7f
  )
}
