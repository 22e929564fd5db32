import t from 'tap'
import { namespaceMatcher } from '../../src/core/namespace-pattern.js'

const CASES: readonly [patterns: string[], database: string, collection: string, fits: boolean][] = [
  [[], 'shop', 'orders', false],
  [['*'], 'shop', '', true],
  [['*'], '', 'orders', true],
  [['shop.orders'], 'shop', 'orders', true],
  [['shop.orders'], 'shop', 'orders2', false],
  [['shop.orders'], 'eshop', 'orders', false],
  [['shop'], 'shop', 'orders', true],
  [['shop'], 'shop', '', true],
  [['shop'], 'shopping', 'orders', false],
  [['shop.*'], 'shop', 'a.b\nc', true],
  [['*.audit_*'], 'hr', 'audit_2026', true],
  [['*.audit_*'], 'hr', 'xaudit_2026', false],
  [['.orders'], '', 'orders', true],
  [['sh(o)p.[a]'], 'sh(o)p', '[a]', true],
  [['x.y', 'shop.o*s'], 'shop', 'orders', true],
]

t.test('a pattern fits the names that it says, and no others', async (t) => {
  for (const [patterns, database, collection, fits] of CASES) {
    t.equal(namespaceMatcher(patterns)(database, collection), fits, `${patterns}: ${database}.${collection}`)
  }
})
