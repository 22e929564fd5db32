import { once } from 'node:events'
import { connect, createServer } from 'node:tls'
import t from 'tap'
import { createCertificates, createTempDirectory } from '../../support/tls.js'
import { Peer } from './peer.js'
import { get, ok, onStage, put, type StageWant, told, turns, until } from './stage.js'

const { ca, server } = await createCertificates()
const directory = await createTempDirectory()
t.teardown(() => directory.remove())
const files = {
  cert: await directory.write('server.pem', server.cert),
  key: await directory.write('server.key', server.key),
  ca: await directory.write('ca.pem', ca.cert),
}

async function dialTls(port: number): Promise<Peer> {
  const socket = connect({ port, host: '127.0.0.1', ca: ca.cert })
  const peer = new Peer(socket)
  await once(socket, 'secureConnect')
  return peer
}

/** TLS on both sides. */
const secured =
  (play: (t: Test, stage: SecuredStage) => Promise<void>, want: StageWant = {}) =>
  async (t: Test) => {
    const peers: Peer[] = []
    const upstream = createServer({ ...server, allowHalfOpen: true }, (socket) => peers.push(new Peer(socket)))
    upstream.listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    const { port } = upstream.address() as { port: number }
    const settings = {
      ...want,
      hosts: [`127.0.0.1:${port}`],
      cluster: { tls: { ca: files.ca } },
      listener: { tls: { cert: files.cert, key: files.key } },
    }
    const clients: Peer[] = []
    try {
      await onStage(settings, async (t, stage) => {
        const client = async () => {
          const peer = await dialTls(stage.port)
          clients.push(peer)
          return peer
        }
        const there = async (index: number) => {
          await until(() => peers.length > index, 'a connection to the upstream')
          return peers[index] as Peer
        }
        await play(t, { ...stage, client, there, peers }).finally(() => {
          for (const { socket } of [...clients, ...peers]) socket.destroy()
        })
      })(t)
    } finally {
      upstream.close()
    }
  }

type Test = Parameters<ReturnType<typeof onStage>>[0]
type Staged = Parameters<Parameters<typeof onStage>[1]>[1]
interface SecuredStage extends Staged {
  there(index: number): Promise<Peer>
  readonly peers: readonly Peer[]
}

void t.test(
  'requests and replies pass byte for byte, on one connection for all clients',
  secured(async (t, { client, there, peers, hub, host }) => {
    for (const request of [get('/1'), put('/2', 'body'), put('/3', 'x'.repeat(300_000))]) {
      const peer = await client()
      await peer.writeCut([Buffer.from(request.slice(0, 20)), Buffer.from(request.slice(20))])
      const upstream = await there(0)
      t.equal(await upstream.take(request.length), request)
      const reply = ok('y'.repeat(200_000))
      upstream.write(reply)
      t.equal((await peer.takeMessage()) === reply, true)
      peer.end()
    }
    t.equal(peers.length, 1)
    t.equal(host().connectionsIdle, 1)
    t.ok(hub.ended.every(({ outcome }) => outcome?.kind === 'ok'))
  }),
)

void t.test(
  'requests sent ahead wait, and a slow client stops what is sent to it',
  secured(async (t, { client, there, hub, listener }) => {
    const peer = await client()
    peer.socket.pause()
    peer.write(Array.from({ length: 300 }, (_, i) => get(`/${i}`)).join(''))
    const upstream = await there(0)
    const reply = ok('z'.repeat(100_000))
    void (async () => {
      for (let i = 0; i < 300; i++) {
        await upstream.takeHead()
        upstream.write(reply)
      }
    })()
    for (let before = -1; before !== hub.ended.length; await turns(100)) before = hub.ended.length
    t.ok(hub.ended.length < 300, `${hub.ended.length} answered`)
    t.ok(listener.stats.readingPaused > 0)
    peer.socket.resume()
    for (let i = 0; i < 300; i++) if ((await peer.takeMessage()) !== reply) t.fail(`reply ${i}`)
    t.equal(hub.ended.length, 300)
  }),
)

void t.test(
  'bytes on a connection that waits reach nobody, under TLS too',
  secured(async (t, { client, there, host }) => {
    const peer = await client()
    peer.write(get('/1'))
    const first = await there(0)
    await first.takeHead()
    first.write(ok('1'))
    await peer.takeMessage()
    await until(() => host().connectionsIdle === 1)
    first.write(ok('evil'))
    await first.takeEnd()
    peer.write(get('/2'))
    const second = await there(1)
    await second.takeHead()
    second.write(ok('2'))
    t.equal(await peer.takeMessage(), ok('2'))
  }),
)

void t.test(
  'an upstream that leaves inside a reply: the client is not told an end in order',
  secured(async (t, { client, there, hub }) => {
    const peer = await client()
    peer.write(get())
    const upstream = await there(0)
    await upstream.takeHead()
    upstream.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nabcd')
    await peer.until(() => peer.text.endsWith('abcd'), 'half')
    upstream.socket.destroy()
    await until(() => hub.closed.length === 1)
    t.match(told(hub)[0], 'GET aborted by server 200')
    await peer.takeEnd()
    t.ok(peer.text.endsWith('abcd'))
  }),
)

void t.test(
  'a stale connection is tried again',
  secured(async (t, { client, there, cluster }) => {
    const peer = await client()
    peer.write(get('/1'))
    const first = await there(0)
    await first.takeHead()
    first.write(ok())
    await peer.takeMessage()
    peer.write(get('/2'))
    await first.takeHead()
    first.socket.destroy()
    const second = await there(1)
    t.equal(await second.takeHead(), get('/2'))
    second.write(ok('2'))
    t.equal(await peer.takeMessage(), ok('2'))
    t.equal(cluster.stats.retriesTotal, 1)
  }),
)
