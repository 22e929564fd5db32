import { DIGEST_SORTS, type DigestQuery, type SlowOperation } from '../core/reports.js'
import { AskedQuery, BadQuery } from './asked.js'
import { digestsText } from './digests-text.js'
import { json, lines, longJson, type Reply, text } from './reply.js'
import { SLOW_LOG_IS_OFF, slowOperationText, slowText } from './slow-text.js'
import type { AdminSources } from './sources.js'

const FILTERS = ['cluster', 'database', 'collection', 'command', 'shape'] as const
const FORMATS = ['json', 'text'] as const
const DEFAULT_LIMIT = 100
/** Made in one turn of the loop, a row in some microseconds. */
const MAX_DIGESTS = 2_000
/** All that may be kept. */
const MAX_SLOW = 10_000
/** Nobody reads more in a terminal. */
const MAX_LINES = 1_000
const MAX_ID = Number.MAX_SAFE_INTEGER

type Filters = Omit<DigestQuery, 'sort' | 'limit'>

/** Answers what can't be asked with what can. */
function answer(run: () => Reply): Reply {
  try {
    return run()
  } catch (error) {
    if (error instanceof BadQuery) return text(400, error.message)
    throw error
  }
}

export function digests(sources: AdminSources, params: URLSearchParams): Reply {
  return answer(() => {
    const asked = new AskedQuery(params, ['sort', ...FILTERS, 'limit', 'format'])
    const sort = asked.choice('sort', DIGEST_SORTS, 'total')
    const format = asked.choice('format', FORMATS, 'json')
    const filters = filtersOf(asked)
    const count = asked.count('limit', DEFAULT_LIMIT, MAX_DIGESTS)
    const limit = format === 'text' ? Math.min(count, MAX_LINES) : count
    const report = sources.digests({ ...filters, sort, limit })
    return format === 'text'
      ? lines(digestsText(report, filters.shapeId !== ''))
      : longJson({ sort, ...report }, 'rows', report.rows)
  })
}

export function slow(sources: AdminSources, params: URLSearchParams): Reply {
  return answer(() => {
    const asked = new AskedQuery(params, ['n', 'id', ...FILTERS, 'format'])
    const count = asked.count('n', DEFAULT_LIMIT, MAX_SLOW)
    const id = asked.count('id', 0, MAX_ID)
    const isText = asked.choice('format', FORMATS, 'json') === 'text'
    const limit = isText ? Math.min(count, MAX_LINES) : count
    if (id > 0) return one(sources, id, isText)
    const filters = filtersOf(asked)
    const { operations, ...rest } = sources.slow(MAX_SLOW)
    const report = { ...rest, operations: operations.filter((operation) => fits(operation, filters)).slice(0, limit) }
    return isText ? lines(slowText(report)) : longJson(report, 'operations', report.operations)
  })
}

function one(sources: AdminSources, id: number, isText: boolean): Reply {
  const { isEnabled, operations, total } = sources.slow(MAX_SLOW)
  if (!isEnabled) return text(404, SLOW_LOG_IS_OFF.trimEnd())
  const found = operations.find((operation) => operation.id === id)
  if (found !== undefined) return isText ? lines(slowOperationText(found)) : json(found)
  const range = total === 0 ? 'none so far' : `${operations.at(-1)?.id ?? total} to ${total}`
  return text(404, `Slow operation ${id} is not kept. There are: ${range}`)
}

function filtersOf(asked: AskedQuery): Filters {
  const [cluster, database, collection, command] = ['cluster', 'database', 'collection', 'command'].map((key) =>
    asked.text(key),
  ) as [string, string, string, string]
  return { cluster, database, collection, command, shapeId: asked.shapeId('shape') }
}

function fits(operation: SlowOperation, { cluster, database, collection, command, shapeId }: Filters): boolean {
  return (
    (cluster === '' || operation.cluster === cluster) &&
    (database === '' || operation.database === database) &&
    (collection === '' || operation.collection === collection) &&
    (command === '' || operation.command.toLowerCase() === command.toLowerCase()) &&
    (shapeId === '' || operation.shapeId === shapeId)
  )
}
