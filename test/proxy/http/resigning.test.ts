import { createHash } from 'node:crypto'
import t from 'tap'
import type { HttpSigner } from '../../../src/core/http.js'
import { get, ok, onStage, post, told, turns, until } from './stage.js'

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Signs with the hash alone; `hold` lets a test decide when, and how. */
class FakeSigner implements HttpSigner {
  readonly maxBodyBytes = 100
  isAllowed = true
  readonly asked: string[] = []
  readonly #sign: () => Promise<void>

  constructor(sign: () => Promise<void> = () => Promise.resolve()) {
    this.#sign = sign
  }

  readonly allows = (client: string): boolean => this.isAllowed && client === '127.0.0.1'

  declaredHash: HttpSigner['declaredHash'] = ({ headers }) => headers.get('x-hash')

  async sign(_head: unknown, bodyHash: string) {
    this.asked.push(bodyHash)
    await this.#sign()
    return {
      drop: ['authorization', 'host'],
      add: [
        ['Host', 'b'],
        ['Authorization', `signed ${bodyHash}`],
      ] as const,
    }
  }
}

const signed = (method: string, body: string, fields = ''): string =>
  `${method} / HTTP/1.1\r\nContent-Length: ${body.length}\r\n${fields}Host: b\r\nAuthorization: signed ${hashOf(body)}\r\n\r\n${body}`

const AUTH = 'Authorization: mine\r\n'

void t.test('a body without a declared hash is gathered, and sent behind its signed head', async (t) => {
  const signer = new FakeSigner()
  await onStage({ signer }, async (t, { client, upstream, hub }) => {
    const peer = await client()
    for (const body of ['hello', 'x'.repeat(100)]) {
      await peer.writeCut([...post('/', body, AUTH)].map((byte) => Buffer.from(byte)))
      const there = await upstream.peer(0)
      t.equal(await there.takeMessage(), signed('POST', body))
      there.write(ok('1'))
      t.equal(await peer.takeMessage(), ok('1'))
    }
    t.equal(hub.ended[1]?.requestBytes, post('/', 'x'.repeat(100), AUTH).length)
  })(t)
  t.strictSame(signer.asked, [hashOf('hello'), hashOf('x'.repeat(100))])
})

void t.test(
  'chunks are gathered with their framing, the hash is of what they carry',
  onStage({ signer: new FakeSigner() }, async (t, { client, upstream }) => {
    const peer = await client()
    const body = '3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n'
    peer.write(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`)
    const there = await upstream.peer(0)
    const head = `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: b\r\nAuthorization: signed ${hashOf('abcde')}\r\n\r\n`
    t.equal(await there.take(head.length + body.length), head + body)
    there.write(ok())
    await peer.takeMessage()
  }),
)

void t.test(
  'a request without a body is signed at once, and those sent ahead wait',
  onStage({ signer: new FakeSigner() }, async (t, { client, upstream }) => {
    const peer = await client()
    peer.write(get('/') + get('/2'))
    const there = await upstream.peer(0)
    const head = `GET / HTTP/1.1\r\nHost: b\r\nAuthorization: signed ${hashOf('')}\r\n\r\n`
    t.equal(await there.takeHead(), head)
    await turns(3)
    t.equal(there.text, '')
    there.write(ok())
    await peer.takeMessage()
    t.match(await there.takeHead(), 'GET /2 HTTP/1.1')
    there.write(ok())
    await peer.takeMessage()
  }),
)

void t.test('with a declared hash the head goes out before the body is there', async (t) => {
  await onStage({ signer: new FakeSigner() }, async (t, { client, upstream }) => {
    const peer = await client()
    const body = 'y'.repeat(5_000)
    const fields = `x-hash: ${hashOf(body)}\r\n`
    const request = post('/', body, fields)
    peer.write(request.slice(0, -4_000))
    const there = await upstream.peer(0)
    const expected = signed('POST', body, fields)
    t.equal(await there.take(expected.length - 4_000), expected.slice(0, -4_000))
    peer.write(request.slice(-4_000))
    t.equal(await there.take(4_000), expected.slice(-4_000))
    there.write(ok())
    t.equal(await peer.takeMessage(), ok())
  })(t)
})

for (const [name, body, framed] of [
  ['of a known length', 'y'.repeat(500), 'y'.repeat(500)],
  ['in chunks', 'abc', '3\r\nabc\r\n0\r\n\r\n'],
] as const) {
  for (const isCut of [true, false]) {
    void t.test(
      `a body ${name} that is not what was declared never gets to its end (${isCut ? 'cut' : 'whole'})`,
      onStage({ signer: new FakeSigner() }, async (t, { client, upstream, hub, host }) => {
        const peer = await client()
        const fields = `x-hash: ${hashOf('another')}\r\n`
        const request =
          framed === body
            ? post('/', body, fields)
            : `POST / HTTP/1.1\r\nHost: a\r\n${fields}Transfer-Encoding: chunked\r\n\r\n${framed}`
        if (isCut) await peer.writeCut([Buffer.from(request.slice(0, -2)), Buffer.from(request.slice(-2))])
        else peer.write(request)
        const answer = await peer.takeRest()
        t.match(answer, /^HTTP\/1\.1 400 .*Connection: close.*x-amz-content-sha256/s)
        const there = await upstream.peer(0)
        t.equal(await there.takeEnd(), 'ECONNRESET')
        t.notOk(there.text.endsWith(framed), 'the last byte is missing')
        t.match(told(hub)[0], 'POST refused 0')
        t.equal(hub.ended[0]?.outcome?.code, 400)
        t.equal(host().connectionsIdle, 0)
      }),
    )
  }
}

void t.test(
  'no body where another was declared is refused, too',
  onStage({ signer: new FakeSigner() }, async (t, { client, upstream }) => {
    const peer = await client()
    peer.write(get('/', `x-hash: ${hashOf('another')}\r\n`))
    t.match(await peer.takeRest(), /^HTTP\/1\.1 400 /)
    t.equal(upstream.count, 0)
  }),
)

void t.test(
  'a body that is not what was declared, behind an early reply: the client is reset',
  onStage({ signer: new FakeSigner() }, async (t, { client, upstream }) => {
    const peer = await client()
    const request = post('/', 'body', `x-hash: ${hashOf('another')}\r\n`)
    peer.write(request.slice(0, -1))
    const there = await upstream.peer(0)
    await there.takeHead()
    there.write('HTTP/1.1 200 OK\r\n\r\npart')
    await peer.until(() => peer.text.endsWith('part'), 'the part')
    peer.write(request.slice(-1))
    t.equal(await peer.takeEnd(), 'ECONNRESET')
  }),
)

void t.test(
  'Expect: 100-continue of a gathered body is answered here, and goes no further',
  onStage({ signer: new FakeSigner() }, async (t, { client, upstream }) => {
    const peer = await client()
    const request = post('/', 'hello', 'Expect: 100-continue\r\n')
    peer.write(request.slice(0, -5))
    t.equal(await peer.takeHead(), 'HTTP/1.1 100 Continue\r\n\r\n')
    t.equal(upstream.count, 0)
    peer.write('hello')
    const there = await upstream.peer(0)
    t.equal(await there.takeMessage(), signed('POST', 'hello'))
    there.write(ok())
    t.equal(await peer.takeMessage(), ok())
  }),
)

const large = [
  ['by its length', post('/', 'x'.repeat(101)).slice(0, -101)],
  ['by its length, with an expectation', post('/', 'x'.repeat(101), 'Expect: 100-continue\r\n').slice(0, -101)],
  [
    'by what came of it',
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${'8\r\nabcdefgh\r\n'.repeat(8)}`,
  ],
] as const

for (const [how, request] of large) {
  void t.test(
    `a body that is too large to gather, ${how}, is refused with 413`,
    onStage({ signer: new FakeSigner() }, async (t, { client, upstream, hub }) => {
      const peer = await client()
      peer.write(request)
      t.match(await peer.takeRest(), /^HTTP\/1\.1 413 .*Connection: close/s)
      t.equal(upstream.count, 0)
      t.match(told(hub)[0], 'POST refused 0')
    }),
  )
}

void t.test('no credentials: 503, and the client goes on', async (t) => {
  const signer = new FakeSigner(() => Promise.reject(new Error('no credentials')))
  await onStage({ signer }, async (t, { client, hub, logger }) => {
    const peer = await client()
    for (let i = 0; i < 2; i++) {
      peer.write(post('/', 'body'))
      const answer = await peer.takeMessage()
      t.match(answer, /^HTTP\/1\.1 503 .*could not be signed/s)
      t.notMatch(answer, 'no credentials')
      t.notMatch(answer, 'Connection: close')
    }
    t.equal(hub.ended.length, 2)
    t.match(logger.lines, [{ fields: { reason: 'no credentials' } }])
  })(t)
})

void t.test('a client that leaves while its request is signed takes it along', async (t) => {
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const signer = new FakeSigner(() => held)
  await onStage({ signer }, async (t, { client, hub, upstream, cluster }) => {
    const peer = await client()
    peer.write(post('/', 'body'))
    await until(() => signer.asked.length === 1)
    t.equal(cluster.stats.requestsActive, 1)
    peer.reset()
    await hub.line('closed')
    release()
    await turns(5)
    t.equal(upstream.count, 0)
    t.match(told(hub), [/^POST aborted by client 0/])
  })(t)
})

void t.test('a signature that never comes is a host that does not answer', async (t) => {
  const signer = new FakeSigner(() => new Promise(() => undefined))
  await onStage({ signer, http: { stream_idle_timeout: '10s' } }, async (t, { client, pass, hub }) => {
    const peer = await client()
    peer.write(post('/', 'body'))
    await until(() => signer.asked.length === 1)
    await pass(12_000)
    t.match(await peer.takeMessage(), /^HTTP\/1\.1 504 /)
    t.match(told(hub), [/^POST aborted by proxy 0/])
  })(t)
})

void t.test('a client that may not use the credentials is let go without a word', async (t) => {
  const signer = new FakeSigner()
  signer.isAllowed = false
  await onStage({ signer }, async (t, { client, hub, listener }) => {
    const peer = await client()
    t.not(await peer.takeEnd(), '')
    t.equal(peer.text, '')
    peer.end()
    await until(() => listener.stats.connectionsActive === 0)
    t.strictSame(hub.lines, ['opened', 'closed client_not_allowed'])
  })(t)
})

void t.test(
  'a signed request is sent again as it was',
  onStage({ signer: new FakeSigner() }, async (t, { client, upstream, cluster }) => {
    const peer = await client()
    peer.write(get('/'))
    const there = await upstream.peer(0)
    await there.takeHead()
    there.write(ok())
    await peer.takeMessage()
    peer.write(post('/', 'hello').replace('POST', 'PUT'))
    t.equal(await there.takeMessage(), signed('PUT', 'hello'))
    there.end()
    const other = await upstream.peer(1)
    t.equal(await other.takeMessage(), signed('PUT', 'hello'))
    other.write(ok())
    await peer.takeMessage()
    t.equal(cluster.stats.retriesTotal, 1)
  }),
)
