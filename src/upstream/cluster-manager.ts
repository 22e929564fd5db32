import type { Clock, Random } from '../core/clock.js'
import { OplensError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import { ClusterStats } from '../core/stats.js'
import type { Cluster } from '../core/upstream.js'
import { createLoadBalancer } from './balance/registry.js'
import { TcpCluster } from './cluster.js'
import type { ClusterConfig } from './config.js'
import type { Discovery } from './discovery/discovery.js'
import { DnsDiscovery, type Resolve, systemResolve } from './discovery/dns.js'
import { createStaticDiscovery } from './discovery/static.js'
import { TcpConnector } from './tcp-connector.js'
import { UpstreamTls } from './tls.js'

/** A cluster with what pages and metrics show of it; its hosts carry their own counters. */
export interface ManagedCluster extends Cluster {
  readonly stats: ClusterStats
  readonly loadBalancer: string
}

export interface ClusterManagerDeps {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** The system's resolver unless a test brings its own. */
  readonly resolve?: Resolve
}

/** Owner of every cluster. The data path asks by name for each connection, so a replaced cluster takes effect at once. */
export interface ClusterManager {
  get(name: string): ManagedCluster | undefined
  readonly all: readonly ManagedCluster[]
  /** @throws OplensError when the name is taken, the hosts are not known, or TLS files are unusable */
  add(config: ClusterConfig): ManagedCluster
  /** Like `add` when there was none. Hosts and counters that stay are kept; connections that stand are not touched. */
  replace(config: ClusterConfig): ManagedCluster
  /** Connections that stand are not touched. */
  remove(name: string): boolean
  close(): void
}

/** @throws OplensError like `add`; nothing is left running then */
export function createClusterManager(configs: readonly ClusterConfig[], deps: ClusterManagerDeps): ClusterManager {
  const manager = new NamedClusters(deps)
  try {
    for (const config of configs) manager.add(config)
  } catch (error) {
    manager.close()
    throw error
  }
  return manager
}

class NamedClusters implements ClusterManager {
  readonly #deps: ClusterManagerDeps
  readonly #clusters = new Map<string, TcpCluster>()

  constructor(deps: ClusterManagerDeps) {
    this.#deps = deps
  }

  get all(): readonly ManagedCluster[] {
    return [...this.#clusters.values()]
  }

  get(name: string): ManagedCluster | undefined {
    return this.#clusters.get(name)
  }

  add(config: ClusterConfig): ManagedCluster {
    if (this.#clusters.has(config.name)) {
      throw new OplensError(`Cluster ${config.name} exists already`, { code: 'OPL_CLUSTER_EXISTS', origin: 'config' })
    }
    return this.replace(config)
  }

  replace(config: ClusterConfig): ManagedCluster {
    const previous = this.#clusters.get(config.name)
    const cluster = createCluster(config, this.#deps, previous)
    this.#clusters.set(config.name, cluster)
    previous?.close()
    return cluster
  }

  remove(name: string): boolean {
    this.#clusters.get(name)?.close()
    return this.#clusters.delete(name)
  }

  close(): void {
    for (const cluster of this.#clusters.values()) cluster.close()
    this.#clusters.clear()
  }
}

function createCluster(config: ClusterConfig, deps: ClusterManagerDeps, previous: TcpCluster | undefined): TcpCluster {
  const { clock, logger } = deps
  const discovery = createDiscovery(config, deps)
  // Counters go on when a cluster replaces another of its name.
  const stats = previous?.stats ?? new ClusterStats()
  const tls =
    config.tls === undefined ? undefined : new UpstreamTls(config.tls, { clock, logger, stats, cluster: config.name })
  return new TcpCluster({
    name: config.name,
    maxConnectAttempts: config.max_connect_attempts,
    discoveryTimeoutMs: config.connect_timeout,
    discovery,
    loadBalancer: createLoadBalancer(config.load_balancer, deps.random),
    connector: new TcpConnector({
      connectTimeoutMs: config.connect_timeout,
      keepAliveMs: config.tcp_keepalive,
      tls,
      clock,
    }),
    clock,
    logger,
    stats,
    ...(previous === undefined ? {} : { previousHosts: previous.hosts }),
    onClose: () => tls?.close(),
  })
}

function createDiscovery(config: ClusterConfig, deps: ClusterManagerDeps): Discovery {
  if (config.hosts !== undefined) {
    return createStaticDiscovery(config.hosts.map((host) => ({ ...host, hostname: '' })))
  }
  if (config.dns !== undefined) {
    return new DnsDiscovery(config.dns, { ...deps, resolve: deps.resolve ?? systemResolve })
  }
  const message = `Cluster ${config.name} has neither hosts nor dns: its uri must be turned into hosts first`
  throw new OplensError(message, { code: 'OPL_CLUSTER_HOSTS', origin: 'config' })
}
