import { AdminServer } from './admin/server.js'
import type { OplensConfig } from './cli/config-parts.js'
import { protocols } from './codecs/registry.js'
import { applicationUri } from './config/application-uri.js'
import type { Clock, Random } from './core/clock.js'
import type { TcpCodec } from './core/codec.js'
import type { Logger } from './core/logger.js'
import { type Address, formatAddress } from './core/upstream.js'
import { createObservation } from './observe/observation.js'
import type { OperationRow } from './observe/operations.js'
import { createTcpListener, type TcpListener } from './proxy/tcp-proxy.js'
import { createClusterManager } from './upstream/cluster-manager.js'

type ListenerConfig = OplensConfig['listeners'][number]

export interface AppDeps {
  readonly config: OplensConfig
  /** The config as its file would say it with every default written out: what `/config_dump` shows. */
  readonly filledIn: unknown
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly version: string
  /** `POST /drain` came: whoever runs the app drains and ends it. */
  readonly onDrainAsked: () => void
}

export interface StartedListener {
  readonly name: string
  readonly protocol: string
  readonly cluster: string
  /** Port 0 resolved. */
  readonly address: Address
}

export interface Started {
  readonly listeners: readonly StartedListener[]
  readonly admin: Address | undefined
}

export interface App {
  /** @throws OplensError when an address can't be bound; call `close` then */
  start(): Promise<Started>
  /** No new connections, operations in flight end, the rest is cut at each listener's `drain_timeout`. */
  drain(): Promise<{ readonly cut: number }>
  /** By collection and command, since the start. */
  operations(): readonly OperationRow[]
  close(): Promise<void>
}

/** Drains take the longest `drain_timeout` of the listeners; this is for a config without any. */
const DEFAULT_DRAIN_MS = 30_000

/**
 * The composition root: builds every room from the config and hands each what it needs. Nothing listens before `start`.
 * @throws OplensError when certificate files are unusable
 */
export function createApp(deps: AppDeps): App {
  const { config, filledIn, clock, random, logger, version, onDrainAsked } = deps
  const clusters = createClusterManager(config.clusters, { clock, random, logger })
  const listeners: TcpListener[] = []
  let readiness = { ready: false, reason: 'starting' }
  let draining: Promise<{ cut: number }> | undefined

  const observation = createObservation({
    config: config.observe,
    clock,
    logger,
    version,
    sources: {
      listeners,
      // Read at each scrape: hosts come and go.
      clusters: { [Symbol.iterator]: () => clusters.all.map(withHosts)[Symbol.iterator]() },
    },
  })
  let connectionIds = 0
  for (const listener of config.listeners) {
    listeners.push(
      createTcpListener(listener, {
        codec: codecOf(listener),
        findCluster: (name) => clusters.get(name),
        nextConnectionId: () => ++connectionIds,
        hub: observation.hub,
        clock,
        logger,
      }),
    )
  }

  const drain = (): Promise<{ cut: number }> => {
    readiness = { ready: false, reason: 'draining' }
    draining ??= drainAll(config.listeners, listeners)
    return draining
  }
  const admin = new AdminServer({
    config: config.admin,
    clock,
    logger,
    sources: {
      version,
      metrics: (accept) => observation.metrics.render(accept),
      operations: (by) => observation.operations.report(by),
      live: () => observation.operations.live(),
      listeners: () => listeners.map((listener) => describe(listener, config.listeners)),
      clusters: () => clusters.all,
      connections: () => observation.connections(),
      configDump: () => filledIn,
      readiness: () => readiness,
      drain: () => {
        logger.info({}, 'Drain was asked for on the admin address')
        onDrainAsked()
      },
    },
  })

  return {
    async start(): Promise<Started> {
      await Promise.all(listeners.map((listener) => listener.listen()))
      await admin.listen()
      readiness = { ready: true, reason: '' }
      return { listeners: listeners.map(startedListener), admin: admin.address }
    },
    drain,
    operations: () => observation.operations.report('command').rows,
    async close() {
      readiness = { ready: false, reason: 'draining' }
      await Promise.all(listeners.map((listener) => listener.drain(0)))
      await admin.close()
      clusters.close()
      observation.close()
    },
  }
}

function codecOf(listener: ListenerConfig): TcpCodec | undefined {
  const protocol = protocols.find(({ name }) => name === listener.protocol)
  // `tcp` is no protocol of the registry: its bytes pass undecoded.
  return protocol?.createCodec(listener.codec)
}

function withHosts(cluster: ReturnType<typeof createClusterManager>['all'][number]) {
  return { name: cluster.name, stats: cluster.stats, hosts: cluster.hosts.all }
}

function startedListener({ name, protocol, cluster, address }: TcpListener): StartedListener {
  return { name, protocol, cluster, address: bound(address) }
}

function bound(address: Address | undefined): Address {
  if (address === undefined) throw new TypeError('A listener that listens has an address')
  return address
}

function describe(listener: TcpListener, configs: readonly ListenerConfig[]) {
  const { name, protocol, cluster, address } = listener
  const isTls = configs.some((config) => config.name === name && config.tls !== undefined)
  return {
    name,
    protocol,
    cluster,
    address: address === undefined ? '' : formatAddress(address),
    uri: address === undefined ? '' : applicationUri(address, { protocol, isTls }).uri,
  }
}

async function drainAll(configs: readonly ListenerConfig[], listeners: readonly TcpListener[]) {
  const results = await Promise.all(
    listeners.map((listener, index) => listener.drain(configs[index]?.drain_timeout ?? DEFAULT_DRAIN_MS)),
  )
  return { cut: results.reduce((sum, result) => sum + result.cut, 0) }
}
