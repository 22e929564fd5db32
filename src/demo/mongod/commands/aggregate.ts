import type { Document } from 'bson'
import { CommandError } from '../errors.js'
import { FIRST_BATCH_DOCUMENTS } from '../limits.js'
import { aggregate as runPipeline } from '../store/aggregating.js'
import { encoded } from '../store/shaping.js'
import {
  type Command,
  type CommandRequest,
  checkCollation,
  collectionName,
  countField,
  documentField,
  engineOptions,
  isDocument,
  isTrue,
} from './command.js'
import { explainPlan } from './explain.js'
import { checkHint } from './query.js'

export const aggregate: Command = {
  names: ['aggregate'],
  fields: [
    'pipeline',
    'cursor',
    'explain',
    'allowDiskUse',
    'hint',
    'let',
    'collation',
    'bypassDocumentValidation',
    'allowPartialResults',
  ],
  run(request) {
    const { body, server, database } = request
    checkCollation(body)
    const pipeline = pipelineOf(body)
    if (isTrue(body, 'explain')) return explainPlan(request, body)
    if (!isDocument(body.cursor)) {
      throw new CommandError(9, "The 'cursor' option is required, except for aggregate with the explain argument")
    }
    const name = body.aggregate === 1 ? undefined : collectionName(request)
    const documents = aggregated(request, name, pipeline)
    const namespace = `${database}.${name ?? '$cmd.aggregate'}`
    return server.cursors.first(namespace, encoded(documents), {
      batchSize: countField(documentField(body, 'cursor'), 'batchSize', FIRST_BATCH_DOCUMENTS),
      isSingleBatch: false,
      neverExpires: false,
    })
  },
}

/** @throws CommandError TypeMismatch */
export function pipelineOf(body: Document): readonly Document[] {
  const { pipeline } = body
  if (Array.isArray(pipeline) && pipeline.every(isDocument)) return pipeline
  throw new CommandError(14, 'A pipeline must be an array of objects')
}

/** @throws CommandError */
export function aggregated(
  { body, server, database }: CommandRequest,
  name: string | undefined,
  pipeline: readonly Document[],
): readonly Document[] {
  const collection = name === undefined ? undefined : server.store.find(database, name)
  checkHint(collection, body)
  const first = Object.keys(pipeline[0] ?? {})[0]
  if (name === undefined && first !== '$documents') {
    throw new CommandError(
      73,
      `{aggregate: 1} is not valid for '${String(first)}'; a collection is required, or $documents`,
    )
  }
  return runPipeline(collection, pipeline, { store: server.store, database, ...engineOptions(body) })
}
