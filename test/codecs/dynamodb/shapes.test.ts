import t from 'tap'
import { OPERATIONS } from '../../../src/codecs/dynamodb/operations.js'
import { statementShape } from '../../../src/codecs/dynamodb/partiql.js'
import { RequestFields } from '../../../src/codecs/dynamodb/request-fields.js'
import { requestShape } from '../../../src/codecs/dynamodb/request-shapes.js'
import type { JsonShape } from '../../../src/codecs/shared/json-shape.js'
import { everyCut } from '../../support/cuts.js'
import { type Call, newCodec, read } from '../../support/dynamodb.js'
import { seededRandom } from '../../support/seeded-random.js'

const SECRET = 'jane@example.com'
const asking = newCodec({}, { shapes: true, values: undefined })

const CALLS: readonly (Call & { readonly shape: string })[] = [
  {
    operation: 'Query',
    request: {
      TableName: 'orders',
      IndexName: 'by-customer',
      KeyConditionExpression: '#c = :c  AND begins_with(#d,\n:d)',
      FilterExpression: '#s IN (:a, :b,:c2) AND total > :t',
      ProjectionExpression: 'id, #c, lines[0].sku',
      ExpressionAttributeNames: { '#c': 'customer', '#d': 'created at', '#s': 'status' },
      ExpressionAttributeValues: { ':c': { S: SECRET }, ':d': { S: '2026' }, ':a': { S: 'x' } },
    },
    shape:
      'key(customer = ? AND begins_with("created at", ?)) filter(status IN (?) AND total > ?) project(id, customer, lines[0].sku)',
  },
  {
    operation: 'UpdateItem',
    request: {
      TableName: 'orders',
      Key: { id: { S: SECRET } },
      // Names after what they name, and one that is not there.
      UpdateExpression: 'SET #n = if_not_exists(#n, :zero) + :one REMOVE #gone',
      ConditionExpression: 'attribute_exists(id)',
      ExpressionAttributeNames: { '#n': 'count' },
      ExpressionAttributeValues: { ':zero': { N: '0' }, ':one': { N: '1' } },
    },
    shape: 'if(attribute_exists(id)) update(SET count = if_not_exists(count, ?) + ? REMOVE #gone)',
  },
  { operation: 'GetItem', request: { TableName: 'orders', Key: { id: { S: SECRET } } }, shape: '' },
  {
    operation: 'TransactWriteItems',
    request: {
      TransactItems: [
        {
          Update: {
            // Names of one action are not those of another.
            ExpressionAttributeNames: { '#n': 'stock' },
            TableName: 'products',
            Key: { id: { S: SECRET } },
            UpdateExpression: 'SET #n = #n - :one',
            ConditionExpression: '#n >= :one',
          },
        },
        {
          Update: {
            TableName: 'products',
            UpdateExpression: 'SET #n = #n - :two',
            ConditionExpression: '#n >= :x',
            ExpressionAttributeNames: { '#n': 'stock' },
          },
        },
        { Put: { TableName: 'orders', Item: { id: { S: SECRET } } } },
        { ConditionCheck: { TableName: 'users', ConditionExpression: 'attribute_exists(#n)' } },
      ],
    },
    shape:
      'ConditionCheck users if(attribute_exists(#n)); Put orders; Update products if(stock >= ?) update(SET stock = stock - ?)',
  },
  {
    operation: 'TransactGetItems',
    request: {
      TransactItems: [
        { Get: { TableName: 'a', ProjectionExpression: 'x, y' } },
        { Get: { TableName: 'a', ProjectionExpression: 'x,  y' } },
      ],
    },
    shape: 'Get a project(x, y)',
  },
  {
    operation: 'ExecuteStatement',
    request: { Statement: `SELECT id FROM "orders"."by-mail" WHERE mail = '${SECRET}' AND total >= 12.50` },
    shape: 'SELECT id FROM "orders" . "by-mail" WHERE mail = ? AND total > = ?',
  },
  {
    operation: 'BatchExecuteStatement',
    request: { Statements: [{ Statement: `DELETE FROM carts WHERE id = '${SECRET}'` }, { Statement: 'SELECT 1' }] },
    shape: 'DELETE FROM carts WHERE id = ?',
    // The second names no table.
  },
]

t.test('the shape of a call has names and operators, and no value, at every cut', async (t) => {
  for (const call of CALLS) {
    const random = seededRandom(5)
    for (const [index, [cutName]] of everyCut(Buffer.from(JSON.stringify(call.request)), random).entries()) {
      const cut = (body: Buffer): readonly Buffer[] => everyCut(body, random)[index]?.[1] ?? []
      const { exchange } = read(call, cut, asking)
      t.equal(exchange.shape?.text, call.shape, `${call.operation}, ${cutName}`)
      t.notMatch(exchange.shape?.text, SECRET)
    }
  }
})

t.test('a text of more than 4 KiB is cut, and says so', async (t) => {
  const list = (from: number) => Array.from({ length: 30 }, (_, i) => `attribute_exists(name${from + i})`).join(' OR ')
  const action = (i: number) => ({ ConditionCheck: { TableName: 't', ConditionExpression: list(i * 100) } })
  const request = { TransactItems: [0, 1, 2, 3, 4, 5].map(action) }
  const { exchange } = read({ operation: 'TransactWriteItems', request }, undefined, asking)
  t.equal(exchange.shape?.isTruncated, true)
  t.ok(exchange.shape?.text.endsWith('…') && Buffer.byteLength(exchange.shape.text) <= 4_096)
})

t.test('nobody asked: there is no shape, and the rest is the same', async (t) => {
  for (const call of CALLS) {
    const [plain, shaped] = [read(call), read(call, undefined, asking)]
    t.equal(plain.exchange.shape, undefined)
    t.same({ ...plain.exchange, shape: undefined }, { ...shaped.exchange, shape: undefined }, call.operation)
  }
})

t.test('what is no literal stays in a statement, what is one never does', async (t) => {
  const rows: readonly (readonly [statement: string, shape: string])[] = [
    [
      `insert into carts value {'id': '7', 'tags': ['a', 'b'], 'n': -1.5e3}`,
      'insert into carts value { ? : [ ? ] , ? }',
    ],
    ['SELECT * FROM t WHERE a = ? AND b IN (1, 2, 3)', 'SELECT * FROM t WHERE a = ? AND b IN ( ? )'],
    [`SELECT * FROM t WHERE a = 'it''s' -- ${SECRET}`, 'SELECT * FROM t WHERE a = ?'],
    [`SELECT * FROM t WHERE a = -3 OR b - 1 > 2`, 'SELECT * FROM t WHERE a = ? OR b - ? > ?'],
    [`UPDATE t SET a = '${SECRET}`, 'UPDATE t SET a = ?'],
    ['UPDATE t SET a = `jane secret` WHERE b = `{{c2VjcmV0}}`', 'UPDATE t SET a = ? WHERE b = ?'],
    ['SELECT * FROM t WHERE name = "Jane Doe" AND n > "x"', 'SELECT * FROM t WHERE name = ? AND n > ?'],
    [`SELECT "${SECRET}" FROM "orders-2026-11" . "by-mail"`, 'SELECT "?" FROM "orders-?-11" . "by-mail"'],
    ['UPDATE t SET sessions.d9b2d63da2334123847a = 1', 'UPDATE t SET sessions . ? = ?'],
  ]
  for (const [statement, shape] of rows) t.equal(statementShape(statement, false), shape, statement)
  t.equal(statementShape(`UPDATE t SET a = '${SECRET}`, true), 'UPDATE t SET a = ? …')
})

t.test('names that are data are not shown, and neither are literals where there may be none', async (t) => {
  const rows: readonly (readonly [expression: string, names: Record<string, string>, shape: string])[] = [
    ['SET sessions.#s = :v', { '#s': 'd9b2d63d-a233-4123-847a-7c2a4f1b2a3c' }, 'update(SET sessions.? = ?)'],
    ['SET sessions.#s = :v, a = :w', { '#s': SECRET }, 'update(SET sessions.? = ?, a = ?)'],
    ['SET #s = :v', { '#s': 'jane.doe@example.com' }, 'update(SET ? = ?)'],
    ['SET #s = :v', { '#s': 'order-20261127-1' }, 'update(SET order-?-1 = ?)'],
    ['SET #s = :v', { '#s': 'x'.repeat(65) }, 'update(SET ? = ?)'],
    ['SET sessions.d9b2d63da2334123847a = :v', {}, 'update(SET sessions.? = ?)'],
    [`SET mail = '${SECRET}', name = "Jane", age = 31.5`, {}, 'update(SET mail = ?, name = ?, age = ?)'],
    ['REMOVE lines[2].tags[ 10], lines[123456]', {}, 'update(REMOVE lines[2].tags[ 10], lines[?])'],
  ]
  for (const [UpdateExpression, ExpressionAttributeNames, shape] of rows) {
    const request = { TableName: 't', UpdateExpression, ExpressionAttributeNames }
    t.equal(read({ operation: 'UpdateItem', request }, undefined, asking).exchange.shape?.text, shape, UpdateExpression)
  }
})

t.test('a transaction of long expressions holds little while it is read', async (t) => {
  const action = (i: number) => ({
    ConditionCheck: {
      TableName: 't',
      ConditionExpression: `attribute_exists(name${i})${' '.repeat(10)}`.padEnd(4_000, `a${i} `),
    },
  })
  const info = OPERATIONS.find(({ name }) => name === 'TransactWriteItems') as (typeof OPERATIONS)[number]
  const fields = new RequestFields(info, requestShape(info.source, 4_096, true) as JsonShape, true)
  fields.push(Buffer.from(JSON.stringify({ TransactItems: Array.from({ length: 100 }, (_, i) => action(i)) })))
  fields.end()
  t.ok(fields.shape.length > 4_096 && fields.shape.length < 16_384, `${fields.shape.length}`)
  t.equal(fields.items, 100)
})
