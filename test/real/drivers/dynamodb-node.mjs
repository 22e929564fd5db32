// The mixed workload of dynamodb.real.mjs through @aws-sdk/client-dynamodb. Knows its endpoint from AWS_ENDPOINT_URL alone, as applications do.
// Prints one JSON line per HTTP attempt: {operation, input, output, status, code, attempt}, and {"done": true}.
import {
  BatchExecuteStatementCommand,
  BatchGetItemCommand,
  BatchWriteItemCommand,
  CreateTableCommand,
  DeleteItemCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  ExecuteStatementCommand,
  ExecuteTransactionCommand,
  GetItemCommand,
  ListTablesCommand,
  PutItemCommand,
  paginateQuery,
  paginateScan,
  TransactGetItemsCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'

const client = new DynamoDBClient({ maxAttempts: 2 })
client.middlewareStack.add(
  (next, context) => async (args) => {
    const attempt = Number(/attempt=(\d+)/.exec(args.request.headers['amz-sdk-request'])[1])
    const note = (rest) => {
      const operation = context.commandName.replace(/Command$/, '')
      process.stdout.write(`${JSON.stringify({ operation, input: args.input, attempt, ...rest })}\n`)
    }
    try {
      const result = await next(args)
      note({ output: result.output, status: result.output.$metadata.httpStatusCode, code: '' })
      return result
    } catch (error) {
      note({ output: {}, status: error.$metadata?.httpStatusCode ?? 0, code: error.name })
      throw error
    }
  },
  { step: 'deserialize', priority: 'high' },
)

/** What fails is told by the middleware; the workload goes on. */
const send = (command) => client.send(command).catch(() => undefined)
const TableName = 'orders'
const ReturnConsumedCapacity = 'TOTAL'
const key = (i) => ({ id: { S: `order#${i}` } })
const item = (i) => ({ ...key(i), city: { S: i % 2 === 0 ? 'Oslo' : 'Rome' }, text: { S: '"{[\\ é'.repeat(i) } })
const puts = (from, count) => Array.from({ length: count }, (_, i) => ({ PutRequest: { Item: item(from + i) } }))
const units = { ReadCapacityUnits: 5, WriteCapacityUnits: 5 }

for (const name of ['orders', 'users']) {
  await send(
    new CreateTableCommand({
      TableName: name,
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
    }),
  )
  for (let i = 0; i < 100; i++) {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: name }))
    if (Table.TableStatus === 'ACTIVE') break
  }
}
for (let i = 0; i < 20; i++) {
  const ask = { ReturnConsumedCapacity: i % 2 === 0 ? 'TOTAL' : 'INDEXES' }
  await send(new PutItemCommand({ TableName, Item: item(i), ...ask }))
}
await Promise.all(
  Array.from({ length: 30 }, (_, i) => send(new GetItemCommand({ TableName, Key: key(i), ReturnConsumedCapacity }))),
)
const UpdateExpression = 'SET n = :n'
const ExpressionAttributeValues = { ':n': { N: '1' } }
await send(new UpdateItemCommand({ TableName, Key: key(1), UpdateExpression, ExpressionAttributeValues }))
await send(new DeleteItemCommand({ TableName, Key: key(0) }))
const rome = {
  TableName,
  IndexName: 'by_city',
  KeyConditionExpression: 'city = :c',
  ExpressionAttributeValues: { ':c': { S: 'Rome' } },
  ReturnConsumedCapacity,
}
for await (const _ of paginateQuery({ client, pageSize: 3 }, rome));
for await (const _ of paginateScan({ client, pageSize: 7 }, { TableName, ReturnConsumedCapacity }));
const both = (requests) => ({ RequestItems: { orders: requests, users: requests }, ReturnConsumedCapacity })
await send(new BatchWriteItemCommand(both(puts(100, 10))))
const Keys = [100, 101, 999].map(key)
await send(new BatchGetItemCommand(both({ Keys })))
await send(new BatchGetItemCommand({ RequestItems: { users: { Keys } } }))
const transact = (ConditionExpression) => ({
  TransactItems: [
    { Put: { TableName, Item: item(1), ConditionExpression } },
    { Delete: { TableName: 'users', Key: key(100) } },
  ],
  ReturnConsumedCapacity,
})
await send(new TransactWriteItemsCommand(transact(undefined)))
await send(new TransactWriteItemsCommand(transact('attribute_not_exists(id)')))
const Gets = [{ Get: { TableName, Key: key(1) } }, { Get: { TableName: 'users', Key: key(9) } }]
await send(new TransactGetItemsCommand({ TransactItems: Gets, ReturnConsumedCapacity }))
const statements = {
  insert: `INSERT INTO "orders" VALUE {'id': 'p1', 'city': 'Bonn'}`,
  select: `SELECT * FROM "orders" WHERE id = 'p1'`,
  update: `UPDATE "orders" SET city = 'Rome' WHERE id = 'p1'`,
  nowhere: `SELECT * FROM "nowhere" WHERE id = 'p1'`,
  ofUser: `INSERT INTO "users" VALUE {'id': 'p2'}`,
  ofOrder: `INSERT INTO "orders" VALUE {'id': 'p2'}`,
}
for (const name of ['insert', 'select', 'update', 'nowhere']) {
  await send(new ExecuteStatementCommand({ Statement: statements[name] }))
}
const list = (...names) => names.map((name) => ({ Statement: statements[name] }))
await send(new BatchExecuteStatementCommand({ Statements: list('ofUser', 'ofOrder') }))
await send(new BatchExecuteStatementCommand({ Statements: list('select', 'nowhere') }))
await send(new ExecuteTransactionCommand({ TransactStatements: list('select') }))
await send(new PutItemCommand({ TableName, Item: item(1), ConditionExpression: 'attribute_not_exists(id)' }))
await send(new GetItemCommand({ TableName: 'nowhere', Key: key(1) }))
await send(new GetItemCommand({ TableName, Key: { wrong: { S: '1' } } }))
await send(new ListTablesCommand({}))
await send(new DeleteTableCommand({ TableName: 'users' }))
client.destroy()
process.stdout.write('{"done": true}\n')
