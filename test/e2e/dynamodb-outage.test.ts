// What the AWS SDK makes of a database that is not there, or says nothing, behind oplens; and of its coming back.
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import t, { type Test } from 'tap'
import { newClient, type StubBehaviour, startDynamodbStub } from '../support/dynamodb-servers.js'
import { startConfigured, startProxy, total } from '../support/proxy.js'
import { SdkTruth, sumsOf } from '../support/sdk-truth.js'
import { refusedPort } from '../support/stub-tcp.js'

const TableName = 'users'
const Key = { id: { S: '1' } }
const get = () => new GetItemCommand({ TableName, Key })
const put = () => new PutItemCommand({ TableName, Item: Key })
const answers: StubBehaviour = () => ({ json: {} })

async function startClient(t: Test, upstream: string, listener: readonly string[] = []) {
  const proxy = await startProxy(upstream, { protocol: 'dynamodb', listener })
  t.teardown(() => proxy.close())
  const client = newClient(t, proxy.port)
  const truth = new SdkTruth()
  truth.watch(client)
  const told = () => truth.attempts.map(({ attempt, status, code }) => `${attempt} ${status} ${code}`.trim())
  const counted = async (name: string, ...labels: string[]) =>
    sumsOf(await proxy.metrics(), name, ['db_operation_name', 'db_collection_name', ...labels])
  const operations = () => counted('db_client_operation_duration_seconds_count', 'outcome')
  const errors = () => counted('oplens_operation_errors_total', 'outcome', 'db_response_status_code', 'ended_by')
  const retries = () => counted('oplens_operation_retries_total')
  return { proxy, client, told, operations, errors, retries }
}

t.test(
  'a database that is down is a 503 that the SDK tries again; back on its port, the same client goes on',
  async (t) => {
    const port = await refusedPort()
    const { proxy, client, told, operations, errors, retries } = await startClient(t, `127.0.0.1:${port}`)
    await t.rejects(client.send(get()), { name: 'ServiceUnavailable', $metadata: { httpStatusCode: 503, attempts: 3 } })
    t.same(told(), ['1 503 ServiceUnavailable', '2 503 ServiceUnavailable', '3 503 ServiceUnavailable'])
    t.same(await operations(), ['GetItem users refused = 3'])
    t.same(await errors(), ['GetItem users refused 503  = 3'])
    t.same(await retries(), ['GetItem users = 2'])
    const stub = await startDynamodbStub(t, answers, port)
    await client.send(get())
    await client.send(put())
    await stub.stop()
    // Until oplens has heard of it, a call would end as one that got no answer.
    while (total(await proxy.metrics(), 'oplens_upstream_connections_idle') > 0);
    await t.rejects(client.send(put()), { name: 'ServiceUnavailable' })
    const again = await startDynamodbStub(t, answers, port)
    await client.send(put())
    t.equal(stub.calls.length + again.calls.length, 3)
    t.same(await operations(), [
      'GetItem users ok = 1',
      'GetItem users refused = 3',
      'PutItem users ok = 2',
      'PutItem users refused = 3',
    ])
    const samples = await proxy.metrics()
    t.equal(total(samples, 'oplens_operations_active'), 0)
    t.equal(total(samples, 'oplens_upstream_cluster_requests_active'), 0)
  },
)

t.test('a database that comes back while the SDK tries: its last try is the one that counts', async (t) => {
  const port = await refusedPort()
  const { client, told, retries } = await startClient(t, `127.0.0.1:${port}`)
  let tries = 0
  client.middlewareStack.add(
    (next) => async (args) => {
      if (++tries === 3) await startDynamodbStub(t, answers, port)
      return next(args)
    },
    { step: 'finalizeRequest', priority: 'low' },
  )
  const { $metadata } = await client.send(get())
  t.match($metadata, { httpStatusCode: 200, attempts: 3 })
  t.same(told(), ['1 503 ServiceUnavailable', '2 503 ServiceUnavailable', '3 200'])
  t.same(await retries(), ['GetItem users = 2'])
})

t.test('a database that says nothing is a 504 that the SDK tries again, and late replies reach nobody', async (t) => {
  const late: (() => void)[] = []
  let isSilent = true
  const stub = await startDynamodbStub(t, (_call, response) => {
    if (!isSilent) return { json: { Item: { n: { N: '2' } } } }
    late.push(() => response.end('{"Item":{"n":{"N":"1"}}}'))
    return undefined
  })
  const { client, told, operations, errors, retries } = await startClient(t, stub.address, [
    'http: { request_timeout: 200ms }',
  ])
  await t.rejects(client.send(get()), { name: 'InternalServerError', $metadata: { httpStatusCode: 504, attempts: 3 } })
  t.same(told(), ['1 504 InternalServerError', '2 504 InternalServerError', '3 504 InternalServerError'])
  t.same(
    stub.calls.map(({ headers }) => headers['amz-sdk-request']),
    [1, 2, 3].map((attempt) => `attempt=${attempt}; max=3`),
    'the database was told which try it was',
  )
  t.same(await operations(), ['GetItem users aborted = 3'])
  t.same(await errors(), ['GetItem users aborted  proxy = 3'])
  t.same(await retries(), ['GetItem users = 2'])
  isSilent = false
  for (const answer of late) answer()
  for (let i = 0; i < 3; i++) t.match(await client.send(get()), { Item: { n: { N: '2' } } }, 'the reply is its own')
})

t.test(
  'a connection that the database closes without an answer: reads go again by oplens, writes by the SDK',
  async (t) => {
    const seen: string[] = []
    let cuts = 0
    const stub = await startDynamodbStub(t, ({ operation, headers }, response) => {
      seen.push(`${operation} ${/attempt=\d/.exec(String(headers['amz-sdk-request']))}`)
      if (cuts === 0) return { json: {} }
      cuts--
      response.destroy()
      return undefined
    })
    const { proxy, client, told, operations } = await startClient(t, stub.address)
    await client.send(get())
    cuts = 1
    await client.send(get())
    t.same(told(), ['1 200', '1 200'], 'the SDK knows nothing of it')
    t.same(seen.splice(0), ['GetItem attempt=1', 'GetItem attempt=1', 'GetItem attempt=1'])
    cuts = 1
    await client.send(put())
    t.same(told().slice(2), ['1 503 ServiceUnavailable', '2 200'])
    t.same(seen.splice(0), ['PutItem attempt=1', 'PutItem attempt=2'])
    t.same(await operations(), ['GetItem users ok = 2', 'PutItem users aborted = 1', 'PutItem users ok = 1'])
    t.equal(total(await proxy.metrics(), 'oplens_upstream_request_retries_total'), 1)
  },
)

t.test('a reply that breaks off is no reply: the SDK tries again and takes nothing of it', async (t) => {
  let isBroken = true
  const stub = await startDynamodbStub(t, (_call, response) => {
    if (!isBroken) return { json: { Item: { n: { N: '2' } } } }
    isBroken = false
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0', 'content-length': 1_000 })
    response.write('{"Item":{"n":{"N":"1"}', () => response.destroy())
    return undefined
  })
  const { client, told, operations, errors } = await startClient(t, stub.address)
  t.match(await client.send(get()), { Item: { n: { N: '2' } } })
  t.equal(told().length, 2)
  t.same(await operations(), ['GetItem users aborted = 1', 'GetItem users ok = 1'])
  t.same(await errors(), ['GetItem users aborted  server = 1'])
})

t.test('of two hosts one is down: no call fails, and none is tried again by the SDK', async (t) => {
  const stub = await startDynamodbStub(t, answers)
  const down = `127.0.0.1:${await refusedPort()}`
  const proxy = await startConfigured(`
admin: { address: 127.0.0.1:0 }
listeners: [ { name: front, address: 127.0.0.1:0, protocol: dynamodb, cluster: db } ]
clusters: [ { name: db, hosts: [ "${down}", "${stub.address}" ] } ]
`)
  t.teardown(() => proxy.close())
  const client = newClient(t, proxy.port, { maxAttempts: 1 })
  await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? client.send(get()) : client.send(put()))))
  t.equal(stub.calls.length, 40)
  const samples = await proxy.metrics()
  t.equal(total(samples, 'db_client_operation_duration_seconds_count', { outcome: 'ok' }), 40)
  t.ok(total(samples, 'oplens_upstream_connect_failures_total') > 0, 'the other was tried')
})
