import t, { type Test } from 'tap'
import { HostHealth } from '../../src/core/health.js'
import { silentLogger } from '../../src/core/logger.js'
import type { Host } from '../../src/core/upstream.js'
import { type CheckResult, cut, refused, SUCCESS, timedOut } from '../../src/upstream/health/check.js'
import { type HealthTimings, healthChecksSchema } from '../../src/upstream/health/config.js'
import { HealthChecker } from '../../src/upstream/health/health-checker.js'
import { HostChecker } from '../../src/upstream/health/host-checker.js'
import { createHost } from '../../src/upstream/host.js'
import { FakeClock } from '../support/fake-clock.js'

const ENDPOINT = { address: { kind: 'tcp', host: '10.0.0.1', port: 1 }, hostname: '', weight: 1 } as const
const HOST = createHost(ENDPOINT)
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A checker whose checks end when the test says so. */
function setUp(t: Test, settings: Partial<HealthTimings> & { random?: number } = {}) {
  const { random = 0, ...timings } = settings
  const clock = new FakeClock()
  const health = new HostHealth()
  const changes: string[] = []
  const asked: { readonly signal: AbortSignal; readonly end: (result: CheckResult) => void }[] = []
  const checker = new HostChecker(HOST, health, {
    check: (_, signal) => new Promise((end) => asked.push({ signal, end })),
    timings: { ...(healthChecksSchema.parse({ kind: 'tcp' }) as HealthTimings), ...timings },
    clock,
    random: () => random,
    changed: (_, from) => changes.push(`${from} > ${health.state}`),
  })
  t.teardown(() => checker.close())
  return {
    clock,
    health,
    changes,
    asked,
    checker,
    /** The next check, ended so. */
    next: async (result: CheckResult) => {
      if (asked.length > 0) clock.advance(5_000)
      else checker.start()
      asked.at(-1)?.end(result)
      await turn()
    },
  }
}

const ROWS: readonly (readonly [name: string, results: string, states: string])[] = [
  ['the first success decides', 's', 'h'],
  ['the first failure decides, whatever it is', 't', 'u'],
  ['three failures in a row make it unhealthy', 'sttt', 'hhhu'],
  ['failures of all kinds are one row', 'stnt', 'hhhu'],
  ['a success ends a row of failures', 'sttsttsttt', 'hhhhhhhhhu'],
  ['an answer that says no is enough', 'sf', 'hu'],
  ['so is a refused connection', 'sr', 'hu'],
  ['two successes in a row make it healthy again', 'rss', 'uuh'],
  ['a failure ends a row of successes', 'rstsfsrss', 'uuuuuuuuh'],
  ['rows start anew with each state', 'sttrsttsrss', 'hhhuuuuuuuh'],
  ['a row does not reach past a change', 'rssttt', 'uuhhhu'],
]

const RESULTS: Readonly<Record<string, CheckResult>> = {
  s: SUCCESS,
  t: timedOut('late'),
  n: cut('broken'),
  f: refused('503'),
  r: { ...cut('refused'), isFinal: true },
}

for (const [name, results, states] of ROWS) {
  t.test(name, async (t) => {
    const { health, next, changes } = setUp(t)
    let found = ''
    for (const letter of results) {
      await next(RESULTS[letter] ?? SUCCESS)
      found += health.state.charAt(0)
    }
    t.equal(found, states)
    const expected = [...states].filter((state, i) => state !== states[i - 1]).length
    t.equal(changes.length, expected, 'a change is told once')
    t.equal(health.turnedHealthy + health.turnedUnhealthy, expected)
  })
}

t.test('each end of a check is counted, and the last reason kept until the host is healthy', async (t) => {
  const { health, next, changes } = setUp(t)
  await next(SUCCESS)
  t.match(health, { state: 'healthy', reason: '', successes: 1 })
  await next(timedOut('late'))
  t.match(health, { state: 'healthy', reason: 'late', timeouts: 1 }, 'a healthy host may have failed, too')
  await next(SUCCESS)
  t.equal(health.reason, '')
  await next(refused('status 503'))
  t.match(health, { state: 'unhealthy', reason: 'status 503', failures: 1, turnedUnhealthy: 1 })
  await next(cut('broken'))
  t.match(health, { reason: 'broken', networkFailures: 1 })
  await next(SUCCESS)
  t.match(health, { state: 'unhealthy', reason: 'broken' }, 'why it is unhealthy still')
  await next(SUCCESS)
  t.match(health, { state: 'healthy', reason: '', successes: 4, turnedHealthy: 2 })
  t.strictSame(changes, ['unknown > healthy', 'healthy > unhealthy', 'unhealthy > healthy'])
})

t.test('a check has its time, and the next one waits for its end: never two at once', async (t) => {
  const { clock, health, asked, checker } = setUp(t, { timeout: 20_000 })
  checker.start()
  t.equal(asked.length, 1, 'the first check is at once')
  clock.advance(19_999)
  t.equal(asked.length, 1)
  t.equal(asked[0]?.signal.aborted, false)
  clock.advance(1)
  t.equal(asked[0]?.signal.aborted, true)
  clock.advance(60_000)
  t.equal(asked.length, 1, 'a check that does not end holds up the next')
  asked[0]?.end(SUCCESS)
  await turn()
  t.match(health, { state: 'unhealthy', timeouts: 1, successes: 0, reason: 'it gave no answer in time' })
  clock.advance(4_999)
  t.equal(asked.length, 1)
  clock.advance(1)
  t.equal(asked.length, 2)
  t.equal(asked[1]?.signal.aborted, false, 'with time of its own')
})

t.test('intervals are spread, the first by a setting of its own', async (t) => {
  const timings = { interval: 10_000, interval_jitter_percent: 20, initial_jitter: 4_000 }
  const { clock, asked, checker } = setUp(t, { ...timings, random: 0.5 })
  checker.start()
  clock.advance(1_999)
  t.equal(asked.length, 0)
  clock.advance(1)
  t.equal(asked.length, 1)
  asked[0]?.end(SUCCESS)
  await turn()
  clock.advance(10_999)
  t.equal(asked.length, 1)
  clock.advance(1)
  t.equal(asked.length, 2)
})

t.test('after its end a checker asks no more, and tells nobody what it heard', async (t) => {
  const { clock, health, asked, checker, changes } = setUp(t)
  checker.start()
  checker.close()
  t.equal(asked[0]?.signal.aborted, true)
  asked[0]?.end(refused('no'))
  await turn()
  t.match(health, { state: 'unknown', failures: 0, timeouts: 0, reason: '' })
  t.strictSame([changes, clock.waiting], [[], 0])

  const waiting = setUp(t)
  await waiting.next(SUCCESS)
  waiting.checker.close()
  t.equal(waiting.clock.waiting, 0)
})

t.test('a host of a known name and another health is another host: the one before is checked no more', async (t) => {
  const clock = new FakeClock()
  const asked: Host[] = []
  const checker = new HealthChecker({
    cluster: 'shop',
    check: (host) => {
      asked.push(host)
      return Promise.resolve(SUCCESS)
    },
    timings: healthChecksSchema.parse({ kind: 'tcp' }),
    clock,
    random: () => 0,
    logger: silentLogger,
  })
  t.teardown(() => checker.close())
  const [old, other] = [createHost(ENDPOINT), createHost(ENDPOINT)]
  const heavier = createHost({ ...ENDPOINT, weight: 3 })
  checker.watch([old], () => undefined)
  await turn()
  checker.watch([other], () => undefined)
  await turn()
  heavier.state.health = other.state.health
  checker.watch([heavier], () => undefined)
  await turn()
  t.equal(clock.waiting, 1)
  clock.advance(5_000)
  t.strictSame(
    asked.map((host) => [old, other, heavier].indexOf(host)),
    [0, 1, 2],
    'the same server is not checked anew',
  )
})
