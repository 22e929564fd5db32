import type { CommandFailedEvent, CommandStartedEvent, CommandSucceededEvent, Document, MongoClient } from 'mongodb'
import type { OutcomeKind } from '../../core/outcome.js'

/** What the driver itself says it did: one row for each command, collection and outcome. */
export interface WorkloadRow {
  readonly command: string
  readonly database: string
  readonly collection: string
  readonly outcome: OutcomeKind
  count: number
}

interface Started {
  readonly command: string
  readonly database: string
  readonly collection: string
  readonly isUnacknowledged: boolean
}

/** Counts by command-monitoring events, which the driver raises for every command but its handshakes. */
export class DriverTally {
  readonly #started = new Map<number, Started>()
  readonly #rows = new Map<string, WorkloadRow>()
  #total = 0

  /** The client must have been made with `monitorCommands: true`. */
  watch(client: MongoClient): void {
    client.on('commandStarted', (event) => this.#start(event))
    client.on('commandSucceeded', (event) => this.#succeed(event))
    client.on('commandFailed', (event) => this.#fail(event))
  }

  get total(): number {
    return this.#total
  }

  rows(): readonly WorkloadRow[] {
    return [...this.#rows.values()].map((row) => ({ ...row }))
  }

  #start({ requestId, commandName, databaseName, command }: CommandStartedEvent): void {
    const named: unknown = commandName === 'getMore' ? command.collection : command[commandName]
    this.#started.set(requestId, {
      command: commandName,
      database: databaseName,
      collection: typeof named === 'string' ? named : '',
      isUnacknowledged: command.writeConcern?.w === 0,
    })
  }

  #succeed({ requestId, reply }: CommandSucceededEvent): void {
    this.#finish(requestId, (started) => (started.isUnacknowledged ? 'unacknowledged' : outcomeOf(reply)))
  }

  #fail({ requestId, failure }: CommandFailedEvent): void {
    // Without a code from the server the connection broke.
    this.#finish(requestId, () => ('code' in failure && typeof failure.code === 'number' ? 'command_error' : 'aborted'))
  }

  #finish(requestId: number, decide: (started: Started) => OutcomeKind): void {
    const started = this.#started.get(requestId)
    if (started === undefined) return
    this.#started.delete(requestId)
    this.#total++
    const { command, database, collection } = started
    const outcome = decide(started)
    const key = `${command}\0${database}\0${collection}\0${outcome}`
    const row = this.#rows.get(key)
    if (row === undefined) this.#rows.set(key, { command, database, collection, outcome, count: 1 })
    else row.count++
  }
}

function outcomeOf(reply: unknown): OutcomeKind {
  const { writeErrors, writeConcernError } = (reply ?? {}) as Document
  if (Array.isArray(writeErrors) && writeErrors.length > 0) return 'write_error'
  return writeConcernError === undefined ? 'ok' : 'write_concern_error'
}
