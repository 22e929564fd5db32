import type { TcpCodec } from '../core/codec.js'
import type { HttpCodec, HttpSigner } from '../core/http.js'
import type { DrainResult } from '../core/listener.js'
import type { TopologyView } from '../core/topology.js'
import type { Cluster } from '../core/upstream.js'
import type { ListenerConfig } from './config.js'
import { createHttpListener } from './http/http-listener.js'
import { MemberListeners } from './members/member-listeners.js'
import { PortBook } from './members/port-book.js'
import { readPorts, writePorts } from './members/state-file.js'
import { followPrimary } from './primary-follower.js'
import type { ProxyListener } from './proxy-listener.js'
import { createTcpListener, type TcpListenerDeps } from './tcp-proxy.js'

/** What the bytes of a listener are read by. */
export type ListenerCodec =
  /** Nobody (`protocol: tcp`). */
  | { readonly transport: 'tcp'; readonly codec: TcpCodec | undefined }
  /** `plain` reads what is HTTP, but not of the protocol. */
  | {
      readonly transport: 'http'
      readonly codec: HttpCodec
      readonly plain: HttpCodec
      readonly signer: HttpSigner | undefined
    }

export interface ListenersDeps extends Omit<TcpListenerDeps, 'codec' | 'target' | 'rewrite' | 'whenReady'> {
  readonly codec: ListenerCodec
  /** A member's name as the topology has it, from how people write it. */
  readonly normalize: (member: string) => string
}

/** What one entry of the config listens on: its own address, and in mode `members` one for each member of the set. */
export interface ListenerGroup {
  readonly config: ListenerConfig
  readonly front: ProxyListener
  /** The front first. */
  readonly all: readonly ProxyListener[]
  /** Mode `members` only. */
  readonly members: MemberListeners | undefined
  listen(): Promise<void>
  drain(deadlineMs: number): Promise<DrainResult>
}

/** @throws OplensError OPL_TLS, OPL_STATE_FILE when files are unusable */
export function createListeners(config: ListenerConfig, deps: ListenersDeps): ListenerGroup {
  const { codec: read } = deps
  if (read.transport === 'http') return createSingle(config, createHttpListener(config, { ...deps, ...read }))
  const tcp = { ...deps, codec: read.codec }
  switch (config.mode) {
    case 'members':
      return createMemberGroup(config, tcp)
    case 'primary':
      return createPrimaryGroup(config, tcp)
    case 'transparent':
      return createSingle(config, createTcpListener(config, tcp))
    default:
      return config.mode satisfies never
  }
}

function createSingle(config: ListenerConfig, front: ProxyListener, onListen?: () => () => void): ListenerGroup {
  let stop: (() => void) | undefined
  return {
    config,
    front,
    all: [front],
    members: undefined,
    async listen() {
      await front.listen()
      stop = onListen?.()
    },
    drain(deadlineMs) {
      stop?.()
      return front.drain(deadlineMs)
    },
  }
}

type TcpDeps = Omit<ListenersDeps, 'codec'> & Pick<TcpListenerDeps, 'codec'>

function createPrimaryGroup(config: ListenerConfig, deps: TcpDeps): ListenerGroup {
  const front = createTcpListener(config, {
    ...deps,
    target: { kind: 'primary' },
    rewrite: { member: '', advertise: (name) => name, onlyPrimary: true },
  })
  return createSingle(config, front, () => followPrimary(topologyOf(config, deps.findCluster), front, deps.logger))
}

function createMemberGroup(config: ListenerConfig, deps: TcpDeps): ListenerGroup {
  const members = createMemberListeners(config, deps)
  const front = createTcpListener(config, {
    ...deps,
    // Any member can tell of the set; `me` in its reply sends the driver on to that member's own listener.
    rewrite: { member: '', advertise: members.advertise, coversStatus: config.rewrite_status },
    whenReady: members.whenReady,
  })
  return {
    config,
    front,
    get all() {
      return [front, ...members.all]
    },
    members,
    async listen() {
      await front.listen()
      members.follow(topologyOf(config, deps.findCluster))
    },
    async drain(deadlineMs) {
      const results = await Promise.all([front.drain(deadlineMs), members.drain(deadlineMs)])
      return { cut: results.reduce((sum, { cut }) => sum + cut, 0) }
    },
  }
}

function createMemberListeners(config: ListenerConfig, deps: TcpDeps): MemberListeners {
  const { address, state_file: stateFile } = config
  if (address.kind === 'unix') throw new TypeError(`Listener ${config.name}: member listeners need a TCP address`)
  const explicit = Object.entries(config.members ?? {}).map(([name, member]) => [deps.normalize(name), member] as const)
  const book = new PortBook({
    fixed: new Map(explicit.map(([name, { port }]) => [name, port])),
    range: config.member_ports,
    remembered: stateFile === undefined ? new Map() : readPorts(stateFile),
  })
  const advertised = explicit.flatMap(([name, { advertise }]) =>
    advertise === undefined ? [] : [[name, advertise] as const],
  )
  return new MemberListeners({
    name: config.name,
    host: address.host,
    advertise: config.advertise ?? address.host,
    advertiseOf: new Map(advertised),
    book,
    save: (ports) => {
      if (stateFile !== undefined) writePorts(stateFile, ports)
    },
    drainTimeoutMs: config.drain_timeout,
    coversStatus: config.rewrite_status,
    create: ({ name, member, address: own, rewrite }) =>
      createTcpListener(
        { ...config, name, address: own },
        { ...deps, target: { kind: 'member', name: member }, rewrite },
      ),
    clock: deps.clock,
    logger: deps.logger,
  })
}

function topologyOf(config: ListenerConfig, findCluster: (name: string) => Cluster | undefined): TopologyView {
  const topology = findCluster(config.cluster)?.topology
  if (topology === undefined) throw new TypeError(`Cluster ${config.cluster} of listener ${config.name} is not watched`)
  return topology
}
