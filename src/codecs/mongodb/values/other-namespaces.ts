import { BSON_ARRAY, BSON_DOCUMENT, BSON_STRING } from '../bson.js'
import { documentEnd, nameEnd, valueEnd } from '../shapes/element-ends.js'
import { BODY, type RequestParts } from '../shapes/request-parts.js'

/** Stages that name another collection, and by which field when they are documents. */
const STAGES: Readonly<Record<string, string>> = {
  $lookup: 'from',
  $graphLookup: 'from',
  $unionWith: 'coll',
  $merge: 'into',
  $out: 'coll',
}
const COMMANDS: ReadonlySet<string> = new Set(['aggregate', 'bulkWrite'])
const NS_INFO = 'nsInfo'
const MAX_DEPTH = 32

export type Wants = (database: string, collection: string) => boolean

/**
 * Whether the values of every collection that a request speaks of beside its own may be seen: those of a bulkWrite, and those that a
 * pipeline joins. No where that can't be told, for the request was cut.
 */
export function areOthersWanted(parts: RequestParts, database: string, wants: Wants): boolean {
  const { plan, command, bytes } = parts
  if (plan === undefined || command === undefined || !COMMANDS.has(command.name)) return true
  const search = new Search(bytes, database, wants)
  for (let i = 0; i < parts.count; i++) {
    const field = parts.fields[i] as number
    const [start, end] = [parts.starts[i] as number, parts.ends[i] as number]
    if (field === BODY) search.document(start, end, '', 0)
    else if (plan.names[field] === NS_INFO) search.sequence(start, end)
  }
  // A bulkWrite names its collections behind what it does with them.
  if (parts.isCut && command.name === 'bulkWrite') return false
  return search.isWanted
}

class Search {
  isWanted = true
  readonly #bytes: Buffer
  readonly #database: string
  readonly #wants: Wants

  constructor(bytes: Buffer, database: string, wants: Wants) {
    this.#bytes = bytes
    this.#database = database
    this.#wants = wants
  }

  sequence(start: number, end: number): void {
    for (let at = start; at < end; ) {
      const next = documentEnd(this.#bytes, at, end, this.#bytes.length)
      if (next < 0) {
        this.isWanted = false
        return
      }
      this.document(at, next, NS_INFO, 0)
      at = next
    }
  }

  /** @param parent the name of what it is in @returns whether all of it was there */
  document(at: number, end: number, parent: string, depth: number): boolean {
    if (depth > MAX_DEPTH) this.isWanted = false
    if (!this.isWanted) return true
    return this.#walk(at, end, (name, type, valueAt, next) => {
      if (parent === NS_INFO && name === 'ns' && type === BSON_STRING) this.#ask(this.#text(valueAt, next))
      if (STAGES[name] !== undefined) this.#stage(name, type, valueAt, next)
      if (type === BSON_ARRAY || type === BSON_DOCUMENT)
        this.document(valueAt, next, parent === NS_INFO ? parent : name, depth + 1)
    })
  }

  #stage(stage: string, type: number, at: number, end: number): void {
    if (type === BSON_STRING) this.#ask(`${this.#database}.${this.#text(at, end)}`)
    if (type !== BSON_DOCUMENT) return
    const { db, name, isWhole } = this.#target(at, end, STAGES[stage] as string)
    if (name !== '') this.#ask(`${db}.${name}`)
    else if (!isWhole) this.isWanted = false
  }

  /** `{from: "c"}`, `{into: {db: "d", coll: "c"}}`. */
  #target(at: number, end: number, field: string) {
    let db = this.#database
    let name = ''
    const isWhole = this.#walk(at, end, (key, type, valueAt, next) => {
      if (key === 'db' && type === BSON_STRING) db = this.#text(valueAt, next)
      if (key !== field) return
      if (type === BSON_STRING) name = this.#text(valueAt, next)
      if (type !== BSON_DOCUMENT) return
      const inner = this.#target(valueAt, next, 'coll')
      db = inner.db
      name = inner.name
    })
    return { db, name, isWhole }
  }

  #ask(namespace: string): void {
    const dot = namespace.indexOf('.')
    if (dot < 0 || !this.#wants(namespace.slice(0, dot), namespace.slice(dot + 1))) this.isWanted = false
  }

  /** Of one that is cut nothing is told. */
  #text(at: number, end: number): string {
    return end > this.#bytes.length ? '' : this.#bytes.toString('utf8', at + 4, end - 1)
  }

  #walk(at: number, end: number, visit: (name: string, type: number, valueAt: number, next: number) => void): boolean {
    const bytes = this.#bytes
    const last = end - 1
    for (let pos = at + 4; pos < last; ) {
      if (pos >= bytes.length) return false
      const type = bytes[pos] as number
      const named = nameEnd(bytes, pos + 1, last, bytes.length)
      const next = named < 0 ? named : valueEnd(type, bytes, named + 1, last, bytes.length)
      if (next < 0) return false
      visit(bytes.toString('utf8', pos + 1, named), type, named + 1, next)
      pos = next
    }
    return end <= bytes.length
  }
}
