import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { AppTraces, type TraceComment } from '../../src/demo/shop/app-traces.js'
import { FakeClock } from '../support/fake-clock.js'
import { seededRandom } from '../support/seeded-random.js'

t.test('a request of the shop is a span, and its commands carry the context of it', async (t) => {
  const bodies: string[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    bodies.push(`${request.url} ${body}`)
    response.end('{}')
    server.emit('received')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const clock = new FakeClock()
  const collector = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const traces = new AppTraces({ clock, random: seededRandom(3), collector })
  const comments: TraceComment[] = []
  const received = once(server, 'received')
  // One is sampled in five; the first that is goes out at once.
  for (let i = 0; i < 40; i++) {
    await t.rejects(
      traces.request('GET /fails', (comment) => Promise.reject(new Error(comments.push(comment) > 0 ? 'no' : ''))),
    )
  }
  await received
  const [traceId, spanId] = /"traceId":"(\w{32})","spanId":"(\w{16})"/.exec(bodies[0] ?? '')?.slice(1) ?? []
  t.match(bodies[0], /^\/v1\/traces .*"name":"GET \/fails"/)
  t.ok(comments.some(({ traceparent }) => traceparent === `00-${traceId}-${spanId}-01`))
  t.ok(comments.every(({ traceparent }) => /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/.test(traceparent)))
  t.equal(new Set(comments.map(({ traceparent }) => traceparent)).size, 40)
})

t.test('without a collector, and with one that is down, requests go on', async (t) => {
  for (const collector of [undefined, 'http://127.0.0.1:1']) {
    const traces = new AppTraces({ clock: new FakeClock(), random: () => 0, collector })
    t.equal(await traces.request('GET /', () => Promise.resolve(7)), 7)
  }
})
