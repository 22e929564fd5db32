import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/core/clock.js'
import { UpstreamError } from '../../src/core/errors.js'
import { type Logger, silentLogger } from '../../src/core/logger.js'
import type { Cluster, HostSet } from '../../src/core/upstream.js'
import { type ClusterManagerDeps, createClusterManager } from '../../src/upstream/cluster-manager.js'
import { clusterSchema } from '../../src/upstream/config.js'
import { diffHostSets, NO_HOSTS, nextHostSet } from '../../src/upstream/host-set.js'
import { FakeClock } from '../support/fake-clock.js'
import { heardEnd, readBytes, refusedPort, skipWithoutIpv6, startEcho, startStub } from '../support/stub-tcp.js'
import { createAuthority, createCertificates, createTempDirectory, signServer } from '../support/tls.js'

const never = new AbortController().signal

function start(t: Test, config: Record<string, unknown>, deps: Partial<ClusterManagerDeps> = {}) {
  const parsed = clusterSchema.parse({ name: 'shop', ...config })
  const manager = createClusterManager([parsed], { clock: systemClock, random: () => 0, logger: silentLogger, ...deps })
  t.teardown(() => manager.close())
  const cluster = manager.get('shop')
  if (cluster === undefined) throw new Error('no cluster')
  return { manager, cluster }
}

async function failureOf(cluster: Cluster, signal = never): Promise<UpstreamError> {
  try {
    await cluster.connect({ signal })
  } catch (error) {
    if (error instanceof UpstreamError) return error
    throw error
  }
  throw new Error('connected')
}

/** Discovery and file polls answer on their own time: turns of the loop until the claim holds. */
async function until(claim: () => boolean): Promise<void> {
  while (!claim()) await new Promise((resolve) => setImmediate(resolve))
}

const endpoint = (host: string, weight = 1) =>
  ({ address: { kind: 'tcp', host, port: 1 }, hostname: '', weight }) as const

t.test('the schema fills in defaults and refuses what makes no sense', (t) => {
  t.match(clusterSchema.parse({ name: 'a', hosts: ['db:27017', { address: 'unix:/tmp/x', weight: 3 }] }), {
    hosts: [
      { address: { kind: 'tcp', host: 'db', port: 27017 }, weight: 1 },
      { address: { kind: 'unix', path: '/tmp/x' }, weight: 3 },
    ],
    connect_timeout: 2_000,
    max_connect_attempts: 3,
    load_balancer: 'round_robin',
    tcp_keepalive: 60_000,
  })
  t.match(clusterSchema.parse({ name: 'a', dns: { host: 'db', port: 1 } }), { dns: { refresh: 30_000, family: 'any' } })
  const hosts = ['db:1']
  const refused: [string, unknown, string][] = [
    ['two sources', { name: 'a', hosts, uri: 'mongodb://x' }, 'exactly one of'],
    ['no source', { name: 'a' }, 'exactly one of'],
    ['unknown key', { name: 'a', hosts, conect_timeout: '1s' }, 'conect_timeout'],
    ['duration without unit', { name: 'a', hosts, connect_timeout: '5' }, 'unit'],
    ['zero timeout', { name: 'a', hosts, connect_timeout: '0' }, 'more than 0'],
    ['duration past what timers hold', { name: 'a', hosts, tcp_keepalive: '30d' }, 'at most 24d'],
    ['cert without key', { name: 'a', hosts, tls: { cert: 'x' } }, 'together'],
    ['name that is no label', { name: 'a b', hosts }, 'letters'],
    ['zero weight', { name: 'a', hosts: [{ address: 'db:1', weight: 0 }] }, 'hosts'],
  ]
  for (const [name, config, words] of refused) {
    const result = clusterSchema.safeParse(config)
    t.notOk(result.success, name)
    t.match(JSON.stringify(result.error?.issues), words, name)
  }
  t.end()
})

t.test('a host set keeps what stays and is replaced only by a change', (t) => {
  const one = nextHostSet(NO_HOSTS, [endpoint('a'), endpoint('b'), endpoint('a')])
  t.strictSame(
    one.all.map((host) => host.name),
    ['a:1', 'b:1'],
    'duplicates are dropped',
  )
  t.equal(one.version, 1)
  t.equal(nextHostSet(one, [endpoint('b'), endpoint('a')]), one, 'another order is no change')

  const two = nextHostSet(one, [endpoint('b', 5), endpoint('a'), endpoint('c')])
  t.equal(two.version, 2)
  t.equal(two.all[1], one.all[0], 'an unchanged host is the same object')
  t.not(two.all[0], one.all[1], 'another weight is another host')
  t.equal(two.all[0]?.stats, one.all[1]?.stats, 'with the same counters')
  const diff = diffHostSets(one, nextHostSet(two, [endpoint('c')]))
  t.strictSame(
    diff.added.map((host) => host.name),
    ['c:1'],
  )
  t.strictSame(
    diff.removed.map((host) => host.name),
    ['a:1', 'b:1'],
  )
  t.equal(nextHostSet(NO_HOSTS, []).version, 1, 'a first answer is a version even without hosts')
  t.end()
})

t.test('connect hands over a paused socket and counts in the host until the lease is released', async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const { cluster } = start(t, { hosts: [echo.address] })
  const { socket, lease } = await cluster.connect({ signal: never })
  t.ok(socket.isPaused())
  t.equal(socket.allowHalfOpen, true)
  const { stats } = lease.host
  t.match(stats, { connectionsTotal: 1, connectionsActive: 1, connectFailures: 0 })
  for (const outcome of ['ok', 'command_error', 'write_error', 'aborted'] as const) {
    lease.operationStarted()
    lease.operationEnded(outcome, 1)
  }
  lease.operationStarted()
  t.match(stats, { operationsTotal: 5, operationsActive: 1, operationsFailed: 2 })
  lease.release()
  lease.release()
  t.match(stats, { connectionsActive: 0, operationsActive: 0 }, 'what was open is taken back, once')
  socket.destroy()
})

t.test('connect reads into the buffer of the caller when asked to', async (t) => {
  const server = await startStub((socket) => socket.end('hello'))
  t.teardown(() => server.close())
  const { cluster } = start(t, { hosts: [server.address] })
  const buffer = Buffer.alloc(64)
  const got = new Promise<string>((resolve) => {
    const onRead = {
      buffer: () => buffer,
      callback: (bytesRead: number) => {
        resolve(buffer.toString('latin1', 0, bytesRead))
        return true
      },
    }
    void cluster.connect({ signal: never, onRead }).then(({ socket, lease }) => {
      socket.resume()
      socket.on('end', () => {
        socket.destroy()
        lease.release()
      })
    })
  })
  t.equal(await got, 'hello')
})

t.test('a host that refuses is left for the next one', async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const dead = `127.0.0.1:${await refusedPort()}`
  const { cluster } = start(t, { hosts: [dead, echo.address] })
  const { socket, lease } = await cluster.connect({ signal: never })
  t.equal(lease.host.name, echo.address)
  t.equal(cluster.stats.connectRetries, 1)
  t.match(cluster.hosts.all[0]?.stats, {
    connectionsTotal: 1,
    connectionsActive: 0,
    connectFailures: 1,
    connectTimeouts: 0,
  })
  socket.destroy()
  lease.release()
})

t.test('connect fails once every host failed, or every attempt was used, and names the last', async (t) => {
  const dead = await Promise.all([refusedPort(), refusedPort(), refusedPort()])
  const hosts = dead.map((port) => `127.0.0.1:${port}`)
  const { cluster } = start(t, { hosts, max_connect_attempts: 2 })
  const error = await failureOf(cluster)
  t.equal(error.failure, 'connect_failed')
  t.equal(error.host, hosts[1])
  t.match(error.message, `Connecting to ${hosts[1]}: connect ECONNREFUSED`)
  t.strictSame(
    cluster.hosts.all.map((host) => host.stats.connectFailures),
    [1, 1, 0],
  )

  const single = start(t, { hosts: [hosts[0]], max_connect_attempts: 5 }).cluster
  await failureOf(single)
  t.equal(single.hosts.all[0]?.stats.connectionsTotal, 1, 'a host is not tried twice for one connection')
  t.equal(single.stats.noUsableHost, 0, 'a host that failed is not a missing host')
})

t.test('a name that resolves to several dead addresses is reported with all of them', async (t) => {
  const { cluster } = start(t, { hosts: [`localhost:${await refusedPort()}`] })
  t.match((await failureOf(cluster)).message, /ECONNREFUSED/)
})

t.test('connect gives up on a host that does not answer in time', async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const clock = new FakeClock()
  const { cluster } = start(t, { hosts: [echo.address], connect_timeout: '2s' }, { clock })
  const failing = failureOf(cluster)
  clock.advance(2_000)
  const error = await failing
  t.equal(error.failure, 'connect_timeout')
  t.match(error.message, `Connecting to ${echo.address}: no answer in time`)
  t.match(cluster.hosts.all[0]?.stats, { connectFailures: 1, connectTimeouts: 1, connectionsActive: 0 })
  t.equal(clock.waiting, 0, 'no timer is left')
})

t.test('a TLS handshake that never ends is a connect timeout too', async (t) => {
  const silent = await startStub(() => undefined)
  t.teardown(() => silent.close())
  const clock = new FakeClock()
  const { cluster } = start(t, { hosts: [silent.address], tls: { insecure_skip_verify: true } }, { clock })
  const failing = failureOf(cluster)
  const socket = await silent.socket(0)
  clock.advance(2_000)
  t.equal((await failing).failure, 'connect_timeout')
  await heardEnd(socket)
  t.pass('and the socket is closed')
})

t.test('a client that left ends the attempt, blames no host, and tries no other', async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const { cluster } = start(t, { hosts: [echo.address, `127.0.0.1:${await refusedPort()}`] })
  const abort = new AbortController()
  const failing = failureOf(cluster, abort.signal)
  abort.abort()
  t.equal((await failing).failure, 'aborted')
  t.equal((await failureOf(cluster, abort.signal)).failure, 'aborted', 'also when it left before')
  t.strictSame(
    cluster.hosts.all.map((host) => host.stats.connectFailures),
    [0, 0],
  )
  t.strictSame(
    cluster.hosts.all.map((host) => host.stats.connectionsActive),
    [0, 0],
  )
})

t.test('a host behind a Unix socket is reached', async (t) => {
  const directory = await createTempDirectory()
  t.teardown(() => directory.remove())
  const path = join(directory.path, 'db.sock')
  const { createServer } = await import('node:net')
  const server = createServer((socket) => socket.end('unix')).listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { socket, lease } = await start(t, { hosts: [`unix:${path}`] }).cluster.connect({ signal: never })
  t.equal(lease.host.name, `unix:${path}`)
  t.equal(await readBytes(socket.resume(), 4), 'unix')
  socket.destroy()
})

t.test('a host with an IPv6 address is reached', { skip: await skipWithoutIpv6() }, async (t) => {
  const v6 = await startEcho('::1')
  t.teardown(() => v6.close())
  const connected = await start(t, { hosts: [v6.address] }).cluster.connect({ signal: never })
  t.equal(connected.lease.host.name, v6.address)
  connected.socket.destroy()
})

t.test(
  'DNS: every address is a host; a change is told, a failure keeps the old set and is asked again sooner',
  async (t) => {
    const clock = new FakeClock()
    const answers: (readonly string[] | Error)[] = [['10.0.0.2', '10.0.0.1']]
    let asked = 0
    const resolve = async () => {
      asked++
      const answer = answers[0] ?? []
      if (answer instanceof Error) throw answer
      return answer
    }
    const lines: string[] = []
    const logger: Logger = { ...silentLogger, warn: (fields) => lines.push(String(fields.reason)) }
    const { cluster } = start(
      t,
      { dns: { host: 'db.internal', port: 27017, refresh: '30s' } },
      { clock, resolve, logger, random: () => 0.5 },
    )
    const seen: HostSet[] = []
    const stop = cluster.onHostsChanged((hosts) => seen.push(hosts))
    await until(() => clock.waiting === 1)
    t.strictSame(
      cluster.hosts.all.map((host) => host.name),
      ['10.0.0.1:27017', '10.0.0.2:27017'],
    )
    t.equal(cluster.hosts.all[0]?.hostname, 'db.internal', 'certificates are checked against the name')

    const next = async (ms: number, answer: readonly string[] | Error) => {
      answers[0] = answer
      const before = asked
      clock.advance(ms - 1)
      t.equal(asked, before, 'not asked early')
      clock.advance(1)
      t.equal(asked, before + 1)
      await until(() => clock.waiting === 1)
    }
    await next(30_000, ['10.0.0.1', '10.0.0.2'])
    t.equal(cluster.hosts.version, 1, 'another order is no change')
    const kept = cluster.hosts.all[0]
    await next(30_000, ['10.0.0.3', '10.0.0.1'])
    t.equal(cluster.hosts.all[0], kept)
    t.equal(seen.length, 2)
    t.equal(cluster.stats.membershipChanges, 1)
    await next(30_000, new Error('SERVFAIL'))
    await next(1_000, [])
    await next(2_000, new Error('SERVFAIL'))
    t.equal(cluster.hosts.all[0], kept, 'the known hosts stay')
    t.equal(cluster.stats.discoveryFailures, 3)
    t.strictSame(lines, ['SERVFAIL', 'db.internal has no address', 'SERVFAIL'])
    stop()
    await next(4_000, ['10.0.0.9'])
    t.equal(seen.length, 2, 'who stopped listening hears nothing')
    t.equal(cluster.hosts.all[0]?.name, '10.0.0.9:27017')
  },
)

t.test('DNS: waits are spread by a tenth either way, and a closed cluster asks no more', async (t) => {
  for (const [random, waitMs] of [
    [0, 27_000],
    [0.999_999, 33_000],
  ] as const) {
    const clock = new FakeClock()
    let asked = 0
    const resolve = async () => [`10.0.0.${++asked}`]
    const { cluster } = start(t, { dns: { host: 'db', port: 1 } }, { clock, resolve, random: () => random })
    await until(() => clock.waiting === 1)
    clock.advance(waitMs - 1)
    t.equal(asked, 1)
    clock.advance(2)
    t.equal(asked, 2)
    cluster.close()
    await new Promise((resolve) => setImmediate(resolve))
    t.equal(clock.waiting, 0)
    t.equal(cluster.hosts.all[0]?.name, '10.0.0.1:1', 'an answer after close is ignored')
  }
})

t.test('a connection that comes before the first DNS answer waits for it', async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  let answer: (addresses: string[]) => void = () => undefined
  const resolve = () =>
    new Promise<string[]>((done) => {
      answer = done
    })
  const { cluster } = start(t, { dns: { host: 'db', port: echo.port } }, { resolve })
  const connecting = cluster.connect({ signal: never })
  answer(['127.0.0.1'])
  const { socket, lease } = await connecting
  t.equal(lease.host.name, echo.address)
  socket.destroy()
})

t.test('without any DNS answer a connection fails in time, at once when the question failed', async (t) => {
  const clock = new FakeClock()
  const slow = start(
    t,
    { dns: { host: 'db', port: 1 } },
    { clock, resolve: () => new Promise(() => undefined) },
  ).cluster
  const failing = failureOf(slow)
  clock.advance(2_000)
  const error = await failing
  t.equal(error.failure, 'no_usable_host')
  t.equal(slow.stats.noUsableHost, 1)
  t.match(error.message, 'Cluster shop has no usable host')

  const broken = start(
    t,
    { dns: { host: 'db', port: 1 } },
    { clock, resolve: () => Promise.reject(new Error('no')) },
  ).cluster
  t.equal((await failureOf(broken)).failure, 'no_usable_host')
})

t.test('the system resolver finds what the hosts file says', async (t) => {
  const { cluster } = start(t, { dns: { host: 'localhost', port: 1, family: 'v4' } })
  await until(() => cluster.hosts.version > 0)
  t.ok(cluster.hosts.all.some((host) => host.name === '127.0.0.1:1'))
})

t.test('the manager adds, replaces and removes by name', async (t) => {
  const { manager, cluster } = start(t, { hosts: ['10.0.0.1:1', '10.0.0.2:1'] })
  const config = clusterSchema.parse({
    name: 'shop',
    hosts: ['10.0.0.2:1', '10.0.0.3:1'],
    load_balancer: 'least_request',
  })
  t.throws(() => manager.add(config), { code: 'OPL_CLUSTER_EXISTS' })
  const replaced = manager.replace(config)
  t.equal(manager.get('shop'), replaced)
  t.equal(replaced.loadBalancer, 'least_request')
  t.equal(replaced.hosts.all[0], cluster.hosts.all[1], 'a host that stays keeps its object')
  t.equal(replaced.stats, cluster.stats, 'counters go on')
  manager.add(clusterSchema.parse({ name: 'other', hosts: ['10.0.0.1:1'] }))
  t.strictSame(
    manager.all.map((one) => one.name),
    ['shop', 'other'],
  )
  t.ok(manager.remove('other'))
  t.notOk(manager.remove('other'))
  t.equal(manager.get('other'), undefined)
  const uri = clusterSchema.parse({ name: 'uri', uri: 'mongodb://db/' })
  t.throws(() => manager.add(uri), { code: 'OPL_CLUSTER_HOSTS' })
})

const expiryOf = ({ cert }: { readonly cert: string }) => Date.parse(new X509Certificate(cert).validTo) / 1000

t.test('TLS: verifies the chain and the name, shows its own certificate, follows changed files', async (t) => {
  const { ca, server, client } = await createCertificates()
  const directory = await createTempDirectory()
  t.teardown(() => directory.remove())
  const caPath = await directory.write('ca.pem', ca.cert)
  const cert = await directory.write('client.pem', client.cert)
  const key = await directory.write('client.key', client.key)
  const seen: TLSSocket[] = []
  const upstream = createTlsServer(
    { ...server, ca: ca.cert, requestCert: true, rejectUnauthorized: true },
    (socket) => {
      seen.push(socket)
      socket.end('secret')
    },
  )
  upstream.on('tlsClientError', () => undefined)
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  t.teardown(() => upstream.close())
  const { port } = upstream.address() as { port: number }
  const hosts = [`127.0.0.1:${port}`]

  const good = start(t, {
    hosts,
    tls: { ca: caPath, cert, key, server_name: 'localhost', min_version: 'TLSv1.3' },
  }).cluster
  const { socket, lease } = await good.connect({ signal: never })
  t.ok(socket.isPaused())
  t.equal(await readBytes(socket.resume(), 6), 'secret')
  t.equal((seen[0] as TLSSocket & { servername: string }).servername, 'localhost', 'SNI')
  t.equal(seen[0]?.getPeerCertificate().subject.CN, 'test client', 'mTLS')
  socket.destroy()
  lease.release()

  const byIp = await start(t, { hosts, tls: { ca: caPath, cert, key } }).cluster.connect({ signal: never })
  byIp.socket.destroy()
  const wrongName = await failureOf(
    start(t, { hosts, tls: { ca: caPath, cert, key, server_name: 'else.where' } }).cluster,
  )
  t.match(wrongName.message, /altnames|does not match/i)
  const untrusted = await failureOf(start(t, { hosts, tls: { cert, key } }).cluster)
  t.equal(untrusted.failure, 'connect_failed')
  const skipping = start(t, { hosts, tls: { cert, key, insecure_skip_verify: true } }).cluster
  ;(await skipping.connect({ signal: never })).socket.destroy()

  t.throws(() => start(t, { hosts, tls: { ca: join(directory.path, 'missing.pem') } }), { code: 'OPL_TLS' })

  const other = await createAuthority(new Date('2031-02-03T04:05:06Z'))
  const changed: string[] = []
  const logger: Logger = {
    ...silentLogger,
    info: (_, text) => changed.push(text),
    error: (_, text) => changed.push(text),
  }
  const clock = new FakeClock()
  const pinned = await directory.write('pinned.pem', other.cert)
  const { manager, cluster: following } = start(t, { hosts, tls: { ca: pinned, cert, key } }, { clock, logger })
  t.equal((await failureOf(following)).failure, 'connect_failed', 'the wrong authority')
  const expiry = following.stats.certificateExpiry
  t.same([expiry.certSeconds, expiry.caSeconds], [expiryOf(client), Date.UTC(2031, 1, 3, 4, 5, 6) / 1000])
  await directory.write('pinned.pem', 'broken, and of another size')
  clock.advance(2_000)
  await until(() => changed.length === 1 && clock.waiting === 1)
  t.match(changed[0], 'unusable')
  await directory.write('pinned.pem', ca.cert)
  clock.advance(2_000)
  await until(() => changed.length === 2)
  t.match(changed[1], 'read again')
  t.same([expiry.certSeconds, expiry.caSeconds], [expiryOf(client), expiryOf(ca)], 'of the files in use')
  ;(await following.connect({ signal: never })).socket.destroy()
  const missing = clusterSchema.parse({ name: 'shop', hosts, tls: { ca: join(directory.path, 'missing.pem') } })
  t.throws(() => manager.replace(missing), { code: 'OPL_TLS' })
  t.equal(expiry.caSeconds, expiryOf(ca), 'what stays is told of')
  manager.replace(clusterSchema.parse({ name: 'shop', hosts }))
  t.ok(Number.isNaN(expiry.certSeconds) && Number.isNaN(expiry.caSeconds), 'without TLS there is none')
})

t.test('TLS: a DNS cluster checks certificates against the name that was resolved', async (t) => {
  const ca = await createAuthority()
  const server = await signServer(ca, 'db.internal')
  const directory = await createTempDirectory()
  t.teardown(() => directory.remove())
  const caPath = await directory.write('ca.pem', ca.cert)
  const names: string[] = []
  const upstream = createTlsServer(server, (socket) => {
    names.push(String((socket as TLSSocket & { servername: string }).servername))
    socket.end()
  })
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  t.teardown(() => upstream.close())
  const { port } = upstream.address() as { port: number }
  const deps = {
    clock: systemClock,
    resolve: async () => ['127.0.0.1'],
  }
  const { cluster } = start(t, { dns: { host: 'db.internal', port }, tls: { ca: caPath } }, deps)
  const { socket } = await cluster.connect({ signal: never })
  await heardEnd(socket)
  socket.destroy()
  t.strictSame(names, ['db.internal'])
})
