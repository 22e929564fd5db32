import { types } from 'node:util'
import { Binary, Decimal128, type Document, Long, ObjectId, Timestamp } from 'bson'
import { Query } from 'mingo'
import { CommandError, messageOf } from '../errors.js'
import type { Collection } from './collection.js'
import { type StoredDocument, valueKey } from './documents.js'

/** What a query may bring along besides its filter. */
export interface EngineOptions {
  /** `let` of the command. */
  readonly variables?: Document
}

/** mingo's options: scripts off, since nobody may run code in here. */
export function mingoOptions(options: EngineOptions) {
  return {
    scriptEnabled: false,
    ...(options.variables === undefined ? {} : { variables: options.variables }),
  }
}

/** Runs the query engine; its complaints about the query become BadValue. */
export function asBadValue<T>(run: () => T, code = 2): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof CommandError) throw error
    throw new CommandError(code, messageOf(error))
  }
}

export function compileFilter(filter: Document, options: EngineOptions = {}): Query {
  return asBadValue(() => new Query(filter, mingoOptions(options)))
}

/** Documents that match, in insertion order. Those named by `_id` are found by hash, all others by a scan. */
export function select(collection: Collection, filter: Document, options: EngineOptions = {}): StoredDocument[] {
  return [...matches(collection, filter, options)]
}

/** As `select`, one at a time: who needs one document does not pay for the rest. */
export function* matches(
  collection: Collection,
  filter: Document,
  options: EngineOptions = {},
): Generator<StoredDocument> {
  const byId = candidatesById(collection, filter)
  if (byId !== undefined && Object.keys(filter).length === 1) {
    yield* byId
    return
  }
  const query = compileFilter(filter, options)
  if (Object.keys(filter).length === 0) {
    yield* collection.all()
    return
  }
  for (const stored of byId ?? collection.all()) {
    if (asBadValue(() => query.test(stored.document))) yield stored
  }
}

/** Whether `filter` is answered from the `_id` index alone: what explain calls IDHACK. */
export function usesIdIndex(filter: Document): boolean {
  return idsIn(filter) !== undefined
}

function candidatesById(collection: Collection, filter: Document): StoredDocument[] | undefined {
  const ids = idsIn(filter)
  if (ids === undefined) return undefined
  const keys = new Set(ids.map(valueKey))
  const found: StoredDocument[] = []
  for (const key of keys) {
    const stored = collection.get(key)
    if (stored !== undefined) found.push(stored)
  }
  return found
}

/** The ids that a filter on `_id` admits; undefined when only a scan can tell. */
function idsIn(filter: Document): readonly unknown[] | undefined {
  if (!('_id' in filter)) return undefined
  const id: unknown = filter._id
  if (isPlainValue(id)) return [id]
  if (typeof id !== 'object' || id === null || Object.keys(id).length !== 1) return undefined
  if ('$eq' in id && isPlainValue(id.$eq)) return [id.$eq]
  if ('$in' in id && Array.isArray(id.$in) && id.$in.every(isPlainValue)) return id.$in
  return undefined
}

function isPlainValue(value: unknown): boolean {
  if (value === null || typeof value !== 'object') return true
  if (value instanceof ObjectId || types.isDate(value) || value instanceof Binary) return true
  return value instanceof Long || value instanceof Decimal128 || value instanceof Timestamp
}
