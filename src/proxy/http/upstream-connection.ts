import type { Socket } from 'node:net'
import type { Host, Lease, UpstreamConnection } from '../../core/upstream.js'
import { resetSocket } from '../reset-socket.js'
import type { SocketReader } from '../socket-reader.js'
import type { ReplyHead } from './head/heads.js'
import type { HttpLimits } from './limits.js'
import type { HttpEnd } from './message-scanner.js'
import type { HttpPiece } from './piece.js'
import { type Expected, ReplyParser } from './reply-parser.js'

/** Who waits for the reply. */
export interface ReplyUser {
  /** The next piece. After one that is `last` the connection has been given back or destroyed. */
  reply(piece: HttpPiece<ReplyHead>): void
  /** Everything that came at once is read: write it now, for it may be read over. */
  chunkRead(): void
  /** It took what it was given. */
  upstreamDrained(): void
  /** Nothing more will come. `hasReset`: without an end. */
  upstreamGone(end: HttpEnd, hasReset: boolean): void
}

/** What connections tell their pool. */
export interface ConnectionKeeper {
  /** It was idle, and is of no use any more. */
  idleGone(connection: UpstreamHttp): void
}

/** `Keep-Alive: timeout=5`: how long the upstream will keep the connection, in seconds. */
const KEEP_ALIVE_TIMEOUT = /(?:^|[,;\s])timeout=(\d{1,6})(?:$|[,;\s])/
/** A request that goes out this shortly before the upstream's own end would meet it. */
const KEEP_ALIVE_MARGIN_MS = 1_000

/** One connection to an upstream: carries one request at a time, and waits in a pool between them. */
export class UpstreamHttp {
  readonly host: Host
  /** When it became idle; meaningless while it is used. */
  idleSinceMs = 0
  /** It has carried so many requests before the one that it carries. */
  served = 0
  /** How long the upstream said it will keep it; Infinity when it didn't. */
  keptForMs = Number.POSITIVE_INFINITY
  readonly #socket: Socket
  readonly #lease: Lease
  readonly #reader: SocketReader
  readonly #parser: ReplyParser
  readonly #keeper: ConnectionKeeper
  #user: ReplyUser | undefined = undefined
  #isIdle = false
  #isGone = false
  /** More came than was asked for. */
  #isTainted = false

  constructor(
    { socket, lease }: UpstreamConnection,
    reader: SocketReader,
    limits: HttpLimits,
    keeper: ConnectionKeeper,
  ) {
    this.host = lease.host
    this.#socket = socket
    this.#lease = lease
    this.#reader = reader
    this.#parser = new ReplyParser(limits)
    this.#keeper = keeper
    reader.attach(this, undefined)
    // Under TLS the reader is not used, and everything comes this way.
    socket.on('data', (chunk) => this.forward(chunk))
    socket.on('drain', () => this.#user?.upstreamDrained())
    socket.on('end', () => this.#gone(false))
    socket.on('error', () => this.#gone(true))
    socket.on('close', () => this.#closed())
    socket.resume()
    if (socket.closed) this.#closed()
    else if (socket.destroyed) this.#gone(true)
  }

  get socket(): Socket {
    return this.#socket
  }

  /** Nothing can be sent on it any more. */
  get isGone(): boolean {
    return this.#isGone
  }

  /** A request begins: its reply goes to `user`, who writes it to `sink`. Before the request's first byte is written. */
  begin(request: Expected, user: ReplyUser, sink: Socket): void {
    if (this.#isIdle) {
      this.#isIdle = false
      this.host.stats.connectionsIdle--
    }
    this.#user = user
    this.#reader.attach(this, sink)
    this.#parser.expect(request)
    this.#lease.operationStarted()
  }

  /** The request is over, well or badly. */
  end(outcome: Parameters<Lease['operationEnded']>[0], durationMs: number): void {
    this.#user = undefined
    this.#lease.operationEnded(outcome, durationMs)
  }

  /** May carry another request: its request was taken, its reply was read to its end and nothing else has come. */
  get isClean(): boolean {
    if (this.#isGone || this.#isTainted || this.#socket.writableLength > 0) return false
    return this.#parser.isIdle && this.#parser.expectedCount === 0
  }

  /** Waits for a next request. */
  rest(nowMs: number): void {
    this.#isIdle = true
    this.host.stats.connectionsIdle++
    this.idleSinceMs = nowMs
    this.served++
    this.#reader.attach(this, undefined)
    // Its reader may have been too slow: now nobody is.
    this.#socket.resume()
  }

  /** Called when the first reply's head is there. */
  noteKeepAlive(head: ReplyHead): void {
    const seconds = KEEP_ALIVE_TIMEOUT.exec(head.headers.get('keep-alive') ?? '')?.[1]
    if (seconds !== undefined) this.keptForMs = Math.max(0, Number(seconds) * 1_000 - KEEP_ALIVE_MARGIN_MS)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Nobody hears of it any more. */
  destroy(): void {
    this.#leave()
    this.#socket.destroy()
  }

  /** Like `destroy`, inside a request: the upstream must not take what it has of it for the whole. */
  abort(): void {
    this.#leave()
    resetSocket(this.#socket)
  }

  /** Bytes from the upstream. */
  forward(chunk: Buffer): void {
    this.host.stats.bytesReceived += chunk.length
    let at = 0
    while (at < chunk.length) {
      const user = this.#user
      if (user === undefined) {
        // Nobody asked: whoever is next would take it for its own reply.
        this.#isTainted = true
        if (this.#isIdle) this.#idleGone()
        return
      }
      const piece = this.#parser.next(chunk, at)
      at = piece.next
      if (piece.last && at < chunk.length) this.#isTainted = true
      const isOver = piece.last || piece.kind === 'refused'
      user.reply(piece)
      if (isOver) return
    }
    this.#user?.chunkRead()
  }

  #gone(hasReset: boolean): void {
    if (this.#isGone) return
    this.#isGone = true
    if (this.#isIdle) {
      this.#idleGone()
      return
    }
    const user = this.#user
    const end = this.#parser.end()
    if (user === undefined) this.#socket.destroy()
    else user.upstreamGone(hasReset && end === 'complete' ? 'truncated_message' : end, hasReset)
  }

  #leave(): void {
    this.#user = undefined
    this.#leaveIdle()
    this.#isGone = true
  }

  #idleGone(): void {
    this.#leaveIdle()
    this.#isGone = true
    this.#keeper.idleGone(this)
    this.#socket.destroy()
  }

  #leaveIdle(): void {
    if (!this.#isIdle) return
    this.#isIdle = false
    this.host.stats.connectionsIdle--
  }

  #closed(): void {
    this.#gone(true)
    this.#lease.release()
  }
}
