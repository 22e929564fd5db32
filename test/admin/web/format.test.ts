import t from 'tap'
import { bytes, duration, load, namespaceOf, perSecond, tick, visible } from '../../../src/admin/web/data/format.js'
import { pretty } from '../../../src/admin/web/data/shape-text.js'
import { CALLS, ROW } from '../harness.js'

const DYNAMODB = { protocol: 'aws.dynamodb', cluster: 'dynamo', database: '', calls: CALLS } as const

t.test('the page names an operation by its collection, its table or its tables', (t) => {
  const cases = [
    [ROW, 'shop.orders'],
    [{ ...ROW, collection: '' }, 'shop'],
    [{ ...ROW, database: '', collection: '' }, '(none)'],
    [{ ...ROW, ...DYNAMODB, collection: 'users' }, 'users'],
    [{ ...ROW, ...DYNAMODB, collection: '', tables: ['orders', 'us\u202eers'] }, 'orders, us\\u{202e}ers'],
    [{ ...ROW, protocol: 'http', database: '', collection: '' }, '(HTTP)'],
  ] as const
  for (const [row, name] of cases) t.equal(namespaceOf(row), name)
  t.end()
})

t.test('numbers are short, and never longer than they are sure', (t) => {
  const cases: readonly (readonly [string, string])[] = [
    [duration(null), '–'],
    [duration(0), '0 ms'],
    [duration(0.1234), '0.12 ms'],
    [duration(12.34), '12.3 ms'],
    [duration(123.4), '123 ms'],
    [duration(1_234), '1.23 s'],
    [duration(12_345), '12.3 s'],
    [duration(90_000), '1.5 min'],
    [duration(5_400_000), '1.5 h'],
    [perSecond(0), '0'],
    [perSecond(0.01), '< 0.1'],
    [perSecond(3.21), '3.2'],
    [perSecond(12_345.6), '12,346'],
    [perSecond(1_234_567), '1.2M'],
    [load(0), '0'],
    [load(0.5), '< 0.001'],
    [load(420), '0.420'],
    [load(12_345), '12.3'],
    [bytes(0), '0 B'],
    [bytes(1_536), '1.5 KiB'],
    [tick(0.05), '50 µs'],
    [tick(250), '250 ms'],
    [tick(60_000), '60 s'],
    [visible('a\u0000b\u202e'), 'a\\u{0}b\\u{202e}'],
  ]
  for (const [text, expected] of cases) t.equal(text, expected)
  t.end()
})

t.test('a short shape stays on its line; a long one is broken at its brackets', (t) => {
  t.equal(pretty('{filter: {status: ?string}}'), '{ filter: { status: ?string } }')
  t.equal(pretty('{"a":1,"b":[1,2]}'), '{ "a":1, "b": [1, 2] }')
  const long = `{filter: {status: ?string, customerId: ?int, placedAt: {$gt: ?date}}, sort: {placedAt: -1}, projection: {a: 1}}`
  t.equal(
    pretty(long),
    [
      '{',
      '  filter: { status: ?string, customerId: ?int, placedAt: { $gt: ?date } },',
      '  sort: { placedAt: -1 },',
      '  projection: { a: 1 }',
      '}',
    ].join('\n'),
  )
  t.end()
})

t.test('what does not match its brackets or quotes stays as it is, and quotes are never looked into', (t) => {
  for (const text of ['{a: 1', 'a: 1}', '{a: "x}', '{[}]', '"\\', '']) t.equal(pretty(text), text)
  t.equal(pretty("{a: \"},{\", b: '\\'{'}"), `{ a: "},{", b: '\\'{' }`)
  const deep = `${'{a:'.repeat(500)}1${'}'.repeat(500)}`
  t.equal(pretty(deep).replaceAll(/\s/g, ''), deep)
  t.end()
})
