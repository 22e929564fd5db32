import type { MemberRole } from '../../core/probe.js'

export type TopologyKind =
  /** Nobody has said yet what this is. */
  | 'unknown'
  | 'replica_set'
  /** One server of its own; it counts as its own primary. */
  | 'standalone'
  /** Each speaks for a whole cluster; none is a primary. */
  | 'routers'

/** `unknown`: not asked yet, does not answer, or is not to be used. */
export type TopologyRole = MemberRole | 'unknown'

/** What is known of one member. Everything but the three measurements stays the same object's word until `version` moves. */
export interface TopologyMember {
  /** As the set gives it; of a seed, as it was configured. */
  readonly name: string
  /** Only the config names it so far: no member that clients should be told of. */
  readonly isSeed: boolean
  readonly role: TopologyRole
  /** It answers, belongs to this set and is who it is taken for. */
  readonly isUp: boolean
  /** Why it is not up, or up without the role that it claims; '' when there is nothing to say. Never holds data of users. */
  readonly reason: string
  readonly isHidden: boolean
  readonly isArbiter: boolean
  readonly tags: ReadonlyMap<string, string>
  /** Measurement. Moving average; undefined until measured and while it is down. */
  readonly rttMs: number | undefined
  /** Measurement. How far a secondary's data is behind the primary's, or behind the freshest secondary without one. */
  readonly lagMs: number | undefined
  /** Measurement. On the clock's monotonic time; undefined before the first report. */
  readonly lastReportAtMs: number | undefined
}

/** Immutable; replaced whole by every report. */
export interface TopologySnapshot {
  /** Counts up, from 0, with each change of anything but measurements. */
  readonly version: number
  readonly kind: TopologyKind
  /** '' when none is configured and none was heard yet. */
  readonly setName: string
  /** Whom writes go to; '' when there is nobody, or each member will do (routers). */
  readonly primary: string
  /** In the order in which they came. */
  readonly members: readonly TopologyMember[]
}

/** One change from a snapshot to the next. Each is told once. */
export type TopologyEvent =
  | { readonly kind: 'member_added'; readonly name: string; readonly isSeed: boolean }
  /** A seed that the set itself names. */
  | { readonly kind: 'member_confirmed'; readonly name: string }
  | { readonly kind: 'member_removed'; readonly name: string }
  | { readonly kind: 'member_up'; readonly name: string }
  | { readonly kind: 'member_down'; readonly name: string; readonly reason: string }
  | { readonly kind: 'role_changed'; readonly name: string; readonly from: TopologyRole; readonly to: TopologyRole }
  | { readonly kind: 'primary_changed'; readonly from: string; readonly to: string }

/** Plain counters, summable over workers. */
export class TopologyStats {
  /** Changes of primary after the first one known; the same member elected again counts when its loss was seen. */
  elections = 0
  /** Changes of the member list that a primary gave. */
  reconfigs = 0
  probeFailures = 0
  /** Reports of a primary that an already known election replaced. */
  stalePrimaryReports = 0
  /** Reports that were overtaken by a newer one of the same process. */
  outdatedReports = 0
  /** Reports in which a member called itself by another member's name. */
  identityMismatches = 0
  /** Names left out: malformed, too long, or past the 50 members that a set can have. */
  namesRefused = 0
}

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
