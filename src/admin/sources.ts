import type { ConnectionInfo } from '../core/connection.js'
import type { DigestQuery, DigestsReport, SlowReport } from '../core/reports.js'
import type { ClusterStats } from '../core/stats.js'
import type { TopologyView } from '../core/topology.js'
import type { HostSet } from '../core/upstream.js'

export type GroupBy = 'command' | 'collection'

/** One line of the page: one command on one collection, or all commands on it. Rates are per second. */
export interface OperationRow {
  /** OpenTelemetry's `db.system.name`, or `http`. */
  readonly protocol: string
  readonly cluster: string
  readonly database: string
  readonly collection: string
  /** '' when the row is all commands of a collection. */
  readonly command: string
  /** Some of the tables of operations over several, which have no collection of their own. */
  readonly tables: readonly string[]
  /** The driver's own: hello, ping, authentication. */
  readonly isControl: boolean
  readonly rate: number
  readonly errorRate: number
  readonly awaitedRate: number
  readonly documentsRate: number
  readonly bytesRate: number
  /** null when nothing was ever timed. */
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
  /** The percentiles are of the last minute, not of all time. */
  readonly isRecent: boolean
  readonly operations: number
  readonly errors: number
  readonly awaited: number
  readonly documentsReturned: number
  readonly documentsSent: number
  readonly requestBytes: number
  readonly replyBytes: number
  /** Of protocols inside HTTP; null for the rest. */
  readonly calls: CallNumbers | null
}

/** What protocols inside HTTP tell besides. Rates are per second, the rest is since the start. */
export interface CallNumbers {
  readonly readUnitsRate: number
  readonly writeUnitsRate: number
  readonly throttledRate: number
  readonly readUnits: number
  readonly writeUnits: number
  readonly throttled: number
  readonly retries: number
  readonly unprocessed: number
  readonly scanned: number
}

/** One table, whatever the operations: one over several tables counts for each. */
export interface TableRow extends Omit<CallNumbers, 'scanned'> {
  readonly protocol: string
  readonly cluster: string
  readonly table: string
  readonly rate: number
  readonly errorRate: number
  readonly operations: number
  readonly errors: number
}

export interface TablesReport {
  readonly rows: readonly TableRow[]
  /** How many rows there would be without the limit. */
  readonly rowsTotal: number
}

export interface OperationsReport {
  readonly totals: {
    readonly rate: number
    readonly errorRate: number
    readonly operations: number
    readonly errors: number
    readonly awaited: number
  }
  readonly rows: readonly OperationRow[]
  /** How many rows there would be without the limit. */
  readonly rowsTotal: number
}

export interface AdminListener {
  readonly name: string
  readonly protocol: string
  readonly cluster: string
  /** As bound; '' before. */
  readonly address: string
  /** What to give to applications, never with a password; '' when the protocol has no such thing. */
  readonly uri: string
}

export interface AdminCluster {
  readonly name: string
  readonly stats: ClusterStats
  readonly hosts: HostSet
  /** Of clusters whose members are watched. */
  readonly topology: Pick<TopologyView, 'snapshot' | 'stats'> | undefined
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

/** What one host answers. Awaited, unacknowledged, refused and aborted operations are left out. */
export interface MemberTraffic {
  /** Per second. */
  readonly rate: number
  /** null when nothing was ever timed. */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  /** The percentiles are of the last minute, not of all time. */
  readonly isRecent: boolean
}

/** Everything that the admin server tells or does; filled by the composition root. All are called per request. */
export interface AdminSources {
  readonly version: string
  metrics(accept: string | undefined): { readonly contentType: string; readonly body: AsyncIterable<string> }
  operations(by: GroupBy): OperationsReport
  tables(): TablesReport
  digests(query: DigestQuery): DigestsReport
  slow(limit: number): SlowReport
  live(): { readonly connections: number; readonly active: number; readonly awaitedActive: number }
  listeners(): readonly AdminListener[]
  clusters(): readonly AdminCluster[]
  memberListeners(): readonly MemberListener[]
  /** By the names of a cluster and its host; undefined when that can't be told. */
  memberTraffic(cluster: string, host: string): MemberTraffic | undefined
  connections(): Iterable<ConnectionInfo>
  /** The config that runs, filled in. Secrets are taken out here once more. */
  configDump(): unknown
  /** `reason` is shown when it is not ready: `starting`, `draining`. */
  readiness(): { readonly ready: boolean; readonly reason: string }
  /** Starts the drain and returns at once. */
  drain(): void
}
