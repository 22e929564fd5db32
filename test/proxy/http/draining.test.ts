import { connect } from 'node:net'
import t from 'tap'
import { get, ok, onStage, put, told, turns, until } from './stage.js'

void t.test(
  'a drain ends idle connections at once, and takes no new ones',
  onStage({}, async (t, { client, drain, hub, port, pass }) => {
    const [fresh, used] = [await client(), await client()]
    await turns(2)
    const draining = drain(10_000)
    t.equal(await fresh.takeRest(), '')
    t.equal(await used.takeRest(), '')
    const late = connect(port, '127.0.0.1')
    t.equal(
      await new Promise((resolve) => late.once('error', (error) => resolve('code' in error && error.code))),
      'ECONNREFUSED',
    )
    fresh.end()
    await pass(3_000)
    t.strictSame(await draining, { cut: 0 })
    t.strictSame(hub.closed, ['drained', 'drained'])
  }),
)

void t.test(
  'a reply in flight says close, is whole, and the last',
  onStage({}, async (t, { client, drain, upstream, hub, host }) => {
    const peer = await client()
    peer.write(get('/1') + get('/2'))
    const there = await upstream.peer(0)
    await there.takeHead()
    const draining = drain(10_000)
    await turns(3)
    t.equal(peer.ended, '')
    there.write(ok('whole').slice(0, -2))
    await turns(2)
    there.write('le')
    t.equal(await peer.takeRest(), ok('whole', 'Connection: close\r\n'))
    peer.end()
    t.strictSame(await draining, { cut: 0 })
    t.equal(there.text, '', 'what was sent ahead goes to nobody')
    t.strictSame(hub.closed, ['drained'])
    t.match(host(), { connectionsIdle: 0, operationsActive: 0 })
    await there.takeEnd()
  }),
)

void t.test(
  'a reply whose head is out already cannot say so: the next request still gets an answer',
  onStage({}, async (t, { client, drain, upstream }) => {
    const peer = await client()
    peer.write(get('/1') + get('/2'))
    const there = await upstream.peer(0)
    await there.takeHead()
    there.write(ok('ab').slice(0, -1))
    await peer.until(() => peer.text.endsWith('a'), 'half')
    const draining = drain(10_000)
    there.write('b')
    t.equal(await peer.takeMessage(), ok('ab'))
    t.equal(await there.takeHead(), get('/2'))
    there.write(ok('2'))
    t.equal(await peer.takeRest(), ok('2', 'Connection: close\r\n'))
    peer.end()
    t.strictSame(await draining, { cut: 0 })
  }),
)

void t.test(
  'a reply whose head is out, and nothing behind it: the connection ends with it',
  onStage({}, async (t, { client, drain, upstream, hub }) => {
    const peer = await client()
    peer.write(get('/1'))
    const there = await upstream.peer(0)
    await there.takeHead()
    there.write(ok('ab').slice(0, -1))
    await peer.until(() => peer.text.endsWith('a'), 'half')
    const draining = drain(10_000)
    there.write('b')
    t.equal(await peer.takeRest(), ok('ab'))
    peer.end()
    t.strictSame(await draining, { cut: 0 })
    t.strictSame(hub.closed, ['drained'])
  }),
)

void t.test(
  'a request that is being read is answered before its connection ends',
  onStage({}, async (t, { client, drain, upstream }) => {
    const [one, two] = [await client(), await client()]
    one.write(get('/1').slice(0, 10))
    two.write(put('/2', 'body').slice(0, -2))
    await turns(2)
    const draining = drain(10_000)
    one.write(get('/1').slice(10))
    two.write('dy')
    const there = [await upstream.peer(0), await upstream.peer(1)]
    for (const peer of there) {
      await peer.takeMessage()
      peer.write(ok())
    }
    for (const peer of [one, two]) {
      t.equal(await peer.takeRest(), ok('', 'Connection: close\r\n'))
      peer.end()
    }
    t.strictSame(await draining, { cut: 0 })
  }),
)

void t.test(
  'at the deadline the rest is cut and counted; part of a reply is not taken for all of it',
  onStage({}, async (t, { client, drain, upstream, hub, clock }) => {
    const [waiting, reading] = [await client(), await client()]
    waiting.write(get('/1'))
    await (await upstream.peer(0)).takeHead()
    reading.write(get('/2'))
    const there = await upstream.peer(1)
    await there.takeHead()
    there.write('HTTP/1.1 200 OK\r\n\r\npart')
    await reading.until(() => reading.text.endsWith('part'), 'the part')
    const draining = drain(10_000)
    await turns(3)
    clock.advance(10_000)
    t.strictSame(await draining, { cut: 2 })
    t.equal(await reading.takeEnd(), 'ECONNRESET')
    await waiting.takeEnd()
    t.equal(waiting.text, '')
    t.strictSame(hub.closed, ['drain_deadline', 'drain_deadline'])
    t.strictSame(
      told(hub).map((line) => line.replace(/ \d+\/\d+$/, '')),
      ['GET aborted by proxy 0', 'GET aborted by proxy 200'],
    )
  }),
)

void t.test(
  'a client that reads its last reply slowly counts as cut when it has not taken it by the deadline',
  onStage({}, async (t, { client, drain, upstream, clock, listener, hub }) => {
    const peer = await client()
    peer.socket.pause()
    peer.write(get())
    const there = await upstream.peer(0)
    await there.takeHead()
    there.write(ok('x'.repeat(20_000_000)))
    await until(() => listener.stats.readingPaused > 0)
    const draining = drain(10_000)
    await turns(3)
    clock.advance(10_000)
    t.strictSame(await draining, { cut: 1 })
    t.strictSame(hub.closed, ['drain_deadline'])
  }),
)
