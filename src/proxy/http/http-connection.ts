import type { Socket } from 'node:net'
import type { ConnectionInfo } from '../../core/connection.js'
import { DecodeError, UpstreamError } from '../../core/errors.js'
import type { HttpRefusal, HttpSigner } from '../../core/http.js'
import type { CloseReason } from '../../core/observer.js'
import { ABORTED, type Outcome, refused } from '../../core/outcome.js'
import type { ListenerStats } from '../../core/stats.js'
import type { Cluster, Host } from '../../core/upstream.js'
import type { ProxiedConnection } from '../proxy-listener.js'
import { type HttpTimeouts, overdue } from './deadlines.js'
import { forwardHead } from './forward-head.js'
import type { ReplyHead, RequestHead } from './head/heads.js'
import type { HttpLog } from './http-log.js'
import type { HttpLimits } from './limits.js'
import type { HttpEnd } from './message-scanner.js'
import type { HttpOperationDeps } from './operation.js'
import type { HttpPiece } from './piece.js'
import { PieceFlow, Replay } from './piece-flow.js'
import { CONTINUE, encodeReply, refusal, replyRefused, requestRefused } from './proxy-reply.js'
import { HTTP_REASONS, type HttpReason } from './reasons.js'
import { RequestParser } from './request-parser.js'
import { Signing } from './signing.js'
import { Turn } from './turn.js'
import type { ReplyUser, UpstreamHttp } from './upstream-connection.js'
import type { UpstreamPool } from './upstream-pool.js'

/** What all connections of a listener share. */
export interface HttpConnectionDeps extends HttpOperationDeps {
  /** Where a request goes. */
  readonly route: (head: RequestHead) => Cluster | undefined
  readonly pool: UpstreamPool
  readonly limits: HttpLimits
  /** Requests get another signature; undefined lets them keep theirs. */
  readonly signer: HttpSigner | undefined
  readonly timeouts: HttpTimeouts
  /** A reset can be sent to clients: plain TCP. */
  readonly canResetDownstream: boolean
  readonly stats: ListenerStats
  readonly log: HttpLog
  readonly onClosed: (connection: HttpConnection) => void
}

/** How long a client that was told the end may take to say its own, and to take its last bytes. */
const LINGER_MS = 1_000
const FLUSH_MS = 30_000

/**
 * One client connection that speaks HTTP/1.1, and the request that it is at. Requests that are sent ahead wait unread until the
 * reply before them is out.
 *
 *     open ──told its end──▶ closing ──socket closed──▶ closed
 *
 * A request is forwarded piece by piece, written before it is decoded; so is its reply.
 */
export class HttpConnection implements ProxiedConnection, ReplyUser {
  readonly info: ConnectionInfo
  readonly #deps: HttpConnectionDeps
  readonly #downstream: Socket
  readonly #parser: RequestParser
  readonly #requests = new PieceFlow('request')
  readonly #replies = new PieceFlow('reply')
  #state: 'open' | 'closing' | 'closed' = 'open'
  #turn: Turn | undefined = undefined
  /** Bytes of the client that wait for their turn; then it is not read. */
  #held: Buffer | undefined = undefined
  #heldAt = 0
  #hasEnded = false
  #reason: CloseReason | undefined = undefined
  #drainReason: CloseReason | undefined = undefined
  /** Something came since the last `check`. */
  #wasActive = true
  #activeAtMs = 0
  /** Since when a head is awaited or incomplete; 0 between two requests. */
  #headSinceMs: number
  #closingSinceMs = 0

  /** @param downstream just accepted, TLS done, nobody listening yet */
  constructor(info: ConnectionInfo, downstream: Socket, deps: HttpConnectionDeps) {
    this.info = info
    this.#downstream = downstream
    this.#deps = deps
    this.#parser = new RequestParser(deps.limits)
    this.#replies.sink = downstream
    this.#headSinceMs = info.openedAtMs
  }

  start(): void {
    const socket = this.#downstream
    socket.on('error', () => this.#clientGone('client_reset'))
    socket.on('end', () => this.#clientEnded())
    socket.on('close', () => this.#closed())
    socket.on('drain', () => this.#drained())
    socket.on('data', (chunk) => this.#received(chunk))
  }

  get host(): Host | undefined {
    return this.#turn?.upstream?.host
  }

  readonly isDecoded = true
  readonly isMonitor = false

  get inFlight(): number {
    return this.#turn !== undefined || !this.#parser.isIdle ? 1 : 0
  }

  get isClosing(): boolean {
    return this.#state !== 'open'
  }

  get isFlushing(): boolean {
    return this.#downstream.writableLength > 0
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
    this.#because(reason)
    this.#abortTurn(ABORTED.proxy)
    this.#downstream.destroy()
  }

  /** Now and then: what has taken too long ends. */
  check(nowMs: number): void {
    if (this.#wasActive) {
      this.#wasActive = false
      this.#activeAtMs = nowMs
    }
    if (this.#state === 'closing') this.#checkLinger(nowMs)
    else if (this.#state === 'open') this.#checkOpen(nowMs)
  }

  // --- The client's side.

  #drained(): void {
    if (this.#turn !== undefined) this.#turn.upstream?.resume()
    else if (this.#state === 'open') this.#unhold()
  }

  #received(chunk: Buffer): void {
    this.#wasActive = true
    this.info.bytesReceived += chunk.length
    this.#deps.stats.bytesReceived += chunk.length
    if (this.#state !== 'open') return
    if (this.#held === undefined) this.#read(chunk, 0)
    // A paused TLS socket may have one more chunk on its way.
    else
      this.#held = Buffer.concat(
        [this.#held.subarray(this.#heldAt), chunk],
        this.#held.length - this.#heldAt + chunk.length,
      )
  }

  /** As far as the current request goes; the rest is held. */
  #read(chunk: Buffer, from: number): void {
    this.#held = undefined
    let at = from
    while (at < chunk.length && this.#state === 'open') {
      const turn = this.#turn
      if (turn !== undefined && !turn.takesRequest) {
        this.#hold(chunk, at)
        break
      }
      const piece = this.#parser.next(chunk, at)
      at = piece.next
      if (piece.kind === 'refused') {
        this.#requestRefused(piece.reason as HttpReason)
        return
      }
      if (piece.head !== undefined) this.#begin(piece.head, piece.last)
      else if (piece.kind !== 'none' && turn !== undefined) this.#pass(turn, piece)
      else if (this.#headSinceMs === 0 && turn === undefined) this.#headSinceMs = this.#deps.clock.now()
      this.#turn?.operation.countRequest(piece.end - piece.start)
    }
    const refusal = this.#turn?.refusal
    if (this.#turn !== undefined && refusal !== undefined) this.#answer(this.#turn, refusal)
    else this.#settleRequest()
  }

  /** Some of a request's body. */
  #pass(turn: Turn, piece: HttpPiece<RequestHead>): void {
    const { signing } = turn
    turn.isRequestRead = piece.last
    if (signing === undefined) {
      this.#requests.addPiece(piece)
    } else if (signing.isGathering) {
      if (!signing.gather(piece, turn.operation)) this.#refuseBody(turn, 413, 'The body is too large to be signed')
      else if (piece.last) void this.#sign(turn, signing)
    } else {
      signing.pass(piece)
      // Its last byte does not go out then: nobody may take the request for whole.
      if (piece.last && !signing.isAsDeclared()) {
        this.#refuseBody(turn, 400, 'The body is not what x-amz-content-sha256 says')
      } else this.#requests.addPiece(piece)
    }
  }

  #refuseBody(turn: Turn, status: 400 | 413, message: string): void {
    if (turn.isReplyBegun) this.#settleReply(turn)
    else this.#say(refusal(status, message, { close: true }))
    this.#abortTurn(refused(status, ''))
    this.#finish('completed')
  }

  #hold(chunk: Buffer, at: number): void {
    this.#held = chunk
    this.#heldAt = at
    this.#downstream.pause()
  }

  /** Written first, decoded after. */
  #settleRequest(): void {
    const turn = this.#turn
    const upstream = turn?.upstream
    if (turn === undefined || upstream === undefined) return
    if (!this.#requests.flush() && !turn.isRequestRead) {
      this.#downstream.pause()
      this.#deps.stats.readingPaused++
    }
    this.#requests.drainPayload(turn.operation)
    if (turn.isRequestRead) turn.requestEnded(this.#deps.clock.now())
  }

  #unhold(): void {
    // Who reads no replies may send no requests.
    if (this.#turn === undefined && this.#downstream.writableNeedDrain && this.isFlushing) {
      this.#downstream.pause()
      return
    }
    const held = this.#held
    if (held !== undefined) this.#read(held, this.#heldAt)
    if (this.#held === undefined) this.#downstream.resume()
  }

  #begin(head: RequestHead, isWhole: boolean): void {
    this.#headSinceMs = 0
    const nowMs = this.#deps.clock.now()
    const turn = new Turn(head, this.#deps, this.info, nowMs)
    turn.isRequestRead = isWhole
    this.#turn = turn
    this.info.host = undefined
    const cluster = this.#deps.route(head)
    if (cluster === undefined) {
      turn.refusal = { kind: 'unavailable', message: `There is no cluster ${this.info.cluster}` }
      return
    }
    if (!cluster.requests.start()) {
      turn.refusal = { kind: 'unavailable', message: `Cluster ${cluster.name} has too many requests in flight` }
      return
    }
    turn.cluster = cluster
    const { signer } = this.#deps
    if (signer === undefined) this.#send(turn, cluster)
    else this.#beginSigning(turn, new Signing(signer, head))
  }

  #beginSigning(turn: Turn, signing: Signing): void {
    turn.signing = signing
    if (!signing.isGathering || turn.isRequestRead) void this.#sign(turn, signing)
    else if (signing.isTooLarge) this.#refuseBody(turn, 413, 'The body is too large to be signed')
    else if (turn.head.expectsContinue) this.#say(CONTINUE)
  }

  async #sign(turn: Turn, signing: Signing): Promise<void> {
    const result = await signing.sign().catch(asError)
    const { cluster } = turn
    if (turn !== this.#turn || cluster === undefined) return
    if (result instanceof Error) {
      this.#deps.log.signingFailed(this.info, result)
      this.#answer(turn, { kind: 'unavailable', message: 'The request could not be signed: see the log of the proxy' })
      return
    }
    turn.signedHead = result
    this.#send(turn, cluster)
    this.#settleRequest()
    this.#unhold()
  }

  /** To a connection that rests, at once; else to one that is dialled first. */
  #send(turn: Turn, cluster: Cluster): void {
    const host = cluster.choose(ANY_HOST)
    const upstream = host === undefined ? undefined : this.#deps.pool.take(host)
    if (upstream === undefined) void this.#dial(turn, cluster, host)
    else this.#bind(turn, upstream)
  }

  async #dial(turn: Turn, cluster: Cluster, first: Host | undefined): Promise<void> {
    const dialling = new AbortController()
    turn.dialling = dialling
    const result = await this.#deps.pool.dial(cluster, first, dialling.signal).catch(asError)
    turn.dialling = undefined
    if (turn !== this.#turn || this.#state !== 'open') {
      if (!(result instanceof Error)) this.#deps.pool.giveBack(result, true, this.#deps.clock.now())
      return
    }
    if (result instanceof Error) this.#dialFailed(turn, result)
    else {
      this.#bind(turn, result)
      this.#settleRequest()
      this.#unhold()
    }
  }

  /** The request's head goes out; its body follows as it is read. */
  #bind(turn: Turn, upstream: UpstreamHttp): void {
    turn.upstream = upstream
    this.info.host = upstream.host
    upstream.begin(turn.head, this, this.#downstream)
    const requests = this.#requests
    requests.sink = upstream.socket
    if (turn.retry !== undefined) {
      // What was sent before is sent again; what was not yet read follows.
      requests.copy = undefined
      for (const bytes of turn.retry.sent) requests.add(bytes, 0, bytes.length)
      return
    }
    // A connection that is new fails for a reason that a second try would meet, too.
    requests.copy = upstream.served > 0 ? new Replay() : undefined
    turn.replay = requests.copy
    const { head, signedHead, signing } = turn
    if (signedHead !== undefined) {
      requests.add(signedHead, 0, signedHead.length)
      for (const bytes of signing?.gathered ?? []) requests.add(bytes, 0, bytes.length)
    } else if (!head.facts.hasHopByHop && head.facts.minorVersion === 1)
      requests.add(head.headers.bytes, head.headers.start, head.headers.end)
    else {
      const bytes = forwardHead(head, head.facts.minorVersion === 0 ? 'keep-alive' : undefined)
      requests.add(bytes, 0, bytes.length)
    }
  }

  #requestRefused(reason: HttpReason): void {
    const turn = this.#turn
    this.#deps.hub.decodingLost(this.info, 'request', new DecodeError(reason, HTTP_REASONS[reason].message))
    this.#deps.log.refused(this.info, 'request', reason)
    // What was sent of it must not be completed by anybody.
    if (turn !== undefined) this.#abortTurn(ABORTED.proxy)
    if (turn?.isReplyBegun !== true) this.#say(requestRefused(reason))
    this.#finish('undecodable')
  }

  #clientEnded(): void {
    this.#hasEnded = true
    if (this.#state !== 'open') return
    const turn = this.#turn
    if (turn === undefined) this.#finish('client_closed')
    else if (!turn.isRequestRead) this.#clientGone('client_closed')
    // Its request is whole: it gets its reply, and then the end.
  }

  #clientGone(reason: CloseReason): void {
    this.#because(reason)
    this.#abortTurn(ABORTED.client)
    this.#downstream.destroy()
  }

  #closed(): void {
    if (this.#state === 'closed') return
    this.#because('client_reset')
    this.#abortTurn(ABORTED.client)
    this.#state = 'closed'
    this.#held = undefined
    this.#deps.hub.connectionClosed(this.info, this.#reason ?? 'error')
    this.#deps.onClosed(this)
  }

  // --- The upstream's side.

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
    else if (piece.kind !== 'none') this.#replies.addPiece(piece)
    if (piece.last) this.#replyEnded(turn)
  }

  chunkRead(): void {
    const turn = this.#turn
    if (turn === undefined) return
    if (!this.#settleReply(turn)) {
      turn.upstream?.pause()
      this.#deps.stats.readingPaused++
    }
    // A codec may look at it again when the reply ends; the chunk is read over by then.
    turn.replyHead?.headers.keep()
  }

  upstreamDrained(): void {
    if (this.#turn?.takesRequest === true) this.#unhold()
  }

  upstreamGone(end: HttpEnd, hasReset: boolean): void {
    const turn = this.#turn
    if (turn === undefined) return
    if (end === 'complete') {
      this.#replyEnded(turn)
      return
    }
    if (turn.isReplyBegun) {
      // What came of it must not be taken for the whole.
      this.#settleReply(turn)
      this.#because(hasReset ? 'upstream_reset' : 'upstream_closed')
      this.#abortTurn(ABORTED.server)
      this.#resetDownstream()
      return
    }
    if (this.#retries(turn)) return
    const { host } = turn.upstream ?? {}
    const message = `${host?.name ?? 'The upstream'} closed the connection before it answered`
    this.#answer(turn, { kind: 'unavailable', message }, ABORTED.server)
  }

  /** The connection had been idle, and the upstream closed it just then: nothing says that it saw the request. (RFC 9110, 9.2.2) */
  #retries(turn: Turn): boolean {
    const { cluster, upstream } = turn
    if (cluster === undefined || upstream === undefined || !turn.mayRepeat || !cluster.requests.startRetry())
      return false
    turn.retry = turn.replay
    // Nothing against the host: it closed a connection that nobody used.
    upstream.end('unacknowledged', 0)
    upstream.destroy()
    turn.upstream = undefined
    this.#requests.drop()
    this.#requests.sink = undefined
    if (!turn.isRequestRead) this.#downstream.pause()
    void this.#dial(turn, cluster, undefined)
    return true
  }

  #replyHead(turn: Turn, head: ReplyHead): void {
    const { facts } = turn.head
    if (head.isInterim) {
      // HTTP/1.0 knows none. (RFC 9110, 15.2)
      if (facts.minorVersion > 0) this.#addHead(head, undefined)
      return
    }
    turn.isReplyBegun = true
    turn.replyHead = head
    if (turn.upstream?.served === 0) turn.upstream.noteKeepAlive(head)
    turn.closes =
      !facts.keepAlive ||
      head.facts.framing === 'close' ||
      this.#drainReason !== undefined ||
      !turn.isRequestRead ||
      this.#hasEnded
    const saysKept = facts.minorVersion === 0 || head.facts.minorVersion === 0
    this.#addHead(head, turn.closes ? 'close' : saysKept ? 'keep-alive' : undefined)
  }

  #addHead(head: ReplyHead, connection: 'close' | 'keep-alive' | undefined): void {
    const { headers, facts } = head
    if (!facts.hasHopByHop && connection === undefined) this.#replies.add(headers.bytes, headers.start, headers.end)
    else {
      const bytes = forwardHead(head, connection)
      this.#replies.add(bytes, 0, bytes.length)
    }
  }

  /** Written first, decoded after. @returns false when the client can take no more just now */
  #settleReply(turn: Turn): boolean {
    const hasRoom = this.#replies.flush()
    turn.tellReplyHead()
    this.#replies.drainPayload(turn.operation)
    return hasRoom
  }

  #replyEnded(turn: Turn): void {
    this.#settleReply(turn)
    turn.operation.replyEnded()
    const isReusable = turn.isRequestRead && turn.replyHead?.facts.keepAlive === true
    const { upstream } = turn
    const nowMs = this.#endTurn(turn, undefined)
    if (upstream !== undefined) this.#deps.pool.giveBack(upstream, isReusable, nowMs)
    this.#afterReply(turn)
  }

  #afterReply(turn: Turn): void {
    if (turn.closes || !turn.isRequestRead || this.#hasEnded) {
      this.#finish(this.#drainReason ?? (this.#hasEnded ? 'client_closed' : 'completed'))
    } else if (this.#drainReason !== undefined && this.#parser.isIdle && this.#held === undefined) {
      this.#finish(this.#drainReason)
    } else this.#unhold()
  }

  #replyRefused(turn: Turn, reason: HttpReason): void {
    this.#deps.hub.decodingLost(this.info, 'reply', new DecodeError(reason, HTTP_REASONS[reason].message))
    this.#deps.log.refused(this.info, 'reply', reason)
    if (turn.isReplyBegun) {
      this.#settleReply(turn)
      this.#because('undecodable')
      this.#abortTurn(ABORTED.server)
      this.#resetDownstream()
      return
    }
    const close = this.#closesAfterAnswer(turn)
    this.#say(replyRefused(reason, { close, isHead: turn.head.method === 'HEAD' }))
    this.#abortTurn(ABORTED.server)
    this.#afterReply(turn)
  }

  // --- Answers of our own.

  #dialFailed(turn: Turn, error: Error): void {
    const failure = error instanceof UpstreamError ? error.failure : undefined
    if (failure === 'aborted') return
    this.#deps.log.dialFailed(this.info, error)
    const message = error instanceof UpstreamError ? error.message : 'The proxy failed on its own'
    this.#answer(turn, { kind: 'unavailable', message })
  }

  /** @param outcome what became of the operation; without it, it is refused */
  #answer(turn: Turn, why: HttpRefusal, outcome?: Outcome): void {
    const close = this.#closesAfterAnswer(turn)
    const reply = turn.operation.refuse(why)
    this.#say(encodeReply(reply, { close, isHead: turn.head.method === 'HEAD' }))
    this.#abortTurn(outcome ?? refused(reply.status, ''))
    this.#afterReply(turn)
  }

  /** The rest of the request is of no use; unless it is in hand already, nobody will wait for it. */
  #closesAfterAnswer(turn: Turn): boolean {
    if (!turn.isRequestRead) this.#discardRest(turn)
    turn.closes = !turn.isRequestRead || !turn.head.facts.keepAlive || this.#drainReason !== undefined || this.#hasEnded
    return turn.closes
  }

  #discardRest(turn: Turn): void {
    const held = this.#held
    if (held === undefined) return
    this.#requests.drop()
    this.#requests.sink = undefined
    this.#requests.copy = undefined
    let at = this.#heldAt
    while (at < held.length && !turn.isRequestRead) {
      const piece = this.#parser.next(held, at)
      if (piece.kind === 'refused') break
      at = piece.next
      turn.isRequestRead = piece.last
      this.#requests.addPiece(piece)
    }
    // Not sent, but what it was about may be known by it.
    this.#requests.flush()
    this.#requests.drainPayload(turn.operation)
    this.#heldAt = at
    if (at === held.length) this.#held = undefined
  }

  /** Bytes that no upstream gave. */
  #say(bytes: Buffer): void {
    this.#replies.flush()
    if (this.#downstream.writable) this.#downstream.write(bytes)
    this.info.bytesSent += bytes.length
    this.#deps.stats.bytesSent += bytes.length
  }

  // --- Ends.

  /** The current request is over without its reply. */
  #abortTurn(outcome: Outcome): void {
    const turn = this.#turn
    if (turn === undefined) return
    turn.dialling?.abort()
    const { upstream } = turn
    this.#endTurn(turn, outcome)
    // Nobody can tell what the upstream made of it, nor where its reply would end.
    upstream?.destroy()
  }

  /** @returns the time */
  #endTurn(turn: Turn, outcome: Outcome | undefined): number {
    this.#turn = undefined
    const { cluster, upstream, operation } = turn
    this.info.bytesSent += operation.replyBytes
    this.#deps.stats.bytesSent += operation.replyBytes
    this.#requests.drop()
    this.#requests.sink = undefined
    this.#requests.copy = undefined
    this.#replies.drop()
    if (upstream !== undefined) upstream.host.stats.bytesSent += operation.requestBytes
    const ended = operation.end(outcome)
    upstream?.end(ended.outcome.kind, ended.durationMs)
    if (turn.retry !== undefined) cluster?.requests.endRetry()
    cluster?.requests.end()
    return this.#deps.clock.now()
  }

  /** The client is told the end behind what it was given, and has a moment to say its own. */
  #finish(reason: CloseReason): void {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    this.#because(reason)
    this.#held = undefined
    this.#closingSinceMs = this.#deps.clock.now()
    this.#downstream.end()
    // What it still says is read and dropped, so that its end is seen, and no reset takes the reply from it.
    this.#downstream.resume()
  }

  #resetDownstream(): void {
    if (this.#deps.canResetDownstream) this.#downstream.resetAndDestroy()
    else this.#downstream.destroy()
  }

  #because(reason: CloseReason): void {
    this.#reason ??= reason
  }

  // --- Time.

  #checkLinger(nowMs: number): void {
    const sinceMs = nowMs - this.#closingSinceMs
    if (sinceMs >= (this.isFlushing ? FLUSH_MS : LINGER_MS)) this.cut(this.#reason ?? 'error')
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
    if (!this.#parser.isIdle) this.#say(refusal(408, 'The head of the request took too long', { close: true }))
    this.#finish(this.#parser.isIdle ? 'idle_timeout' : 'request_timeout')
  }

  #replyOverdue(turn: Turn): void {
    const message = `${turn.upstream?.host.name ?? 'The upstream'} gave no answer in time`
    this.#answer(turn, { kind: 'timeout', message }, ABORTED.proxy)
  }

  #stalled(turn: Turn): void {
    this.#because('request_timeout')
    if (turn.isReplyBegun) {
      this.#abortTurn(ABORTED.proxy)
      this.#resetDownstream()
      return
    }
    this.#say(refusal(408, 'The body of the request took too long', { close: true }))
    this.#abortTurn(ABORTED.client)
    this.#finish('request_timeout')
  }
}

const ANY_HOST = Object.freeze({})

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))
