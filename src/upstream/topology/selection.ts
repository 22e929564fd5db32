import type { TopologyMember, TopologySnapshot } from '../../core/topology.js'

export type ReadPreferenceMode = 'primary' | 'primary_preferred' | 'secondary' | 'secondary_preferred' | 'nearest'

/** Which members a connection that may go to any may go to, in the words of drivers. (Server Selection, "Read Preference") */
export interface ReadPreference {
  readonly mode: ReadPreferenceMode
  /** In order; the first that any member fits counts. An empty one fits all. */
  readonly tags: readonly Readonly<Record<string, string>>[]
  /** 0 is off. By the lag that the topology tells: a lower bound. */
  readonly max_staleness: number
  /** Of those that fit, the ones whose round trip is at most so much longer than the nearest's. */
  readonly latency_window: number
}

/**
 * Members that may be used, in the topology's order. Empty when none may: a primary's place is never taken by another member
 * unless the mode says so.
 */
export function selectMembers(snapshot: TopologySnapshot, preference: ReadPreference): readonly TopologyMember[] {
  const up = snapshot.members.filter((member) => member.isUp && !member.isHidden)
  if (snapshot.kind !== 'replica_set') return nearest(up, preference)
  const primary = up.filter((member) => member.role === 'primary')
  const secondaries = () => fitting(up.filter(isSecondary), preference)
  switch (preference.mode) {
    case 'primary':
      return primary
    case 'primary_preferred':
      return primary.length > 0 ? primary : nearest(secondaries(), preference)
    case 'secondary':
      return nearest(secondaries(), preference)
    case 'secondary_preferred': {
      const found = secondaries()
      return found.length > 0 ? nearest(found, preference) : primary
    }
    case 'nearest':
      return nearest(fitting([...primary, ...up.filter(isSecondary)], preference), preference)
    default:
      return preference.mode satisfies never
  }
}

const isSecondary = (member: TopologyMember): boolean => member.role === 'secondary'

function fitting(members: readonly TopologyMember[], preference: ReadPreference): readonly TopologyMember[] {
  const { max_staleness, tags } = preference
  const fresh = max_staleness === 0 ? members : members.filter(({ lagMs }) => (lagMs ?? 0) <= max_staleness)
  if (tags.length === 0) return fresh
  for (const set of tags) {
    const found = fresh.filter((member) => Object.entries(set).every(([key, tag]) => member.tags.get(key) === tag))
    if (found.length > 0) return found
  }
  return []
}

/** (Server Selection, "Latency window".) A member whose round trip is not known yet counts as the nearest. */
function nearest(members: readonly TopologyMember[], { latency_window }: ReadPreference): readonly TopologyMember[] {
  const shortestMs = Math.min(...members.map(({ rttMs }) => rttMs ?? 0))
  return members.filter(({ rttMs }) => (rttMs ?? 0) <= shortestMs + latency_window)
}
