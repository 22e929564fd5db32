import type { tracing } from '@opentelemetry/sdk-node'
import t from 'tap'
import type { Logger } from '../../../src/core/logger.js'
import { silentLogger } from '../../../src/core/logger.js'
import { type SpanExporter, SpanQueue } from '../../../src/observe/tracing/span-queue.js'
import { FakeClock } from '../../support/fake-clock.js'

type Result = Parameters<Parameters<SpanExporter['export']>[1]>[0]

/** An exporter that answers when told, as one does whose collector takes its time. */
class HeldExporter implements SpanExporter {
  readonly batches: number[] = []
  readonly held: ((result: Result) => void)[] = []
  isShut = false

  export(spans: tracing.ReadableSpan[], done: (result: Result) => void): void {
    this.batches.push(spans.length)
    this.held.push(done)
  }

  shutdown(): Promise<void> {
    this.isShut = true
    return new Promise(() => undefined)
  }

  take(): void {
    this.held.shift()?.({ code: 0 })
  }

  fail(error = new Error('connect ECONNREFUSED')): void {
    this.held.shift()?.({ code: 1, error })
  }
}

const span = (name = 'find orders') => ({ name }) as tracing.ReadableSpan

function stage(more: Partial<ConstructorParameters<typeof SpanQueue>[0]['settings']> = {}) {
  const clock = new FakeClock()
  const exporter = new HeldExporter()
  const lines: [string, Record<string, unknown>][] = []
  const note = (fields: Record<string, unknown>, message: string) => lines.push([message, fields])
  const logger: Logger = { ...silentLogger, warn: note, info: note }
  const settings = { maxQueue: 10, maxBatch: 4, delayMs: 1_000, exportTimeoutMs: 5_000, ...more }
  const queue = new SpanQueue({ settings, exporter, clock, logger })
  /** As the observer does it: asked first, then made. */
  const add = (count: number) => {
    for (let i = 0; i < count; i++) if (queue.hasRoom()) queue.onEnd(span())
  }
  const said = () => lines.map(([message]) => message)
  return { clock, exporter, queue, add, lines, said }
}

t.test('spans go in batches: after the delay, or at once when a batch is full', (t) => {
  const { clock, exporter, queue, add } = stage()
  add(2)
  clock.advance(999)
  t.same(exporter.batches, [], 'not before the delay')
  clock.advance(1)
  t.same(exporter.batches, [2])
  exporter.take()
  t.equal(queue.exported, 2)
  add(3)
  clock.advance(500)
  add(3)
  clock.advance(0)
  t.same(exporter.batches, [2, 4], 'full before the delay')
  exporter.take()
  clock.advance(1_000)
  t.same(exporter.batches, [2, 4, 2])
  exporter.take()
  t.same([queue.exported, queue.size, queue.dropped], [8, 0, { queue: 0, export: 0, shutdown: 0 }])
  t.equal(clock.waiting, 0, 'no timer is left while nothing waits')
  t.end()
})

t.test('one export at a time; what waits and what is on its way are bounded together', (t) => {
  const { clock, exporter, queue, add } = stage()
  add(4)
  clock.advance(0)
  add(20)
  t.equal(queue.size, 10)
  t.equal(queue.dropped.queue, 14)
  clock.advance(4_000)
  t.same(exporter.batches, [4], 'nothing is sent beside it')
  exporter.take()
  clock.advance(0)
  t.same(exporter.batches, [4, 4], 'a full batch follows at once')
  t.equal(queue.size, 6)
  add(20)
  t.equal(queue.size, 10)
  t.end()
})

t.test('a stream of spans faster than the timer does not put the export off', (t) => {
  const { clock, exporter, add } = stage({ maxQueue: 1_000 })
  for (let i = 0; i < 100 && exporter.batches.length === 0; i++) {
    add(1)
    if (i >= 4) clock.advance(0)
  }
  t.equal(exporter.batches.length, 1)
  t.end()
})

t.test(
  'a collector that is down: batches are dropped, tries grow apart, the log says so once, and once that it is over',
  (t) => {
    const { clock, exporter, queue, add, lines, said } = stage()
    const gaps: number[] = []
    let lastMs = clock.now()
    for (let i = 0; i < 8; i++) {
      add(1)
      while (exporter.held.length === 0) clock.advance(100)
      gaps.push(Math.round(clock.now() - lastMs))
      lastMs = clock.now()
      exporter.fail()
    }
    t.same(gaps, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
    t.equal(queue.dropped.export, 8)
    t.equal(said().length, 2, 'two minutes of it')
    t.match(lines[0], [/does not take spans/, { reason: 'connect ECONNREFUSED', dropped: 1 }])
    add(15)
    t.equal(queue.size, 10)
    t.equal(queue.dropped.queue, 5)
    clock.advance(30_000)
    exporter.take()
    clock.advance(0)
    exporter.take()
    clock.advance(1_000)
    exporter.take()
    t.equal(queue.exported, 10)
    t.match(lines.at(-1), [/takes spans again/, { dropped: 13 }])
    t.equal(said().length, 3)
    t.end()
  },
)

t.test('one that comes and goes fills no log', (t) => {
  const { clock, exporter, add, said } = stage()
  for (let i = 0; i < 20; i++) {
    add(1)
    while (exporter.held.length === 0) clock.advance(100)
    if (i % 2 === 0) exporter.fail()
    else exporter.take()
  }
  t.equal(said().length, 2, `${said()}`)
  t.end()
})

t.test('an export without an answer is given up, and its answer later changes nothing', (t) => {
  const { clock, exporter, queue, add, lines } = stage()
  add(3)
  clock.advance(1_000)
  const [late] = exporter.held.splice(0)
  clock.advance(5_000)
  t.equal(queue.dropped.export, 3)
  t.match(lines[0]?.[1], { reason: 'no answer in 5000 ms' })
  add(1)
  clock.advance(2_000)
  t.same(exporter.batches, [3, 1])
  late?.({ code: 0 })
  t.same([queue.exported, queue.size], [0, 1])
  exporter.take()
  t.same([queue.exported, queue.size], [1, 0])
  t.end()
})

t.test('an exporter that throws has failed', (t) => {
  const { clock, exporter, queue, add } = stage()
  exporter.export = () => {
    throw new Error('no memory')
  }
  add(1)
  clock.advance(1_000)
  t.equal(queue.dropped.export, 1)
  t.end()
})

t.test('what a collector says at length is cut, and is not the body of its answer', (t) => {
  const { clock, exporter, add, lines } = stage()
  add(1)
  clock.advance(1_000)
  exporter.fail(Object.assign(new Error('x'.repeat(5_000)), { code: 500, data: 'SECRET' }))
  const reason = String(lines[0]?.[1].reason)
  t.match(reason, /^500 x+$/)
  t.equal(reason.length, 300)
  t.end()
})

t.test('at the end everything is sent, and nothing is taken any more', async (t) => {
  const { exporter, queue, add } = stage()
  add(9)
  const closed = queue.close(3_000)
  for (let i = 0; i < 3; i++) exporter.take()
  await closed
  t.same(exporter.batches, [4, 4, 1])
  t.same([queue.exported, queue.size, queue.dropped.shutdown], [9, 0, 0])
  t.ok(exporter.isShut)
  add(1)
  t.equal(queue.size, 0)
  await queue.close(3_000)
})

t.test('an end without spans waits for nobody', async (t) => {
  const { clock, queue } = stage()
  await queue.close(3_000)
  t.equal(clock.now(), 1_000)
})

t.test('a collector that hangs at the end is waited for as long as was said', async (t) => {
  const { clock, exporter, queue, add, lines } = stage()
  add(4)
  clock.advance(0)
  add(5)
  let isClosed = false
  const closed = queue.close(3_000).then(() => {
    isClosed = true
  })
  clock.advance(2_999)
  await new Promise(setImmediate)
  t.notOk(isClosed)
  clock.advance(1)
  await closed
  t.same([queue.exported, queue.size, queue.dropped], [0, 0, { queue: 0, export: 0, shutdown: 9 }])
  t.match(lines.at(-1), [/were lost/, { spans: 9 }])
  exporter.take()
  t.equal(queue.exported, 0, 'what it takes then is counted as lost already')
})

t.test('a collector that fails at the end is not asked again', async (t) => {
  const { exporter, queue, add } = stage()
  add(9)
  const closed = queue.close(3_000)
  exporter.fail()
  await closed
  t.same(exporter.batches, [4])
  t.same(queue.dropped, { queue: 0, export: 4, shutdown: 5 })
})

t.test('what is minor has room in half of the queue, and is counted when it has none', (t) => {
  const { queue, add } = stage()
  let taken = 0
  while (queue.hasRoom(true)) {
    add(1)
    taken++
  }
  t.equal(taken, 5)
  t.equal(queue.dropped.queue, 1)
  t.ok(queue.hasRoom())
  t.end()
})
