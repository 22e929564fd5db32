import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { adminSchema } from '../../src/admin/config.js'
import { redact } from '../../src/admin/redact.js'
import { AdminServer } from '../../src/admin/server.js'
import { systemClock } from '../../src/core/clock.js'
import type { Logger } from '../../src/core/logger.js'
import { silentLogger } from '../../src/core/logger.js'
import { FakeClock } from '../support/fake-clock.js'
import { CALLS, fakeSources, HISTORY, ROW, start, TABLE } from './harness.js'

/** uPlot is 52 kB of it, Preact 14 kB. */
const MAX_SCRIPT_BYTES = 128 * 1024
const MAX_STYLE_BYTES = 20 * 1024

t.test('the page and all it needs are served, with headers that keep other sites and inline scripts out', async (t) => {
  const { ask } = await start(t)
  const page = await ask('/')
  t.equal(page.status, 200)
  t.match(page.headers, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': /default-src 'none'; script-src 'self'.*frame-ancestors 'none'/,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  })
  t.notMatch(page.body, /<script(?![^>]* src=)|<style|\son\w+=|\sstyle=/, 'nothing inline, which the policy would stop')
  const referenced = [...page.body.matchAll(/(?:src|href)="(\/[^"?]*)/g)].map((m) => m[1] ?? '')
  t.same(referenced.toSorted(), ['/favicon.svg', '/operations', '/page.js', '/style.css'])
  for (const path of referenced) t.equal((await ask(path)).status, 200, path)
  const script = await ask('/page.js')
  const style = await ask('/style.css')
  t.match([script.headers['content-type'], style.headers['content-type']], [/^text\/javascript/, /^text\/css/])
  t.ok(script.body.length < MAX_SCRIPT_BYTES && style.body.length < MAX_STYLE_BYTES, 'small')
  t.notOk(/(^|[;}\s])import\s*[{*("']|sourceMappingURL/.test(script.body), 'nothing is loaded by it')
  t.notOk(/url\(|@import/.test(style.body), 'nor by its style')
})

t.test('the page makes no markup of text: names are only ever text', async (t) => {
  const folder = new URL('../../src/admin/web/', import.meta.url)
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name))
  t.ok(files.length > 20)
  for (const file of files) {
    const source = readFileSync(new URL(file, folder), 'utf8')
    t.notMatch(source, /innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|dangerously|new Function/, file)
  }
})

t.test('data routes answer with what the sources say', async (t) => {
  const { ask } = await start(t)
  t.match(await ask('/live'), { status: 200, body: 'live\n' })
  t.match(await ask('/ready'), { status: 200, body: 'ready\n' })
  const metrics = await ask('/metrics', { headers: { accept: 'x/y' } })
  t.equal(metrics.headers['content-type'], 'text/plain; asked=x/y')
  t.match(metrics.body, 'a_total{x="1 2"} 3\nb_bucket{le="1.0"} 4\n')
  t.equal((await ask('/stats')).body, 'a_total{x="1 2"}: 3\nb_sum: 0.5\n')
  t.equal((await ask('/stats?filter=b_')).body, 'b_sum: 0.5\n')
  const operations = JSON.parse((await ask('/operations')).body)
  t.match(operations, {
    product: { name: 'oplens', version: '1.2.3' },
    by: 'command',
    live: { active: 2 },
    rows: [ROW],
  })
  t.match(JSON.parse((await ask('/operations?by=collection')).body), { by: 'collection', rows: [{ command: '' }] })
  const [cluster] = JSON.parse((await ask('/clusters')).body)
  t.match(cluster, { name: 'shop', version: 2, stats: { noUsableHost: 0 } })
  t.same(
    cluster.hosts.map((h: { name: string; usable: boolean }) => [h.name, h.usable]),
    [
      ['10.0.0.1:27017', false],
      ['10.0.0.2:27017', true],
    ],
  )
  t.same(JSON.parse((await ask('/history')).body), HISTORY)
  t.match(JSON.parse((await ask('/connections?limit=2')).body), { total: 3, connections: { length: 2 } })
  t.match(JSON.parse((await ask('/connections')).body).connections[0], { id: 1, peer: '127.0.0.1:1', host: '' })
})

t.test('not ready is 503 with its reason', async (t) => {
  const { ask } = await start(t, { readiness: () => ({ ready: false, reason: 'draining' }) })
  t.match(await ask('/ready'), { status: 503, body: 'draining\n' })
  t.match(await ask('/live'), { status: 200 })
})

t.test('the table for terminals is aligned, and names can do nothing to the terminal', async (t) => {
  const collection = `\u001b[2J\u202e${'x'.repeat(100)}`
  const { ask } = await start(t, {
    operations: () => ({
      totals: { rate: 0, errorRate: 0, operations: 0, errors: 0, awaited: 0 },
      rows: [ROW, { ...ROW, collection, p50Ms: null }, { ...ROW, database: '', collection: '', command: '' }],
      rowsTotal: 3,
    }),
  })
  const { body, headers } = await ask('/operations?format=text')
  t.match(headers['content-type'], 'text/plain')
  const lines = body.trimEnd().split('\n')
  t.equal(lines.length, 4)
  t.equal(new Set(lines.map((line) => line.length)).size, 1, 'columns are aligned')
  t.match(lines[1], /^shop +shop\.orders +find +12 +0 +0\.432 ms +12\.3 ms +1\.23 s +240 +1000 +3$/)
  t.match(lines[2], /shop\.\\u\{1b\}\[2J\\u\{202e\}x+\.\.\. .* - +12\.3 ms/)
  t.notMatch(body.replaceAll('\n', ''), /\p{C}/u)
})

const EMPTY = { rate: 0, errorRate: 0, operations: 0, errors: 0, awaited: 0 }
const DYNAMODB = { protocol: 'aws.dynamodb', cluster: 'dynamo', database: '', calls: CALLS } as const

t.test('operations on tables go beside those on collections, and their tables below', async (t) => {
  const rows = [
    ROW,
    { ...ROW, ...DYNAMODB, collection: 'users', command: 'PutItem' },
    { ...ROW, ...DYNAMODB, collection: '', command: 'BatchWriteItem', tables: ['orders', 'users'] },
    { ...ROW, ...DYNAMODB, collection: '', command: 'ListTables' },
  ]
  const tables = { rows: [TABLE, { ...TABLE, table: 'a\u001bb', readUnitsRate: 0 }], rowsTotal: 7 }
  const { ask } = await start(t, {
    operations: () => ({ totals: EMPTY, rows, rowsTotal: 4 }),
    tables: () => tables,
  })
  const json = JSON.parse((await ask('/operations')).body)
  t.match(json, { rows: [{ calls: null }, { calls: CALLS, tables: [] }, {}, {}], tables: [TABLE, {}], tablesTotal: 7 })
  const { body } = await ask('/operations?format=text')
  const [operations = '', below = ''] = body.split('\n\n')
  const [head, ...lines] = operations.split('\n')
  t.match(head, / OPERATIONS +ERRORS +UNITS\/S +THROTTLED +RETRIES$/)
  t.match(lines[0], /^shop +shop\.orders +find .* 1000 +3 +- +- +-$/)
  t.match(lines[1], /^dynamo +users +PutItem .* 1000 +3 +2\.5 +4 +3$/)
  t.match(lines[2], /^dynamo +orders, users +BatchWriteItem /)
  t.match(lines[3], /^dynamo +- +ListTables /)
  t.match(
    below.split('\n')[0],
    /^CLUSTER +TABLE +OPS\/S +ERR\/S +READ\/S +WRITE\/S +READ UNITS +WRITE UNITS +THROTTLED /,
  )
  t.match(below.split('\n')[1], /^dynamo +users +5\.0 +0\.2 +2\.0 +0\.5 +120\.5 +7 +4 +3 +9 +50$/)
  t.match(below.split('\n')[2], /^dynamo +a\\u\{1b\}b /)
})

t.test('secrets are taken out of the config dump', async (t) => {
  const { ask } = await start(t)
  const { body } = await ask('/config_dump')
  t.same(JSON.parse(body), {
    clusters: [{ uri: 'mongodb://ann:***@db/', tls: { key: '/etc/key.pem', passphrase: '[redacted]' } }],
  })
  const cases: [unknown, unknown][] = [
    [
      { password: 'x', db_password: 'x', apiKey: 'x', api_key: 'x', auth_token: 'x', secret_access_key: 'x' },
      '[redacted]',
    ],
    [{ a: 'mongodb://u:p@ss@h:1/?x=y' }, 'mongodb://u:***@h:1/?x=y'],
    [{ a: ['-----BEGIN PRIVATE KEY-----\nabc'] }, ['[redacted]']],
    [{ a: 'mongodb://h1:1,h2:2/db' }, 'mongodb://h1:1,h2:2/db'],
    [{ key: '/etc/key.pem', cert: 'c', hosts: 3, tokens_per_second: 5, empty_password: '' }, undefined],
  ]
  for (const [value, expected] of cases) {
    const result = redact(value) as Record<string, unknown>
    if (expected === undefined) t.same(result, value)
    else for (const [key, inner] of Object.entries(result)) t.same(inner, expected, key)
  }
  t.same(redact(new Map([['secret', 'x']])), { secret: '[redacted]' })
})

t.test('an unknown path lists the routes; a wrong method says which is right; HEAD sends headers alone', async (t) => {
  let drains = 0
  const { ask } = await start(t, { drain: () => drains++ })
  for (const path of ['/nope', '//', '/%', '/metrics/', '/../config.ts', '*']) {
    const unknown = await ask(path)
    t.equal(unknown.status, 404, path)
    t.match(unknown.body, /GET +\/operations /)
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']) {
    t.match(await ask('/operations', { method }), { status: 405, headers: { allow: 'GET, HEAD' } }, method)
  }
  for (const method of ['GET', 'HEAD', 'PUT']) {
    t.match(await ask('/drain', { method }), { status: 405, headers: { allow: 'POST' } }, method)
  }
  for (const path of ['/', '/metrics', '/ready', '/operations']) {
    const head = await ask(path, { method: 'HEAD' })
    t.match(head, { status: 200, body: '' }, `HEAD ${path}`)
    t.equal(head.headers['content-type'], (await ask(path)).headers['content-type'])
  }
  t.equal(drains, 0, 'nothing so far changed anything')
  t.match(await ask('/drain', { method: 'POST', body: 'x'.repeat(100_000) }), { status: 202, body: 'draining\n' })
  t.equal(drains, 1)
})

t.test('names that are not known are refused, so that no rebound DNS name reads the page', async (t) => {
  const { ask } = await start(t, {}, { allowed_hosts: ['oplens.Monitoring:9901'] })
  const cases: [string, number][] = [
    ['localhost', 200],
    ['LOCALHOST:9901', 200],
    ['app.localhost', 200],
    ['127.0.0.1:1', 200],
    ['[::1]:9901', 200],
    ['10.1.2.3:9901', 200],
    ['oplens.monitoring', 200],
    ['oplens.monitoring.:9901', 200],
    ['evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['localhost.evil.example', 403],
    ['oplens.monitoring.evil.example', 403],
    ['evil.example:9901', 403],
    ['a b', 403],
  ]
  for (const [host, status] of cases) t.equal((await ask('/operations', { headers: { host } })).status, status, host)
  const any = await start(t, {}, { allowed_hosts: ['*'] })
  t.equal((await any.ask('/live', { headers: { host: 'whatever.example' } })).status, 200)
})

t.test('another site cannot make a browser drain the proxy', async (t) => {
  let drains = 0
  const { ask, port } = await start(t, { drain: () => drains++ })
  const post = async (headers: Record<string, string>) => (await ask('/drain', { method: 'POST', headers })).status
  t.equal(await post({ origin: 'https://evil.example' }), 403)
  t.equal(await post({ origin: 'null' }), 403)
  t.equal(await post({ 'sec-fetch-site': 'cross-site' }), 403)
  t.equal(await post({ 'sec-fetch-site': 'same-site' }), 403)
  t.equal(drains, 0)
  t.equal(await post({ 'sec-fetch-site': 'same-origin', origin: `http://127.0.0.1:${port}` }), 202)
  t.equal(await post({}), 202, 'curl says nothing of the kind')
})

t.test('a source that throws gives 500 and a log line, and the next request is served', async (t) => {
  const logged: Record<string, unknown>[] = []
  const logger: Logger = { ...silentLogger, error: (fields) => logged.push(fields) }
  const broken = () => {
    throw new Error('secret detail')
  }
  const body = async function* () {
    yield 'a 1\n'
    throw new Error('half way')
  }
  const { ask } = await start(
    t,
    { operations: broken, metrics: () => ({ contentType: 'text/plain', body: body() }) },
    {},
    logger,
  )
  const answer = await ask('/operations?x=1')
  t.equal(answer.status, 500)
  t.notMatch(answer.body, 'secret')
  t.match(logged, [{ path: '/operations', method: 'GET', err: { message: 'secret detail' } }])
  await t.rejects(ask('/metrics'), 'a reply that broke off is not taken for whole')
  t.match(logged[1], { path: '/metrics', err: { message: 'half way' } })
  t.equal((await ask('/live')).status, 200)
})

t.test('garbage, huge headers and clients that leave do not hurt', async (t) => {
  const endless = async function* () {
    for (;;) {
      yield 'x 1\n'.repeat(20_000)
      await new Promise(setImmediate)
    }
  }
  const logged: unknown[] = []
  const logger: Logger = { ...silentLogger, error: (fields) => logged.push(fields) }
  const { ask, port } = await start(t, { metrics: () => ({ contentType: 'text/plain', body: endless() }) }, {}, logger)
  const raw = async (text: string) => {
    const socket = connect(port, '127.0.0.1')
    socket.end(text)
    let answer = ''
    for await (const chunk of socket.setEncoding('latin1')) answer += chunk
    return answer
  }
  t.match(await raw('\u0016\u0003\u0001 not http\r\n\r\n'), /^HTTP\/1\.1 400/)
  t.match(await raw(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431/)
  const socket = connect(port, '127.0.0.1')
  socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(socket, 'data')
  socket.destroy()
  await once(socket, 'close')
  t.equal((await ask('/live')).status, 200)
  t.same(logged, [], 'a client that leaves is no error')
})

t.test('closing ends idle, silent and stuck connections at once or after the grace', async (t) => {
  const clock = new FakeClock()
  let isWaiting = () => undefined as unknown
  const reached = new Promise((resolve) => {
    isWaiting = () => resolve(undefined)
  })
  const stuck = async function* () {
    yield 'a 1\n'
    isWaiting()
    await new Promise(() => undefined)
  }
  const sources = fakeSources({ metrics: () => ({ contentType: 'text/plain', body: stuck() }) })
  const config = adminSchema.parse({ address: '127.0.0.1:0' })
  const server = new AdminServer({ config, sources, clock, logger: silentLogger })
  await server.close()
  await server.listen()
  const port = server.address?.kind === 'tcp' ? server.address.port : 0
  const sockets = await Promise.all(
    ['', 'GET /live HTTP/1.1\r\nHost: a.localhost\r\n\r\n', 'GET /metrics HTTP/1.1\r\nHost: a.localhost\r\n\r\n'].map(
      async (text) => {
        const socket = connect(port, '127.0.0.1')
        socket.on('error', () => undefined)
        await once(socket, 'connect')
        if (text !== '') {
          socket.write(text)
          await once(socket, 'data')
        }
        return socket
      },
    ),
  )
  await reached
  const gone = sockets.map((socket) => once(socket.resume(), 'close'))
  const closed = server.close()
  await Promise.all(gone.slice(0, 2))
  t.equal(sockets[2]?.destroyed, false, 'a reply under way has its grace')
  clock.advance(500)
  await Promise.all([closed, gone[2]])
  t.equal(clock.waiting, 0)
  await server.close()
})

t.test('an address that cannot be bound is named; one that is not loopback is warned of', async (t) => {
  const { port } = await start(t)
  const config = adminSchema.parse({ address: `127.0.0.1:${port}` })
  const twice = new AdminServer({ config, sources: fakeSources(), clock: systemClock, logger: silentLogger })
  await t.rejects(twice.listen(), {
    code: 'OPL_ADMIN_LISTEN',
    message: new RegExp(`127\\.0\\.0\\.1:${port}.*EADDRINUSE`),
  })
  const warned: string[] = []
  const logger: Logger = { ...silentLogger, warn: (_fields, message) => warned.push(message) }
  await start(t, {}, { address: '0.0.0.0:0' }, logger)
  t.match(warned, [/not loopback/])
  await start(t, {}, { address: 'localhost:0' }, logger)
  t.equal(warned.length, 1)
})

t.test('a Unix socket serves too, whatever the Host header says', async (t) => {
  // Not under the test's own folder: a socket path has some hundred bytes at most.
  const folder = mkdtempSync(join(tmpdir(), 'oplens-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'admin.sock')
  const server = new AdminServer({
    config: adminSchema.parse({ address: `unix:${path}` }),
    sources: fakeSources(),
    clock: systemClock,
    logger: silentLogger,
  })
  await server.listen()
  t.teardown(() => server.close())
  t.same(server.address, { kind: 'unix', path })
  const sent = request({ socketPath: path, path: '/live', headers: { host: 'anything' }, agent: false }).end()
  const [response] = await once(sent, 'response')
  t.equal(response.resume().statusCode, 200)
})

t.test('the history of a collection is asked for by its names', async (t) => {
  const asked: unknown[] = []
  const { ask } = await start(t, {
    history: (of) => {
      asked.push(of)
      return HISTORY
    },
  })
  for (const query of [
    '',
    '?x=1',
    '?cluster=a&database=b&collection=c.d&command=find',
    '?database=',
    '?collection=c',
  ]) {
    t.equal((await ask(`/history${query}`)).status, 200)
  }
  const none = { cluster: '', database: '', collection: '', command: '' }
  t.same(asked, [
    undefined,
    undefined,
    { cluster: 'a', database: 'b', collection: 'c.d', command: 'find' },
    none,
    { ...none, collection: 'c' },
  ])
})

t.test('admin settings have their defaults, and mistakes are told', (t) => {
  t.same(adminSchema.parse({}), { address: { kind: 'tcp', host: '127.0.0.1', port: 9901 }, allowed_hosts: [] })
  t.throws(() => adminSchema.parse({ address: 'nonsense:port' }), /expected host:port/)
  const traces = 'https://jaeger:16686/trace/{trace_id}?x=1'
  t.equal(adminSchema.parse({ trace_url: traces }).trace_url, traces)
  for (const url of [
    'javascript:alert({trace_id})',
    'http://{trace_id}/',
    'http://jaeger/trace',
    'data:{trace_id}',
    'http://a b/{trace_id}',
  ]) {
    t.throws(() => adminSchema.parse({ trace_url: url }), /\{trace_id\}/, url)
  }
  t.throws(() => adminSchema.parse({ addres: '127.0.0.1:1' }))
  t.end()
})
