import type { ClusterStats, HostStats, ListenerStats } from '../core/stats.js'
import type { TopologyView } from '../core/topology.js'
import type { Host } from '../core/upstream.js'
import { exposeCertificates } from './certificate-sources.js'
import type { Sample } from './counters.js'
import type { Exposed } from './exposition.js'
import { FAMILIES, type FamilyKey } from './families.js'
import { exposeHealth } from './health-sources.js'
import { formatLabels } from './label-text.js'
import { exposeTopologies } from './topology-sources.js'

interface Breaker {
  readonly isConnectionsOpen: boolean
  readonly isPendingOpen: boolean
  readonly isRequestsOpen: boolean
  readonly isRetriesOpen: boolean
}

export interface ClusterSource {
  readonly name: string
  readonly stats: ClusterStats
  readonly hosts: Iterable<Host>
  readonly breaker: Breaker
  /** Of clusters whose members are watched. */
  readonly topology: Pick<TopologyView, 'snapshot' | 'stats'> | undefined
}

/** Counters kept elsewhere, read at each scrape: iterables stay live, so they may fill and change after they were given. */
export interface ObservationSources {
  readonly listeners: Iterable<{ readonly name: string; readonly cluster: string; readonly stats: ListenerStats }>
  readonly clusters: Iterable<ClusterSource>
  /** Of listeners in mode `members`: how many members of the set have no listener of their own. */
  readonly memberListeners: Iterable<{ readonly listener: string; readonly without: number }>
}

type Reads<S> = readonly (readonly [FamilyKey, (stats: S) => number])[]

const LISTENER_READS: Reads<ListenerStats> = [
  ['downstreamTotal', (s) => s.connectionsTotal],
  ['downstreamActive', (s) => s.connectionsActive],
  ['downstreamOverflow', (s) => s.connectionsOverflow],
  ['downstreamReceived', (s) => s.bytesReceived],
  ['downstreamSent', (s) => s.bytesSent],
  ['downstreamTlsErrors', (s) => s.tlsHandshakeErrors],
  ['readingPaused', (s) => s.readingPaused],
  ['acceptErrors', (s) => s.acceptErrors],
  ['certificateReloads', (s) => s.certificateReloads],
  ['certificateReloadFailures', (s) => s.certificateReloadFailures],
]

const HOST_READS: Reads<HostStats> = [
  ['upstreamTotal', (s) => s.connectionsTotal],
  ['upstreamActive', (s) => s.connectionsActive],
  ['connectionsIdle', (s) => s.connectionsIdle],
  ['connectsPending', (s) => s.connectsPending],
  ['hostConnectionsOverflow', (s) => s.connectionsOverflow],
  ['hostPendingOverflow', (s) => s.connectsPendingOverflow],
  ['connectFailures', (s) => s.connectFailures],
  ['connectTimeouts', (s) => s.connectTimeouts],
  ['upstreamSent', (s) => s.bytesSent],
  ['upstreamReceived', (s) => s.bytesReceived],
  ['upstreamOperations', (s) => s.operationsTotal],
  ['upstreamOperationsActive', (s) => s.operationsActive],
  ['upstreamOperationsFailed', (s) => s.operationsFailed],
]

const CLUSTER_READS: Reads<ClusterStats> = [
  ['clusterActive', (s) => s.connectionsActive],
  ['clusterPending', (s) => s.connectsPending],
  ['connectionsOverflow', (s) => s.connectionsOverflow],
  ['pendingOverflow', (s) => s.connectsPendingOverflow],
  ['requestsActive', (s) => s.requestsActive],
  ['requestRetriesActive', (s) => s.retriesActive],
  ['requestsOverflow', (s) => s.requestsOverflow],
  ['requestRetries', (s) => s.retriesTotal],
  ['requestRetriesOverflow', (s) => s.retriesOverflow],
  ['noPrimary', (s) => s.noPrimary],
  ['memberDown', (s) => s.memberDown],
  ['noUsableHost', (s) => s.noUsableHost],
  ['panics', (s) => s.panics],
  ['connectRetries', (s) => s.connectRetries],
  ['membershipChanges', (s) => s.membershipChanges],
  ['discoveryFailures', (s) => s.discoveryFailures],
  ['upstreamCertificateReloads', (s) => s.certificateReloads],
  ['upstreamCertificateReloadFailures', (s) => s.certificateReloadFailures],
]

type Labelled<S> = readonly (readonly [labels: string, stats: S])[]

function exposed<S>(reads: Reads<S>, labelled: Labelled<S>): Exposed[] {
  return reads.map(([key, read]) => ({
    kind: 'samples',
    family: FAMILIES[key],
    samples: summed(labelled.map(([labels, stats]) => ({ labels, value: read(stats) }))),
  }))
}

/** One sample per label set: a host may be listed twice, and the same series twice makes a whole scrape invalid. */
function summed(samples: readonly Sample[]): Iterable<Sample> {
  const byLabels = new Map<string, Sample>()
  for (const sample of samples) {
    const same = byLabels.get(sample.labels)
    if (same === undefined) byLabels.set(sample.labels, sample)
    else same.value += sample.value
  }
  return byLabels.values()
}

function breakers({ name, breaker }: ClusterSource): Sample[] {
  const sample = (word: string, isOpen: boolean): Sample => ({
    labels: formatLabels(FAMILIES.breakerOpen.labels, [name, word]),
    value: isOpen ? 1 : 0,
  })
  return [
    sample('connections', breaker.isConnectionsOpen),
    sample('pending_connects', breaker.isPendingOpen),
    sample('requests', breaker.isRequestsOpen),
    sample('retries', breaker.isRetriesOpen),
  ]
}

export function exposeSources(sources: ObservationSources): Exposed[] {
  const clusters = [...sources.clusters].map((c) => ({ ...c, hosts: [...new Set(c.hosts)] }))
  const listeners = [...sources.listeners].map((l) => [formatLabels(['listener'], [l.name]), l.stats] as const)
  const named = clusters.map((c) => [formatLabels(['cluster'], [c.name]), c.stats] as const)
  const hosts = clusters.flatMap((c) =>
    c.hosts.map((h) => [formatLabels(['cluster', 'host'], [c.name, h.name]), h.stats] as const),
  )
  const counts = clusters.map((c) => ({ labels: formatLabels(['cluster'], [c.name]), value: c.hosts.length }))
  const without = [...sources.memberListeners].map((m) => ({
    labels: formatLabels(FAMILIES.membersWithoutListener.labels, [m.listener]),
    value: m.without,
  }))
  return [
    ...exposed(LISTENER_READS, listeners),
    ...exposed(HOST_READS, hosts),
    ...exposed(CLUSTER_READS, named),
    { kind: 'samples', family: FAMILIES.upstreamHosts, samples: summed(counts) },
    { kind: 'samples', family: FAMILIES.breakerOpen, samples: clusters.flatMap(breakers) },
    exposeCertificates(sources.listeners, clusters),
    ...exposeHealth(clusters),
    ...exposeTopologies(clusters),
    { kind: 'samples', family: FAMILIES.membersWithoutListener, samples: summed(without) },
  ]
}
