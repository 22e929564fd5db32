// A real Prometheus scrapes the demo, and an oplens to which everything bad happens; every expression of the dashboards and rules must give
// numbers there, and the percentiles must be those that a driver measured itself.
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect, createServer as createTcpServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { MongoClient } from 'mongodb'
import t from 'tap'
import { startDemoServer } from '../../dist/demo/mongod/server.js'
import { makeCertificates } from './support/certificates.mjs'
import { skipWithout } from './support/matrix.mjs'
import { findLine, startOplensWithConfig } from './support/oplens.mjs'
import { runProcess, startProcess } from './support/process.mjs'
import { startPrometheus } from './support/prometheus.mjs'
import { connectRaw } from './support/raw-client.mjs'
import { ROOT, tool } from './support/tools.mjs'

const skip = skipWithout('prometheus', 'promtool')
const RULES = `${ROOT}dashboards/rules/`
const RANGE_SECONDS = 30
/** Elections come every 30 seconds, awaited hellos end after ten. */
const DEADLINE_MS = 60_000

/** Expressions without a series, and why nobody here can make one. */
const NEEDS_A_FAULT = new Map([
  ['oplens-proxy: Observer errors', 'an observer that throws is a bug of oplens: there is none to provoke'],
])

const dashboards = readdirSync(`${ROOT}dashboards`)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(`${ROOT}dashboards/${name}`, 'utf8')))

const closing = []
let prometheus
let demo
let driver

t.before(async () => {
  if (skip !== false) return
  try {
    await start()
  } catch (error) {
    await closeAll()
    throw error
  }
})
t.after(closeAll)

async function start() {
  demo = await startDemo()
  const faults = await startFaults()
  prometheus = await startPrometheus([demo.admin, faults.admin])
  closing.push(() => prometheus.stop())
  await faults.happen()
  driver = await measure(demo.uri)
}

async function closeAll() {
  for (const close of closing.splice(0).toReversed()) await close()
}

async function startDemo() {
  const collector = await startCollector()
  closing.push(() => collector.close())
  const args = [`${ROOT}dist/cli/main.js`, 'demo', '--port', '0', '--admin', '127.0.0.1:0', '--rate', '100']
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.address().port}` }
  const child = await startProcess(process.execPath, args, { ready: /^(mongodb:\/\/\S+)$/, env })
  closing.push(() => child.stop('SIGTERM', 15_000))
  const admin = await findLine(child, /^Live page: http:\/\/(127\.0\.0\.1:\d+)/)
  return { uri: child.match[1], admin }
}

/** Takes every span and forgets it: traces have tests of their own, here are their numbers and their exemplars. */
async function startCollector() {
  const server = createServer((request, response) => request.resume().once('end', () => response.end()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** An oplens that checks hosts, has certificates on both legs, and meets what the demo never does. */
async function startFaults() {
  const certificates = await makeCertificates()
  const { caFile, proxy, server } = certificates
  closing.push(() => certificates.remove())
  const tls = { cert: readFileSync(server.certFile), key: readFileSync(server.keyFile) }
  const secure = await startDemoServer({ tls })
  // A find is answered long after its client has left.
  const slow = await startDemoServer({ latency: ({ name }) => (name === 'find' ? 5_000 : 0) })
  const tables = await startTables()
  closing.push(
    () => secure.close(),
    () => slow.close(),
    () => tables.close(),
  )
  const hostOf = ({ address: { host, port } }) => `"${host}:${port}"`
  const oplens = await startOplensWithConfig(`
admin: { address: 127.0.0.1:0 }
observe: { metrics: { max_databases: 1 } }
listeners:
  - { name: plain, address: 127.0.0.1:0, protocol: mongodb, cluster: checked }
  - name: secure
    address: 127.0.0.1:0
    protocol: mongodb
    cluster: secure
    tls: { cert: ${proxy.certFile}, key: ${proxy.keyFile} }
  - { name: dead, address: 127.0.0.1:0, protocol: tcp, cluster: dead }
  - { name: tables, address: 127.0.0.1:0, protocol: dynamodb, cluster: tables }
clusters:
  - { name: checked, hosts: [ ${hostOf(slow)} ], health_checks: { kind: protocol, interval: 1s } }
  - name: secure
    hosts: [ ${hostOf(secure)} ]
    tls: { ca: ${caFile}, cert: ${proxy.certFile}, key: ${proxy.keyFile} }
  - { name: dead, hosts: [ "127.0.0.1:${await closedPort()}" ] }
  - { name: tables, hosts: [ "127.0.0.1:${tables.address().port}" ] }
`)
  closing.push(() => oplens.stop())
  const addressOf = (name) => {
    const at = oplens.lines.indexOf(`Give this to your applications (${name}):`)
    return /(127\.0\.0\.1:\d+)/.exec(oplens.lines[at + 1])[1]
  }
  const at = Object.fromEntries(['plain', 'secure', 'dead', 'tables'].map((name) => [name, addressOf(name)]))
  return { admin: new URL(oplens.admin).host, happen: () => happen(at, caFile, oplens) }
}

async function closedPort() {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

/** Speaks as much DynamoDB as it takes to refuse, and to leave items undone. */
async function startTables() {
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      const isBatch = request.headers['x-amz-target']?.endsWith('BatchWriteItem')
      const body = isBatch
        ? { UnprocessedItems: { hot: [{ PutRequest: { Item: { id: { S: 'a' } } } }] } }
        : { __type: 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException', message: 'slower' }
      response.writeHead(isBatch ? 200 : 400, { 'content-type': 'application/x-amz-json-1.0' })
      response.end(JSON.stringify(body))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function happen(at, caFile, oplens) {
  // Two databases, of which one is too many.
  const client = new MongoClient(`mongodb://${at.secure}/?directConnection=true&tls=true&tlsCAFile=${caFile}`)
  for (const name of ['first', 'second']) await client.db(name).collection('c').insertOne({ a: 1 })
  await client.close()
  const leaving = await connectRaw(at.plain)
  leaving.streamed({ find: 'c' })
  await until(async () =>
    /oplens_operations_active\{cluster="checked",listener="plain"\} [1-9]/.test((await oplens.scrape()).text),
  )
  leaving.close()
  // A message of an opcode that there is not, and bytes that are no message at all.
  const unknown = Buffer.alloc(20)
  unknown.writeInt32LE(20, 0)
  unknown.writeInt32LE(4_242, 12)
  for (const bytes of [unknown, Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')])
    await sendBytes(at.plain, bytes)
  await sendBytes(at.dead, Buffer.from('x'))
  const put = { hot: [{ PutRequest: { Item: { id: { S: 'a' } } } }] }
  for (let i = 0; i < 5; i++) {
    await callTable(at.tables, 'BatchWriteItem', { RequestItems: put })
    await callTable(at.tables, 'UpdateItem', { TableName: 'hot', Key: { id: { S: 'a' } } })
  }
}

async function sendBytes(address, bytes) {
  const { hostname, port } = new URL(`tcp://${address}`)
  const socket = connect({ host: hostname, port: Number(port) })
  socket.on('error', () => undefined)
  socket.resume().end(bytes)
  // How it ends is not asked here: the proxy may close or reset it, or wait.
  await Promise.race([new Promise((resolve) => socket.once('close', resolve)), sleep(500)])
  socket.destroy()
}

async function callTable(address, operation, body) {
  const response = await fetch(`http://${address}/`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
      'amz-sdk-request': 'attempt=2; max=3',
    },
    body: JSON.stringify(body),
  })
  await response.text()
}

/** A driver's own command durations in seconds, on a collection that nobody else uses. */
async function measure(uri) {
  const client = new MongoClient(uri, { monitorCommands: true, maxPoolSize: 2 })
  const started = new Map()
  const seconds = []
  client.on('commandStarted', ({ requestId, commandName }) => {
    if (commandName === 'aggregate') started.set(requestId, performance.now())
  })
  client.on('commandSucceeded', ({ requestId }) => {
    const at = started.get(requestId)
    if (at !== undefined) seconds.push((performance.now() - at) / 1000)
  })
  const collection = client.db('measured').collection('c')
  await collection.insertMany([{ a: 1 }, { a: 2 }])
  const endsAt = performance.now() + 15_000
  const work = async () => {
    while (performance.now() < endsAt) await collection.aggregate([{ $match: { a: 1 } }]).toArray()
  }
  await Promise.all([work(), work()])
  await client.close()
  return seconds.sort((a, b) => a - b)
}

async function until(isSo, deadlineMs = 10_000) {
  const endsAt = Date.now() + deadlineMs
  for (;;) {
    if (await isSo()) return true
    if (Date.now() > endsAt) return false
    await sleep(250)
  }
}

const CHOICE = { job: 'oplens', instance: '.+', cluster: '.+', database: '.*', collection: '.*' }

function filledIn(expr, chosen = {}, interval = '1m') {
  let text = expr.replaceAll('$__rate_interval', interval)
  for (const [name, value] of Object.entries({ ...CHOICE, ...chosen })) text = text.replaceAll(`$${name}"`, `${value}"`)
  if (text.includes('$')) throw new Error(`a variable is left in ${text}`)
  return text
}

const hasNumber = ({ values }) => values.some(Number.isFinite)

t.test('the measured run is over, and an election happened', { skip }, async (t) => {
  t.ok(driver.length > 300, `${driver.length} commands were measured`)
  t.ok(await until(async () => (await prometheus.query('oplens_upstream_elections_total > 0')).length > 0, DEADLINE_MS))
})

for (const dashboard of dashboards) {
  t.test(`${dashboard.uid}: every panel shows something`, { skip }, async (t) => {
    for (const { title, targets } of dashboard.panels.filter(({ type }) => type !== 'row')) {
      const place = `${dashboard.uid}: ${title}`
      for (const { expr, instant } of targets) {
        const ask = () =>
          instant ? prometheus.query(filledIn(expr)) : prometheus.queryRange(filledIn(expr), RANGE_SECONDS)
        if (NEEDS_A_FAULT.has(place)) {
          t.same(await ask(), [], `${place} has nothing to show: ${NEEDS_A_FAULT.get(place)}`)
          continue
        }
        const isShown = await until(async () => (await ask()).some(hasNumber), DEADLINE_MS)
        t.ok(isShown, `${place}: ${filledIn(expr)}`)
      }
    }
  })

  t.test(`${dashboard.uid}: every variable has values`, { skip }, async (t) => {
    for (const { name, query } of dashboard.templating.list.filter(({ type }) => type === 'query')) {
      const [, selector, label] = /^label_values\((.*), (\w+)\)$/.exec(query)
      const values = await prometheus.labelValues(filledIn(selector), label)
      t.ok(values.length > 0 && values.some((value) => value !== ''), `${name}: ${values}`)
    }
  })
}

t.test('links of a collection and of a table lead to panels that show it', { skip }, async (t) => {
  const exprOf = (uid, title) =>
    dashboards.find((one) => one.uid === uid).panels.find((panel) => panel.title === title).targets[0].expr
  const ranking = await prometheus.query(filledIn(exprOf('oplens-overview', 'By rate')))
  const seen = new Set()
  for (const { labels } of ranking) {
    // Prometheus keeps no empty label, so a table has no database: its link does not say any.
    const { cluster, db_namespace: database, db_collection_name: collection } = labels
    const [uid, title] =
      database === undefined ? ['oplens-dynamodb', 'By table'] : ['oplens-collections', 'Percentiles']
    const chosen = { cluster, collection, ...(database === undefined ? {} : { database }) }
    const narrowed = await prometheus.queryRange(filledIn(exprOf(uid, title), chosen), RANGE_SECONDS)
    t.ok(narrowed.some(hasNumber), `${uid}: ${JSON.stringify(chosen)}`)
    seen.add(uid)
  }
  t.equal(seen.size, 2, 'collections and tables')
})

t.test('latencies lead to traces', { skip }, async (t) => {
  const latencies = dashboards.flatMap(({ uid, panels }) =>
    panels.flatMap(({ title, targets = [] }) =>
      targets.filter(({ exemplar }) => exemplar).map(({ expr }) => ({ place: `${uid}: ${title}`, expr })),
    ),
  )
  t.ok(latencies.length > 10)
  for (const { place, expr } of latencies) {
    const found = await prometheus.exemplars(filledIn(expr), 60)
    t.ok(found.length > 0, place)
    for (const labels of found) t.match(labels.trace_id, /^[0-9a-f]{32}$/)
  }
})

t.test('the percentiles of the dashboard are those that the driver measured, within a bucket', { skip }, async (t) => {
  const buckets = [
    ...new Set((await prometheus.labelValues('db_client_operation_duration_seconds_bucket', 'le')).map(Number)),
  ]
  const bounds = buckets.sort((a, b) => a - b)
  const bucketOf = (seconds) => bounds.findIndex((bound) => seconds <= bound)
  const { targets } = dashboards
    .find(({ uid }) => uid === 'oplens-collections')
    .panels.find(({ title }) => title === 'Percentiles')
  t.equal(targets.length, 3)
  for (const { expr, legendFormat } of targets) {
    // Sums of all time, as they are: nothing is lost to the edges of a range.
    const all = filledIn(expr, { database: 'measured', collection: 'c' }).replace(/rate\((.*)\[1m\]\)/, '$1')
    const [{ values }] = await prometheus.query(all.replace('{', '{db_operation_name="aggregate", '))
    const [shown] = values
    const measured = driver[Math.ceil((Number(legendFormat.slice(1)) / 100) * driver.length) - 1]
    t.comment(`${legendFormat}: Prometheus ${shown.toFixed(4)} s, driver ${measured.toFixed(4)} s`)
    t.ok(Math.abs(bucketOf(shown) - bucketOf(measured)) <= 1, `${legendFormat}: ${shown} against ${measured}`)
  }
  const count = 'db_client_operation_duration_seconds_count{db_namespace="measured", db_operation_name="aggregate"}'
  const [{ values }] = await prometheus.query(`sum(${count})`)
  t.equal(values[0], driver.length, 'and it counted as many')
})

t.test('rules evaluate, and tell of what happened', { skip }, async (t) => {
  for (const { name, health, lastError, query } of await prometheus.rules()) {
    t.equal(health, 'ok', `${name}: ${lastError}`)
    await t.resolves(prometheus.query(query), name)
  }
  const firing = async (name) => (await prometheus.query(`ALERTS{alertname="${name}", alertstate="firing"}`)).length > 0
  // The others want more minutes than this test has: promtool's unit tests give them.
  for (const name of ['OplensDecodeErrors', 'OplensFramingLost', 'OplensCertificateExpiresNow']) {
    t.ok(await until(() => firing(name)), `${name} fires`)
  }
  for (const name of ['OplensDown', 'OplensNoPrimary', 'OplensMemberDown', 'OplensObserverErrors']) {
    t.notOk(await firing(name), `${name} does not`)
  }
  for (const record of [
    'oplens:operations:rate5m',
    'oplens:operation_errors:ratio_rate5m',
    'oplens:operations_slow:ratio_rate5m',
  ]) {
    t.ok((await prometheus.query(record)).some(hasNumber), record)
  }
})

t.test('promtool finds nothing wrong with the rules, and their unit tests pass', { skip }, async (t) => {
  for (const args of [
    ['check', 'rules', '--lint=all', '--lint-fatal', 'oplens.rules.yml'],
    ['test', 'rules', 'oplens.rules.test.yml'],
  ]) {
    const { code, stdout, stderr } = await runProcess(tool('promtool').path, args, { cwd: RULES })
    t.equal(code, 0, `promtool ${args.join(' ')}: ${stdout}${stderr}`)
  }
})

// Without it tap waits for the servers' processes before it runs what would stop them.
t.end()
