import type { Document } from 'bson'
import { type Command, type CommandRequest, GENERIC_FIELDS } from './commands/command.js'
import { COMMANDS } from './commands/registry.js'
import { CommandError, errorReply } from './errors.js'
import type { Failure } from './fail-point.js'
import { type CommandReply, CursorReply } from './wire/reply.js'

/** What is known of a command before it runs: for the latency hook. */
export interface CommandSummary {
  readonly name: string
  readonly database: string
  readonly collection: string
  readonly body: Document
}

/** Added before a command runs, in milliseconds: how a demo gets operations that are worth looking at. */
export type Latency = (command: CommandSummary) => number

export type Execution = { readonly kind: 'reply'; readonly reply: CommandReply } | { readonly kind: 'cut' }

/** OP_QUERY is still understood for these, as since MongoDB 5.1. */
const OP_QUERY_COMMANDS = new Set([
  'hello',
  'isMaster',
  'ismaster',
  'buildInfo',
  'buildinfo',
  'saslStart',
  'saslContinue',
])

/**
 * Run one command to its reply; errors are replies. Rejects only when the connection is closed while it waits.
 */
export async function execute(request: CommandRequest, latency: Latency, isOpQuery: boolean): Promise<Execution> {
  const summary = summarize(request)
  const namespace = `${summary.database}.${summary.collection}`
  const application = applicationOf(request)
  const failure = request.server.failPoint?.enter(request.name, namespace, application)
  if (failure !== undefined && failure.blockMs > 0) await request.server.clock.sleep(failure.blockMs, request.closed)
  if (failure?.closesConnection) return { kind: 'cut' }
  const reply =
    failure?.errorCode === undefined
      ? withFailure(await answer(request, summary, latency, isOpQuery), failure)
      : failedReply(failure.errorCode, failure)
  return { kind: 'reply', reply: request.server.membership?.sign(request, reply) ?? reply }
}

async function answer(
  request: CommandRequest,
  summary: CommandSummary,
  latency: Latency,
  isOpQuery: boolean,
): Promise<CommandReply> {
  try {
    const command = checked(request, isOpQuery)
    const delayMs = latency(summary)
    if (delayMs > 0) await delay(request, delayMs)
    return await (request.server.membership?.run(request, command) ?? command.run(request))
  } catch (error) {
    if (request.closed.aborted) throw error
    return errorReply(error)
  }
}

/** @throws CommandError MaxTimeMSExpired, after that time, when the delay is longer than the client allows */
async function delay({ server, body, closed }: CommandRequest, delayMs: number): Promise<void> {
  const maxTimeMs = typeof body.maxTimeMS === 'number' && body.maxTimeMS > 0 ? body.maxTimeMS : Number.POSITIVE_INFINITY
  await server.clock.sleep(Math.min(delayMs, maxTimeMs), closed)
  if (delayMs > maxTimeMs) throw new CommandError(50, 'operation exceeded time limit')
}

/** @throws CommandError for all that is wrong with a command before its own fields are looked at */
function checked(request: CommandRequest, isOpQuery: boolean): Command {
  const { name, database, body } = request
  const command = COMMANDS.get(name)
  if (isOpQuery && !OP_QUERY_COMMANDS.has(name)) {
    throw new CommandError(352, `Unsupported OP_QUERY command: ${name}. The client driver may require an upgrade.`)
  }
  if (command === undefined) throw new CommandError(59, `no such command: '${name}'`)
  if (typeof body.$db !== 'string') throw new CommandError(40571, 'OP_MSG requests require a $db argument')
  if (command.adminOnly && database !== 'admin') {
    throw new CommandError(13, `${name} may only be run against the admin database.`)
  }
  const { membership } = request.server
  if (membership === undefined) checkTransaction(body, command)
  checkFields(request, command)
  checkApiVersion(body)
  if (membership === undefined) {
    checkReadConcern(body)
    checkWriteConcern(body)
  } else {
    membership.check(request, command)
  }
  return command
}

function checkTransaction(body: Document, command: Command): void {
  if (command.fields.includes('txnNumber')) return
  if (body.txnNumber !== undefined || body.startTransaction !== undefined || body.autocommit !== undefined) {
    throw new CommandError(20, 'Transaction numbers are only allowed on a replica set member or mongos')
  }
}

function checkFields({ name, body, sequences }: CommandRequest, command: Command): void {
  for (const field of [...Object.keys(body), ...sequences.keys()]) {
    const isKnown = field === name || GENERIC_FIELDS.has(field) || command.fields.includes(field)
    if (isKnown || body[field] === null || body[field] === false) continue
    throw new CommandError(40415, `BSON field '${name}.${field}' is an unknown field, or one this server lacks.`)
  }
}

function checkApiVersion(body: Document): void {
  if (body.apiVersion === undefined) return
  if (body.apiVersion !== '1') throw new CommandError(322, `API version must be "1", not "${String(body.apiVersion)}"`)
}

const READ_CONCERNS = new Set(['local', 'available', 'majority'])

function checkReadConcern({ readConcern }: Document): void {
  const level: unknown = readConcern?.level ?? 'local'
  if (level === 'linearizable' || level === 'snapshot') {
    throw new CommandError(123, `node needs to be a replica set member to use readConcern level ${level}`)
  }
  if (typeof level !== 'string' || !READ_CONCERNS.has(level)) {
    throw new CommandError(9, `readConcern.level '${String(level)}' is not a known level`)
  }
}

function checkWriteConcern({ writeConcern }: Document): void {
  const w: unknown = writeConcern?.w ?? 1
  if (typeof w === 'number' && w > 1) throw new CommandError(2, "cannot use 'w' > 1 when a host is not replicated")
  if (typeof w === 'number' || w === 'majority') return
  throw new CommandError(79, `No write concern mode named '${String(w)}' found`)
}

export function summarize({ name, database, body }: CommandRequest): CommandSummary {
  const value: unknown = name === 'getMore' ? body.collection : body[name]
  return { name, database, collection: typeof value === 'string' ? value : '', body }
}

function applicationOf({ client, body }: CommandRequest): string {
  const metadata: unknown = client.metadata ?? body.client
  const named = metadata as { application?: { name?: unknown } } | undefined
  const name = named?.application?.name
  return typeof name === 'string' ? name : ''
}

function failedReply(errorCode: number, failure: Failure): Document {
  const reply = errorReply(new CommandError(errorCode, "Failing command via 'failCommand' failpoint"))
  const labelled = failure.errorLabels === undefined ? reply : { ...reply, errorLabels: failure.errorLabels }
  return failure.writeConcernError === undefined
    ? labelled
    : { ...labelled, writeConcernError: failure.writeConcernError }
}

function withFailure(reply: CommandReply, failure: Failure | undefined): CommandReply {
  if (failure?.writeConcernError === undefined || reply instanceof CursorReply) return reply
  const labels = failure.errorLabels === undefined ? {} : { errorLabels: failure.errorLabels }
  return { ...reply, writeConcernError: failure.writeConcernError, ...labels }
}
