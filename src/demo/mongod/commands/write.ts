import { type Document, deserialize } from 'bson'
import { parse } from '../bson-parse.js'
import { CommandError, messageOf } from '../errors.js'
import { MAX_WRITE_BATCH } from '../limits.js'
import { prepareInsert, type StoredDocument } from '../store/documents.js'
import { matches, select } from '../store/matching.js'
import { projected, sorted } from '../store/shaping.js'
import { changed, parseChange, upserted } from '../store/updating.js'
import type { CommandReply } from '../wire/reply.js'
import {
  type Command,
  type CommandRequest,
  checkCollation,
  collectionName,
  documentField,
  engineOptions,
  isDocument,
  isTrue,
  optionalDocument,
} from './command.js'
import { checkHint } from './query.js'

export const insert: Command = {
  names: ['insert'],
  fields: ['documents', 'ordered', 'bypassDocumentValidation'],
  run(request) {
    const name = collectionName(request)
    const documents = rawStatements(request, 'documents')
    const { errors, done } = eachStatement(request.body, documents, (bytes) => insertOne(request, name, bytes))
    return writeReply({ n: done }, errors)
  },
}

/** @throws CommandError DuplicateKey, BadValue */
export function insertOne({ server, database }: CommandRequest, name: string, bytes: Uint8Array): StoredDocument {
  const stored = prepareInsert(bytes)
  checkReadable(stored)
  server.store.open(database, name).insert(stored)
  return stored
}

/** Bytes of a broken document are refused when they come, not when they are read. @throws CommandError InvalidBSON */
function checkReadable(stored: StoredDocument): void {
  try {
    stored.document
  } catch (error) {
    throw new CommandError(22, messageOf(error))
  }
}

export const update: Command = {
  names: ['update'],
  fields: ['updates', 'ordered', 'bypassDocumentValidation', 'let'],
  run(request) {
    const name = collectionName(request)
    let n = 0
    let nModified = 0
    const upsertedIds: Document[] = []
    const { errors } = eachStatement(request.body, statements(request, 'updates'), (statement, index) => {
      const result = updateOne(request, name, statement)
      n += result.matched
      nModified += result.modified
      if (result.upserted !== undefined) upsertedIds.push({ index, _id: result.upserted.document._id })
    })
    const counts = { n, nModified }
    return writeReply(upsertedIds.length === 0 ? counts : { ...counts, upserted: upsertedIds }, errors)
  },
}

export interface UpdateResult {
  /** The upserted document counts, as in the server's `n`. */
  readonly matched: number
  readonly modified: number
  readonly upserted: StoredDocument | undefined
}

const UPDATE_STATEMENT = ['q', 'u', 'c', 'multi', 'upsert', 'arrayFilters', 'hint', 'collation', 'sort']

/** One statement of an update command. @throws CommandError */
export function updateOne(request: CommandRequest, name: string, statement: Document): UpdateResult {
  checkStatement(statement, UPDATE_STATEMENT, 'update.updates')
  checkCollation(statement)
  const { server, database } = request
  const filter = documentField(statement, 'q')
  const change = parseChange(statement.u, statement.arrayFilters)
  const isMulti = isTrue(statement, 'multi')
  if (isMulti && change.kind === 'replacement') {
    throw new CommandError(9, 'multi update is not supported for replacement-style update')
  }
  if (statement.c !== undefined) throw new CommandError(115, 'Constants (c) of an update are not supported here')
  const context = { filter, clock: server.clock, ...engineOptions(request.body) }
  const collection = server.store.find(database, name)
  checkHint(collection, statement)
  const sort = optionalDocument(statement, 'sort')
  if (sort !== undefined && isMulti) throw new CommandError(9, 'Cannot specify sort with multi=true')
  const found =
    collection === undefined ? [] : pick(matches(collection, filter, context), isMulti ? 'all' : 'one', sort)
  if (found.length === 0 && isTrue(statement, 'upsert')) {
    const inserted = upserted(change, context)
    server.store.open(database, name).insert(inserted)
    return { matched: 1, modified: 0, upserted: inserted }
  }
  let modified = 0
  for (const [index, after] of changed(found, change, context).entries()) {
    const before = found[index]
    if (before === undefined || after === before) continue
    collection?.replace(before, after)
    modified++
  }
  return { matched: found.length, modified, upserted: undefined }
}

function pick(source: Iterable<StoredDocument>, count: 'one' | 'all', sort?: Document): readonly StoredDocument[] {
  // Taken whole before the first is changed: a change may move a document within the very index being read.
  if (count === 'all') return [...source]
  if (sort !== undefined) return sorted([...source], sort).slice(0, 1)
  for (const first of source) return [first]
  return []
}

export const remove: Command = {
  names: ['delete'],
  fields: ['deletes', 'ordered', 'let'],
  run(request) {
    const name = collectionName(request)
    let n = 0
    const { errors } = eachStatement(request.body, statements(request, 'deletes'), (statement) => {
      n += deleteOne(request, name, statement)
    })
    return writeReply({ n }, errors)
  },
}

/** One statement of a delete command. @returns documents removed. @throws CommandError */
export function deleteOne(request: CommandRequest, name: string, statement: Document): number {
  checkStatement(statement, ['q', 'limit', 'hint', 'collation'], 'delete.deletes')
  checkCollation(statement)
  if (statement.limit !== 0 && statement.limit !== 1) {
    throw new CommandError(9, `The limit field in delete objects must be 0 or 1. Got ${String(statement.limit)}`)
  }
  const collection = request.server.store.find(request.database, name)
  checkHint(collection, statement)
  if (collection === undefined) return 0
  const options = engineOptions(request.body)
  const filter = documentField(statement, 'q')
  const found =
    statement.limit === 0 ? select(collection, filter, options) : pick(matches(collection, filter, options), 'one')
  for (const stored of found) collection.remove(stored)
  return found.length
}

export const findAndModify: Command = {
  names: ['findAndModify', 'findandmodify'],
  fields: [
    'query',
    'sort',
    'remove',
    'update',
    'new',
    'fields',
    'upsert',
    'arrayFilters',
    'hint',
    'collation',
    'let',
    'bypassDocumentValidation',
  ],
  run(request) {
    const { body } = request
    checkCollation(body)
    const isRemove = isTrue(body, 'remove')
    if (isRemove === (body.update !== undefined)) {
      throw new CommandError(9, 'Either an update or remove=true must be specified, and not both')
    }
    if (isRemove && isTrue(body, 'new')) throw new CommandError(9, 'Cannot specify both new=true and remove=true')
    return isRemove ? findAndRemove(request) : findAndUpdate(request)
  },
}

function findFirst(request: CommandRequest, name: string) {
  const { body, server, database } = request
  const collection = server.store.find(database, name)
  checkHint(collection, body)
  if (collection === undefined) return { collection, found: undefined }
  const source = matches(collection, documentField(body, 'query'), engineOptions(body))
  return { collection, found: pick(source, 'one', optionalDocument(body, 'sort'))[0] }
}

function findAndRemove(request: CommandRequest): CommandReply {
  const { collection, found } = findFirst(request, collectionName(request))
  if (found === undefined) return { lastErrorObject: { n: 0 }, value: null, ok: 1 }
  collection?.remove(found)
  return { lastErrorObject: { n: 1 }, value: shaped(request, found), ok: 1 }
}

function findAndUpdate(request: CommandRequest): CommandReply {
  const { body, server, database } = request
  const name = collectionName(request)
  const change = parseChange(body.update, body.arrayFilters)
  const context = { filter: documentField(body, 'query'), clock: server.clock, ...engineOptions(body) }
  const { collection, found } = findFirst(request, name)
  if (found !== undefined) {
    const [after = found] = changed([found], change, context)
    if (after !== found) collection?.replace(found, after)
    const value = shaped(request, isTrue(body, 'new') ? after : found)
    return { lastErrorObject: { n: 1, updatedExisting: true }, value, ok: 1 }
  }
  if (!isTrue(body, 'upsert')) return { lastErrorObject: { n: 0, updatedExisting: false }, value: null, ok: 1 }
  const inserted = upserted(change, context)
  server.store.open(database, name).insert(inserted)
  const lastErrorObject = { n: 1, updatedExisting: false, upserted: inserted.document._id }
  return { lastErrorObject, value: isTrue(body, 'new') ? shaped(request, inserted) : null, ok: 1 }
}

function shaped(request: CommandRequest, stored: StoredDocument): Document {
  const fields = optionalDocument(request.body, 'fields')
  const query = documentField(request.body, 'query')
  const [bytes = stored.bytes] = projected([stored], query, fields, engineOptions(request.body))
  return deserialize(bytes, { promoteValues: false })
}

/** Statements as bytes, from a document sequence or from the body: drivers differ. @throws CommandError */
function rawStatements({ body, sequences }: CommandRequest, field: string): readonly Uint8Array[] {
  const given: unknown = sequences.get(field) ?? body[field]
  if (!Array.isArray(given) || !given.every((item) => item instanceof Uint8Array)) {
    throw new CommandError(14, `BSON field '${field}' must be an array of objects`)
  }
  return checkBatch(given)
}

function statements({ body, sequences }: CommandRequest, field: string): readonly Document[] {
  const sequence = sequences.get(field)
  const given: unknown = sequence === undefined ? body[field] : sequence.map((bytes) => parse(bytes))
  if (!Array.isArray(given) || !given.every(isDocument)) {
    throw new CommandError(14, `BSON field '${field}' must be an array of objects`)
  }
  return checkBatch(given)
}

function checkBatch<T>(batch: readonly T[]): readonly T[] {
  if (batch.length >= 1 && batch.length <= MAX_WRITE_BATCH) return batch
  throw new CommandError(
    16,
    `Write batch sizes must be between 1 and ${MAX_WRITE_BATCH}. Got ${batch.length} operations.`,
  )
}

function checkStatement(statement: Document, fields: readonly string[], where: string): void {
  const unknown = Object.keys(statement).find((field) => !fields.includes(field))
  if (unknown !== undefined) throw new CommandError(40415, `BSON field '${where}.${unknown}' is an unknown field.`)
}

/** Runs each statement; the first failure ends an ordered batch. Failures become writeErrors. */
function eachStatement<T>(body: Document, batch: readonly T[], run: (statement: T, index: number) => void) {
  const isOrdered = body.ordered !== false
  const errors: Document[] = []
  let done = 0
  for (const [index, statement] of batch.entries()) {
    try {
      run(statement, index)
      done++
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      errors.push({ index, code: error.errorCode, ...error.details, errmsg: error.message })
      if (isOrdered) break
    }
  }
  return { errors, done }
}

function writeReply(counts: Document, errors: readonly Document[]): CommandReply {
  return errors.length === 0 ? { ...counts, ok: 1 } : { ...counts, writeErrors: errors, ok: 1 }
}

export const WRITE_COMMANDS: readonly Command[] = [insert, update, remove, findAndModify]
