import type http from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { crc32 } from 'node:zlib'
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  CreateTableCommand,
  DeleteItemCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  ExecuteStatementCommand,
  GetItemCommand,
  ListTablesCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import t from 'tap'
import type { Exchange } from '../../../src/core/exchange.js'
import type { HttpRefusal, HttpReply } from '../../../src/core/http.js'
import { newCodec } from '../../support/dynamodb.js'
import { RecordingServer } from '../../support/recording-server.js'

const dynalite = createRequire(import.meta.url)('dynalite') as (options: Record<string, unknown>) => http.Server

const database = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
await new Promise<void>((resolve) => database.listen(0, '127.0.0.1', resolve))
const server = new RecordingServer(newCodec(), (database.address() as AddressInfo).port)
const endpoint = await server.listen()
t.teardown(async () => {
  await server.close()
  database.closeAllConnections()
  await new Promise((resolve) => database.close(resolve))
})

interface Sent {
  readonly command: string
  readonly tables: readonly string[]
  outcome: string
  attempts: number
}

/** A client, and what it says itself of each call: its command, tables, result and attempts. */
function newClient(maxAttempts = 3): { client: DynamoDBClient; sent: Sent[] } {
  const sent: Sent[] = []
  const client = new DynamoDBClient({
    endpoint,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 's' },
    maxAttempts,
    userAgentAppId: 'shop',
  })
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const input = args.input as { TableName?: string; RequestItems?: object }
      const tables = input.RequestItems === undefined ? [input.TableName ?? ''] : Object.keys(input.RequestItems)
      const call: Sent = {
        command: String(context.commandName).replace(/Command$/, ''),
        tables,
        outcome: '',
        attempts: 0,
      }
      sent.push(call)
      try {
        const result = await next(args)
        call.outcome = 'ok'
        call.attempts = (result.output as { $metadata: { attempts?: number } }).$metadata.attempts ?? 0
        return result
      } catch (error) {
        const { name, $metadata } = error as Error & { $metadata?: { attempts?: number } }
        call.outcome = name
        call.attempts = $metadata?.attempts ?? 0
        throw error
      }
    },
    { step: 'initialize' },
  )
  t.teardown(() => client.destroy())
  return { client, sent }
}

function take(): readonly Exchange[] {
  return server.exchanges.splice(0)
}

const counted = (keys: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const key of keys.toSorted()) counts[key] = (counts[key] ?? 0) + 1
  return counts
}
const keyOfExchange = ({ operation, outcome }: Exchange): string =>
  `${operation.command} ${operation.collection} ${outcome?.kind === 'ok' ? 'ok' : outcome?.codeName}`
const keyOfSent = ({ command, tables, outcome }: Sent): string =>
  `${command} ${tables.length === 1 ? tables[0] : ''} ${outcome}`

const key = (id: number) => ({ id: { S: `user#${id}` } })
const createTable = (TableName: string) =>
  new CreateTableCommand({
    TableName,
    AttributeDefinitions: [
      { AttributeName: 'id', AttributeType: 'S' },
      { AttributeName: 'city', AttributeType: 'S' },
    ],
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    ProvisionedThroughput: { ReadCapacityUnits: 5, WriteCapacityUnits: 5 },
    GlobalSecondaryIndexes: [
      {
        IndexName: 'by_city',
        KeySchema: [{ AttributeName: 'city', KeyType: 'HASH' }],
        Projection: { ProjectionType: 'ALL' },
        ProvisionedThroughput: { ReadCapacityUnits: 5, WriteCapacityUnits: 5 },
      },
    ],
  })

t.test('a session of the AWS SDK: its own counts by operation, table and outcome are ours', async (t) => {
  const { client, sent } = newClient()
  const failing = (promise: Promise<unknown>): Promise<unknown> => promise.catch(() => undefined)
  const ReturnConsumedCapacity = 'TOTAL'
  await client.send(createTable('users'))
  await client.send(createTable('orders'))
  while ((await client.send(new DescribeTableCommand({ TableName: 'users' }))).Table?.TableStatus !== 'ACTIVE');
  while ((await client.send(new DescribeTableCommand({ TableName: 'orders' }))).Table?.TableStatus !== 'ACTIVE');
  for (let i = 0; i < 20; i++) {
    const Item = { ...key(i), city: { S: i % 2 ? 'Rome' : 'Oslo' }, text: { S: '"{[\\ é'.repeat(i) } }
    await client.send(new PutItemCommand({ TableName: 'users', Item, ReturnConsumedCapacity: 'INDEXES' }))
  }
  for (let i = 0; i < 25; i++)
    await client.send(new GetItemCommand({ TableName: 'users', Key: key(i), ReturnConsumedCapacity }))
  await client.send(
    new UpdateItemCommand({
      TableName: 'users',
      Key: key(1),
      UpdateExpression: 'SET n = :n',
      ExpressionAttributeValues: { ':n': { N: '1' } },
    }),
  )
  await client.send(new DeleteItemCommand({ TableName: 'users', Key: key(0) }))
  await client.send(new ScanCommand({ TableName: 'users', Limit: 5 }))
  await client.send(
    new QueryCommand({
      TableName: 'users',
      IndexName: 'by_city',
      KeyConditionExpression: 'city = :c',
      ExpressionAttributeValues: { ':c': { S: 'Rome' } },
      ReturnConsumedCapacity,
    }),
  )
  const puts = (count: number) => Array.from({ length: count }, (_, i) => ({ PutRequest: { Item: key(100 + i) } }))
  await client.send(
    new BatchWriteItemCommand({ RequestItems: { users: puts(3), orders: puts(2) }, ReturnConsumedCapacity }),
  )
  await client.send(new BatchGetItemCommand({ RequestItems: { orders: { Keys: [key(100), key(101), key(999)] } } }))
  await client.send(new ListTablesCommand({}))
  const Item = key(1)
  await failing(
    client.send(new PutItemCommand({ TableName: 'users', Item, ConditionExpression: 'attribute_not_exists(id)' })),
  )
  await failing(client.send(new GetItemCommand({ TableName: 'nowhere', Key: key(1) })))
  await failing(client.send(new GetItemCommand({ TableName: 'users', Key: { wrong: { S: '1' } } })))
  await failing(client.send(new ExecuteStatementCommand({ Statement: 'SELECT * FROM "users"' })))
  await client.send(new DeleteTableCommand({ TableName: 'orders' }))

  const exchanges = take()
  t.same(server.failures, [])
  const truth = sent.map(keyOfSent).map((text) => text.replace('ExecuteStatement  ', 'ExecuteStatement users '))
  t.same(counted(exchanges.map(keyOfExchange)), counted(truth))
  t.same(
    counted(exchanges.map(({ outcome }) => outcome?.codeName || 'ok')),
    counted(sent.map(({ outcome }) => outcome)),
  )
  const find = (command: string) => exchanges.find(({ operation }) => operation.command === command)
  t.match(find('Query'), { documents: 10, affected: 10, tables: [{ table: 'users', index: 'by_city', writeUnits: 0 }] })
  t.ok((find('Query')?.tables[0]?.readUnits ?? 0) > 0)
  t.match(find('Scan'), { documents: 5, limit: 5 })
  t.match(find('BatchGetItem'), { documents: 2, tables: [{ table: 'orders', items: 3 }] })
  t.match(find('BatchWriteItem'), {
    batchSize: 5,
    tables: [
      { table: 'users', items: 3, writeUnits: 3 },
      { table: 'orders', items: 2, writeUnits: 2 },
    ],
  })
  t.match(find('PutItem')?.tables[0], { table: 'users', index: '', items: 1, writeUnits: 1 })
  t.equal(exchanges.filter(({ operation, documents }) => operation.command === 'GetItem' && documents === 1).length, 20)
  for (const { attempt, connection } of exchanges) {
    t.equal(attempt, 1)
    t.match(connection, { driver: 'aws-sdk-js', driverVersion: /^3\./, application: 'shop' })
  }
})

/** Refuses the first `times` requests. */
function refuseFirst(times: number, kind: HttpRefusal['kind']): HttpReply[] {
  const given: HttpReply[] = []
  server.answer = (reader) => {
    if (given.length >= times) return undefined
    const reply = reader.refuse({ kind, message: 'rule "slow" of oplens' })
    given.push(reply)
    return reply
  }
  return given
}

const get = new GetItemCommand({ TableName: 'users', Key: key(1) })
const RETRIED: readonly (readonly [kind: HttpRefusal['kind'], status: number, type: string])[] = [
  ['throttled', 400, 'ProvisionedThroughputExceededException'],
  ['unavailable', 503, 'ServiceUnavailable'],
  ['timeout', 504, 'InternalServerError'],
]

for (const [kind, status, type] of RETRIED) {
  t.test(`the SDK retries what is refused as ${kind}, and counts attempts as we do`, async (t) => {
    const { client, sent } = newClient()
    const given = refuseFirst(2, kind)
    await client.send(get)
    t.match(sent, [{ outcome: 'ok', attempts: 3 }])
    const exchanges = take()
    t.same(
      exchanges.map(({ attempt, outcome }) => [attempt, outcome?.code, outcome?.codeName]),
      [
        [1, status, type],
        [2, status, type],
        [3, 0, ''],
      ],
    )
    checkReply(t, given[0], status, type)
  })
}

t.test('it gives up after its attempts, with our refusal as its error', async (t) => {
  const { client, sent } = newClient(2)
  refuseFirst(9, 'throttled')
  await t.rejects(client.send(get), {
    name: 'ProvisionedThroughputExceededException',
    message: 'rule "slow" of oplens',
  })
  t.match(sent, [{ attempts: 2 }])
  t.same(
    take().map(({ attempt }) => attempt),
    [1, 2],
  )
})

t.test('a control-plane operation is refused as it is throttled, and retried', async (t) => {
  const { client, sent } = newClient()
  const given = refuseFirst(1, 'throttled')
  await client.send(new DescribeTableCommand({ TableName: 'users' }))
  t.match(sent, [{ outcome: 'ok', attempts: 2 }])
  checkReply(t, given[0], 400, 'ThrottlingException')
  take()
})

t.test('what is denied is not retried', async (t) => {
  const { client, sent } = newClient()
  const given = refuseFirst(9, 'denied')
  await t.rejects(client.send(get), { name: 'AccessDeniedException', message: 'rule "slow" of oplens' })
  t.match(sent, [{ outcome: 'AccessDeniedException', attempts: 1 }])
  t.match(take(), [{ attempt: 1, outcome: { kind: 'command_error', codeName: 'AccessDeniedException' } }])
  checkReply(t, given[0], 400, 'AccessDeniedException')
})

function checkReply(
  t: Pick<typeof import('tap').t, 'equal' | 'match'>,
  reply: HttpReply | undefined,
  status: number,
  type: string,
): void {
  const headers = new Map(reply?.headers ?? [])
  const body = reply?.body ?? Buffer.alloc(0)
  t.equal(reply?.status, status)
  t.equal(headers.get('content-type'), 'application/x-amz-json-1.0')
  t.equal(headers.get('x-amz-crc32'), String(crc32(body)))
  t.match(headers.get('x-amzn-requestid'), /^[0-9a-f-]{36}$/)
  t.match(JSON.parse(body.toString()), { __type: new RegExp(`#${type}$`), message: 'rule "slow" of oplens' })
}
