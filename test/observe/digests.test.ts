import t from 'tap'
import { ABORTED, OK, type Outcome, refused, UNACKNOWLEDGED, UNKNOWN } from '../../src/core/outcome.js'
import type { DigestRow, DigestSort } from '../../src/core/reports.js'
import { Digests } from '../../src/observe/digests/digests.js'
import { BUCKETS, bucketOf, quantileMs } from '../../src/observe/histogram.js'
import { FakeClock } from '../support/fake-clock.js'
import { seededRandom } from '../support/seeded-random.js'
import { client, observation, sample, scrape } from './harness.js'
import { type Ended, ended, operationOf, query, shapeOf } from './shapes-harness.js'

function setUp(maxRows = 100) {
  const clock = new FakeClock()
  const digests = new Digests({ max_rows: maxRows }, clock)
  const run = (how: Ended, times = 1) => {
    for (let i = 0; i < times; i++) digests.exchangeEnded(ended(how))
  }
  const rows = (of: Parameters<typeof query>[0] = {}) => {
    // Past the age of a report that is shared.
    clock.advance(201)
    return digests.report(query(of)).rows
  }
  return { clock, digests, run, rows }
}

const FAILED: Outcome = { kind: 'command_error', code: 50, codeName: 'MaxTimeMSExpired', by: '' }
const DUPLICATE: Outcome = { kind: 'write_error', code: 11000, codeName: 'DuplicateKey', by: '' }
const byId = shapeOf('{"_id": ?}')
const byStatus = shapeOf('{"status": ?}')
const inserts = shapeOf('', 'insert')

t.test('a row tells what its shape did on its namespace', (t) => {
  const { digests, run, rows } = setUp()
  run({ shape: byId, ms: 4, documents: 1 }, 3)
  run({ shape: byId, ms: 9, documents: 2, outcome: FAILED })
  run({ shape: inserts, command: 'insert', batchSize: 5, outcome: DUPLICATE, requestBytes: 7, replyBytes: 8 })
  run({ shape: byId, collection: 'carts' })
  const [first, ...others] = rows()
  t.match(first, {
    shapeId: byId.id,
    shape: byId.text,
    isTruncated: false,
    protocol: 'mongodb',
    cluster: 'shop',
    database: 'shop',
    collection: 'orders',
    command: 'find',
    operations: 4,
    errors: 1,
    getMores: 0,
    documentsReturned: 5,
    documentsSent: 0,
    requestBytes: 400,
    replyBytes: 1_600,
    totalMs: 21,
    maxMs: 9,
    isRecent: true,
  })
  t.same(others.map((r) => [r.collection, r.command, r.operations, r.errors, r.documentsSent, r.requestBytes]).sort(), [
    ['carts', 'find', 1, 0, 0, 100],
    ['orders', 'insert', 1, 1, 5, 7],
  ])
  digests.close()
  t.end()
})

t.test('what an answer did not take is not timed', (t) => {
  const rowsOf: readonly (readonly [name: string, outcome: Outcome, isTimed: boolean, isError: boolean])[] = [
    ['ok', OK, true, false],
    ['command error', FAILED, true, true],
    ['write error', DUPLICATE, true, true],
    ['unknown', UNKNOWN, true, false],
    ['refused', refused(462, 'x'), false, true],
    ['aborted by the client', ABORTED.client, false, true],
    ['aborted by the server', ABORTED.server, false, true],
    ['unacknowledged', UNACKNOWLEDGED, false, false],
  ]
  for (const [name, outcome, isTimed, isError] of rowsOf) {
    const { digests, run, rows } = setUp()
    run({ shape: byId, ms: 40, outcome })
    const [row] = rows()
    t.match(row, { operations: 1, errors: isError ? 1 : 0, totalMs: isTimed ? 40 : 0, maxMs: isTimed ? 40 : 0 }, name)
    t.equal(row?.p50Ms === null, !isTimed, `${name}: percentiles`)
    digests.close()
  }
  t.end()
})

t.test('further batches of a cursor are in the row of what opened it, and not in its times', (t) => {
  const { digests, run, rows } = setUp()
  run({ shape: byStatus, ms: 10, documents: 101 })
  run({ shape: byStatus, command: 'getMore', ms: 900, documents: 50, replyBytes: 1_000 }, 2)
  run({ shape: byStatus, command: 'getMore', ms: 5, documents: 0, outcome: FAILED })
  const found = rows()
  t.equal(found.length, 1)
  t.match(found[0], { operations: 1, getMores: 3, documentsReturned: 201, replyBytes: 2_800, totalMs: 10, maxMs: 10 })
  t.match(found[0], { command: 'find', errors: 1 }, 'one that fails is an error of the query')
  digests.close()
  t.end()
})

t.test('what waits on purpose is in no time', (t) => {
  const { digests, run, rows } = setUp()
  const watch = shapeOf('[{"$changeStream": {}}]', 'aggregate')
  run({ shape: watch, command: 'aggregate', ms: 2 })
  run({ shape: watch, command: 'getMore', isAwaited: true, ms: 9_000, documents: 3 }, 4)
  run({ shape: watch, command: 'getMore', isAwaited: true, ms: 9_000, outcome: ABORTED.client })
  run({ shape: watch, command: 'aggregate', isAwaited: true, ms: 9_000, documents: 1 })
  t.match(rows()[0], { operations: 1, getMores: 5, documentsReturned: 13, totalMs: 2, maxMs: 2, errors: 0 })
  digests.close()
  t.end()
})

t.test('rates are of the last five seconds, percentiles of the last minute', (t) => {
  const { clock, digests, run, rows } = setUp()
  run({ shape: byId, ms: 700 }, 100)
  t.match(rows()[0], { p50Ms: 700, isRecent: true }, '750 by its bucket, but none took so long')
  clock.advance(799)
  for (let second = 0; second < 70; second++) {
    run({ shape: byId, ms: 0.7, startedAtMs: clock.now() }, 20)
    run({ shape: byId, ms: 0.7, outcome: FAILED }, 5)
    clock.advance(1_000)
  }
  t.match(digests.report(query()).rows[0], { rate: 25, errorRate: 5, p50Ms: 0.75, operations: 1_850 })
  clock.advance(7_000)
  t.match(digests.report(query()).rows[0], { rate: 0, errorRate: 0, isRecent: true })
  clock.advance(61_000)
  t.match(digests.report(query()).rows[0], { isRecent: false, operations: 1_850 })
  digests.close()
  t.equal(clock.waiting, 0, 'closing stops its timer')
  t.end()
})

t.test('when a row was first and last seen is told by the wall', (t) => {
  const { clock, digests, run, rows } = setUp()
  run({ shape: byId, startedAtMs: 2_000, ms: 5 })
  run({ shape: byId, startedAtMs: 9_000, ms: 6 })
  const [row] = rows()
  const wall = clock.wall() - clock.now()
  t.match(row, { firstSeenAtMs: wall + 2_005, lastSeenAtMs: wall + 9_006 })
  digests.close()
  t.end()
})

t.test('percentiles are those of the histogram with the same durations, and no more than the longest', (t) => {
  const { digests, run, rows } = setUp()
  const random = seededRandom(7)
  const buckets = new Float64Array(BUCKETS)
  let sum = 0
  for (let i = 0; i < 5_000; i++) {
    const ms = 10 ** (random() * 6 - 2)
    sum += ms
    buckets[bucketOf(ms)] = (buckets[bucketOf(ms)] as number) + 1
    digests.exchangeEnded(Object.assign(ended({ shape: byId }), { startedAtMs: 0, endedAtMs: ms }))
  }
  run({ shape: byStatus, ms: 10_000 })
  const row = rows().find(({ shapeId }) => shapeId === byId.id)
  t.same(
    [row?.p50Ms, row?.p95Ms, row?.p99Ms],
    [0.5, 0.95, 0.99].map((q) => quantileMs(buckets, q)),
  )
  t.ok(Math.abs((row?.totalMs ?? 0) - sum) < sum * 1e-9)
  digests.close()
  t.end()
})

t.test(
  'rows are told apart by cluster, database, collection, command and shape, whatever objects they come as',
  (t) => {
    const { digests, rows } = setUp()
    const one = client('one')
    const two = client('two')
    const operations = [operationOf({}), operationOf({ collection: 'carts' }), operationOf({ database: 'b' })]
    for (let round = 0; round < 3; round++) {
      for (const connection of [one, two]) {
        for (const operation of [...operations, ...operations.map((same) => ({ ...same }))]) {
          for (const shape of [byId, { ...byId }, byStatus])
            digests.exchangeEnded(ended({ connection, operation, shape }))
        }
      }
    }
    const found = rows()
    t.equal(found.length, 2 * 3 * 2)
    for (const row of found)
      t.equal(row.operations, row.shapeId === byId.id ? 12 : 6, `${row.cluster} ${row.collection}`)
    t.equal(new Set(found.map((r) => [r.cluster, r.database, r.collection, r.shapeId].join())).size, 12)
    digests.close()
    t.end()
  },
)

t.test('a cache that overflowed is filled again', (t) => {
  const { digests, run, rows } = setUp()
  run({ shape: byId })
  for (let i = 0; i < 20_010; i++) run({ shape: { ...byStatus } })
  run({ shape: byId })
  t.same(
    rows().map((r) => r.operations),
    [20_010, 2],
  )
  digests.close()
  t.end()
})

const SUMS = [
  'operations',
  'errors',
  'getMores',
  'documentsReturned',
  'documentsSent',
  'requestBytes',
  'replyBytes',
] as const
type Sums = Record<(typeof SUMS)[number], number>

const sumsOf = (rows: readonly DigestRow[]): Sums =>
  Object.fromEntries(SUMS.map((key) => [key, rows.reduce((sum, row) => sum + row[key], 0)])) as Sums

t.test('nothing that was counted is lost when rows make room, for each cluster and command', (t) => {
  const outcomes = [OK, OK, OK, FAILED, ABORTED.client, UNACKNOWLEDGED]
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed)
    const { clock, digests } = setUp(10)
    const oracle = new Map<string, Sums & { totalMs: number; maxMs: number }>()
    const shapes = Array.from({ length: 60 }, (_, i) => shapeOf(`{"f${i}": ?}`, i % 3 === 0 ? 'aggregate' : 'find'))
    const clients = [client('one'), client('two')]
    for (let i = 0; i < 3_000; i++) {
      const shape = shapes[Math.floor(random() ** 2 * shapes.length)] as (typeof shapes)[number]
      const connection = clients[random() < 0.3 ? 0 : 1] as (typeof clients)[number]
      const isGetMore = random() < 0.1
      const outcome = outcomes[Math.floor(random() * outcomes.length)] as Outcome
      const numbers = {
        documents: Math.floor(random() * 9),
        batchSize: Math.floor(random() * 4),
        requestBytes: Math.floor(random() * 999),
        replyBytes: Math.floor(random() * 999),
      }
      const ms = Math.floor(random() * 200)
      digests.exchangeEnded(
        ended({ shape, connection, command: isGetMore ? 'getMore' : shape.command, outcome, ms, ...numbers }),
      )
      const key = `${connection.cluster} ${shape.command}`
      const zero = { ...sumsOf([]), totalMs: 0, maxMs: 0 }
      const sums = oracle.get(key) ?? zero
      const isTimed = !isGetMore && (outcome === OK || outcome === FAILED)
      oracle.set(key, {
        operations: sums.operations + (isGetMore ? 0 : 1),
        errors: sums.errors + (outcome === FAILED || outcome === ABORTED.client ? 1 : 0),
        getMores: sums.getMores + (isGetMore ? 1 : 0),
        documentsReturned: sums.documentsReturned + numbers.documents,
        documentsSent: sums.documentsSent + numbers.batchSize,
        requestBytes: sums.requestBytes + numbers.requestBytes,
        replyBytes: sums.replyBytes + numbers.replyBytes,
        totalMs: sums.totalMs + (isTimed ? ms : 0),
        maxMs: Math.max(sums.maxMs, isTimed ? ms : 0),
      })
      if (random() < 0.01) clock.advance(1_000)
    }
    clock.advance(201)
    for (const [key, { totalMs, maxMs, ...sums }] of oracle) {
      const [cluster = '', command = ''] = key.split(' ')
      const { rows, other } = digests.report(query({ cluster, command }))
      const all = [...rows, ...other]
      t.same(sumsOf(all), sums, `seed ${seed}: ${key}`)
      t.ok(Math.abs(all.reduce((sum, row) => sum + row.totalMs, 0) - totalMs) < 1e-6, `seed ${seed}: ${key}: time`)
      t.equal(Math.max(...all.map((row) => row.maxMs)), maxMs, `seed ${seed}: ${key}: maximum`)
    }
    t.equal(digests.report(query()).rows.length, 10)
    t.ok(digests.table.evictions > 100)
    digests.close()
  }
  t.end()
})

t.test('what moved to the rest was not counted just now', (t) => {
  const { clock, digests, run } = setUp(10)
  for (let i = 0; i < 10; i++) run({ shape: shapeOf(`old ${i}`), ms: 700 }, 50)
  clock.advance(30_000)
  for (let i = 0; i < 10; i++) run({ shape: shapeOf(`new ${i}`), ms: 700 }, 60)
  const { rows, other } = digests.report(query())
  t.match(
    rows[0],
    { operations: 60, rate: 12, p50Ms: 700, isRecent: true },
    'nor does what came in its place begin with it',
  )
  const [rest] = other
  t.match(rest, { operations: 500, rate: 0, p50Ms: 700, isRecent: true, database: '__other__', shapeId: '' })
  clock.advance(30_500)
  t.match(digests.report(query()).other[0], { operations: 500, isRecent: false }, 'it ended over a minute ago')
  digests.close()
  t.end()
})

t.test('a shape with more than its share of all is never without a row, whatever flood of others comes', (t) => {
  const maxRows = 100
  const flood = 200_000
  const { clock, digests } = setUp(maxRows)
  const heavy = Array.from({ length: 20 }, (_, i) => shapeOf(`heavy ${i}`))
  const connection = client()
  const operation = operationOf({})
  const exchange = ended({ connection, operation })
  const counted = heavy.map(() => 0)
  for (let i = 0; i < flood; i++) {
    exchange.shape = { id: `f${String(i).padStart(15, '0')}`, command: 'find', text: '', isTruncated: false }
    digests.exchangeEnded(exchange)
    // Each is one in forty of the flood: more than one in a hundred of all.
    if (i % 2 !== 0) continue
    const at = (i / 2) % heavy.length
    exchange.shape = heavy[at]
    digests.exchangeEnded(exchange)
    counted[at] = (counted[at] ?? 0) + 1
  }
  clock.advance(201)
  const { rows, rowsTotal, other } = digests.report(query())
  t.equal(rowsTotal, maxRows)
  t.equal(other.length, 1)
  const found = heavy.map(({ id }) => rows.find(({ shapeId }) => shapeId === id)?.operations)
  t.same(found.slice(0, 20), counted, 'with everything that they ever did')
  t.equal(sumsOf([...rows, ...other]).operations, flood + flood / 2)
  digests.close()
  t.end()
})

t.test('memory and time of a flood of distinct shapes do not grow with it', (t) => {
  const { digests } = setUp(100)
  const exchange = ended({ connection: client(), operation: operationOf({}) })
  let next = 0
  const flood = (count: number) => {
    const begin = process.cpuUsage()
    for (let i = 0; i < count; i++) {
      exchange.shape = { id: (next++).toString(16).padStart(16, '0'), command: 'find', text: '', isTruncated: false }
      digests.exchangeEnded(exchange)
    }
    const { user, system } = process.cpuUsage(begin)
    return (user + system) / count
  }
  flood(50_000)
  global.gc?.()
  const before = process.memoryUsage().arrayBuffers
  const early = flood(100_000)
  const late = flood(100_000)
  t.equal(digests.table.rows.length, 100)
  t.equal(process.memoryUsage().arrayBuffers - before < 1_000_000, true, 'no array is made for it')
  t.ok(late < early * 3 + 5, `${early} and ${late} µs each`)
  digests.close()
  t.end()
})

t.test(
  'what comes now and again among many that come once keeps its row, also in a table that is full of old ones',
  (t) => {
    const { digests, run, rows } = setUp(10)
    for (let i = 0; i < 10; i++) run({ shape: shapeOf(`old ${i}`) }, 100)
    for (let round = 0; round < 300; round++) {
      run({ shape: byId })
      run({ shape: shapeOf(`once ${round}`) })
    }
    t.equal(rows().find(({ shapeId }) => shapeId === byId.id)?.operations, 300)
    digests.close()
    t.end()
  },
)

t.test('old glory ends: what is seen now has a row, also in a table that was full for years', (t) => {
  const { clock, digests, run, rows } = setUp(10)
  run({ shape: shapeOf('old and rare') })
  for (let i = 0; i < 9; i++) run({ shape: shapeOf(`old ${i}`) }, 50_000)
  clock.advance(4 * 3_600_000)
  for (let round = 0; round < 40; round++) for (let i = 0; i < 5; i++) run({ shape: shapeOf(`new ${i}`) })
  const found = rows().filter(({ shape }) => shape.startsWith('new'))
  t.same(
    found.map((r) => r.operations),
    [40, 40, 40, 40, 40],
  )
  digests.close()
  t.end()
})

t.test('what was halved is still in order: the one that was seen least lately makes room', (t) => {
  const { clock, digests, run, rows } = setUp(10)
  for (let i = 1; i <= 10; i++) run({ shape: shapeOf(`seen ${i}00`) }, i * 100)
  run({ shape: shapeOf('in place of 100') })
  clock.advance(600_000)
  run({ shape: shapeOf('in place of 100') }, 200)
  run({ shape: shapeOf('seen 200') }, 90)
  run({ shape: shapeOf('one more') })
  const shapes = rows().map(({ shape }) => shape)
  t.notOk(shapes.includes('seen 300'), 'half of 300 is less than half of 200 and 90')
  t.ok(shapes.includes('seen 200'))
  digests.close()
  t.end()
})

t.test('a shape that made room and comes again has a row of its own again, and adds to no other', (t) => {
  const { digests, run, rows } = setUp(10)
  const operation = operationOf({})
  const connection = client()
  const old = Array.from({ length: 10 }, (_, i) => shapeOf(`old ${i}`))
  for (let times = 0; times < 3; times++) for (const shape of old) run({ shape, operation, connection })
  run({ shape: byId, operation, connection })
  const has = (id: string) => rows().some(({ shapeId }) => shapeId === id)
  const gone = old.find(({ id }) => !has(id))
  run({ shape: gone, operation, connection })
  const counts = Object.fromEntries(rows().map((row) => [row.shapeId, row.operations]))
  t.match(counts, { [gone?.id ?? 'none']: 1, [byId.id]: 1 })
  t.equal(Object.values(counts).filter((count) => count === 3).length, 8)
  digests.close()
  t.end()
})

t.test('each order is by the largest first', (t) => {
  const { clock, digests, run } = setUp()
  const kinds: Record<string, Ended & { times: number }> = {
    slow: { ms: 900, times: 2 },
    often: { ms: 1, times: 500, requestBytes: 1, replyBytes: 1 },
    failing: { ms: 2, times: 5, outcome: FAILED, requestBytes: 1, replyBytes: 1 },
    large: { ms: 3, times: 1, replyBytes: 9_000_000 },
    many: { ms: 4, times: 1, documents: 5_000 },
    never: { times: 1, outcome: UNACKNOWLEDGED },
  }
  for (const [name, { times, ...how }] of Object.entries(kinds)) run({ ...how, shape: shapeOf(name) }, times)
  run({ shape: shapeOf('once'), ms: 5_000 })
  clock.advance(201)
  const firsts: readonly (readonly [DigestSort, string])[] = [
    ['load', 'once'],
    ['rate', 'often'],
    ['operations', 'often'],
    ['total', 'once'],
    ['p50', 'once'],
    ['p95', 'once'],
    ['p99', 'once'],
    ['max', 'once'],
    ['errors', 'failing'],
    ['documents', 'many'],
    ['bytes', 'large'],
  ]
  for (const [sort, first] of firsts) t.equal(digests.report(query({ sort })).rows[0]?.shape, first, sort)
  t.equal(digests.report(query({ sort: 'p99' })).rows.at(-1)?.shape, 'never', 'what was never timed comes last')
  t.equal(digests.report(query({ limit: 2 })).rows.length, 2)
  t.equal(digests.report(query({ limit: 2 })).rowsTotal, 7)
  digests.close()
  t.end()
})

t.test('what fits a query is shown, and the rest only where it can be told apart', (t) => {
  const { clock, digests, run } = setUp(10)
  for (let i = 0; i < 30; i++) run({ shape: shapeOf(`s${i}`), collection: i % 2 === 0 ? 'orders' : 'carts' })
  run({ shape: byId, connection: client('two') }, 2)
  clock.advance(201)
  const of = (part: Parameters<typeof query>[0]) => {
    const { rows, other } = digests.report(query(part))
    return [rows.length, other.length]
  }
  t.same(of({}), [10, 1])
  t.same(of({ cluster: 'two' }), [1, 0])
  t.same(of({ command: 'FIND' }), [10, 1])
  t.same(of({ command: 'insert' }), [0, 0])
  t.same(of({ shapeId: byId.id }), [1, 0])
  t.equal(of({ collection: 'carts' })[1], 0)
  t.ok(digests.report(query({ collection: 'carts' })).rows.every(({ collection }) => collection === 'carts'))
  digests.close()
  t.end()
})

t.test('names from the wire are cleaned, and what is too long for a name is none', (t) => {
  const { digests, run, rows } = setUp()
  run({ shape: byId, collection: 'a\nb\ud800' })
  run({ shape: byId, collection: 'x'.repeat(300) })
  t.same(
    rows()
      .map((r) => r.collection)
      .sort(),
    ['__other__', 'a\ufffdb\ufffd'],
  )
  digests.close()
  t.end()
})

t.test('metrics tell how full the table is, and how many operations have no shape', async (t) => {
  const o = observation()
  for (let i = 0; i < 1_003; i++) o.hub.exchangeEnded(ended({ shape: shapeOf(`s${i}`) }))
  o.hub.exchangeEnded(ended({ command: 'ping', collection: '' }))
  const got = await scrape(o)
  t.equal(sample(got, 'oplens_digests_rows'), 1_000)
  t.equal(sample(got, 'oplens_digests_evictions_total'), 3)
  t.equal(sample(got, 'oplens_digests_operations_without_shape_total'), 1)
  t.equal([...got.samples].filter(([key]) => key.includes('s100')).length, 0, 'no shape is ever a label')
  o.close()
})
