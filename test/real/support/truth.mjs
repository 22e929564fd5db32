// What a driver says about its own run: command-monitoring events, made into the records that oplens must agree with.
// Independent of src/: works on documents that the drivers decoded.
import { EJSON } from 'bson'

/** Commands that are compared apart: handshake, authentication, and one whose reply drivers do not wait for. */
export const SET_ASIDE = new Set(['hello', 'isMaster', 'ismaster', 'saslStart', 'saslContinue', 'endSessions'])

/** Commands of the workloads whose first value is a collection's name. */
const NAMES_COLLECTION = new Set([
  ...[
    'find',
    'getMore',
    'insert',
    'update',
    'delete',
    'aggregate',
    'count',
    'distinct',
    'findAndModify',
    'killCursors',
  ],
  ...['create', 'createIndexes', 'listIndexes', 'dropIndexes', 'drop'],
])

const BATCH_FIELDS = ['documents', 'updates', 'deletes', 'ops']

/**
 * @typedef {object} Operation
 * @property {string} command
 * @property {string} database
 * @property {string} collection
 * @property {string} outcome
 * @property {number} [code]
 * @property {number} [documents]
 * @property {number} [batchSize]
 * @property {boolean} [cursorOpen]
 * @property {boolean} [awaited]
 */

/**
 * @typedef {object} Members what the driver met of the set, as `host:port`
 * @property {Set<string>} dialled where it opened connections
 * @property {Set<string>} told what hellos named
 * @property {Set<string>} listed servers of its description of the topology, at any time
 * @property {string[]} servers those at the end
 */

/**
 * @param {string} output lines of canonical Extended JSON that a workload printed
 * @returns {{operations: Operation[], heartbeats: {awaited: number, plain: number}, members: Members, isDone: boolean}}
 *   operations in order of completion
 */
export function readEvents(output) {
  const open = new Map()
  const awaitedCursors = new Set()
  const heartbeats = { awaited: 0, plain: 0 }
  const operations = []
  const members = { dialled: new Set(), told: new Set(), listed: new Set(), servers: [] }
  let isDone = false
  for (const line of output.split('\n')) {
    if (line === '') continue
    const event = EJSON.parse(line, { relaxed: false, useBigInt64: true })
    if (event.event === 'started') {
      const queue = open.get(event.id) ?? []
      queue.push(event)
      open.set(event.id, queue)
    } else if (event.event === 'succeeded' || event.event === 'failed') {
      const started = open.get(event.id)?.shift()
      if (started === undefined) throw new Error(`an end without a start: ${line}`)
      const operation = toOperation(started, event, awaitedCursors)
      if (!SET_ASIDE.has(operation.command)) operations.push(operation)
    } else if (event.event === 'heartbeat') {
      heartbeats[event.awaited ? 'awaited' : 'plain'] += 1
      addTold(members.told, event.hello)
    } else if (event.event === 'told') {
      addTold(members.told, event.hello)
    } else if (event.event === 'dialled') {
      members.dialled.add(event.address)
    } else if (event.event === 'topology') {
      for (const address of event.servers) members.listed.add(address)
    } else if (event.event === 'done') {
      isDone = true
      members.servers = event.servers ?? []
    }
  }
  for (const [id, queue] of open) {
    if (queue.some((started) => !SET_ASIDE.has(commandOf(started)))) throw new Error(`a start without an end: ${id}`)
  }
  return { operations, heartbeats, members, isDone }
}

function addTold(told, hello = {}) {
  for (const names of Object.values(hello)) for (const name of [names ?? []].flat()) told.add(name)
}

const commandOf = (started) => started.name ?? Object.keys(started.command)[0] ?? ''

function toOperation(started, ended, awaitedCursors) {
  const { command: request, database } = started
  const command = commandOf(started)
  const operation = { command, ...targetOf(command, request, database), ...outcomeOf(request, ended) }
  const batch = BATCH_FIELDS.map((field) => request[field]).find(Array.isArray)
  if (batch !== undefined) operation.batchSize = batch.length
  if (command === 'getMore' && awaitedCursors.has(String(request.getMore))) operation.awaited = true
  if (command === 'findAndModify' && ended.reply !== undefined) operation.documents = ended.reply.value === null ? 0 : 1
  const cursor = ended.reply?.cursor
  if (cursor === undefined) return operation
  const documents = cursor.firstBatch ?? cursor.nextBatch
  if (Array.isArray(documents)) operation.documents = documents.length
  if (Number(cursor.id ?? 0) !== 0) {
    operation.cursorOpen = true
    if (isAwaiting(command, request)) awaitedCursors.add(String(cursor.id))
  }
  return operation
}

function isAwaiting(command, request) {
  if (command === 'find') return request.tailable === true && request.awaitData === true
  return command === 'aggregate' && request.pipeline?.[0]?.$changeStream !== undefined
}

/** What an operation is about: commands that run on `admin` and name a full namespace count as that namespace. */
function targetOf(command, request, database) {
  if (command === 'renameCollection') return fullNamespace(request.renameCollection)
  if (command === 'bulkWrite' && request.nsInfo.length === 1) return fullNamespace(request.nsInfo[0].ns)
  const value = command === 'getMore' ? request.collection : request[command]
  return { database, collection: typeof value === 'string' && NAMES_COLLECTION.has(command) ? value : '' }
}

function fullNamespace(text) {
  const dot = text.indexOf('.')
  return { database: text.slice(0, dot), collection: text.slice(dot + 1) }
}

function outcomeOf(request, ended) {
  if (ended.event === 'failed') {
    return ended.isReply ? { outcome: 'command_error', code: Number(ended.code) } : { outcome: 'aborted' }
  }
  if (request.writeConcern !== undefined && Number(request.writeConcern.w) === 0) return { outcome: 'unacknowledged' }
  const { writeErrors, writeConcernError } = ended.reply
  if (Array.isArray(writeErrors) && writeErrors.length > 0) {
    return { outcome: 'write_error', code: Number(writeErrors[0].code) }
  }
  if (writeConcernError !== undefined) return { outcome: 'write_concern_error', code: Number(writeConcernError.code) }
  return { outcome: 'ok' }
}

/**
 * @param {Operation[]} operations
 * @returns {Map<string, number>} how often each (command, database, collection, outcome), as `command database collection outcome`
 */
export function countOperations(operations) {
  const counts = new Map()
  for (const { command, database, collection, outcome } of operations) {
    const key = `${command} ${database} ${collection} ${outcome}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}
