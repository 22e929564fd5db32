import type { Document } from 'bson'
import { CommandError } from '../errors.js'
import type { Collection } from '../store/collection.js'
import type { IndexSpec } from '../store/index-entry.js'
import { compileFilter } from '../store/matching.js'
import { listed } from './catalog.js'
import { type Command, type CommandRequest, collectionName, isDocument, isTrue, optionalDocument } from './command.js'

const createIndexes: Command = {
  names: ['createIndexes'],
  fields: ['indexes', 'commitQuorum'],
  run(request) {
    const { server, database, body } = request
    const name = collectionName(request)
    if (!Array.isArray(body.indexes) || body.indexes.length === 0) {
      throw new CommandError(2, 'Must specify at least one index to create')
    }
    const specs = body.indexes.map(parseSpec)
    const isNew = server.store.find(database, name) === undefined
    const collection = server.store.open(database, name)
    const before = collection.indexes.length
    for (const spec of specs) collection.createIndex(spec)
    const after = collection.indexes.length
    const counts = { numIndexesBefore: before, numIndexesAfter: after, createdCollectionAutomatically: isNew }
    return after === before ? { ...counts, note: 'all indexes already exist', ok: 1 } : { ...counts, ok: 1 }
  },
}

/** Options that change what an index does and are not implemented would be a pretence: they are refused. */
const KNOWN_OPTIONS = new Set(['key', 'name', 'v', 'unique', 'sparse', 'partialFilterExpression', 'background', 'ns'])

/** @throws CommandError CannotCreateIndex, FailedToParse */
function parseSpec(given: unknown): IndexSpec {
  if (!isDocument(given)) throw new CommandError(14, 'An index specification must be an object')
  const { key, name } = given
  if (!isDocument(key) || Object.keys(key).length === 0) throw new CommandError(67, 'Index keys cannot be empty')
  if (typeof name !== 'string' || name === '') throw new CommandError(9, "The 'name' field of an index is required")
  const option = Object.keys(given).find((field) => !KNOWN_OPTIONS.has(field))
  if (option !== undefined) throw new CommandError(67, `The index option '${option}' is not supported here`)
  for (const [field, direction] of Object.entries(key)) {
    const isPlain = typeof direction === 'number' && direction !== 0 && !field.includes('$')
    if (!isPlain) throw new CommandError(67, `Only ascending and descending indexes are supported here, not '${field}'`)
  }
  const partialFilterExpression = optionalDocument(given, 'partialFilterExpression')
  if (partialFilterExpression !== undefined) compileFilter(partialFilterExpression)
  return { name, key, unique: isTrue(given, 'unique'), sparse: isTrue(given, 'sparse'), partialFilterExpression }
}

const listIndexes: Command = {
  names: ['listIndexes'],
  fields: ['cursor', 'includeIndexBuildInfo'],
  run(request) {
    const { collection, name } = existing(request)
    const rows = collection.indexes.map((index) => index.describe())
    return listed(request, `${request.database}.${name}`, rows, {})
  },
}

const dropIndexes: Command = {
  names: ['dropIndexes', 'deleteIndexes'],
  fields: ['index'],
  run(request) {
    const { collection } = existing(request)
    const nIndexesWas = collection.indexes.length
    for (const name of namesToDrop(collection, request.body.index)) {
      if (name === '_id_') throw new CommandError(72, 'cannot drop _id index')
      if (!collection.dropIndex(name)) throw new CommandError(27, `index not found with name [${name}]`)
    }
    return { nIndexesWas, ok: 1 }
  },
}

function namesToDrop(collection: Collection, wanted: unknown): readonly string[] {
  if (wanted === '*') return collection.indexes.map((index) => index.spec.name).filter((name) => name !== '_id_')
  if (typeof wanted === 'string') return [wanted]
  if (Array.isArray(wanted)) return wanted.map(String)
  if (!isDocument(wanted)) throw new CommandError(14, "BSON field 'dropIndexes.index' must be a name, a key or a list")
  const byKey = collection.indexes.find((index) => sameKey(index.spec.key, wanted))
  if (byKey === undefined) throw new CommandError(27, `can't find index with key: ${JSON.stringify(wanted)}`)
  return [byKey.spec.name]
}

const sameKey = (a: Document, b: Document): boolean => JSON.stringify(a) === JSON.stringify(b)

function existing(request: CommandRequest): { collection: Collection; name: string } {
  const name = collectionName(request)
  const collection = request.server.store.find(request.database, name)
  if (collection === undefined) throw new CommandError(26, `ns does not exist: ${request.database}.${name}`)
  return { collection, name }
}

export const INDEX_COMMANDS: readonly Command[] = [createIndexes, listIndexes, dropIndexes]
