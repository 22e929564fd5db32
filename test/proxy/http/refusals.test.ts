import t from 'tap'
import { get, ok, onStage, put, told, turns, until } from './stage.js'

const CHUNKED = 'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'

const heads: readonly (readonly [status: number, reason: string, request: string])[] = [
  [400, 'missing_host', 'GET / HTTP/1.1\r\n\r\n'],
  [
    400,
    'length_and_coding',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  [400, 'multiple_content_length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx'],
  [400, 'bare_lf', 'GET / HTTP/1.1\nHost: a\n\n'],
  [400, 'obs_fold', 'GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n'],
  [400, 'protected_option', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Authorization\r\n\r\n'],
  [400, 'tls_on_plain_port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  [505, 'http2_preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  [501, 'upgrade', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'],
  [501, 'connect_method', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n'],
  [417, 'unknown_expectation', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n'],
  [431, 'too_many_fields', `GET / HTTP/1.1\r\nHost: a\r\n${'A: b\r\n'.repeat(101)}\r\n`],
]

for (const [status, reason, request] of heads) {
  void t.test(
    `${reason} is answered with ${status}, and nobody hears of it`,
    onStage({}, async (t, { client, hub, upstream, listener, logger }) => {
      const peer = await client()
      peer.write(request)
      const answer = await peer.takeRest()
      t.ok(answer.startsWith(`HTTP/1.1 ${status} `), answer)
      t.match(answer, `(${reason})\n`)
      t.match(answer, 'Connection: close')
      peer.end()
      await until(() => hub.closed.length === 1)
      t.strictSame(hub.lines, ['opened', `lost request ${reason}`, 'closed undecodable'])
      t.match(logger.lines, [{ level: 'warn', fields: { code: 'OPL_HTTP', reason, direction: 'request' } }])
      t.equal(upstream.count, 0)
      t.equal(listener.stats.bytesSent, answer.length)
    }),
  )
}

const bodies: readonly (readonly [reason: string, start: string, rest: string])[] = [
  ['invalid_chunk_size', `${CHUNKED}3\r\nabc\r\n`, 'x\r\n'],
  ['missing_chunk_end', `${CHUNKED}3\r\nab`, 'cd\r\n0\r\n\r\n'],
  ['forbidden_trailer', `${CHUNKED}3\r\nabc\r\n0\r\n`, 'Content-Length: 3\r\n\r\n'],
  ['bare_lf', `${CHUNKED}3\r\nabc\r\n0\r\n`, '\n'],
]

for (const [reason, start, rest] of bodies) {
  for (const cut of [true, false]) {
    void t.test(
      `${reason} in a body, ${cut ? 'after some of it went out' : 'all at once'}: nothing is completed upstream`,
      onStage({}, async (t, { client, hub, upstream }) => {
        const peer = await client()
        peer.write(cut ? start : start + rest)
        const there = await upstream.peer(0)
        if (cut) {
          t.equal(await there.take(start.length), start)
          peer.write(rest)
        }
        const answer = await peer.takeRest()
        t.match(answer, /^HTTP\/1\.1 400 /)
        t.match(answer, `(${reason})\n`)
        await there.takeEnd()
        t.ok(start.startsWith(there.text), there.text)
        t.equal(hub.ended.length, 1)
        t.match(told(hub)[0], 'POST aborted by proxy 0 ')
        t.ok(hub.lines.includes(`lost request ${reason}`))
      }),
    )
  }
}

void t.test(
  'a refused body behind an early reply resets: a reply that only its end tells is not taken for whole',
  onStage({}, async (t, { client, hub, upstream }) => {
    const peer = await client()
    peer.write(`${CHUNKED}3\r\nabc\r\n`)
    const there = await upstream.peer(0)
    await there.take(`${CHUNKED}3\r\nabc\r\n`.length)
    there.write('HTTP/1.1 200 OK\r\n\r\npart of')
    await peer.until(() => peer.text.endsWith('part of'), 'the part')
    peer.write('x\r\n')
    t.equal(await peer.takeEnd(), 'ECONNRESET')
    await there.takeEnd()
    t.match(told(hub)[0], 'POST aborted by proxy 200')
  }),
)

const replies: readonly (readonly [reason: string, reply: string])[] = [
  ['invalid_status_line', 'SSH-2.0-OpenSSH\r\n\r\n'],
  ['length_and_coding', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['multiple_content_length', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc'],
  ['upgrade_reply', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
  ['bare_lf', 'HTTP/1.1 200 OK\nContent-Length: 3\n\nabc'],
  ['length_without_body', 'HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\n\r\n'],
  ['head_too_large', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`],
]

for (const [reason, reply] of replies) {
  void t.test(
    `a reply refused as ${reason} makes a 502, and the client goes on`,
    onStage({}, async (t, { client, hub, upstream, host }) => {
      const peer = await client()
      peer.write(get('/1') + get('/2'))
      const there = await upstream.peer(0)
      await there.takeHead()
      there.write(reply)
      const answer = await peer.takeMessage()
      t.match(answer, /^HTTP\/1\.1 502 /)
      t.match(answer, `(${reason})\n`)
      await there.takeEnd()
      const other = await upstream.peer(1)
      await other.takeHead()
      other.write(ok())
      t.equal(await peer.takeMessage(), ok())
      t.match(told(hub)[0], 'GET aborted by server 0')
      t.ok(hub.lines.includes(`lost reply ${reason}`))
      t.match(host(), { operationsFailed: 1, connectionsActive: 1 })
    }),
  )
}

void t.test(
  'a 502 to HEAD has no body',
  onStage({}, async (t, { client, upstream }) => {
    const peer = await client()
    peer.write(get('/1').replace('GET', 'HEAD') + get('/2'))
    const there = await upstream.peer(0)
    await there.takeHead()
    there.write('nonsense\r\n\r\n')
    t.match(await peer.takeHead(), /^HTTP\/1\.1 502 /)
    const other = await upstream.peer(1)
    other.write(ok())
    t.equal(await peer.takeMessage(), ok())
  }),
)

void t.test(
  'a 502 to a request that is still being sent closes',
  onStage({}, async (t, { client, upstream }) => {
    const peer = await client()
    const request = put('/', 'x'.repeat(1_000))
    peer.write(request.slice(0, 500))
    const there = await upstream.peer(0)
    await there.take(500)
    there.write('nonsense\r\n\r\n')
    t.match(await peer.takeRest(), /^HTTP\/1\.1 502 .*Connection: close/s)
  }),
)

for (const [reason, reply] of [
  ['invalid_chunk_size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n!'],
  ['forbidden_trailer', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nSet-Cookie: a\r\n\r\n'],
] as const) {
  for (const isWhole of [true, false]) {
    void t.test(
      `a reply refused as ${reason} behind its head resets the client (${isWhole ? 'in one piece' : 'in two'})`,
      onStage({}, async (t, { client, hub, upstream }) => {
        const peer = await client()
        peer.write(get())
        const there = await upstream.peer(0)
        await there.takeHead()
        const at = isWhole ? reply.length : reply.indexOf('\r\n\r\n') + 4
        there.write(reply.slice(0, at))
        if (!isWhole) {
          await peer.until(() => peer.text.endsWith('\r\n\r\n'), 'the head')
          there.write(reply.slice(at))
        }
        t.equal(await peer.takeEnd(), 'ECONNRESET')
        await until(() => hub.closed.length === 1)
        t.match(told(hub)[0], `GET aborted by server 200 ${get().length}/`)
        t.strictSame(hub.closed, ['undecodable'])
      }),
    )
  }
}

void t.test(
  'a client that is refused and still sends is heard out: no reset takes the answer from it',
  onStage({}, async (t, { client, hub, pass }) => {
    const peer = await client()
    peer.write('GET / HTTP/1.1\r\n\r\n')
    for (let i = 0; i < 50; i++) peer.write('x'.repeat(10_000))
    t.match(await peer.takeRest(), /^HTTP\/1\.1 400 /)
    for (let i = 0; i < 50; i++) peer.write('x'.repeat(10_000))
    await turns(10)
    t.equal(hub.closed.length, 0)
    await pass(2_000)
    t.strictSame(hub.closed, ['undecodable'])
  }),
)
