import type { Document } from 'bson'
import { CommandError } from '../errors.js'
import { select, usesIdIndex } from '../store/matching.js'
import { type Command, type CommandRequest, documentField, engineOptions, isDocument } from './command.js'

/** Which field of a command holds its filter. */
const FILTERS: Readonly<Record<string, string>> = {
  find: 'filter',
  count: 'query',
  distinct: 'query',
  findAndModify: 'query',
}

export const explain: Command = {
  names: ['explain'],
  fields: ['verbosity'],
  run(request) {
    const inner: unknown = request.body.explain
    if (!isDocument(inner)) throw new CommandError(14, "BSON field 'explain' must be an object")
    return explainPlan(request, inner)
  },
}

/** The one choice this engine makes: by `_id`, or a scan. @throws CommandError CommandNotSupported */
export function explainPlan({ server, database, body }: CommandRequest, inner: Document): Document {
  const command = Object.keys(inner)[0] ?? ''
  const name: unknown = inner[command]
  const filter = filterOf(command, inner)
  if (typeof name !== 'string') throw new CommandError(73, `collection name has invalid type ${typeof name}`)
  const collection = server.store.find(database, name)
  const stage = collection === undefined ? 'EOF' : usesIdIndex(filter) ? 'IDHACK' : 'COLLSCAN'
  const plan = {
    queryPlanner: {
      namespace: `${database}.${name}`,
      parsedQuery: filter,
      winningPlan: { stage },
      rejectedPlans: [],
    },
    command: inner,
    ok: 1,
  }
  if (body.verbosity === 'queryPlanner' || collection === undefined) return plan
  const found = select(collection, filter, engineOptions(inner)).length
  const totalDocsExamined = stage === 'IDHACK' ? found : collection.size
  return { ...plan, executionStats: { executionSuccess: true, nReturned: found, totalDocsExamined } }
}

function filterOf(command: string, inner: Document): Document {
  const field = FILTERS[command]
  if (field !== undefined) return documentField(inner, field)
  const first: unknown = Array.isArray(inner.pipeline) ? inner.pipeline[0] : undefined
  if (command === 'aggregate') return isDocument(first) && isDocument(first.$match) ? first.$match : {}
  const statement: unknown = (inner.updates ?? inner.deletes)?.[0]
  if (isDocument(statement)) return documentField(statement, 'q')
  throw new CommandError(115, `Explain is not supported here for the command '${command}'`)
}
