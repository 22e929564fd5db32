import { type Document, Long } from 'bson'
import { resolve, unique } from 'mingo/util'
import { CommandError } from '../errors.js'
import { FIRST_BATCH_DOCUMENTS } from '../limits.js'
import type { Collection } from '../store/collection.js'
import type { StoredDocument } from '../store/documents.js'
import { asBadValue, compileFilter, matches, select } from '../store/matching.js'
import { projected, sorted } from '../store/shaping.js'
import type { CommandReply } from '../wire/reply.js'
import {
  type Command,
  type CommandRequest,
  checkCollation,
  collectionName,
  countField,
  documentField,
  engineOptions,
  isTrue,
  optionalDocument,
} from './command.js'

export const find: Command = {
  names: ['find'],
  fields: [
    'filter',
    'sort',
    'projection',
    'skip',
    'limit',
    'batchSize',
    'singleBatch',
    'hint',
    'let',
    'collation',
    'noCursorTimeout',
    'allowDiskUse',
    'allowPartialResults',
    'tailable',
    'awaitData',
  ],
  run(request) {
    const { body, server, database } = request
    const name = collectionName(request)
    if (isTrue(body, 'tailable') || isTrue(body, 'awaitData')) {
      throw new CommandError(2, 'error processing query: tailable cursor requested on non capped collection')
    }
    const found = findDocuments(request, name)
    const projection = optionalDocument(body, 'projection')
    const source = projected(found, documentField(body, 'filter'), projection, engineOptions(body))
    return server.cursors.first(`${database}.${name}`, source, {
      batchSize: countField(body, 'batchSize', FIRST_BATCH_DOCUMENTS),
      isSingleBatch: isTrue(body, 'singleBatch'),
      neverExpires: isTrue(body, 'noCursorTimeout'),
    })
  },
}

/** Filter, sort, skip and limit of a find, in that order. @throws CommandError */
export function findDocuments(request: CommandRequest, name: string): readonly StoredDocument[] {
  const { body, server, database } = request
  checkCollation(body)
  const collection = server.store.find(database, name)
  checkHint(collection, body)
  const filter = documentField(body, 'filter')
  const sort = documentField(body, 'sort')
  const skip = countField(body, 'skip', 0)
  const limit = countField(body, 'limit', 0)
  const wanted = limit === 0 ? Number.POSITIVE_INFINITY : skip + limit
  if (collection === undefined) {
    compileFilter(filter, engineOptions(body))
    return []
  }
  const isUnsorted = Object.keys(sort).length === 0
  if (!isUnsorted) return sorted(select(collection, filter, engineOptions(body)), sort).slice(skip, wanted)
  return takeFirst(matches(collection, filter, engineOptions(body)), wanted).slice(skip)
}

function takeFirst(source: Iterable<StoredDocument>, count: number): StoredDocument[] {
  const taken: StoredDocument[] = []
  for (const stored of source) {
    if (taken.push(stored) >= count) break
  }
  return taken
}

/** @throws CommandError BadValue when the hint names no index, as mongod's planner does */
export function checkHint(collection: Collection | undefined, body: Document): void {
  const hint: unknown = body.hint
  if (hint === undefined || collection === undefined) return
  const isNatural = typeof hint === 'object' && hint !== null && '$natural' in hint
  const isEmpty = typeof hint === 'object' && hint !== null && Object.keys(hint).length === 0
  if (isNatural || isEmpty) return
  const isKnown = collection.indexes.some((index) =>
    typeof hint === 'string' ? index.spec.name === hint : JSON.stringify(index.spec.key) === JSON.stringify(hint),
  )
  if (!isKnown)
    throw new CommandError(2, 'error processing query: hint provided does not correspond to an existing index')
}

export const getMore: Command = {
  names: ['getMore'],
  fields: ['collection', 'batchSize'],
  run(request) {
    const { body, server, database } = request
    const name = collectionName(request, 'collection')
    const batchSize = countField(body, 'batchSize', 0)
    // maxTimeMS is for awaitData cursors, which do not exist here: mongod refuses it on all others.
    if (body.maxTimeMS !== undefined) {
      throw new CommandError(2, 'cannot set maxTimeMS on getMore command for a non-awaitData cursor')
    }
    const unlimited = batchSize === 0 ? Number.POSITIVE_INFINITY : batchSize
    return server.cursors.next(cursorId(body.getMore), `${database}.${name}`, unlimited)
  },
}

/** @throws CommandError TypeMismatch */
function cursorId(value: unknown): Long {
  if (value instanceof Long) return value
  if (typeof value === 'bigint') return Long.fromBigInt(value)
  if (typeof value === 'number') return Long.fromNumber(value)
  throw new CommandError(14, `A cursor id must be a long, not ${typeof value}`)
}

export const killCursors: Command = {
  names: ['killCursors'],
  fields: ['cursors'],
  run(request) {
    const name = collectionName(request)
    const { cursors } = request.body
    if (!Array.isArray(cursors)) throw new CommandError(14, "BSON field 'killCursors.cursors' must be an array")
    const killed: Long[] = []
    const missing: Long[] = []
    for (const id of cursors.map(cursorId)) {
      const list = request.server.cursors.kill(id, `${request.database}.${name}`) ? killed : missing
      list.push(id)
    }
    return { cursorsKilled: killed, cursorsNotFound: missing, cursorsAlive: [], cursorsUnknown: [], ok: 1 }
  },
}

export const count: Command = {
  names: ['count'],
  fields: ['query', 'limit', 'skip', 'hint', 'collation', 'fields'],
  run(request): CommandReply {
    const { body, server, database } = request
    checkCollation(body)
    const collection = server.store.find(database, collectionName(request))
    checkHint(collection, body)
    const query = documentField(body, 'query')
    const isWhole = Object.keys(query).length === 0
    const all = collection === undefined ? 0 : isWhole ? collection.size : select(collection, query).length
    const skipped = Math.max(0, all - countField(body, 'skip', 0))
    // A negative limit means the same as its positive, in this command only.
    const limit = Math.abs(Number(body.limit ?? 0))
    return { n: limit === 0 ? skipped : Math.min(limit, skipped), ok: 1 }
  },
}

export const distinct: Command = {
  names: ['distinct'],
  fields: ['key', 'query', 'collation', 'hint'],
  run(request) {
    const { body, server, database } = request
    checkCollation(body)
    const { key } = body
    if (typeof key !== 'string') throw new CommandError(14, "BSON field 'distinct.key' must be a string")
    const collection = server.store.find(database, collectionName(request))
    const found = collection === undefined ? [] : select(collection, documentField(body, 'query'))
    const values = found.flatMap(({ document }) => asBadValue(() => resolve(document, key)) as unknown)
    return { values: unique(values.filter((value) => value !== undefined)), ok: 1 }
  },
}

export const QUERY_COMMANDS: readonly Command[] = [find, getMore, killCursors, count, distinct]
