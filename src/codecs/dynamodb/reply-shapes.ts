import { jsonShape } from '../shared/json-shape.js'

// What ReplyFields is told by.
const ROOT = 0
export const TYPE = 1
export const COUNT = 2
export const SCANNED = 3
/** The one item of GetItem. */
export const ITEM = 4
/** `Items`, `Records`, `SearchResults`. */
export const ITEMS = 5
/** A map of lists (BatchGetItem) or a list of `{Item}` and `{Error}` (transactions, PartiQL). */
export const RESPONSES = 6
export const RESPONSES_OF_TABLE = 7
export const RESPONSE = 8
export const RESPONSE_ITEM = 9
export const RESPONSE_ERROR = 10
export const ERROR_CODE = 11
/** `UnprocessedKeys`, with keys under each table's name, and `UnprocessedItems`, with a list there. */
export const UNPROCESSED = 12
export const UNPROCESSED_TABLE = 13
export const UNPROCESSED_KEYS = 14
export const UNPROCESSED_LIST = 15
export const CANCELLATION = 16
export const CANCELLATION_REASON = 17
export const CANCELLATION_CODE = 18
/** `ConsumedCapacity`: an object, or a list of them with one for each table. */
export const CAPACITY = 19
export const CAPACITY_ELEMENT = 20
export const CAPACITY_NAME = 21
/** The table's own part, and an index's, when INDEXES were asked for. */
export const CAPACITY_TABLE = 22
export const CAPACITY_INDEX = 23
const CAPACITY_INDEXES = 24
export const UNITS = 25
export const READ_UNITS = 26
export const WRITE_UNITS = 27

const units = {
  CapacityUnits: jsonShape(UNITS),
  ReadCapacityUnits: jsonShape(READ_UNITS),
  WriteCapacityUnits: jsonShape(WRITE_UNITS),
}
const indexes = jsonShape(CAPACITY_INDEXES, { any: jsonShape(CAPACITY_INDEX, { fields: units }) })
const capacity = {
  ...units,
  TableName: jsonShape(CAPACITY_NAME),
  Table: jsonShape(CAPACITY_TABLE, { fields: units }),
  GlobalSecondaryIndexes: indexes,
  LocalSecondaryIndexes: indexes,
}

const response = jsonShape(RESPONSE, {
  fields: {
    Item: jsonShape(RESPONSE_ITEM),
    Error: jsonShape(RESPONSE_ERROR, { fields: { Code: jsonShape(ERROR_CODE) } }),
  },
})

/** One shape for all replies: no operation has a member that means something else in another. */
export const replyShape = jsonShape(ROOT, {
  fields: {
    __type: jsonShape(TYPE),
    Count: jsonShape(COUNT),
    ScannedCount: jsonShape(SCANNED),
    Item: jsonShape(ITEM),
    Items: jsonShape(ITEMS, { isCounted: true }),
    Records: jsonShape(ITEMS, { isCounted: true }),
    SearchResults: jsonShape(ITEMS, { isCounted: true }),
    Responses: jsonShape(RESPONSES, { any: jsonShape(RESPONSES_OF_TABLE, { isCounted: true }), items: response }),
    UnprocessedItems: jsonShape(UNPROCESSED, { any: jsonShape(UNPROCESSED_LIST, { isCounted: true }) }),
    UnprocessedKeys: jsonShape(UNPROCESSED, {
      any: jsonShape(UNPROCESSED_TABLE, { fields: { Keys: jsonShape(UNPROCESSED_KEYS, { isCounted: true }) } }),
    }),
    CancellationReasons: jsonShape(CANCELLATION, {
      items: jsonShape(CANCELLATION_REASON, { fields: { Code: jsonShape(CANCELLATION_CODE) } }),
    }),
    ConsumedCapacity: jsonShape(CAPACITY, {
      fields: capacity,
      items: jsonShape(CAPACITY_ELEMENT, { fields: capacity }),
    }),
  },
})
