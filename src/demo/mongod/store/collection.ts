import { UUID } from 'bson'
import { CommandError } from '../errors.js'
import type { StoredDocument } from './documents.js'
import { Index, type IndexSpec } from './index-entry.js'

const ID_INDEX: IndexSpec = {
  name: '_id_',
  key: { _id: 1 },
  unique: true,
  sparse: false,
  partialFilterExpression: undefined,
}

/** Documents by `_id`, in insertion order, under unique indexes. A write that would break one changes nothing. */
export class Collection {
  readonly namespace: string
  readonly uuid = new UUID()
  readonly #documents = new Map<string, StoredDocument>()
  readonly #idIndex: Index
  readonly #indexes = new Map<string, Index>()
  #bytes = 0

  constructor(namespace: string) {
    this.namespace = namespace
    this.#idIndex = new Index(namespace, ID_INDEX)
  }

  get size(): number {
    return this.#documents.size
  }

  get dataBytes(): number {
    return this.#bytes
  }

  /** `_id_` first. */
  get indexes(): readonly Index[] {
    return [this.#idIndex, ...this.#indexes.values()]
  }

  get(idKey: string): StoredDocument | undefined {
    return this.#documents.get(idKey)
  }

  /** In insertion order. */
  all(): IterableIterator<StoredDocument> {
    return this.#documents.values()
  }

  /** @throws CommandError DuplicateKey */
  insert(stored: StoredDocument): void {
    if (this.#documents.has(stored.idKey)) throw this.#idIndex.duplicate([stored.document._id])
    for (const index of this.#indexes.values()) index.check(stored)
    this.#put(stored)
  }

  /** `after` has the same `_id` as `before`. @throws CommandError DuplicateKey */
  replace(before: StoredDocument, after: StoredDocument): void {
    for (const index of this.#indexes.values()) index.check(after)
    this.#take(before)
    this.#put(after)
  }

  remove(stored: StoredDocument): void {
    this.#take(stored)
    this.#documents.delete(stored.idKey)
  }

  clear(): void {
    for (const stored of [...this.all()]) this.remove(stored)
  }

  /**
   * @returns false when the same index is there already
   * @throws CommandError IndexKeySpecsConflict, IndexOptionsConflict, or DuplicateKey when the documents break it already
   */
  createIndex(spec: IndexSpec): boolean {
    const existing = this.indexes.find((index) => index.spec.name === spec.name)
    const created = new Index(this.namespace, spec)
    const sameKey = this.indexes.find((index) => JSON.stringify(index.spec.key) === JSON.stringify(spec.key))
    if (existing !== undefined) {
      if (JSON.stringify(existing.describe()) === JSON.stringify(created.describe())) return false
      throw new CommandError(86, `An existing index has the same name as the requested index: ${spec.name}`)
    }
    if (sameKey?.spec.name === '_id_') return false
    if (sameKey !== undefined) {
      throw new CommandError(85, `Index already exists with a different name: ${sameKey.spec.name}`)
    }
    for (const stored of this.all()) {
      created.check(stored)
      created.add(stored)
    }
    this.#indexes.set(spec.name, created)
    return true
  }

  dropIndex(name: string): boolean {
    return this.#indexes.delete(name)
  }

  /** The same documents and indexes under another name. */
  renamed(namespace: string): Collection {
    const copy = new Collection(namespace)
    for (const index of this.#indexes.values()) copy.createIndex(index.spec)
    for (const stored of this.all()) copy.insert(stored)
    return copy
  }

  #put(stored: StoredDocument): void {
    this.#documents.set(stored.idKey, stored)
    this.#bytes += stored.bytes.length
    for (const index of this.#indexes.values()) index.add(stored)
  }

  #take(stored: StoredDocument): void {
    this.#bytes -= stored.bytes.length
    for (const index of this.#indexes.values()) index.remove(stored)
  }
}
