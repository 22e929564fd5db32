import t from 'tap'
import { readStatement } from '../../../src/codecs/dynamodb/partiql.js'
import { seededRandom } from '../../support/seeded-random.js'

const ARN = 'arn:aws:dynamodb:eu-central-1:123456789012:table/orders'

const ROWS: readonly (readonly [text: string, verb: 'read' | 'write', table: string, index?: string])[] = [
  ['SELECT * FROM "orders"', 'read', 'orders'],
  ['select id, total from orders where id = ?', 'read', 'orders'],
  ['SELECT * FROM "orders"."by_name" WHERE name = \'FROM "x"\'', 'read', 'orders', 'by_name'],
  ['SELECT * FROM orders.by_name', 'read', 'orders', 'by_name'],
  ['SELECT * FROM "my-orders.v2" . "by-name"', 'read', 'my-orders.v2', 'by-name'],
  [`SELECT * FROM "${ARN}"."by_name"`, 'read', 'orders', 'by_name'],
  ['SELECT "from", a[0].b FROM orders', 'read', 'orders'],
  ["SELECT 'it''s FROM here' FROM orders", 'read', 'orders'],
  ['SELECT {"a": [FROM]} FROM orders', 'read', 'orders'],
  ['SELECT * /* FROM x */ -- FROM y\n FROM orders', 'read', 'orders'],
  ['-- first\n/* then */ SELECT * FROM orders', 'read', 'orders'],
  ['EXISTS(SELECT * FROM "orders" WHERE id = 1 AND MISSING)', 'read', 'orders'],
  ["INSERT INTO \"orders\" VALUE {'id': '1'}", 'write', 'orders'],
  ['insert into orders value ?', 'write', 'orders'],
  ['UPDATE "orders" SET a = 1 SET b = list_append(b, [1]) WHERE id = 1', 'write', 'orders'],
  ['DELETE FROM "orders" WHERE id = 1 RETURNING ALL OLD *', 'write', 'orders'],
  ['DELETE\tFROM\n orders', 'write', 'orders'],
  // What has no table that can be seen
  ['', 'write', ''],
  ['SELECT', 'read', ''],
  ['SELECT * FROM', 'read', ''],
  ["SELECT * FROM 'orders'", 'read', ''],
  ['SELECT * FROM "orders', 'read', ''],
  ['SELECT * FROM ""', 'read', ''],
  ['EXISTS', 'write', ''],
  ['INSERT "orders"', 'write', ''],
  ['DELETE orders', 'write', ''],
  ['UPDATE', 'write', ''],
  ['/* never closed', 'write', ''],
  ['DROP TABLE orders', 'write', ''],
  // What can be no table's name is not told
  ['SELECT * FROM "it ""is"""', 'read', '__other__'],
  ['SELECT * FROM "orders"."x y"', 'read', 'orders', '__other__'],
]

t.test('verb, table and index of a statement', async (t) => {
  for (const [text, verb, table, index = ''] of ROWS) {
    t.same(readStatement(text), { isRead: verb === 'read', table, index }, text)
  }
})

t.test('any text is read in time, and none throws', async (t) => {
  const random = seededRandom(12)
  const parts = [
    'SELECT ',
    '* ',
    'FROM ',
    '"',
    "'",
    '""',
    '--',
    '/*',
    '*/',
    '\n',
    '(',
    ')',
    '.',
    'orders',
    '\u{1f600}',
    ' ',
  ]
  for (let run = 0; run < 5_000; run++) {
    const text = Array.from({ length: 12 }, () => parts[Math.floor(random() * parts.length)]).join('')
    t.doesNotThrow(() => readStatement(text), text)
  }
  const begin = process.cpuUsage()
  for (const part of ['/*', '/*/', '"', '""', "'", '(', ' ', 'a ', '--'])
    readStatement(`SELECT ${part.repeat(100_000)}`)
  t.ok(process.cpuUsage(begin).user < 2e6, 'no text takes more than its length')
})
