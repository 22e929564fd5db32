import { isLongText, truncated } from '../../shared/shape-table.js'
import { BSON_ARRAY, BSON_DOCUMENT, BSON_STRING } from '../bson.js'
import {
  DROPPED,
  documentContext,
  EXPRESSION,
  elementContext,
  FILTER,
  FLAG,
  itemContext,
  keptValue,
  LIST,
  LITERAL,
  MAX_SHAPE_DEPTH,
  NAMESPACE,
  NAMESPACE_INDEX,
  PATH,
  PIPELINE,
  PLACEHOLDERS,
  SORT_KEY,
  STATEMENTS,
  scalarClass,
  UPDATE,
} from './contexts.js'
import { documentEnd, nameEnd, valueEnd } from './element-ends.js'
import { fieldName, fieldReference, isFolded, quotedPath } from './field-names.js'
import type { Plan } from './plans.js'
import { BODY, type RequestParts } from './request-parts.js'

/** Nothing is added beyond: the text can't be longer. */
const MAX_SHAPE_BYTES = 4_096
/** Elements of one document, distinct elements of one array. */
const MAX_ELEMENTS = 512
const MORE = '…'
const OBJECT = '"?object"'
const PLACEHOLDER = /^"(\?[^"]+)"$/

/**
 * The text of a shape, from the bytes that a Fingerprint accepted and by the same walk. What it does not tell apart the
 * fingerprint may; never the other way round: so nothing here may depend on how long a list of equal elements is.
 */
export class ShapeText {
  #bytes: Buffer = Buffer.alloc(0)
  #stop = 0
  /** The walk came to the end of what there is. */
  #isCut = false
  isTruncated = false
  /** Of a bulkWrite, by their place. */
  #namespaces: string[] = []

  of(parts: RequestParts, isInner: boolean): string {
    const { plan, command } = parts
    if (plan === undefined || command === undefined) return ''
    this.#bytes = parts.bytes
    this.#stop = parts.stop
    this.#isCut = parts.isCut
    this.isTruncated = parts.isCut
    this.#namespaces = []
    const fields = this.#parts(plan, parts)
    let text = fields.length === 0 ? '' : `{${fields.join(', ')}}`
    if (isInner) text = `{${command.name}: ${text || '{}'}}`
    this.#bytes = EMPTY
    this.isTruncated ||= this.#isCut
    this.isTruncated ||= isLongText(text)
    return this.isTruncated ? truncated(text) : text
  }

  #parts(plan: Plan, parts: RequestParts): readonly string[] {
    const texts = new Array<string | undefined>(plan.names.length).fill(undefined)
    // Operations tell their namespaces by place: those first.
    for (const isList of [true, false]) {
      for (let i = 0; i < parts.count; i++) {
        const field = parts.fields[i] as number
        const start = parts.starts[i] as number
        const end = parts.ends[i] as number
        if (field === BODY) this.#fields(plan, start, end, 0, texts, isList)
        else if ((plan.contexts[field] === LIST) === isList) texts[field] = this.#sequence(plan, field, start, end)
      }
    }
    // An empty filter, or order, is as none.
    for (let i = 0; i < texts.length; i++) if (texts[i] === '{}') texts[i] = undefined
    return named(plan, texts)
  }

  /** The fields of `plan` in the document at `at`, into `texts`; either those that are lists, or the others. */
  #fields(plan: Plan, at: number, end: number, depth: number, texts: (string | undefined)[], isList: boolean): void {
    this.#walk(at, end, (type, nameAt, nameStop, valueAt, next) => {
      const field = plan.table.find(this.#bytes, nameAt, nameStop)
      const context = field < 0 ? DROPPED : (plan.contexts[field] as number)
      if (context === DROPPED || (context === LIST) !== isList) return true
      texts[field] = this.#value(context, plan.plans[field], type, valueAt, next, depth) ?? texts[field]
      return true
    })
  }

  /** Calls `visit` for each element until it returns false. */
  #walk(
    at: number,
    end: number,
    visit: (type: number, nameAt: number, nameStop: number, valueAt: number, next: number) => boolean,
  ): void {
    const last = end - 1
    const stop = this.#stop
    let pos = at + 4
    while (pos < last && pos < stop) {
      const type = this.#bytes[pos] as number
      const nameStop = nameEnd(this.#bytes, pos + 1, last, stop)
      const next = nameStop < 0 ? nameStop : valueEnd(type, this.#bytes, nameStop + 1, last, stop)
      if (next < 0) {
        this.#isCut = true
        return
      }
      if (!visit(type, pos + 1, nameStop, nameStop + 1, next)) return
      pos = next
    }
    if (pos >= stop) this.#isCut = true
  }

  /** Undefined: nothing is told of it. */
  #value(
    context: number,
    plan: Plan | undefined,
    type: number,
    at: number,
    end: number,
    depth: number,
  ): string | undefined {
    if (context === DROPPED) return undefined
    if (type === BSON_DOCUMENT) return this.#innerDocument(context, plan, at, end, depth + 1)
    if (type === BSON_ARRAY) return this.#array(context, plan, at, end, depth + 1)
    if (end > this.#stop) {
      this.#isCut = true
      return undefined
    }
    const kept = keptValue(context, type, this.#bytes, at)
    if (kept < 0) return `"${PLACEHOLDERS[scalarClass(context, type)]}"`
    return type === BSON_STRING ? this.#keptText(context, at, end) : this.#keptNumber(context, kept)
  }

  #keptText(context: number, at: number, end: number): string {
    const textEnd = end - 1
    const isName = context === PATH || context === NAMESPACE
    return isName ? quotedPath(this.#bytes, at + 4, textEnd) : fieldReference(this.#bytes, at + 4, textEnd)
  }

  #keptNumber(context: number, kept: number): string | undefined {
    switch (context) {
      case SORT_KEY:
        return kept === 0 ? '-1' : '1'
      case FLAG:
        return kept === 0 ? undefined : 'true'
      case NAMESPACE_INDEX:
        return this.#namespaces[kept] ?? '"?"'
      default:
        return kept === 0 ? '0' : '1'
    }
  }

  #innerDocument(context: number, plan: Plan | undefined, at: number, end: number, depth: number): string | undefined {
    const first = at + 4 < this.#stop && this.#bytes[at + 4] !== 0 ? at + 5 : at + 4
    if (first >= this.#stop) {
      this.#isCut = true
      return undefined
    }
    const inside = plan === undefined ? documentContext(context, this.#bytes[first] as number) : context
    if (inside === LITERAL) return OBJECT
    if (depth > MAX_SHAPE_DEPTH) return this.#tooMuch()
    if (plan === undefined) return this.#document(inside, at, end, depth)
    const texts = new Array<string | undefined>(plan.names.length).fill(undefined)
    this.#fields(plan, at, end, depth, texts, false)
    return `{${named(plan, texts).join(', ')}}`
  }

  #tooMuch(): string {
    this.isTruncated = true
    return MORE
  }

  #document(inside: number, at: number, end: number, depth: number): string {
    const fields: string[] = []
    /** Names that were folded into one are told once. */
    let folded: Set<string> | undefined
    let length = 0
    this.#walk(at, end, (type, nameAt, nameStop, valueAt, next) => {
      const context = elementContext(inside, this.#bytes, nameAt, nameStop)
      const value = this.#value(context, undefined, type, valueAt, next, depth)
      if (value === undefined) return true
      const name = fieldName(this.#bytes, nameAt, nameStop)
      const field = `${name}: ${value}`
      if (isFolded(name)) {
        folded ??= new Set()
        if (folded.has(field)) return true
        folded.add(field)
      }
      if (fields.length >= MAX_ELEMENTS || length > MAX_SHAPE_BYTES) {
        this.isTruncated = true
        return false
      }
      fields.push(field)
      length += field.length
      return true
    })
    if (inside === FILTER && fields.length > 1) fields.sort()
    return `{${fields.join(', ')}}`
  }

  #array(context: number, plan: Plan | undefined, at: number, end: number, depth: number): string {
    if (depth > MAX_SHAPE_DEPTH) return this.#tooMuch()
    const item = itemContext(context)
    const itemPlan = context === STATEMENTS || context === LIST ? plan : undefined
    const items = new Items(styleOf(context))
    this.#walk(at, end, (type, _nameAt, _nameStop, valueAt, next) => {
      if (next > this.#stop) {
        this.#isCut = true
        return false
      }
      return this.#add(
        items,
        this.#value(itemPlan === undefined ? item : context, itemPlan, type, valueAt, next, depth),
      )
    })
    if (context === LIST) this.#namespaces = items.texts.map(namespaceIn)
    return items.toString()
  }

  #add(items: Items, text: string | undefined): boolean {
    if (text === undefined || items.add(text)) return true
    this.isTruncated = true
    return false
  }

  #sequence(plan: Plan, field: number, start: number, end: number): string | undefined {
    const context = plan.contexts[field] as number
    const itemPlan = plan.plans[field]
    if (context === DROPPED || itemPlan === undefined) return undefined
    const items = new Items(styleOf(context))
    for (let pos = start; pos < end && pos < this.#stop; ) {
      const next = documentEnd(this.#bytes, pos, end, this.#stop)
      if (next < 0 || next > this.#stop) break
      if (!this.#add(items, this.#innerDocument(context, itemPlan, pos, next, 2))) break
      pos = next
    }
    if (context === LIST) this.#namespaces = items.texts.map(namespaceIn)
    return items.toString()
  }
}

type Style = 'set' | 'sorted' | 'runs' | 'ordered'

function styleOf(context: number): Style {
  switch (context) {
    case EXPRESSION:
      return 'runs'
    case PIPELINE:
    case UPDATE:
    case LIST:
      return 'ordered'
    case STATEMENTS:
      return 'sorted'
    default:
      return 'set'
  }
}

/** The elements of an array, as many as tell something. */
class Items {
  readonly #style: Style
  readonly #seen = new Set<string>()
  readonly texts: string[] = []
  #length = 0

  constructor(style: Style) {
    this.#style = style
  }

  /** @returns false when there is no room for another */
  add(text: string): boolean {
    if (this.#style === 'runs' ? this.texts.at(-1) === text : this.#style !== 'ordered' && this.#seen.has(text))
      return true
    if (this.texts.length >= MAX_ELEMENTS || this.#length > MAX_SHAPE_BYTES) return false
    this.#seen.add(text)
    this.texts.push(text)
    this.#length += text.length
    return true
  }

  toString(): string {
    const types = this.texts.map((text) => PLACEHOLDER.exec(text)?.[1])
    if (types.length > 0 && this.#style !== 'ordered' && types.every((type) => type !== undefined)) {
      return `"?array<${new Set(types).size === 1 ? types[0] : ''}>"`
    }
    if (this.#style === 'sorted') this.texts.sort()
    return `[${this.texts.join(', ')}]`
  }
}

/** `name: text`, in the order of the plan; lists are told where they are used. */
function named(plan: Plan, texts: readonly (string | undefined)[]): string[] {
  const fields: string[] = []
  for (const [i, name] of plan.names.entries()) {
    if (texts[i] !== undefined && plan.contexts[i] !== LIST) fields.push(`${name}: ${texts[i]}`)
  }
  return fields
}

/** `"db.collection"` in `{ns: "db.collection"}`. */
function namespaceIn(entry: string): string {
  return entry.startsWith('{ns: ') ? entry.slice(5, -1) : '"?"'
}

const EMPTY = Buffer.alloc(0)
