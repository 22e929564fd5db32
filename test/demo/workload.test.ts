import t from 'tap'
import { systemClock } from '../../src/core/clock.js'
import { startDemoServer } from '../../src/demo/mongod/server.js'
import { shopLatency } from '../../src/demo/shop/latency.js'
import { runWorkload } from '../../src/demo/workload.js'

/** A small generator, so that every run takes the same turns. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 0x1_0000_0000
  }
}

/** Commands that a proxy counts too: not the driver's handshakes and monitoring. */
const isHello = (command: string): boolean => /^(hello|ismaster)$/i.test(command)

t.test('the shop does everything a proxy should be seen counting, and its own count equals the server’s', async (t) => {
  const server = await startDemoServer()
  const random = seeded(7)
  const stop = new AbortController()
  const options = { uri: server.uri, seconds: undefined, clock: systemClock, random, ratePerSecond: 2_000 }
  const running = runWorkload({ ...options, signal: stop.signal })
  const total = () => Object.values(server.commandsSeen()).reduce((sum, count) => sum + count, 0)
  while (server.commandsSeen().shopStatus === undefined || total() < 300) await new Promise(setImmediate)
  stop.abort()
  const summary = await running
  // Writes that nobody waited for may still be on their way when the driver has closed.
  while (server.connections > 0) await new Promise(setImmediate)
  await server.close()

  const keyOf = (row: { command: string; database: string; collection: string; outcome: string; count: number }) =>
    `${row.command} ${row.database}.${row.collection} ${row.outcome} ${row.count}`
  const seen = server.operationsSeen().filter(({ command }) => !isHello(command))
  t.strictSame(summary.rows.map(keyOf).sort(), seen.map(keyOf).sort())
  t.equal(
    summary.operations,
    seen.reduce((sum, { count }) => sum + count, 0),
  )
  const outcomes = new Set(summary.rows.map(({ outcome }) => outcome))
  t.strictSame([...outcomes].sort(), ['command_error', 'ok', 'unacknowledged', 'write_error'])
  const commands = new Set(summary.rows.map(({ command }) => command))
  for (const command of [
    'find',
    'getMore',
    'insert',
    'update',
    'delete',
    'findAndModify',
    'aggregate',
    'count',
    'distinct',
  ]) {
    t.ok(commands.has(command), command)
  }
  const collections = new Set(summary.rows.map(({ database, collection }) => `${database}.${collection}`))
  for (const name of [
    'shop.orders',
    'shop.customers',
    'shop.inventory',
    'shop.sessions',
    'shop.events',
    'reports.sales',
  ]) {
    t.ok(collections.has(name), name)
  }
})

t.test('the shop ends at once when it is told to', async (t) => {
  const server = await startDemoServer()
  const stop = new AbortController()
  const options = { uri: server.uri, seconds: undefined, clock: systemClock, random: seeded(1), ratePerSecond: 100 }
  const running = runWorkload({ ...options, signal: stop.signal })
  while ((server.commandsSeen().find ?? 0) === 0) await new Promise(setImmediate)
  stop.abort()
  t.ok((await running).operations > 0)
  await server.close()
})

t.test('the shop fails with the driver’s error when there is no server', async (t) => {
  const server = await startDemoServer()
  await server.close()
  const options = { seconds: 1, clock: systemClock, random: seeded(1), ratePerSecond: 100 }
  await t.rejects(
    runWorkload({ ...options, uri: server.uri, connectTimeoutMs: 100, signal: new AbortController().signal }),
    {
      name: 'MongoServerSelectionError',
    },
  )
})

t.test('reports are the slow operation of the demo', async (t) => {
  const latency = shopLatency(seeded(3))
  const report = { name: 'aggregate', database: 'reports', collection: 'sales', body: {} }
  const find = { name: 'find', database: 'shop', collection: 'orders', body: {} }
  t.ok(latency(report) >= 250)
  const finds = Array.from({ length: 100 }, () => latency(find))
  t.ok(finds.filter((ms) => ms < 2).length > 80)
})
