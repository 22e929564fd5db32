import t from 'tap'
import { dynamodb } from '../../../src/codecs/dynamodb/index.js'
import { answering, get, ok, onStage, post, put, stuckBetweenReplies, told, turns, until } from './stage.js'

const OFF = { head_timeout: '0s', request_timeout: '0s', stream_idle_timeout: '0s' }

void t.test(
  'who never says a byte is let go without a word',
  onStage({ http: { ...OFF, head_timeout: '10s' } }, async (t, { client, pass, hub }) => {
    const peer = await client()
    await pass(9_000)
    t.equal(peer.ended, '')
    await pass(2_000)
    t.equal(await peer.takeRest(), '')
    peer.end()
    await until(() => hub.closed.length === 1)
    t.strictSame(hub.closed, ['idle_timeout'])
  }),
)

void t.test(
  'a head that comes in drops has no more time than another',
  onStage({ http: { ...OFF, head_timeout: '10s' } }, async (t, { client, pass, hub, upstream }) => {
    const peer = await client()
    for (const byte of 'GET / HTTP') {
      if (peer.ended !== '') break
      peer.write(byte)
      await pass(1_000)
    }
    await pass(1_000)
    t.match(await peer.takeRest(), /^HTTP\/1\.1 408 Request Timeout\r\n.*Connection: close\r\n/s)
    peer.end()
    await until(() => hub.closed.length === 1)
    t.strictSame(hub.closed, ['request_timeout'])
    t.equal(upstream.count, 0)
  }),
)

void t.test(
  'a later head has its time from its own first byte',
  onStage({ http: { ...OFF, head_timeout: '10s' } }, async (t, { client, pass, upstream }) => {
    const peer = await client()
    await pass(5_000)
    peer.write(get())
    const there = await upstream.peer(0)
    await there.takeHead()
    await pass(30_000)
    there.write(ok())
    await peer.takeMessage()
    await pass(60_000)
    t.equal(peer.ended, '', 'between two requests it is not this time that counts')
    peer.write('G')
    await pass(9_000)
    t.equal(peer.ended, '')
    await pass(2_000)
    t.match(await peer.takeRest(), 'HTTP/1.1 408')
  }),
)

void t.test(
  'a head that had arrived before its turn came has its time from then on',
  onStage({ http: { ...OFF, head_timeout: '10s' } }, async (t, { client, pass, upstream }) => {
    const peer = await client()
    peer.write(`${get()}GET`)
    const there = await upstream.peer(0)
    await there.takeHead()
    await pass(20_000)
    there.write(ok())
    await peer.takeMessage()
    await pass(9_000)
    t.equal(peer.ended, '')
    await pass(2_000)
    t.match(await peer.takeRest(), 'HTTP/1.1 408')
  }),
)

void t.test(
  'no reply within request_timeout: 504, the client goes on and the host is left',
  onStage({ http: { ...OFF, request_timeout: '10s' } }, async (t, { client, pass, upstream, hub, host }) => {
    const peer = await client()
    peer.write(get('/1') + get('/2'))
    const there = await upstream.peer(0)
    await there.takeHead()
    there.write('HTTP/1.1 103 Early Hints\r\n\r\n')
    t.match(await peer.takeHead(), '103')
    await pass(9_000)
    t.equal(peer.text, '')
    await pass(2_000)
    t.match(await peer.takeMessage(), /^HTTP\/1\.1 504 Gateway Timeout\r\n.*gave no answer in time\n$/s)
    await there.takeEnd()
    const other = await upstream.peer(1)
    await other.takeHead()
    other.write(ok())
    await peer.takeMessage()
    t.match(told(hub)[0], 'GET aborted by proxy 0')
    t.match(host(), { operationsFailed: 1 })
  }),
)

void t.test(
  'a reply that has begun may take its time',
  onStage({ http: { ...OFF, request_timeout: '10s' } }, async (t, { client, pass, upstream }) => {
    const peer = await client()
    peer.write(get())
    const there = await upstream.peer(0)
    there.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na')
    await peer.until(() => peer.text.endsWith('a'), 'half')
    await pass(60_000)
    there.write('b')
    t.equal(await peer.takeMessage(), ok('ab'))
  }),
)

void t.test(
  'request_timeout begins when the request is whole',
  onStage({ http: { ...OFF, request_timeout: '10s' } }, async (t, { client, pass, upstream }) => {
    const peer = await client()
    const request = put('/', 'ab')
    peer.write(request.slice(0, -1))
    const there = await upstream.peer(0)
    await pass(60_000)
    peer.write('b')
    t.equal(await there.takeMessage(), request)
    await pass(9_000)
    t.equal(peer.text, '')
    await pass(2_000)
    t.match(await peer.takeMessage(), 'HTTP/1.1 504')
  }),
)

void t.test(
  'on a dynamodb listener the 504 is one that SDKs understand',
  onStage(
    {
      protocol: 'dynamodb',
      codec: dynamodb.createCodec(dynamodb.config.parse({})),
      http: { ...OFF, request_timeout: '5s' },
    },
    async (t, { client, pass, upstream }) => {
      const peer = await client()
      peer.write(post('/', '{"TableName":"t"}', 'X-Amz-Target: DynamoDB_20120810.PutItem\r\n'))
      await (await upstream.peer(0)).takeMessage()
      await pass(6_000)
      t.match(await peer.takeMessage(), /^HTTP\/1\.1 504 .*"__type"/s)
    },
  ),
)

void t.test(
  'a body that stops coming: 408, and nothing is completed upstream',
  onStage({ http: { ...OFF, stream_idle_timeout: '10s' } }, async (t, { client, pass, upstream, hub }) => {
    const peer = await client()
    const request = put('/', 'x'.repeat(100))
    for (let at = 0; at < 80; at += 10) {
      peer.write(request.slice(at, at + 10))
      await pass(6_000)
    }
    const there = await upstream.peer(0)
    t.equal(await there.take(80), request.slice(0, 80))
    t.equal(peer.ended, '', 'slow is not stopped')
    await pass(6_000)
    t.match(await peer.takeRest(), /^HTTP\/1\.1 408 .*Connection: close/s)
    await there.takeEnd()
    peer.end()
    await until(() => hub.closed.length === 1)
    t.match(told(hub), [`PUT aborted by client 0 80/0`])
    t.strictSame(hub.closed, ['request_timeout'])
  }),
)

void t.test(
  'a reply that stops coming resets the client',
  onStage({ http: { ...OFF, stream_idle_timeout: '10s' } }, async (t, { client, pass, upstream, hub }) => {
    const peer = await client()
    peer.write(get())
    const there = await upstream.peer(0)
    await there.takeHead()
    there.write('HTTP/1.1 200 OK\r\n\r\n')
    for (let i = 0; i < 5; i++) {
      there.write('x')
      await pass(6_000)
    }
    t.equal(peer.ended, '')
    await pass(6_000)
    t.equal(await peer.takeEnd(), 'ECONNRESET')
    await there.takeEnd()
    t.match(told(hub)[0], 'GET aborted by proxy 200')
    t.strictSame(hub.closed, ['request_timeout'])
  }),
)

void t.test(
  'a host that does not answer is not taken for a client that does not send, whichever time is up first',
  onStage({ http: { ...OFF, stream_idle_timeout: '10s' } }, async (t, { client, pass, upstream, hub }) => {
    const peer = await client()
    peer.write(get())
    await (await upstream.peer(0)).takeHead()
    await pass(12_000)
    t.match(await peer.takeMessage(), 'HTTP/1.1 504')
    t.match(told(hub)[0], 'GET aborted by proxy 0')
  }),
)

void t.test(
  'a host that does not take the body is not either',
  onStage({ http: { ...OFF, stream_idle_timeout: '10s' } }, async (t, { client, pass, upstream, hub }) => {
    const peer = await client()
    const serving = upstream.peer(0).then((there) => there.socket.pause())
    peer.write(put('/', 'x'.repeat(30_000_000)))
    await serving
    for (let before = -1; before !== peer.socket.writableLength; await turns(50)) before = peer.socket.writableLength
    await pass(12_000)
    t.match(await peer.takeRest(), /^HTTP\/1\.1 504 .*Connection: close/s)
    t.match(told(hub)[0], 'PUT aborted by proxy 0')
  }),
)

void t.test(
  'idle_timeout is for the time between two requests',
  onStage({ http: OFF, listener: { idle_timeout: '10s' } }, async (t, { client, pass, upstream, hub }) => {
    const peer = await client()
    peer.write(get())
    const there = await upstream.peer(0)
    await pass(30_000)
    there.write(ok())
    await peer.takeMessage()
    await pass(9_000)
    t.equal(peer.ended, '')
    await pass(3_000)
    t.equal(await peer.takeRest(), '')
    peer.end()
    await until(() => hub.closed.length === 1)
    t.strictSame(hub.closed, ['idle_timeout'])
  }),
)

void t.test(
  'a client that was told the end and says none is closed soon',
  onStage({}, async (t, { client, pass, hub }) => {
    const peer = await client()
    peer.write('nonsense\r\n\r\n')
    await peer.takeRest()
    t.equal(hub.closed.length, 0)
    await pass(2_000)
    t.equal(hub.closed.length, 1)
  }),
)

void t.test(
  'a client that takes its last bytes slowly has a moment for the end behind them, too',
  onStage({}, async (t, { client, pass, hub, upstream, listener }) => {
    const peer = await client()
    peer.socket.pause()
    peer.write(get('/', 'Connection: close\r\n'))
    const there = await upstream.peer(0)
    await there.takeHead()
    const body = 'x'.repeat(12_000_000)
    there.write(ok(body))
    there.end()
    const isStuck = () => listener.stats.readingPaused > 0
    await until(isStuck)
    // It takes all but the last of it, so that the reply has ended and is not flushed.
    let got = 0
    peer.socket.on('data', (chunk: Buffer) => {
      got += chunk.length
    })
    while (hub.ended.length === 0) {
      peer.socket.resume()
      await turns(1)
      peer.socket.pause()
      await turns(1)
    }
    await pass(10_000)
    peer.socket.resume()
    const rest = await peer.takeRest()
    t.ok(rest.endsWith(body))
    t.ok(got > body.length)
  }),
)

void t.test(
  'a client that takes none of its replies does not stay, though no request of it is open',
  onStage(
    { http: { ...OFF, stream_idle_timeout: '10s' }, serve: answering(() => ok('x'.repeat(8_000))) },
    async (t, stage) => {
      const { client, pass, hub } = stage
      const peer = await client()
      peer.socket.pause()
      peer.write(get().repeat(3_000))
      await stuckBetweenReplies(stage, peer)
      t.ok(hub.ended.length < 3_000)
      await pass(9_000)
      t.equal(hub.closed.length, 0)
      await pass(3_000)
      t.strictSame(hub.closed, ['idle_timeout'])
    },
  ),
)
