import t from 'tap'
import { Exchange, type OperationKind, THROTTLED } from '../../../src/core/exchange.js'
import {
  ABORTED,
  OK,
  type Outcome,
  type OutcomeKind,
  refused,
  UNACKNOWLEDGED,
  UNKNOWN,
} from '../../../src/core/outcome.js'
import { observeSchema } from '../../../src/observe/config.js'
import { SlowRules } from '../../../src/observe/slow/slow-rules.js'
import { Sampler } from '../../../src/observe/tracing/sampler.js'
import { parseTraceParent } from '../../../src/observe/tracing/trace-parent.js'
import { seededRandom } from '../../support/seeded-random.js'
import { client } from '../harness.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const sampledParent = `00-${TRACE}-${SPAN}-01`
const unsampledParent = `00-${TRACE}-${SPAN}-00`

interface How {
  readonly command?: string
  readonly kind?: OperationKind
  readonly ms?: number
  readonly outcome?: Outcome
  readonly traceParent?: string
  readonly isAwaited?: boolean
  readonly errorLabels?: readonly string[]
}

function ended({ command = 'find', kind = 'read', ms = 1, ...how }: How): Exchange {
  const operation = { protocol: 'mongodb', command, kind, database: 'shop', collection: 'orders' }
  return Object.assign(new Exchange(client(), operation, 100), { endedAtMs: 100 + ms, outcome: OK, ...how })
}

const slow = new SlowRules(observeSchema.parse({}).slow_log)
const defaults = { sample: 0, followParent: true, keepSlow: true, keepFailed: true }
const sampler = (settings: Partial<typeof defaults> = {}, random = () => 0.5) =>
  new Sampler({ ...defaults, ...settings }, slow, random)

const failed = (kind: OutcomeKind): Outcome => ({ kind, code: 1, codeName: '', by: '' })
const all = { sample: 1 }

const ROWS: Record<string, readonly [how: How, settings: Partial<typeof defaults>, want: string]> = {
  'an ordinary operation, nothing sampled': [{}, {}, ''],
  'an ordinary operation, all sampled': [{}, all, 'head'],
  'a sampled parent': [{ traceParent: sampledParent }, {}, 'parent'],
  'a parent that is not sampled': [{ traceParent: unsampledParent }, all, ''],
  'a sampled parent that is not followed': [{ traceParent: sampledParent }, { followParent: false }, ''],
  'a parent that is not followed, all sampled': [
    { traceParent: unsampledParent },
    { ...all, followParent: false },
    'head',
  ],
  'a malformed parent is none': [{ traceParent: `00-${TRACE}-${SPAN}` }, all, 'head'],
  'a slow operation': [{ ms: 100 }, {}, 'slow'],
  'one that is just not slow': [{ ms: 99.9 }, {}, ''],
  'a slow one below a parent that is not sampled': [{ ms: 100, traceParent: unsampledParent }, {}, 'slow'],
  'a slow one that is not to be kept': [{ ms: 100 }, { keepSlow: false }, ''],
  'a slow one that failed, only failed ones kept': [
    { ms: 100, outcome: failed('command_error') },
    { keepSlow: false },
    'failed',
  ],
  'a command error': [{ outcome: failed('command_error') }, {}, 'failed'],
  'a write error': [{ outcome: failed('write_error') }, {}, 'failed'],
  'a write concern error': [{ outcome: failed('write_concern_error') }, {}, 'failed'],
  'a refusal': [{ outcome: refused(462, 'x') }, {}, 'failed'],
  'an abort': [{ outcome: ABORTED.client }, {}, 'failed'],
  'a failure that is not to be kept': [{ outcome: failed('command_error') }, { keepFailed: false }, ''],
  'a throttled call': [{ outcome: failed('command_error'), errorLabels: [THROTTLED] }, {}, 'failed'],
  'a throttled call, all sampled': [{ outcome: failed('command_error'), errorLabels: [THROTTLED] }, all, 'head'],
  'a label that is not of throttling': [{ outcome: failed('command_error'), errorLabels: ['condition'] }, {}, 'failed'],
  'a reply that nobody could read': [{ outcome: UNKNOWN }, {}, ''],
  'a write without a reply': [{ outcome: UNACKNOWLEDGED, ms: 500 }, {}, ''],
  'an awaited operation is neither slow': [{ isAwaited: true, ms: 9_000 }, all, ''],
  'nor failed': [{ isAwaited: true, outcome: ABORTED.client }, {}, ''],
  'but follows its parent': [{ isAwaited: true, traceParent: sampledParent }, {}, 'parent'],
  'a ping': [{ command: 'ping', kind: 'control', traceParent: sampledParent, ms: 500 }, all, ''],
  'a failed login': [{ command: 'saslStart', kind: 'control', outcome: failed('command_error') }, all, ''],
  'a commit': [{ command: 'commitTransaction', kind: 'control', outcome: failed('command_error') }, {}, 'failed'],
  'an abort of a transaction': [{ command: 'abortTransaction', kind: 'control' }, all, 'head'],
}

for (const [name, [how, settings, want]] of Object.entries(ROWS)) {
  t.test(name, (t) => {
    t.equal(sampler(settings).decide(ended(how)), want)
    t.end()
  })
}

t.test('the share that is drawn is the one asked for, and spread evenly', (t) => {
  const exchange = ended({})
  for (const share of [0.001, 0.01, 0.1, 0.5, 0.9]) {
    const one = sampler({ sample: share }, seededRandom(7))
    const runs = Math.round(2_000 / share)
    const halves = [0, 0]
    for (let i = 0; i < runs; i++)
      if (one.decide(exchange) === 'head') halves[i < runs / 2 ? 0 : 1] = (halves[i < runs / 2 ? 0 : 1] ?? 0) + 1
    // Five standard deviations of a half.
    for (const half of halves)
      t.ok(Math.abs(half - 1_000) < 5 * Math.sqrt(1_000 * (1 - share)) + 1, `${share}: ${half}`)
  }
  t.end()
})

const PARENTS: Record<string, readonly [text: string, want: boolean | undefined]> = {
  sampled: [sampledParent, true],
  'not sampled': [unsampledParent, false],
  'other flags beside': [`00-${TRACE}-${SPAN}-03`, true],
  'only other flags': [`00-${TRACE}-${SPAN}-02`, false],
  'a later version': [`cc-${TRACE}-${SPAN}-01`, true],
  'a later version with more': [`cc-${TRACE}-${SPAN}-01-what-else`, true],
  'version 00 with more': [`00-${TRACE}-${SPAN}-01-what-else`, undefined],
  'a later version with more, and no dash': [`cc-${TRACE}-${SPAN}-01x`, undefined],
  'version ff': [`ff-${TRACE}-${SPAN}-01`, undefined],
  'no trace': [`00-${'0'.repeat(32)}-${SPAN}-01`, undefined],
  'no span': [`00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
  'upper case': [sampledParent.toUpperCase(), undefined],
  'too short': [sampledParent.slice(0, -1), undefined],
  'a line more': [`${sampledParent}\n`, undefined],
  'no hex': [sampledParent.replace('4bf9', '4bg9'), undefined],
  nothing: ['', undefined],
  'each bit, of the last one alone': [`00-${TRACE}-${SPAN}-fe`, false],
  letters: [`00-${TRACE}-${SPAN}-0b`, true],
  'more letters': [`00-${TRACE}-${SPAN}-0a`, false],
  digits: [`00-${TRACE}-${SPAN}-08`, false],
}

for (const [name, [text, want]] of Object.entries(PARENTS)) {
  t.test(`a traceparent: ${name}`, (t) => {
    t.same(parseTraceParent(text), want === undefined ? undefined : { traceId: TRACE, spanId: SPAN, isSampled: want })
    t.end()
  })
}
