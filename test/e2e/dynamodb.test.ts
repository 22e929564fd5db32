// Does oplens count what the AWS SDK says it did? The official client, a whole oplens, and a database that is not ours.
import { createGunzip } from 'node:zlib'
import {
  type AttributeValue,
  BatchExecuteStatementCommand,
  BatchGetItemCommand,
  BatchWriteItemCommand,
  CreateTableCommand,
  DeleteItemCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  ExecuteStatementCommand,
  ExecuteTransactionCommand,
  GetItemCommand,
  ListTablesCommand,
  ListTagsOfResourceCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  TagResourceCommand,
  TransactGetItemsCommand,
  TransactWriteItemsCommand,
  UntagResourceCommand,
  UpdateItemCommand,
  UpdateTableCommand,
} from '@aws-sdk/client-dynamodb'
import t, { type Test } from 'tap'
import {
  type DynamodbStub,
  exception,
  newClient,
  type StubBehaviour,
  startDynalite,
  startDynamodbStub,
} from '../support/dynamodb-servers.js'
import { startProxy, type TestProxy, total } from '../support/proxy.js'
import { comparisons, SdkTruth } from '../support/sdk-truth.js'

async function startStage(t: Test, upstream: string) {
  const proxy = await startProxy(upstream, { protocol: 'dynamodb' })
  t.teardown(() => proxy.close())
  const truth = new SdkTruth()
  const client = newClient(t, proxy.port)
  truth.watch(client)
  return { proxy, truth, client }
}

async function startStubStage(t: Test, behave: StubBehaviour) {
  const stub: DynamodbStub = await startDynamodbStub(t, behave)
  return { stub, ...(await startStage(t, stub.address)) }
}

/** Each count of a scrape is the SDK's own, and what must be seen at all was seen. */
async function wantAgreement(t: Test, proxy: TestProxy, truth: SdkTruth, seen: readonly string[]): Promise<void> {
  const samples = await proxy.metrics()
  const all = comparisons(samples, truth)
  for (const [title, [counted, told]] of Object.entries(all)) t.same(counted, told, title)
  for (const title of seen) t.ok((all[title]?.[1].length ?? 0) > 0, `${title}: there are some`)
  t.equal(total(samples, 'oplens_decode_errors_total'), 0, 'nothing was undecodable')
  for (const gauge of ['oplens_operations_active', 'oplens_upstream_cluster_requests_active'])
    t.equal(total(samples, gauge), 0, gauge)
}

const failing = (promise: Promise<unknown>): Promise<unknown> => promise.catch(() => undefined)
const key = (id: number) => ({ id: { S: `user#${id}` } })
const puts = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ PutRequest: { Item: key(from + i) } }))
const units = { ReadCapacityUnits: 5, WriteCapacityUnits: 5 }
const createTable = (TableName: string) =>
  new CreateTableCommand({
    TableName,
    AttributeDefinitions: ['id', 'city'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    ProvisionedThroughput: units,
    GlobalSecondaryIndexes: [
      {
        IndexName: 'by_city',
        KeySchema: [{ AttributeName: 'city', KeyType: 'HASH' }],
        Projection: { ProjectionType: 'ALL' },
        ProvisionedThroughput: units,
      },
    ],
  })

async function makeTables(client: DynamoDBClient, names: readonly string[]): Promise<string[]> {
  const arns: string[] = []
  for (const TableName of names) {
    await client.send(createTable(TableName))
    for (;;) {
      const { Table } = await client.send(new DescribeTableCommand({ TableName }))
      if (Table?.TableStatus !== 'ACTIVE') continue
      arns.push(Table.TableArn ?? '')
      break
    }
  }
  return arns
}

/** Everything that dynalite can do. */
async function session(client: DynamoDBClient): Promise<void> {
  const ReturnConsumedCapacity = 'TOTAL'
  const TableName = 'users'
  const [ResourceArn] = await makeTables(client, ['users', 'orders-2026'])
  for (let i = 0; i < 30; i++) {
    const Item = { ...key(i), city: { S: i % 2 ? 'Rome' : 'Oslo' }, text: { S: '"{[\\ é'.repeat(i) } }
    await client.send(
      new PutItemCommand({ TableName, Item, ReturnConsumedCapacity: i % 3 === 0 ? 'INDEXES' : 'TOTAL' }),
    )
  }
  // Side by side over as many connections as the SDK likes.
  await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      client.send(new GetItemCommand({ TableName, Key: key(i), ConsistentRead: i % 2 === 0, ReturnConsumedCapacity })),
    ),
  )
  const UpdateExpression = 'SET n = :n'
  const ExpressionAttributeValues = { ':n': { N: '1' } }
  await client.send(new UpdateItemCommand({ TableName, Key: key(1), UpdateExpression, ExpressionAttributeValues }))
  await client.send(new DeleteItemCommand({ TableName, Key: key(0), ReturnValues: 'ALL_OLD' }))
  let ExclusiveStartKey: Record<string, AttributeValue> | undefined
  for (let page = 0; page < 10; page++) {
    const found = await client.send(
      new ScanCommand({ TableName, Limit: 7, ExclusiveStartKey, ReturnConsumedCapacity: 'INDEXES' }),
    )
    if (found.LastEvaluatedKey === undefined) break
    ExclusiveStartKey = found.LastEvaluatedKey
  }
  await client.send(new ScanCommand({ TableName, Select: 'COUNT' }))
  const byCity = {
    TableName,
    IndexName: 'by_city',
    KeyConditionExpression: 'city = :c',
    ExpressionAttributeValues: { ':c': { S: 'Rome' } },
  }
  await client.send(new QueryCommand({ ...byCity, ReturnConsumedCapacity }))
  await client.send(new QueryCommand({ ...byCity, ReturnConsumedCapacity: 'INDEXES', Limit: 3 }))
  await client.send(new ScanCommand({ TableName, IndexName: 'by_city', ReturnConsumedCapacity }))
  await client.send(new BatchWriteItemCommand({ RequestItems: { users: puts(100, 25) }, ReturnConsumedCapacity }))
  const keys = (from: number, count: number) => Array.from({ length: count }, (_, i) => key(from + i))
  await client.send(new BatchGetItemCommand({ RequestItems: { users: { Keys: keys(100, 100) } } }))
  await client.send(new ListTablesCommand({}))
  await client.send(new DescribeTimeToLiveCommand({ TableName }))
  await client.send(new TagResourceCommand({ ResourceArn, Tags: [{ Key: 'a', Value: 'b' }] }))
  await client.send(new ListTagsOfResourceCommand({ ResourceArn }))
  await client.send(new UntagResourceCommand({ ResourceArn, TagKeys: ['a'] }))
  await client.send(
    new UpdateTableCommand({ TableName, ProvisionedThroughput: { ReadCapacityUnits: 6, WriteCapacityUnits: 6 } }),
  )
  const ConditionExpression = 'attribute_not_exists(id)'
  await failing(client.send(new PutItemCommand({ TableName, Item: key(1), ConditionExpression })))
  await failing(client.send(new DeleteItemCommand({ TableName, Key: key(1), ConditionExpression })))
  await failing(client.send(new GetItemCommand({ TableName: 'nowhere', Key: key(1) })))
  await failing(client.send(new GetItemCommand({ TableName, Key: { wrong: { S: '1' } } })))
  await failing(client.send(new QueryCommand({ TableName, KeyConditionExpression: 'broken' })))
  await failing(client.send(new BatchGetItemCommand({ RequestItems: { nowhere: { Keys: [key(1)] } } })))
  await failing(client.send(new ExecuteStatementCommand({ Statement: 'SELECT * FROM "users"' })))
  await failing(client.send(new TransactGetItemsCommand({ TransactItems: [{ Get: { TableName, Key: key(1) } }] })))
  await client.send(new DeleteTableCommand({ TableName: 'orders-2026' }))
}

t.test('every kind of call that dynalite can do is counted as the SDK counts it', async (t) => {
  const { proxy, truth, client } = await startStage(t, await startDynalite(t))
  await session(client)
  t.ok(truth.operations.length >= 25, `${truth.operations.length} kinds of operations`)
  await wantAgreement(t, proxy, truth, [
    'operations',
    'operations by table',
    'errors',
    'capacity',
    'documents returned',
    'documents sent',
    'statuses',
  ])
})

t.test('a batch over two tables is one operation that names none, and one of each table', async (t) => {
  const { proxy, truth, client } = await startStage(t, await startDynalite(t))
  await makeTables(client, ['users', 'orders'])
  truth.attempts.length = 0
  const before = await proxy.metrics()
  const RequestItems = { users: puts(0, 3), orders: puts(0, 2) }
  await client.send(new BatchWriteItemCommand({ RequestItems, ReturnConsumedCapacity: 'TOTAL' }))
  const Keys = [key(0), key(1), key(9)]
  await client.send(new BatchGetItemCommand({ RequestItems: { orders: { Keys }, users: { Keys } } }))
  const samples = await proxy.metrics()
  const since = (name: string, labels: Record<string, string>) =>
    total(samples, name, labels) - total(before, name, labels)
  for (const db_operation_name of ['BatchWriteItem', 'BatchGetItem']) {
    const histogram = 'db_client_operation_duration_seconds_count'
    t.equal(since(histogram, { db_operation_name }), 1, `one ${db_operation_name}`)
    t.equal(since(histogram, { db_operation_name, db_collection_name: '' }), 1, 'that names no table')
    for (const db_collection_name of ['users', 'orders'])
      t.equal(since('oplens_table_operations_total', { db_operation_name, db_collection_name, outcome: 'ok' }), 1)
  }
  const written = { db_operation_name: 'BatchWriteItem', unit: 'write' }
  t.equal(since('oplens_consumed_capacity_units_total', { ...written, db_collection_name: 'users' }), 3)
  t.equal(since('oplens_consumed_capacity_units_total', { ...written, db_collection_name: 'orders' }), 2)
  t.same(truth.operations, ['BatchGetItem  ok = 1', 'BatchWriteItem  ok = 1'])
})

const capacity = (TableName: string, own: number, more: object = {}) => ({ TableName, CapacityUnits: own, ...more })
const inParts = capacity('users', 6.5, {
  Table: { CapacityUnits: 2.5 },
  GlobalSecondaryIndexes: { by_city: { CapacityUnits: 3 } },
  LocalSecondaryIndexes: { by_date: { CapacityUnits: 1 } },
})

/** What no other server here says. */
const rare: StubBehaviour = ({ operation, body }) => {
  const request = JSON.parse(body.toString())
  switch (operation) {
    case 'PutItem':
      return { json: { ConsumedCapacity: inParts }, chunkBytes: 5 }
    case 'Query':
      return { json: { Items: [key(1), key(2)], Count: 2, ScannedCount: 9, ConsumedCapacity: inParts }, gzip: true }
    case 'Scan':
      return {
        json: { Items: Array.from({ length: 2_000 }, (_, i) => key(i)), Count: 2_000, ScannedCount: 2_000 },
        gzip: true,
        chunkBytes: 100,
      }
    case 'TransactWriteItems':
      if (request.ClientRequestToken !== 'cancelled') {
        const split = { WriteCapacityUnits: 4, ReadCapacityUnits: 0 }
        return { json: { ConsumedCapacity: [capacity('users', 4, split), capacity('orders', 2)] } }
      }
      return exception('TransactionCanceledException', 400, {
        CancellationReasons: [
          { Code: 'None' },
          { Code: 'ConditionalCheckFailed', Item: { Code: { S: 'x' } }, Message: 'The conditional request failed' },
        ],
      })
    case 'TransactGetItems':
      return { json: { Responses: [{ Item: key(1) }, {}], ConsumedCapacity: [capacity('users', 2)] } }
    case 'ExecuteStatement':
      return request.Statement.startsWith('SELECT')
        ? { json: { Items: [key(1)], ConsumedCapacity: capacity('users', 0.5) } }
        : { json: { ConsumedCapacity: capacity('users', 1) } }
    case 'BatchExecuteStatement': {
      const failure = { Error: { Code: 'DuplicateItem', Message: 'Duplicate primary key' } }
      return { json: { Responses: [{ TableName: 'users', Item: key(1) }, failure, { TableName: 'orders' }] } }
    }
    case 'ExecuteTransaction':
      return { json: { Responses: [{ Item: key(1) }, { Item: key(2) }] } }
    case 'BatchWriteItem':
      return { json: { UnprocessedItems: { users: puts(0, 2), orders: puts(0, 1) } } }
    case 'BatchGetItem':
      return { json: { Responses: { users: [key(1)] }, UnprocessedKeys: { users: { Keys: [key(2), key(3)] } } } }
    default:
      return exception('UnknownOperationException')
  }
}

/** The SDK asks for no compression and undoes none: this client does both. */
function takesGzip(client: DynamoDBClient): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      ;(args as { request: { headers: Record<string, string> } }).request.headers['accept-encoding'] = 'gzip'
      const result = await next(args)
      const response = result.response as { headers: Record<string, string>; body: NodeJS.ReadableStream }
      if (response.headers['content-encoding'] === 'gzip') response.body = response.body.pipe(createGunzip())
      return result
    },
    { step: 'deserialize', priority: 'low', name: 'takesGzip' },
  )
}

t.test(
  'transactions, PartiQL, costs in parts, undone items and compressed replies are what the SDK read',
  async (t) => {
    const { proxy, truth, client, stub } = await startStubStage(t, rare)
    takesGzip(client)
    const TableName = 'users'
    const Key = key(1)
    for (let i = 0; i < 3; i++) {
      await client.send(new PutItemCommand({ TableName, Item: key(i), ReturnConsumedCapacity: 'INDEXES' }))
      await client.send(new QueryCommand({ TableName, KeyConditionExpression: 'a', IndexName: 'by_city' }))
      const { Items } = await client.send(new ScanCommand({ TableName }))
      t.equal(Items?.length, 2_000, 'the client read it whole')
    }
    const TransactItems = [{ Put: { TableName, Item: Key } }, { Delete: { TableName: 'orders', Key } }]
    await client.send(new TransactWriteItemsCommand({ TransactItems, ClientRequestToken: 'done' }))
    const cancelled = new TransactWriteItemsCommand({ TransactItems, ClientRequestToken: 'cancelled' })
    await t.rejects(client.send(cancelled), { name: 'TransactionCanceledException' })
    const Gets = [{ Get: { TableName, Key } }, { Get: { TableName: 'orders', Key } }]
    await client.send(new TransactGetItemsCommand({ TransactItems: Gets }))
    await client.send(new ExecuteStatementCommand({ Statement: `SELECT * FROM "users"."by_city" WHERE city = 'Rome'` }))
    await client.send(new ExecuteStatementCommand({ Statement: `UPDATE "users" SET n = 1 WHERE id = 'a'` }))
    const Statements = [
      { Statement: `SELECT * FROM "users" WHERE id = 'a'` },
      { Statement: `INSERT INTO "orders" VALUE {'id': 'b'}` },
      { Statement: `DELETE FROM "orders" WHERE id = 'c'` },
    ]
    await client.send(new BatchExecuteStatementCommand({ Statements }))
    await client.send(new BatchExecuteStatementCommand({ Statements: Statements.slice(0, 1) }))
    await client.send(new ExecuteTransactionCommand({ TransactStatements: Statements.slice(0, 1) }))
    await client.send(new BatchWriteItemCommand({ RequestItems: { users: puts(0, 3), orders: puts(0, 1) } }))
    await client.send(new BatchGetItemCommand({ RequestItems: { users: { Keys: [key(1), key(2), key(3)] } } }))
    await failing(client.send(new ListTablesCommand({})))
    t.equal(stub.calls.length, truth.attempts.length, 'the stub saw each attempt')
    await wantAgreement(t, proxy, truth, [
      'operations',
      'operations by table',
      'errors',
      'capacity',
      'unprocessed items',
      'documents returned',
      'documents sent',
    ])
    const report = JSON.parse(await proxy.get('/operations?by=collection'))
    t.ok(
      report.rows.some((row: { collection: string }) => row.collection === 'users'),
      'they are on the page',
    )
  },
)

t.test('what is throttled and what is tried again is counted as the SDK counts it', async (t) => {
  const [slow, often, broken] = [
    exception('ProvisionedThroughputExceededException'),
    exception('ThrottlingException'),
    exception('InternalServerError', 500),
  ]
  const pattern = [slow, slow, {}, broken, {}, {}, often, {}, slow, slow, slow, {}, slow, broken, {}]
  const { proxy, truth, client, stub } = await startStubStage(t, ({ index }) => pattern[index])
  const TableName = 'users'
  await client.send(new PutItemCommand({ TableName, Item: key(1) }))
  await client.send(new UpdateItemCommand({ TableName, Key: key(1) }))
  await client.send(new UpdateItemCommand({ TableName, Key: key(2) }))
  await client.send(new BatchWriteItemCommand({ RequestItems: { users: puts(0, 1), orders: puts(0, 1) } }))
  const name = 'ProvisionedThroughputExceededException'
  await t.rejects(client.send(new GetItemCommand({ TableName, Key: key(1) })), { name, $metadata: { attempts: 3 } })
  await client.send(new GetItemCommand({ TableName, Key: key(1) }))
  await client.send(new DescribeTableCommand({ TableName }))
  t.same(
    stub.calls.map(({ headers }) => /attempt=(\d)/.exec(String(headers['amz-sdk-request']))?.[1]).join(''),
    '123121121231123',
    'the stub saw the tries',
  )
  t.same(truth.retries, [
    'BatchWriteItem  = 1',
    'DescribeTable users = 2',
    'GetItem users = 2',
    'PutItem users = 2',
    'UpdateItem users = 1',
  ])
  t.same(truth.throttled, ['BatchWriteItem  = 1', 'DescribeTable users = 1', 'GetItem users = 3', 'PutItem users = 2'])
  await wantAgreement(t, proxy, truth, ['retries', 'throttled', 'errors', 'statuses'])
})
