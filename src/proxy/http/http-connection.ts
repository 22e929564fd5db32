import type { Socket } from 'node:net'
import type { ConnectionInfo } from '../../core/connection.js'
import type { CloseReason } from '../../core/observer.js'
import type { Host } from '../../core/upstream.js'
import type { ProxiedConnection } from '../proxy-listener.js'
import { Conversation, type ConversationDeps } from './conversation.js'
import { type HttpTimeouts, overdue } from './deadlines.js'

/** What all connections of a listener share. */
export interface HttpConnectionDeps extends ConversationDeps {
  readonly timeouts: HttpTimeouts
  readonly onClosed: (connection: HttpConnection) => void
}

/** One client connection that speaks HTTP/1.1, as its listener, a drain and the clock see it. */
export class HttpConnection implements ProxiedConnection {
  readonly info: ConnectionInfo
  readonly isDecoded = true
  readonly isMonitor = false
  readonly #deps: HttpConnectionDeps
  readonly #conversation: Conversation
  #movedAtMs = 0

  /** @param socket just accepted, TLS done, nobody listening yet */
  constructor(info: ConnectionInfo, socket: Socket, deps: HttpConnectionDeps) {
    this.info = info
    this.#deps = deps
    this.#conversation = new Conversation(info, socket, deps)
  }

  start(): void {
    const conversation = this.#conversation
    const { socket } = conversation.downstream
    socket.on('error', () => conversation.clientGone('client_reset'))
    socket.on('end', () => conversation.clientEnded())
    socket.on('close', () => this.#closed())
    socket.on('drain', () => conversation.clientDrained())
    socket.on('data', (chunk) => conversation.received(chunk))
  }

  get host(): Host | undefined {
    return this.#conversation.turn?.upstream?.host
  }

  get inFlight(): number {
    return this.#conversation.isIdle ? 0 : 1
  }

  get isClosing(): boolean {
    return !this.#conversation.downstream.isOpen
  }

  get isFlushing(): boolean {
    return this.#conversation.downstream.isFlushing
  }

  get isLeaving(): boolean {
    return this.#conversation.downstream.isLeaving
  }

  /** The reply in flight is the last, and says `Connection: close` when it can still say so. */
  finishWhenIdle(reason: CloseReason): void {
    this.#conversation.downstream.leaveReason = reason
    if (this.#conversation.isIdle) this.#conversation.finish(reason)
  }

  finishAfterReply(reason: CloseReason): void {
    this.#conversation.downstream.leaveReason = reason
  }

  cut(reason: CloseReason): void {
    this.#conversation.cut(reason)
  }

  /** Now and then: what has taken too long ends. */
  check(nowMs: number): void {
    const conversation = this.#conversation
    const { downstream } = conversation
    if (conversation.takeMoved()) this.#movedAtMs = nowMs
    if (downstream.isOpen) this.#checkOpen(nowMs)
    else if (downstream.isClosing && downstream.hasLingered(nowMs)) conversation.cut(downstream.reason)
  }

  #checkOpen(nowMs: number): void {
    const { turn, headSinceMs } = this.#conversation
    const progress = {
      isBusy: turn !== undefined || this.isFlushing,
      headSinceMs,
      waitsSinceMs: turn === undefined || turn.isReplyBegun ? 0 : turn.waitsSinceMs,
      activeAtMs: this.#movedAtMs,
    }
    const what = overdue(this.#deps.timeouts, progress, nowMs)
    if (what !== undefined) this.#conversation.endOverdue(what)
  }

  #closed(): void {
    const { downstream } = this.#conversation
    if (!downstream.closed()) return
    downstream.because('client_reset')
    this.#conversation.clientClosed()
    this.#deps.hub.connectionClosed(this.info, downstream.reason)
    this.#deps.onClosed(this)
  }
}
