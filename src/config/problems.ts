import type { ConfigProblem } from '../core/errors.js'
import type { ConfigSchema, SchemaIssue } from './config.js'
import { didYouMean, nearest } from './nearest.js'
import { formatPath, isMapping, type Path, valueAt } from './path.js'
import { defaultOf, knownKeys, type SchemaNode } from './schema-tree.js'
import type { Position } from './yaml-document.js'

export interface Place extends Position {
  /** A file, or the flag of the command line that said it. */
  readonly file: string
}

/** Where things stand in the source. */
export type Locate = (path: Path, of: 'key' | 'value') => Place

export type Report = (path: Path, of: 'key' | 'value', message: string, suggestion: string) => void

/** Collects problems of one source; several checks may see the same mistake, the first one to speak is kept. */
export class ProblemList {
  readonly #locate: Locate
  readonly #problems: ConfigProblem[] = []
  readonly #paths = new Set<string>()

  constructor(locate: Locate) {
    this.#locate = locate
  }

  readonly add: Report = (path, of, message, suggestion) => {
    const text = formatPath(path)
    if (this.#paths.has(text)) return
    this.addAt(this.#locate(path, of), text, message, suggestion)
  }

  addAt({ file, line, column }: Place, path: string, message: string, suggestion: string): void {
    if (path !== '') this.#paths.add(path)
    this.#problems.push({ file, line, column, path, message, suggestion })
  }

  get isEmpty(): boolean {
    return this.#problems.length === 0
  }

  /** In the order of the file. */
  sorted(): readonly ConfigProblem[] {
    return this.#problems.toSorted((a, b) => a.line - b.line || a.column - b.column)
  }
}

/** Words of later releases: an honest answer is worth more than a guess at a typing mistake. */
const PLANNED_KEYS = new Set(['filters'])

type Nodes = (path: Path) => readonly SchemaNode[]

/** Schema issues as problems: with suggestions, and a mistyped key told once (not also as the missing key it was meant to be). */
export function reportIssues(
  issues: readonly SchemaIssue[],
  plain: unknown,
  schema: Pick<ConfigSchema, 'nodesAt'>,
  report: Report,
): void {
  const nodes: Nodes = (path) => schema.nodesAt(plain, path)
  const meant: Path[] = []
  for (const { kind, path } of issues) {
    if (kind === 'unknown_key') meant.push(...reportUnknownKey(path, plain, nodes, report))
  }
  for (const issue of issues) {
    if (issue.kind === 'unknown_key' || meant.some((path) => isAbout(issue, path))) continue
    const message = issue.kind === 'missing' ? `missing, ${issue.message}` : issue.message
    report(issue.path, 'value', message, suggest(issue, valueAt(plain, issue.path), nodes(issue.path)))
  }
}

/** Whether an issue only says that this key is missing: at its path, or as a rule of the mapping that names it. */
function isAbout(issue: SchemaIssue, key: Path): boolean {
  if (formatPath(issue.path) === formatPath(key)) return issue.kind === 'missing'
  const isParent = formatPath(issue.path) === formatPath(key.slice(0, -1))
  return isParent && issue.kind === 'other' && issue.message.split(/\W+/).includes(String(key.at(-1)))
}

/** @returns the path of the key that was meant, when it is clear */
function reportUnknownKey(path: Path, plain: unknown, nodes: Nodes, report: Report): Path[] {
  const key = String(path.at(-1))
  const parent = path.slice(0, -1)
  if (PLANNED_KEYS.has(key)) {
    report(path, 'key', `${key} is not supported by this version of oplens`, 'remove it')
    return []
  }
  const known = nodes(parent).flatMap(knownKeys)
  const present = valueAt(plain, parent)
  const meant = nearest(
    key,
    known.filter((name) => !isMapping(present) || !Object.hasOwn(present, name)),
  )
  if (meant !== undefined) {
    report(path, 'key', 'unknown key', `did you mean "${meant}"?`)
    return [[...parent, meant]]
  }
  const inside = known.find((name) =>
    nodes([...parent, name])
      .flatMap(knownKeys)
      .includes(key),
  )
  const suggestion = inside === undefined ? didYouMean(key, known, 'known keys') : `it belongs under "${inside}"`
  report(path, 'key', 'unknown key', suggestion)
  return []
}

function suggest(issue: SchemaIssue, value: unknown, nodes: readonly SchemaNode[]): string {
  if (issue.kind === 'wrong_value' && typeof value === 'string') {
    const meant = nearest(value, issue.choices)
    return meant === undefined ? '' : `did you mean "${meant}"?`
  }
  if (value === null) return 'write a value, or remove the key'
  const rewritten = issue.kind === 'wrong_type' ? rewrite(issue.message, value) : ''
  if (rewritten !== '') return rewritten
  const example = nodes.map(defaultOf).find((found) => found !== undefined && typeof found !== 'object')
  return example === undefined ? '' : `the default is ${String(example)}`
}

const YES_NO: Readonly<Record<string, boolean>> = {
  yes: true,
  on: true,
  no: false,
  off: false,
  true: true,
  false: false,
}

/** The value in the type that was expected; '' when nothing can be said. */
function rewrite(expected: string, value: unknown): string {
  if (typeof value === 'number' && expected.includes('size with its unit'))
    return `write the unit too: ${value}B or ${value}KiB`
  if (typeof value === 'number' && expected.includes('unit')) return `write the unit too: ${value}s or ${value}ms`
  if ((typeof value === 'number' || typeof value === 'boolean') && expected.includes('a text'))
    return `quote it: "${value}"`
  if (typeof value !== 'string') return ''
  if (expected.includes('a list')) return `write it as a list: [ ${value} ]`
  if (expected.includes('number') && /^-?\d+(\.\d+)?$/.test(value)) return `write it without quotes: ${value}`
  const meant = expected.includes('true or false') ? YES_NO[value.toLowerCase()] : undefined
  return meant === undefined ? '' : `write ${meant}, without quotes`
}
