import { type Document, deserialize, serialize } from 'bson'
import { parse } from '../bson-parse.js'
import { CommandError } from '../errors.js'
import { MAX_WRITE_BATCH } from '../limits.js'
import { encoded } from '../store/shaping.js'
import { type Command, type CommandRequest, countField, documentField, isDocument, isTrue } from './command.js'
import { deleteOne, insertOne, updateOne } from './write.js'

interface Totals {
  nErrors: number
  nInserted: number
  nMatched: number
  nModified: number
  nUpserted: number
  nDeleted: number
}

/** The bulkWrite command of MongoDB 8.0: operations on several collections in one message, their results as a cursor. */
export const bulkWrite: Command = {
  names: ['bulkWrite'],
  fields: ['ops', 'nsInfo', 'ordered', 'errorsOnly', 'bypassDocumentValidation', 'let', 'cursor'],
  adminOnly: true,
  run(request) {
    const { body } = request
    const operations = documentsOf(request, 'ops')
    const namespaces = documentsOf(request, 'nsInfo').map((info) => parseNamespace(info.ns))
    const totals: Totals = { nErrors: 0, nInserted: 0, nMatched: 0, nModified: 0, nUpserted: 0, nDeleted: 0 }
    const results: Document[] = []
    for (const [idx, operation] of operations.entries()) {
      const result = runOne(request, operation, namespaces, totals)
      if (result.ok === 0 || !isTrue(body, 'errorsOnly')) results.push({ idx, ...result })
      if (result.ok === 0 && body.ordered !== false) break
    }
    const options = {
      batchSize: countField(documentField(body, 'cursor'), 'batchSize', Number.POSITIVE_INFINITY),
      isSingleBatch: false,
      neverExpires: false,
    }
    const reply = request.server.cursors.first('admin.$cmd.bulkWrite', encoded(results), options)
    return reply.with({ ...totals })
  },
}

/** One operation's row of the result; failures are rows too. */
function runOne(
  request: CommandRequest,
  operation: Document,
  namespaces: readonly Namespace[],
  totals: Totals,
): Document {
  try {
    return apply(request, operation, namespaces, totals)
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    totals.nErrors++
    return { ok: 0, code: error.errorCode, errmsg: error.message, n: 0, ...error.details }
  }
}

function apply(
  request: CommandRequest,
  operation: Document,
  namespaces: readonly Namespace[],
  totals: Totals,
): Document {
  const kind = Object.keys(operation)[0] ?? ''
  const namespace = namespaces[Number(operation[kind])]
  if (namespace === undefined) throw new CommandError(2, `BulkWrite ops entry refers to an unknown nsInfo: ${kind}`)
  const { database, collection } = namespace
  const on: CommandRequest = { ...request, database }
  if (kind === 'insert') {
    insertOne(on, collection, serialize(documentField(operation, 'document')))
    totals.nInserted++
    return { ok: 1, n: 1 }
  }
  // Parsed again as every other command's fields are: the first parse kept BSON's number classes, for inserts.
  const { [kind]: _, filter, updateMods, multi, ...rest } = parse(serialize(operation))
  if (kind === 'update') {
    const { matched, modified, upserted } = updateOne(on, collection, { ...rest, q: filter, u: updateMods, multi })
    totals.nModified += modified
    totals.nMatched += upserted === undefined ? matched : 0
    if (upserted === undefined) return { ok: 1, n: matched, nModified: modified }
    totals.nUpserted++
    return { ok: 1, n: 1, nModified: 0, upserted: { _id: upserted.document._id } }
  }
  if (kind !== 'delete') throw new CommandError(9, `Unknown bulkWrite operation '${kind}'`)
  const n = deleteOne(on, collection, { ...rest, q: filter, limit: multi === true ? 0 : 1 })
  totals.nDeleted += n
  return { ok: 1, n }
}

interface Namespace {
  readonly database: string
  readonly collection: string
}

/** @throws CommandError InvalidNamespace */
function parseNamespace(ns: unknown): Namespace {
  const dot = typeof ns === 'string' ? ns.indexOf('.') : -1
  if (typeof ns !== 'string' || dot <= 0) throw new CommandError(73, `Invalid namespace specified '${String(ns)}'`)
  return { database: ns.slice(0, dot), collection: ns.slice(dot + 1) }
}

function documentsOf({ body, sequences }: CommandRequest, field: string): readonly Document[] {
  const sequence = sequences.get(field)?.map((bytes) => deserialize(bytes, { promoteValues: false }))
  const given: unknown = sequence ?? body[field]
  if (!Array.isArray(given) || !given.every(isDocument)) {
    throw new CommandError(14, `BSON field 'bulkWrite.${field}' must be an array of objects`)
  }
  if (given.length >= 1 && given.length <= MAX_WRITE_BATCH) return given
  throw new CommandError(
    16,
    `Write batch sizes must be between 1 and ${MAX_WRITE_BATCH}. Got ${given.length} operations.`,
  )
}
