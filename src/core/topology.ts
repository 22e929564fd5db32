import type { MemberRole } from './probe.js'

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

export type TopologyListener = (snapshot: TopologySnapshot, events: readonly TopologyEvent[]) => void

/** The topology of a cluster, by what others may do with it. */
export interface TopologyView {
  readonly snapshot: TopologySnapshot
  readonly stats: TopologyStats
  /** Called after each change but those of measurements alone. Returns how to stop. A listener that throws is logged, the others go on. */
  onChanged(listener: TopologyListener): () => void
  /** The first snapshot, from now on, of which the claim holds. Rejects with the signal's reason. */
  until(claim: (snapshot: TopologySnapshot) => boolean, signal: AbortSignal): Promise<TopologySnapshot>
  /** After a failure to connect to a member: probes it at once, or when 500 ms have passed since its last attempt. */
  requestCheck(name: string): void
  /**
   * A client's connection to this member reached a node that calls itself otherwise: the member is down until a probe over a
   * new connection hears the right name.
   * @param me what the node calls itself, as it came
   */
  distrust(name: string, me: string): void
}
