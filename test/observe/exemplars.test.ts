import t from 'tap'
import { Exchange } from '../../src/core/exchange.js'
import { OK, type Outcome, UNACKNOWLEDGED } from '../../src/core/outcome.js'
import { type Exemplar, Exemplars } from '../../src/observe/exemplars.js'
import { BOUNDS_SECONDS, type HistogramSeries } from '../../src/observe/histogram.js'
import type { Observation } from '../../src/observe/observation.js'
import { FakeClock } from '../support/fake-clock.js'
import { client, OPENMETRICS, observation, textOf } from './harness.js'
import { parseStrictly } from './strict-parser.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`
const find = { protocol: 'mongodb', command: 'find', kind: 'read', database: 'shop', collection: 'orders' } as const

interface How {
  readonly traceParent?: string
  readonly outcome?: Outcome
  readonly isAwaited?: boolean
}

function run(o: Observation, ms: number, how: How = {}): void {
  const exchange = new Exchange(client(), find, 0)
  Object.assign(exchange, { traceParent: PARENT, outcome: OK, ...how, endedAtMs: ms })
  o.hub.exchangeStarted(exchange)
  o.hub.exchangeEnded(exchange)
}

async function traced(): Promise<Observation> {
  const o = observation({ clock: new FakeClock(5_000), observe: { tracing: { enabled: true, sample: 0 } } })
  await o.start()
  return o
}

const openmetrics = async (o: Observation) => parseStrictly('openmetrics', await textOf(o, OPENMETRICS))

t.test('each bucket shows its latest trace, in OpenMetrics alone', async (t) => {
  const o = await traced()
  run(o, 3)
  run(o, 4)
  run(o, 700)
  run(o, 0.01, { traceParent: '' })
  const { exemplars, samples } = await openmetrics(o)
  const shown = [...exemplars].map(([key, { value }]) => [/le="([^"]*)"/.exec(key)?.[1], value])
  t.same(shown, [
    ['0.005', 0.004],
    ['1.0', 0.7],
  ])
  for (const { labels, timestamp } of exemplars.values()) {
    t.match(labels[0], `trace_id="${TRACE}"`)
    t.match(labels[1], /^span_id="[0-9a-f]{16}"$/)
    t.ok(timestamp !== undefined && timestamp > 1_700_000_000, 'the time of day, in seconds')
  }
  const text = await textOf(o)
  t.notOk(text.includes(' # {'))
  t.same(parseStrictly('text', text).samples, samples, 'the samples are the same')
})

t.test('the time of an exemplar is the end of its operation', async (t) => {
  const clock = new FakeClock(5_000)
  const o = observation({ clock, observe: { tracing: { enabled: true, sample: 0 } } })
  await o.start()
  run(o, 250)
  const [exemplar] = (await openmetrics(o)).exemplars.values()
  t.equal(exemplar?.timestamp, (clock.wall() - clock.now() + 250) / 1_000)
})

t.test('values on a bound stay in their bucket', async (t) => {
  const o = await traced()
  for (const bound of BOUNDS_SECONDS) run(o, Math.round(bound * 1e6) / 1e3)
  run(o, 100_000)
  // The parser refuses an exemplar outside of its bucket.
  t.equal((await openmetrics(o)).exemplars.size, BOUNDS_SECONDS.length + 1)
})

t.test('an awaited operation shows in its own histogram, an unacknowledged one in none', async (t) => {
  const o = await traced()
  run(o, 3, { isAwaited: true })
  run(o, 3, { outcome: UNACKNOWLEDGED })
  const keys = [...(await openmetrics(o)).exemplars.keys()]
  t.equal(keys.length, 1)
  t.match(keys[0], 'oplens_awaited_operation_duration_seconds_bucket')
})

t.test('without traces there are no exemplars', async (t) => {
  const o = observation()
  await o.start()
  run(o, 3)
  t.equal((await openmetrics(o)).exemplars.size, 0)
})

t.test('the series that had no trace for longest makes room, and is counted', (t) => {
  let overflowed = 0
  const exemplars = new Exemplars(() => overflowed++, 2)
  const series = (labels: string): HistogramSeries => ({ labels, values: new Float64Array(21), base: 0 })
  const [a, b, c] = [series('a'), series('b'), series('c')] as const
  const exemplar: Exemplar = { traceId: TRACE, spanId: '00f067aa0ba902b7', valueMs: 3, atMs: 1 }
  for (const one of [a, b, a, c]) exemplars.record(one, exemplar)
  t.same(
    [a, b, c].map((one) => exemplars.of(one) !== undefined),
    [true, false, true],
  )
  t.equal(overflowed, 1)
  t.end()
})

t.test('the strict parser refuses what OpenMetrics does', (t) => {
  const text =
    (bucket: string, format: 'text' | 'openmetrics' = 'openmetrics') =>
    () =>
      parseStrictly(
        format,
        `# TYPE x histogram\n# HELP x y\nx_bucket{le="1.0"} 1${bucket}\nx_bucket{le="+Inf"} 1\nx_sum 1.0\nx_count 1\n${format === 'text' ? '' : '# EOF\n'}`,
      )
  t.doesNotThrow(text(' # {trace_id="a"} 0.5 1.5'))
  t.doesNotThrow(text(' # {trace_id="a"} 0.5'))
  t.doesNotThrow(text(` # {a="${'x'.repeat(127)}"} 0.5`))
  const bad: Record<string, string> = {
    'labels that are too long': ` # {a="${'x'.repeat(128)}"} 0.5`,
    'a value above the bucket': ' # {a="b"} 1.5',
    'no value': ' # {a="b"}',
    'no labels': ' # 0.5',
    'a time that is none': ' # {a="b"} 0.5 now',
    'two spaces': ' #  {a="b"} 0.5',
    'the same label twice': ' # {a="b",a="c"} 0.5',
    'a value that is none': ' # {a="b"} NaN',
  }
  for (const [name, bucket] of Object.entries(bad)) t.throws(text(bucket), name)
  t.throws(text(' # {a="b"} 0.5', 'text'), 'exemplars in the text format')
  t.end()
})
