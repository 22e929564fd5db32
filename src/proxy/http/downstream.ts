import type { Socket } from 'node:net'
import type { ConnectionInfo } from '../../core/connection.js'
import type { CloseReason } from '../../core/observer.js'
import type { ListenerStats } from '../../core/stats.js'
import { resetSocket } from '../reset-socket.js'

/** How long a client that was told the end may take to say its own, and to take its last bytes. */
const LINGER_MS = 1_000
const FLUSH_MS = 30_000

/**
 * The client's socket, and how it ends; what ended it first names the reason.
 *
 *     open ──told its end, or destroyed──▶ closing ──socket closed──▶ closed
 */
export class Downstream {
  readonly socket: Socket
  readonly #info: ConnectionInfo
  readonly #stats: ListenerStats
  #state: 'open' | 'closing' | 'closed' = 'open'
  #reason: CloseReason | undefined = undefined
  /** It is to end as soon as it can. */
  leaveReason: CloseReason | undefined = undefined
  /** Since when it is told its end, or since when that is out. */
  #closingSinceMs = 0
  #isFlushed = false

  constructor(socket: Socket, info: ConnectionInfo, stats: ListenerStats) {
    this.socket = socket
    this.#info = info
    this.#stats = stats
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get isClosing(): boolean {
    return this.#state === 'closing'
  }

  get reason(): CloseReason {
    return this.#reason ?? 'error'
  }

  get isLeaving(): boolean {
    return this.leaveReason !== undefined
  }

  /** Bytes wait for it to take them. */
  get isFlushing(): boolean {
    return this.socket.writableLength > 0
  }

  /** It takes what it is given. */
  get hasRoom(): boolean {
    // TLS keeps what it encrypts for a moment, and tells of no drain unless it asked for one.
    return !this.socket.writableNeedDrain || !this.isFlushing
  }

  countReceived(byteCount: number): void {
    this.#info.bytesReceived += byteCount
    this.#stats.bytesReceived += byteCount
  }

  countSent(byteCount: number): void {
    this.#info.bytesSent += byteCount
    this.#stats.bytesSent += byteCount
  }

  /** Bytes that no upstream gave. */
  say(bytes: Buffer): void {
    if (this.socket.writable) this.socket.write(bytes)
    this.countSent(bytes.length)
  }

  because(reason: CloseReason): void {
    this.#reason ??= reason
  }

  /** It is told the end behind what it was given, and has a moment to say its own. */
  finish(reason: CloseReason, nowMs: number): void {
    if (this.#state !== 'open') return
    this.#leave(reason)
    this.#closingSinceMs = nowMs
    this.socket.end()
  }

  /** What it was given must not be taken for all there is. */
  reset(reason: CloseReason): void {
    this.#leave(reason)
    resetSocket(this.socket)
  }

  destroy(reason: CloseReason): void {
    this.#leave(reason)
    this.socket.destroy()
  }

  /** @returns false when it was closed already */
  closed(): boolean {
    const isNews = this.#state !== 'closed'
    this.#state = 'closed'
    return isNews
  }

  /** It was told its end and has had its time. */
  hasLingered(nowMs: number): boolean {
    const { isFlushing } = this
    if (!isFlushing && !this.#isFlushed) {
      this.#isFlushed = true
      this.#closingSinceMs = nowMs
    }
    return nowMs - this.#closingSinceMs >= (isFlushing ? FLUSH_MS : LINGER_MS)
  }

  #leave(reason: CloseReason): void {
    this.#reason ??= reason
    if (this.#state === 'open') this.#state = 'closing'
  }
}
