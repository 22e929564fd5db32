import type { TopologyEvent, TopologyMember, TopologySnapshot } from '../../core/topology.js'

/** What happened between two snapshots, removals first, the primary last. */
export function topologyEvents(before: TopologySnapshot, after: TopologySnapshot): readonly TopologyEvent[] {
  const events: TopologyEvent[] = []
  const known = new Map(before.members.map((member) => [member.name, member]))
  const present = new Set(after.members.map((member) => member.name))
  for (const { name } of before.members) if (!present.has(name)) events.push({ kind: 'member_removed', name })
  for (const member of after.members) addMemberEvents(events, known.get(member.name), member)
  if (before.primary !== after.primary) {
    events.push({ kind: 'primary_changed', from: before.primary, to: after.primary })
  }
  return events
}

function addMemberEvents(events: TopologyEvent[], before: TopologyMember | undefined, after: TopologyMember): void {
  const { name } = after
  const wasUp = before?.isUp ?? false
  // Down after it was up, or told to be unusable for the first time; a member nobody asked yet is no news.
  const wasDown = before !== undefined && !before.isUp && before.reason !== ''
  const from = before?.role ?? 'unknown'
  if (before === undefined) events.push({ kind: 'member_added', name, isSeed: after.isSeed })
  else if (before.isSeed && !after.isSeed) events.push({ kind: 'member_confirmed', name })
  if (after.isUp && !wasUp) events.push({ kind: 'member_up', name })
  if (!after.isUp && after.reason !== '' && !wasDown) {
    events.push({ kind: 'member_down', name, reason: after.reason })
  }
  if (from !== after.role) events.push({ kind: 'role_changed', name, from, to: after.role })
}

/** Equal but for measurements. */
export function isSameTopology(a: TopologySnapshot, b: TopologySnapshot): boolean {
  return (
    a.kind === b.kind &&
    a.setName === b.setName &&
    a.primary === b.primary &&
    a.members.length === b.members.length &&
    a.members.every((member, index) => isSameMember(member, b.members[index]))
  )
}

function isSameMember(a: TopologyMember, b: TopologyMember | undefined): boolean {
  return (
    b !== undefined &&
    a.name === b.name &&
    a.isSeed === b.isSeed &&
    a.role === b.role &&
    a.isUp === b.isUp &&
    a.reason === b.reason &&
    a.isHidden === b.isHidden &&
    a.isArbiter === b.isArbiter &&
    areSameTags(a.tags, b.tags)
  )
}

function areSameTags(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  if (a === b) return true
  if (a.size !== b.size) return false
  for (const [key, value] of a) if (b.get(key) !== value) return false
  return true
}
