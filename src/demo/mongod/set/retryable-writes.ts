import { Binary, type Document } from 'bson'
import { CommandError } from '../errors.js'
import { type CommandReply, CursorReply } from '../wire/reply.js'

/** Sessions whose last write is remembered. A retry comes within seconds: the oldest go first. */
const MAX_SESSIONS = 10_000

export interface WriteId {
  readonly session: string
  readonly number: bigint
  /** Command and namespace: what a retry must have in common with the first attempt. */
  readonly what: string
}

interface Written {
  readonly id: WriteId
  readonly reply: CommandReply | Promise<CommandReply>
}

/**
 * The last write of each session: the same one again is answered from here and not executed again. The reply is kept whole
 * (mongod keeps it by statement): a statement that failed in the first attempt is not tried again.
 * (Retryable writes specification, "transaction numbers")
 */
export class RetryableWrites {
  readonly #sessions = new Map<string, Written>()

  /** @returns the reply of the first attempt. @throws CommandError TransactionTooOld, Location40606 */
  find(id: WriteId): CommandReply | Promise<CommandReply> | undefined {
    const last = this.#sessions.get(id.session)
    if (last === undefined || last.id.number < id.number) return undefined
    if (last.id.number > id.number) {
      throw new CommandError(
        225,
        `Cannot start transaction ${id.number} on session ${id.session} because a newer transaction ${last.id.number} has already started`,
      )
    }
    if (last.id.what === id.what) return last.reply
    throw new CommandError(40606, `Transaction number ${id.number} was used already, for ${last.id.what}`)
  }

  /** Before anything is awaited, so that a retry on another connection finds it. */
  record(id: WriteId, reply: Written['reply']): void {
    this.#sessions.delete(id.session)
    this.#sessions.set(id.session, { id, reply })
    for (const session of this.#sessions.keys()) {
      if (this.#sessions.size <= MAX_SESSIONS) break
      this.#sessions.delete(session)
    }
  }
}

/** Undefined when the command has no transaction number. @throws CommandError InvalidOptions, for one without a session */
export function writeIdOf(body: Document, what: string): WriteId | undefined {
  const { txnNumber, lsid } = body
  if (txnNumber === undefined) return undefined
  if (!(lsid?.id instanceof Binary)) {
    throw new CommandError(72, 'Transaction number requires a session ID to also be specified')
  }
  return { session: lsid.id.toString('hex'), number: BigInt(String(txnNumber)), what }
}

/** As the first attempt's, and which statements were not executed for it. */
export function replayed(reply: CommandReply, body: Document, statements: number): CommandReply {
  if (reply instanceof CursorReply) return reply
  if (statements === 0) return { ...reply, retriedStmtId: 0 }
  const ids: readonly number[] = Array.isArray(body.stmtIds)
    ? body.stmtIds.map(Number)
    : Array.from({ length: statements }, (_, index) => index + Number(body.stmtId ?? 0))
  const failed = new Set<number>((reply.writeErrors ?? []).map(({ index }: { index: number }) => index))
  const reached = body.ordered !== false && failed.size > 0 ? Math.min(...failed) : statements
  return { ...reply, retriedStmtIds: ids.filter((_, index) => index < reached && !failed.has(index)) }
}
