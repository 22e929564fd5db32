import type { Document } from 'bson'
import { CommandError } from '../errors.js'
import type { Role } from './set-node.js'

/** `write`: on the primary. `read`: elsewhere too, when the client says so. `any`: everywhere. */
export type Access = 'write' | 'read' | 'any'

const RETRYABLE = new Set(['insert', 'update', 'delete', 'findAndModify', 'bulkWrite'])

const WRITES = new Set([
  ...RETRYABLE,
  'create',
  'drop',
  'dropDatabase',
  'renameCollection',
  'createIndexes',
  'dropIndexes',
])

const READS = new Set([
  'find',
  'count',
  'distinct',
  'aggregate',
  'explain',
  'listCollections',
  'listDatabases',
  'listIndexes',
  'collStats',
  'dbStats',
])

/** `name` is a command's first one. */
export function accessOf(name: string, body: Document): Access {
  if (WRITES.has(name)) return 'write'
  if (!READS.has(name)) return 'any'
  const last: Document = Array.isArray(body.pipeline) ? (body.pipeline.at(-1) ?? {}) : {}
  return name === 'aggregate' && ('$out' in last || '$merge' in last) ? 'write' : 'read'
}

/** @throws CommandError NotWritablePrimary, NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary */
export function checkRole(role: Role, access: Access, body: Document): void {
  if (role === 'primary' || access === 'any') return
  if (access === 'write') throw new CommandError(10107, 'not primary')
  if (role !== 'secondary') throw new CommandError(13436, 'node is not in primary or recovering state')
  const mode: unknown = body.$readPreference?.mode ?? 'primary'
  if (mode === 'primary') throw new CommandError(13435, 'not primary and secondaryOk=false')
  if (body.readConcern?.level === 'linearizable') {
    throw new CommandError(10107, 'cannot satisfy linearizable read concern on non-primary node')
  }
}

/** What a set member has and this server has not is refused in words of its own. @throws CommandError */
export function checkSupport(name: string, body: Document): void {
  const isTransaction = body.startTransaction !== undefined || body.autocommit !== undefined
  if (isTransaction || name === 'commitTransaction' || name === 'abortTransaction') {
    throw new CommandError(20, 'Multi-document transactions are not supported by this server')
  }
  if (body.txnNumber !== undefined && !RETRYABLE.has(name)) {
    throw new CommandError(50768, `A transaction number is not supported by ${name}: it is not a retryable write`)
  }
  const first: Document = Array.isArray(body.pipeline) ? (body.pipeline[0] ?? {}) : {}
  if ('$changeStream' in first) throw new CommandError(115, 'Change streams are not supported by this server')
  const level: unknown = body.readConcern?.level ?? 'local'
  if (level === 'snapshot') throw new CommandError(246, 'Read concern snapshot is not supported by this server')
  if (level !== 'local' && level !== 'available' && level !== 'majority' && level !== 'linearizable') {
    throw new CommandError(9, `readConcern.level '${String(level)}' is not a known level`)
  }
}
