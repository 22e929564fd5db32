import t from 'tap'
import { answering, get, ok, onStage, put, told, turns, until } from './stage.js'

/** A number, when it has not changed for a while. */
async function settled(read: () => number): Promise<number> {
  for (let before = -1; before !== read(); ) {
    before = read()
    await turns(50)
  }
  return read()
}

/** Echoes the target, so that an answer names its request. */
const echo = answering((request) => ok(/^\S+ (\S+)/.exec(request)?.[1]))

void t.test(
  'replies come in the order of the requests, whatever was sent ahead',
  onStage({ serve: echo }, async (t, { client, hub, upstream }) => {
    const peer = await client()
    const targets = Array.from({ length: 200 }, (_, i) => `/${i}`)
    peer.write(targets.map((target) => (target.endsWith('7') ? put(target, 'body') : get(target))).join(''))
    for (const target of targets) t.equal(await peer.takeMessage(), ok(target))
    t.equal(upstream.count, 1)
    t.equal(hub.ended.length, 200)
  }),
)

void t.test(
  'the next request goes to nobody before the reply before it is out',
  onStage({}, async (t, { client, upstream, hub, host }) => {
    const peer = await client()
    peer.write(get('/1') + get('/2'))
    const there = await upstream.peer(0)
    t.equal(await there.takeHead(), get('/1'))
    there.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na')
    await peer.until(() => peer.text.endsWith('a'), 'half a reply')
    await turns(5)
    t.equal(there.text, '')
    t.equal(hub.started.length, 1)
    there.write('b')
    t.equal(await there.takeHead(), get('/2'))
    there.write(ok('c'))
    t.equal(await peer.take(ok('ab').length + ok('c').length), ok('ab') + ok('c'))
    t.equal(host().connectionsTotal, 1)
  }),
)

void t.test(
  'requests that arrive while a reply is awaited wait too, cut anywhere',
  onStage({}, async (t, { client, upstream }) => {
    const peer = await client()
    peer.write(get('/1'))
    const there = await upstream.peer(0)
    t.equal(await there.takeHead(), get('/1'))
    await peer.writeCut([Buffer.from('PUT /2 HTTP/1.1\r\nHost: a\r\nContent-Le'), Buffer.from('ngth: 3\r\n\r\nab')])
    there.write(ok())
    await peer.takeMessage()
    t.equal(await there.take(put('/2', 'abc').length - 1), put('/2', 'abc').slice(0, -1))
    peer.write(`c${get('/3')}`)
    t.equal(await there.take(1), 'c')
    await turns(3)
    t.equal(there.text, '')
    there.write(ok())
    t.equal(await there.takeHead(), get('/3'))
    there.write(ok())
    await peer.take(2 * ok().length)
  }),
)

void t.test(
  'a client that sends requests ahead and reads nothing is read no further',
  onStage({ serve: answering(() => ok('x'.repeat(60_000))) }, async (t, { client, hub, listener, upstream }) => {
    const peer = await client()
    peer.socket.pause()
    const request = get('/', `X: ${'y'.repeat(1_000)}\r\n`)
    let written = 0
    while (peer.socket.writableLength < 1_000_000 && written < 20_000) {
      for (let i = 0; i < 50; i++) peer.write(request)
      written += 50
      await turns(1)
    }
    t.ok(written < 20_000, 'the client gets stuck')
    await settled(() => hub.ended.length)
    t.equal(upstream.count, 1)
    t.ok(listener.stats.bytesReceived < written * request.length - 900_000)
    peer.socket.resume()
    for (let i = 0; i < written; i++) await peer.takeMessage()
    t.equal(hub.ended.length, written)
  }),
)

void t.test(
  'answers of the proxy itself are bounded by what the client reads, too, and need no stack',
  onStage({ hasNoCluster: true }, async (t, { client, hub }) => {
    const peer = await client()
    const count = 20_000
    const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
    peer.write(request.repeat(count))
    let right = 0
    for (let i = 0; i < count; i++) if ((await peer.takeMessage()).startsWith('HTTP/1.1 503')) right++
    t.equal(right, count)
    t.equal(hub.ended.length, count)
    peer.socket.pause()
    for (let i = 0; i < 300; i++) {
      peer.write(request.repeat(1_000))
      await turns(1)
    }
    t.ok((await settled(() => hub.ended.length)) < count + 150_000, `answered ${hub.ended.length}`)
  }),
)

void t.test(
  'a refused request is answered behind the replies to those before it',
  onStage({}, async (t, { client, upstream, hub }) => {
    const peer = await client()
    peer.write(`${get('/1')}GET /2 HTTP/1.1\r\n\r\n${get('/3')}`)
    const there = await upstream.peer(0)
    t.equal(await there.takeHead(), get('/1'))
    await turns(3)
    t.equal(peer.text, '')
    there.write(ok('1'))
    t.equal(await peer.takeMessage(), ok('1'))
    t.match(await peer.takeRest(), /^HTTP\/1\.1 400 .*\r\nConnection: close\r\n\r\n.*\(missing_host\)\n$/s)
    t.equal(there.text, '')
    t.strictSame(told(hub), [`GET ok 200 ${get('/1').length}/${ok('1').length}`])
  }),
)

void t.test(
  'what follows a request that says close is never read',
  onStage({}, async (t, { client, upstream, hub }) => {
    const peer = await client()
    peer.write(get('/1', 'Connection: close\r\n') + get('/2'))
    const there = await upstream.peer(0)
    t.equal(await there.takeHead(), get('/1'))
    there.write(ok('1'))
    t.match(await peer.takeRest(), /Connection: close\r\n\r\n1$/)
    peer.end(get('/3'))
    await until(() => hub.closed.length === 1)
    t.equal(there.text, '')
    t.equal(hub.ended.length, 1)
  }),
)

void t.test(
  'a client that ended its side gets the replies to all it asked, and then the end',
  onStage({}, async (t, { client, upstream, hub }) => {
    const peer = await client()
    peer.end(get('/1') + get('/2'))
    const there = await upstream.peer(0)
    t.equal(await there.takeHead(), get('/1'))
    await turns(3)
    there.write(ok('1'))
    t.equal(await there.takeHead(), get('/2'))
    await turns(3)
    there.write(ok('2'))
    const last = ok('2', 'Connection: close\r\n')
    t.equal(await peer.takeRest(), ok('1') + last)
    await until(() => hub.closed.length === 1)
    t.strictSame(hub.closed, ['client_closed'])
  }),
)
