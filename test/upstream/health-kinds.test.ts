import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import t, { type Test } from 'tap'
import { dynamodb } from '../../src/codecs/dynamodb/index.js'
import { mongodb } from '../../src/codecs/mongodb/index.js'
import { healthQuestion } from '../../src/core/codec.js'
import { silentLogger } from '../../src/core/logger.js'
import { parseAddress } from '../../src/core/units.js'
import { startDemoSet } from '../../src/demo/mongod/set/set.js'
import { type ClusterManagerDeps, createClusterManager } from '../../src/upstream/cluster-manager.js'
import { clusterSchema } from '../../src/upstream/config.js'
import { HttpAnswer } from '../../src/upstream/health/http-answer.js'
import { authorityOf } from '../../src/upstream/health/http-check.js'
import { createHost } from '../../src/upstream/host.js'
import { FakeClock } from '../support/fake-clock.js'
import { heardEnd, refusedPort, startStub } from '../support/stub-tcp.js'
import { createCertificates, createTempDirectory } from '../support/tls.js'

interface Checked {
  readonly config?: Record<string, unknown>
  readonly deps?: Partial<ClusterManagerDeps>
  /** Once the check is under way. */
  readonly meanwhile?: (clock: FakeClock) => Promise<void>
}

/** What the first check of a host finds. */
async function firstCheck(t: Test, address: string, checks: object, { config, deps, meanwhile }: Checked = {}) {
  const clock = new FakeClock()
  const parsed = clusterSchema.parse({ name: 'shop', hosts: [address], health_checks: checks, ...config })
  const manager = createClusterManager([parsed], { clock, random: () => 0, logger: silentLogger, ...deps })
  t.teardown(() => manager.close())
  const health = manager.all[0]?.hosts.all[0]?.state.health
  if (health === undefined) throw new Error('nobody checks')
  await meanwhile?.(clock)
  while (health.state === 'unknown') await new Promise((resolve) => setImmediate(resolve))
  t.equal(clock.waiting, JSON.stringify(config)?.includes('ca.pem') ? 2 : 1, 'the next check, and changed certificates')
  return `${health.state}: ${health.reason}`
}

/** Serves one text for each request, in the cuts given. */
async function startHttp(t: Test, ...chunks: readonly string[]) {
  const requests: string[] = []
  const server = await startStub((socket) => {
    let request = ''
    socket.on('data', (chunk: Buffer) => {
      request += chunk.toString()
      if (!request.endsWith('\r\n\r\n')) return
      requests.push(request)
      for (const text of chunks) socket.write(text)
    })
  })
  t.teardown(() => server.close())
  return { address: server.address, port: server.port, requests, server }
}

t.test('tcp: a connection is enough, and is not kept', async (t) => {
  const stub = await startStub(() => undefined)
  t.teardown(() => stub.close())
  t.equal(await firstCheck(t, stub.address, { kind: 'tcp' }), 'healthy: ')
  await heardEnd(await stub.socket(0))
  const dead = `127.0.0.1:${await refusedPort()}`
  t.equal(await firstCheck(t, dead, { kind: 'tcp' }), 'unhealthy: connecting failed (ECONNREFUSED)')
  t.match(
    await firstCheck(t, 'unix:/nowhere/at-all.sock', { kind: 'tcp' }),
    /^unhealthy: connecting failed \(ENOENT\)$/,
  )
})

t.test('tcp: TLS is a part of connecting, where clients have it', async (t) => {
  const { ca, server } = await createCertificates()
  const directory = await createTempDirectory()
  t.teardown(() => directory.remove())
  const tls = { ca: await directory.write('ca.pem', ca.cert) }
  const upstream = createTlsServer(server, (socket) => socket.on('error', () => undefined))
  upstream.on('tlsClientError', () => undefined)
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  t.teardown(() => upstream.close())
  const { port } = upstream.address() as { port: number }
  const at = `127.0.0.1:${port}`
  t.equal(await firstCheck(t, at, { kind: 'tcp' }, { config: { tls } }), 'healthy: ')
  const other = { ...tls, server_name: 'else.where' }
  t.match(await firstCheck(t, at, { kind: 'tcp' }, { config: { tls: other } }), /^unhealthy: .*ALTNAME/)
})

t.test('a host that is silent while connecting is given up in time', async (t) => {
  const silent = await startStub(() => undefined)
  t.teardown(() => silent.close())
  const found = await firstCheck(
    t,
    silent.address,
    { kind: 'tcp', timeout: '1s' },
    {
      config: { tls: { insecure_skip_verify: true }, connect_timeout: '5s' },
      meanwhile: async (clock) => {
        await silent.socket(0)
        clock.advance(1_000)
      },
    },
  )
  t.equal(found, 'unhealthy: connecting took too long')
})

t.test('http: one request as configured, and the status decides', async (t) => {
  const { address, requests, server } = await startHttp(t, 'HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n')
  const checks = { kind: 'http', method: 'HEAD', path: '/up?x=1', host: 'shop.example', statuses: [200, '202-204'] }
  t.equal(await firstCheck(t, address, checks), 'healthy: ')
  const lines = (requests[0] ?? '').split('\r\n')
  t.strictSame(lines.slice(0, 2), ['HEAD /up?x=1 HTTP/1.1', 'Host: shop.example'])
  t.ok(lines.includes('Connection: close'))
  await heardEnd(await server.socket(0))
  t.equal(
    await firstCheck(t, address, { ...checks, statuses: [200, '205-299'] }),
    'unhealthy: it answered with status 204',
  )
  t.equal(await firstCheck(t, address, { kind: 'http' }), 'unhealthy: it answered with status 204', '200 is expected')
  t.match(requests[2], `GET / HTTP/1.1\r\nHost: ${address}\r\n`)
})

t.test('http: a host found by name is asked by that name', async (t) => {
  const { port, requests } = await startHttp(t, 'HTTP/1.1 200 OK\r\n\r\n')
  const clock = new FakeClock()
  const parsed = clusterSchema.parse({ name: 'a', dns: { host: 'db.internal', port }, health_checks: { kind: 'http' } })
  const resolve = async () => ['127.0.0.1']
  const manager = createClusterManager([parsed], { clock, random: () => 0, logger: silentLogger, resolve })
  t.teardown(() => manager.close())
  while (requests.length === 0) await new Promise((done) => setImmediate(done))
  t.match(requests[0], `\r\nHost: db.internal:${port}\r\n`)
})

t.test("http: the port is left out where it is the scheme's own", (t) => {
  const cases: readonly (readonly [address: string, hostname: string, isTls: boolean, authority: string])[] = [
    ['10.0.0.1:80', '', false, '10.0.0.1'],
    ['10.0.0.1:443', '', false, '10.0.0.1:443'],
    ['10.0.0.1:443', '', true, '10.0.0.1'],
    ['10.0.0.1:80', 'db.internal', true, 'db.internal:80'],
    ['[::1]:443', '', true, '[::1]'],
    ['[::1]:8000', 'db.internal', false, 'db.internal:8000'],
    ['unix:/run/x.sock', '', false, 'localhost'],
  ]
  for (const [text, hostname, isTls, authority] of cases) {
    const address = parseAddress(text)
    if (address === undefined) throw new Error(text)
    const host = createHost({ address, hostname, weight: 1 })
    t.equal(authorityOf(host, isTls), authority, text)
    t.match(authorityOf(host, isTls, 'db.example'), /^db\.example(:\d+)?$/, 'the name in the certificate')
  }
  t.end()
})

t.test('http over TLS is asked over TLS', async (t) => {
  const { ca, server } = await createCertificates()
  const directory = await createTempDirectory()
  t.teardown(() => directory.remove())
  const tls = { ca: await directory.write('ca.pem', ca.cert) }
  const upstream = createTlsServer(server, (socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (chunk: Buffer) => socket.end(chunk.includes('GET / ') ? 'HTTP/1.1 200 OK\r\n\r\n' : 'no'))
  })
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  t.teardown(() => upstream.close())
  const { port } = upstream.address() as { port: number }
  t.equal(await firstCheck(t, `127.0.0.1:${port}`, { kind: 'http' }, { config: { tls } }), 'healthy: ')
})

t.test('http: what is no answer in time is told apart', async (t) => {
  const closing = await startStub((socket) => socket.end('HTTP/1.1 200 OK\r\n'))
  const cutting = await startStub((socket) => socket.once('data', () => socket.resetAndDestroy()))
  const speaking = await startHttp(t, 'SSH-2.0-x\r\n')
  t.teardown(() => Promise.all([closing.close(), cutting.close()]))
  t.equal(await firstCheck(t, closing.address, { kind: 'http' }), 'unhealthy: it closed the connection')
  t.equal(await firstCheck(t, cutting.address, { kind: 'http' }), 'unhealthy: the connection broke (ECONNRESET)')
  t.equal(await firstCheck(t, speaking.address, { kind: 'http' }), 'unhealthy: its answer is no HTTP')

  let silent: Socket | undefined
  const hanging = await startStub((socket) => {
    silent = socket
    socket.write('HTTP/1.1 200 O')
  })
  t.teardown(() => hanging.close())
  const meanwhile = async (clock: FakeClock) => {
    const socket = await hanging.socket(0)
    await once(socket, 'data')
    clock.advance(2_000)
  }
  t.equal(await firstCheck(t, hanging.address, { kind: 'http' }, { meanwhile }), 'unhealthy: it gave no answer in time')
  if (silent !== undefined) await heardEnd(silent)
})

t.test('the head of an answer is read in any cut, past interim ones, and within bounds', (t) => {
  const cases: readonly (readonly [text: string, found: number | string | undefined])[] = [
    ['HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody', 200],
    ['HTTP/1.0 503\r\n\r\n', 503],
    ['HTTP/1.1 200 \n\n', 200],
    ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 404 No\r\n\r\n', 404],
    ['HTTP/1.1 101 Switching Protocols\r\n\r\n', 101],
    ['HTTP/1.1 200 OK\r\nA: b\r\n', undefined],
    ['HTTP/1.1 100 Continue\r\n\r\n', undefined],
    ['HTTP/2 200\r\n\r\n', 'malformed'],
    ['HTTP/1.1 20 OK\r\n\r\n', 'malformed'],
    ['HTTP/1.1 2000 OK\r\n\r\n', 'malformed'],
    ['\r\n\r\n', 'malformed'],
    [`HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(3_000)}`, 'malformed'],
    ['HTTP/1.1 100 Continue\r\n\r\n'.repeat(700), 'malformed'],
  ]
  for (const [text, found] of cases) {
    t.equal(new HttpAnswer().push(Buffer.from(text)), found, text.slice(0, 60))
    const slow = new HttpAnswer()
    let last: number | string | undefined
    for (const byte of Buffer.from(text)) last ??= slow.push(Buffer.from([byte]))
    t.equal(last, found, `${text.slice(0, 60)}, byte by byte`)
  }
  t.end()
})

const asking = (protocol: Parameters<typeof healthQuestion>[0]) => ({ questionOf: () => healthQuestion(protocol) })

t.test('protocol mongodb: a hello that answers is enough, of a member in any state', async (t) => {
  const set = await startDemoSet({ members: [{ name: 'a.rs:27017' }] })
  t.teardown(() => set.close())
  const relay = await startStub((socket) => {
    socket.pipe(connect(set.members[0]?.address.port ?? 0, '127.0.0.1')).pipe(socket)
  })
  t.teardown(() => relay.close())
  const deps = asking(mongodb)
  t.equal(await firstCheck(t, relay.address, { kind: 'protocol' }, { deps }), 'healthy: ')
  const asked = await relay.socket(0)
  while (!asked.readableEnded) await new Promise((resolve) => setImmediate(resolve))

  const http = await startStub((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  const mute = await startStub(() => undefined)
  t.teardown(() => Promise.all([http.close(), mute.close()]))
  t.match(await firstCheck(t, http.address, { kind: 'protocol' }, { deps }), /^unhealthy: (?!it closed)/)
  const meanwhile = async (clock: FakeClock) => {
    await once(await mute.socket(0), 'data')
    clock.advance(2_000)
  }
  t.equal(
    await firstCheck(t, mute.address, { kind: 'protocol' }, { deps, meanwhile }),
    'unhealthy: it gave no answer in time',
  )
  await heardEnd(await mute.socket(0))
})

t.test('protocol: a question without an answer ends with its cluster', async (t) => {
  const mute = await startStub(() => undefined)
  t.teardown(() => mute.close())
  const config = clusterSchema.parse({ name: 'a', hosts: [mute.address], health_checks: { kind: 'protocol' } })
  const deps = { clock: new FakeClock(), random: () => 0, logger: silentLogger, ...asking(mongodb) }
  const manager = createClusterManager([config], deps)
  const socket = await mute.socket(0)
  await once(socket, 'data')
  manager.close()
  await heardEnd(socket)
  t.equal(deps.clock.waiting, 0)
})

t.test('protocol dynamodb: GET / with the statuses of the service and of DynamoDB Local', async (t) => {
  for (const [status, found] of [
    [200, 'healthy: '],
    [400, 'healthy: '],
    [503, 'unhealthy: it answered with status 503'],
  ] as const) {
    const { address, requests } = await startHttp(t, `HTTP/1.1 ${status} X\r\ncontent-length: 0\r\n\r\n`)
    t.equal(await firstCheck(t, address, { kind: 'protocol' }, { deps: asking(dynamodb) }), found)
    t.match(requests[0], 'GET / HTTP/1.1\r\n')
  }
})

t.test('protocol without a question: connecting has to do', async (t) => {
  const stub = await startStub(() => undefined)
  t.teardown(() => stub.close())
  t.equal(await firstCheck(t, stub.address, { kind: 'protocol' }), 'healthy: ')
})
