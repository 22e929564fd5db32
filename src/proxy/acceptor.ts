import { lstat, unlink } from 'node:fs/promises'
import { connect, createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import type { Clock } from '../core/clock.js'
import { OplensError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import type { ListenerStats } from '../core/stats.js'
import { type Address, formatAddress } from '../core/upstream.js'
import type { ListenerConfig } from './config.js'
import type { LogLimiter } from './log-limiter.js'
import { DownstreamTls } from './tls.js'

export interface AcceptorDeps {
  readonly stats: ListenerStats
  readonly clock: Clock
  readonly logger: Logger
  readonly logLimiter: LogLimiter
}

export interface AcceptorEvents {
  /** Ready to carry the protocol, TLS done. Nobody listens on the socket yet. */
  accepted(socket: Socket): void
  /** Closed already. */
  overflowed(socket: Socket): void
  handshakeFailed(socket: Socket, error: Error): void
}

/** A storm of reconnecting drivers must wait in the kernel, not be refused. The kernel's own cap is lower on many systems. */
const BACKLOG = 4_096

/** Listens on TCP or a Unix socket, ends TLS, and keeps the cap on connections. */
export class Acceptor {
  readonly #config: ListenerConfig
  readonly #deps: AcceptorDeps
  readonly #events: AcceptorEvents
  readonly #server: Server
  readonly #tls: DownstreamTls | undefined
  /** Accepted sockets under TLS: some are still in their handshake, and nobody else knows those. */
  readonly #underTls = new Set<Socket>()
  #address: Address | undefined

  /** @throws OplensError OPL_TLS when certificate files are unusable */
  constructor(config: ListenerConfig, deps: AcceptorDeps, events: AcceptorEvents) {
    this.#config = config
    this.#deps = deps
    this.#events = events
    this.#server = createServer({
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: config.tcp_keepalive > 0,
      keepAliveInitialDelay: config.tcp_keepalive,
    })
    this.#server.on('connection', (socket) => this.#accept(socket))
    this.#tls = config.tls === undefined ? undefined : this.#createTls(config.tls)
  }

  get address(): Address | undefined {
    return this.#address
  }

  /** @throws OplensError OPL_LISTEN that names the address and the reason */
  async listen(): Promise<void> {
    const { address, name } = this.#config
    try {
      await this.#bind()
    } catch (cause) {
      this.#tls?.close()
      const reason = cause instanceof Error ? cause.message : String(cause)
      const message = `Listener ${name} can't bind ${formatAddress(address)}: ${reason}`
      throw new OplensError(message, { code: 'OPL_LISTEN', origin: 'config', cause })
    }
    this.#address = this.#boundAddress()
    this.#server.on('error', (error) => this.#acceptFailed(error))
  }

  /** No connection is accepted from now on; those that stand are not touched. */
  stop(): void {
    this.#tls?.close()
    if (this.#server.listening) this.#server.close()
  }

  /** What is still in its handshake goes too. */
  destroyHandshakes(): void {
    for (const socket of this.#underTls) socket.destroy()
  }

  #createTls(config: NonNullable<ListenerConfig['tls']>): DownstreamTls {
    const { clock, logger, stats } = this.#deps
    const deps = { clock, logger, stats, listener: this.#config.name }
    return new DownstreamTls(config, deps, {
      secured: (socket) => this.#events.accepted(socket),
      failed: (socket, error) => {
        stats.tlsHandshakeErrors++
        socket.destroy()
        this.#events.handshakeFailed(socket, error)
      },
    })
  }

  #accept(socket: Socket): void {
    const { stats } = this.#deps
    stats.connectionsTotal++
    if (stats.connectionsActive >= this.#config.max_connections) {
      stats.connectionsOverflow++
      this.#events.overflowed(socket)
      destroyQuietly(socket)
      return
    }
    stats.connectionsActive++
    if (this.#tls === undefined) {
      socket.once('close', this.#onPlainClosed)
      this.#events.accepted(socket)
      return
    }
    this.#underTls.add(socket)
    socket.on('error', ignoreEarlyError)
    socket.once('close', () => {
      this.#underTls.delete(socket)
      stats.connectionsActive--
    })
    this.#tls.handshake(socket)
  }

  /** One function for all sockets: a closure each would stay as long as they do. */
  readonly #onPlainClosed = (): void => {
    this.#deps.stats.connectionsActive--
  }

  #acceptFailed(error: Error): void {
    this.#deps.stats.acceptErrors++
    const listener = this.#config.name
    const suppressed = this.#deps.logLimiter.allow(`accept ${listener}`)
    if (suppressed < 0) return
    this.#deps.logger.error({ listener, err: error, suppressed }, 'A connection could not be accepted')
  }

  async #bind(): Promise<void> {
    const { address } = this.#config
    const options: ListenOptions =
      address.kind === 'unix'
        ? { path: address.path, backlog: BACKLOG }
        : { host: address.host, port: address.port, backlog: BACKLOG }
    try {
      await listenOnce(this.#server, options)
    } catch (error) {
      if (address.kind !== 'unix' || !(await removeStaleSocket(address.path))) throw error
      await listenOnce(this.#server, options)
    }
  }

  #boundAddress(): Address {
    const bound = this.#server.address()
    if (bound === null || typeof bound === 'string') return this.#config.address
    return { kind: 'tcp', host: bound.address, port: bound.port }
  }
}

/** For sockets that nobody else listens on: a reset must not end the process. */
function ignoreEarlyError(): void {}

export function destroyQuietly(socket: Socket): void {
  socket.on('error', ignoreEarlyError)
  socket.destroy()
}

function listenOnce(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const onListening = () => {
      server.off('error', onError)
      resolve()
    }
    const onError = (error: Error) => {
      server.off('listening', onListening)
      reject(error)
    }
    server.once('listening', onListening)
    server.once('error', onError)
    server.listen(options)
  })
}

/** A socket file that nobody answers on was left by a process that was killed. */
async function removeStaleSocket(path: string): Promise<boolean> {
  const isSocket = await lstat(path).then(
    (found) => found.isSocket(),
    () => false,
  )
  if (!isSocket || (await isAnswering(path))) return false
  await unlink(path)
  return true
}

function isAnswering(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path })
    const settle = (answer: boolean) => {
      probe.destroy()
      resolve(answer)
    }
    probe.once('connect', () => settle(true))
    probe.once('error', (error: NodeJS.ErrnoException) => settle(error.code !== 'ECONNREFUSED'))
  })
}
