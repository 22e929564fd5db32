import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { TcpCodec } from '../../src/core/codec.js'
import { FakeClock } from '../support/fake-clock.js'
import { dial, heardEnd, howItEnds, readBytes, startStub } from '../support/stub-tcp.js'
import { lineCodec, NEVER_HOLDS, type ProxyWant, type RunningProxy, startProxy } from './harness.js'

/** Turns of the loop, for claims that nothing happens. */
async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** A proxy before a server that says only what the test says, and a client that has sent `request`. */
async function start(t: Test, want: Omit<Partial<ProxyWant>, 'codec'> & { codec?: TcpCodec | undefined } = {}) {
  const stub = await startStub(() => undefined)
  t.teardown(() => stub.close())
  const clock = new FakeClock()
  const codec = 'codec' in want ? want.codec : lineCodec
  const proxy = await startProxy(t, { hosts: [stub.address], clock, ...want, codec })
  let opened = 0
  const open = async (request: string): Promise<{ client: Socket; server: Socket }> => {
    const client = await dial(proxy)
    t.teardown(() => client.destroy())
    const server = await stub.socket(opened++)
    client.write(request)
    await readBytes(server, request.length)
    return { client, server }
  }
  return { stub, clock, proxy, open }
}

/** As drivers do: an end is answered with an end. */
function endWhenEnded(...sockets: Socket[]): void {
  for (const socket of sockets) {
    socket.on('end', () => socket.end())
    socket.resume()
  }
}

const closings = ({ hub }: RunningProxy): string[] => hub.lines.filter((line) => line.startsWith('closed'))

t.test('operations of a session are counted on the connection and the host, and told to the observers', async (t) => {
  const { proxy, open } = await start(t)
  const { client, server } = await open('hello\nfind\n')
  server.write('ok\nok\n')
  await proxy.hub.line('ended find')
  t.strictSame(proxy.hub.lines, ['opened', 'started hello', 'started find', 'ended hello ok', 'ended find ok'])
  const info = [...proxy.listener.connections][0]
  t.match(info, { operations: 2, bytesReceived: 11, bytesSent: 6, cluster: 'shop', listener: 'front' })
  t.match(info?.host?.stats, {
    operationsTotal: 2,
    operationsActive: 0,
    operationsFailed: 0,
    bytesSent: 11,
    bytesReceived: 6,
  })
  client.destroy()
})

t.test(
  'a server that dies mid-reply: the client sees the close, its operations are aborted by the server',
  async (t) => {
    const { proxy, open } = await start(t)
    const { client, server } = await open('find\n')
    server.write('half a rep')
    t.equal(await readBytes(client, 10), 'half a rep')
    server.destroy()
    await heardEnd(client)
    t.equal(await proxy.hub.line('ended'), 'ended find aborted server')
    client.destroy()
    t.equal(await proxy.hub.line('closed'), 'closed upstream_closed')
    t.match(proxy.manager.get('shop')?.hosts.all[0]?.stats, {
      operationsActive: 0,
      operationsFailed: 1,
      connectionsActive: 0,
    })
  },
)

t.test(
  'a client that dies mid-request: the server sees the close, its operations are aborted by the client',
  async (t) => {
    for (const kill of ['destroy', 'resetAndDestroy'] as const) {
      const { proxy, open } = await start(t)
      const { client, server } = await open('find\nhalf a requ')
      const ending = howItEnds(server)
      server.on('end', () => server.end())
      client[kill]()
      t.equal(await ending, kill === 'destroy' ? 'closed' : 'ECONNRESET')
      t.equal(await proxy.hub.line('ended'), 'ended find aborted client')
      t.equal(await proxy.hub.line('closed'), kill === 'destroy' ? 'closed client_closed' : 'closed client_reset')
    }
  },
)

t.test('lost framing is told once, ends what was open as unknown, and bytes go on', async (t) => {
  const { proxy, open } = await start(t)
  const { client, server } = await open('find\ngarbage\n')
  client.write('more\ngarbage\n')
  t.equal(await readBytes(server, 13), 'more\ngarbage\n')
  server.write('garbage\n')
  t.equal(await readBytes(client, 8), 'garbage\n')
  t.strictSame(proxy.hub.lines, ['opened', 'started find', 'lost request bad_length', 'ended find unknown'])
  t.match(proxy.logger.lines, [
    { level: 'warn', fields: { listener: 'front', code: 'OPL_DECODE', reason: 'bad_length' } },
  ])
  t.equal(proxy.logger.lines.length, 1)
  client.destroy()
})

t.test('lost framing closes the connection where the listener says so', async (t) => {
  const { proxy, open } = await start(t, { listener: { on_decode_error: 'close' } })
  const { client, server } = await open('find\n')
  endWhenEnded(client, server)
  server.write('garbage\n')
  t.equal(await proxy.hub.line('closed'), 'closed undecodable')
  t.strictSame(proxy.hub.lines.slice(2), ['lost reply bad_length', 'ended find unknown', 'closed undecodable'])
})

t.test('a codec that fails on its own costs its decoding and one line a second, never the process', async (t) => {
  const { proxy, open } = await start(t)
  for (let i = 0; i < 2; i++) {
    const { client, server } = await open('find\nbug\n')
    server.write('still here')
    t.equal(await readBytes(client, 10), 'still here')
    client.destroy()
    server.destroy()
  }
  await proxy.hub.line('closed', 2)
  t.equal(proxy.hub.lines.filter((line) => line === 'lost request internal_error').length, 2)
  t.equal(proxy.logger.lines.length, 1)
  t.match(proxy.logger.lines[0], { level: 'error', fields: { listener: 'front', err: TypeError } })
})

t.test('a codec that fails while opening or ending leaves the bytes and the host’s counts alone', async (t) => {
  const noOpen: TcpCodec = {
    open: () => {
      throw new Error('no session')
    },
  }
  const noEnd: TcpCodec = {
    open: (context) => {
      const session = lineCodec.open(context)
      const end = () => {
        throw new Error('no end')
      }
      return { push: session.push.bind(session), end, inFlight: 0, ...NEVER_HOLDS, isMonitor: false }
    },
  }
  for (const codec of [noOpen, noEnd]) {
    const { proxy, open } = await start(t, { codec })
    const { client, server } = await open('find\n')
    server.write('reply')
    t.equal(await readBytes(client, 5), 'reply')
    client.resetAndDestroy()
    t.equal(await proxy.hub.line('closed'), 'closed client_reset')
    t.match(proxy.manager.get('shop')?.hosts.all[0]?.stats, { operationsActive: 0, connectionsActive: 0 })
    t.equal(proxy.logger.lines.length, 1)
  }
})

t.test('a client that ends without a word while its upstream is dialled has left', async (t) => {
  const { proxy, stub } = await start(t, { cluster: { tls: {} } })
  const client = await dial(proxy)
  const server = await stub.socket(0)
  client.end()
  await heardEnd(server)
  t.equal(await proxy.hub.line('closed'), 'closed client_closed')
  client.destroy()
})

t.test('an operation that takes long is not idle', async (t) => {
  const { proxy, open, clock } = await start(t, { listener: { idle_timeout: '10s' } })
  const { client, server } = await open('find\n')
  endWhenEnded(client, server)
  clock.advance(60_000)
  await someTurns()
  t.strictSame(closings(proxy), [])
  server.write('ok\n')
  await proxy.hub.line('ended find')
  clock.advance(10_000)
  t.equal(await proxy.hub.line('closed'), 'closed idle_timeout')
})

t.test(
  'drain: idle connections end at once, busy ones with their last reply, monitors last, nothing is cut',
  async (t) => {
    const { proxy, open } = await start(t)
    const idle = await open('find\n')
    idle.server.write('ok\n')
    await readBytes(idle.client, 3)
    const busy = await open('find\nfind\n')
    const monitor = await open('hello\nwait\n')
    monitor.server.write('ok\n')
    await readBytes(monitor.client, 3)
    for (const { client, server } of [idle, busy, monitor]) endWhenEnded(client, server)

    const draining = proxy.listener.drain(30_000)
    await t.rejects(dial(proxy), { code: 'ECONNREFUSED' }, 'nobody is accepted any more')
    await proxy.hub.line('closed drained')
    busy.server.write('ok\n')
    await proxy.hub.line('ended find ok', 2)
    await someTurns()
    t.equal(proxy.hub.lines.at(-1), 'ended find ok', 'one reply is still awaited, the monitor still stands')
    t.equal(closings(proxy).length, 1)
    const lastReply = readBytes(busy.client, 3)
    busy.server.write('ok\n')
    t.equal(await lastReply, 'ok\n', 'the last reply arrives before the end')
    t.strictSame(await draining, { cut: 0 })
    t.strictSame(closings(proxy), ['closed drained', 'closed drained', 'closed drained'])
    t.equal(proxy.hub.lines.at(-2), 'ended wait aborted proxy', 'the monitor went last')
    t.match(proxy.listener.stats, { connectionsActive: 0 })
  },
)

t.test('retire: monitors end at once, so that drivers give up their pools; others with their last reply', async (t) => {
  const { proxy, open } = await start(t)
  const busy = await open('find\n')
  const monitor = await open('hello\nwait\n')
  monitor.server.write('ok\n')
  await readBytes(monitor.client, 3)
  for (const { client, server } of [busy, monitor]) endWhenEnded(client, server)

  proxy.listener.retire(() => true, 'primary_changed')
  t.equal(await proxy.hub.line('closed'), 'closed primary_changed')
  t.ok(proxy.hub.lines.includes('ended wait aborted proxy'), 'the monitor is gone')
  await someTurns()
  t.equal(closings(proxy).length, 1, 'an operation in flight goes on')
  const lastReply = readBytes(busy.client, 3)
  busy.server.write('ok\n')
  t.equal(await lastReply, 'ok\n', 'the last reply arrives before the end')
  await proxy.hub.line('closed primary_changed', 2)
})

t.test('retire: an idle connection has a moment to speak, and what it says is answered before its end', async (t) => {
  const { proxy, open, clock } = await start(t)
  const talking = await open('find\n')
  const silent = await open('find\n')
  for (const { server } of [talking, silent]) server.write('ok\n')
  await proxy.hub.line('ended find ok', 2)
  for (const { client, server } of [talking, silent]) endWhenEnded(client, server)

  proxy.listener.retire(() => true, 'primary_changed')
  const { waiting } = clock
  proxy.listener.retire(() => true, 'primary_changed')
  t.equal(clock.waiting, waiting, 'those that are leaving are not told again')
  clock.advance(99)
  await someTurns()
  t.strictSame(closings(proxy), [], 'nobody has spoken and nobody is cut')
  const reply = readBytes(talking.client, 3)
  talking.client.write('update\n')
  await readBytes(talking.server, 7)
  talking.server.write('ok\n')
  t.equal(await reply, 'ok\n')
  t.equal(await proxy.hub.line('closed'), 'closed primary_changed')
  t.ok(proxy.hub.lines.includes('ended update ok'))
  clock.advance(1)
  await proxy.hub.line('closed primary_changed', 2)
  t.equal(clock.waiting, 0)
})

t.test('drain: at the deadline the rest is cut, and only what lost something is counted', async (t) => {
  const { proxy, open, clock } = await start(t)
  const busy = await open('find\n')
  const monitor = await open('hello\nwait\n')
  monitor.server.write('ok\n')
  await readBytes(monitor.client, 3)
  const endings = Promise.all([heardEnd(busy.client), heardEnd(monitor.client), heardEnd(busy.server)])
  const draining = proxy.listener.drain(5_000)
  clock.advance(4_999)
  await someTurns()
  t.strictSame(closings(proxy), [])
  clock.advance(1)
  t.strictSame(await draining, { cut: 1 })
  await endings
  t.ok(proxy.hub.lines.includes('ended find aborted proxy'))
  t.strictSame(closings(proxy).sort(), ['closed drain_deadline', 'closed drained'])
  t.equal(clock.waiting, 0)
})

t.test('drain: a second one can only shorten the first', async (t) => {
  const { proxy, open, clock } = await start(t)
  await open('find\n')
  const first = proxy.listener.drain(30_000)
  const second = proxy.listener.drain(1_000)
  clock.advance(1_000)
  t.strictSame(await Promise.all([first, second]), [{ cut: 1 }, { cut: 1 }])
})

t.test('drain: connections without a codec have until the deadline', async (t) => {
  const { proxy, open, clock } = await start(t, { codec: undefined })
  const done = await open('question')
  const lasting = await open('more')
  endWhenEnded(done.server, lasting.server)
  const draining = proxy.listener.drain(5_000)
  lasting.client.write('still talking')
  await readBytes(lasting.server, 13)
  done.client.end()
  t.equal(await proxy.hub.line('closed'), 'closed client_closed')
  await someTurns()
  t.equal(closings(proxy).length, 1)
  clock.advance(5_000)
  t.strictSame(await draining, { cut: 1 })
  t.equal(closings(proxy)[1], 'closed drain_deadline')
})

t.test('drain: a peer that never answers the end is closed a moment later', async (t) => {
  const { proxy, open, clock } = await start(t)
  const { client, server } = await open('find\n')
  server.write('ok\n')
  await readBytes(client, 3)
  const draining = proxy.listener.drain(30_000)
  await heardEnd(client)
  clock.advance(999)
  await someTurns()
  t.strictSame(closings(proxy), [])
  clock.advance(1)
  t.strictSame(await draining, { cut: 0 })
  t.strictSame(closings(proxy), ['closed drained'])
})

/** A client that reads nothing, with nothing in flight, when the kernel and the proxy hold all that they can for it. */
async function openSlowReader({ proxy, open }: Awaited<ReturnType<typeof start>>) {
  const { client, server } = await open('hello\n')
  const sent = Buffer.from('0123456789abcdef'.repeat(1_000_000))
  sent.write('ok\n')
  client.pause()
  endWhenEnded(server)
  server.write(sent)
  while (proxy.listener.stats.readingPaused === 0) await new Promise((resolve) => setImmediate(resolve))
  const forwarded = sent.subarray(0, proxy.listener.stats.bytesSent)
  const readRest = async () => {
    const got: Buffer[] = []
    client.on('data', (chunk: Buffer) => got.push(chunk))
    await heardEnd(client)
    client.end()
    return Buffer.concat(got).equals(forwarded)
  }
  return { client, readRest }
}

t.test('drain: a client that reads slowly gets every byte of its last reply', async (t) => {
  const started = await start(t)
  const { proxy, clock } = started
  const { readRest } = await openSlowReader(started)
  const draining = proxy.listener.drain(30_000)
  for (let second = 0; second < 20; second++) {
    clock.advance(1_000)
    await someTurns()
  }
  t.strictSame(closings(proxy), [], 'it is not cut while bytes wait for it')
  t.ok(await readRest(), 'all bytes arrived')
  t.strictSame(await draining, { cut: 0 })
  t.strictSame(closings(proxy), ['closed drained'])
})

t.test('drain: a client that has not taken its last reply by the deadline counts as cut', async (t) => {
  const started = await start(t)
  const { proxy, clock } = started
  const { client } = await openSlowReader(started)
  const draining = proxy.listener.drain(5_000)
  clock.advance(5_000)
  t.strictSame(await draining, { cut: 1 })
  client.destroy()
})

t.test('an idle connection whose client reads slowly is not cut before it has its last reply', async (t) => {
  const started = await start(t, { listener: { idle_timeout: '5s' } })
  const { proxy, clock } = started
  const { readRest } = await openSlowReader(started)
  clock.advance(5_000)
  clock.advance(10_000)
  await someTurns()
  t.strictSame(closings(proxy), [])
  t.ok(await readRest(), 'all bytes arrived')
  t.equal(await proxy.hub.line('closed'), 'closed idle_timeout')
})

t.test('drain: a connection whose upstream is still being dialled is closed', async (t) => {
  const { proxy } = await start(t, { cluster: { tls: {} } })
  const client = await dial(proxy)
  await proxy.hub.line('opened')
  t.strictSame(await proxy.listener.drain(5_000), { cut: 0 })
  t.strictSame(closings(proxy), ['closed drained'])
  client.destroy()
})

t.test('drain: a listener without connections is done at once', async (t) => {
  const { proxy } = await start(t)
  t.strictSame(await proxy.listener.drain(5_000), { cut: 0 })
})
