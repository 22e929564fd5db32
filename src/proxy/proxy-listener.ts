import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.js'
import { ConnectionInfo } from '../core/connection.js'
import type { DrainResult, Listener } from '../core/listener.js'
import type { Logger } from '../core/logger.js'
import type { CloseReason, Hub } from '../core/observer.js'
import type { ListenerStats } from '../core/stats.js'
import { type Address, formatAddress, type Host } from '../core/upstream.js'
import { Acceptor, destroyQuietly } from './acceptor.js'
import type { ListenerConfig } from './config.js'
import { Drain, type Drainable } from './drain.js'
import type { LogLimiter } from './log-limiter.js'

/** What a listener knows of the connections that it opened, whatever they carry. */
export interface ProxiedConnection extends Drainable {
  readonly info: ConnectionInfo
  /** The host that it is bound to; undefined while (or when) there is none. */
  readonly host: Host | undefined
  /** It was told to end when it can. */
  readonly isLeaving: boolean
  start(): void
}

export interface ProxyListenerDeps {
  readonly stats: ListenerStats
  readonly nextConnectionId: () => number
  readonly hub: Hub
  readonly clock: Clock
  readonly logger: Logger
  readonly logLimiter: LogLimiter
  /** A connection for a socket that was just accepted, TLS done. */
  readonly open: (info: ConnectionInfo, socket: Socket) => ProxiedConnection
  /** Undefined lets everybody in. */
  readonly admits?: ((address: string | undefined) => boolean) | undefined
  readonly onListening?: () => void
  /** No connection stands any more, and none will. */
  readonly onDrained?: () => void
}

/** Accepts connections, knows those that stand, and brings them to their end. */
export class ProxyListener implements Listener {
  readonly #config: ListenerConfig
  readonly #deps: ProxyListenerDeps
  readonly #acceptor: Acceptor
  readonly #connections = new Set<ProxiedConnection>()
  #drain: Drain | undefined
  /** Of connections to hosts that are of no use any more. */
  readonly #retirements = new Set<Drain>()

  /** @throws OplensError OPL_TLS when certificate files are unusable */
  constructor(config: ListenerConfig, deps: ProxyListenerDeps) {
    this.#config = config
    this.#deps = deps
    const { stats, clock, logger, logLimiter } = deps
    this.#acceptor = new Acceptor(
      config,
      { stats, clock, logger, logLimiter },
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

  get stats(): ListenerStats {
    return this.#deps.stats
  }

  get address(): Address | undefined {
    return this.#acceptor.address
  }

  /** Those past accept and TLS that have not ended yet. */
  get connections(): Iterable<ConnectionInfo> {
    return [...this.#connections].map((connection) => connection.info)
  }

  async listen(): Promise<void> {
    await this.#acceptor.listen()
    this.#deps.onListening?.()
  }

  async drain(deadlineMs: number): Promise<DrainResult> {
    this.#acceptor.stop()
    if (this.#drain === undefined) this.#drain = new Drain(this.#connections, this.#deps.clock, deadlineMs)
    else this.#drain.endBy(deadlineMs)
    const result = await this.#drain.result
    this.#acceptor.destroyHandshakes()
    this.#deps.onDrained?.()
    return result
  }

  /** Ends the connections to some hosts, monitors first, others as their next reply is out, the rest after `drain_timeout`. */
  retire(isRetired: (host: Host) => boolean, reason: CloseReason): void {
    // One that is leaving already has its deadline.
    const staying = [...this.#connections].filter(({ isLeaving }) => !isLeaving)
    const retired = staying.filter(({ host }) => host !== undefined && isRetired(host))
    if (retired.length === 0 || this.#drain !== undefined) return
    const drain = new Drain(retired, this.#deps.clock, this.#config.drain_timeout, { reason, monitors: 'first' })
    this.#retirements.add(drain)
    void drain.result.then(() => this.#retirements.delete(drain))
  }

  /** To be told of each connection when both its sides are closed. */
  connectionEnded(connection: ProxiedConnection): void {
    this.#connections.delete(connection)
    this.#drain?.connectionEnded(connection)
    for (const drain of this.#retirements) drain.connectionEnded(connection)
  }

  #open(socket: Socket): void {
    const { hub, open, admits } = this.#deps
    if (this.#drain !== undefined || admits?.(socket.remoteAddress) === false) {
      this.#refuse(socket, this.#drain === undefined ? 'client_not_allowed' : 'drained')
      destroyQuietly(socket)
      return
    }
    const connection = open(this.#describe(socket), socket)
    this.#connections.add(connection)
    hub.connectionOpened(connection.info)
    connection.start()
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
