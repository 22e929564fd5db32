// What the server tells the page: types alone, for both sides. The page has no Node.js, so nothing here may need it.

import type { HealthState } from '../core/health.js'
import type {
  DigestsReport,
  HistoryReport,
  MemberTraffic,
  OperationRow,
  OperationTotals,
  SlowReport,
  TablesReport,
} from '../core/reports.js'
import type { TopologyKind, TopologyRole, TopologyStats } from '../core/topology.js'

export interface AdminListener {
  readonly name: string
  readonly protocol: string
  readonly cluster: string
  /** As bound; '' before. */
  readonly address: string
  /** What to give to applications, never with a password; '' when the protocol has no such thing. */
  readonly uri: string
}

/** What a listener in mode `members` does for one member of the set. */
export interface MemberListener {
  readonly cluster: string
  readonly listener: string
  readonly member: string
  /** As clients are told; '' when they can't be led to it. */
  readonly address: string
  /** Why there is no address. */
  readonly reason: string
}

/** What was counted for a host; null where that is not known. */
export interface HostReport {
  readonly name: string
  readonly isUsable: boolean
  readonly connections: number
  readonly operations: number
  readonly failures: number
  /** null when nobody checks it. */
  readonly health: { readonly state: HealthState; readonly reason: string } | null
  readonly traffic: MemberTraffic | null
}

export interface MemberReport {
  readonly name: string
  readonly role: TopologyRole
  readonly isPrimary: boolean
  readonly isUp: boolean
  readonly reason: string
  readonly isSeed: boolean
  readonly isHidden: boolean
  readonly isArbiter: boolean
  readonly tags: Readonly<Record<string, string>>
  readonly lagMs: number | null
  readonly rttMs: number | null
  /** Where clients reach it, per listener in mode `members`. */
  readonly listeners: readonly Omit<MemberListener, 'cluster' | 'member'>[]
  /** null when its name is no address: nobody can connect to it. */
  readonly host: HostReport | null
}

export interface TopologyReport {
  readonly cluster: string
  readonly kind: TopologyKind
  readonly setName: string
  /** '' when there is none. */
  readonly primary: string
  readonly version: number
  readonly stats: TopologyStats
  readonly members: readonly MemberReport[]
}

export interface ClusterReport {
  readonly name: string
  /** No host is known to be usable, so all are used. */
  readonly isPanic: boolean
  readonly hosts: readonly HostReport[]
  readonly topology: TopologyReport | undefined
}

export interface ConnectionRow {
  readonly id: number
  readonly listener: string
  readonly cluster: string
  readonly peer: string
  /** '' while it has none. */
  readonly host: string
  readonly ageMs: number
  readonly application: string
  readonly driver: string
  readonly driverVersion: string
  readonly bytesReceived: number
  readonly bytesSent: number
  readonly operations: number
}

export interface ConnectionsReport {
  readonly total: number
  readonly connections: readonly ConnectionRow[]
}

/** The views of `/events`. */
export type ViewName =
  | 'overview'
  | 'collections'
  | 'collection'
  | 'shapes'
  | 'shape'
  | 'slow'
  | 'operation'
  | 'members'
  | 'tables'
  | 'connections'

/** One event: all that its view shows; the optional parts are those of some views. */
export interface Frame extends ViewParts {
  readonly view: ViewName
  /** `bootId`: of this process. Another one begins its numbers anew. */
  readonly product: { readonly name: string; readonly version: string; readonly bootId: string }
  readonly readiness: { readonly ready: boolean; readonly reason: string }
  readonly live: { readonly connections: number; readonly active: number; readonly awaitedActive: number }
  readonly totals: OperationTotals
  /** The last step of the history of everything: a page that has those before needs no more. */
  readonly last: HistoryReport
  readonly slowTotal: number
  readonly tablesTotal: number
  /** Where a trace is looked at, with `{trace_id}` in it; '' when nobody said. */
  readonly traceUrl: string
}

export interface ViewParts {
  /** Of a collection: all commands together. */
  readonly all?: readonly OperationRow[]
  readonly rows?: readonly OperationRow[]
  readonly rowsTotal?: number
  readonly digests?: DigestsReport
  readonly slow?: SlowReport
  readonly topologies?: readonly TopologyReport[]
  readonly checked?: readonly ClusterReport[]
  readonly listeners?: readonly AdminListener[]
  readonly tables?: TablesReport
  readonly open?: ConnectionsReport
}
