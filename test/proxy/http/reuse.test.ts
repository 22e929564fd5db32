import t from 'tap'
import { answering, get, ok, onStage, type Peer, post, type Stage, turns, until } from './stage.js'

const served = answering((request) => ok(/^\S+ (\S+)/.exec(request)?.[1]))

async function ask(peer: Peer, target: string): Promise<void> {
  peer.write(get(target))
  await peer.takeMessage()
}

/** The connection that carried a first request, waiting in the pool, and another client. */
async function pooled({ client, upstream, host }: Stage): Promise<{ there: Peer; next: Peer }> {
  const first = await client()
  first.write(get('/first'))
  const there = await upstream.peer(0)
  await there.takeHead()
  there.write(ok('first'))
  await first.takeMessage()
  await until(() => host().connectionsIdle === 1)
  return { there, next: await client() }
}

void t.test(
  'clients share the connections to hosts: as many as requests at once',
  onStage({ serve: served }, async (t, { client, upstream, host }) => {
    for (let i = 0; i < 20; i++) {
      const peer = await client()
      await ask(peer, `/${i}`)
      if (i % 2 === 0) peer.end()
    }
    t.equal(upstream.count, 1)
    t.match(host(), { connectionsTotal: 1, connectionsActive: 1, connectionsIdle: 1, operationsTotal: 20 })
  }),
)

void t.test(
  'a connection that carries a request carries no other',
  onStage({}, async (t, { client, upstream, host }) => {
    const [one, two] = [await client(), await client()]
    one.write(get('/1'))
    const first = await upstream.peer(0)
    await first.takeHead()
    two.write(get('/2'))
    const second = await upstream.peer(1)
    t.equal(await second.takeHead(), get('/2'))
    second.write(ok('2'))
    first.write(ok('1'))
    t.equal(await one.takeMessage(), ok('1'))
    t.equal(await two.takeMessage(), ok('2'))
    t.match(host(), { connectionsActive: 2, connectionsIdle: 2, operationsActive: 0 })
  }),
)

const behind = [
  ['another reply', ok('evil')],
  ['one byte', '\n'],
  ['a 1xx', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
] as const

for (const [what, bytes] of behind) {
  void t.test(
    `${what} behind a reply, in one piece with it, reaches nobody`,
    onStage({}, async (t, { client, upstream, host }) => {
      const peer = await client()
      peer.write(get('/1') + get('/2'))
      const there = await upstream.peer(0)
      await there.takeHead()
      there.write(ok('good') + bytes)
      t.equal(await peer.takeMessage(), ok('good'))
      t.equal(await there.takeEnd(), 'end')
      const other = await upstream.peer(1)
      t.equal(await other.takeHead(), get('/2'))
      other.write(ok('2'))
      t.equal(await peer.takeMessage(), ok('2'))
      t.match(host(), { connectionsActive: 1, connectionsIdle: 1 })
    }),
  )

  void t.test(
    `${what} on a connection that waits reaches nobody`,
    onStage({}, async (t, stage) => {
      const { there, next } = await pooled(stage)
      there.write(bytes)
      t.equal(await there.takeEnd(), 'end')
      next.write(get('/next'))
      const other = await stage.upstream.peer(1)
      t.equal(await other.takeHead(), get('/next'))
      other.write(ok('next'))
      t.equal(await next.takeMessage(), ok('next'))
      t.match(stage.host(), { connectionsActive: 1, connectionsIdle: 1 })
    }),
  )
}

void t.test(
  'a connection whose upstream closed it while it waited is not used, nor is one that was reset',
  onStage({}, async (t, stage) => {
    for (const [i, part] of (['end', 'reset'] as const).entries()) {
      const peer = await stage.client()
      peer.write(post('/x', 'body'))
      const there = await stage.upstream.peer(i)
      await there.takeMessage()
      there.write(ok())
      await peer.takeMessage()
      there[part]()
      await until(() => stage.host().connectionsActive === 0)
      t.equal(stage.host().connectionsIdle, 0)
    }
    t.equal(stage.cluster.stats.retriesTotal, 0)
  }),
)

void t.test(
  'max_requests_per_connection closes a connection behind so many replies',
  onStage({ serve: served, http: { max_requests_per_connection: 3 } }, async (t, { client, upstream, host }) => {
    const peer = await client()
    for (let i = 0; i < 9; i++) await ask(peer, `/${i}`)
    t.equal(upstream.count, 3)
    t.equal(host().connectionsIdle, 0)
  }),
)

void t.test(
  'max_idle_connections is how many of a host wait; the others close',
  onStage({ http: { max_idle_connections: 2 } }, async (t, { client, upstream, host }) => {
    const peers = await Promise.all(Array.from({ length: 5 }, () => client()))
    for (const [i, peer] of peers.entries()) {
      peer.write(get(`/${i}`))
      await (await upstream.peer(i)).takeHead()
    }
    for (let i = 0; i < 5; i++) (await upstream.peer(i)).write(ok())
    for (const peer of peers) await peer.takeMessage()
    t.match(host(), { connectionsIdle: 2 })
    await until(() => host().connectionsActive === 2)
  }),
)

void t.test(
  'none wait when none may',
  onStage({ serve: served, http: { max_idle_connections: 0 } }, async (t, { client, upstream, host }) => {
    const peer = await client()
    await ask(peer, '/1')
    await ask(peer, '/2')
    t.equal(upstream.count, 2)
    t.equal(host().connectionsIdle, 0)
  }),
)

void t.test(
  'upstream_idle_timeout closes what has waited so long, and not what was used since',
  onStage({ http: { upstream_idle_timeout: '10s' } }, async (t, stage) => {
    const [one, two] = [await stage.client(), await stage.client()]
    one.write(get())
    two.write(get())
    const [first, second] = [await stage.upstream.peer(0), await stage.upstream.peer(1)]
    first.write(ok())
    await one.takeMessage()
    second.write(ok())
    await two.takeMessage()
    await stage.pass(6_000)
    // The one that rested last is taken first.
    one.write(get())
    await second.until(() => second.text === get() + get(), 'the next request')
    second.write(ok())
    await one.takeMessage()
    await stage.pass(5_000)
    t.equal(await first.takeEnd(), 'end')
    t.equal(second.ended, '')
    t.match(stage.host(), { connectionsIdle: 1, connectionsActive: 1 })
    await stage.pass(6_000)
    t.equal(await second.takeEnd(), 'end')
    t.match(stage.host(), { connectionsIdle: 0, connectionsActive: 0 })
  }),
)

const hints = [
  ['timeout=5', 4_000],
  ['timeout=5, max=100', 4_000],
  ['max=100,  timeout=7', 6_000],
  ['timeout=1', 0],
  ['timeout=600', 20_000],
  ['timeout="5"', 20_000],
  ['xtimeout=5', 20_000],
] as const

for (const [hint, keptMs] of hints) {
  void t.test(
    `Keep-Alive: ${hint} is ${keptMs === 20_000 ? 'no reason to close earlier' : `known to mean ${keptMs} ms`}`,
    onStage({ http: { upstream_idle_timeout: '20s' } }, async (t, { client, upstream, pass, host }) => {
      const peer = await client()
      peer.write(get())
      const there = await upstream.peer(0)
      there.write(`HTTP/1.1 200 OK\r\nKeep-Alive: ${hint}\r\nContent-Length: 0\r\n\r\n`)
      t.equal(await peer.takeHead(), ok())
      if (keptMs > 1_000) {
        await pass(keptMs - 1_000)
        t.equal(host().connectionsIdle, 1)
      }
      await pass(2_000)
      t.equal(await there.takeEnd(), 'end')
      t.equal(host().connectionsIdle, 0)
    }),
  )
}

void t.test(
  'a connection is not kept while the upstream has not taken the whole request',
  onStage({}, async (t, { client, upstream, host }) => {
    const peer = await client()
    const there = await upstream.peer.bind(upstream)
    const body = 'x'.repeat(8_000_000)
    peer.write(post('/big', body))
    const first = await there(0)
    first.socket.pause()
    first.write(ok())
    await peer.takeHead()
    await turns(3)
    t.equal(host().connectionsIdle, 0)
  }),
)
