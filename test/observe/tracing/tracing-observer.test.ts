import t from 'tap'
import { Exchange, THROTTLED } from '../../../src/core/exchange.js'
import type { Logger } from '../../../src/core/logger.js'
import { silentLogger } from '../../../src/core/logger.js'
import { OK, type Outcome } from '../../../src/core/outcome.js'
import { observeSchema } from '../../../src/observe/config.js'
import { Exemplars } from '../../../src/observe/exemplars.js'
import { SlowRules } from '../../../src/observe/slow/slow-rules.js'
import { diagnostics } from '../../../src/observe/tracing/diagnostics.js'
import { Sampler } from '../../../src/observe/tracing/sampler.js'
import { type SpanSink, TracingObserver } from '../../../src/observe/tracing/tracing-observer.js'
import { WallOffset } from '../../../src/observe/tracing/wall-offset.js'
import { FakeClock } from '../../support/fake-clock.js'
import { client, observation } from '../harness.js'

const find = { protocol: 'mongodb', command: 'find', kind: 'read', database: 'shop', collection: 'orders' } as const
const FAILED: Outcome = { kind: 'command_error', code: 1, codeName: '', by: '' }

const ended = (outcome: Outcome = OK) => Object.assign(new Exchange(client(), find, 10), { endedAtMs: 12, outcome })

function stage() {
  const settings = { sample: 0, followParent: true, keepSlow: true, keepFailed: true }
  const sampler = new Sampler(settings, new SlowRules(observeSchema.parse({}).slow_log), () => 0.5)
  const exemplars = new Exemplars(() => undefined)
  const offset = new WallOffset(new FakeClock())
  const observer = new TracingObserver({ sampler, offset, exemplars, durationOf: () => undefined })
  const made: Exchange[] = []
  const sink: SpanSink & { isFull: boolean } = {
    isFull: false,
    hasRoom: () => !sink.isFull,
    make(exchange: Exchange) {
      made.push(exchange)
      return { traceId: 't'.repeat(32), spanId: String(made.length).padStart(16, '0') }
    },
  }
  return { observer, sink, made }
}

t.test('observers after it learn the span of the exchange that is handed over, and of no other', (t) => {
  const { observer, sink } = stage()
  observer.sink = sink
  const [first, second, third] = [ended(FAILED), ended(), ended(FAILED)]
  observer.exchangeEnded(first)
  t.match(observer.of(first), { spanId: '0000000000000001' })
  t.equal(observer.of(second), undefined)
  observer.exchangeEnded(second)
  t.equal(observer.of(second), undefined, 'it has none')
  t.equal(observer.of(first), undefined, 'it is over')
  observer.exchangeEnded(third)
  t.match(observer.of(third), { spanId: '0000000000000002' })
  t.equal(observer.made.failed.value, 2)
  t.end()
})

t.test('no span is made before there is somewhere to put it, when the queue is full, and after the end', (t) => {
  const { observer, sink, made } = stage()
  const run = () => {
    const exchange = ended(FAILED)
    observer.exchangeEnded(exchange)
    return observer.of(exchange)
  }
  t.equal(run(), undefined, 'nothing is loaded yet')
  observer.sink = sink
  sink.isFull = true
  t.equal(run(), undefined)
  t.equal(observer.made.failed.value, 0)
  sink.isFull = false
  t.ok(run())
  observer.sink = undefined
  t.equal(run(), undefined)
  t.equal(made.length, 1)
  t.end()
})

t.test('shapes are asked for when operations are traced', (t) => {
  const quiet = { digests: { enabled: false }, slow_log: { enabled: false } }
  t.equal(observation({ observe: quiet }).detail.shapes, false)
  t.equal(observation({ observe: { ...quiet, tracing: { enabled: true } } }).detail.shapes, true)
  t.end()
})

t.test('the time of day is found to less than its millisecond, and follows when it is set', (t) => {
  let nowMs = 5_000.9
  let shiftMs = 1_000_000.4
  const clock = new FakeClock()
  clock.now = () => nowMs
  clock.wall = () => Math.floor(nowMs + shiftMs)
  const offset = new WallOffset(clock)
  let last = 0
  for (let i = 0; i < 1_000; i++) {
    nowMs += 0.37
    last = offset.now()
  }
  t.ok(shiftMs - last < 0.05 && last <= shiftMs, `${shiftMs - last} ms off`)
  for (const to of [shiftMs + 3_600_000, shiftMs - 60_000]) {
    shiftMs = to
    t.ok(Math.abs(offset.now() - to) <= 1, 'at once')
  }
  t.end()
})

t.test("OpenTelemetry's own words are lines of our log, one a minute, and never its objects", (t) => {
  const clock = new FakeClock()
  const lines: Record<string, unknown>[] = []
  const logger: Logger = {
    ...silentLogger,
    warn: (fields) => lines.push(fields),
    error: (fields) => lines.push(fields),
  }
  const diag = diagnostics(logger, clock)
  diag.debug('items to be sent', { secret: 'CANARY' })
  diag.warn('partial success', { secret: 'CANARY' }, new Error('of the collector'), 'x'.repeat(1_000))
  for (let i = 0; i < 50; i++) diag.error('again')
  clock.advance(60_000)
  diag.error('later')
  t.equal(lines.length, 2)
  t.match(lines[0]?.said, /^partial success of the collector x+$/)
  t.equal(String(lines[0]?.said).length, 300)
  t.same(lines[1], { said: 'later', leftOut: 50 })
  t.notOk(JSON.stringify(lines).includes('CANARY'))
  t.end()
})

t.test('throttled calls ask for the room that is left for them, all others for any', (t) => {
  const { observer, sink, made } = stage()
  observer.sink = { make: sink.make, hasRoom: (isMinor) => !isMinor }
  const throttled = ended(FAILED)
  throttled.errorLabels = [THROTTLED]
  observer.exchangeEnded(throttled)
  t.equal(made.length, 0)
  observer.exchangeEnded(ended(FAILED))
  t.equal(made.length, 1)
  t.end()
})
