import t from 'tap'
import { FakeClock } from '../support/fake-clock.js'
import { type Call, call, failedAs, observation, request } from './harness.js'

const THROTTLED = { outcome: failedAs('ThrottlingException', 400), status: 400, errorLabels: ['throttled'] }

function setUp() {
  const clock = new FakeClock()
  const o = observation({ clock })
  t.teardown(() => o.close())
  /** The same calls in each of ten seconds. */
  const each = (calls: readonly Call[]): void => {
    for (let second = 0; second < 10; second++) {
      for (const one of calls) call(o, one)
      clock.advance(1_000)
    }
  }
  return { clock, o, each }
}

t.test('a table has the rate and the cost of every operation that names it', async (t) => {
  const { clock, o, each } = setUp()
  each([
    { tables: [{ table: 'users', readUnits: 0.5 }] },
    { tables: [{ table: 'users', readUnits: 0.5 }], attempt: 2 },
    { command: 'BatchWriteItem', tables: [{ table: 'users', writeUnits: 3, unprocessed: 2 }, 'orders'] },
    { command: 'PutItem', tables: ['users'], ...THROTTLED },
  ])
  const { rows, rowsTotal } = o.tables.report()
  t.equal(rowsTotal, 2)
  t.match(rows[0], {
    protocol: 'aws.dynamodb',
    cluster: 'shop',
    table: 'users',
    rate: 4,
    errorRate: 1,
    readUnitsRate: 1,
    writeUnitsRate: 3,
    throttledRate: 1,
    operations: 40,
    errors: 10,
    readUnits: 10,
    writeUnits: 30,
    throttled: 10,
    retries: 10,
    unprocessed: 20,
  })
  t.match(rows[1], { table: 'orders', rate: 1, operations: 10, readUnits: 0, throttled: 0 })
  clock.advance(6_000)
  t.match(o.tables.report().rows[0], { rate: 0, readUnitsRate: 0, operations: 40 }, 'and 0 when all is over')
})

t.test('the report keeps the 200 busiest tables', async (t) => {
  const { o } = setUp()
  for (let i = 0; i < 250; i++) for (let n = 0; n <= i % 50; n++) call(o, { tables: [`t${i}`] })
  const { rows, rowsTotal } = o.tables.report()
  t.same([rows.length, rowsTotal, rows[0]?.operations, rows[199]?.operations], [200, 250, 50, 11])
})

t.test('rows of operations tell what their calls cost, and the tables of those over several', async (t) => {
  const { o, each } = setUp()
  each([
    { command: 'Query', tables: [{ table: 'users', readUnits: 4 }], scanned: 30 },
    { command: 'Query', tables: ['users'], attempt: 2, ...THROTTLED },
    { command: 'BatchGetItem', tables: ['users', 'orders'] },
    { command: 'ListTables' },
  ])
  request(o, 'GET')
  const rows = o.operations.report('command').rows
  const of = (command: string) => rows.find((row) => row.command === command)
  const calls = { readUnitsRate: 4, throttledRate: 1, readUnits: 40, throttled: 10, retries: 10, scanned: 300 }
  t.match(of('Query'), { protocol: 'aws.dynamodb', collection: 'users', tables: [], rate: 2, errors: 10, calls })
  t.match(of('BatchGetItem'), { collection: '', tables: ['orders', 'users'], calls: { readUnits: 0 } })
  t.match(of('ListTables'), { collection: '', tables: [] })
  t.match(of('GET'), { protocol: 'http', calls: null, operations: 1, rate: 0.2, isRecent: true })
  const [first, ...others] = o.operations.report('collection').rows
  t.match(first, { collection: 'users', command: '', calls: { readUnits: 40, retries: 10 } })
  t.same(
    others.map(({ protocol, tables }) => [protocol, ...tables]),
    [['aws.dynamodb', 'orders', 'users'], ['http']],
    'what names no collection is one row for each protocol',
  )
})
