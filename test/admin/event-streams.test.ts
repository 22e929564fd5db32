import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { adminSchema } from '../../src/admin/config.js'
import { EventStreams, MAX_VIEWERS, type WatchedView } from '../../src/admin/event-streams.js'
import { AdminServer } from '../../src/admin/server.js'
import type { AdminSources } from '../../src/admin/sources.js'
import { systemClock } from '../../src/core/clock.js'
import { type Logger, silentLogger } from '../../src/core/logger.js'
import { FakeClock } from '../support/fake-clock.js'
import { fakeSources, start } from './harness.js'

interface Viewer {
  readonly events: string[]
  readonly closed: Promise<unknown>
  readonly head: string
  until(count: number): Promise<void>
  destroy(): void
}

/** An EventSource of a few lines: its events as they come, without the frame of HTTP. */
async function watch(t: Test, port: number, path = '/events', headers = ''): Promise<Viewer> {
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`)
  const events: string[] = []
  let text = ''
  let head = ''
  let waiting = () => undefined as unknown
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    if (head === '' && text.includes('\r\n\r\n')) {
      head = text.slice(0, text.indexOf('\r\n\r\n'))
      text = text.slice(head.length + 4)
    }
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      events.push(text.slice(0, end).replace(/^(\r\n)?[0-9a-f]+\r\n/, ''))
      text = text.slice(end + 2)
    }
    waiting()
  })
  socket.on('error', () => undefined)
  const closed = once(socket, 'close')
  const until = async (count: number) => {
    while (events.length < count) {
      await new Promise((resolve) => {
        waiting = () => resolve(undefined)
      })
    }
  }
  await Promise.race([until(1), closed])
  return { events, closed, head, until, destroy: () => socket.destroy() }
}

const frameOf = (event: string | undefined): Record<string, never> =>
  JSON.parse(/^data: (.*)$/m.exec(event ?? '')?.[1] ?? '{}')

async function setUp(t: Test, overrides: Partial<AdminSources> = {}, logger: Logger = silentLogger) {
  const clock = new FakeClock()
  const config = adminSchema.parse({ address: '127.0.0.1:0', trace_url: 'http://jaeger/{trace_id}' })
  const server = new AdminServer({ config, sources: fakeSources(overrides), clock, logger })
  await server.listen()
  t.teardown(() => server.close())
  return { clock, server, port: server.address?.kind === 'tcp' ? server.address.port : 0 }
}

t.test('a viewer gets the whole of its view at once, and then each second', async (t) => {
  const { clock, port } = await setUp(t)
  const viewer = await watch(t, port, '/events?view=collections&by=command')
  t.match(viewer.head, /^HTTP\/1\.1 200 .*content-type: text\/event-stream/is)
  t.match(viewer.head, /content-security-policy: default-src 'none'/i)
  await viewer.until(2)
  t.match(viewer.events[0], /^retry: \d+$/)
  t.match(viewer.events[1], /^id: \d+\ndata: \{[^\n]*\}$/)
  const frame = frameOf(viewer.events[1])
  t.match(frame, {
    view: 'collections',
    product: { name: 'oplens', version: '1.2.3' },
    readiness: { ready: true },
    live: { active: 2 },
    totals: { operations: 5 },
    last: { steps: 2 },
    rows: [{ command: 'find' }],
    traceUrl: 'http://jaeger/{trace_id}',
  })
  clock.advance(1_000)
  await viewer.until(3)
  clock.advance(1_000)
  await viewer.until(4)
  t.match(frameOf(viewer.events[3]), { view: 'collections' })
})

t.test('each view is made once a second, however many watch it, and never while nobody does', async (t) => {
  let made = 0
  const { clock, port } = await setUp(t, {
    tables: () => {
      made++
      return { rows: [], rowsTotal: 0 }
    },
  })
  t.equal(clock.waiting, 0)
  const viewers = await Promise.all([1, 2, 3].map(() => watch(t, port, '/events?view=slow')))
  await Promise.all(viewers.map((viewer) => viewer.until(2)))
  t.equal(made, 1, 'those who come within a second share the last')
  for (let second = 1; second <= 3; second++) {
    clock.advance(1_000)
    await Promise.all(viewers.map((viewer) => viewer.until(2 + second)))
  }
  t.equal(made, 4)
  const other = await watch(t, port, '/events?view=members&ignored=1')
  await other.until(2)
  t.equal(made, 5, 'another view is another frame')
  const alike = await watch(t, port, '/events?ignored=2&view=members')
  await alike.until(2)
  t.equal(made, 5, 'what does not tell views apart is not looked at')
  for (const viewer of [...viewers, other, alike]) viewer.destroy()
  // One more comes and goes, so that all that were before it are known to be gone.
  await until(() => clock.waiting === 0)
  clock.advance(10_000)
  t.equal(made, 5)
})

/** Turns of the event loop, until something is so; tap's own limit ends a wait in vain. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate)
}

t.test('views with a lot in them come every other second, with a sign of life between', async (t) => {
  const { clock, port } = await setUp(t)
  const viewer = await watch(t, port, '/events?view=shapes')
  await viewer.until(2)
  for (let second = 1; second <= 4; second++) {
    clock.advance(1_000)
    await viewer.until(2 + second)
  }
  t.match(viewer.events.slice(2), [/^event: beat\ndata:$/, /^id: 2\ndata/, /^event: beat/, /^id: 3\ndata/])
})

t.test('viewers are bounded, and those too many are told', async (t) => {
  const { port } = await setUp(t)
  const viewers = await Promise.all(Array.from({ length: MAX_VIEWERS }, () => watch(t, port)))
  const last = await watch(t, port, '/events', 'Connection: close\r\n')
  await last.closed
  t.match(last.head, /^HTTP\/1\.1 503 .*retry-after: 5/is)
  viewers[0]?.destroy()
  for (;;) {
    const next = await watch(t, port, '/events', 'Connection: close\r\n')
    if (next.head.startsWith('HTTP/1.1 200')) break
  }
  t.pass('one that left makes room')
})

t.test('a viewer that does not read misses frames, and nobody waits for it', async (t) => {
  const clock = new FakeClock()
  const streams = new EventStreams({ clock, logger: silentLogger })
  const large = 'x'.repeat(100_000)
  const view: WatchedView = { key: 'a', everyMs: 1_000, frame: () => ({ large }) }
  const slow = new FakeResponse()
  const quick = new FakeResponse()
  streams.add(view, slow as never)
  streams.add(view, quick as never)
  slow.isFull = true
  for (let second = 0; second < 5; second++) clock.advance(1_000)
  t.same([slow.writes.length, quick.writes.length], [2, 6], 'what filled it was its last')
  t.equal(streams.stats.skipped, 4)
  slow.isFull = false
  slow.emit('drain')
  clock.advance(1_000)
  t.equal(slow.writes.length, 3, 'it goes on with the newest')
  t.match(slow.writes[2], /^id: 7\n/)
  slow.emit('close')
  t.match(streams.stats, { viewers: 1, views: 1 })
  quick.emit('close')
  t.match(streams.stats, { viewers: 0, views: 0 })
  t.equal(clock.waiting, 0, 'nothing runs while nobody watches')
})

class FakeResponse {
  readonly writes: string[] = []
  isFull = false
  readonly #listeners = new Map<string, () => void>()

  on(event: string, listener: () => void): void {
    this.#listeners.set(event, listener)
  }

  emit(event: string): void {
    this.#listeners.get(event)?.()
  }

  write(text: string): boolean {
    this.writes.push(text)
    return !this.isFull
  }
}

t.test('a view that fails is told and logged, and comes back', async (t) => {
  let isBroken = true
  const logged: string[] = []
  const logger: Logger = { ...silentLogger, error: (_fields, message) => logged.push(message) }
  const live = () => {
    if (isBroken) throw new Error('secret detail')
    return { connections: 0, active: 0, awaitedActive: 0 }
  }
  const { clock, port } = await setUp(t, { live }, logger)
  const viewer = await watch(t, port)
  await viewer.until(2)
  t.equal(viewer.events[1], 'event: failed\ndata:')
  t.equal(logged.length, 1)
  isBroken = false
  clock.advance(1_000)
  await viewer.until(3)
  t.match(frameOf(viewer.events[2]), { view: 'overview' })
})

t.test('closing the server ends streams at once, and none delays it', async (t) => {
  const { clock, server, port } = await setUp(t)
  const viewers = await Promise.all([1, 2, 3].map(() => watch(t, port)))
  await Promise.all([server.close(), ...viewers.map(({ closed }) => closed)])
  t.equal(clock.waiting, 0)
})

t.test('a stream is asked for as everything else: by known names, with GET; HEAD has no stream', async (t) => {
  const { ask } = await start(t)
  t.equal((await ask('/events', { headers: { host: 'evil.example' } })).status, 403)
  t.equal((await ask('/events', { method: 'POST' })).status, 405)
  t.match(await ask('/events', { method: 'HEAD' }), { status: 200, body: '' })
  const { body } = await ask('/nope')
  t.match(body, /\/events +server-sent events/)
})

t.test('another process has another id: its numbers begin anew', async (t) => {
  const ids = await Promise.all(
    [0, 60_000].map(async (offsetMs) => {
      const clock = { ...systemClock, wall: () => 1_700_000_000_000 + offsetMs }
      const config = adminSchema.parse({ address: '127.0.0.1:0' })
      const server = new AdminServer({ config, sources: fakeSources(), clock, logger: silentLogger })
      await server.listen()
      t.teardown(() => server.close())
      const viewer = await watch(t, server.address?.kind === 'tcp' ? server.address.port : 0)
      await viewer.until(2)
      return (frameOf(viewer.events[1]) as { product?: { bootId: string } }).product?.bootId
    }),
  )
  t.ok(ids[0])
  t.not(ids[0], ids[1])
})

t.test('views have their frames in turns of their own, so that many do not hold up the loop', async (t) => {
  const inner = new FakeClock()
  let turn = 0
  const after: FakeClock['after'] = (ms, run) =>
    inner.after(ms, () => {
      turn++
      run()
    })
  const clock = { now: () => inner.now(), wall: () => inner.wall(), after, sleep: inner.sleep.bind(inner) }
  const streams = new EventStreams({ clock, logger: silentLogger })
  const made: number[] = []
  const responses = ['a', 'b', 'c'].map((key) => {
    const response = new FakeResponse()
    streams.add({ key, everyMs: 1_000, frame: () => made.push(turn) }, response as never)
    return response
  })
  made.length = 0
  inner.advance(1_000)
  inner.advance(1_000)
  t.same(made, [1, 2, 3, 4, 5, 6])
  responses[1]?.emit('close')
  inner.advance(1_000)
  t.equal(made.length, 8)
  for (const response of responses) response.emit('close')
  t.equal(inner.waiting, 0)
})
