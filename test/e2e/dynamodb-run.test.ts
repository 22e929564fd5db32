// DynamoDB by the command line, as the README starts it; and beside MongoDB in one oplens.
import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { MongoClient } from 'mongodb'
import t from 'tap'
import { createApplication } from '../../src/cli/composition.js'
import type { Io } from '../../src/cli/io.js'
import { runCli } from '../../src/cli/program.js'
import { startDemoServer } from '../../src/demo/mongod/server.js'
import { newClient, startDynamodbStub } from '../support/dynamodb-servers.js'
import { parseSamples, startConfigured, total } from '../support/proxy.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const Key = { id: { S: '1' } }

/** An application that was written for AWS. */
const APPLICATION = `
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
const client = new DynamoDBClient()
const { Item } = await client.send(new GetItemCommand({ TableName: 'users', Key: { id: { S: '1' } } }))
console.log('got ' + Item.id.S)
`

t.test('run --to dynamodb://… prints the variable that leads an application through it', async (t) => {
  const stub = await startDynamodbStub(t, () => ({ json: { Item: Key } }))
  const lines: string[] = []
  const events = new EventEmitter()
  const io: Io = {
    environment: {},
    out: (text) => {
      lines.push(...text.split('\n'))
      events.emit('out')
    },
    err: () => undefined,
    onSignal(listener) {
      events.on('signal', listener)
      return () => events.off('signal', listener)
    },
    onFault: () => () => undefined,
    outputMayClose: () => undefined,
    exitNow: () => undefined,
  }
  const argv = ['run', '--to', `dynamodb://${stub.address}`, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']
  const exit = runCli(argv, io, async () => createApplication)
  t.teardown(() => exit)
  t.teardown(() => events.emit('signal', 'SIGTERM'))
  while (!lines.some((line) => line.startsWith('Live page: '))) await once(events, 'out')
  const variable = lines.find((line) => line.startsWith('AWS_ENDPOINT_URL=')) ?? ''
  t.match(variable, /^AWS_ENDPOINT_URL=http:\/\/127\.0\.0\.1:\d+$/, 'on a line of its own')

  const [name = '', value = ''] = variable.split('=')
  // What it had before, and nothing of this machine's own configuration.
  const had = {
    PATH: process.env.PATH,
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 's',
    AWS_REGION: 'eu-central-1',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  }
  const application = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', APPLICATION], {
    cwd: ROOT,
    env: { ...had, [name]: value },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  application.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const [code] = await once(application, 'close')
  t.equal(code, 0)
  t.equal(said, 'got 1\n')
  t.equal(stub.calls.length, 1)
  const admin = /^Live page: (http:\/\/127\.0\.0\.1:\d+)/m.exec(lines.join('\n'))?.[1]
  const samples = parseSamples(await (await fetch(`${admin}/metrics`)).text())
  const gets = { db_system_name: 'aws.dynamodb', db_operation_name: 'GetItem', db_collection_name: 'users' }
  t.equal(total(samples, 'db_client_operation_duration_seconds_count', gets), 1)
})

t.test('MongoDB and DynamoDB behind one oplens are side by side, and kept apart', async (t) => {
  const mongod = await startDemoServer()
  t.teardown(() => mongod.close())
  const stub = await startDynamodbStub(t, ({ operation }) => ({ json: operation === 'GetItem' ? { Item: Key } : {} }))
  const proxy = await startConfigured(`
admin: { address: 127.0.0.1:0 }
listeners:
  - { name: documents, address: 127.0.0.1:0, protocol: mongodb, cluster: mongo }
  - { name: tables, address: 127.0.0.1:0, protocol: dynamodb, cluster: dynamo }
clusters:
  - { name: mongo, hosts: [ "127.0.0.1:${mongod.address.port}" ] }
  - { name: dynamo, hosts: [ "${stub.address}" ] }
`)
  t.teardown(() => proxy.close())
  const [documents = 0, tables = 0] = proxy.ports
  const mongo = await new MongoClient(`mongodb://127.0.0.1:${documents}/?directConnection=true`).connect()
  t.teardown(() => mongo.close())
  const users = mongo.db('shop').collection('users')
  await users.insertOne({ a: 1 })
  await users.findOne({ a: 1 })
  await users.findOne({ a: 2 })
  const dynamo = newClient(t, tables)
  await dynamo.send(new PutItemCommand({ TableName: 'users', Item: Key }))
  await dynamo.send(new GetItemCommand({ TableName: 'users', Key }))

  const report = JSON.parse(await proxy.get('/operations'))
  const rows = report.rows.map((row: Record<string, unknown>) =>
    [row.cluster, row.database, row.collection, row.command, row.operations].join(' '),
  )
  for (const row of [
    'mongo shop users insert 1',
    'mongo shop users find 2',
    'dynamo  users PutItem 1',
    'dynamo  users GetItem 1',
  ])
    t.ok(rows.includes(row), row)
  const text = await proxy.get('/operations?format=text')
  t.match(text, /find/)
  t.match(text, /GetItem/)
  const samples = await proxy.metrics()
  const ended = (labels: Record<string, string>) =>
    total(samples, 'db_client_operation_duration_seconds_count', { db_collection_name: 'users', ...labels })
  t.equal(ended({ db_system_name: 'mongodb', cluster: 'mongo', db_namespace: 'shop' }), 3)
  t.equal(ended({ db_system_name: 'aws.dynamodb', cluster: 'dynamo', db_namespace: '' }), 2)
  t.equal(ended({}), 5)
})
