import t from 'tap'
import { get, ok, onStage, put, told, turns, until } from './stage.js'

const GET = get()
const PUT = put('/', 'abcdefgh')
/** All but the last three bytes. */
const MOST = PUT.slice(0, -3)
const HALF = 'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nabcd'

// --- The client leaves.

void t.test(
  'a client that leaves inside a head leaves nothing behind',
  onStage({}, async (t, { client, hub, upstream }) => {
    for (const how of ['end', 'reset'] as const) {
      const peer = await client()
      peer.write('GET / HT')
      await turns(2)
      peer[how]()
    }
    await until(() => hub.closed.length === 2)
    t.strictSame(hub.closed, ['client_closed', 'client_reset'])
    t.equal(hub.started.length, 0)
    t.equal(upstream.count, 0)
  }),
)

for (const [how, reason] of [
  ['end', 'client_closed'],
  ['reset', 'client_reset'],
] as const) {
  void t.test(
    `a client that leaves inside a body (${how}): its upstream is reset`,
    onStage({}, async (t, { client, hub, upstream, host }) => {
      const peer = await client()
      peer.write(MOST)
      const there = await upstream.peer(0)
      t.equal(await there.take(MOST.length), MOST)
      peer[how]()
      t.equal(await there.takeEnd(), 'ECONNRESET')
      await until(() => hub.closed.length === 1)
      t.strictSame(told(hub), [`PUT aborted by client 0 ${MOST.length}/0`])
      t.strictSame(hub.closed, [reason])
      t.match(host(), { operationsActive: 0, connectionsIdle: 0 })
    }),
  )
}

void t.test(
  'a client that is reset while it waits: its upstream is reset, and the connection carries nothing more',
  onStage({}, async (t, { client, hub, upstream }) => {
    const peer = await client()
    peer.write(GET)
    const there = await upstream.peer(0)
    await there.takeHead()
    peer.reset()
    t.equal(await there.takeEnd(), 'ECONNRESET')
    t.strictSame(told(hub), [`GET aborted by client 0 ${GET.length}/0`])
    t.strictSame(hub.closed, ['client_reset'])
  }),
)

void t.test(
  'a client that is reset inside its reply',
  onStage({}, async (t, { client, hub, upstream }) => {
    const peer = await client()
    peer.write(GET)
    const there = await upstream.peer(0)
    there.write(HALF)
    await peer.take(HALF.length)
    peer.reset()
    t.equal(await there.takeEnd(), 'ECONNRESET')
    t.strictSame(told(hub), [`GET aborted by client 200 ${GET.length}/${HALF.length}`])
  }),
)

void t.test(
  'a client that ends its side behind its request gets the reply',
  onStage({}, async (t, { client, hub, upstream, host }) => {
    for (const request of [GET, PUT]) {
      const peer = await client()
      peer.end(request)
      const there = await upstream.peer(0)
      t.equal(await there.take(request.length), request)
      await turns(5)
      there.write(HALF)
      await peer.take(HALF.length + 'Connection: close\r\n'.length)
      there.write('efgh')
      t.equal(await peer.takeRest(), 'efgh')
    }
    await until(() => hub.closed.length === 2)
    t.strictSame(hub.closed, ['client_closed', 'client_closed'])
    t.ok(hub.ended.every(({ outcome }) => outcome?.kind === 'ok'))
    t.equal(host().connectionsIdle, 1)
  }),
)

void t.test(
  'one that ends its side inside the reply gets the rest of it',
  onStage({}, async (t, { client, hub, upstream }) => {
    const peer = await client()
    peer.write(GET)
    const there = await upstream.peer(0)
    there.write(HALF)
    await peer.take(HALF.length)
    peer.end()
    await turns(3)
    there.write('efgh')
    t.equal(await peer.takeRest(), 'efgh')
    await until(() => hub.closed.length === 1)
    t.strictSame(hub.closed, ['client_closed'])
  }),
)

// --- The upstream leaves.

for (const how of ['end', 'reset'] as const) {
  const phases = [
    ['inside the body of a request', MOST, '', 503],
    ['before the reply', GET, '', 503],
    ['inside the head of the reply', GET, 'HTTP/1.1 20', 503],
    ['behind a 1xx', GET, 'HTTP/1.1 103 Early Hints\r\n\r\n', 503],
  ] as const
  for (const [phase, request, said] of phases) {
    void t.test(
      `an upstream that leaves ${phase} (${how}) makes a 503`,
      onStage({}, async (t, { client, hub, upstream, host }) => {
        const peer = await client()
        peer.write(request)
        const there = await upstream.peer(0)
        await there.take(request.length)
        there.write(said)
        await until(() => host().bytesReceived === said.length)
        there[how]()
        if (said.includes('103')) t.match(await peer.takeHead(), '103')
        const isWhole = request === GET
        const answer = isWhole ? await peer.takeMessage() : await peer.takeRest()
        t.match(answer, /^HTTP\/1\.1 503 .*closed the connection before it answered\n$/s)
        t.equal(/Connection: close/.test(answer), !isWhole)
        t.match(told(hub)[0], ` aborted by server 0 ${request.length}/${said.length}`.replace(/\d+$/, ''))
        t.match(host(), { operationsFailed: 1, connectionsIdle: 0 })
        if (!isWhole) return
        peer.write(get('/next'))
        const other = await upstream.peer(1)
        await other.takeHead()
        other.write(ok())
        t.equal(await peer.takeMessage(), ok())
      }),
    )
  }

  const cut = [
    ['of a known length', HALF],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n'],
    ['inside its trailers', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n'],
  ] as const
  for (const [what, part] of cut) {
    void t.test(
      `an upstream that leaves inside a reply ${what} (${how}): the client is reset`,
      onStage({}, async (t, { client, hub, upstream, host }) => {
        const peer = await client()
        peer.write(GET)
        const there = await upstream.peer(0)
        await there.takeHead()
        there.write(part)
        await peer.until(() => peer.text.includes('\r\n\r\n'), 'the head')
        await turns(2)
        there[how]()
        t.equal(await peer.takeEnd(), 'ECONNRESET')
        await until(() => hub.closed.length === 1)
        t.match(told(hub)[0], 'GET aborted by server 200')
        t.strictSame(hub.closed, [how === 'end' ? 'upstream_closed' : 'upstream_reset'])
        t.match(host(), { operationsFailed: 1 })
      }),
    )
  }
}

void t.test(
  'a reply that only the end tells is not whole when a reset ended it',
  onStage({}, async (t, { client, hub, upstream }) => {
    const peer = await client()
    peer.write(GET)
    const there = await upstream.peer(0)
    await there.takeHead()
    there.write('HTTP/1.1 200 OK\r\n\r\npart')
    await peer.until(() => peer.text.endsWith('part'), 'the part')
    await turns(2)
    there.reset()
    t.equal(await peer.takeEnd(), 'ECONNRESET')
    t.match(told(hub)[0], 'GET aborted by server 200')
  }),
)

// --- Replies before the request is whole.

void t.test(
  'a reply that comes before the body ends: it is the last, and its upstream carries no other',
  onStage({}, async (t, { client, hub, upstream, host }) => {
    const peer = await client()
    peer.write(MOST)
    const there = await upstream.peer(0)
    await there.take(MOST.length)
    there.write('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno')
    t.equal(await peer.takeRest(), 'HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno')
    await there.takeEnd()
    peer.end(PUT.slice(-3))
    await until(() => hub.closed.length === 1)
    t.strictSame(told(hub), [`PUT command_error 413 ${MOST.length}/47`])
    t.strictSame(hub.closed, ['completed'])
    t.equal(host().connectionsIdle, 0)
  }),
)

void t.test(
  'a reply that begins before the body ends, and ends behind it',
  onStage({}, async (t, { client, hub, upstream, host }) => {
    const peer = await client()
    peer.write(MOST)
    const there = await upstream.peer(0)
    await there.take(MOST.length)
    there.write(HALF)
    await peer.until(() => peer.text.endsWith('abcd'), 'half')
    peer.write(PUT.slice(-3))
    t.equal(await there.take(3), PUT.slice(-3))
    there.write('efgh')
    t.match(await peer.takeRest(), /Connection: close\r\n\r\nabcdefgh$/)
    t.match(told(hub)[0], `PUT ok 200 ${PUT.length}/`)
    t.equal(host().connectionsIdle, 1)
  }),
)

void t.test(
  'an answer instead of a 100: the body that never comes is not waited for',
  onStage({}, async (t, { client, upstream }) => {
    const peer = await client()
    const head = 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n'
    peer.write(head)
    const there = await upstream.peer(0)
    t.equal(await there.takeHead(), head)
    there.write('HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n')
    t.match(await peer.takeRest(), /^HTTP\/1\.1 401 No\r\n.*Connection: close/s)
  }),
)

void t.test(
  'a whole request with a body and the end of its client, all at once, while its host is dialled',
  onStage({}, async (t, { client, upstream }) => {
    const peer = await client()
    peer.end(PUT)
    const there = await upstream.peer(0)
    t.equal(await there.take(PUT.length), PUT)
    there.write(ok())
    t.match(await peer.takeRest(), 'HTTP/1.1 200 OK')
  }),
)
