import type { Document } from 'bson'
import { Aggregator } from 'mingo'
import { CommandError, messageOf } from '../errors.js'
import type { Collection } from './collection.js'
import { prepareDocument, type StoredDocument } from './documents.js'
import { type EngineOptions, mingoOptions, select } from './matching.js'
import type { Store } from './store.js'

export interface PipelineContext extends EngineOptions {
  readonly store: Store
  readonly database: string
}

/** Stages that hand documents on, or make new ones, without writing into those they were given. */
const HARMLESS = new Set([
  '$match',
  '$sort',
  '$limit',
  '$skip',
  '$group',
  '$count',
  '$sortByCount',
  '$bucket',
  '$sample',
])

/** Stages of a mongod that have no meaning here: refused, never guessed. */
const REPLICA_SET_ONLY = new Set(['$changeStream', '$changeStreamSplitLargeEvent'])

/**
 * Run a pipeline over `source` (undefined: a database-level aggregate).
 * @throws CommandError
 */
export function aggregate(
  source: Collection | undefined,
  pipeline: readonly Document[],
  context: PipelineContext,
): readonly Document[] {
  const stages = pipeline.map(checkStage)
  const last = stages.at(-1)
  const writer = last?.name === '$out' || last?.name === '$merge' ? last : undefined
  const readers = writer === undefined ? stages : stages.slice(0, -1)
  const misplaced = readers.find((stage) => stage.name === '$out' || stage.name === '$merge')
  if (misplaced !== undefined) throw new CommandError(40601, `${misplaced.name} can only be the final stage`)
  const documents = run(source, readers, context)
  if (writer === undefined) return documents
  if (writer.name === '$out') writeOut(documents, writer.argument, context)
  else writeMerge(documents, writer.argument, context)
  return []
}

interface Stage {
  readonly name: string
  readonly argument: unknown
}

function checkStage(stage: unknown): Stage {
  if (typeof stage !== 'object' || stage === null || Array.isArray(stage)) {
    throw new CommandError(14, "Each element of the 'pipeline' array must be an object")
  }
  const [entry, ...more] = Object.entries(stage)
  if (entry === undefined || more.length > 0) {
    throw new CommandError(40323, 'A pipeline stage specification object must contain exactly one field.')
  }
  const [name, argument] = entry
  if (REPLICA_SET_ONLY.has(name)) {
    throw new CommandError(40573, `The ${name} stage is only supported on replica sets`)
  }
  return { name, argument }
}

function run(source: Collection | undefined, stages: readonly Stage[], context: PipelineContext): readonly Document[] {
  const [first, ...others] = stages
  const leads = first?.name === '$match'
  const filter: Document = leads && isDocument(first.argument) ? first.argument : {}
  const rest = leads ? others : stages
  const found = source === undefined ? [] : select(source, filter, context)
  const isHarmless = rest.every((stage) => HARMLESS.has(stage.name))
  const view = (stored: StoredDocument): Document => (isHarmless ? stored.document : stored.fresh())
  const documents = found.map(view)
  if (rest.length === 0) return documents
  const options = {
    ...mingoOptions(context),
    collectionResolver: (name: string) => [...(context.store.find(context.database, name)?.all() ?? [])].map(view),
  }
  try {
    return new Aggregator(
      rest.map((stage) => ({ [stage.name]: stage.argument })),
      options,
    ).run<Document>(documents)
  } catch (error) {
    throw engineError(error)
  }
}

function engineError(error: unknown): CommandError {
  if (error instanceof CommandError) return error
  const message = messageOf(error)
  const unknown = /unregistered pipeline operator (\S+?)\.?$/.exec(message)
  if (unknown === null) return new CommandError(2, message)
  return new CommandError(40324, `Unrecognized pipeline stage name, or one this server lacks: '${unknown[1]}'`)
}

function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `$out: "name"` or `{db, coll}`: the collection's documents are replaced all at once. */
function writeOut(documents: readonly Document[], argument: unknown, context: PipelineContext): void {
  const { database, collection } = target(argument, context)
  const next = documents.map(prepareDocument)
  const opened = context.store.open(database, collection)
  const before = select(opened, {})
  opened.clear()
  try {
    for (const stored of next) opened.insert(stored)
  } catch (error) {
    opened.clear()
    for (const stored of before) opened.insert(stored)
    throw error
  }
}

/** `$merge` on `_id`, with the words for whenMatched and whenNotMatched; other keys and pipelines are refused. */
function writeMerge(documents: readonly Document[], argument: unknown, context: PipelineContext): void {
  const spec: Document = isDocument(argument) ? argument : { into: argument }
  const { into, on = '_id', whenMatched = 'merge', whenNotMatched = 'insert', ...unknown } = spec
  const isOnId = on === '_id' || (Array.isArray(on) && on.length === 1 && on[0] === '_id')
  const isKnown = ['merge', 'replace', 'keepExisting', 'fail'].includes(whenMatched)
  if (!isOnId || !isKnown || Object.keys(unknown).length > 0) {
    throw new CommandError(
      115,
      '$merge is supported on _id only, with whenMatched merge, replace, keepExisting or fail',
    )
  }
  if (!['insert', 'discard', 'fail'].includes(whenNotMatched)) {
    throw new CommandError(2, `Unknown $merge mode for whenNotMatched: ${String(whenNotMatched)}`)
  }
  const { database, collection } = target(into, context)
  const opened = context.store.open(database, collection)
  for (const document of documents) mergeOne(opened, document, whenMatched, whenNotMatched)
}

function mergeOne(collection: Collection, document: Document, whenMatched: string, whenNotMatched: string): void {
  const wanted = prepareDocument(document)
  const existing = collection.get(wanted.idKey)
  if (existing === undefined) {
    if (whenNotMatched === 'fail') throw new CommandError(13113, '$merge could not find a matching document')
    if (whenNotMatched === 'insert') collection.insert(wanted)
    return
  }
  if (whenMatched === 'fail') collection.insert(wanted)
  if (whenMatched === 'replace') collection.replace(existing, wanted)
  if (whenMatched === 'merge') collection.replace(existing, prepareDocument({ ...existing.fresh(), ...document }))
}

function target(argument: unknown, context: PipelineContext): { database: string; collection: string } {
  if (typeof argument === 'string') return { database: context.database, collection: argument }
  if (isDocument(argument) && typeof argument.coll === 'string') {
    return { database: typeof argument.db === 'string' ? argument.db : context.database, collection: argument.coll }
  }
  throw new CommandError(14, 'The target of $out or $merge must be a collection name or {db, coll}')
}
