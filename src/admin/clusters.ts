import type { TopologyMember } from '../core/topology.js'
import type { Host } from '../core/upstream.js'
import type { ClusterReport, HostReport, MemberListener, MemberReport, TopologyReport } from './frames.js'
import type { AdminCluster, AdminSources } from './sources.js'

type Sources = Pick<AdminSources, 'memberListeners' | 'memberTraffic'>

export function clusterReports(clusters: readonly AdminCluster[], sources: Sources): readonly ClusterReport[] {
  const listeners = sources.memberListeners()
  return clusters.map((cluster) => {
    const hosts = hostReports(cluster, sources)
    return { name: cluster.name, isPanic: isPanic(cluster), hosts, topology: topologyReport(cluster, hosts, listeners) }
  })
}

/** Of watched clusters alone: what the page draws. */
export function topologyReports(clusters: readonly AdminCluster[], sources: Sources): readonly TopologyReport[] {
  const watched = clusters.filter(({ topology }) => topology !== undefined)
  return clusterReports(watched, sources).flatMap(({ topology }) => topology ?? [])
}

/** Of clusters whose hosts are checked, but not watched: what the page draws. */
export function checkedReports(clusters: readonly AdminCluster[], sources: Sources): readonly ClusterReport[] {
  const checked = clusters.filter(({ hosts, topology }) => topology === undefined && hosts.all.some(hasHealth))
  return clusterReports(checked, sources)
}

const hasHealth = ({ state }: Host): boolean => state.health !== undefined

const isPanic = ({ hosts }: AdminCluster): boolean => hosts.usable.length === 0 && hosts.all.length > 0

/** Everything of every cluster, with all counters. */
export function clustersJson(clusters: readonly AdminCluster[], sources: Sources): unknown {
  const reports = clusterReports(clusters, sources)
  return clusters.map(({ name, stats, hosts }, i) => ({
    name,
    version: hosts.version,
    panic: reports[i]?.isPanic ?? false,
    stats: { ...stats },
    topology: reports[i]?.topology ?? null,
    hosts: hosts.all.map((host) =>
      hostJson(
        host,
        reports[i]?.hosts.find((one) => one.name === host.name),
      ),
    ),
  }))
}

function hostJson({ name, hostname, weight, stats, state }: Host, report: HostReport | undefined): unknown {
  const { isUsable: usable = false, traffic = null } = report ?? {}
  const health = state.health === undefined ? null : { ...state.health }
  return { name, hostname, role: state.role, usable, health, weight, stats: { ...stats }, traffic }
}

function hostReports({ name: cluster, hosts }: AdminCluster, { memberTraffic }: Sources): readonly HostReport[] {
  const usable = new Set(hosts.usable)
  return hosts.all.map((host) => ({
    name: host.name,
    isUsable: usable.has(host),
    connections: host.stats.connectionsActive,
    operations: host.stats.operationsTotal,
    failures: host.stats.operationsFailed,
    health: healthOf(host),
    traffic: memberTraffic(cluster, host.name) ?? null,
  }))
}

function healthOf({ state: { health } }: Host): HostReport['health'] {
  return health === undefined ? null : { state: health.state, reason: health.reason }
}

function topologyReport(
  { name: cluster, topology }: AdminCluster,
  hosts: readonly HostReport[],
  listeners: readonly MemberListener[],
): TopologyReport | undefined {
  if (topology === undefined) return undefined
  const { kind, setName, primary, version, members } = topology.snapshot
  const own = listeners.filter((one) => one.cluster === cluster)
  const reported = members.map((member): MemberReport => {
    const { name, lagMs = null, rttMs = null, tags } = member
    return {
      ...wordsOf(member),
      isPrimary: name === primary,
      tags: Object.fromEntries(tags),
      lagMs,
      rttMs,
      listeners: own
        .filter((one) => one.member === name)
        .map(({ listener, address, reason }) => ({ listener, address, reason })),
      host: hosts.find((host) => host.name === name) ?? null,
    }
  })
  return { cluster, kind, setName, primary, version, stats: { ...topology.stats }, members: reported }
}

function wordsOf({ name, role, isUp, reason, isSeed, isHidden, isArbiter }: TopologyMember) {
  return { name, role, isUp, reason, isSeed, isHidden, isArbiter }
}
