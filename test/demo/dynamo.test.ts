import { once } from 'node:events'
import { connect } from 'node:net'
import { DynamoDB, type TransactWriteItemsCommandInput } from '@aws-sdk/client-dynamodb'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/core/clock.js'
import { dynamoLatency, hotTable } from '../../src/demo/dynamo/latency.js'
import { type DynamoServer, type DynamoServerOptions, startDynamoServer } from '../../src/demo/dynamo/server.js'
import { runDynamoWorkload } from '../../src/demo/dynamo/workload.js'
import { seededRandom } from '../support/seeded-random.js'

const endpointOf = ({ host, port }: DynamoServer): string => `http://${host}:${port}`

async function start(t: Test, options: Partial<DynamoServerOptions> = {}): Promise<DynamoServer> {
  const server = await startDynamoServer({ clock: systemClock, ...options })
  t.teardown(() => server.close())
  return server
}

function newClient(t: Test, server: DynamoServer): DynamoDB {
  const credentials = { accessKeyId: 'a', secretAccessKey: 's' }
  const client = new DynamoDB({ endpoint: endpointOf(server), region: 'eu-central-1', credentials, maxAttempts: 1 })
  t.teardown(() => client.destroy())
  return client
}

const workload = (server: DynamoServer, signal = new AbortController().signal, seconds?: number) =>
  runDynamoWorkload({
    endpoint: endpointOf(server),
    seconds,
    signal,
    clock: systemClock,
    random: seededRandom(7),
    ratePerSecond: 2_000,
  })

t.test(
  'the bazaar does everything a proxy should be seen counting, and its own count is what the server got',
  async (t) => {
    const seen: string[] = []
    const throttle = hotTable('carts', seededRandom(2))
    const stop = new AbortController()
    let throttled = 0
    const server = await start(t, {
      isThrottled: (operation, body) => {
        seen.push(operation)
        const isThrottled = throttle(operation, body)
        if (isThrottled) throttled++
        if (seen.length > 600 && throttled > 0) stop.abort()
        return isThrottled
      },
    })
    const { operations, rows } = await workload(server, stop.signal)
    t.equal(operations, seen.length)
    t.ok(throttled > 0)
    const counted = (names: readonly string[]) => {
      const counts: Record<string, number> = {}
      for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1
      return counts
    }
    t.same(counted(rows.flatMap(({ operation, count }) => Array<string>(count).fill(operation))), counted(seen))
    const names = new Set(rows.map(({ operation, tables, outcome }) => `${operation} ${tables.join('+')} ${outcome}`))
    for (const name of [
      'CreateTable purchases ok',
      'DescribeTable carts ok',
      'GetItem carts ok',
      'GetItem carts command_error',
      'GetItem wishlists command_error',
      'GetItem products ok',
      'Query products ok',
      'Query purchases ok',
      'Scan purchases ok',
      'PutItem carts ok',
      'PutItem products command_error',
      'UpdateItem carts ok',
      'UpdateItem carts command_error',
      'DeleteItem carts ok',
      'BatchGetItem carts+products ok',
      'BatchWriteItem carts+purchases ok',
      'TransactWriteItems products+purchases ok',
      'TransactWriteItems products+purchases command_error',
    ]) {
      t.ok(names.has(name), name)
    }
    t.notOk(rows.some(({ outcome }) => outcome === 'aborted'))
  },
)

t.test('the bazaar ends when its time is over, and at once when it is told to', async (t) => {
  t.ok((await workload(await start(t), undefined, 0.2)).operations > 10)
  t.ok((await workload(await start(t), AbortSignal.abort())).operations > 3, 'its tables alone')
})

t.test('the bazaar fails with the SDK’s error when nobody answers', async (t) => {
  const server = await startDynamoServer({ clock: systemClock })
  await server.close()
  await t.rejects(workload(server), { code: 'ECONNREFUSED' })
})

const KEYS = {
  AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' as const }],
  KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' as const }],
  BillingMode: 'PAY_PER_REQUEST' as const,
}
const id = (value: string) => ({ id: { S: value } })

async function withTables(t: Test): Promise<DynamoDB> {
  const client = newClient(t, await start(t))
  for (const TableName of ['first', 'second']) {
    await client.createTable({ ...KEYS, TableName })
    while ((await client.describeTable({ TableName })).Table?.TableStatus !== 'ACTIVE');
  }
  return client
}

t.test('a transaction is done whole or not at all, and tells its cost or its reasons', async (t) => {
  const client = await withTables(t)
  const write = (condition: string | undefined): TransactWriteItemsCommandInput => ({
    ReturnConsumedCapacity: 'TOTAL',
    TransactItems: [
      { Put: { TableName: 'first', Item: id('x') } },
      { Put: { TableName: 'second', Item: id('x'), ConditionExpression: condition } },
    ],
  })
  const failed = client.transactWriteItems(write('attribute_exists(id)'))
  await t.rejects(failed, {
    name: 'TransactionCanceledException',
    CancellationReasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed' }],
  })
  t.equal((await client.getItem({ TableName: 'first', Key: id('x') })).Item, undefined, 'nothing of it was done')
  const done = await client.transactWriteItems(write('attribute_not_exists(id)'))
  t.match(
    done.ConsumedCapacity?.toSorted((a, b) => (a.TableName ?? '').localeCompare(b.TableName ?? '')),
    [
      { TableName: 'first', CapacityUnits: 2 },
      { TableName: 'second', CapacityUnits: 2 },
    ],
  )
  t.ok((await client.getItem({ TableName: 'first', Key: id('x') })).Item)
  await t.rejects(client.transactWriteItems({ TransactItems: [{ Put: { TableName: 'none', Item: id('x') } }] }), {
    name: 'ResourceNotFoundException',
  })
  const check = { TableName: 'first', Key: id('x'), ConditionExpression: 'attribute_exists(id)' }
  await t.rejects(client.transactWriteItems({ TransactItems: [{ ConditionCheck: check }] }), {
    name: 'ValidationException',
  })
})

t.test('requests that make no sense are answered, and clients that leave end nothing', async (t) => {
  const server = await start(t, { latency: () => 5 })
  const leaving = connect(server.port, server.host)
  leaving.write('POST / HTTP/1.1\r\nhost: x\r\nx-amz-target: DynamoDB_20120810.GetItem\r\ncontent-length: 99\r\n\r\n{')
  await once(leaving, 'connect')
  leaving.destroy()
  const ask = (body: string, target: string) =>
    fetch(endpointOf(server), {
      method: 'POST',
      body,
      headers: { 'x-amz-target': target, 'content-type': 'application/x-amz-json-1.0' },
    })
  const unknown = await ask('{}', 'DynamoDB_20120810.MakeCoffee')
  t.equal(unknown.status, 400)
  t.match(await unknown.json(), { __type: /UnknownOperationException$/ })
  t.match(await (await ask('{', 'DynamoDB_20120810.TransactWriteItems')).json(), { __type: /#InternalServerError$/ })
  t.equal((await ask('x'.repeat(2_000_000), 'DynamoDB_20120810.PutItem')).status, 413)
})

t.test('each operation has its delay, and only writes of the hot table are throttled', async (t) => {
  const latency = dynamoLatency(seededRandom(3))
  const of = (operation: string) => Array.from({ length: 200 }, () => latency(operation))
  t.ok(of('GetItem').filter((ms) => ms <= 3).length > 180)
  t.ok(Math.max(...of('GetItem')) > 10)
  t.ok(Math.min(...of('TransactWriteItems')) > 7)
  t.same(new Set(of('ListTables')), new Set([0]))
  const isThrottled = hotTable('carts', seededRandom(4))
  const times = (operation: string, table: string) =>
    Array.from({ length: 2_000 }, () => isThrottled(operation, `{"TableName":"${table}"}`)).filter(Boolean).length
  const count = times('UpdateItem', 'carts')
  t.ok(count > 5 && count < 50, String(count))
  t.same([times('UpdateItem', 'products'), times('GetItem', 'carts')], [0, 0])
})
