import { isoTime } from '../../core/clock.js'
import type { SlowOperation } from '../../core/reports.js'
import { commandDocument } from './command-document.js'

/** mongod's own id of its slow query line. */
const LINE_ID = 51_803
const MONGODB = 'mongodb'
const GET_MORE = 'getMore'
/** Commands that open a cursor: when none is left open, their reply was all there is. */
const OPEN_CURSORS: ReadonlySet<string> = new Set(['find', 'aggregate', 'listCollections', 'listIndexes'])

/** Members of a JSON object in their order. What there is nothing to say of is left out. */
class Members {
  #text = ''

  text(name: string, value: string): this {
    return value === '' ? this : this.raw(name, JSON.stringify(value))
  }

  /** Negative: unknown. */
  count(name: string, value: number): this {
    return value < 0 ? this : this.raw(name, String(value))
  }

  ms(name: string, value: number): this {
    return value < 0 ? this : this.raw(name, String(Math.round(value * 1_000) / 1_000))
  }

  /** JSON; '' leaves it out. */
  raw(name: string, json: string): this {
    if (json !== '') this.#text += `${this.#text === '' ? '' : ','}"${name}":${json}`
    return this
  }

  get json(): string {
    return `{${this.#text}}`
  }
}

/**
 * One line as mongod's own log has it ("Slow query", component COMMAND), its attributes in the server's order, and with what only a
 * proxy knows under `oplens`, before `durationMillis`, which the server has last. Other protocols use the same envelope.
 */
export function slowLine(operation: SlowOperation): string {
  const { atMs, durationMs, connectionId } = operation
  const time = isoTime(Math.round(atMs + durationMs)).replace('Z', '+00:00')
  const head = `{"t":{"$date":"${time}"},"s":"I","c":"COMMAND","id":${LINE_ID},"ctx":"conn${connectionId}","msg":"Slow query"`
  return `${head},"attr":${attributes(operation)}}\n`
}

function attributes(operation: SlowOperation): string {
  const members = new Members()
    .text('type', 'command')
    .text('ns', namespaceOf(operation))
    .text('appName', operation.application)
    .raw('command', commandOf(operation))
    .raw('originatingCommand', originatingCommandOf(operation))
    .raw('cursorid', operation.cursorId)
  addCounts(members, operation)
  addError(members, operation)
  return members
    .count('reslen', operation.replyBytes)
    .text('remote', operation.peer)
    .raw('oplens', ownOf(operation))
    .count('durationMillis', Math.round(operation.durationMs)).json
}

/** A command on no collection is on `$cmd`, as the server has it. Databases without namespaces have the collection alone. */
function namespaceOf({ database, collection }: SlowOperation): string {
  return database === '' ? collection : `${database}.${collection === '' ? '$cmd' : collection}`
}

function commandOf(operation: SlowOperation): string {
  const { command, database, collection, cursorId, shape, values } = operation
  if (command === GET_MORE && cursorId !== '') {
    const db = new Members().raw(GET_MORE, cursorId).text('collection', collection).text('$db', database)
    return db.json
  }
  return commandDocument({ command, database, collection, text: values === '' ? shape : values })
}

function originatingCommandOf({ originatingCommand: command, database, collection, shape }: SlowOperation): string {
  return command === '' ? '' : commandDocument({ command, database, collection, text: shape })
}

/** What the reply said, by the name that the server has for it. */
function addCounts(
  members: Members,
  { protocol, command, outcome, cursorId, documents, affected, modified }: SlowOperation,
) {
  if (protocol !== MONGODB) {
    members.count('nreturned', documents === 0 ? -1 : documents)
    return
  }
  members
    .count('nMatched', command === 'update' ? affected : -1)
    .count('nModified', command === 'update' ? modified : -1)
    .count('ninserted', command === 'insert' ? affected : -1)
    .count('ndeleted', command === 'delete' ? affected : -1)
  const opensCursor = OPEN_CURSORS.has(command)
  if (opensCursor && outcome === 'ok' && cursorId === '') members.raw('cursorExhausted', 'true')
  const returns = outcome === 'ok' && (opensCursor || command === GET_MORE)
  members.count('nreturned', returns || documents > 0 ? documents : -1)
}

/** Code and name; the server's message may hold values. */
function addError(members: Members, { outcome, code, codeName }: SlowOperation): void {
  if (outcome === 'write_concern_error') {
    members.raw('writeConcernError', new Members().count('code', code).text('codeName', codeName).json)
    return
  }
  if (outcome === 'command_error' || outcome === 'refused') members.raw('ok', '0')
  if (code !== 0) members.text('errName', codeName).count('errCode', code)
}

function ownOf(operation: SlowOperation): string {
  const { command, values, connectMs } = operation
  return new Members()
    .text('protocol', operation.protocol)
    .text('cluster', operation.cluster)
    .text('listener', operation.listener)
    .text('member', operation.host)
    .text('shape_id', operation.shapeId)
    .text('outcome', operation.outcome)
    .ms('duration_ms', operation.durationMs)
    .ms('first_byte_ms', operation.firstReplyMs)
    .ms('connect_ms', connectMs)
    .ms('threshold_ms', operation.thresholdMs)
    .count('request_bytes', operation.requestBytes)
    .count('documents_sent', operation.batchSize === 0 ? -1 : operation.batchSize)
    .text('driver', operation.driver)
    .text('values', command === GET_MORE ? values : '')
    .text('trace_id', operation.traceId)
    .text('span_id', operation.spanId).json
}
