import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MongoClient } from 'mongodb'
import t from 'tap'
import { skipWithout } from './support/matrix.mjs'
import { countedOperations, isQuiet, scrapeUntil, startOplens } from './support/oplens.mjs'
import { sumOf } from './support/prometheus-text.mjs'
import { startSecantus } from './support/secantus.mjs'

const skip = skipWithout('python')
const WORKERS = 8

/** Finds from eight workers until `stop`; errors are the point here, so they are counted and not thrown. */
function startLoad(uri) {
  const client = new MongoClient(uri, { retryReads: false, serverSelectionTimeoutMS: 300, monitorCommands: true })
  const events = { started: 0, succeeded: 0, failed: 0 }
  for (const kind of Object.keys(events)) {
    client.on(`command${kind[0].toUpperCase()}${kind.slice(1)}`, ({ commandName }) => {
      if (commandName === 'find') events[kind] += 1
    })
  }
  let isOver = false
  const worker = async () => {
    while (!isOver) {
      const failed = await client
        .db('shop')
        .collection('orders')
        .findOne({ _id: 1 })
        .then(
          () => false,
          () => true,
        )
      if (failed) await sleep(20)
    }
  }
  const workers = Promise.all(Array.from({ length: WORKERS }, worker))
  return {
    events,
    async stop() {
      isOver = true
      await workers
      await client.close()
    },
  }
}

/** Connects that failed, and those that were not tried because the member was known to be down already. */
const failedConnects = (metrics) =>
  sumOf(metrics, 'oplens_upstream_connect_failures_total') + sumOf(metrics, 'oplens_upstream_member_down_total')
const finds = (metrics, outcome) => countedOperations(metrics).get(`find shop orders ${outcome}`) ?? 0

t.test(
  'the server is killed under load: open operations end as aborted, and a new server is served',
  { skip },
  async (t) => {
    const storagePath = mkdtempSync(join(tmpdir(), 'oplens-faults-'))
    let server = await startSecantus({ storagePath })
    const { port } = server
    const oplens = await startOplens(`mongodb://127.0.0.1:${port}/`)
    t.teardown(async () => {
      await oplens.stop()
      await server.stop()
      rmSync(storagePath, { recursive: true, force: true })
    })
    const setUp = new MongoClient(oplens.uri)
    await setUp.db('shop').collection('orders').insertOne({ _id: 1 })
    // An operation that is surely open when the server dies: the fail point holds it for a minute.
    await setUp.db('admin').command({
      configureFailPoint: 'failCommand',
      mode: { times: 1 },
      data: { failCommands: ['distinct'], blockConnection: true, blockTimeMS: 60_000, errorCode: 2 },
    })
    const blocked = setUp.db('shop').collection('orders').distinct('_id')
    blocked.catch(() => undefined)
    const load = startLoad(oplens.uri)
    await scrapeUntil(oplens, (metrics) => finds(metrics, 'ok') > 200 && sumOf(metrics, 'oplens_operations_active') > 0)

    await server.stop('SIGKILL')
    await t.rejects(blocked, 'the held operation fails')
    const down = await scrapeUntil(oplens, (metrics) => failedConnects(metrics) > 0)
    t.equal(countedOperations(down).get('distinct shop orders aborted'), 1, 'the held operation is aborted')
    t.ok(
      sumOf(down, 'oplens_operation_errors_total', { db_operation_name: 'distinct', ended_by: 'server' }) === 1,
      'by the server',
    )
    t.ok(failedConnects(down) > 0, 'connects to the dead server are counted')
    t.equal((await fetch(`${oplens.admin}/metrics`)).status, 200, 'the proxy lives')

    server = await startSecantus({ storagePath, port })
    const okBefore = finds(down, 'ok')
    const up = await scrapeUntil(oplens, (metrics) => finds(metrics, 'ok') > okBefore + 100, 20_000)
    t.ok(finds(up, 'ok') > okBefore + 100, 'traffic works again through the same proxy')

    await load.stop()
    await setUp.close()
    const last = await scrapeUntil(oplens, isQuiet)
    t.equal(finds(last, 'ok'), load.events.succeeded, 'every success the driver saw is counted')
    // The driver also fails operations for which no byte reached the proxy (a connection found dead before it wrote).
    t.ok(finds(last, 'aborted') <= load.events.failed, 'no more failures than the driver saw')
    t.ok(finds(last, 'ok') + finds(last, 'aborted') <= load.events.started)
    t.equal(sumOf(last, 'oplens_operations_active'), 0, 'no operation stays open')
    t.same(
      oplens.lines.filter((line) => /uncaught|unhandled/i.test(line)),
      [],
    )
  },
)

t.test(
  'a server that is down: the client is closed at once, with the reason counted and logged',
  { skip },
  async (t) => {
    const server = await startSecantus()
    const oplens = await startOplens(`mongodb://127.0.0.1:${server.port}/`)
    t.teardown(() => oplens.stop())
    await server.stop('SIGKILL')
    const client = new MongoClient(oplens.uri, { serverSelectionTimeoutMS: 500 })
    await t.rejects(client.db('shop').command({ ping: 1 }))
    await client.close()
    const { metrics } = await oplens.scrape()
    t.ok(failedConnects(metrics) > 0)
    const lines = oplens.lines.filter(
      (line) => line.includes(`127.0.0.1:${server.port}`) && line.includes('ECONNREFUSED'),
    )
    t.ok(lines.length > 0, 'a log line names host and reason')
    t.ok(lines.length < 10, 'and it is rate-limited')
  },
)

t.test('SIGTERM drains: an operation in flight is finished, then the process exits with 0', { skip }, async (t) => {
  const server = await startSecantus()
  const oplens = await startOplens(`mongodb://127.0.0.1:${server.port}/`)
  t.teardown(() => server.stop())
  const client = new MongoClient(oplens.uri, { retryReads: false })
  await client.db('shop').collection('orders').insertOne({ _id: 1 })
  await client.db('admin').command({
    configureFailPoint: 'failCommand',
    mode: { times: 1 },
    data: { failCommands: ['count'], blockConnection: true, blockTimeMS: 700 },
  })
  const slow = client.db('shop').collection('orders').estimatedDocumentCount()
  slow.catch(() => undefined)
  await scrapeUntil(oplens, (metrics) => sumOf(metrics, 'oplens_operations_active') === 1)
  const exit = oplens.stop()
  t.equal(await slow, 1, 'the operation in flight got its reply')
  t.match(await exit, { code: 0, signal: null })
  await client.close()
})
