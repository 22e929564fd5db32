import * as semconv from '@opentelemetry/semantic-conventions'
import * as incubating from '@opentelemetry/semantic-conventions/incubating'
import t from 'tap'
import { ConnectionInfo as Connection, type ConnectionInfo } from '../../../src/core/connection.js'
import { Exchange, type Operation } from '../../../src/core/exchange.js'
import { ABORTED, OK, type Outcome, UNKNOWN } from '../../../src/core/outcome.js'
import type { RequestValues, Shape } from '../../../src/core/shape.js'
import { HostStats } from '../../../src/core/stats.js'
import type { TableUse } from '../../../src/core/table-use.js'
import type { Address, Host } from '../../../src/core/upstream.js'
import { redactedFields } from '../../../src/observe/tracing/redacted-fields.js'
import { attributesOf, summaryOf } from '../../../src/observe/tracing/span-attributes.js'

const tcp = (host: string, port = 27_017): Address => ({ kind: 'tcp', host, port })
const hostOf = (name: string, address: Address, hostname = ''): Host => ({
  name,
  address,
  hostname,
  weight: 1,
  stats: new HostStats(),
  state: { role: '' },
})

const mongodb: Operation = {
  protocol: 'mongodb',
  command: 'find',
  kind: 'read',
  database: 'shop',
  collection: 'orders',
}
const dynamodb: Operation = {
  ...mongodb,
  protocol: 'aws.dynamodb',
  command: 'GetItem',
  database: '',
  collection: 'carts',
}
const http: Operation = { ...mongodb, protocol: 'http', command: 'GET', database: '', collection: '' }

const shape: Shape = { id: '0123456789abcdef', command: 'find', text: '{ a: <number> }', isTruncated: false }
const use = (table: string, more: Partial<TableUse> = {}): TableUse => ({
  table,
  index: '',
  readUnits: 0,
  writeUnits: 0,
  items: 1,
  unprocessed: 0,
  ...more,
})

type How = Partial<Omit<Exchange, 'operation' | 'connection'>> & {
  readonly operation?: Partial<Operation>
  readonly on?: Host
}

function exchange(base: Operation, { operation, on, ...how }: How = {}): Exchange {
  const connection: ConnectionInfo = new Connection(1, 'front', 'shop', '10.0.0.1:5', 0)
  connection.host = on
  const made = new Exchange(connection, { ...base, ...operation }, 100)
  return Object.assign(made, { endedAtMs: 103, outcome: OK, requestBytes: 100, replyBytes: 400, ...how })
}

const told = (one: Exchange, isRedacted = (_: string) => false): Record<string, unknown> =>
  attributesOf(one, summaryOf(one), 'head', isRedacted)

const failure = (kind: Outcome['kind'], code: number, codeName = ''): Outcome => ({ kind, code, codeName, by: '' })

const NAMES: Record<string, readonly [Exchange, string]> = {
  'command and collection': [exchange(mongodb), 'find orders'],
  'command and database': [
    exchange(mongodb, { operation: { command: 'listCollections', collection: '' } }),
    'listCollections shop',
  ],
  'a command alone': [exchange(mongodb, { operation: { command: 'ping', collection: '', database: '' } }), 'ping'],
  'a table': [exchange(dynamodb), 'GetItem carts'],
  'several tables, each once': [
    exchange(dynamodb, {
      operation: { command: 'TransactWriteItems', collection: '' },
      tables: [use('carts'), use('carts', { index: 'i' }), use('stock')],
    }),
    'TransactWriteItems carts stock',
  ],
  'a method': [exchange(http), 'GET'],
}
for (const [name, [one, want]] of Object.entries(NAMES)) {
  t.test(`a span's name: ${name}`, (t) => {
    t.equal(summaryOf(one), want)
    t.end()
  })
}

t.test("a span's name is no longer than the conventions allow, and has no half of a table", (t) => {
  const tables = Array.from({ length: 20 }, (_, i) => use(`table-with-a-rather-long-name-${i}`))
  const name = summaryOf(exchange(dynamodb, { operation: { collection: '' }, tables }))
  t.ok(name.length <= 255)
  for (const word of name.split(' ').slice(1)) t.ok(tables.some(({ table }) => table === word))
  t.equal(summaryOf(exchange(mongodb, { operation: { collection: 'c'.repeat(300) } })), 'find')
  t.end()
})

interface Row {
  readonly of: Exchange
  readonly want?: Record<string, unknown>
  readonly without?: readonly string[]
}

const ROWS: Record<string, Row> = {
  'what every operation has': {
    of: exchange(mongodb),
    want: {
      'db.system.name': 'mongodb',
      'db.namespace': 'shop',
      'db.collection.name': 'orders',
      'db.operation.name': 'find',
      'db.query.summary': 'find orders',
      'db.response.returned_rows': 0,
      'oplens.cluster': 'shop',
      'oplens.listener': 'front',
      'oplens.request_bytes': 100,
      'oplens.reply_bytes': 400,
      'oplens.sampled_by': 'head',
      'oplens.outcome': 'ok',
    },
    without: ['db.query.text', 'error.type', 'server.address', 'oplens.shape_id', 'oplens.application'],
  },
  'no namespace': {
    of: exchange(mongodb, { operation: { database: '', collection: '' } }),
    without: ['db.namespace', 'db.collection.name'],
  },
  'a batch of one is none': { of: exchange(mongodb, { batchSize: 1 }), without: ['db.operation.batch.size'] },
  'a batch of two': { of: exchange(mongodb, { batchSize: 2 }), want: { 'db.operation.batch.size': 2 } },
  'a write returns no rows': {
    of: exchange(mongodb, { operation: { kind: 'write' } }),
    without: ['db.response.returned_rows'],
  },
  'a shape': { of: exchange(mongodb, { shape }), want: { 'db.query.text': shape.text, 'oplens.shape_id': shape.id } },
  'a shape without text': { of: exchange(mongodb, { shape: { ...shape, text: '' } }), without: ['db.query.text'] },
  'a getMore names what opened its cursor': {
    of: exchange(mongodb, { operation: { command: 'getMore' }, shape, cursorIdLow: -1, cursorIdHigh: 0x7fffffff }),
    want: { 'oplens.shape_command': 'find', 'db.mongodb.cursor_id': '9223372036854775807' },
  },
  'an operation of its own command': { of: exchange(mongodb, { shape }), without: ['oplens.shape_command'] },
  'a command error': {
    of: exchange(mongodb, { outcome: failure('command_error', 13, 'Unauthorized') }),
    want: { 'db.response.status_code': '13', 'error.type': '13', 'oplens.error_name': 'Unauthorized' },
    without: ['db.response.returned_rows'],
  },
  'an error without a code': {
    of: exchange(mongodb, { outcome: failure('write_error', 0) }),
    want: { 'error.type': 'write_error' },
    without: ['db.response.status_code'],
  },
  'an abort': {
    of: exchange(mongodb, { outcome: ABORTED.client }),
    want: { 'error.type': 'aborted', 'oplens.ended_by': 'client', 'oplens.outcome': 'aborted' },
    without: ['db.response.status_code'],
  },
  'a reply that nobody could read is no error': {
    of: exchange(mongodb, { outcome: UNKNOWN }),
    want: { 'oplens.outcome': 'unknown' },
    without: ['error.type'],
  },
  'a host by address': {
    of: exchange(mongodb, { on: hostOf('10.0.0.5:27017', tcp('10.0.0.5')) }),
    want: {
      'server.address': '10.0.0.5',
      'server.port': 27_017,
      'network.peer.address': '10.0.0.5',
      'network.peer.port': 27_017,
    },
  },
  'a host of version 6': {
    of: exchange(mongodb, { on: hostOf('[fd00::5]:27017', tcp('fd00::5')) }),
    want: { 'server.address': 'fd00::5', 'server.port': 27_017, 'network.peer.address': 'fd00::5' },
  },
  'a member of a set, reached elsewhere': {
    of: exchange(mongodb, { on: hostOf('a.rs:27017', tcp('10.0.0.5', 27_101)) }),
    want: { 'server.address': 'a.rs', 'server.port': 27_017, 'network.peer.port': 27_101 },
  },
  'a name that resolved': {
    of: exchange(mongodb, { on: hostOf('10.0.0.5:27017', tcp('10.0.0.5'), 'db.internal') }),
    want: { 'server.address': 'db.internal', 'server.port': 27_017, 'network.peer.address': '10.0.0.5' },
  },
  'a name that Node resolves': {
    of: exchange(mongodb, { on: hostOf('db.internal:27017', tcp('db.internal')) }),
    want: { 'server.address': 'db.internal' },
    without: ['network.peer.address', 'network.peer.port'],
  },
  'a socket': {
    of: exchange(mongodb, { on: hostOf('unix:/run/db.sock', { kind: 'unix', path: '/run/db.sock' }) }),
    want: { 'server.address': '/run/db.sock', 'network.peer.address': '/run/db.sock' },
    without: ['server.port', 'network.peer.port'],
  },
  'a table with its cost': {
    of: exchange(dynamodb, {
      status: 200,
      attempt: 3,
      affected: 2,
      scanned: 9,
      tables: [
        use('carts', { readUnits: 1.5 }),
        use('carts', { index: 'by-day', readUnits: 0.5, writeUnits: 1, items: 0 }),
      ],
    }),
    want: {
      'aws.dynamodb.table_names': ['carts'],
      'aws.dynamodb.index_name': 'by-day',
      'aws.dynamodb.consumed_capacity': [
        '{"TableName":"carts","CapacityUnits":1.5,"ReadCapacityUnits":1.5}',
        '{"TableName":"carts","IndexName":"by-day","CapacityUnits":1.5,"ReadCapacityUnits":0.5,"WriteCapacityUnits":1}',
      ],
      'aws.dynamodb.count': 2,
      'aws.dynamodb.scanned_count': 9,
      'http.response.status_code': 200,
      'http.request.resend_count': 2,
    },
    without: ['db.operation.batch.size', 'db.namespace'],
  },
  'keys of a batch': {
    of: exchange(dynamodb, { tables: [use('carts', { items: 3 }), use('stock', { items: 4 })] }),
    want: { 'db.operation.batch.size': 7 },
  },
  'an exception': {
    of: exchange(dynamodb, { status: 400, outcome: failure('command_error', 400, 'ValidationException') }),
    want: {
      'error.type': 'ValidationException',
      'db.response.status_code': 'ValidationException',
      'http.response.status_code': 400,
    },
  },
  'an error of HTTP': {
    of: exchange(http, { status: 404, outcome: failure('command_error', 404) }),
    want: { 'http.request.method': 'GET', 'http.response.status_code': 404, 'error.type': '404' },
    without: ['db.system.name', 'db.operation.name', 'db.query.summary', 'db.response.status_code'],
  },
}

for (const [name, { of, want = {}, without = [] }] of Object.entries(ROWS)) {
  t.test(name, (t) => {
    const attributes = told(of)
    for (const [key, value] of Object.entries(want)) t.same(attributes[key], value, key)
    for (const key of without) t.notOk(key in attributes, `no ${key}`)
    t.end()
  })
}

t.test('each attribute is one of the conventions, but for our own and those of the drivers', (t) => {
  const known: ReadonlySet<unknown> = new Set(
    [...Object.values(semconv), ...Object.values(incubating)].filter((v) => typeof v === 'string'),
  )
  const keys = new Set(Object.values(ROWS).flatMap(({ of }) => Object.keys(told(of))))
  for (const key of keys) {
    if (key.startsWith('oplens.') || key.startsWith('db.mongodb.')) continue
    t.ok(known.has(key), key)
  }
  t.ok(keys.size > 30, `${keys.size} attributes`)
  t.equal(incubating.DB_SYSTEM_NAME_VALUE_MONGODB, mongodb.protocol)
  t.equal(incubating.DB_SYSTEM_NAME_VALUE_AWS_DYNAMODB, dynamodb.protocol)
  t.end()
})

t.test('values stand in the text where the codec was told to keep them, but for fields that stay hidden', (t) => {
  const values: RequestValues = {
    text: (isRedacted) =>
      `{ a: ${isRedacted('a') ? '<hidden>' : 7}, pass: ${isRedacted('Password') ? '<hidden>' : 'CANARY'} }`,
  }
  const one = exchange(mongodb, { shape, values })
  const isRedacted = redactedFields(['pass*'])
  t.equal(told(one, isRedacted)['db.query.text'], '{ a: 7, pass: <hidden> }')
  t.equal(told(exchange(mongodb, { shape, values: { text: () => '' } }))['db.query.text'], shape.text)
  t.end()
})

t.test('neither the comment nor anything else that was not meant to be is among the attributes', (t) => {
  const one = exchange(mongodb, { comment: 'CANARY', shape, errorLabels: ['CANARY'], traceParent: 'CANARY' })
  t.notOk(JSON.stringify(told(one)).includes('CANARY'))
  t.end()
})

t.test('names of hidden fields', (t) => {
  const rows: [string[], string, boolean][] = [
    [[], 'a', false],
    [['ssn'], 'ssn', true],
    [['ssn'], 'SSN', true],
    [['ssn'], 'ssn2', false],
    [['*token'], 'accessToken', true],
    [['a.b'], 'axb', false],
    [['(x', 'y'], 'y', true],
    [['*'], 'anything\nat all', true],
    [['a*a'], 'a', false],
    [['a*a'], 'aa', true],
    [['*b*b*'], 'abcb', true],
    [['*b*b*'], 'abc', false],
    [['x*b*y'], 'xby', true],
    [['x*by*y'], 'xby', false],
    // A regular expression takes six seconds for the next one, and minutes with another star.
    [['*a*a*a*a*x'], 'a'.repeat(15_000), false],
  ]
  for (const [patterns, field, want] of rows)
    t.equal(redactedFields(patterns)(field), want, `${patterns}: ${field.slice(0, 30)}`)
  t.end()
})
