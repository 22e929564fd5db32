import { CommandError } from '../errors.js'
import { Collection } from './collection.js'

/** Every database of the server. A database exists as long as it has a collection. */
export class Store {
  readonly #databases = new Map<string, Map<string, Collection>>()

  get databases(): readonly string[] {
    return [...this.#databases.keys()].sort()
  }

  collections(database: string): ReadonlyMap<string, Collection> {
    return this.#databases.get(database) ?? new Map()
  }

  find(database: string, collection: string): Collection | undefined {
    return this.#databases.get(database)?.get(collection)
  }

  /** Made when it is missing, as writes do. @throws CommandError InvalidNamespace */
  open(database: string, collection: string): Collection {
    return this.find(database, collection) ?? this.create(database, collection)
  }

  /** @throws CommandError NamespaceExists, InvalidNamespace */
  create(database: string, collection: string): Collection {
    checkNamespace(database, collection)
    if (this.find(database, collection) !== undefined) {
      throw new CommandError(48, `Collection ${database}.${collection} already exists.`)
    }
    const created = new Collection(`${database}.${collection}`)
    this.put(database, collection, created)
    return created
  }

  put(database: string, name: string, collection: Collection): void {
    const collections = this.#databases.get(database) ?? new Map<string, Collection>()
    collections.set(name, collection)
    this.#databases.set(database, collections)
  }

  drop(database: string, collection: string): Collection | undefined {
    const collections = this.#databases.get(database)
    const dropped = collections?.get(collection)
    collections?.delete(collection)
    if (collections?.size === 0) this.#databases.delete(database)
    return dropped
  }

  dropDatabase(database: string): boolean {
    return this.#databases.delete(database)
  }
}

/** @throws CommandError InvalidNamespace */
export function checkNamespace(database: string, collection: string): void {
  const badDatabase = database === '' || database.length > 63 || /[/\\. "$*<>:|?\0]/.test(database)
  if (badDatabase) throw new CommandError(73, `Invalid database name: '${database}'`)
  const badCollection = collection === '' || collection.startsWith('.') || /[$\0]/.test(collection)
  if (badCollection) throw new CommandError(73, `Invalid collection name: '${collection}'`)
}
