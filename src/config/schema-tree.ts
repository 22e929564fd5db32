import { isMapping } from './path.js'

/**
 * A schema of the library in its input form, by the shape of its definitions: what a file may say, before transforms.
 * Structural, because the library itself is imported by files named config.ts alone.
 */
export interface SchemaNode {
  readonly def: SchemaDefinition
}

interface SchemaDefinition {
  readonly type: string
  readonly innerType?: SchemaNode
  readonly in?: SchemaNode
  readonly out?: SchemaNode
  readonly shape?: Readonly<Record<string, SchemaNode>>
  readonly element?: SchemaNode
  readonly valueType?: SchemaNode
  readonly options?: readonly SchemaNode[]
  readonly defaultValue?: unknown
}

const isParser = (node: SchemaNode): node is SchemaNode & { safeParse(value: unknown): { success: boolean } } =>
  'safeParse' in node

/** The part of a pipe that reads the file: its input, except where that is a preprocessing step. */
const inputOf = ({ in: input, out }: SchemaDefinition): SchemaNode | undefined =>
  input?.def.type === 'transform' ? out : input

/** Without the wrappers (optional, default, pipe, …) around what says the shape. */
function unwrap(node: SchemaNode): SchemaNode {
  const inner = node.def.type === 'pipe' ? inputOf(node.def) : node.def.innerType
  return inner === undefined ? node : unwrap(inner)
}

/** The alternatives at a node: one, except for unions. */
function alternatives(node: SchemaNode): readonly SchemaNode[] {
  const bare = unwrap(node)
  return bare.def.options === undefined ? [bare] : bare.def.options.flatMap(alternatives)
}

/** The keys that a mapping at this node may have; empty for free names and for what is no mapping. */
export function knownKeys(node: SchemaNode): string[] {
  return [...new Set(alternatives(node).flatMap(({ def }) => Object.keys(def.shape ?? {})))]
}

/** The schemas of the value behind a key or index; empty when the schema knows none. */
export function childNodes(node: SchemaNode, part: string | number): readonly SchemaNode[] {
  return alternatives(node).flatMap(({ def }) => {
    const child = typeof part === 'number' ? def.element : (def.shape?.[part] ?? def.valueType)
    return child === undefined ? [] : [child]
  })
}

/** The default as a user would write it; undefined when there is none. */
export function defaultOf(node: SchemaNode): unknown {
  const { type, defaultValue, innerType } = node.def
  if (type === 'default' || type === 'prefault') return defaultValue
  const inner = type === 'pipe' ? inputOf(node.def) : innerType
  return inner === undefined ? undefined : defaultOf(inner)
}

/**
 * The value with every default written out, in the schema's order; still input, so that it can be printed as a file that
 * means the same. What does not fit the schema stays as it is.
 */
export function fillIn(node: SchemaNode, value: unknown): unknown {
  const { def } = node
  if (def.type === 'default' || def.type === 'prefault') {
    const filled = value === undefined ? def.defaultValue : value
    return def.innerType === undefined ? filled : fillIn(def.innerType, filled)
  }
  if (value === undefined) {
    const inner = def.type === 'pipe' ? inputOf(def) : undefined
    return inner === undefined ? undefined : fillIn(inner, undefined)
  }
  if (def.type === 'union') return fillUnion(def.options ?? [], value)
  if (def.shape !== undefined) return isMapping(value) ? fillMapping(def.shape, value) : value
  if (def.element !== undefined) {
    const element = def.element
    return Array.isArray(value) ? value.map((item) => fillIn(element, item)) : value
  }
  if (def.valueType !== undefined) return isMapping(value) ? fillRecord(def.valueType, value) : value
  const inner = def.type === 'pipe' ? inputOf(def) : def.innerType
  return inner === undefined ? value : fillIn(inner, value)
}

function fillUnion(options: readonly SchemaNode[], value: unknown): unknown {
  const fitting = options.find((option) => isParser(option) && option.safeParse(value).success)
  return fitting === undefined ? value : fillIn(fitting, value)
}

function fillMapping(shape: Readonly<Record<string, SchemaNode>>, value: Record<string, unknown>) {
  const filled: Record<string, unknown> = {}
  for (const [key, node] of Object.entries(shape)) {
    const child = fillIn(node, value[key])
    if (child !== undefined) filled[key] = child
  }
  for (const [key, child] of Object.entries(value)) if (!Object.hasOwn(shape, key)) filled[key] = child
  return filled
}

const fillRecord = (node: SchemaNode, value: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).map(([key, child]) => [key, fillIn(node, child)]))
