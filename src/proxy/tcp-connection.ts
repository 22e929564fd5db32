import type { Socket } from 'node:net'
import type { Clock, Timer } from '../core/clock.js'
import type { Direction } from '../core/codec.js'
import type { ConnectionInfo } from '../core/connection.js'
import { UpstreamError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import type { CloseReason, Hub } from '../core/observer.js'
import type { EndedBy } from '../core/outcome.js'
import type { ListenerStats } from '../core/stats.js'
import type { Cluster, Host, Lease, OnRead, Target, UpstreamConnection } from '../core/upstream.js'
import { Decoder, type DecoderDeps } from './decoder.js'
import { type LaneOwner, WatchLane } from './lane.js'
import type { LogLimiter } from './log-limiter.js'
import type { ProxiedConnection } from './proxy-listener.js'
import { readInto } from './reused-reads.js'
import { SocketReader } from './socket-reader.js'

/** What all connections of a listener share: one object, so that a connection holds one reference. */
export interface TcpConnectionDeps {
  readonly findCluster: () => Cluster | undefined
  readonly target: Target
  /** Before the first upstream is dialled; undefined when there is nothing to wait for. */
  readonly whenReady: () => Promise<void> | undefined
  /** Undefined: bytes pass undecoded (`protocol: tcp`). */
  readonly decoder: DecoderDeps | undefined
  readonly closeWhenUndecodable: boolean
  /** Replies may be held and rewritten: what can't be decoded is closed. */
  readonly isRewriting: boolean
  /** 0 is off. */
  readonly idleTimeoutMs: number
  /** A reset can be sent to clients: plain TCP. */
  readonly canResetDownstream: boolean
  readonly stats: ListenerStats
  readonly hub: Hub
  readonly clock: Clock
  readonly logger: Logger
  readonly logLimiter: LogLimiter
  readonly onClosed: (connection: TcpConnection) => void
}

/** How long a side that was told the end may take to say its own: then it is closed all the same. */
const LINGER_MS = 1_000
/** How long a side that reads slowly may take for what it was given before its end. A drain's deadline comes first when it is shorter. */
const FLUSH_MS = 30_000
/** A driver's monitor, and a connection that only waits in a pool, stay below. */
const READS_TO_REUSE = 16
const MAX_ANSWERS_BYTES = 65_536
/** By what a codec says of a reply that it did not send. */
const GIVE_UP_REASONS: Readonly<Record<string, CloseReason>> = {
  identity_mismatch: 'identity_mismatch',
  hello_not_rewritten: 'not_rewritten',
  not_primary: 'primary_changed',
}

/**
 * One client and its server, from accept to the last close.
 *
 *     connecting ──upstream stands──▶ open ──we end it──▶ closing
 *         │                            │                     │
 *         └──failed, or client left──▶ closed ◀──both sockets closed
 *
 * Either side's end is passed on as an end (half-close), its reset as a reset. The first thing that happened names the reason.
 */
export class TcpConnection implements ProxiedConnection, LaneOwner {
  readonly info: ConnectionInfo
  readonly #deps: TcpConnectionDeps
  readonly #downstream: Socket
  #state: 'connecting' | 'open' | 'closing' | 'closed' = 'connecting'
  #reason: CloseReason | undefined
  #connecting: AbortController | undefined
  #upstream: Socket | undefined
  #lease: Lease | undefined
  #host: Host | undefined
  #decoder: Decoder | undefined
  #requests: WatchLane | undefined
  #replies: WatchLane | undefined
  #drainReason: CloseReason | undefined
  #lastActiveMs = 0
  /** Those that Node allocated for. */
  #clientReads = 0
  /** The idle timeout while open, the linger while closing. */
  #timer: Timer | undefined

  /** @param downstream just accepted, TLS done, nobody listening yet */
  constructor(info: ConnectionInfo, downstream: Socket, deps: TcpConnectionDeps) {
    this.info = info
    this.#downstream = downstream
    this.#deps = deps
    downstream.on('error', () => this.#failed('client_reset', this.#upstream))
    downstream.on('end', () => this.#clientEnded())
    downstream.on('close', () => this.#sideClosed(this.#upstream))
  }

  /** Dials the upstream; until it stands the client's bytes wait, in one read buffer at most. */
  start(): void {
    void this.#open()
  }

  async #open(): Promise<void> {
    this.#connecting = new AbortController()
    const reader = new SocketReader()
    const startedAtMs = this.#deps.clock.now()
    const result = await this.#connect(this.#connecting.signal, reader)
    this.#connecting = undefined
    this.info.connectMs = this.#deps.clock.now() - startedAtMs
    if (result instanceof Error) this.#connectFailed(result)
    else this.#bind(result, reader)
  }

  /** A codec is following it: `inFlight` and `isMonitor` mean something. */
  get isDecoded(): boolean {
    return this.#decoder?.isDecoding ?? false
  }

  get inFlight(): number {
    return this.#decoder?.inFlight ?? 0
  }

  get isMonitor(): boolean {
    return this.#decoder?.isMonitor ?? false
  }

  /** It was told to end and only its last bytes are on their way. */
  get isClosing(): boolean {
    return this.#state === 'closing' || this.#state === 'closed'
  }

  /** A side has not taken all that it was given: cutting now would lose it. */
  get isFlushing(): boolean {
    return this.#downstream.writableLength > 0 || (this.#upstream?.writableLength ?? 0) > 0
  }

  /** It was told to end when it can. */
  get isLeaving(): boolean {
    return this.#drainReason !== undefined
  }

  get host(): Host | undefined {
    return this.#host
  }

  /** For a drain: ends as soon as no operation is in flight; never by itself when nobody knows what is in flight. */
  finishWhenIdle(reason: CloseReason): void {
    this.#drainReason = reason
    if (this.#state === 'connecting') this.cut(reason)
    else this.#finishIfIdle()
  }

  /** For a drain that leaves the client a moment to speak: what it sends just now is answered before the end. */
  finishAfterReply(reason: CloseReason): void {
    this.#drainReason = reason
    if (this.#state === 'connecting') this.cut(reason)
  }

  /** Both sides closed now, whatever is in flight. */
  cut(reason: CloseReason): void {
    this.#because(reason)
    this.#endDecoding()
    this.#connecting?.abort()
    this.#downstream.destroy()
    this.#upstream?.destroy()
  }

  passed(direction: Direction, byteCount: number): void {
    const info = this.info
    const stats = this.#deps.stats
    if (direction === 'request') {
      info.bytesReceived += byteCount
      stats.bytesReceived += byteCount
      if (this.#host !== undefined) this.#host.stats.bytesSent += byteCount
    } else {
      info.bytesSent += byteCount
      stats.bytesSent += byteCount
      if (this.#host !== undefined) this.#host.stats.bytesReceived += byteCount
    }
    if (this.#deps.isRewriting) this.#sayOwn()
    if (this.#deps.idleTimeoutMs > 0) this.#lastActiveMs = this.#deps.clock.now()
    if (this.#drainReason !== undefined) this.#finishIfIdle()
  }

  /** Answers that no server gave. Who reads none of them is not read either, until it does. */
  #sayOwn(): void {
    const reply = this.#decoder?.takeReply()
    if (reply === undefined || !this.#downstream.writable) return
    this.#downstream.write(reply)
    this.info.bytesSent += reply.length
    this.#deps.stats.bytesSent += reply.length
    if (this.#downstream.writableLength > MAX_ANSWERS_BYTES) this.#downstream.pause()
  }

  readingPaused(): void {
    this.#deps.stats.readingPaused++
  }

  decodingEnded(): void {
    const decoder = this.#decoder
    if (decoder?.isLost !== true) return
    if (this.#deps.isRewriting) this.#giveUp(decoder.lostReason)
    else if (this.#deps.closeWhenUndecodable) this.#finish('undecodable')
  }

  /** What can't be read or sent here might lead the client past the proxy, so not a byte more is sent. */
  #giveUp(lostReason: string): void {
    this.#because(GIVE_UP_REASONS[lostReason] ?? 'undecodable')
    this.#reset(this.#downstream)
    this.#upstream?.destroy()
  }

  async #connect(signal: AbortSignal, onRead: OnRead): Promise<UpstreamConnection | Error> {
    const cluster = this.#deps.findCluster()
    if (cluster === undefined)
      return new UpstreamError('no_usable_host', '', `There is no cluster ${this.info.cluster}`)
    try {
      await unlessAborted(this.#deps.whenReady(), signal)
      return await cluster.connect({ signal, onRead, target: this.#deps.target })
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  }

  #connectFailed(error: Error): void {
    const failure = error instanceof UpstreamError ? error.failure : undefined
    if (failure !== 'aborted') {
      this.#because(failure === 'overflow' ? 'upstream_overflow' : (failure ?? 'error'))
      this.#logConnectFailure(error)
    }
    // A driver's monitor that is reset knows at once that the member is down.
    if (failure === 'member_down') this.#reset(this.#downstream)
    else this.#downstream.destroy()
    this.#closeIfOver()
  }

  #logConnectFailure(error: Error): void {
    const host = error instanceof UpstreamError ? error.host : ''
    const { listener, cluster } = this.info
    const suppressed = this.#deps.logLimiter.allow(`connect ${cluster} ${host}`)
    if (suppressed < 0) return
    const code = error instanceof UpstreamError ? error.code : 'OPL_INTERNAL'
    const fields = { listener, cluster, host, code, reason: error.message, suppressed }
    this.#deps.logger.warn(fields, 'Upstream connect failed, the client was closed')
  }

  #bind({ socket, lease }: UpstreamConnection, reader: SocketReader): void {
    this.#lease = lease
    if (socket.destroyed || this.#downstream.destroyed) {
      this.#because('connect_failed')
      socket.destroy()
      this.#downstream.destroy()
      this.#closeIfOver()
      return
    }
    this.#state = 'open'
    this.#host = lease.host
    this.info.host = lease.host
    this.#upstream = socket
    if (this.#deps.decoder !== undefined) this.#decoder = new Decoder(this.#deps.decoder, this.info, lease)
    const { isRewriting } = this.#deps
    const requests = new WatchLane('request', this.#downstream, socket, this.#decoder, this, isRewriting)
    const replies = new WatchLane('reply', socket, this.#downstream, this.#decoder, this, isRewriting)
    this.#requests = requests
    this.#replies = replies
    this.#listenUpstream(socket)
    this.#startIdleTimeout()
    reader.attach(replies, this.#downstream)
    // Under TLS the reader is not used, and everything comes this way.
    socket.on('data', (chunk) => replies.forward(chunk))
    socket.on('drain', () => requests.resume())
    this.#downstream.on('data', (chunk) => {
      requests.forward(chunk)
      if (++this.#clientReads === READS_TO_REUSE) this.#reuseReads(requests, socket)
    })
    this.#downstream.on('drain', () => {
      replies.resume()
      // Paused by answers of our own; a slow upstream pauses it again with the next chunk.
      if (isRewriting) this.#downstream.resume()
    })
    if (this.#downstream.readableEnded) requests.end()
    socket.resume()
    if (this.#decoder?.isLost === true) this.decodingEnded()
  }

  /** Once the client has said so much that a buffer of its own is worth its memory. */
  #reuseReads(requests: WatchLane, sink: Socket): void {
    const reader = new SocketReader()
    reader.attach(requests, sink)
    readInto(this.#downstream, reader)
  }

  #listenUpstream(socket: Socket): void {
    socket.on('error', () => this.#failed('upstream_reset', this.#downstream))
    socket.on('end', () => this.#upstreamEnded())
    socket.on('close', () => this.#sideClosed(this.#downstream))
  }

  #clientEnded(): void {
    // A client that speaks first and ends before its upstream stands has left; a silent one may still want to listen.
    if (this.#state === 'connecting' && this.#deps.decoder === undefined) return
    this.#because('client_closed')
    if (this.#state === 'connecting') this.cut('client_closed')
    else this.#requests?.end()
  }

  #upstreamEnded(): void {
    this.#because('upstream_closed')
    this.#endDecoding()
    this.#replies?.end()
  }

  /** One side is gone without an end; Node has destroyed it already. */
  #failed(reason: CloseReason, other: Socket | undefined): void {
    // While closing the other side has been told its end: let it have its last bytes.
    if (this.#state === 'closing') return
    this.#because(reason)
    this.#endDecoding()
    this.#connecting?.abort()
    if (other !== undefined) this.#reset(other)
  }

  #reset(socket: Socket): void {
    if (socket.destroyed) return
    if (socket === this.#downstream ? this.#deps.canResetDownstream : this.#canResetUpstream()) socket.resetAndDestroy()
    else socket.destroy()
  }

  /** TLS and Unix sockets know no reset. */
  #canResetUpstream(): boolean {
    return this.#host?.address.kind === 'tcp' && this.#upstream !== undefined && !('encrypted' in this.#upstream)
  }

  #sideClosed(other: Socket | undefined): void {
    this.#connecting?.abort()
    if (other !== undefined && !this.#isEnding(other)) other.destroy()
    this.#closeIfOver()
  }

  /** It has heard its last byte or will within the linger, and still has some to send: it closes by itself. */
  #isEnding(socket: Socket): boolean {
    return socket.writableEnded && (socket.readableEnded || this.#state === 'closing')
  }

  #closeIfOver(): void {
    if (this.#state === 'closed' || this.#connecting !== undefined) return
    if (!this.#downstream.closed || this.#upstream?.closed === false) return
    this.#state = 'closed'
    this.#endDecoding()
    this.#timer?.cancel()
    this.#lease?.release()
    this.#deps.hub.connectionClosed(this.info, this.#reason ?? 'error')
    this.#deps.onClosed(this)
  }

  #finishIfIdle(): void {
    if (this.isDecoded && this.inFlight === 0) this.#finish(this.#drainReason ?? 'drained')
  }

  /** Both sides are told the end after what they were given, and have a moment to say theirs. */
  #finish(reason: CloseReason): void {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    this.#because(reason)
    this.#endDecoding()
    this.#timer?.cancel()
    this.#requests?.finish()
    this.#replies?.finish()
    this.#linger(reason, FLUSH_MS)
  }

  /** A second for both ends to come; longer, up to `leftMs`, while one side has not taken its last bytes. */
  #linger(reason: CloseReason, leftMs: number): void {
    this.#timer = this.#deps.clock.after(LINGER_MS, () => {
      if (leftMs > LINGER_MS && this.isFlushing) this.#linger(reason, leftMs - LINGER_MS)
      else this.cut(reason)
    })
  }

  #startIdleTimeout(): void {
    const { idleTimeoutMs, clock } = this.#deps
    if (idleTimeoutMs === 0) return
    this.#lastActiveMs = clock.now()
    this.#timer = clock.after(idleTimeoutMs, () => this.#checkIdle())
  }

  /** An operation that takes long is not idle. */
  #checkIdle(): void {
    const { idleTimeoutMs, clock } = this.#deps
    const leftMs = this.#lastActiveMs + idleTimeoutMs - clock.now()
    if (leftMs <= 0 && this.inFlight === 0) this.#finish('idle_timeout')
    else this.#timer = clock.after(leftMs > 0 ? leftMs : idleTimeoutMs, () => this.#checkIdle())
  }

  #because(reason: CloseReason): void {
    this.#reason ??= reason
  }

  #endDecoding(): void {
    this.#decoder?.end(endedBy(this.#reason))
  }
}

/** Ends early, without an error, when the signal does. */
function unlessAborted(ready: Promise<void> | undefined, signal: AbortSignal): Promise<void> | undefined {
  if (ready === undefined) return undefined
  return new Promise((resolve) => {
    const done = () => {
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
    void ready.then(done)
  })
}

function endedBy(reason: CloseReason | undefined): EndedBy {
  switch (reason) {
    case 'client_closed':
    case 'client_reset':
      return 'client'
    case 'upstream_closed':
    case 'upstream_reset':
      return 'server'
    default:
      return 'proxy'
  }
}
