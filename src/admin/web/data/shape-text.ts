// A shape for reading: broken into lines where it is long. It knows brackets, commas and quotes, and nothing else of the text.

const WIDTH = 72
const INDENT = '  '

const CLOSING: Readonly<Record<string, string>> = { '{': '}', '[': ']', '(': ')' }

/** @returns the same characters but for spaces and line breaks outside of quotes; a text that doesn't match its brackets as it is */
export function pretty(text: string): string {
  const parser = new Parser(text)
  const parts = parser.list('')
  return parser.isWhole ? joined(parts, 0) : text
}

/** A piece of text, or what stands between two brackets. */
type Part = string | { readonly open: string; readonly items: readonly Item[] }
type Item = readonly Part[]

class Parser {
  #at = 0
  #isBroken = false
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  get isWhole(): boolean {
    return !this.#isBroken && this.#at >= this.#text.length
  }

  /** Items between commas up to `close`, which is taken. */
  list(close: string, depth = 0): readonly Item[] {
    const items: Part[][] = [[]]
    let plain = ''
    const flush = () => {
      if (plain.trim() !== '') items.at(-1)?.push(plain.trim())
      plain = ''
    }
    while (this.#at < this.#text.length) {
      const c = this.#text[this.#at++] ?? ''
      if (c === close) {
        flush()
        return items
      }
      const closing = CLOSING[c]
      if (closing !== undefined && depth < 60) {
        flush()
        items.at(-1)?.push({ open: c, items: this.list(closing, depth + 1) })
      } else if (c === ',') {
        flush()
        items.push([])
      } else plain += c === '"' || c === "'" ? c + this.#quoted(c) : c
    }
    flush()
    if (close !== '') this.#isBroken = true
    return items
  }

  #quoted(quote: string): string {
    const from = this.#at
    while (this.#at < this.#text.length) {
      const c = this.#text[this.#at++]
      if (c === '\\') this.#at++
      else if (c === quote) return this.#text.slice(from, this.#at)
    }
    this.#isBroken = true
    return this.#text.slice(from)
  }
}

function joined(items: readonly Item[], depth: number): string {
  return items.map((item) => item.map((part) => written(part, depth)).join(' ')).join(depth === 0 ? ', ' : ',\n')
}

function written(part: Part, depth: number): string {
  if (typeof part === 'string') return part
  const flat = flatOf(part)
  if (flat.length + depth * INDENT.length <= WIDTH) return flat
  const inner = INDENT.repeat(depth + 1)
  const lines = part.items.map((item) => inner + item.map((one) => written(one, depth + 1)).join(' '))
  return `${part.open}\n${lines.join(',\n')}\n${INDENT.repeat(depth)}${CLOSING[part.open]}`
}

function flatOf(part: Part): string {
  if (typeof part === 'string') return part
  const items = part.items.map((item) => item.map(flatOf).join(' ')).filter((item) => item !== '')
  const pad = part.open === '{' && items.length > 0 ? ' ' : ''
  return `${part.open}${pad}${items.join(', ')}${pad}${CLOSING[part.open]}`
}
