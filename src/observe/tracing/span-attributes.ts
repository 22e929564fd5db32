import { isIP } from 'node:net'
import type { Attributes } from '@opentelemetry/api'
import {
  ATTR_DB_COLLECTION_NAME,
  ATTR_DB_NAMESPACE,
  ATTR_DB_OPERATION_BATCH_SIZE,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_QUERY_SUMMARY,
  ATTR_DB_QUERY_TEXT,
  ATTR_DB_RESPONSE_STATUS_CODE,
  ATTR_DB_SYSTEM_NAME,
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_REQUEST_RESEND_COUNT,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_NETWORK_PEER_ADDRESS,
  ATTR_NETWORK_PEER_PORT,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
} from '@opentelemetry/semantic-conventions'
import type { Exchange } from '../../core/exchange.js'
import type { TableUse } from '../../core/table-use.js'
import type { Host } from '../../core/upstream.js'
import { HTTP } from '../http-responses.js'
import { isFailed, type SampledBy } from './sampler.js'

// Not stable yet: their entry point warns against being imported, and these strings are what it has.
const ATTR_DB_RESPONSE_RETURNED_ROWS = 'db.response.returned_rows'
const ATTR_AWS_DYNAMODB_TABLE_NAMES = 'aws.dynamodb.table_names'
const ATTR_AWS_DYNAMODB_CONSUMED_CAPACITY = 'aws.dynamodb.consumed_capacity'
const ATTR_AWS_DYNAMODB_COUNT = 'aws.dynamodb.count'
const ATTR_AWS_DYNAMODB_SCANNED_COUNT = 'aws.dynamodb.scanned_count'
const ATTR_AWS_DYNAMODB_INDEX_NAME = 'aws.dynamodb.index_name'
/** Of the drivers' own specification of spans. */
const ATTR_DB_MONGODB_CURSOR_ID = 'db.mongodb.cursor_id'

/** As the conventions bound `db.query.summary`, without a cut name. */
const MAX_SUMMARY = 255
/** Table names of a transaction or batch that are listed. */
const MAX_TABLES = 25

/** `find orders`, `listCollections shop`, `TransactWriteItems orders stock`: what the span is called. */
export function summaryOf({ operation, tables }: Exchange): string {
  const { command, collection, database } = operation
  let summary = command
  const targets = collection !== '' || database !== '' ? [collection || database] : namesOf(tables)
  for (const target of targets) {
    if (summary.length + 1 + target.length > MAX_SUMMARY) break
    summary += ` ${target}`
  }
  return summary
}

/**
 * By OpenTelemetry's conventions for databases, and of our own under `oplens.`. Neither the comment nor an error's message is in
 * there, and values only where the operator wants them shown: `exchange.values` is absent everywhere else.
 * @param isRedacted whether values under a field of this name stay hidden even then
 */
export function attributesOf(
  exchange: Exchange,
  summary: string,
  sampledBy: SampledBy,
  isRedacted: (field: string) => boolean,
): Attributes {
  const attributes: Attributes = {}
  if (exchange.operation.protocol === HTTP) attributes[ATTR_HTTP_REQUEST_METHOD] = exchange.operation.command
  else addDatabase(attributes, exchange, summary, isRedacted)
  addOutcome(attributes, exchange)
  const { host } = exchange
  if (host !== undefined) Object.assign(attributes, serverOf(host))
  addOwn(attributes, exchange, sampledBy)
  return attributes
}

function addDatabase(
  attributes: Attributes,
  exchange: Exchange,
  summary: string,
  isRedacted: (field: string) => boolean,
): void {
  const { operation, shape, values, tables } = exchange
  attributes[ATTR_DB_SYSTEM_NAME] = operation.protocol
  attributes[ATTR_DB_OPERATION_NAME] = operation.command
  attributes[ATTR_DB_QUERY_SUMMARY] = summary
  if (operation.database !== '') attributes[ATTR_DB_NAMESPACE] = operation.database
  if (operation.collection !== '') attributes[ATTR_DB_COLLECTION_NAME] = operation.collection
  const text = values?.text(isRedacted) || shape?.text || ''
  if (text !== '') attributes[ATTR_DB_QUERY_TEXT] = text
  const batchSize = exchange.batchSize || itemsOf(tables)
  // Only then it is a batch. (attribute `db.operation.batch.size`)
  if (batchSize >= 2) attributes[ATTR_DB_OPERATION_BATCH_SIZE] = batchSize
  if (operation.kind === 'read' && !isFailed(exchange)) attributes[ATTR_DB_RESPONSE_RETURNED_ROWS] = exchange.documents
  const cursorId = cursorIdOf(exchange)
  if (cursorId !== '') attributes[ATTR_DB_MONGODB_CURSOR_ID] = cursorId
  if (tables.length !== 0) addTables(attributes, exchange)
}

function addTables(attributes: Attributes, { tables, affected, scanned }: Exchange): void {
  attributes[ATTR_AWS_DYNAMODB_TABLE_NAMES] = namesOf(tables)
  const capacities = tables.filter(({ readUnits, writeUnits }) => readUnits + writeUnits > 0).map(capacityText)
  if (capacities.length !== 0) attributes[ATTR_AWS_DYNAMODB_CONSUMED_CAPACITY] = capacities.slice(0, MAX_TABLES)
  const index = tables.find(({ index }) => index !== '')?.index
  if (index !== undefined) attributes[ATTR_AWS_DYNAMODB_INDEX_NAME] = index
  if (affected >= 0) attributes[ATTR_AWS_DYNAMODB_COUNT] = affected
  if (scanned >= 0) attributes[ATTR_AWS_DYNAMODB_SCANNED_COUNT] = scanned
}

/** JSON in the words of DynamoDB's ConsumedCapacity, as far as it is known. */
function capacityText({ table, index, readUnits, writeUnits }: TableUse): string {
  return JSON.stringify({
    TableName: table,
    ...(index === '' ? {} : { IndexName: index }),
    CapacityUnits: readUnits + writeUnits,
    ...(readUnits === 0 ? {} : { ReadCapacityUnits: readUnits }),
    ...(writeUnits === 0 ? {} : { WriteCapacityUnits: writeUnits }),
  })
}

/** An error is named by its code; DynamoDB's by its exception, and everything that never got an answer by how it ended. */
function addOutcome(attributes: Attributes, exchange: Exchange): void {
  const { operation, outcome, status, attempt } = exchange
  if (status !== 0) attributes[ATTR_HTTP_RESPONSE_STATUS_CODE] = status
  if (attempt > 1) attributes[ATTR_HTTP_REQUEST_RESEND_COUNT] = attempt - 1
  if (outcome === undefined) return
  attributes['oplens.outcome'] = outcome.kind
  if (!isFailed(exchange)) return
  const isNamed = outcome.codeName !== '' && status !== 0
  const code = isNamed ? outcome.codeName : outcome.code === 0 ? '' : String(outcome.code)
  if (code !== '' && operation.protocol !== HTTP) attributes[ATTR_DB_RESPONSE_STATUS_CODE] = code
  attributes[ATTR_ERROR_TYPE] = code === '' ? outcome.kind : code
  if (outcome.codeName !== '') attributes['oplens.error_name'] = outcome.codeName
  if (outcome.by !== '') attributes['oplens.ended_by'] = outcome.by
}

function addOwn(attributes: Attributes, exchange: Exchange, sampledBy: SampledBy): void {
  const { connection, shape } = exchange
  attributes['oplens.sampled_by'] = sampledBy
  attributes['oplens.cluster'] = connection.cluster
  attributes['oplens.listener'] = connection.listener
  attributes['oplens.request_bytes'] = exchange.requestBytes
  attributes['oplens.reply_bytes'] = exchange.replyBytes
  if (connection.application !== '') attributes['oplens.application'] = connection.application
  if (shape === undefined) return
  attributes['oplens.shape_id'] = shape.id
  // Of a getMore: what opened its cursor.
  if (shape.command !== exchange.operation.command) attributes['oplens.shape_command'] = shape.command
}

/** Of each host once: made of text. */
const servers = new WeakMap<Host, Attributes>()

/** Whom the client meant, a member by its own name; and where oplens went for it. */
function serverOf(host: Host): Attributes {
  const known = servers.get(host)
  if (known !== undefined) return known
  const made = host.address.kind === 'unix' ? socketOf(host.address.path) : memberOf(host, host.address)
  servers.set(host, made)
  return made
}

const socketOf = (path: string): Attributes => ({ [ATTR_SERVER_ADDRESS]: path, [ATTR_NETWORK_PEER_ADDRESS]: path })

function memberOf({ name, hostname }: Host, address: { readonly host: string; readonly port: number }): Attributes {
  const named = /^\[?(?<host>[^\]]+?)\]?:(?<port>\d{1,5})$/.exec(name)?.groups
  const made: Attributes = { [ATTR_SERVER_ADDRESS]: hostname || named?.host || name }
  if (named?.port !== undefined) made[ATTR_SERVER_PORT] = Number(named.port)
  // A name that Node resolves for itself is not known as an address here.
  if (isIP(address.host) === 0) return made
  made[ATTR_NETWORK_PEER_ADDRESS] = address.host
  made[ATTR_NETWORK_PEER_PORT] = address.port
  return made
}

function namesOf(tables: readonly TableUse[]): string[] {
  return [...new Set(tables.map(({ table }) => table))].slice(0, MAX_TABLES)
}

const itemsOf = (tables: readonly TableUse[]): number => tables.reduce((sum, { items }) => sum + items, 0)

/** As decimal text: attributes have no 64-bit integers in JavaScript. */
function cursorIdOf({ cursorIdLow, cursorIdHigh }: Exchange): string {
  if (cursorIdLow === 0 && cursorIdHigh === 0) return ''
  return ((BigInt(cursorIdHigh) << 32n) | BigInt(cursorIdLow >>> 0)).toString()
}
