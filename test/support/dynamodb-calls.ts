import type { Exchange } from '../../src/core/exchange.js'
import type { Call } from './dynamodb.js'

/** Requests and replies as the API reference has them, and what is to be read in them. */
const ARN = 'arn:aws:dynamodb:eu-central-1:123456789012:table/orders'
const key = { id: { S: '1' } }
export const item = (i: number): object => ({
  id: { S: `user#${i}` },
  Count: { N: '99' },
  text: { S: '{"Items":[{}]}' },
})
export const put = { PutRequest: { Item: item(1) } }

export interface Row extends Call {
  readonly name: string
  readonly failure?: string
  /** `table/index items unprocessed readUnits writeUnits` */
  readonly tables: readonly string[]
  readonly want: Partial<Exchange>
}

const ok = { kind: 'ok', code: 0, codeName: '', by: '' } as const
const failed = (codeName: string, code = 400) => ({ kind: 'command_error', code, codeName, by: '' }) as const
const type = (name: string): object => ({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: 'with a value' })

export const READS: readonly Row[] = [
  {
    name: 'GetItem that finds an item, with its cost',
    operation: 'GetItem',
    request: { TableName: 'orders', Key: key, ReturnConsumedCapacity: 'TOTAL' },
    reply: { Item: item(1), ConsumedCapacity: { TableName: 'orders', CapacityUnits: 0.5 } },
    tables: ['orders/ 1 0 0.5 0'],
    want: { outcome: ok, documents: 1, batchSize: 0, affected: -1 },
  },
  {
    name: 'GetItem that finds nothing',
    operation: 'GetItem',
    request: { TableName: 'orders', Key: key },
    reply: {},
    tables: ['orders/ 1 0 0 0'],
    want: { outcome: ok, documents: 0 },
  },
  {
    name: 'Query of an index, its cost as a total',
    operation: 'Query',
    request: { TableName: 'orders', IndexName: 'by_name', Limit: 25, ReturnConsumedCapacity: 'TOTAL' },
    reply: {
      Count: 2,
      Items: [item(1), item(2)],
      ScannedCount: 7,
      ConsumedCapacity: { CapacityUnits: 1.5, TableName: 'orders' },
    },
    tables: ['orders/by_name 0 0 1.5 0'],
    want: { outcome: ok, documents: 2, affected: 2, scanned: 7, limit: 25 },
  },
  {
    name: 'Query of an index, its cost in parts, and the table named last',
    operation: 'Query',
    request: { IndexName: 'by_name', TableName: ARN },
    reply: {
      ConsumedCapacity: {
        CapacityUnits: 1.5,
        Table: { CapacityUnits: 0 },
        GlobalSecondaryIndexes: { by_name: { CapacityUnits: 1.5 } },
        TableName: ARN,
      },
      Items: [],
      Count: 0,
      ScannedCount: 0,
    },
    tables: ['orders/by_name 0 0 1.5 0'],
    want: { outcome: ok, documents: 0, affected: 0, scanned: 0 },
  },
  {
    name: 'Scan that counts',
    operation: 'Scan',
    request: { TableName: 'orders', Select: 'COUNT' },
    reply: { Count: 1000, ScannedCount: 5000, LastEvaluatedKey: key },
    tables: ['orders/ 0 0 0 0'],
    want: { outcome: ok, documents: 0, affected: 1000, scanned: 5000 },
  },
  {
    name: 'BatchGetItem of two tables with unprocessed keys',
    operation: 'BatchGetItem',
    request: { RequestItems: { orders: { Keys: [key, key, key] }, users: { ConsistentRead: true, Keys: [key] } } },
    reply: {
      Responses: { orders: [item(1), item(2)], users: [item(3)] },
      UnprocessedKeys: { orders: { Keys: [key], ConsistentRead: false } },
      ConsumedCapacity: [
        { TableName: 'users', CapacityUnits: 1 },
        { TableName: 'orders', CapacityUnits: 2, Table: { CapacityUnits: 2 } },
      ],
    },
    tables: ['orders/ 3 1 2 0', 'users/ 1 0 1 0'],
    want: { outcome: ok, documents: 3, batchSize: 0, operation: { collection: '' } as never },
  },
  {
    name: 'BatchGetItem of one table, by its ARN',
    operation: 'BatchGetItem',
    request: { RequestItems: { [ARN]: { Keys: [key, key] } } },
    reply: { Responses: { [ARN]: [item(1)] }, UnprocessedKeys: {} },
    tables: ['orders/ 2 0 0 0'],
    want: { documents: 1, operation: { collection: 'orders' } as never },
  },
  {
    name: 'TransactGetItems',
    operation: 'TransactGetItems',
    request: { TransactItems: ['orders', 'users', 'orders'].map((TableName) => ({ Get: { TableName, Key: key } })) },
    reply: {
      Responses: [{ Item: item(1) }, {}, { Item: item(2) }],
      ConsumedCapacity: [{ TableName: 'orders', CapacityUnits: 4, ReadCapacityUnits: 4 }],
    },
    tables: ['orders/ 2 0 4 0', 'users/ 1 0 0 0'],
    want: { outcome: ok, documents: 2, batchSize: 0 },
  },
  {
    name: 'GetRecords of a stream',
    operation: 'GetRecords',
    isStreams: true,
    request: { ShardIterator: `${ARN}/stream/2026-05-20T20:51:10.252|1|AAAA`, Limit: 10 },
    reply: { NextShardIterator: 'x', Records: [{ dynamodb: { Keys: key } }, { dynamodb: { Keys: key } }] },
    tables: ['orders/ 0 0 0 0'],
    want: { documents: 2, limit: 10 },
  },
]

export const WRITES: readonly Row[] = [
  {
    name: 'PutItem, its cost in parts',
    operation: 'PutItem',
    request: { TableName: 'orders', Item: item(1), ReturnConsumedCapacity: 'INDEXES' },
    reply: {
      ConsumedCapacity: {
        TableName: 'orders',
        CapacityUnits: 3,
        Table: { CapacityUnits: 1 },
        GlobalSecondaryIndexes: { by_name: { CapacityUnits: 1 } },
        LocalSecondaryIndexes: { by_date: { CapacityUnits: 1 } },
      },
    },
    tables: ['orders/ 1 0 0 1', 'orders/by_name 0 0 0 1', 'orders/by_date 0 0 0 1'],
    want: { outcome: ok, batchSize: 1, documents: 0 },
  },
  {
    name: 'BatchWriteItem of two tables with unprocessed items',
    operation: 'BatchWriteItem',
    request: { RequestItems: { orders: [put, put, put], 'user.s-1': [{ DeleteRequest: { Key: key } }] } },
    reply: {
      UnprocessedItems: { orders: [put, put] },
      ItemCollectionMetrics: { orders: [{ ItemCollectionKey: key }] },
      ConsumedCapacity: [{ TableName: 'orders', CapacityUnits: 1.0, WriteCapacityUnits: 1 }],
    },
    tables: ['orders/ 3 2 0 1', 'user.s-1/ 1 0 0 0'],
    want: { outcome: ok, batchSize: 4, operation: { collection: '' } as never },
  },
  {
    name: 'BatchWriteItem of one table',
    operation: 'BatchWriteItem',
    request: { RequestItems: { orders: [put, put] } },
    reply: { UnprocessedItems: {} },
    tables: ['orders/ 2 0 0 0'],
    want: { batchSize: 2, operation: { collection: 'orders' } as never },
  },
  {
    name: 'TransactWriteItems that is cancelled',
    operation: 'TransactWriteItems',
    request: {
      TransactItems: [
        { Put: { TableName: 'orders', Item: item(1) } },
        { ConditionCheck: { TableName: 'users', Key: key } },
        { Delete: { Key: key, TableName: 'orders' } },
      ],
    },
    status: 400,
    reply: {
      ...type('TransactionCanceledException'),
      CancellationReasons: [
        { Code: 'None' },
        { Code: 'ConditionalCheckFailed', Item: { Code: { S: 'x' } }, Message: 'm' },
        { Code: 'ConditionalCheckFailed' },
      ],
    },
    tables: ['orders/ 2 0 0 0', 'users/ 1 0 0 0'],
    want: {
      outcome: failed('TransactionCanceledException'),
      batchSize: 3,
      errorLabels: ['cancelled', 'ConditionalCheckFailed', 'ConditionalCheckFailed'],
    },
  },
  {
    name: 'ExecuteStatement that writes',
    operation: 'ExecuteStatement',
    request: { Statement: 'UPDATE "orders" SET a = 1', Limit: 5 },
    reply: { Items: [], ConsumedCapacity: { TableName: 'orders', CapacityUnits: 1 } },
    tables: ['orders/ 1 0 0 1'],
    want: { outcome: ok, batchSize: 1, limit: 5, operation: { kind: 'write', collection: 'orders' } as never },
  },
  {
    name: 'ExecuteStatement that reads an index',
    operation: 'ExecuteStatement',
    request: { Statement: 'SELECT * FROM "orders"."by_name"' },
    reply: { Items: [item(1), item(2)], ConsumedCapacity: { TableName: 'orders', CapacityUnits: 1 } },
    tables: ['orders/by_name 1 0 1 0'],
    want: { outcome: ok, documents: 2, batchSize: 0, operation: { kind: 'read', collection: 'orders' } as never },
  },
  {
    name: 'BatchExecuteStatement of which one fails',
    operation: 'BatchExecuteStatement',
    request: {
      Statements: [
        { Statement: 'SELECT * FROM "a"', Parameters: [] },
        { Statement: 'DELETE FROM "b"' },
        { Statement: 'DELETE FROM "b"' },
      ],
    },
    reply: {
      Responses: [
        { Item: item(1), TableName: 'a' },
        { Error: { Code: 'DuplicateItem', Message: 'm', Item: key } },
        { TableName: 'b' },
      ],
    },
    tables: ['a/ 1 0 0 0', 'b/ 2 0 0 0'],
    want: {
      outcome: { kind: 'write_error', code: 200, codeName: 'DuplicateItem', by: '' },
      errorLabels: ['condition', 'DuplicateItem'],
      documents: 1,
      operation: { kind: 'write', collection: '' } as never,
    },
  },
  {
    name: 'ExecuteTransaction that only reads',
    operation: 'ExecuteTransaction',
    request: {
      TransactStatements: [{ Statement: 'SELECT * FROM a WHERE id=1' }, { Statement: 'EXISTS(SELECT * FROM a)' }],
    },
    reply: { Responses: [{ Item: item(1) }, {}] },
    tables: ['a/ 2 0 0 0'],
    want: { outcome: ok, documents: 1, operation: { kind: 'read', collection: 'a' } as never },
  },
]

const get = { operation: 'GetItem', request: { TableName: 'orders', Key: key }, tables: ['orders/ 1 0 0 0'] }
const error = (name: string, label: string, status = 400): Row => ({
  ...get,
  name,
  status,
  reply: type(name),
  want: { outcome: failed(name, status), errorLabels: [label] },
})
export const ERRORS: readonly Row[] = [
  error('ProvisionedThroughputExceededException', 'throttled'),
  error('ThrottlingException', 'throttled'),
  error('RequestLimitExceeded', 'throttled'),
  error('ConditionalCheckFailedException', 'condition'),
  error('TransactionConflictException', 'conflict'),
  error('ResourceNotFoundException', 'not_found'),
  error('ItemCollectionSizeLimitExceededException', 'limit'),
  error('InternalServerError', 'server', 500),
  error('SomethingNewException', 'other'),
  {
    ...get,
    name: 'another namespace',
    status: 400,
    reply: { __type: 'com.amazon.coral.validate#ValidationException', message: 'm' },
    want: { outcome: failed('ValidationException'), errorLabels: ['validation'] },
  },
  {
    ...get,
    name: 'no namespace',
    status: 400,
    reply: { message: 'm', __type: 'AccessDeniedException' },
    want: { outcome: failed('AccessDeniedException'), errorLabels: ['access_denied'] },
  },
  {
    ...get,
    name: 'a type in a header alone',
    status: 400,
    reply: '{}',
    replyHeaders: { 'x-amzn-ErrorType': 'UnrecognizedClientException:http://internal.amazon.com/coral/' },
    want: { outcome: failed('UnrecognizedClientException'), errorLabels: ['access_denied'] },
  },
  {
    ...get,
    name: 'an error page of a load balancer',
    status: 503,
    reply: '<html>Service Unavailable</html>',
    replyHeaders: { 'content-type': 'text/html' },
    failure: 'content_type',
    want: { outcome: failed('', 503), errorLabels: ['server'] },
  },
  {
    ...get,
    name: 'a status without a body',
    status: 502,
    reply: '',
    want: { outcome: failed('', 502), errorLabels: ['server'] },
  },
  {
    ...get,
    name: 'what is no name',
    status: 400,
    reply: { __type: 'x#<script>' },
    want: { outcome: failed(''), errorLabels: ['other'] },
  },
]

export const ODD: readonly Row[] = [
  {
    ...get,
    name: 'CBOR: the target is known, the table is not',
    request: Buffer.from([0xa1, 0x69]),
    requestHeaders: { 'content-type': 'application/x-amz-cbor-1.1' },
    reply: Buffer.from([0xa0]),
    replyHeaders: { 'content-type': 'application/x-amz-cbor-1.1' },
    failure: 'content_type',
    tables: [],
    want: { outcome: ok, operation: { command: 'GetItem', collection: '' } as never },
  },
  {
    ...get,
    name: 'a request that is compressed',
    requestHeaders: { 'content-encoding': 'gzip' },
    reply: {},
    failure: 'content_encoding',
    tables: [],
    want: { outcome: ok },
  },
  {
    ...get,
    name: 'a reply in a coding that is not known',
    reply: Buffer.from([1, 2, 3]),
    replyHeaders: { 'content-encoding': 'br' },
    failure: 'content_encoding',
    want: { outcome: ok },
  },
  {
    ...get,
    name: 'broken gzip',
    reply: '{}',
    replyHeaders: { 'content-encoding': 'gzip' },
    failure: 'inflate_failed',
    want: { outcome: ok },
  },
  {
    ...get,
    name: 'a request of no JSON',
    request: 'TableName=orders',
    reply: {},
    failure: 'json_syntax',
    tables: [],
    want: { outcome: ok },
  },
  {
    ...get,
    name: 'no request body',
    request: '',
    reply: {},
    failure: 'json_truncated',
    tables: [],
    want: { outcome: ok },
  },
  {
    ...get,
    name: 'a reply that ends early',
    reply: '{"Item":{"id":',
    failure: 'json_truncated',
    want: { outcome: ok },
  },
  {
    name: 'a statement that cannot be understood',
    operation: 'ExecuteStatement',
    request: { Statement: 'MERGE INTO orders' },
    reply: {},
    failure: 'partiql_statement',
    tables: [],
    want: { operation: { kind: 'write', collection: '' } as never },
  },
  {
    ...get,
    name: 'a table name that can be none',
    request: { TableName: 'my secret value!' },
    reply: {},
    tables: ['__other__/ 1 0 0 0'],
    want: { operation: { collection: '__other__' } as never },
  },
  {
    ...get,
    name: 'a table named by escapes',
    request: '{"Table\\u004eame":"\\u006frders"}',
    reply: {},
    want: { operation: { collection: 'orders' } as never },
  },
  {
    name: 'more tables than there can be',
    operation: 'BatchWriteItem',
    request: { RequestItems: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`table${i}`, [put]])) },
    status: 400,
    reply: type('ValidationException'),
    failure: 'too_many_tables',
    tables: Array.from({ length: 256 }, (_, i) => `table${i}/ 1 0 0 0`),
    want: { operation: { collection: '' } as never },
  },
]
