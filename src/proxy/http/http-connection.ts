import type { Socket } from 'node:net'
import type { ConnectionInfo } from '../../core/connection.js'
import { DecodeError } from '../../core/errors.js'
import type { HttpRefusal } from '../../core/http.js'
import type { CloseReason } from '../../core/observer.js'
import { ABORTED, type Outcome, refused } from '../../core/outcome.js'
import type { ListenerStats } from '../../core/stats.js'
import type { Cluster, Host } from '../../core/upstream.js'
import type { ProxiedConnection } from '../proxy-listener.js'
import { ClientReader, type RequestTaker } from './client-reader.js'
import { type HttpTimeouts, overdue } from './deadlines.js'
import { Downstream } from './downstream.js'
import type { ReplyHead, RequestHead } from './head/heads.js'
import type { HttpLimits } from './limits.js'
import type { HttpEnd } from './message-scanner.js'
import type { HttpOperationDeps } from './operation.js'
import type { HttpPiece } from './piece.js'
import { CONTINUE, type ReplyOptions, refusal, replyRefused, requestRefused } from './proxy-reply.js'
import { HTTP_REASONS, type HttpReason } from './reasons.js'
import { ReplyForwarder } from './reply-forwarder.js'
import { type RequestEvents, RequestSender, type RequestSenderDeps } from './request-sender.js'
import { Turn } from './turn.js'
import type { ReplyUser } from './upstream-connection.js'

/** What all connections of a listener share. */
export interface HttpConnectionDeps extends HttpOperationDeps, RequestSenderDeps {
  /** Where a request goes. */
  readonly route: (head: RequestHead) => Cluster | undefined
  readonly limits: HttpLimits
  readonly timeouts: HttpTimeouts
  readonly stats: ListenerStats
  readonly onClosed: (connection: HttpConnection) => void
}

/**
 * One client connection that speaks HTTP/1.1, one request at a time: its turn. A request is forwarded piece by piece, written
 * before it is decoded; so is its reply. A turn ends in one place, however it ends.
 *
 *     idle ──head──▶ turn ──reply's end, or an answer of our own──▶ idle, or the end of the connection
 */
export class HttpConnection implements ProxiedConnection, RequestTaker, RequestEvents, ReplyUser {
  readonly info: ConnectionInfo
  readonly #deps: HttpConnectionDeps
  readonly #downstream: Downstream
  readonly #client: ClientReader
  readonly #requests: RequestSender
  readonly #replies: ReplyForwarder
  #turn: Turn | undefined = undefined
  /** The client said its end. */
  #hasEnded = false
  #drainReason: CloseReason | undefined = undefined
  /** Something moved since the last `check`. */
  #wasActive = true
  #activeAtMs = 0
  /** Since when a head is awaited or incomplete; 0 between two requests. */
  #headSinceMs: number

  /** @param socket just accepted, TLS done, nobody listening yet */
  constructor(info: ConnectionInfo, socket: Socket, deps: HttpConnectionDeps) {
    this.info = info
    this.#deps = deps
    this.#downstream = new Downstream(socket, info, deps.stats)
    this.#client = new ClientReader(socket, deps.limits, this)
    this.#requests = new RequestSender(deps, info, socket, this)
    this.#replies = new ReplyForwarder(socket)
    this.#headSinceMs = info.openedAtMs
  }

  start(): void {
    const { socket } = this.#downstream
    socket.on('error', () => this.#clientGone('client_reset'))
    socket.on('end', () => this.#clientEnded())
    socket.on('close', () => this.#closed())
    socket.on('drain', () => this.#drained())
    socket.on('data', (chunk) => this.#received(chunk))
  }

  // --- As its listener and a drain see it.

  readonly isDecoded = true
  readonly isMonitor = false

  get host(): Host | undefined {
    return this.#turn?.upstream?.host
  }

  get inFlight(): number {
    return this.#turn !== undefined || !this.#client.isIdle ? 1 : 0
  }

  get isClosing(): boolean {
    return !this.#downstream.isOpen
  }

  get isFlushing(): boolean {
    return this.#downstream.isFlushing
  }

  get isLeaving(): boolean {
    return this.#drainReason !== undefined
  }

  /** The reply in flight says `Connection: close` when it can still say so. */
  finishWhenIdle(reason: CloseReason): void {
    this.#drainReason = reason
    if (this.inFlight === 0) this.#finish(reason)
  }

  finishAfterReply(reason: CloseReason): void {
    this.#drainReason = reason
  }

  cut(reason: CloseReason): void {
    const isLoss = this.#turn?.isReplyBegun === true || this.isFlushing
    this.#abortTurn(ABORTED.proxy)
    if (isLoss) this.#downstream.reset(reason)
    else this.#downstream.destroy(reason)
  }

  // --- The client speaks.

  #received(chunk: Buffer): void {
    this.#wasActive = true
    this.#downstream.countReceived(chunk.length)
    if (this.#downstream.isOpen) this.#client.received(chunk)
  }

  get takesPiece(): boolean {
    const turn = this.#turn
    if (turn !== undefined) return turn.takesRequest
    // Who reads no replies may send no requests.
    return this.#downstream.isOpen && this.#downstream.hasRoom
  }

  take(piece: HttpPiece<RequestHead>): void {
    const turn = this.#turn
    if (piece.kind === 'refused') this.#requestRefused(turn, piece.reason as HttpReason)
    else if (piece.head !== undefined) this.#begin(piece.head, piece)
    else if (turn !== undefined) this.#pass(turn, piece)
    else if (this.#headSinceMs === 0) this.#headSinceMs = this.#deps.clock.now()
  }

  taken(): boolean {
    if (this.#hasEnded) this.#heardOut()
    const turn = this.#turn
    if (turn === undefined) return this.#downstream.hasRoom || !this.#downstream.isOpen
    const hasRoom = this.#requests.settle(turn)
    if (!hasRoom) this.#deps.stats.readingPaused++
    return hasRoom
  }

  #begin(head: RequestHead, { start, end, last }: HttpPiece<RequestHead>): void {
    this.#headSinceMs = 0
    this.info.host = undefined
    const turn = new Turn(head, this.#deps, this.info, this.#deps.clock.now())
    turn.isRequestRead = last
    turn.operation.countRequest(end - start)
    this.#turn = turn
    const cluster = this.#deps.route(head)
    if (cluster === undefined) this.#unavailable(turn, `There is no cluster ${this.info.cluster}`)
    else if (cluster.requests.start()) this.#requests.begin(turn, cluster)
    else this.#unavailable(turn, `Cluster ${cluster.name} has too many requests in flight`)
  }

  #pass(turn: Turn, piece: HttpPiece<RequestHead>): void {
    turn.operation.countRequest(piece.end - piece.start)
    if (piece.kind !== 'none') this.#requests.pass(turn, piece)
  }

  #requestRefused(turn: Turn | undefined, reason: HttpReason): void {
    this.#deps.hub.decodingLost(this.info, 'request', new DecodeError(reason, HTTP_REASONS[reason].message))
    this.#deps.log.refused(this.info, 'request', reason)
    // What was sent of it must not be completed by anybody.
    if (turn?.isReplyBegun === true) this.#breakReply(turn, ABORTED.proxy, 'undecodable')
    else {
      this.#answerLast(turn, (options) => requestRefused(reason, options), ABORTED.proxy)
      this.#finish('undecodable')
    }
  }

  #clientEnded(): void {
    this.#hasEnded = true
    this.#heardOut()
  }

  /** Its end counts when all that it said before has had its turn. */
  #heardOut(): void {
    if (!this.#downstream.isOpen || this.#client.isHolding) return
    const turn = this.#turn
    if (turn === undefined) this.#finish('client_closed')
    else if (!turn.isRequestRead) this.#clientGone('client_closed')
    // Its request is whole: it gets its reply, and then the end.
  }

  #clientGone(reason: CloseReason): void {
    this.#abortTurn(ABORTED.client)
    this.#downstream.destroy(reason)
  }

  #drained(): void {
    this.#wasActive = true
    if (this.#turn !== undefined) this.#turn.upstream?.resume()
    else if (this.#downstream.isOpen) this.#client.read()
  }

  #closed(): void {
    if (!this.#downstream.closed()) return
    this.#downstream.because('client_reset')
    this.#abortTurn(ABORTED.client)
    this.#client.drop()
    this.#deps.hub.connectionClosed(this.info, this.#downstream.reason)
    this.#deps.onClosed(this)
  }

  // --- What becomes of its request on the way.

  requestBound(): void {
    this.#client.read()
  }

  requestUnavailable(turn: Turn, why: HttpRefusal): void {
    this.#answer(turn, why)
  }

  bodyRefused(turn: Turn, status: 400 | 413, message: string): void {
    if (turn.isReplyBegun) this.#breakReply(turn, refused(status, ''), 'completed')
    else {
      this.#answerLast(turn, (options) => refusal(status, message, options), refused(status, ''))
      this.#finish('completed')
    }
  }

  continueAwaited(): void {
    this.#downstream.say(CONTINUE)
  }

  // --- The upstream speaks.

  reply(piece: HttpPiece<ReplyHead>): void {
    const turn = this.#turn
    if (turn === undefined) throw new TypeError('A reply without a request')
    this.#wasActive = true
    turn.hasHeard = true
    turn.operation.countReply(piece.end - piece.start)
    if (piece.kind === 'refused') {
      this.#replyRefused(turn, piece.reason as HttpReason)
      return
    }
    if (piece.head !== undefined) this.#replyHead(turn, piece.head)
    else if (piece.kind !== 'none') this.#replies.body(piece)
    if (piece.last) this.#replyEnded(turn)
  }

  chunkRead(): void {
    const turn = this.#turn
    if (turn === undefined) return
    if (!this.#replies.settle(turn)) {
      turn.upstream?.pause()
      this.#deps.stats.readingPaused++
    }
    // A codec may look at it again when the reply ends; the chunk is read over by then.
    turn.replyHead?.headers.keep()
  }

  upstreamDrained(): void {
    this.#wasActive = true
    if (this.#turn?.takesRequest === true) this.#client.read()
  }

  upstreamGone(end: HttpEnd, hasReset: boolean): void {
    const turn = this.#turn
    if (turn === undefined) return
    if (end === 'complete') this.#replyEnded(turn)
    else if (turn.isReplyBegun) this.#breakReply(turn, ABORTED.server, hasReset ? 'upstream_reset' : 'upstream_closed')
    else if (!this.#requests.retry(turn)) {
      const message = `${turn.upstream?.host.name ?? 'The upstream'} closed the connection before it answered`
      this.#answer(turn, { kind: 'unavailable', message }, ABORTED.server)
    }
  }

  #replyHead(turn: Turn, head: ReplyHead): void {
    if (!head.isInterim && turn.upstream?.served === 0) turn.upstream.noteKeepAlive(head)
    this.#replies.head(turn, head, this.#isLast)
  }

  #replyEnded(turn: Turn): void {
    this.#replies.settle(turn)
    turn.operation.replyEnded()
    const isReusable = turn.isRequestRead && turn.replyHead?.facts.keepAlive === true
    const { upstream } = turn
    this.#endTurn(turn, undefined)
    if (upstream !== undefined) this.#deps.pool.giveBack(upstream, isReusable, this.#deps.clock.now())
    this.#afterReply(turn)
  }

  #replyRefused(turn: Turn, reason: HttpReason): void {
    this.#deps.hub.decodingLost(this.info, 'reply', new DecodeError(reason, HTTP_REASONS[reason].message))
    this.#deps.log.refused(this.info, 'reply', reason)
    if (turn.isReplyBegun) {
      this.#breakReply(turn, ABORTED.server, 'undecodable')
      return
    }
    this.#replies.settle(turn)
    this.#downstream.say(replyRefused(reason, this.#optionsOf(turn)))
    this.#abortTurn(ABORTED.server)
    this.#afterReply(turn)
  }

  /** What came of it must not be taken for the whole. */
  #breakReply(turn: Turn, outcome: Outcome, reason: CloseReason): void {
    // What is not written yet stays so: a client that gets bytes and a reset at once may take the reset for an end. (libuv does)
    turn.tellReplyHead()
    this.#abortTurn(outcome)
    this.#downstream.reset(reason)
  }

  #afterReply(turn: Turn): void {
    const isIdle = this.#client.isIdle && !this.#client.isHolding
    if (turn.closes || !turn.isRequestRead) {
      this.#finish(this.#drainReason ?? (this.#hasEnded ? 'client_closed' : 'completed'))
    } else if (this.#drainReason !== undefined && isIdle) this.#finish(this.#drainReason)
    else this.#client.read()
  }

  // --- Answers of our own.

  #unavailable(turn: Turn, message: string): void {
    this.#answer(turn, { kind: 'unavailable', message })
  }

  /** @param outcome what became of the operation; without it, it is refused */
  #answer(turn: Turn, why: HttpRefusal, outcome?: Outcome): void {
    const options = this.#optionsOf(turn)
    const { bytes, status } = turn.operation.refuse(why, options)
    this.#downstream.say(bytes)
    this.#abortTurn(outcome ?? refused(status, ''))
    this.#afterReply(turn)
  }

  /** Behind it the connection ends. */
  #answerLast(turn: Turn | undefined, encode: (options: ReplyOptions) => Buffer, outcome: Outcome): void {
    this.#downstream.say(encode({ close: true, isHead: turn?.head.method === 'HEAD' }))
    this.#abortTurn(outcome)
  }

  /** The rest of the request is of no use; unless it is in hand already, nobody will wait for it. */
  #optionsOf(turn: Turn): ReplyOptions {
    if (!turn.isRequestRead) {
      this.#client.skipRequest((piece) => {
        turn.operation.countRequest(piece.end - piece.start)
        this.#requests.discard(turn, piece)
      })
    }
    const { facts, method } = turn.head
    // An HTTP/1.0 client that is not told otherwise waits for the end.
    turn.closes = this.#isLast || !turn.isRequestRead || !facts.keepAlive || facts.minorVersion === 0
    return { close: turn.closes, isHead: method === 'HEAD' }
  }

  /** Whatever the messages say. */
  get #isLast(): boolean {
    return this.#drainReason !== undefined || (this.#hasEnded && !this.#client.isHolding)
  }

  // --- Ends.

  /** The current request is over without its reply. */
  #abortTurn(outcome: Outcome): void {
    const turn = this.#turn
    if (turn === undefined) return
    const { upstream } = turn
    turn.dialling?.abort()
    this.#endTurn(turn, outcome)
    // Nobody can tell what the upstream made of it, nor where its reply would end.
    upstream?.abort()
  }

  #endTurn(turn: Turn, outcome: Outcome | undefined): void {
    this.#turn = undefined
    this.#requests.drop()
    this.#replies.drop()
    this.#downstream.countSent(turn.operation.replyBytes)
    turn.end(outcome, this.#deps.clock.now())
  }

  #finish(reason: CloseReason): void {
    this.#downstream.finish(reason, this.#deps.clock.now())
    // What it still says is read and dropped, so that its end is seen, and no reset takes the reply from it.
    this.#client.drop()
  }

  // --- Time.

  /** Now and then: what has taken too long ends. */
  check(nowMs: number): void {
    if (this.#wasActive) {
      this.#wasActive = false
      this.#activeAtMs = nowMs
    }
    if (this.#downstream.isOpen) this.#checkOpen(nowMs)
    else if (this.#downstream.isClosing && this.#downstream.hasLingered(nowMs)) this.cut(this.#downstream.reason)
  }

  #checkOpen(nowMs: number): void {
    const turn = this.#turn
    const progress = {
      hasRequest: turn !== undefined,
      headSinceMs: this.#headSinceMs,
      waitsSinceMs: turn === undefined || turn.isReplyBegun ? 0 : turn.waitsSinceMs,
      activeAtMs: this.#activeAtMs,
    }
    const what = overdue(this.#deps.timeouts, progress, nowMs)
    if (what === 'idle') this.#finish('idle_timeout')
    else if (what === 'head') this.#headOverdue()
    else if (what === 'reply' && turn !== undefined) this.#replyOverdue(turn)
    else if (what === 'stalled' && turn !== undefined) this.#stalled(turn)
  }

  /** Who has said nothing at all gets no answer either. */
  #headOverdue(): void {
    const isSilent = this.#client.isIdle
    if (!isSilent) this.#downstream.say(refusal(408, 'The head of the request took too long', { close: true }))
    this.#finish(isSilent ? 'idle_timeout' : 'request_timeout')
  }

  #replyOverdue(turn: Turn): void {
    const message = `${turn.upstream?.host.name ?? 'The upstream'} gave no answer in time`
    this.#answer(turn, { kind: 'timeout', message }, ABORTED.proxy)
  }

  /** Nothing moves. Whoever the others wait for is to blame. */
  #stalled(turn: Turn): void {
    if (turn.isReplyBegun) {
      this.#breakReply(turn, this.#downstream.hasRoom ? ABORTED.proxy : ABORTED.client, 'request_timeout')
    } else if (this.#client.isPaused || !turn.takesRequest) this.#replyOverdue(turn)
    else {
      const message = 'The body of the request took too long'
      this.#answerLast(turn, (options) => refusal(408, message, options), ABORTED.client)
      this.#finish('request_timeout')
    }
  }
}
