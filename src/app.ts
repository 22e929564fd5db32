import { AdminServer } from './admin/server.js'
import type { OplensConfig } from './cli/config-parts.js'
import { plainHttp, protocols } from './codecs/registry.js'
import { applicationUri } from './config/application-uri.js'
import { parseYamlData } from './config/yaml-data.js'
import type { Clock, Random } from './core/clock.js'
import { healthQuestion, type Protocol } from './core/codec.js'
import type { HealthQuestion } from './core/health.js'
import type { Logger } from './core/logger.js'
import type { Probe } from './core/probe.js'
import type { OperationRow, TableRow } from './core/reports.js'
import type { Detail } from './core/shape.js'
import type { TopologyKind, TopologyRole, TopologySnapshot, TopologyView } from './core/topology.js'
import { type Address, formatAddress } from './core/upstream.js'
import { createObservation } from './observe/observation.js'
import { createListeners, type ListenerCodec, type ListenerGroup } from './proxy/listeners.js'
import type { ProxyListener } from './proxy/proxy-listener.js'
import { createClusterManager, type Watch } from './upstream/cluster-manager.js'

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

/** What clients of a listener are led to. */
export interface LedTo {
  readonly listener: string
  readonly mode: 'members' | 'primary'
  /** `unknown` while no member has answered. */
  readonly kind: TopologyKind
  /** '' outside of a replica set, and while its name is not known. */
  readonly setName: string
  readonly members: readonly {
    readonly member: string
    readonly role: TopologyRole
    /** Where clients reach it; '' in mode primary, and when it has no listener. */
    readonly address: string
  }[]
}

export interface Started {
  readonly listeners: readonly StartedListener[]
  readonly admin: Address | undefined
}

export interface App {
  /** @throws OplensError when an address can't be bound; call `close` then */
  start(): Promise<Started>
  /** What is behind the listeners that care, once somebody there has answered, or when the time is up. */
  learnMembers(maxMs: number): Promise<readonly LedTo[]>
  /** No new connections, operations in flight end, the rest is cut at each listener's `drain_timeout`. */
  drain(): Promise<{ readonly cut: number }>
  /** Opens the file of the slow log anew, after it was moved away. @returns whether there is one */
  reopenFiles(): boolean
  /** By collection and command, since the start. */
  operations(): readonly OperationRow[]
  /** By table, of databases whose operations name several. */
  tables(): readonly TableRow[]
  close(): Promise<void>
}

/**
 * The composition root: builds every room from the config and hands each what it needs. Nothing listens before `start`.
 * @throws OplensError when certificate files are unusable
 */
export function createApp(deps: AppDeps): App {
  const { config, filledIn, clock, random, logger, version, onDrainAsked } = deps
  const watchOf = (cluster: string) => watchFor(cluster, config)
  const clusters = createClusterManager(config.clusters, {
    clock,
    random,
    logger,
    watchOf,
    questionOf: (cluster) => questionFor(cluster, config),
    parseText: parseYamlData,
    startsLater: true,
  })
  const groups: ListenerGroup[] = []
  const listeners = () => groups.flatMap(({ all }) => all)
  let readiness = { ready: false, reason: 'starting' }
  let draining: Promise<{ cut: number }> | undefined

  const observation = createObservation({
    config: config.observe,
    clock,
    logger,
    version,
    random,
    sources: {
      listeners: { [Symbol.iterator]: () => listeners()[Symbol.iterator]() },
      // Read at each scrape: hosts come and go.
      clusters: { [Symbol.iterator]: () => clusters.all.map(withHosts)[Symbol.iterator]() },
      memberListeners: { [Symbol.iterator]: () => groups.flatMap(withoutListener)[Symbol.iterator]() },
    },
  })
  const { detail } = observation
  let connectionIds = 0
  for (const listener of config.listeners) {
    groups.push(
      createListeners(listener, {
        codec: codecOf(listener, config, clock, detail),
        normalize: probeOf(listener)?.normalize ?? ((member) => member.toLowerCase()),
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
    draining ??= drainAll(groups)
    return draining
  }
  const admin = new AdminServer({
    config: config.admin,
    clock,
    logger,
    sources: {
      version,
      metrics: (accept) => observation.metrics.render(accept),
      operations: (by, of) => observation.operations.report(by, of),
      history: (of, maxSteps) => observation.history.report(of, maxSteps),
      tables: () => observation.tables.report(),
      digests: (query) => observation.digests.report(query),
      slow: (limit) => observation.slow.report(limit),
      live: () => observation.operations.live(),
      listeners: () => groups.flatMap((group) => describeGroup(group, clusters.get(group.config.cluster)?.topology)),
      clusters: () => clusters.all,
      memberListeners: () => groups.flatMap(memberListeners),
      memberTraffic: (cluster, host) => observation.members.report(cluster, host),
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
      await observation.start()
      await Promise.all(groups.map((group) => group.listen()))
      await admin.listen()
      clusters.start()
      readiness = { ready: true, reason: '' }
      return { listeners: groups.map(({ front }) => startedListener(front)), admin: admin.address }
    },
    async learnMembers(maxMs) {
      await Promise.all(groups.map((group) => known(group, clusters.get(group.config.cluster)?.topology, maxMs, clock)))
      return groups.flatMap((group) => ledTo(group, clusters.get(group.config.cluster)?.topology) ?? [])
    },
    drain,
    reopenFiles() {
      observation.reopen()
      return config.observe.slow_log.enabled && config.observe.slow_log.file !== undefined
    },
    operations: () => observation.operations.report('command').rows,
    tables: () => observation.tables.report().rows,
    async close() {
      readiness = { ready: false, reason: 'draining' }
      await Promise.all(groups.map((group) => group.drain(0)))
      await admin.close()
      clusters.close()
      await observation.flush()
      observation.close()
    },
  }
}

function protocolOf(listener: ListenerConfig): Protocol | undefined {
  return protocols.find(({ name }) => name === listener.protocol)
}

function probeOf(listener: ListenerConfig): Probe | undefined {
  const protocol = protocolOf(listener)
  return protocol?.transport === 'tcp' ? protocol.probe : undefined
}

function codecOf(listener: ListenerConfig, { clusters }: OplensConfig, clock: Clock, detail: Detail): ListenerCodec {
  const protocol = protocolOf(listener)
  // `tcp` is no protocol of the registry: its bytes pass undecoded.
  if (protocol === undefined) return { transport: 'tcp', codec: undefined }
  const codec = listener.codec
  if (protocol.transport === 'tcp') return { transport: 'tcp', codec: protocol.createCodec(codec, detail) }
  const host = hostOf(clusters.find(({ name }) => name === listener.cluster))
  return {
    transport: 'http',
    codec: protocol.createCodec(codec, detail),
    plain: plainHttp.createCodec({}),
    signer: protocol.createSigner?.(codec, { clock, host }),
  }
}

/** What a cluster goes by in `Host`: the name that its certificate carries, or the one it is looked up by; with its port, unless that is the scheme's. */
function hostOf(cluster: OplensConfig['clusters'][number] | undefined): string {
  const first = cluster?.hosts?.[0]?.address
  const dialled = first?.kind === 'tcp' ? first : { host: 'localhost', port: 0 }
  const host = cluster?.tls?.server_name ?? cluster?.dns?.host ?? dialled.host
  const port = cluster?.dns?.port ?? dialled.port
  const isPlain = port === 0 || port === (cluster?.tls === undefined ? 80 : 443)
  return isPlain ? host : formatAddress({ kind: 'tcp', host, port })
}

/** A cluster's members are watched when a listener of it needs to know them. */
function watchFor(cluster: string, { clusters, listeners }: OplensConfig): Watch | undefined {
  const watching = listeners.filter((one) => one.cluster === cluster && one.mode !== 'transparent')
  const probe = watching.map(probeOf).find((one) => one !== undefined)
  if (probe === undefined) return undefined
  const dials = watching.flatMap(({ members = {} }) =>
    Object.entries(members).flatMap(([name, { dial }]) =>
      dial === undefined ? [] : [[probe.normalize(name), dial] as const],
    ),
  )
  const { dial = {} } = clusters.find(({ name }) => name === cluster) ?? {}
  const ofCluster = Object.entries(dial).map(([name, address]) => [probe.normalize(name), address] as const)
  return { probe, dials: new Map([...ofCluster, ...dials]) }
}

/** Of the protocols spoken to a cluster, the first that can ask a host whether it works. */
function questionFor(cluster: string, { listeners }: OplensConfig): HealthQuestion | undefined {
  const spoken = listeners.flatMap((one) => (one.cluster === cluster ? (protocolOf(one) ?? []) : []))
  return spoken.map(healthQuestion).find((question) => question !== undefined)
}

function withHosts({ name, stats, hosts, breaker, topology }: ReturnType<typeof createClusterManager>['all'][number]) {
  return { name, stats, hosts: hosts.all, breaker, topology }
}

function withoutListener({ config, members }: ListenerGroup) {
  return members === undefined ? [] : [{ listener: config.name, without: members.without.size }]
}

/** Where clients of a listener reach each member; why not, for those that they can't. */
function memberListeners({ config: { name: listener, cluster }, members }: ListenerGroup) {
  if (members === undefined) return []
  const of = (member: string, address: string, reason: string) => ({ cluster, listener, member, address, reason })
  return [
    ...members.addresses.map(({ member, address }) => of(member, address, '')),
    ...[...members.without].map(([member, reason]) => of(member, '', reason)),
  ]
}

function startedListener({ name, protocol, cluster, address }: ProxyListener): StartedListener {
  return { name, protocol, cluster, address: bound(address) }
}

function bound(address: Address | undefined): Address {
  if (address === undefined) throw new TypeError('A listener that listens has an address')
  return address
}

/** Resolves when the members behind a group are known and listened for, at the latest after `maxMs`. */
async function known(group: ListenerGroup, topology: TopologyView | undefined, maxMs: number, clock: Clock) {
  if (topology === undefined) return
  const waiting = new AbortController()
  const timer = clock.after(maxMs, () => waiting.abort())
  const isKnown = ({ members }: TopologySnapshot) => members.every(({ isUp, reason }) => isUp || reason !== '')
  // Time being up is an answer too.
  const found = await topology.until(isKnown, waiting.signal).catch(() => undefined)
  if (found?.members.some(({ isUp }) => isUp) === true) await group.members?.whenReady()
  timer.cancel()
}

function ledTo(
  { config: { name, mode }, members }: ListenerGroup,
  topology: TopologyView | undefined,
): LedTo | undefined {
  if (topology === undefined || mode === 'transparent') return undefined
  const { kind, setName, members: all } = topology.snapshot
  const listed = all.filter(({ isSeed }) => !isSeed)
  const rows = listed.map(({ name: member, role }) => ({ member, role, address: members?.advertise(member) ?? '' }))
  return { listener: name, mode, kind, setName, members: rows }
}

/** Only the front has a URI to give away: drivers find the members through it. */
function describeGroup({ config, front, all }: ListenerGroup, topology: TopologyView | undefined) {
  const setName = config.mode === 'members' && topology !== undefined ? topology.snapshot.setName : ''
  return all.map((listener) => {
    const { name, protocol, cluster, address } = listener
    const text = address === undefined ? '' : formatAddress(address)
    if (listener !== front || address === undefined) return { name, protocol, cluster, address: text, uri: '' }
    const { uri } = applicationUri(address, {
      protocol,
      isTls: config.tls !== undefined,
      ...(setName === '' ? {} : { setName }),
      ...(config.advertise === undefined ? {} : { advertise: config.advertise }),
    })
    return { name, protocol, cluster, address: text, uri }
  })
}

async function drainAll(groups: readonly ListenerGroup[]) {
  const results = await Promise.all(groups.map((group) => group.drain(group.config.drain_timeout)))
  return { cut: results.reduce((sum, result) => sum + result.cut, 0) }
}
