import type { TopologyMember, TopologyStats, TopologyView } from '../core/topology.js'
import type { Sample } from './counters.js'
import type { Exposed } from './exposition.js'
import { FAMILIES, type FamilyKey } from './families.js'
import { formatLabels } from './label-text.js'

interface Watched {
  readonly name: string
  readonly topology: Pick<TopologyView, 'snapshot' | 'stats'> | undefined
}

/** Undefined: not known now, so there is no sample. A last known value would look like one of today. */
const MEMBER_READS: readonly (readonly [FamilyKey, (member: TopologyMember) => number | undefined])[] = [
  ['memberUp', ({ isUp }) => (isUp ? 1 : 0)],
  ['memberLag', ({ lagMs }) => inSeconds(lagMs)],
  ['memberRtt', ({ rttMs }) => inSeconds(rttMs)],
]

const STATS_READS: readonly (readonly [FamilyKey, (stats: TopologyStats) => number])[] = [
  ['elections', (s) => s.elections],
  ['reconfigs', (s) => s.reconfigs],
  ['probeFailures', (s) => s.probeFailures],
  ['stalePrimaryReports', (s) => s.stalePrimaryReports],
  ['outdatedReports', (s) => s.outdatedReports],
  ['namesRefused', (s) => s.namesRefused],
  ['identityMismatches', (s) => s.identityMismatches],
]

const inSeconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1_000)

/** What the probes know of the members of each watched cluster. Their names come from the network, at most 50 for a set. */
export function exposeTopologies(clusters: readonly Watched[]): Exposed[] {
  const watched = clusters.flatMap(({ name, topology }) =>
    topology === undefined ? [] : [{ name, ...read(topology) }],
  )
  const members = watched.flatMap(({ name: cluster, snapshot }) =>
    snapshot.members.map((member) => ({ cluster, member })),
  )
  const roles = members.map(({ cluster, member: { name, role } }) => sampleOf('memberRole', [cluster, name, role], 1))
  return [
    { kind: 'samples', family: FAMILIES.memberRole, samples: roles },
    ...MEMBER_READS.map(([key, measure]): Exposed => {
      const samples = members.flatMap(({ cluster, member }) => {
        const value = measure(member)
        return value === undefined ? [] : [sampleOf(key, [cluster, member.name], value)]
      })
      return { kind: 'samples', family: FAMILIES[key], samples }
    }),
    ...STATS_READS.map(([key, measure]): Exposed => {
      const samples = watched.map(({ name, stats }) => sampleOf(key, [name], measure(stats)))
      return { kind: 'samples', family: FAMILIES[key], samples }
    }),
  ]
}

/** A getter of a class is no own property: a spread of the view would lose it. */
const read = ({ snapshot, stats }: Pick<TopologyView, 'snapshot' | 'stats'>) => ({ snapshot, stats })

const sampleOf = (key: FamilyKey, values: readonly string[], value: number): Sample => ({
  labels: formatLabels(FAMILIES[key].labels, values),
  value,
})
