import type { CommandFailedEvent, CommandStartedEvent, CommandSucceededEvent, MongoClient } from 'mongodb'
import { command as known } from '../../src/codecs/mongodb/commands.js'
import type { Sample } from './proxy.js'

/** Handshake, authentication, and one whose reply drivers do not wait for: left out on both sides. */
const SET_ASIDE = new Set(['hello', 'isMaster', 'ismaster', 'saslStart', 'saslContinue', 'endSessions'])

/**
 * What the official driver says it did, counted by `command database.collection outcome`: the truth that oplens' counters must
 * equal. Built from the driver's command-monitoring events alone; the client must have `monitorCommands: true`.
 */
export class DriverTruth {
  readonly counts = new Map<string, number>()
  readonly #started = new Map<number, CommandStartedEvent>()

  watch(client: MongoClient): void {
    client.on('commandStarted', (event) => this.#started.set(event.requestId, event))
    client.on('commandSucceeded', (event) => this.#ended(event, (request) => succeeded(event, request)))
    client.on('commandFailed', (event) => this.#ended(event, () => failed(event)))
  }

  #ended(event: CommandSucceededEvent | CommandFailedEvent, outcome: (request: Document) => string): void {
    const started = this.#started.get(event.requestId)
    if (started === undefined) throw new Error('An event without its start')
    this.#started.delete(event.requestId)
    if (SET_ASIDE.has(event.commandName)) return
    const key = `${known(event.commandName).name} ${namespace(started)} ${outcome(started.command as Document)}`
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1)
  }

  /**
   * `command database.collection` of each that began and has no end: the driver (7.9) stops listening to a server that left the
   * topology, and tells no end of what was under way there.
   */
  get unended(): string[] {
    const open = [...this.#started.values()].filter(({ commandName }) => !SET_ASIDE.has(commandName))
    return open.map((event) => `${known(event.commandName).name} ${namespace(event)}`)
  }

  get sorted(): string[] {
    return [...this.counts].map(([key, count]) => `${key} = ${count}`).sort()
  }
}

type Document = Record<string, unknown>

function namespace({ commandName, command, databaseName }: CommandStartedEvent): string {
  const first = (command as Document)[commandName]
  if (commandName === 'getMore') return `${databaseName}.${collectionOf((command as Document).collection)}`
  if (commandName === 'explain') return `${databaseName}.${String(Object.values(first as Document)[0])}`
  return `${databaseName}.${known(commandName).target === 'value' ? collectionOf(first) : ''}`
}

const collectionOf = (value: unknown) => (typeof value === 'string' && !value.startsWith('$cmd') ? value : '')

function succeeded(event: CommandSucceededEvent, request: Document): string {
  const reply = event.reply as Document | undefined
  if ((request.writeConcern as Document | undefined)?.w === 0) return 'unacknowledged'
  if (Array.isArray(reply?.writeErrors) && reply.writeErrors.length > 0) return 'write_error'
  return reply?.writeConcernError === undefined ? 'ok' : 'write_concern_error'
}

/** An error of the server has its code; anything else means that no reply came. */
function failed(event: CommandFailedEvent): string {
  return 'code' in event.failure && event.failure.constructor.name === 'MongoServerError' ? 'command_error' : 'aborted'
}

/** oplens' side of the comparison, from a scrape. */
export function counted(samples: readonly Sample[]): string[] {
  const counts = new Map<string, number>()
  for (const { name, labels, value } of samples) {
    const outcome = outcomeOf(name, labels)
    if (outcome === undefined || value === 0 || SET_ASIDE.has(labels.db_operation_name ?? '')) continue
    const key = `${labels.db_operation_name} ${labels.db_namespace}.${labels.db_collection_name} ${outcome}`
    counts.set(key, (counts.get(key) ?? 0) + value)
  }
  return [...counts].map(([key, count]) => `${key} = ${count}`).sort()
}

function outcomeOf(name: string, labels: Record<string, string>): string | undefined {
  switch (name) {
    case 'db_client_operation_duration_seconds_count':
    case 'oplens_awaited_operation_duration_seconds_count':
      return labels.outcome
    case 'oplens_unacknowledged_operations_total':
      return 'unacknowledged'
    default:
      return undefined
  }
}

/**
 * Differences that neither dying connections nor removed servers explain: whatever the driver had answered was answered through
 * oplens; whatever oplens saw was asked by the driver. In between are requests that died before oplens and replies after it.
 */
export function miscounts(samples: readonly Sample[], truth: DriverTruth): string[] {
  const seen = countsOf(counted(samples))
  const missing = [...truth.counts].filter(([key, n]) => !key.endsWith(' aborted') && (seen.get(key) ?? 0) < n)
  const asked = byOperation(truth.counts)
  for (const name of truth.unended) asked.set(name, (asked.get(name) ?? 0) + 1)
  const invented = [...byOperation(seen)].filter(([name, n]) => (asked.get(name) ?? 0) < n)
  return [...missing.map(([key]) => `missing: ${key}`), ...invented.map(([name]) => `invented: ${name}`)]
}

const countsOf = (lines: readonly string[]) =>
  new Map(lines.map((line) => line.split(' = ')).map(([key = '', count]) => [key, Number(count)]))

/** Outcomes added up. */
function byOperation(counts: ReadonlyMap<string, number>): Map<string, number> {
  const sums = new Map<string, number>()
  for (const [key, count] of counts) {
    const name = key.slice(0, key.lastIndexOf(' '))
    sums.set(name, (sums.get(name) ?? 0) + count)
  }
  return sums
}
