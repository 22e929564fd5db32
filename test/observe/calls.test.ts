import t from 'tap'
import { ABORTED, OK, type Outcome } from '../../src/core/outcome.js'
import { call, failedAs, observation, request, sample, scrape } from './harness.js'

const OPERATIONS = 'oplens_table_operations_total'
const UNITS = 'oplens_consumed_capacity_units_total'
const UNPROCESSED = 'oplens_unprocessed_items_total'
const DURATION = 'db_client_operation_duration_seconds_count'
const OVERFLOW = 'oplens_metrics_overflow_total'
const ERRORS = 'oplens_operation_errors_total'

t.test('an operation over two tables counts once as an operation, and once for each table', async (t) => {
  const o = observation()
  for (let i = 0; i < 3; i++) call(o, { command: 'BatchWriteItem', tables: ['users', 'orders'] })
  call(o, { command: 'BatchWriteItem', tables: ['users'], outcome: failedAs('ValidationException', 400), status: 400 })
  const got = await scrape(o)
  const labels = { db_system_name: 'aws.dynamodb', cluster: 'shop', db_operation_name: 'BatchWriteItem' }
  const of = (table: string, outcome = 'ok') =>
    sample(got, OPERATIONS, { ...labels, db_collection_name: table, outcome })
  t.same([of('users'), of('orders'), of('users', 'command_error'), of('orders', 'command_error')], [3, 3, 1, undefined])
  t.equal(sample(got, DURATION, { ...labels, db_collection_name: '' }), 3)
  t.equal(sample(got, DURATION, { ...labels, db_collection_name: 'users' }), 1)
})

t.test('rows of one table, one for each index, are one operation on it; units go to their index', async (t) => {
  const o = observation()
  const rows = [
    { table: 'users', writeUnits: 1.5 },
    { table: 'users', index: 'by_city', writeUnits: 2, readUnits: 0.5 },
  ]
  for (let i = 0; i < 4; i++) call(o, { command: 'PutItem', tables: rows })
  call(o, { command: 'Query', tables: [{ table: 'users', index: 'by_city', readUnits: 8 }] })
  const got = await scrape(o)
  const of = (index: string, unit: string, command = 'PutItem') =>
    sample(got, UNITS, { db_collection_name: 'users', db_operation_name: command, index, unit })
  t.equal(sample(got, OPERATIONS, { db_operation_name: 'PutItem' }), 4)
  t.same([of('', 'write'), of('by_city', 'write'), of('by_city', 'read')], [6, 8, 2])
  t.same([of('by_city', 'read', 'Query'), of('', 'read', 'Query')], [8, undefined], 'what was never used is no series')
})

t.test('unprocessed and scanned items, retries and throttles are counted', async (t) => {
  const o = observation()
  const unprocessed = (count: number) => ({ table: 'users', unprocessed: count })
  const throttled = { outcome: failedAs('ThrottlingException', 400), status: 400, errorLabels: ['throttled'] }
  call(o, { command: 'BatchWriteItem', tables: [unprocessed(3), 'orders'] })
  call(o, { command: 'BatchWriteItem', tables: [unprocessed(2), 'orders'], attempt: 2 })
  call(o, { command: 'Scan', tables: ['users'], scanned: 40 })
  call(o, { command: 'Scan', tables: ['users'], scanned: 2, ...throttled })
  call(o, { command: 'Scan', tables: ['users'], scanned: -1, ...throttled, attempt: 3 })
  call(o, { command: 'ListTables', attempt: 2, status: 0, outcome: ABORTED.server })
  call(o, { command: 'Scan', tables: ['users'], outcome: failedAs('X', 400), errorLabels: ['other', 'throttled'] })
  const got = await scrape(o)
  t.equal(sample(got, UNPROCESSED, { db_collection_name: 'users', db_operation_name: 'BatchWriteItem' }), 5)
  t.equal(sample(got, 'oplens_scanned_items_total', { db_collection_name: 'users', db_operation_name: 'Scan' }), 42)
  const retries = (command: string) =>
    sample(got, 'oplens_operation_retries_total', { db_namespace: '', db_operation_name: command })
  t.same(['BatchWriteItem', 'Scan', 'ListTables'].map(retries), [1, 1, 1])
  t.equal(sample(got, 'oplens_throttled_operations_total', { db_operation_name: 'Scan' }), 2)
})

t.test('amounts that no database can mean spoil no sum', async (t) => {
  const o = observation()
  for (const amount of [Number.NaN, Number.POSITIVE_INFINITY, 1e300, -5, 2]) {
    const use = { table: 'users', readUnits: amount, writeUnits: amount, unprocessed: amount }
    call(o, { command: 'Query', tables: [use], scanned: amount })
  }
  const got = await scrape(o)
  t.equal(sample(got, UNITS, { unit: 'read' }), 2)
  t.equal(sample(got, UNITS, { unit: 'write' }), 2)
  t.equal(sample(got, UNPROCESSED), 2)
  t.equal(sample(got, 'oplens_scanned_items_total'), 2)
})

t.test('errors of DynamoDB go by their exception, up to a cap; without a name by the status', async (t) => {
  const o = observation({ metrics: { max_error_codes: 2 } })
  const error = (outcome: Outcome) => call(o, { tables: ['users'], outcome, status: outcome.code })
  for (const name of ['ConditionalCheckFailedException', 'ValidationException', 'A', 'B']) error(failedAs(name, 400))
  error(failedAs('ConditionalCheckFailedException', 400))
  error(failedAs('', 502))
  error({ ...failedAs('ConditionalCheckFailedException', 400), kind: 'refused' })
  const got = await scrape(o)
  const of = (code: string, outcome = 'command_error') =>
    sample(got, ERRORS, { db_response_status_code: code, outcome })
  t.same(
    [of('ConditionalCheckFailedException'), of('ValidationException'), of('__other__'), of('502'), of('400')],
    [2, 1, 2, 1, undefined],
  )
  t.equal(of('ConditionalCheckFailedException', 'refused'), 1)
  t.equal(sample(got, OVERFLOW, { label: 'db_response_status_code' }), 2)
})

t.test(
  'tables and indexes past their cap fold into __other__, and a flood of names makes no flood of series',
  async (t) => {
    const o = observation({ metrics: { max_collections: 3 } })
    for (let i = 0; i < 3_000; i++) {
      const table = `t${i}`
      call(o, { tables: [{ table, readUnits: 1 }] })
      call(o, { command: 'BatchGetItem', tables: [table, 't0', `other-${i}`], cluster: 'two' })
      call(o, { command: 'Query', tables: [{ table: 't0', index: `i${i}`, readUnits: 1 }] })
    }
    const got = await scrape(o)
    const of = (name: string, labels: object) => sample(got, name, { cluster: 'shop', ...labels })
    t.equal(of(OPERATIONS, { db_collection_name: 't2' }), 1)
    t.equal(of(OPERATIONS, { db_collection_name: '__other__', db_operation_name: 'GetItem' }), 2_997)
    t.equal(of(UNITS, { db_collection_name: '__other__', unit: 'read' }), 2_997)
    t.equal(of(UNITS, { db_collection_name: 't0', index: 'i2' }), 1)
    t.equal(of(UNITS, { db_collection_name: 't0', index: '__other__' }), 2_997)
    const two = [...got.samples].filter(([key]) => key.startsWith(OPERATIONS) && key.includes('cluster="two"'))
    t.equal(two.length, 4, 't0, other-0, t1 and the fold')
    t.equal(
      two.reduce((sum, [, count]) => sum + count, 0),
      9_000 - 1,
      'each table of each operation; t0 twice in one batch is one',
    )
    t.ok((sample(got, OVERFLOW, { label: 'index' }) ?? 0) >= 2_900)
  },
)

t.test('sets of table and operation end at max_series and its folds', async (t) => {
  const o = observation({ metrics: { max_series: 10 } })
  for (let i = 0; i < 40; i++) {
    call(o, { tables: [{ table: `t${i}`, readUnits: 1 }] })
    call(o, { command: 'Query', tables: [{ table: 't0', index: `i${i}`, readUnits: 1 }] })
  }
  const got = await scrape(o)
  const series = (name: string) => [...got.samples].filter(([key]) => key.startsWith(`${name}{`))
  t.equal(series(OPERATIONS).length, 11)
  t.equal(sample(got, OPERATIONS, { db_collection_name: '__other__', db_operation_name: 'GetItem' }), 31)
  const indexes = series(UNITS).filter(([key]) => key.includes('"Query"'))
  t.equal(indexes.length, 11)
  t.equal(sample(got, UNITS, { db_operation_name: 'Query', index: '__other__' }), 30)
})

t.test('plain HTTP is in families of its own, and in no db_ family', async (t) => {
  const o = observation()
  for (let i = 0; i < 3; i++) request(o, 'GET', { ms: 3 })
  request(o, 'GET', { status: 404, outcome: failedAs('', 404) })
  request(o, '__other__', { status: 0, outcome: ABORTED.client })
  const got = await scrape(o)
  const count = (http_request_method: string, outcome: string) =>
    sample(got, 'http_client_request_duration_seconds_count', { cluster: 'shop', http_request_method, outcome })
  t.same([count('GET', 'ok'), count('GET', 'command_error'), count('__other__', 'aborted')], [3, 1, 1])
  const bucket = (le: string) => sample(got, 'http_client_request_duration_seconds_bucket', { outcome: 'ok', le })
  t.same([bucket('0.0025'), bucket('0.005')], [0, 3])
  t.same(
    [...got.samples.keys()].filter((key) => key.startsWith('db_') || /oplens_operation_|db_/.test(key)),
    [],
  )
  t.equal(sample(got, 'oplens_operations_active', { listener: 'front' }), 0)
})

t.test('replies over HTTP are counted by status, those of DynamoDB too', async (t) => {
  const o = observation()
  for (const status of [200, 200, 404, 99, 600, 0]) request(o, 'PUT', { status })
  request(o, 'PUT', { listener: 'back' })
  call(o, { tables: ['users'] })
  call(o, { tables: ['users'], status: 400, outcome: failedAs('X', 400) })
  const got = await scrape(o)
  const of = (method: string, status: string, listener = 'front') =>
    sample(got, 'oplens_http_responses_total', {
      listener,
      cluster: 'shop',
      http_request_method: method,
      http_response_status_code: status,
    })
  t.same([of('PUT', '200'), of('PUT', '404'), of('PUT', '__other__'), of('PUT', '200', 'back')], [2, 1, 2, 1])
  t.same([of('POST', '200'), of('POST', '400')], [1, 1])
})

t.test('replies over HTTP end at 2,000 series', async (t) => {
  const o = observation()
  for (let method = 0; method < 10; method++) {
    for (let status = 100; status < 600; status++) request(o, `M${method}`, { status })
  }
  const got = await scrape(o)
  const series = [...got.samples].filter(([key]) => key.startsWith('oplens_http_responses_total'))
  t.equal(series.length, 2_006, 'and one fold for each further method')
  t.equal(
    series.reduce((sum, [, count]) => sum + count, 0),
    5_000,
  )
  t.equal(sample(got, OVERFLOW, { label: 'http_response_status_code' }), 3_000)
})

t.test('an operation that tells nothing of this, as MongoDB’s, makes none of these series', async (t) => {
  const o = observation()
  call(o, { command: 'ListTables', outcome: OK, status: 0, attempt: 0 })
  const got = await scrape(o)
  const names = /table_operations|consumed|unprocessed|scanned|retries_total\{db|throttled|http_/
  t.same(
    [...got.samples.keys()].filter((key) => names.test(key)),
    [],
  )
  t.equal(sample(got, DURATION, { db_operation_name: 'ListTables' }), 1)
})
