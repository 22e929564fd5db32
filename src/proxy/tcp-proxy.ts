import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.js'
import type { Rewrite, TcpCodec } from '../core/codec.js'
import { ConnectionInfo } from '../core/connection.js'
import type { DrainResult, Listener } from '../core/listener.js'
import type { Logger } from '../core/logger.js'
import type { CloseReason, Hub } from '../core/observer.js'
import { ListenerStats } from '../core/stats.js'
import { type Address, type Cluster, formatAddress, type Host, type Target } from '../core/upstream.js'
import { Acceptor, destroyQuietly } from './acceptor.js'
import type { ListenerConfig } from './config.js'
import { Drain } from './drain.js'
import { LogLimiter } from './log-limiter.js'
import { TcpConnection, type TcpConnectionDeps } from './tcp-connection.js'

export interface TcpListenerDeps {
  /** Undefined: bytes pass undecoded (`protocol: tcp`). */
  readonly codec: TcpCodec | undefined
  /** Asked for each connection, so that a replaced cluster takes effect at once. */
  readonly findCluster: (name: string) => Cluster | undefined
  /** Default: any host. */
  readonly target?: Target
  /** Replies that name members are led through the proxy. */
  readonly rewrite?: Rewrite
  /** What a first connection waits for; undefined when there is nothing (any more). */
  readonly whenReady?: () => Promise<void> | undefined
  readonly nextConnectionId: () => number
  readonly hub: Hub
  readonly clock: Clock
  readonly logger: Logger
}

/** A listener whose connections can be looked at. */
export interface TcpListener extends Listener {
  /** Ends the connections to some hosts, monitors first, others as their next reply is out, the rest after `drain_timeout`. */
  retire(isRetired: (host: Host) => boolean, reason: CloseReason): void
  /** Those past accept and TLS that have not ended yet. */
  readonly connections: Iterable<ConnectionInfo>
}

/** @throws OplensError OPL_TLS when certificate files are unusable */
export function createTcpListener(config: ListenerConfig, deps: TcpListenerDeps): TcpListener {
  return new TcpProxy(config, deps)
}

class TcpProxy implements TcpListener {
  readonly stats = new ListenerStats()
  readonly #config: ListenerConfig
  readonly #deps: TcpListenerDeps
  readonly #connectionDeps: TcpConnectionDeps
  readonly #acceptor: Acceptor
  readonly #connections = new Set<TcpConnection>()
  #drain: Drain | undefined
  /** Of connections to hosts that are of no use any more. */
  readonly #retirements = new Set<Drain>()

  constructor(config: ListenerConfig, deps: TcpListenerDeps) {
    this.#config = config
    this.#deps = deps
    const { clock, logger } = deps
    const logLimiter = new LogLimiter(clock)
    this.#connectionDeps = this.#shareDeps(logLimiter)
    this.#acceptor = new Acceptor(
      config,
      { stats: this.stats, clock, logger, logLimiter },
      {
        accepted: (socket) => this.#open(socket),
        overflowed: (socket) => this.#refuse(socket, 'overflow'),
        handshakeFailed: (socket, error) => {
          logger.debug({ listener: config.name, reason: error.message }, 'TLS handshake with a client failed')
          this.#refuse(socket, 'tls_error')
        },
      },
    )
  }

  get name(): string {
    return this.#config.name
  }

  get protocol(): string {
    return this.#config.protocol
  }

  get cluster(): string {
    return this.#config.cluster
  }

  get address(): Address | undefined {
    return this.#acceptor.address
  }

  get connections(): Iterable<ConnectionInfo> {
    return [...this.#connections].map((connection) => connection.info)
  }

  listen(): Promise<void> {
    return this.#acceptor.listen()
  }

  async drain(deadlineMs: number): Promise<DrainResult> {
    this.#acceptor.stop()
    if (this.#drain === undefined) this.#drain = new Drain(this.#connections, this.#deps.clock, deadlineMs)
    else this.#drain.endBy(deadlineMs)
    const result = await this.#drain.result
    this.#acceptor.destroyHandshakes()
    return result
  }

  retire(isRetired: (host: Host) => boolean, reason: CloseReason): void {
    // One that is leaving already has its deadline.
    const staying = [...this.#connections].filter(({ isLeaving }) => !isLeaving)
    const retired = staying.filter(({ host }) => host !== undefined && isRetired(host))
    if (retired.length === 0 || this.#drain !== undefined) return
    const drain = new Drain(retired, this.#deps.clock, this.#config.drain_timeout, { reason, monitors: 'first' })
    this.#retirements.add(drain)
    void drain.result.then(() => this.#retirements.delete(drain))
  }

  #shareDeps(logLimiter: LogLimiter): TcpConnectionDeps {
    const { codec, hub, clock, logger, findCluster, target = { kind: 'any' }, rewrite, whenReady } = this.#deps
    const config = this.#config
    const onMismatch = (host: string, me: string) => {
      findCluster(config.cluster)?.topology?.distrust(host, me)
    }
    return {
      findCluster: () => findCluster(config.cluster),
      target,
      whenReady: whenReady ?? (() => undefined),
      decoder: codec === undefined ? undefined : { codec, rewrite, onMismatch, hub, clock, logger, logLimiter },
      isRewriting: rewrite !== undefined,
      closeWhenUndecodable: config.on_decode_error === 'close',
      idleTimeoutMs: config.idle_timeout,
      canResetDownstream: config.tls === undefined && config.address.kind === 'tcp',
      stats: this.stats,
      hub,
      clock,
      logger,
      logLimiter,
      onClosed: (connection) => {
        this.#connections.delete(connection)
        this.#drain?.connectionEnded(connection)
        for (const drain of this.#retirements) drain.connectionEnded(connection)
      },
    }
  }

  #open(socket: Socket): void {
    if (this.#drain !== undefined) {
      this.#refuse(socket, 'drained')
      destroyQuietly(socket)
      return
    }
    const connection = new TcpConnection(this.#describe(socket), socket, this.#connectionDeps)
    this.#connections.add(connection)
    this.#deps.hub.connectionOpened(connection.info)
    void connection.start()
  }

  /** Observers see a connection that never carried a byte come and go, so that their counts agree with ours. */
  #refuse(socket: Socket, reason: CloseReason): void {
    const info = this.#describe(socket)
    this.#deps.hub.connectionOpened(info)
    this.#deps.hub.connectionClosed(info, reason)
  }

  #describe(socket: Socket): ConnectionInfo {
    const { name, cluster } = this.#config
    const id = this.#deps.nextConnectionId()
    return new ConnectionInfo(id, name, cluster, this.#peerOf(socket), this.#deps.clock.now())
  }

  #peerOf(socket: Socket): string {
    const { address } = this.#config
    if (address.kind === 'unix') return formatAddress(address)
    const { remoteAddress, remotePort } = socket
    // A client that is gone already has no address any more.
    if (remoteAddress === undefined || remotePort === undefined) return 'unknown'
    const host = remoteAddress.startsWith('::ffff:') ? remoteAddress.slice(7) : remoteAddress
    return formatAddress({ kind: 'tcp', host, port: remotePort })
  }
}
