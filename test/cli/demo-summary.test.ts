import t from 'tap'
import type { OperationTotals, TableTotals } from '../../src/cli/application.js'
import type { WorkloadRow } from '../../src/cli/demo-backend.js'
import { summarize } from '../../src/cli/demo-summary.js'
import { Work } from '../../src/cli/demo-work.js'

const TIMES = { p50Ms: 1.25, p95Ms: 20, p99Ms: null }
const ITEMS = { documentsReturned: 4, documentsSent: 1 }

function seen(command: string, collection: string, operations: number, errors = 0): OperationTotals {
  const isControl = command === 'hello'
  const named = { database: 'shop', collection, tables: [], command, isControl, calls: null }
  return { ...named, operations, errors, ...TIMES, ...ITEMS }
}

function called(command: string, tables: readonly string[], operations: number, errors = 0): OperationTotals {
  const collection = tables.length === 1 ? (tables[0] ?? '') : ''
  const calls = { readUnits: 0.5, writeUnits: 12, throttled: 2, retries: 3 }
  const named = { database: '', collection, tables: collection === '' ? tables : [], command, isControl: false, calls }
  return { ...named, operations, errors, ...TIMES, ...ITEMS }
}

function done(command: string, collection: string, count: number, outcome: WorkloadRow['outcome'] = 'ok'): WorkloadRow {
  return { protocol: 'mongodb', database: 'shop', collection, tables: [], command, outcome, count }
}

function did(command: string, tables: readonly string[], count: number, outcome: WorkloadRow['outcome'] = 'ok') {
  const collection = tables.length === 1 ? (tables[0] ?? '') : ''
  return { protocol: 'aws.dynamodb', database: '', collection, tables, command, outcome, count }
}

const table = (name: string, operations: number, errors = 0): TableTotals => ({ table: name, operations, errors })

const OPERATIONS = [
  seen('find', 'b', 3, 1),
  seen('find', 'a', 2),
  seen('hello', '', 9),
  seen('__other__', '', 1, 1),
  called('BatchWriteItem', ['orders', 'users'], 2),
  called('GetItem', ['users'], 4, 1),
]
const TABLES = [table('orders', 2), table('users', 6, 1)]
const DONE = [
  done('find', 'a', 2),
  done('find', 'b', 2),
  done('find', 'b', 1, 'command_error'),
  done('shopStatus', '', 1, 'command_error'),
  done('endSessions', '', 1),
  did('BatchWriteItem', ['orders', 'users'], 2),
  did('GetItem', ['users'], 3),
  did('GetItem', ['users'], 1, 'command_error'),
]

t.test('a summary has both databases in one table, and says that proxy and drivers agree', async (t) => {
  const { text, isEqual } = summarize({ operations: OPERATIONS, tables: TABLES }, DONE)
  t.equal(
    text,
    [
      'collection     command         operations  errors      p50    p95  p99  items  units  throttled  retries',
      'orders, users  BatchWriteItem           2       0  1.25 ms  20 ms    -      5   12.5          2        3',
      'shop           __other__                1       1  1.25 ms  20 ms    -      5      -          -        -',
      'shop.a         find                     2       0  1.25 ms  20 ms    -      5      -          -        -',
      'shop.b         find                     3       1  1.25 ms  20 ms    -      5      -          -        -',
      'users          GetItem                  4       1  1.25 ms  20 ms    -      5   12.5          2        3',
      '',
      'The drivers did 12 operations; oplens counted the same, command by command and table by table.',
    ].join('\n'),
  )
  t.ok(isEqual)
})

t.test('a summary names each command and each table on which proxy and drivers differ', async (t) => {
  const differ = (operations: readonly OperationTotals[], tables: readonly TableTotals[], rows = DONE) => {
    const { text, isEqual } = summarize({ operations, tables }, rows)
    t.notOk(isEqual)
    return text.split('does not agree:\n')[1]
  }
  const others = DONE.filter(({ command }) => command !== 'shopStatus')
  t.equal(differ(OPERATIONS, TABLES, others), '  __other__ on shop: driver none, oplens 1 (1 errors)')
  t.equal(differ(OPERATIONS.slice(1), TABLES), '  find on shop.b: driver 3 (1 errors), oplens none')
  const batch = OPERATIONS.filter(({ command }) => command !== 'BatchWriteItem')
  t.equal(differ(batch, TABLES), '  BatchWriteItem on orders, users: driver 2 (0 errors), oplens none')
  t.equal(
    differ(OPERATIONS, [table('users', 6, 2)]),
    '  table orders: driver 2 (0 errors), oplens none\n  table users: driver 6 (1 errors), oplens 6 (2 errors)',
  )
})

t.test('unacknowledged writes may go down with a connection, few of them, and nothing else may', async (t) => {
  const verdict = (seenOf: OperationTotals, ...doneOf: WorkloadRow[]) =>
    summarize({ operations: [seenOf], tables: [] }, doneOf)
  const answered = done('insert', 'events', 2, 'write_error')
  const lost = verdict(seen('insert', 'events', 9, 2), answered, done('insert', 'events', 8, 'unacknowledged'))
  t.equal(lost.isEqual, true)
  t.match(lost.text, 'counted the same, command by command and table by table. Beside them, 1 unacknowledged writes')
  const unequal: readonly (readonly [name: string, seen: OperationTotals, done: WorkloadRow[]])[] = [
    ['more than a tenth', seen('insert', 'events', 8, 2), [answered, done('insert', 'events', 8, 'unacknowledged')]],
    ['one that was answered', seen('insert', 'events', 9), [done('insert', 'events', 10)]],
    ['an error', seen('insert', 'events', 9, 1), [answered, done('insert', 'events', 8, 'unacknowledged')]],
    ['one too many', seen('insert', 'events', 11, 2), [answered, done('insert', 'events', 8, 'unacknowledged')]],
  ]
  for (const [name, seenOf, doneOf] of unequal) t.equal(verdict(seenOf, ...doneOf).isEqual, false, name)
})

t.test('workloads end together: when all are done, when they are told to, or when one fails', async (t) => {
  const rows = [did('GetItem', ['users'], 1)]
  const finished = new Work({
    seconds: 1,
    runs: [
      [async () => rows, 1],
      [async () => rows, 1],
    ],
  })
  await finished.stop()
  t.equal(finished.rows.length, 2)
  t.ok(finished.ended.aborted)
  const untilStopped = (signal: AbortSignal) =>
    new Promise<typeof rows>((resolve) => signal.addEventListener('abort', () => resolve(rows)))
  const failing = new Work({
    seconds: undefined,
    runs: [
      [({ signal }) => untilStopped(signal), 1],
      [() => Promise.reject(new Error('gone')), 1],
    ],
  })
  await new Promise((resolve) => failing.ended.addEventListener('abort', resolve))
  t.match(failing, { failure: 'gone', rows })
})
