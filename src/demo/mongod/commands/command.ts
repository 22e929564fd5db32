import type { Document, Long, ObjectId } from 'bson'
import type { Clock } from '../../../core/clock.js'
import type { Cursors } from '../cursors.js'
import { CommandError } from '../errors.js'
import type { FailPoint } from '../fail-point.js'
import type { Store } from '../store/store.js'
import type { CommandReply } from '../wire/reply.js'

/** What every command of one server shares. */
export interface ServerContext {
  readonly store: Store
  readonly cursors: Cursors
  readonly clock: Clock
  /** Undefined when fail points are switched off: the command is unknown then, as on a mongod without test commands. */
  readonly failPoint: FailPoint | undefined
  /** Names that hello may negotiate, in the server's order. */
  readonly compressors: readonly string[]
  /** Changes with each start, as mongod's does. */
  readonly processId: ObjectId
  readonly startedAtMs: number
  readonly counts: ServerCounts
  /** Undefined for a standalone. */
  readonly membership: Membership | undefined
}

/** Of one server process; the counter goes up with each change that hello tells of. */
export interface TopologyVersion {
  readonly processId: ObjectId
  readonly counter: Long
}

/** What is different for a server that is a member of a replica set. */
export interface Membership {
  readonly topologyVersion: TopologyVersion
  /** Hello's fields about the set and this member's role in it; `flag` is how the writable primary is spelt. */
  describe(flag: 'isWritablePrimary' | 'ismaster'): Document
  /** `run` is called whenever anything in the set may have changed. @returns takes it back */
  watch(run: () => void): () => void
  /** Before a command runs. @throws CommandError when this member can't run it */
  check(request: CommandRequest, command: Command): void
  /** Runs the command as a member does: writes on the primary only, once for each transaction number, replicated as asked. */
  run(request: CommandRequest, command: Command): Promise<CommandReply>
  /** The reply with the times, versions and labels that members add. */
  sign(request: CommandRequest, reply: CommandReply): CommandReply
  /** Answers of replSetGetStatus and replSetGetConfig. */
  status(): Document
  config(): Document
  /** @throws CommandError NotWritablePrimary, or ExceededTimeLimit when nobody can take over and it is not forced */
  handOver(isForced: boolean): void
}

export interface ServerCounts {
  connectionsOpen: number
  connectionsTotal: number
  /** Connections cut because the server itself went wrong. */
  internalFailures: number
  readonly operations: Map<string, number>
}

/** What the server knows of one client connection. */
export interface ClientContext {
  readonly id: number
  readonly peer: string
  /** From the `client` document of the first hello; undefined until then. */
  metadata: Document | undefined
}

export interface CommandRequest {
  /** As the client spelt it. */
  readonly name: string
  readonly database: string
  readonly body: Document
  readonly sequences: ReadonlyMap<string, readonly Uint8Array[]>
  readonly server: ServerContext
  readonly client: ClientContext
  /** Aborts when the connection is closed. */
  readonly closed: AbortSignal
  /** Aborts when the client will send no more, which it may do and still want its answers. */
  readonly left: AbortSignal
}

export interface Command {
  /** First the name, then other spellings. */
  readonly names: readonly [string, ...string[]]
  /** Fields it takes beside the generic ones: any other is refused, so that nothing is ignored silently. */
  readonly fields: readonly string[]
  readonly adminOnly?: boolean
  run(request: CommandRequest): CommandReply | Promise<CommandReply>
}

/** Accepted in every command, used or not. */
export const GENERIC_FIELDS: ReadonlySet<string> = new Set([
  '$db',
  '$readPreference',
  '$clusterTime',
  '$client',
  'lsid',
  'txnNumber',
  'startTransaction',
  'autocommit',
  'readConcern',
  'writeConcern',
  'maxTimeMS',
  'comment',
  'apiVersion',
  'apiStrict',
  'apiDeprecationErrors',
  'clientOperationKey',
  'stmtId',
  'stmtIds',
])

/** The collection in the command's first field. @throws CommandError InvalidNamespace */
export function collectionName(request: CommandRequest, field = request.name): string {
  const name: unknown = request.body[field]
  if (typeof name !== 'string') throw new CommandError(73, `collection name has invalid type ${typeof name}`)
  if (name === '') throw new CommandError(73, `Invalid namespace specified '${request.database}.'`)
  return name
}

/** @throws CommandError TypeMismatch */
export function documentField(body: Document, field: string): Document {
  return optionalDocument(body, field) ?? {}
}

export function optionalDocument(body: Document, field: string): Document | undefined {
  const value: unknown = body[field]
  if (value === undefined || value === null) return undefined
  if (isDocument(value)) return value
  throw new CommandError(14, `BSON field '${field}' is the wrong type '${typeof value}', expected type 'object'`)
}

export function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('_bsontype' in value)
}

/** A count: not negative, whole. @throws CommandError TypeMismatch, or Location51024 for a negative one */
export function countField(body: Document, field: string, otherwise: number): number {
  const value: unknown = body[field]
  if (value === undefined || value === null) return otherwise
  if (typeof value !== 'number') throw new CommandError(14, `BSON field '${field}' must be a number`)
  if (value < 0) throw new CommandError(51024, `BSON field '${field}' value must be >= 0, actual value '${value}'`)
  return Math.trunc(value)
}

export function isTrue(body: Document, field: string): boolean {
  const value: unknown = body[field]
  return value === true || (typeof value === 'number' && value !== 0)
}

/** `let` of the command, for the query engine. */
export function engineOptions(body: Document) {
  const variables = optionalDocument(body, 'let')
  return variables === undefined ? {} : { variables }
}

/** Only the simple collation is implemented; another one would silently compare differently. */
export function checkCollation(body: Document): void {
  const collation = optionalDocument(body, 'collation')
  if (collation !== undefined && collation.locale !== 'simple') {
    throw new CommandError(115, `Only the simple collation is supported here, not '${String(collation.locale)}'`)
  }
}
