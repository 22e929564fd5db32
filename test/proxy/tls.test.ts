import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls'
import t from 'tap'
import type { TcpCodec } from '../../src/core/codec.js'
import { FakeClock } from '../support/fake-clock.js'
import { dial, heardEnd, readAll, readBytes, startEcho } from '../support/stub-tcp.js'
import { createAuthority, createCertificates, createTempDirectory, signClient, signServer } from '../support/tls.js'
import { startProxy } from './harness.js'

const { ca, server, client } = await createCertificates()
const directory = await createTempDirectory()
t.teardown(() => directory.remove())
const files = {
  cert: await directory.write('server.pem', server.cert),
  key: await directory.write('server.key', server.key),
  ca: await directory.write('ca.pem', ca.cert),
  clientCert: await directory.write('client.pem', client.cert),
  clientKey: await directory.write('client.key', client.key),
}
const echo = await startEcho()
t.teardown(() => echo.close())

async function dialTls(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', ca: ca.cert, ...options })
  await once(socket, 'secureConnect')
  socket.on('error', () => undefined)
  return socket
}

const expiryOf = ({ cert }: { readonly cert: string }) => Date.parse(new X509Certificate(cert).validTo) / 1000

async function until(claim: () => boolean): Promise<void> {
  while (!claim()) await new Promise((resolve) => setImmediate(resolve))
}

t.test('TLS on both legs with client certificates on both: bytes and ends pass', async (t) => {
  const names: string[] = []
  const upstream = createServer({ ...server, ca: ca.cert, requestCert: true, allowHalfOpen: true }, (socket) => {
    names.push(socket.getPeerCertificate().subject.CN)
    void readAll(socket).then((text) => socket.end(`${text.length} bytes`))
  })
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  t.teardown(() => upstream.close())
  const { port } = upstream.address() as { port: number }
  const proxy = await startProxy(t, {
    hosts: [`127.0.0.1:${port}`],
    cluster: { tls: { ca: files.ca, cert: files.clientCert, key: files.clientKey } },
    listener: { tls: { cert: files.cert, key: files.key, ca: files.ca } },
  })
  const socket = await dialTls(proxy.port, { ...client, allowHalfOpen: true } as ConnectionOptions)
  t.equal(socket.authorized, true)
  socket.end('x'.repeat(3_000_000))
  t.equal(await readAll(socket), '3000000 bytes')
  t.equal(await proxy.hub.line('closed'), 'closed client_closed')
  t.strictSame(names, ['test client'])
  t.match(proxy.listener.stats, { bytesReceived: 3_000_000, connectionsActive: 0, tlsHandshakeErrors: 0 })
})

t.test('a client that reads is sent reply after reply while they are held, under TLS too', async (t) => {
  // Every chunk of the server's is held, and passes as it is.
  const holding: TcpCodec = {
    open: () => ({
      holdsReplies: true,
      holdsRequests: false,
      takeReply: () => undefined,
      inFlight: 0,
      isMonitor: false,
      push: (_direction, { length }) => [
        { start: 0, end: length, first: true, last: true, exchange: undefined, output: undefined },
      ],
      end: () => undefined,
    }),
  }
  const proxy = await startProxy(t, {
    hosts: [echo.address],
    listener: { tls: { cert: files.cert, key: files.key } },
    codec: holding,
    rewrite: { member: '', advertise: (member) => member },
  })
  const socket = await dialTls(proxy.port)
  for (const text of ['first', 'second']) {
    socket.write(text)
    t.equal(await readBytes(socket, text.length), text)
  }
  t.equal(proxy.listener.stats.readingPaused, 0)
  socket.end()
})

t.test('a client without a trusted certificate is refused, counted, and never reaches a host', async (t) => {
  const proxy = await startProxy(t, {
    hosts: [echo.address],
    listener: { tls: { cert: files.cert, key: files.key, ca: files.ca } },
  })
  const stranger = await signClient(await createAuthority())
  for (const options of [{}, stranger]) {
    const socket = connect({ port: proxy.port, host: '127.0.0.1', ca: ca.cert, ...options })
    socket.on('error', () => undefined)
    await heardEnd(socket)
    socket.destroy()
  }
  const plain = await dial(proxy)
  plain.write('GET / HTTP/1.1\r\n\r\n')
  await heardEnd(plain)
  plain.destroy()
  const early = await dial(proxy)
  early.destroy()
  await proxy.hub.line('closed tls_error', 4)
  t.equal(proxy.listener.stats.tlsHandshakeErrors, 4)
  t.equal(proxy.manager.get('shop')?.hosts.all[0]?.stats.connectionsTotal, 0)
  await until(() => proxy.listener.stats.connectionsActive === 0)
  t.pass('and its place is free again')
})

t.test('the minimum version is kept', async (t) => {
  const listener = { tls: { cert: files.cert, key: files.key, min_version: 'TLSv1.3' } }
  const proxy = await startProxy(t, { hosts: [echo.address], listener })
  await t.rejects(dialTls(proxy.port, { maxVersion: 'TLSv1.2' }))
  const socket = await dialTls(proxy.port)
  t.equal(socket.getProtocol(), 'TLSv1.3')
  socket.destroy()
})

t.test('the cap counts connections that are still in their handshake; a silent one is given up', async (t) => {
  const listener = { max_connections: 1, tls: { cert: files.cert, key: files.key, handshake_timeout: '50ms' } }
  const proxy = await startProxy(t, { hosts: [echo.address], listener })
  const silent = await dial(proxy)
  const second = await dial(proxy)
  await heardEnd(second)
  t.equal(await proxy.hub.line('closed'), 'closed overflow')
  await heardEnd(silent)
  t.equal(await proxy.hub.line('closed tls_error'), 'closed tls_error')
  await until(() => proxy.listener.stats.connectionsActive === 0)
  silent.destroy()
  second.destroy()
  ;(await dialTls(proxy.port)).destroy()
})

t.test('a drain ends handshakes too', async (t) => {
  const proxy = await startProxy(t, { hosts: [echo.address], listener: { tls: { cert: files.cert, key: files.key } } })
  const silent = await dial(proxy)
  await until(() => proxy.listener.stats.connectionsActive === 1)
  t.strictSame(await proxy.listener.drain(1_000), { cut: 0 })
  await heardEnd(silent)
  silent.destroy()
  await until(() => proxy.listener.stats.connectionsActive === 0)
  t.pass('nothing is left')
})

t.test('certificates are read again when their files change; broken ones leave the old in place', async (t) => {
  const clock = new FakeClock()
  const cert = await directory.write('changing.pem', server.cert)
  const key = await directory.write('changing.key', server.key)
  const proxy = await startProxy(t, { hosts: [echo.address], listener: { tls: { cert, key } }, clock })
  const serial = async () => {
    const socket = await dialTls(proxy.port)
    const { serialNumber } = socket.getPeerCertificate()
    socket.destroy()
    return serialNumber
  }
  const old = await dialTls(proxy.port)
  const first = await serial()
  const next = await signServer(ca, 'localhost', new Date('2031-02-03T04:05:06Z'))
  const { stats } = proxy.listener
  t.equal(stats.certificateExpiry.certSeconds, expiryOf(server))
  t.ok(Number.isNaN(stats.certificateExpiry.caSeconds), 'no authority, no expiry')

  await directory.write('changing.pem', next.cert)
  clock.advance(2_000)
  await until(() => stats.certificateReloadFailures === 1 && clock.waiting > 0)
  t.equal(await serial(), first, 'the new certificate alone does not fit the old key')
  t.equal(stats.certificateExpiry.certSeconds, expiryOf(server), 'the one in use is told of')
  await directory.write('changing.key', next.key)
  clock.advance(2_000)
  await until(() => stats.certificateReloads === 1)
  t.not(await serial(), first)
  t.equal(stats.certificateExpiry.certSeconds, Date.UTC(2031, 1, 3, 4, 5, 6) / 1000)
  old.write('x')
  t.equal(await readBytes(old, 1), 'x', 'connections that stand are not touched')
  old.destroy()
})

t.test('unusable certificate files are refused before anything listens', async (t) => {
  const garbage = await directory.write('garbage.pem', 'no certificate')
  const cases = [
    { cert: join(directory.path, 'missing.pem'), key: files.key },
    { cert: garbage, key: files.key },
    { cert: files.cert, key: files.key, ca: garbage },
  ]
  for (const tls of cases) {
    await t.rejects(startProxy(t, { hosts: [echo.address], listener: { tls } }), {
      code: 'OPL_TLS',
      message: /TLS of listener front: /,
    })
  }
})
