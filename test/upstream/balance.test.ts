import fc from 'fast-check'
import t from 'tap'
import type { Host } from '../../src/core/upstream.js'
import { createLoadBalancer } from '../../src/upstream/balance/registry.js'
import { createHost } from '../../src/upstream/host.js'
import { seededRandom } from '../support/seeded-random.js'

const hostsOf = (weights: readonly number[]): Host[] =>
  weights.map((weight, i) =>
    createHost({ address: { kind: 'tcp', host: `10.0.0.${i + 1}`, port: 1 }, hostname: '', weight }),
  )

const weightsArbitrary = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 7 })
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)

t.test('round robin gives every host its exact share of each round, wherever it starts', (t) => {
  fc.assert(
    fc.property(weightsArbitrary, fc.integer(), fc.integer({ min: 1, max: 5 }), (weights, seed, rounds) => {
      const hosts = hostsOf(weights)
      const picker = createLoadBalancer('round_robin', seededRandom(seed)).build(hosts)
      const turns = new Map<Host | undefined, number>()
      for (let i = 0; i < sum(weights) * rounds; i++) {
        const host = picker.pick({})
        turns.set(host, (turns.get(host) ?? 0) + 1)
      }
      return hosts.every((host) => turns.get(host) === host.weight * rounds)
    }),
    { numRuns: 200, seed: 1 },
  )
  t.end()
})

t.test('round robin spreads the turns of a heavy host between the others', (t) => {
  const hosts = hostsOf([4, 1, 1])
  const picker = createLoadBalancer('round_robin', () => 0).build(hosts)
  const order = Array.from({ length: 6 }, () => hosts.indexOf(picker.pick({}) as Host)).join('')
  t.equal(order, '001020')
  t.end()
})

for (const type of ['round_robin', 'least_request', 'random'] as const) {
  t.test(`${type} never picks a host that failed already, and finds any other`, (t) => {
    fc.assert(
      fc.property(weightsArbitrary, fc.integer(), fc.nat(127), (weights, seed, mask) => {
        const hosts = hostsOf(weights)
        const not = new Set(hosts.filter((_, i) => (mask >> i) & 1))
        const picker = createLoadBalancer(type, seededRandom(seed)).build(hosts)
        const picks = Array.from({ length: 5 }, () => picker.pick({ not }))
        if (not.size === hosts.length) return picks.every((host) => host === undefined)
        return picks.every((host) => host !== undefined && !not.has(host))
      }),
      { numRuns: 300, seed: 2 },
    )
    t.equal(
      createLoadBalancer(type, () => 0)
        .build([])
        .pick({}),
      undefined,
      'no host at all',
    )
    t.end()
  })
}

t.test('random gives each host the share of its weight, in no order, and the same to what is left', (t) => {
  for (const [weights, not, expected] of [
    [[1, 1, 1, 1], [], [0.25, 0.25, 0.25, 0.25]],
    [[5, 3, 2], [], [0.5, 0.3, 0.2]],
    [[5, 3, 2], [0], [0, 0.6, 0.4]],
    [[1, 1, 1], [1], [0.5, 0, 0.5]],
  ] as const) {
    const hosts = hostsOf(weights)
    const want = not.length === 0 ? {} : { not: new Set(not.map((i) => hosts[i] as Host)) }
    const picker = createLoadBalancer('random', seededRandom(5)).build(hosts)
    const picks = Array.from({ length: 20_000 }, () => hosts.indexOf(picker.pick(want) as Host))
    const shares = hosts.map((_, i) => picks.filter((pick) => pick === i).length / picks.length)
    const isNear = shares.every((share, i) => Math.abs(share - (expected[i] ?? 0)) < 0.02)
    t.ok(isNear, `weights ${weights} without ${not}: ${shares}`)
    const repeats = picks.filter((pick, i) => pick === picks[i + 1]).length / picks.length
    const chance = sum(shares.map((share) => share * share))
    t.ok(Math.abs(repeats - chance) < 0.02, `the last pick says nothing of the next: ${repeats}, ${chance}`)
  }
  t.end()
})

t.test('least request keeps held connections in proportion to the weights', (t) => {
  fc.assert(
    fc.property(weightsArbitrary, fc.integer(), (weights, seed) => {
      const hosts = hostsOf(weights)
      const picker = createLoadBalancer('least_request', seededRandom(seed)).build(hosts)
      const perWeight = 200
      for (let i = 0; i < sum(weights) * perWeight; i++) {
        const host = picker.pick({})
        if (host !== undefined) host.stats.connectionsActive++
      }
      // Two choices keep every host near its share; one random choice strays by ten times as much.
      return hosts.every((host) => Math.abs(host.stats.connectionsActive / host.weight - perWeight) < perWeight * 0.1)
    }),
    { numRuns: 40, seed: 3 },
  )
  t.end()
})

t.test('least request prefers the host with fewer operations in flight', (t) => {
  const hosts = hostsOf([1, 1])
  const [busy, idle] = hosts as [Host, Host]
  busy.stats.operationsActive = 5
  const picker = createLoadBalancer('least_request', seededRandom(4)).build(hosts)
  t.ok(Array.from({ length: 50 }, () => picker.pick({})).every((host) => host === idle))
  t.end()
})
