import type { HostHealth } from '../core/health.js'
import type { Host } from '../core/upstream.js'
import type { Sample } from './counters.js'
import type { Exposed } from './exposition.js'
import { FAMILIES, type FamilyKey } from './families.js'
import { formatLabels } from './label-text.js'

interface Checked {
  readonly name: string
  readonly hosts: Iterable<Host>
}

/** Families whose last label has fixed words, with what each word counts. */
const COUNTERS: readonly (readonly [
  FamilyKey,
  readonly (readonly [word: string, read: (h: HostHealth) => number])[],
])[] = [
  [
    'healthChecks',
    [
      ['success', (h) => h.successes],
      ['failure', (h) => h.failures],
      ['network_failure', (h) => h.networkFailures],
      ['timeout', (h) => h.timeouts],
    ],
  ],
  [
    'healthTransitions',
    [
      ['healthy', (h) => h.turnedHealthy],
      ['unhealthy', (h) => h.turnedUnhealthy],
    ],
  ],
]

/** What health checks find, of hosts that are checked. */
export function exposeHealth(clusters: readonly Checked[]): Exposed[] {
  const checked = clusters.flatMap(({ name: cluster, hosts }) =>
    [...hosts].flatMap(({ name, state: { health } }) =>
      health === undefined ? [] : [{ labels: [cluster, name], health }],
    ),
  )
  // Not known is neither.
  const known = checked.filter(({ health }) => health.state !== 'unknown')
  const healthy = known.map(({ labels, health }) => sampleOf('hostHealthy', labels, health.state === 'healthy' ? 1 : 0))
  return [
    { kind: 'samples', family: FAMILIES.hostHealthy, samples: healthy },
    ...COUNTERS.map(([key, words]): Exposed => {
      const samples = checked.flatMap(({ labels, health }) =>
        words.map(([word, read]) => sampleOf(key, [...labels, word], read(health))),
      )
      return { kind: 'samples', family: FAMILIES[key], samples }
    }),
  ]
}

const sampleOf = (key: FamilyKey, values: readonly string[], value: number): Sample => ({
  labels: formatLabels(FAMILIES[key].labels, values),
  value,
})
