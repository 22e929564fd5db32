import t from 'tap'
import { BodyRoom, KeptBody } from '../../../src/codecs/dynamodb/kept-body.js'
import { everyCut } from '../../support/cuts.js'
import { newCodec, read } from '../../support/dynamodb.js'
import { seededRandom } from '../../support/seeded-random.js'

const SECRET = 'jane@example.com'
const codecFor = (wants: (database: string, collection: string) => boolean) =>
  newCodec({}, { shapes: true, values: wants })
const everywhere = codecFor(() => true)
const redacting =
  (...names: string[]) =>
  (field: string) =>
    names.includes(field)

const PUT = { operation: 'PutItem', request: { TableName: 'users', Item: { id: { S: '1' }, mail: { S: SECRET } } } }
const QUERY = {
  operation: 'Query',
  request: {
    TableName: 'users',
    KeyConditionExpression: '#m = :v',
    ExpressionAttributeNames: { '#m': 'mail' },
    ExpressionAttributeValues: { ':v': { S: SECRET } },
  },
}
const STATEMENT = {
  operation: 'ExecuteStatement',
  request: { Statement: `SELECT * FROM users WHERE mail = '${SECRET}'` },
}

t.test('a request is told with its values, at every cut of its body', async (t) => {
  const random = seededRandom(5)
  const cuts = everyCut(Buffer.from(JSON.stringify(PUT.request)), random)
  for (const [index] of cuts.entries()) {
    const { exchange } = read(PUT, (body) => everyCut(body, random)[index]?.[1] ?? [], everywhere)
    t.equal(exchange.values?.text(redacting()), `{"Item":{"id":{"S":"1"},"mail":{"S":"${SECRET}"}}}`)
  }
})

t.test(
  'values under a hidden field stay hidden, also those that expressions and statements compare it with',
  async (t) => {
    for (const call of [PUT, QUERY, STATEMENT]) {
      const values = read(call, undefined, everywhere).exchange.values
      t.match(values?.text(redacting('other')), SECRET, call.operation)
      t.notMatch(values?.text(redacting('mail')), SECRET, call.operation)
    }
    t.match(
      read(PUT, undefined, everywhere).exchange.values?.text(redacting('mail')),
      '"id":{"S":"1"}',
      'the rest is told',
    )
  },
)

t.test(
  'requests are kept on the tables that were asked for, and of several tables when all of them were',
  async (t) => {
    const onlyUsers = codecFor((database, table) => database === '' && table === 'users')
    const batch = (...tables: string[]) => ({
      operation: 'BatchGetItem',
      request: { RequestItems: Object.fromEntries(tables.map((table) => [table, { Keys: [{ id: { S: SECRET } }] }])) },
    })
    t.ok(read(PUT, undefined, onlyUsers).exchange.values)
    t.ok(read(batch('users'), undefined, onlyUsers).exchange.values)
    t.notOk(read(batch('users', 'carts'), undefined, onlyUsers).exchange.values)
    t.notOk(read({ ...PUT, request: { ...PUT.request, TableName: 'carts' } }, undefined, onlyUsers).exchange.values)
    t.notOk(read(PUT, undefined, newCodec({}, { shapes: true, values: undefined })).exchange.values)
  },
)

t.test('what is too long, or no JSON, has no text, and long texts end in an ellipsis', async (t) => {
  const put = (mail: string) => ({ ...PUT, request: { ...PUT.request, Item: { mail: { S: mail } } } })
  t.equal(read(put('x'.repeat(20_000)), undefined, everywhere).exchange.values?.text(redacting()), '')
  t.match(read(put('x'.repeat(5_000)), undefined, everywhere).exchange.values?.text(redacting()), /"x{256}…"/)
  const many = {
    operation: 'PutItem',
    request: { TableName: 'users', Item: Object.fromEntries(names().map((n) => [n, { S: n }])) },
  }
  const text = read(many, undefined, everywhere).exchange.values?.text(redacting()) ?? ''
  t.ok(Buffer.byteLength(text) <= 4_096 && text.endsWith('…'), `${text.length}`)
})

t.test('a thousand requests with bodies hold nothing when they are over', async (t) => {
  let last = everywhere
  for (let i = 0; i < 3_000; i++) {
    // 3,000 x 15 KB is more than there is room for at once.
    const { exchange } = read(
      { ...PUT, request: { ...PUT.request, Item: { mail: { S: 'y'.repeat(15_000) } } } },
      undefined,
      last,
    )
    if (exchange.values?.text(redacting()) === '') t.fail(`request ${i} had no room`)
    last = everywhere
  }
})

const names = (): string[] => Array.from({ length: 300 }, (_, i) => `attribute-${i}`)

t.test('a body that comes byte by byte takes no more memory than it counts', async (t) => {
  const room = new BodyRoom(() => true)
  const one = Buffer.from(' ')
  const before = process.memoryUsage().heapUsed
  const kept = Array.from({ length: 50 }, () => {
    const body = new KeptBody(room)
    for (let i = 0; i < 16_384; i++) body.push(one)
    return body
  })
  t.ok(process.memoryUsage().heapUsed - before < 16 * 1_048_576)
  t.equal(room.heldBytes, 50 * 16_384)
  for (const body of kept) body.release()
  t.equal(room.heldBytes, 0)
})

t.test('a body that is nested without end is not told, and nothing breaks', async (t) => {
  for (const [depth, isTold] of [
    [90, true],
    [3_000, false],
    [8_000, false],
  ] as const) {
    const body = new KeptBody(new BodyRoom(() => true))
    body.push(Buffer.from(`{"Key":${'['.repeat(depth)}${']'.repeat(depth)}}`))
    t.equal(body.text(() => false) !== '', isTold, `${depth}`)
  }
})

t.test('a request whose tables could not all be told is not shown', async (t) => {
  const notUsers = codecFor((_, table) => table !== 'users')
  const tables = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`t${i}`, { Keys: [] }]))
  const rows = [
    { operation: 'BatchGetItem', request: { RequestItems: { ...tables, users: { Keys: [{ mail: { S: SECRET } }] } } } },
    {
      operation: 'BatchExecuteStatement',
      request: {
        Statements: [{ Statement: 'SELECT * FROM carts' }, { Statement: `UPDAT users SET mail = '${SECRET}'` }],
      },
    },
  ]
  for (const call of rows) t.equal(read(call, undefined, notUsers).exchange.values, undefined, call.operation)
})

t.test('names beyond ASCII are found in expressions, too', async (t) => {
  const statement = (field: string) => ({
    operation: 'ExecuteStatement',
    request: { Statement: `SELECT * FROM users WHERE "${field}" = '${SECRET}'` },
  })
  for (const field of ['straße', 'пароль', 'pass_word'])
    t.notMatch(read(statement(field), undefined, everywhere).exchange.values?.text(redacting(field)), SECRET, field)
})
