import { OTHER } from '../../core/exchange.js'
import { type CommandReply, CursorReply } from './wire/reply.js'

const MAX_ROWS = 10_000

export type SeenOutcome =
  | 'ok'
  | 'command_error'
  | 'write_error'
  | 'write_concern_error'
  | 'unacknowledged'
  /** The fail point closed the connection instead of answering. */
  | 'cut'

/** How many commands of one kind the server answered: what a test compares a proxy's counters with. */
export interface SeenCommands {
  readonly command: string
  readonly database: string
  readonly collection: string
  readonly outcome: SeenOutcome
  count: number
}

/** Counts every command where it ends. Batches of an exhaust stream count one each, as mongod runs a getMore for each. */
export class Tally {
  readonly #rows = new Map<string, SeenCommands>()

  count(command: string, database: string, collection: string, outcome: SeenOutcome): void {
    const key = `${command}\0${database}\0${collection}\0${outcome}`
    const row = this.#rows.get(key)
    // Names come from clients: past the bound they are one row.
    if (row === undefined && this.#rows.size >= MAX_ROWS && command !== OTHER) this.count(OTHER, OTHER, OTHER, outcome)
    else if (row === undefined) this.#rows.set(key, { command, database, collection, outcome, count: 1 })
    else row.count++
  }

  byCommand(): Readonly<Record<string, number>> {
    const counts = new Map<string, number>()
    for (const row of this.#rows.values()) counts.set(row.command, (counts.get(row.command) ?? 0) + row.count)
    return Object.fromEntries(counts)
  }

  rows(): readonly SeenCommands[] {
    return [...this.#rows.values()].map((row) => ({ ...row }))
  }
}

export function outcomeOf(reply: CommandReply): SeenOutcome {
  if (reply instanceof CursorReply) return reply.extra.nErrors > 0 ? 'write_error' : 'ok'
  if (reply.ok !== 1) return 'command_error'
  if (Array.isArray(reply.writeErrors) && reply.writeErrors.length > 0) return 'write_error'
  return reply.writeConcernError === undefined ? 'ok' : 'write_concern_error'
}
