import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { listenerSchema } from '../../src/proxy/config.js'
import { readInto } from '../../src/proxy/reused-reads.js'
import { FakeClock } from '../support/fake-clock.js'
import { seededRandom } from '../support/seeded-random.js'
import {
  dial,
  heardEnd,
  howItEnds,
  readAll,
  readBytes,
  refusedPort,
  StreamHash,
  skipWithoutIpv6,
  startEcho,
  startStub,
} from '../support/stub-tcp.js'
import { createTempDirectory } from '../support/tls.js'
import { startProxy } from './harness.js'

const MIB = 1_048_576

const stubFor = async (
  t: { teardown(run: () => unknown): void },
  serve: (socket: Socket) => void = () => undefined,
) => {
  const stub = await startStub(serve)
  t.teardown(() => stub.close())
  return stub
}

/** Writes `total` bytes of noise in pieces of random length, waiting whenever the socket is full, then ends. */
async function pourNoise(socket: Socket, total: number, seed: number): Promise<string> {
  const random = seededRandom(seed)
  const noise = Buffer.alloc(256 * 1_024)
  for (let i = 0; i < noise.length; i++) noise[i] = random() * 256
  const hash = new StreamHash()
  while (hash.byteCount < total) {
    const length = Math.min(total - hash.byteCount, 1 + Math.floor(random() ** 3 * 200_000))
    const at = Math.floor(random() * (noise.length - length))
    const piece = noise.subarray(at, at + length)
    hash.add(piece)
    if (!socket.write(piece)) await once(socket, 'drain')
  }
  socket.end()
  return hash.digest()
}

/** Reads to the end. `pauseEvery`: stops for some turns of the loop after so many chunks. */
function drinkAll(socket: Socket, pauseEvery = Number.POSITIVE_INFINITY): Promise<string> {
  const hash = new StreamHash()
  let chunks = 0
  let turns = 0
  const resumeLater = () => {
    if (++turns % 20 === 0) socket.resume()
    else setImmediate(resumeLater)
  }
  socket.on('data', (chunk: Buffer) => {
    hash.add(chunk)
    if (++chunks % pauseEvery !== 0) return
    socket.pause()
    setImmediate(resumeLater)
  })
  socket.resume()
  return new Promise((resolve, reject) => {
    socket.once('end', () => resolve(hash.digest()))
    socket.once('close', () => reject(new Error(`closed after ${hash.byteCount} bytes`)))
  })
}

t.test('the schema fills in defaults and refuses what makes no sense', (t) => {
  const least = { name: 'a', address: ':27018', protocol: 'tcp', cluster: 'b' }
  t.match(listenerSchema.parse(least), {
    address: { kind: 'tcp', host: '127.0.0.1', port: 27018 },
    max_connections: 10_000,
    idle_timeout: 0,
    on_decode_error: 'pass',
    drain_timeout: 30_000,
    tcp_keepalive: 60_000,
    codec: {},
  })
  const tls = { cert: 'c', key: 'k' }
  t.match(listenerSchema.parse({ ...least, tls }).tls, { min_version: 'TLSv1.2', handshake_timeout: 10_000 })
  const refused: [string, Record<string, unknown>, string][] = [
    ['unknown key', { adress: 'x' }, 'adress'],
    ['address without port', { address: 'localhost' }, 'host:port'],
    ['mode of a later release', { mode: 'load_balanced' }, 'mode'],
    ['no connection at all', { max_connections: 0 }, 'max_connections'],
    ['certificate without key', { tls: { cert: 'c' } }, 'key'],
    ['duration past what timers hold', { idle_timeout: '30d' }, 'at most 24d'],
  ]
  for (const [name, extra, words] of refused) {
    const result = listenerSchema.safeParse({ ...least, ...extra })
    t.notOk(result.success, name)
    t.match(JSON.stringify(result.error?.issues), words, name)
  }
  t.end()
})

t.test('bytes arrive unchanged both ways at once, whatever the chunks, also at a slow reader', async (t) => {
  const total = 24 * MIB
  const upstreamSide: Promise<string[]>[] = []
  const stub = await stubFor(t, (socket) => {
    upstreamSide.push(Promise.all([pourNoise(socket, total, 1), drinkAll(socket)]))
  })
  const proxy = await startProxy(t, { hosts: [stub.address] })
  const client = await dial(proxy)
  const [sent, received] = await Promise.all([pourNoise(client, total, 2), drinkAll(client, 7)])
  const [upstreamSent, upstreamReceived] = (await upstreamSide[0]) ?? []
  t.equal(received, upstreamSent, 'replies')
  t.equal(upstreamReceived, sent, 'requests')
  await proxy.hub.line('closed')
  t.match(proxy.listener.stats, { bytesReceived: total, bytesSent: total, connectionsTotal: 1, connectionsActive: 0 })
  t.match(proxy.manager.get('shop')?.hosts.all[0]?.stats, {
    bytesReceived: total,
    bytesSent: total,
    connectionsActive: 0,
  })
  t.ok(proxy.listener.stats.readingPaused > 0, 'the slow reader held the fast writer back')
})

t.test('a client that does not read stops the server, and memory does not grow', async (t) => {
  const piece = Buffer.alloc(64 * 1_024, 1)
  let written = 0
  const stub = await stubFor(t, (socket) => {
    const more = () => {
      while (!socket.destroyed) {
        written += piece.length
        if (!socket.write(piece)) return void socket.once('drain', more)
      }
    }
    more()
  })
  const proxy = await startProxy(t, { hosts: [stub.address] })
  const client = await dial(proxy)
  client.pause()
  while (proxy.listener.stats.readingPaused === 0) await new Promise((resolve) => setImmediate(resolve))
  const info = [...proxy.listener.connections][0]
  const taken = info?.bytesSent
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
  t.equal(info?.bytesSent, taken, 'nothing more is taken from the server')
  t.equal(proxy.listener.stats.readingPaused, 1)
  t.ok(written < 64 * MIB, `the server was stopped after ${written} bytes`)
  client.destroy()
  t.equal(await proxy.hub.line('closed'), 'closed client_reset')
})

t.test('what a slow reader has not taken yet is never read over by later replies', async (t) => {
  const sent = new StreamHash()
  const stub = await stubFor(t)
  const proxy = await startProxy(t, { hosts: [stub.address] })
  const client = await dial(proxy)
  client.pause()
  const server = await stub.socket(0)
  const [info] = proxy.listener.connections
  const { stats } = proxy.listener
  const random = seededRandom(7)
  // One small reply at a time, the next only when the proxy has taken the last: so the proxy comes to hold several at once.
  while (stats.readingPaused === 0) {
    const reply = Buffer.alloc(1 + Math.floor(random() * 6_000), Math.floor(random() * 256))
    sent.add(reply)
    server.write(reply)
    while ((info?.bytesSent ?? 0) < sent.byteCount && stats.readingPaused === 0) {
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  server.end()
  t.equal(await drinkAll(client), sent.digest())
  client.end()
})

t.test('what a slow server has not taken yet is never read over by later requests', async (t) => {
  const sent = new StreamHash()
  const stub = await stubFor(t)
  const proxy = await startProxy(t, { hosts: [stub.address] })
  const client = await dial(proxy)
  const server = await stub.socket(0)
  server.pause()
  const [info] = proxy.listener.connections
  const { stats } = proxy.listener
  const random = seededRandom(8)
  // One small request at a time, the next only when the proxy has read the last: its reads are into one buffer soon.
  while (stats.readingPaused === 0) {
    const request = Buffer.alloc(1 + Math.floor(random() * 6_000), Math.floor(random() * 256))
    sent.add(request)
    client.write(request)
    while ((info?.bytesReceived ?? 0) < sent.byteCount && stats.readingPaused === 0) {
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  client.end()
  t.equal(await drinkAll(server), sent.digest())
  server.end()
})

t.test(
  'a socket that was accepted can read into buffers of ours on this Node, and still be paused and ended',
  async (t) => {
    const read: string[] = []
    const buffer = Buffer.alloc(64)
    let socket: Socket | undefined
    const server = createServer((accepted) => {
      socket = accepted
      accepted.once('data', () => {
        const callback = (bytesRead: number) => read.push(buffer.toString('latin1', 0, bytesRead)) > 0
        t.equal(readInto(accepted, { buffer: () => buffer, callback }), true)
        accepted.write('more')
      })
    })
    t.teardown(() => server.close())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    client.write('first')
    await once(client, 'data')
    socket?.on('data', () => t.fail('the stream is passed by'))
    client.write('second')
    while (read.length === 0) await new Promise((resolve) => setImmediate(resolve))
    socket?.pause()
    client.end('third')
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    t.same(read, ['second'], 'paused')
    const ended = once(socket as Socket, 'end')
    socket?.resume()
    await ended
    t.same(read, ['second', 'third'])
  },
)

t.test('half-close: a client that ended still gets its reply', async (t) => {
  const stub = await stubFor(t, async (socket) => {
    const request = await readAll(socket)
    socket.end(`reply to ${request}`)
  })
  const proxy = await startProxy(t, { hosts: [stub.address] })
  const client = await dial(proxy)
  client.end('request')
  t.equal(await readAll(client), 'reply to request')
  t.equal(await proxy.hub.line('closed'), 'closed client_closed')
})

t.test('half-close: a client that ended before the upstream stood still gets its reply', async (t) => {
  const stub = await stubFor(t, (socket) => socket.end('banner'))
  const proxy = await startProxy(t, { hosts: [stub.address] })
  const client = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
  client.end()
  t.equal(await readAll(client), 'banner')
})

t.test('half-close: a server that ended still gets what the client says', async (t) => {
  const stub = await stubFor(t, (socket) => socket.end('bye'))
  const proxy = await startProxy(t, { hosts: [stub.address] })
  const client = await dial(proxy)
  t.equal(await readAll(client), 'bye')
  const socket = await stub.socket(0)
  client.end('last words')
  t.equal(await readAll(socket), 'last words')
  t.equal(await proxy.hub.line('closed'), 'closed upstream_closed')
})

t.test('a reset by the client reaches the server as a reset', async (t) => {
  const stub = await stubFor(t)
  const proxy = await startProxy(t, { hosts: [stub.address] })
  const client = await dial(proxy)
  const socket = await stub.socket(0)
  const ending = howItEnds(socket)
  client.resetAndDestroy()
  t.equal(await ending, 'ECONNRESET')
  t.equal(await proxy.hub.line('closed'), 'closed client_reset')
})

t.test('a reset by the server reaches the client as a reset', async (t) => {
  const stub = await stubFor(t, (socket) => socket.once('data', () => socket.resetAndDestroy()))
  const proxy = await startProxy(t, { hosts: [stub.address] })
  const client = await dial(proxy)
  const ending = howItEnds(client)
  client.write('x')
  t.equal(await ending, 'ECONNRESET')
  t.equal(await proxy.hub.line('closed'), 'closed upstream_reset')
})

t.test(
  'a client is closed at once when no host can be reached: counted, and logged once a second with the count',
  async (t) => {
    const clock = new FakeClock()
    const dead = `127.0.0.1:${await refusedPort()}`
    const proxy = await startProxy(t, { hosts: [dead], clock })
    for (let i = 1; i <= 4; i++) {
      if (i === 4) clock.advance(1_000)
      const client = await dial(proxy)
      await heardEnd(client)
      t.equal(await proxy.hub.line('closed', i), 'closed connect_failed')
      client.destroy()
    }
    t.strictSame(
      proxy.logger.lines.map(({ level, fields }) => [level, fields.host, fields.suppressed]),
      [
        ['warn', dead, 0],
        ['warn', dead, 2],
      ],
    )
    t.match(proxy.logger.lines[0]?.fields, { listener: 'front', cluster: 'shop', reason: /ECONNREFUSED/ })
    t.match(proxy.manager.get('shop')?.hosts.all[0]?.stats, { connectFailures: 4, connectionsActive: 0 })
    t.equal(proxy.listener.stats.connectionsActive, 0)
  },
)

t.test('a host that refuses is left for the next; a client whose cluster is gone is closed', async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const proxy = await startProxy(t, { hosts: [`127.0.0.1:${await refusedPort()}`, echo.address] })
  const client = await dial(proxy)
  client.write('ping')
  t.equal(await readBytes(client, 4), 'ping')
  t.equal([...proxy.listener.connections][0]?.host?.name, echo.address)
  t.equal([...proxy.listener.connections][0]?.peer, `127.0.0.1:${client.localPort}`)

  proxy.manager.remove('shop')
  const late = await dial(proxy)
  await heardEnd(late)
  t.equal(await proxy.hub.line('closed'), 'closed no_usable_host')
  client.write('pong')
  t.equal(await readBytes(client, 4), 'pong', 'connections that stand go on')
  client.destroy()
  late.destroy()
})

t.test('a connect timeout closes the client and names itself', async (t) => {
  const clock = new FakeClock()
  const silent = await stubFor(t)
  const proxy = await startProxy(t, { hosts: [silent.address], cluster: { tls: {} }, clock })
  const client = await dial(proxy)
  await silent.socket(0)
  clock.advance(2_000)
  await heardEnd(client)
  t.equal(await proxy.hub.line('closed'), 'closed connect_timeout')
  client.destroy()
})

t.test('a client that resets while its upstream is dialled ends the attempt', async (t) => {
  const silent = await stubFor(t)
  const proxy = await startProxy(t, { hosts: [silent.address], cluster: { tls: {} } })
  const client = await dial(proxy)
  const socket = await silent.socket(0)
  client.resetAndDestroy()
  await heardEnd(socket)
  t.equal(await proxy.hub.line('closed'), 'closed client_reset')
  t.match(proxy.manager.get('shop')?.hosts.all[0]?.stats, { connectFailures: 0, connectionsActive: 0 })
  t.strictSame(proxy.logger.lines, [], 'which is nobody else’s fault')
})

t.test('connections over the cap are closed at once and counted; a place that is free again is given', async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const proxy = await startProxy(t, { hosts: [echo.address], listener: { max_connections: 2 } })
  const [first, second] = [await dial(proxy), await dial(proxy)]
  for (const client of [first, second]) {
    client.write('x')
    t.equal(await readBytes(client, 1), 'x')
  }
  const third = await dial(proxy)
  await heardEnd(third)
  third.destroy()
  t.equal(await proxy.hub.line('closed'), 'closed overflow')
  t.match(proxy.listener.stats, { connectionsTotal: 3, connectionsActive: 2, connectionsOverflow: 1 })
  first.destroy()
  await proxy.hub.line('closed', 2)
  const fourth = await dial(proxy)
  fourth.write('y')
  t.equal(await readBytes(fourth, 1), 'y')
  second.destroy()
  fourth.destroy()
})

t.test('an idle connection is ended after the timeout, counted from its last byte either way', async (t) => {
  const clock = new FakeClock()
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const proxy = await startProxy(t, { hosts: [echo.address], listener: { idle_timeout: '10s' }, clock })
  const client = await dial(proxy)
  client.write('a')
  await readBytes(client, 1)
  clock.advance(9_999)
  client.write('b')
  await readBytes(client, 1)
  clock.advance(9_999)
  client.write('c')
  t.equal(await readBytes(client, 1), 'c', 'it still stands')
  clock.advance(9_999)
  t.equal(clock.waiting, 1, 'and still waits')
  clock.advance(1)
  client.on('end', () => client.end())
  await heardEnd(client)
  t.equal(await proxy.hub.line('closed'), 'closed idle_timeout')
  t.equal(clock.waiting, 0, 'no timer is left')
})

t.test('without an idle timeout a connection has no timer at all', async (t) => {
  const clock = new FakeClock()
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const proxy = await startProxy(t, { hosts: [echo.address], clock })
  const client = await dial(proxy)
  client.write('a')
  await readBytes(client, 1)
  t.equal(clock.waiting, 0)
  client.destroy()
})

t.test('a Unix socket: a stale file is taken over, a living one and a plain file are not', async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const directory = await createTempDirectory()
  t.teardown(() => directory.remove())
  const path = join(directory.path, 'front.sock')
  await leaveStaleSocket(path)
  const listener = { address: `unix:${path}` }
  const proxy = await startProxy(t, { hosts: [echo.address], listener })
  const client = await dial({ path })
  client.write('x')
  t.equal(await readBytes(client, 1), 'x')
  t.equal([...proxy.listener.connections][0]?.peer, `unix:${path}`)
  await t.rejects(startProxy(t, { hosts: [echo.address], listener }), {
    code: 'OPL_LISTEN',
    message: /front.*EADDRINUSE/,
  })
  client.destroy()
  await proxy.hub.line('closed')
  const file = await directory.write('plain', 'precious')
  await t.rejects(startProxy(t, { hosts: [echo.address], listener: { address: `unix:${file}` } }), {
    code: 'OPL_LISTEN',
  })
})

t.test('a listener on IPv6 serves and names its peers', { skip: await skipWithoutIpv6() }, async (t) => {
  const echo = await startEcho('::1')
  t.teardown(() => echo.close())
  const proxy = await startProxy(t, { hosts: [echo.address], listener: { address: '[::1]:0' } })
  const client = await dial({ port: proxy.port, host: '::1' })
  client.write('six')
  t.equal(await readBytes(client, 3), 'six')
  t.equal([...proxy.listener.connections][0]?.peer, `[::1]:${client.localPort}`)
  client.destroy()
})

t.test('an address in use is refused with its name and reason', async (t) => {
  const taken = await stubFor(t)
  const listener = { address: taken.address }
  await t.rejects(startProxy(t, { hosts: ['127.0.0.1:1'], listener }), {
    code: 'OPL_LISTEN',
    message: `Listener front can't bind ${taken.address}: listen EADDRINUSE`,
  })
})

/** What a killed process leaves: a socket file without a listener. */
async function leaveStaleSocket(path: string): Promise<void> {
  const { rename } = await import('node:fs/promises')
  const server = createServer().listen(`${path}.old`)
  await once(server, 'listening')
  await rename(`${path}.old`, path)
  server.close()
  await once(server, 'close')
}
