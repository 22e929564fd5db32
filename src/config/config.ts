import { z } from 'zod'
import type { Schema } from '../core/schema.js'
import { describe, isMapping, type Path } from './path.js'
import { childNodes, fillIn, type SchemaNode } from './schema-tree.js'

/** A protocol by what the config file needs of it; core's Protocol fits. */
export interface ProtocolPart {
  readonly name: string
  readonly config: Schema<unknown>
  /** Default: tcp. Listeners of one on `http` have a section of that name. */
  readonly transport?: 'tcp' | 'http'
  /** With either, a host can be asked in the protocol's own words whether it works. */
  readonly probe?: unknown
  readonly health?: unknown
}

/** The sections of the file, each from the room that reads it. */
export interface ConfigParts {
  /** One entry of `listeners`; its `codec` section is read by the protocol's schema. */
  readonly listener: z.ZodType
  readonly cluster: z.ZodType
  readonly admin: z.ZodType
  readonly observe: z.ZodType
  readonly protocols: readonly ProtocolPart[]
}

type ListenerOf<P extends ConfigParts> = z.output<P['listener']> & {
  /** What the protocol's own schema made of it. */
  readonly codec: unknown
}

/** The whole file, checked and filled in; deeply frozen. */
export interface Config<P extends ConfigParts = ConfigParts> {
  readonly listeners: readonly ListenerOf<P>[]
  readonly clusters: readonly z.output<P['cluster']>[]
  readonly admin: z.output<P['admin']>
  readonly observe: z.output<P['observe']>
}

export interface SchemaIssue {
  readonly kind: 'unknown_key' | 'missing' | 'wrong_type' | 'wrong_value' | 'other'
  readonly path: Path
  readonly message: string
  /** What would have been right, when the schema lists it. */
  readonly choices: readonly string[]
}

export type ParseResult<P extends ConfigParts> =
  | { readonly kind: 'ok'; readonly config: Config<P> }
  | { readonly kind: 'invalid'; readonly issues: readonly SchemaIssue[] }

export interface ConfigSchema<P extends ConfigParts = ConfigParts> {
  readonly protocols: readonly string[]
  /** Those inside HTTP. */
  readonly httpProtocols: readonly string[]
  /** Of those, the ones that `kind: protocol` of health checks is for. */
  readonly askingProtocols: readonly string[]
  parse(plain: unknown): ParseResult<P>
  /** The same input with every default written out. */
  fillIn(plain: unknown): unknown
  /** The schemas that speak about a place in the file. */
  nodesAt(plain: unknown, path: Path): readonly SchemaNode[]
  /** JSON Schema of the file, for editors. */
  toJsonSchema(): Record<string, unknown>
}

/** The file's schema from its parts. A listener's entry is read by two: its own schema, and its protocol's for `codec`. */
export function createConfigSchema<P extends ConfigParts>(parts: P): ConfigSchema<P> {
  const protocols = new Map(parts.protocols.map(({ name, config }) => [name, asZod(config, name)]))
  // Bytes without a codec need no folder under codecs/, so no registry lists it.
  if (!protocols.has('tcp')) protocols.set('tcp', z.strictObject({}))
  const root = z.strictObject({
    admin: parts.admin.prefault({}),
    listeners: z.array(z.unknown()).min(1),
    clusters: z.array(parts.cluster).min(1),
    observe: parts.observe.prefault({}),
  })
  const optionsOf = (entry: unknown): z.ZodType | undefined => {
    const name = isMapping(entry) ? (entry.protocol ?? protocolDefault(parts.listener)) : undefined
    return typeof name === 'string' ? protocols.get(name) : undefined
  }

  return {
    protocols: [...protocols.keys()],
    httpProtocols: parts.protocols.flatMap(({ name, transport }) => (transport === 'http' ? [name] : [])),
    askingProtocols: parts.protocols.flatMap(({ name, probe, health }) => ((probe ?? health) ? [name] : [])),
    parse(plain) {
      const parsed = root.safeParse(plain, { error: messageOf, reportInput: true })
      const issues = parsed.success ? [] : toIssues(parsed.error.issues, [])
      const entries = isMapping(plain) && Array.isArray(plain.listeners) ? plain.listeners : []
      const listeners = entries.map((entry, index) => {
        const result = parseListener(parts.listener, optionsOf(entry), entry)
        issues.push(
          ...toIssues(result.issues, ['listeners', index]),
          ...toIssues(result.codecIssues, ['listeners', index, 'codec']),
        )
        return result.value
      })
      if (issues.length > 0 || !parsed.success) return { kind: 'invalid', issues }
      return { kind: 'ok', config: deepFreeze({ ...parsed.data, listeners }) as Config<P> }
    },
    fillIn(plain) {
      const filled = fillIn(root, plain)
      if (!isMapping(filled) || !Array.isArray(filled.listeners)) return filled
      const listeners = filled.listeners.map((entry) => {
        const own = fillIn(parts.listener, entry)
        const options = optionsOf(own)
        return isMapping(own) && options !== undefined ? { ...own, codec: fillIn(options, own.codec ?? {}) } : own
      })
      return { ...filled, listeners }
    },
    nodesAt(plain, path) {
      if (path[0] !== 'listeners' || path.length < 2) return descend([root], path)
      const entry = isMapping(plain) && Array.isArray(plain.listeners) ? plain.listeners[Number(path[1])] : undefined
      const options = optionsOf(entry)
      const isOption = path[2] === 'codec' && options !== undefined
      return isOption ? descend([options], path.slice(3)) : descend([parts.listener], path.slice(2))
    },
    toJsonSchema: () => toJsonSchema(root, parts.listener, protocols),
  }
}

function asZod(schema: Schema<unknown>, name: string): z.ZodType {
  if (schema instanceof z.ZodType) return schema
  throw new TypeError(`protocol ${name} has a config schema of another library`)
}

const descend = (nodes: readonly SchemaNode[], path: Path): readonly SchemaNode[] =>
  path.reduce<readonly SchemaNode[]>((found, part) => found.flatMap((node) => childNodes(node, part)), nodes)

/** `protocol` of an entry that leaves it out. */
function protocolDefault(listener: z.ZodType): unknown {
  const filled = fillIn(listener, {})
  return isMapping(filled) ? filled.protocol : undefined
}

interface ListenerResult {
  readonly value: unknown
  readonly issues: readonly z.core.$ZodIssue[]
  readonly codecIssues: readonly z.core.$ZodIssue[]
}

function parseListener(listener: z.ZodType, options: z.ZodType | undefined, entry: unknown): ListenerResult {
  const settings = { error: messageOf, reportInput: true } as const
  const own = listener.safeParse(entry, settings)
  const codec = isMapping(entry) ? options?.safeParse(entry.codec ?? {}, settings) : undefined
  return {
    value: isMapping(own.data) ? { ...own.data, codec: codec?.data } : undefined,
    issues: own.error?.issues ?? [],
    codecIssues: codec?.error?.issues ?? [],
  }
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping of keys to values',
  record: 'a mapping of keys to values',
}
const COUNTED: Readonly<Record<string, readonly [one: string, many: string]>> = {
  array: ['entry', 'entries'],
  string: ['character', 'characters'],
}

/** Our words for the library's issues; a schema that brings its own message keeps it. */
function messageOf(issue: z.core.$ZodRawIssue): string | undefined {
  const got = issue.input === undefined ? '' : `, got ${describe(issue.input)}`
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${TYPE_WORDS[issue.expected] ?? issue.expected}${got}`
    case 'invalid_value':
      return `expected ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.join(', ')}${got}`
    case 'too_small':
      return `expected ${bound(issue.inclusive === false ? 'more than' : 'at least', issue.minimum, issue.origin)}${got}`
    case 'too_big':
      return `expected ${bound(issue.inclusive === false ? 'less than' : 'at most', issue.maximum, issue.origin)}${got}`
    case 'unrecognized_keys':
      return 'unknown key'
    case 'invalid_union':
      return `no form of this setting fits${got}`
    default:
      return undefined
  }
}

function bound(words: string, limit: number | bigint, origin: string): string {
  const [one, many] = COUNTED[origin] ?? ['', '']
  return `${words} ${limit} ${Number(limit) === 1 ? one : many}`.trimEnd()
}

function toIssues(issues: readonly z.core.$ZodIssue[], prefix: Path): SchemaIssue[] {
  return issues.flatMap((issue): SchemaIssue[] => {
    const path = [...prefix, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))]
    const plain = { path, message: issue.message, choices: [] }
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map((key) => ({ ...plain, kind: 'unknown_key', path: [...path, key] }))
      case 'invalid_type':
        return [{ ...plain, kind: issue.input === undefined ? 'missing' : 'wrong_type' }]
      case 'invalid_value': {
        const choices = issue.values.map(String)
        return [{ ...plain, kind: issue.input === undefined ? 'missing' : 'wrong_value', choices }]
      }
      case 'invalid_union':
        return issue.discriminator === undefined ? unionIssues(issue, path) : [choiceIssue(issue, path)]
      default:
        return [{ ...plain, kind: 'other' }]
    }
  })
}

/** Of a mapping whose form one key chooses: that key chooses none. */
function choiceIssue(issue: z.core.$ZodIssueInvalidUnion, path: Path): SchemaIssue {
  const value = isMapping(issue.input) ? issue.input[issue.discriminator ?? ''] : undefined
  const choices = 'options' in issue ? issue.options.map(String) : []
  const got = value === undefined ? '' : `, got ${describe(value)}`
  const message = `expected one of ${choices.join(', ')}${got}`
  return { kind: value === undefined ? 'missing' : 'wrong_value', path, message, choices }
}

/** Of the alternatives, the one that was meant: its kind of value fits and it complains least. */
function unionIssues(issue: z.core.$ZodIssueInvalidUnion, path: Path): SchemaIssue[] {
  if (issue.input === undefined) return [{ kind: 'missing', path, message: 'expected a value', choices: [] }]
  const isOfKind = (branch: readonly z.core.$ZodIssue[]) =>
    !branch.some(({ code, path: at }) => code === 'invalid_type' && at.length === 0)
  const meant = issue.errors.filter(isOfKind).sort((a, b) => a.length - b.length)[0]
  if (meant !== undefined) return toIssues(meant, path)
  const words = issue.errors.flatMap((branch) =>
    branch.flatMap((inner) => (inner.code === 'invalid_type' ? [inner.expected] : [])),
  )
  const expected = [...new Set(words.map((word) => TYPE_WORDS[word] ?? word))].join(' or ')
  const message = expected === '' ? issue.message : `expected ${expected}, got ${describe(issue.input)}`
  return [{ kind: 'wrong_type', path, message, choices: [] }]
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const child of Object.values(value)) deepFreeze(child)
  return Object.freeze(value)
}

type Json = Record<string, unknown>

/** One alternative per protocol: the listener's keys with that protocol's `codec`. */
function toJsonSchema(root: z.ZodType, listener: z.ZodType, protocols: ReadonlyMap<string, z.ZodType>): Json {
  const emit = (schema: z.ZodType): Json => {
    const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input', override: withoutSafeBounds }) as Json
    return json
  }
  const own = emit(listener)
  const entries = [...protocols].map(([name, schema]): Json => {
    return {
      ...own,
      title: `${name} listener`,
      properties: { ...(own.properties as Json), protocol: { const: name }, codec: emit(schema) },
    }
  })
  const whole = emit(root)
  const listeners = { type: 'array', minItems: 1, items: { anyOf: entries } }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'oplens configuration',
    ...whole,
    properties: { ...(whole.properties as Json), listeners },
  }
}

/** The library bounds every whole number by what JavaScript can count: nothing that an editor should show. */
function withoutSafeBounds({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
}
