import { type JsonShape, jsonShape } from '../shared/json-shape.js'
import type { TableSource } from './operations.js'

// What RequestFields is told by.
export const ROOT = 0
/** A member that names the operation's only table. */
export const TABLE = 1
export const INDEX = 2
export const LIMIT = 3
/** `RequestItems`, and what stands under a table's name in it: `{Keys}` of BatchGetItem, a list of BatchWriteItem. */
export const BATCH = 4
export const BATCH_TABLE = 5
export const BATCH_KEYS = 6
/** `TransactItems` and its elements; or the list of PartiQL statements. */
export const LIST = 7
export const ELEMENT = 8
export const ELEMENT_TABLE = 9
export const STATEMENT = 10
const INSIDE = 11
export const KEY_CONDITION = 12
export const CONDITION = 13
export const UPDATE = 14
export const FILTER = 15
export const PROJECTION = 16
/** `ExpressionAttributeNames`, and one of them. */
export const NAMES = 17
export const NAME = 18
/** What one element of a transaction does, by its place in ACTIONS. */
export const FIRST_ACTION = 19
export const ACTIONS: readonly string[] = ['Get', 'Put', 'Update', 'Delete', 'ConditionCheck']

/** What the service takes at most. (Developer guide, "Service quotas") */
const MAX_EXPRESSION_BYTES = 4_096
const expression = (id: number): JsonShape => jsonShape(id, { maxBytes: MAX_EXPRESSION_BYTES })
const EXPRESSIONS = {
  KeyConditionExpression: expression(KEY_CONDITION),
  ConditionExpression: expression(CONDITION),
  UpdateExpression: expression(UPDATE),
  FilterExpression: expression(FILTER),
  ProjectionExpression: expression(PROJECTION),
  ExpressionAttributeNames: jsonShape(NAMES, { any: jsonShape(NAME) }),
}

const table = jsonShape(TABLE)

const batchTable = jsonShape(BATCH_TABLE, {
  isCounted: true,
  fields: { Keys: jsonShape(BATCH_KEYS, { isCounted: true }) },
})
const batch = jsonShape(ROOT, { fields: { RequestItems: jsonShape(BATCH, { any: batchTable }) } })

const action = jsonShape(INSIDE, { fields: { TableName: jsonShape(ELEMENT_TABLE) } })
const transactItem = jsonShape(ELEMENT, {
  fields: { Get: action, Put: action, Update: action, Delete: action, ConditionCheck: action },
})
const transact = jsonShape(ROOT, { fields: { TransactItems: jsonShape(LIST, { items: transactItem }) } })
const shapedAction = (place: number): JsonShape =>
  jsonShape(FIRST_ACTION + place, { fields: { TableName: jsonShape(ELEMENT_TABLE), ...EXPRESSIONS } })
const shapedItem = jsonShape(ELEMENT, {
  fields: Object.fromEntries(ACTIONS.map((name, place) => [name, shapedAction(place)])),
})
const shapedTransact = jsonShape(ROOT, { fields: { TransactItems: jsonShape(LIST, { items: shapedItem }) } })

const creation = jsonShape(ROOT, {
  fields: { TableCreationParameters: jsonShape(INSIDE, { fields: { TableName: table } }) },
})

/**
 * What is looked for in a request, by where it names its table. Undefined: nothing.
 * @param withExpressions also what its shape is made of
 */
export function requestShape(
  source: TableSource,
  maxStatementBytes: number,
  withExpressions: boolean,
): JsonShape | undefined {
  switch (source) {
    case '':
      return undefined
    case 'batch':
      return batch
    case 'transact':
      return withExpressions ? shapedTransact : transact
    case 'creation':
      return creation
    case 'Statement':
      return jsonShape(ROOT, { fields: { Statement: statement(maxStatementBytes), Limit: jsonShape(LIMIT) } })
    case 'Statements':
    case 'TransactStatements': {
      const element = jsonShape(ELEMENT, { fields: { Statement: statement(maxStatementBytes) } })
      return jsonShape(ROOT, { fields: { [source]: jsonShape(LIST, { items: element }) } })
    }
    default:
      return jsonShape(ROOT, {
        fields: {
          [source]: table,
          IndexName: jsonShape(INDEX),
          Limit: jsonShape(LIMIT),
          ...(withExpressions ? EXPRESSIONS : {}),
        },
      })
  }
}

const statement = (maxBytes: number): JsonShape => jsonShape(STATEMENT, { maxBytes })
