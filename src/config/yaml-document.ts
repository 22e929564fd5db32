import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseDocument,
  Scalar,
  visit,
  type YAMLError,
  type YAMLMap,
} from 'yaml'
import { type Environment, retype, substitute } from './environment.js'
import { formatPath, type Path } from './path.js'

export interface Position {
  /** From 1. */
  readonly line: number
  readonly column: number
}

/** A problem of the text itself; `path` is '' when the text did not get far enough to have one. */
export interface TextProblem extends Position {
  readonly path: string
  readonly message: string
  readonly suggestion: string
}

/** YAML as plain data that still knows where each value stood. */
export interface YamlDocument {
  /** undefined when the syntax is broken or the document is empty: `problems` says why then. */
  readonly value: unknown
  readonly problems: readonly TextProblem[]
  /** Of a value, or of the key in front of it; of the nearest parent when the path is not in the file. */
  position(path: Path, of: 'key' | 'value'): Position
}

interface Place {
  readonly keyOffset: number
  readonly valueOffset: number
}

type Words = readonly [message: string, suggestion: string]

const ALIAS: Words = ['anchors and aliases are not supported', 'write the value out, or use an environment variable']
const QUOTE: Words = ['', `inside { } and [ ] quote texts that hold brackets, commas or "\${NAME}"`]
/** What the parser's codes mean to someone who does not write parsers; an empty message keeps the parser's own words. */
const SYNTAX: Readonly<Record<string, Words>> = {
  TAB_AS_INDENT: ['a tab is used as indentation', 'indent with spaces'],
  MULTIPLE_DOCS: ['a second YAML document starts here', 'keep one document per file: remove the --- line'],
  BLOCK_AS_IMPLICIT_KEY: ['a mapping can not start on the line of its key', 'quote a text that contains ": "'],
  MULTILINE_IMPLICIT_KEY: ['a key and its ":" have to be on one line', ''],
  BAD_INDENT: ['', 'entries of one mapping or list start in one column'],
  MISSING_CHAR: QUOTE,
  BAD_SCALAR_START: ['', 'quote a text that starts with a special character'],
  UNEXPECTED_TOKEN: QUOTE,
  NON_STRING_KEY: ['a key has to be a plain text', ''],
  TAG_RESOLVE_FAILED: ['tags (a word behind "!") are not supported', 'remove the tag, or quote the text'],
  MULTIPLE_ANCHORS: ALIAS,
  BAD_ALIAS: ALIAS,
}

/** Faults that share a code but not a remedy, by what the parser says. */
const SYNTAX_BY_TEXT: readonly (readonly [part: string, words: Words])[] = [
  ['block-seq-ind', ['a list can not start on the line of its key', 'put its first "- " on the next line']],
  ['without - indicator', ['this line fits neither the list nor the mapping above it', 'check its indentation']],
]

function wordsOf(fault: YAMLError): Words {
  const special = SYNTAX_BY_TEXT.find(([part]) => fault.message.includes(part))
  const [message, suggestion] = special?.[1] ?? SYNTAX[fault.code] ?? ['', '']
  const own = `${fault.message.charAt(0).toLowerCase()}${fault.message.slice(1)}`
  return [message === '' ? own : message, suggestion]
}

/** The faults worth telling: one tab or one open bracket makes the parser stumble over every line behind it. */
function rootFaults(faults: readonly YAMLError[], lines: LineCounter): readonly YAMLError[] {
  const tabs = faults.filter(({ code }) => code === 'TAB_AS_INDENT')
  if (tabs.length > 0) return tabs
  const seen = new Set<number>()
  return faults.filter(({ pos }) => {
    const { line } = lines.linePos(pos[0])
    return !seen.has(line) && seen.add(line)
  })
}

const OPENING: Readonly<Record<string, string>> = { '[': ']', '{': '}', '"': '"', "'": "'" }

/** Where the first quote or bracket stands that is never closed: more use than where the parser noticed. */
function unclosedOffset(document: Document.Parsed, text: string): number | undefined {
  let found: number | undefined
  visit(document, {
    Node(_, node) {
      const [start, end] = node.range ?? [0, 0]
      const close = isAlias(node) ? undefined : OPENING[text.charAt(start)]
      if (close === undefined || (end - start > 1 && text.charAt(end - 1) === close)) return undefined
      found = start
      return visit.BREAK
    },
  })
  return found
}

/** Never throws. Variables are replaced in string values (not in keys) before anything looks at them. */
export function readYaml(text: string, environment: Environment): YamlDocument {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    uniqueKeys: false,
    version: '1.2',
  })
  const reader = new Reader(text, environment, lines)
  const faults = [...document.errors, ...document.warnings]
  const unclosed = document.errors.length > 0 ? unclosedOffset(document, text) : undefined
  if (unclosed !== undefined && !faults.some(({ code }) => code === 'TAB_AS_INDENT')) {
    const open = text.charAt(unclosed)
    reader.report(unclosed, '', `this ${open} is never closed`, `add the ${OPENING[open]}`)
  } else {
    for (const fault of rootFaults(faults, lines)) reader.report(fault.pos[0], '', ...wordsOf(fault))
  }
  if (reader.problems.length === 0 && document.contents !== null) reader.value = reader.read(document.contents, [], 0)
  return reader
}

class Reader implements YamlDocument {
  value: unknown = undefined
  readonly problems: TextProblem[] = []
  readonly #text: string
  readonly #environment: Environment
  readonly #lines: LineCounter
  readonly #places = new Map<string, Place>()

  constructor(text: string, environment: Environment, lines: LineCounter) {
    this.#text = text
    this.#environment = environment
    this.#lines = lines
  }

  report(offset: number, path: string, message: string, suggestion: string): void {
    this.problems.push({ ...this.#at(offset), path, message, suggestion })
  }

  position(path: Path, of: 'key' | 'value'): Position {
    for (let length = path.length; length >= 0; length--) {
      const place = this.#places.get(formatPath(path.slice(0, length)))
      if (place === undefined) continue
      return this.#at(of === 'key' && length === path.length ? place.keyOffset : place.valueOffset)
    }
    return { line: 1, column: 1 }
  }

  read(node: ParsedNode | null, path: Path, keyOffset: number): unknown {
    // An empty value (`address:` and nothing more) has no place of its own worth showing: its key is what one looks for.
    const isEmpty = node === null || (isScalar(node) && node.range[0] === node.range[1])
    const offset = isEmpty ? keyOffset : node.range[0]
    this.#places.set(formatPath(path), { keyOffset, valueOffset: offset })
    if (node === null) return null
    if (isAlias(node)) {
      this.report(offset, formatPath(path), ALIAS[0], ALIAS[1])
      return undefined
    }
    if (isMap(node)) return this.#readMap(node, path)
    if (isSeq(node)) {
      return node.items.map((item, index) => this.read(item, [...path, index], item.range[0]))
    }
    return typeof node.value === 'string' ? this.#readText(node as Scalar.Parsed, node.value, path) : node.value
  }

  #readMap(map: YAMLMap.Parsed, path: Path): Record<string, unknown> {
    const result: Record<string, unknown> = {}
    const seen = new Map<string, number>()
    for (const { key, value } of map.items) {
      const name = isScalar(key) ? String(key.value) : String(key)
      const offset = key.range[0]
      const at = [...path, name]
      const first = seen.get(name)
      if (first !== undefined) {
        const message = `duplicate key; the first is on line ${this.#at(first).line}`
        this.report(offset, formatPath(at), message, 'keep one of them')
        continue
      }
      seen.set(name, offset)
      if (name === '<<') {
        this.report(offset, formatPath(at), 'merge keys are not supported', ALIAS[1])
        continue
      }
      const read = this.read(value, at, offset)
      // Not by assignment: a key named __proto__ must stay a key, to be reported as unknown.
      Object.defineProperty(result, name, { value: read, enumerable: true, configurable: true, writable: true })
    }
    return result
  }

  #readText(node: Scalar.Parsed, text: string, path: Path): unknown {
    const { value, isChanged, faults } = substitute(text, this.#environment)
    for (const fault of faults) {
      const inside = this.#text.indexOf(fault.reference, node.range[0])
      const offset = inside === -1 || inside > node.range[1] ? node.range[0] : inside
      this.report(offset, formatPath(path), fault.message, fault.suggestion)
    }
    // Its problem is told; any further one would be about a text that nobody wrote.
    if (faults.length > 0) return undefined
    return isChanged && node.type === Scalar.PLAIN ? retype(value) : value
  }

  #at(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
}
