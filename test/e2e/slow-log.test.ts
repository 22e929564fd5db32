// Do digests and the slow log say what the official driver did?
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CommandSucceededEvent, MongoClient } from 'mongodb'
import t, { type Test } from 'tap'
import type { DigestsReport, SlowReport } from '../../src/core/reports.js'
import { startDemoServer } from '../../src/demo/mongod/server.js'
import { startConfigured, total } from '../support/proxy.js'

/** Of the driver itself. */
const OWN = new Set(['hello', 'isMaster', 'ismaster', 'ping', 'endSessions', 'configureFailPoint'])

async function startStage(t: Test, observe: object) {
  const server = await startDemoServer()
  const path = join(t.testdir(), 'slow.log')
  const proxy = await startConfigured(
    JSON.stringify({
      admin: { address: '127.0.0.1:0' },
      listeners: [{ name: 'front', address: '127.0.0.1:0', protocol: 'mongodb', cluster: 'db' }],
      clusters: [{ name: 'db', hosts: [`127.0.0.1:${server.address.port}`] }],
      observe: { slow_log: { threshold: '0ms', max_per_second: 100_000, file: { path } }, ...observe },
    }),
  )
  const uri = `mongodb://127.0.0.1:${proxy.port}/?directConnection=true&appName=checkout`
  const client = new MongoClient(uri, { monitorCommands: true, retryWrites: false })
  const succeeded: CommandSucceededEvent[] = []
  client.on('commandSucceeded', (event) => OWN.has(event.commandName) || succeeded.push(event))
  t.teardown(async () => {
    await client.close()
    await proxy.close()
    await server.close()
  })
  const lines = () =>
    readFileSync(path, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
      .filter(({ attr }) => !OWN.has(Object.keys(attr.command)[0] ?? ''))
  const json = async (route: string) => JSON.parse(await proxy.get(route))
  const end = async () => {
    await client.close()
    await proxy.close()
  }
  return { proxy, client, db: client.db('shop'), succeeded, lines, json, end }
}

t.test('each operation is a line, in the row of its shape, and at /slow', async (t) => {
  const { db, succeeded, lines, json, end, proxy } = await startStage(t, {})
  const orders = db.collection<{ _id: number; status: string; n: number }>('orders')
  await orders.insertMany(
    Array.from({ length: 250 }, (_, i) => ({ _id: i, status: i % 2 === 0 ? 'open' : 's3cret', n: i })),
  )
  for (let i = 0; i < 5; i++) await orders.find({ status: 'open' }, { sort: { n: -1 }, limit: 3 }).toArray()
  await orders.find({ n: { $gte: 0 } }).toArray()
  await orders.updateMany({ status: 's3cret' }, { $inc: { n: 1 } })
  await orders.deleteMany({ n: { $in: [1, 2, 3] } })
  await orders.aggregate([{ $match: { status: 'open' } }, { $group: { _id: '$status', n: { $sum: 1 } } }]).toArray()
  const { rows } = (await json('/digests?collection=orders')) as DigestsReport
  const { operations, total: slow } = (await json('/slow?collection=orders&n=1000')) as SlowReport
  const metrics = await proxy.metrics()
  await end()
  const byCommand = (command: string) => rows.filter((row) => row.command === command)
  t.same(
    byCommand('find')
      .map((row) => [row.shape, row.operations, row.getMores, row.documentsReturned])
      .sort(),
    [
      ['{filter: {n: {$gte: "?number"}}}', 1, 1, 250],
      ['{filter: {status: "?string"}, sort: {n: -1}, limit: "?number"}', 5, 0, 15],
    ],
  )
  t.match(byCommand('insert'), [{ operations: 1, documentsSent: 250, errors: 0 }])
  t.match(byCommand('aggregate'), [{ operations: 1, shape: /\$group/ }])
  const written = lines()
  const driver = succeeded.map(({ commandName }) => commandName)
  t.same(
    written.map(({ attr }) => Object.keys(attr.command)[0]),
    driver,
    'in the order of the driver',
  )
  t.equal(operations.length, driver.length)
  t.equal(total(metrics, 'oplens_slow_operations_total', { db_collection_name: 'orders' }), driver.length)
  t.ok(slow >= driver.length)
  const line = (command: string) => written.find(({ attr }) => command in attr.command).attr
  t.match(line('find'), {
    ns: 'shop.orders',
    appName: 'checkout',
    command: { find: 'orders', filter: { status: '?string' }, sort: { n: -1 }, $db: 'shop' },
    nreturned: 3,
    cursorExhausted: true,
  })
  t.match(line('getMore').originatingCommand, { find: 'orders', filter: { n: { $gte: '?number' } } })
  t.match(line('insert'), { ninserted: 250, oplens: { documents_sent: 250 } })
  const replyOf = (command: string) => {
    const reply: unknown = succeeded.find(({ commandName }) => commandName === command)?.reply
    return reply as { readonly n: number; readonly nModified: number } | undefined
  }
  const update = replyOf('update')
  t.match(line('update'), { nMatched: update?.n, nModified: update?.nModified })
  t.match(line('delete'), { ndeleted: replyOf('delete')?.n })
  const times = succeeded.map(({ duration }) => duration)
  for (const [i, { attr }] of written.entries())
    t.ok(attr.durationMillis <= (times[i] ?? 0) + 2, `${i}: no longer than the driver waited`)
  t.notMatch(JSON.stringify([rows, operations, written]), /s3cret|open/, 'no value anywhere')
})

t.test('an operation that took its time is slow, and the others are not', async (t) => {
  const { client, db, lines, json, end } = await startStage(t, {
    slow_log: { threshold: '150ms', file: undefined },
  })
  const carts = db.collection('carts')
  await carts.find({ a: 1 }).toArray()
  const data = { failCommands: ['find'], blockConnection: true, blockTimeMS: 200 }
  await client.db('admin').command({ configureFailPoint: 'failCommand', mode: { times: 1 }, data })
  await carts.find({ b: 1 }).toArray()
  const { operations } = (await json('/slow?collection=carts')) as SlowReport
  t.equal(operations.length, 1)
  t.match(operations[0], { shape: '{filter: {b: "?number"}}', thresholdMs: 150, host: /^127/ })
  t.ok((operations[0]?.durationMs ?? 0) >= 199)
  await end()
  t.throws(lines, { code: 'ENOENT' }, 'no file was asked for')
})

t.test(
  'requests have their values where the operator asks for them, but for the fields that stay hidden',
  async (t) => {
    const show_values = { namespaces: ['shop.*'], except: ['shop.carts'], redact: ['card*'] }
    const { db, lines, json, end } = await startStage(t, { show_values })
    const filter = { status: 'open', cardNumber: '4111', n: { $gt: 9_007_199_254_740_993n } }
    await db.collection('orders').find(filter).toArray()
    await db.collection('carts').find(filter).toArray()
    const { operations } = (await json('/slow?command=find')) as SlowReport
    await end()
    const [carts, orders] = operations
    t.match(orders?.values, /^\{filter: \{status: "open", cardNumber: "[^4]+", n: \{\$gt: 9007199254740993\}\}/)
    t.equal(carts?.values, '')
    const [written, hidden] = lines()
    t.match(written.attr.command, { find: 'orders', filter: { status: 'open' }, $db: 'shop' })
    t.match(hidden.attr.command, { find: 'carts', filter: { status: '?string' }, $db: 'shop' })
    t.notMatch(JSON.stringify([written, hidden, operations]), /4111/)
  },
)
