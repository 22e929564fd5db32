// Requests made to hurt whoever looks at them, through a whole oplens with everything on and a collector that is down: each is
// answered, nothing throws, and whatever is kept of them has its bound.
import { type Document, MongoClient } from 'mongodb'
import t from 'tap'
import { startDemoServer } from '../../src/demo/mongod/server.js'
import { startConfigured, total } from '../support/proxy.js'

const MAX_ROWS = 100
const KEPT = 50
const COMMENTS = 3_000
const SHAPES = 4_000

const TRACE_PARENTS = [
  '',
  '00-',
  `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`,
  `ff-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
]

t.test('huge comments, invalid contexts, endless names and a flood of shapes are bounded and counted', async (t) => {
  const mongod = await startDemoServer()
  t.teardown(() => mongod.close())
  const proxy = await startConfigured(`
admin: { address: 127.0.0.1:0 }
listeners:
  - { name: front, address: 127.0.0.1:0, protocol: mongodb, cluster: db, mode: transparent }
clusters:
  - { name: db, hosts: [ "${new URL(mongod.uri).host}" ] }
observe:
  digests: { max_rows: ${MAX_ROWS} }
  slow_log: { threshold: 0ms, keep: ${KEPT} }
  tracing: { enabled: true, endpoint: "http://127.0.0.1:1", sample: 1, max_queue: 200 }
  show_values: { namespaces: ["*"] }
`)
  t.teardown(() => proxy.close())
  const client = new MongoClient(`mongodb://127.0.0.1:${proxy.port}/?directConnection=true`)
  t.teardown(() => client.close())
  const things = client.db('shop').collection<Document>('things')
  let asked = 0
  const find = async (filter: Document, comment?: unknown) => {
    asked++
    t.same(await things.find(filter, comment === undefined ? {} : { comment }).toArray(), [])
  }

  const huge = 'x'.repeat(1_000_000)
  for (const comment of [huge, { traceparent: huge }, { deep: { deeper: huge } }, `traceparent='${huge}`])
    await find({}, comment)
  for (const traceparent of TRACE_PARENTS) await find({}, { traceparent })
  for (const name of ['y'.repeat(500_000), '\u0001'.repeat(300), '€'.repeat(10_000)]) await find({ [name]: 1 })
  const inBatches = async (count: number, run: (i: number) => Promise<void>) => {
    for (let i = 0; i < count; i += 50) await Promise.all(Array.from({ length: 50 }, (_, k) => run(i + k)))
  }
  await inBatches(COMMENTS, (i) => find({ a: 1 }, `comment ${i} ${'z'.repeat(i % 200)}`))
  await inBatches(SHAPES, (i) => find({ [`field${letters(i)}`]: 1 }))

  const samples = await proxy.metrics()
  const finds = { db_operation_name: 'find' }
  t.equal(total(samples, 'db_client_operation_duration_seconds_count', finds), asked, 'each was counted')
  t.equal(total(samples, 'oplens_observer_errors_total'), 0)
  t.equal(total(samples, 'oplens_decode_errors_total'), 0)
  t.equal(total(samples, 'oplens_slow_operations_total', finds), asked)
  t.ok(total(samples, 'oplens_digests_evictions_total') >= SHAPES - MAX_ROWS)
  t.ok(total(samples, 'oplens_digests_rows') <= MAX_ROWS)
  t.ok(total(samples, 'oplens_traces_dropped_total') > 0, 'the collector takes none')
  t.ok(total(samples, 'oplens_traces_queued') <= 200)
  const slow = JSON.parse(await proxy.get('/slow?n=10000'))
  t.equal(slow.operations.length, KEPT)
  const digests = JSON.parse(await proxy.get('/digests?limit=2000'))
  const operations = [...digests.rows, ...digests.other].reduce((sum, row) => sum + row.operations, 0)
  t.equal(operations, asked, 'rows and what was folded together are everything')
  t.ok(JSON.stringify(slow).length < KEPT * 12_000, 'of what is huge little is kept')
})

/** Digits would be folded: names that differ by them have one shape. */
const letters = (n: number): string =>
  [...n.toString(26)].map((d) => String.fromCharCode(97 + Number.parseInt(d, 26))).join('')
