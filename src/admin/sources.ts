import type { ConnectionInfo } from '../core/connection.js'
import type {
  CollectionName,
  DigestQuery,
  DigestsReport,
  GroupBy,
  HistoryQuery,
  HistoryReport,
  MemberTraffic,
  OperationsReport,
  SlowReport,
  TablesReport,
} from '../core/reports.js'
import type { ClusterStats } from '../core/stats.js'
import type { TopologyView } from '../core/topology.js'
import type { HostSet } from '../core/upstream.js'
import type { AdminListener, MemberListener } from './frames.js'

export interface AdminCluster {
  readonly name: string
  readonly stats: ClusterStats
  readonly hosts: HostSet
  /** Of clusters whose members are watched. */
  readonly topology: Pick<TopologyView, 'snapshot' | 'stats'> | undefined
}

/** Everything that the admin server tells or does; filled by the composition root. All are called per request. */
export interface AdminSources {
  readonly version: string
  metrics(accept: string | undefined): { readonly contentType: string; readonly body: AsyncIterable<string> }
  /** @param of the rows of one collection alone; the totals are of everything all the same */
  operations(by: GroupBy, of?: CollectionName): OperationsReport
  tables(): TablesReport
  digests(query: DigestQuery): DigestsReport
  slow(limit: number): SlowReport
  /** @param of undefined: everything @param maxSteps the last of them */
  history(of: HistoryQuery | undefined, maxSteps?: number): HistoryReport
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
