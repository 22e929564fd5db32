import type { Clock, Random } from '../core/clock.js'
import { OplensError } from '../core/errors.js'
import type { HealthQuestion } from '../core/health.js'
import type { Logger } from '../core/logger.js'
import type { Probe } from '../core/probe.js'
import { ClusterStats } from '../core/stats.js'
import { type Cluster, formatAddress } from '../core/upstream.js'
import { createLoadBalancer } from './balance/registry.js'
import { CircuitBreaker } from './circuit-breaker.js'
import { TcpCluster } from './cluster.js'
import type { ClusterConfig } from './config.js'
import type { Discovery } from './discovery/discovery.js'
import { DnsDiscovery, type Resolve, systemResolve } from './discovery/dns.js'
import { FileDiscovery } from './discovery/file.js'
import { SrvDiscovery, SrvSource } from './discovery/srv.js'
import { createSrvResolver, type SrvResolver } from './discovery/srv-records.js'
import { createStaticDiscovery } from './discovery/static.js'
import { type DialMap, memberEndpoint, TopologyDiscovery } from './discovery/topology.js'
import { createCheck } from './health/create.js'
import { HealthChecker } from './health/health-checker.js'
import { createHost } from './host.js'
import { TcpConnector } from './tcp-connector.js'
import { UpstreamTls } from './tls.js'
import { DEFAULT_TIMINGS } from './topology/member-monitor.js'
import type { Dial } from './topology/probe-connection.js'
import { TopologyMonitor } from './topology/topology-monitor.js'

/** A cluster with what pages and metrics show of it; its hosts carry their own counters. */
export interface ManagedCluster extends Cluster {
  readonly stats: ClusterStats
  readonly loadBalancer: string
  readonly breaker: CircuitBreaker
}

/** How the members of a cluster are watched. */
export interface Watch {
  readonly probe: Probe
  readonly dials: DialMap
}

export interface ClusterManagerDeps {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** The system's resolver unless a test brings its own. */
  readonly resolve?: Resolve
  readonly srvResolver?: SrvResolver
  /** How the protocol of a cluster's listeners asks a host whether it works; undefined when it has no question. */
  readonly questionOf?: (cluster: string) => HealthQuestion | undefined
  /** How the text of a cluster's `file` becomes plain data, throwing with the reason when it is none. Default: JSON alone. */
  readonly parseText?: (text: string) => unknown
  /** Undefined for a cluster whose hosts are taken as they are configured. */
  readonly watchOf?: (cluster: string) => Watch | undefined
  /** Nothing is looked up or asked before `start`. Default: at once. */
  readonly startsLater?: boolean
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
  /** Discovery of all clusters begins; once. */
  start(): void
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
  #isStarted: boolean

  constructor(deps: ClusterManagerDeps) {
    this.#deps = deps
    this.#isStarted = deps.startsLater !== true
  }

  start(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    for (const cluster of this.#clusters.values()) cluster.start()
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
    if (this.#isStarted) cluster.start()
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
  // Counters go on when a cluster replaces another of its name.
  const stats = previous?.stats ?? new ClusterStats()
  if (config.tls === undefined) stats.certificateExpiry.forget()
  const tls =
    config.tls === undefined ? undefined : new UpstreamTls(config.tls, { clock, logger, stats, cluster: config.name })
  const connector = new TcpConnector({
    connectTimeoutMs: config.connect_timeout,
    keepAliveMs: config.tcp_keepalive,
    tls,
    clock,
  })
  const watch = deps.watchOf?.(config.name)
  const watched = watch === undefined ? undefined : watchMembers(config, watch, connector, deps)
  return new TcpCluster({
    name: config.name,
    maxConnectAttempts: config.max_connect_attempts,
    discoveryTimeoutMs: config.connect_timeout,
    primaryTimeoutMs: config.primary_timeout,
    discovery: watched ?? createDiscovery(config, deps),
    topology: watched?.topology,
    readPreference: config.read_preference,
    breaker: new CircuitBreaker(config.circuit_breakers, stats),
    // Members that are watched are known better than any check could tell.
    health: watched === undefined ? healthCheckerOf(config, connector, deps) : undefined,
    loadBalancer: createLoadBalancer(config.load_balancer, deps.random),
    connector,
    clock,
    logger,
    stats,
    ...(previous === undefined ? {} : { previousHosts: previous.hosts }),
    onClose: () => tls?.close(),
  })
}

function healthCheckerOf(
  { name, health_checks: checks, tls }: ClusterConfig,
  connector: TcpConnector,
  deps: ClusterManagerDeps,
): HealthChecker | undefined {
  if (checks === undefined) return undefined
  const { clock, random, logger } = deps
  const question = deps.questionOf?.(name)
  const check = createCheck(checks, { connector, tls, clock, question })
  return new HealthChecker({ cluster: name, check, timings: checks, clock, random, logger })
}

function watchMembers(config: ClusterConfig, watch: Watch, connector: TcpConnector, deps: ClusterManagerDeps) {
  const { clock, random, logger } = deps
  const monitor = new TopologyMonitor({
    cluster: config.name,
    probe: watch.probe,
    dial: dialerOf(watch.dials, connector),
    seeds: seedsOf(config),
    setName: config.replica_set ?? '',
    connectTimeoutMs: config.connect_timeout,
    timings: { ...DEFAULT_TIMINGS, heartbeatMs: config.heartbeat },
    clock,
    random,
    logger,
  })
  // A set tells its members itself, and one server is one server: only of routers, and of what nobody has seen, DNS knows more.
  const isPolled = () => monitor.snapshot.kind === 'routers' || monitor.snapshot.kind === 'unknown'
  return new TopologyDiscovery(monitor, watch.dials, srvSourceOf(config, deps, true, isPolled))
}

function srvSourceOf(config: ClusterConfig, deps: ClusterManagerDeps, isWatched: boolean, isPolled: () => boolean) {
  const { srv, name, replica_set: setName = '', heartbeat } = config
  if (srv === undefined) return undefined
  const { clock, random, logger, srvResolver: resolver = createSrvResolver() } = deps
  const parts = { cluster: name, srv, setName, heartbeatMs: heartbeat, isWatched, isPolled }
  return new SrvSource({ ...parts, resolver, clock, random, logger })
}

/** Members are probed the way clients' connections go to them: same address, same TLS. */
function dialerOf(dials: DialMap, connector: TcpConnector): Dial {
  return async (name, signal) => {
    const endpoint = memberEndpoint(name, dials)
    if (endpoint === undefined) throw new Error('its name is no address')
    const result = await connector.dial(createHost(endpoint), { signal })
    if (result.kind === 'connected') return result.socket
    throw result.kind === 'failed' ? result.error : new Error('no answer in time')
  }
}

function seedsOf({ hosts = [], dns }: ClusterConfig): readonly string[] {
  return dns === undefined ? hosts.map((host) => formatAddress(host.address)) : [`${dns.host}:${dns.port}`]
}

function createDiscovery(config: ClusterConfig, deps: ClusterManagerDeps): Discovery {
  const srv = srvSourceOf(config, deps, false, () => true)
  if (srv !== undefined) return new SrvDiscovery(srv)
  if (config.hosts !== undefined) {
    return createStaticDiscovery(config.hosts.map((host) => ({ ...host, hostname: '' })))
  }
  if (config.dns !== undefined) {
    return new DnsDiscovery(config.dns, { ...deps, resolve: deps.resolve ?? systemResolve })
  }
  if (config.file !== undefined) {
    return new FileDiscovery(config.file, { clock: deps.clock, parseText: deps.parseText ?? JSON.parse })
  }
  const message = `Cluster ${config.name} has neither hosts, dns, srv nor file: its uri must be turned into hosts first`
  throw new OplensError(message, { code: 'OPL_CLUSTER_HOSTS', origin: 'config' })
}
