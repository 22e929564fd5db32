// Does a reader of mongod's log, which knows nothing of oplens, find in the slow log what the driver did?
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MongoClient } from 'mongodb'
import t from 'tap'
import { startDemoServer } from '../../dist/demo/mongod/server.js'
import { skipWithout } from './support/matrix.mjs'
import { startOplensWithConfig } from './support/oplens.mjs'
import { runProcess } from './support/process.mjs'
import { tool } from './support/tools.mjs'

/** What the reader counts: it takes inserts and the commands around updates and deletes for no query, and reads a getMore for what opened its cursor. */
const COUNTED = new Set(['find', 'count', 'distinct', 'aggregate', 'findAndModify'])

/** Its table, a row for each shape, and how many lines it took for an operation. */
async function shapesIn(files) {
  const program = join(dirname(tool('indexwright').path), 'indexwright')
  const env = { COLUMNS: '400', NO_COLOR: '1', PYTHONUTF8: '1' }
  const { code, stdout, stderr } = await runProcess(program, ['shapes', ...files.flatMap((file) => ['--log', file])], {
    env,
  })
  if (code !== 0) throw new Error(`indexwright ended with ${code}: ${stderr}`)
  const cells = stdout.split('\n').map((line) => line.split('│').map((cell) => cell.trim()))
  const rows = cells
    .filter((row) => row.length > 7)
    .map(([, ns, op, shape, n, , p99]) => ({ ns, op, shape, n: Number(n), p99: Number(p99) }))
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it writes colours whatever it is told
  const entries = Number(/(\d+) entries read/.exec(stderr.replaceAll(/\u001b\[\d*m/g, ''))?.[1])
  return { rows, entries }
}

const sum = (rows) => rows.reduce((total, { n }) => total + n, 0)

t.test('a reader of mongod’s log reads the slow log', { skip: skipWithout('indexwright') }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'oplens-slow-'))
  const path = join(folder, 'slow.log')
  const server = await startDemoServer()
  const oplens = await startOplensWithConfig(`
admin: { address: 127.0.0.1:0 }
listeners: [{ name: shop, address: "127.0.0.1:0", protocol: mongodb, cluster: shop }]
clusters: [{ name: shop, hosts: ["127.0.0.1:${server.address.port}"] }]
observe: { slow_log: { threshold: 0ms, max_per_second: 100000, file: { path: ${path} } } }
`)
  const client = new MongoClient(oplens.uri, { monitorCommands: true, appName: 'shop' })
  t.teardown(async () => {
    await client.close()
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  let counted = 0
  let getMores = 0
  client.on('commandSucceeded', ({ commandName }) => {
    if (COUNTED.has(commandName)) counted++
    if (commandName === 'getMore') getMores++
  })
  const orders = client.db('shop').collection('orders')
  await orders.insertMany(Array.from({ length: 300 }, (_, i) => ({ _id: i, status: i % 2 ? 'open' : 'done', n: i })))
  const work = async () => {
    for (let i = 0; i < 7; i++)
      await orders.find({ status: 'open', n: { $gt: i } }, { sort: { n: -1 }, limit: 3 }).toArray()
    await orders.find({ n: { $gte: 0 } }).toArray()
    await orders.aggregate([{ $match: { status: 'open' } }, { $group: { _id: '$status', n: { $sum: 1 } } }]).toArray()
    await orders.distinct('status', { n: { $lt: 5 } })
    await orders.findOneAndUpdate({ _id: 3 }, { $set: { n: 9 } })
    await orders.updateMany({ status: 'done' }, { $set: { n: 1 } })
    await orders.deleteOne({ _id: 7 })
  }
  await work()
  while (!readFileSync(path, 'utf8').includes('"delete":"orders"')) await sleep(20)
  const { rows, entries } = await shapesIn([path])
  t.equal(sum(rows), counted, 'as many operations as the driver did')
  t.equal(entries, counted + getMores, 'its getMores too')
  t.ok(rows.every(({ ns }) => ns === 'shop.orders'))
  t.match(
    Object.fromEntries(rows.map(({ op, shape, n }) => [`${op} ${shape}`, n])),
    {
      'find {n:{$gt:?}, status:?} sort {n:-1}': 7,
      'distinct {n:{$lt:?}}': 1,
      'findAndModify {_id:?}': 1,
    },
    'by the shapes that it makes of a mongod log',
  )
  t.ok(rows.every(({ p99 }) => p99 >= 0 && p99 < 60_000))

  renameSync(path, `${path}.moved`)
  process.kill(oplens.pid, 'SIGHUP')
  while (!existsSync(path)) await sleep(20)
  await work()
  await client.close()
  t.match(await oplens.stop(), { code: 0 })
  t.equal(sum((await shapesIn([`${path}.moved`, path])).rows), counted, 'and over a file that logrotate moved away')
  t.equal(sum((await shapesIn([path])).rows), counted / 2)
  const text = readFileSync(path, 'utf8') + readFileSync(`${path}.moved`, 'utf8')
  t.notMatch(text, /open|done/, 'without any value')
})
