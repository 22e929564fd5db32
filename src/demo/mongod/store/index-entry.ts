import type { Document } from 'bson'
import { Query } from 'mingo'
import { resolve } from 'mingo/util'
import { CommandError } from '../errors.js'
import { type StoredDocument, valueKey } from './documents.js'

export interface IndexSpec {
  readonly name: string
  readonly key: Readonly<Record<string, unknown>>
  readonly unique: boolean
  readonly sparse: boolean
  readonly partialFilterExpression: Document | undefined
}

/** One index of a collection. A unique one is enforced; others are kept for listings and hints only: scans answer queries. */
export class Index {
  readonly spec: IndexSpec
  readonly #namespace: string
  readonly #fields: readonly string[]
  readonly #partial: Query | undefined
  /** Key of the values → `_id` key of the document that holds them. */
  readonly #holders = new Map<string, string>()

  constructor(namespace: string, spec: IndexSpec) {
    this.spec = spec
    this.#namespace = namespace
    this.#fields = Object.keys(spec.key)
    this.#partial = spec.partialFilterExpression === undefined ? undefined : new Query(spec.partialFilterExpression)
  }

  /** As listIndexes shows it. */
  describe(): Document {
    const { name, key, unique, sparse, partialFilterExpression } = this.spec
    return {
      v: 2,
      key,
      name,
      ...(unique && name !== '_id_' ? { unique: true } : {}),
      ...(sparse ? { sparse: true } : {}),
      ...(partialFilterExpression === undefined ? {} : { partialFilterExpression }),
    }
  }

  /** @throws CommandError DuplicateKey when another document than `document` (by its `_id`) holds one of its keys */
  check(document: StoredDocument): void {
    if (!this.spec.unique) return
    for (const { key, values } of this.#keysOf(document)) {
      const holder = this.#holders.get(key)
      if (holder !== undefined && holder !== document.idKey) throw this.duplicate(values)
    }
  }

  add(document: StoredDocument): void {
    if (!this.spec.unique) return
    for (const { key } of this.#keysOf(document)) this.#holders.set(key, document.idKey)
  }

  remove(document: StoredDocument): void {
    if (!this.spec.unique) return
    for (const { key } of this.#keysOf(document)) this.#holders.delete(key)
  }

  duplicate(values: readonly unknown[]): CommandError {
    const keyValue = Object.fromEntries(this.#fields.map((field, i) => [field, values[i] ?? null]))
    const message = `E11000 duplicate key error collection: ${this.#namespace} index: ${this.spec.name}`
    const shown = this.#fields.map((field) => `${field}: ${JSON.stringify(keyValue[field])}`).join(', ')
    return new CommandError(11000, `${message} dup key: { ${shown} }`, { keyPattern: this.spec.key, keyValue })
  }

  /** One key for plain values; an array gives one for each of its elements, as a multikey index does. */
  #keysOf(stored: StoredDocument): readonly { key: string; values: readonly unknown[] }[] {
    const { document } = stored
    if (this.#partial !== undefined && !this.#partial.test(document)) return []
    const columns = this.#fields.map((field) => resolve(document, field))
    if (this.spec.sparse && columns.every((value) => value === undefined)) return []
    let rows: unknown[][] = [[]]
    for (const column of columns) {
      const values = Array.isArray(column) && column.length > 0 ? column : [column]
      rows = rows.flatMap((row) => values.map((value) => [...row, value]))
    }
    return rows.map((values) => ({ key: values.map(valueKey).join('\0'), values }))
  }
}
