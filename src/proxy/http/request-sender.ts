import type { Socket } from 'node:net'
import type { Clock } from '../../core/clock.js'
import type { ConnectionInfo } from '../../core/connection.js'
import { OplensError, UpstreamError } from '../../core/errors.js'
import type { HttpRefusal, HttpSigner, ReplacedFields } from '../../core/http.js'
import type { Cluster, Host } from '../../core/upstream.js'
import { forwardHead, replaceFields } from './forward-head.js'
import type { RequestHead } from './head/heads.js'
import type { HttpLog } from './http-log.js'
import type { HttpPiece } from './piece.js'
import { PieceFlow, Replay } from './piece-flow.js'
import { Signing } from './signing.js'
import type { Turn } from './turn.js'
import type { ReplyUser, UpstreamHttp } from './upstream-connection.js'
import type { UpstreamPool } from './upstream-pool.js'

export interface RequestSenderDeps {
  readonly pool: UpstreamPool
  /** Requests get another signature; undefined lets them keep theirs. */
  readonly signer: HttpSigner | undefined
  /** What goes out in place of the client's `Host`; undefined lets it pass. */
  readonly hostField: ReplacedFields | undefined
  readonly clock: Clock
  readonly log: HttpLog
}

/** What becomes of a request on its way. */
export interface RequestEvents {
  /** It has its upstream, not at once: what waits of its body may follow. */
  requestBound(): void
  /** It goes to no upstream. */
  requestRefused(turn: Turn, why: HttpRefusal): void
  /** No upstream may have all of its body. */
  bodyRefused(turn: Turn, status: 400 | 413, message: string): void
  /** Its client waits for a 100 that no upstream is asked for. */
  continueAwaited(): void
}

const ANY_HOST = Object.freeze({})

/** Brings a client's requests to upstreams: signs, finds a connection, writes, and tries a second time where that is safe. */
export class RequestSender {
  readonly #deps: RequestSenderDeps
  readonly #info: ConnectionInfo
  /** Where the reply goes. */
  readonly #downstream: Socket
  readonly #user: ReplyUser & RequestEvents
  readonly #flow = new PieceFlow('request')

  constructor(deps: RequestSenderDeps, info: ConnectionInfo, downstream: Socket, user: ReplyUser & RequestEvents) {
    this.#deps = deps
    this.#info = info
    this.#downstream = downstream
    this.#user = user
  }

  /** Its head was read, and it may be in flight. */
  begin(turn: Turn, cluster: Cluster): void {
    turn.cluster = cluster
    const { signer } = this.#deps
    if (signer === undefined) this.#send(turn, cluster)
    else this.#beginSigning(turn, new Signing(signer, turn.head))
  }

  /** Some of its body. */
  pass(turn: Turn, piece: HttpPiece<RequestHead>): void {
    turn.isRequestRead = piece.last
    const { signing } = turn
    if (signing === undefined) this.#flow.addPiece(piece)
    else if (signing.isGathering) this.#gather(turn, signing, piece)
    else {
      signing.pass(piece)
      // Its last byte does not go out then: nobody may take the request for whole.
      if (piece.last && !signing.isAsDeclared()) this.#refuseUndeclared(turn)
      else this.#flow.addPiece(piece)
    }
  }

  /** Written first, decoded after. @returns false when the upstream can take no more just now */
  settle(turn: Turn): boolean {
    if (turn.upstream === undefined) return true
    const hasRoom = this.#flow.flush()
    this.#flow.drainPayload(turn.operation)
    if (!turn.isRequestRead) return hasRoom
    turn.requestEnded(this.#deps.clock.now())
    return true
  }

  /** Not sent; but what it was about may be known by it. */
  discard(turn: Turn, piece: HttpPiece<RequestHead>): void {
    turn.operation.countRequest(piece.end - piece.start)
    turn.isRequestRead = piece.last
    this.drop()
    this.#flow.addPiece(piece)
    this.#flow.flush()
    this.#flow.drainPayload(turn.operation)
  }

  /**
   * Its connection had been idle, and the upstream closed it just then: nothing says that it saw the request. (RFC 9110, 9.2.2)
   * @returns false when it may not be sent again
   */
  retry(turn: Turn): boolean {
    const { cluster, upstream } = turn
    if (cluster === undefined || upstream === undefined || !turn.mayRepeat || !cluster.requests.startRetry()) {
      return false
    }
    turn.retry = turn.replay
    // Nothing against the host: it closed a connection that nobody used.
    upstream.end('unacknowledged', 0)
    upstream.destroy()
    turn.upstream = undefined
    this.drop()
    void this.#dial(turn, cluster, undefined)
    return true
  }

  /** What is not written yet goes nowhere, nor does what comes. */
  drop(): void {
    this.#flow.drop()
    this.#flow.sink = undefined
    this.#flow.copy = undefined
  }

  #beginSigning(turn: Turn, signing: Signing): void {
    turn.signing = signing
    if (turn.isRequestRead && !signing.isGathering && !signing.isAsDeclared()) this.#refuseUndeclared(turn)
    else if (turn.isRequestRead || !signing.isGathering) void this.#sign(turn, signing)
    else if (signing.isTooLarge) this.#refuseLarge(turn)
    else if (turn.head.expectsContinue) this.#user.continueAwaited()
  }

  #gather(turn: Turn, signing: Signing, piece: HttpPiece<RequestHead>): void {
    if (!signing.gather(piece, turn.operation)) this.#refuseLarge(turn)
    else if (piece.last) void this.#sign(turn, signing)
  }

  async #sign(turn: Turn, signing: Signing): Promise<void> {
    const result = await signing.sign().catch(asError)
    const { cluster } = turn
    if (turn.isOver || cluster === undefined) return
    if (result instanceof Error) {
      this.#deps.log.signingFailed(this.#info, result)
      this.#user.requestRefused(turn, whyUnsigned(result))
      return
    }
    turn.signedHead = result
    this.#send(turn, cluster)
    this.#user.requestBound()
  }

  #refuseLarge(turn: Turn): void {
    this.#user.bodyRefused(turn, 413, 'The body is too large to be signed')
  }

  #refuseUndeclared(turn: Turn): void {
    this.#user.bodyRefused(turn, 400, 'The body is not what x-amz-content-sha256 says')
  }

  /** To a connection that rests, at once; else to one that is dialled first. */
  #send(turn: Turn, cluster: Cluster): void {
    // Before discovery has answered there is nobody to choose from, and nobody to blame.
    if (cluster.hosts.version === 0) {
      void this.#dial(turn, cluster, undefined)
      return
    }
    const host = cluster.choose(ANY_HOST)
    const upstream = host === undefined ? undefined : this.#deps.pool.take(host)
    if (upstream !== undefined) this.#bind(turn, upstream)
    else if (host !== undefined) void this.#dial(turn, cluster, host)
    else this.#dialFailed(turn, new UpstreamError('no_usable_host', '', `Cluster ${cluster.name} has no usable host`))
  }

  async #dial(turn: Turn, cluster: Cluster, first: Host | undefined): Promise<void> {
    const { pool, clock } = this.#deps
    const dialling = new AbortController()
    turn.dialling = dialling
    const startedAtMs = clock.now()
    const result = await pool.dial(cluster, first, dialling.signal).catch(asError)
    turn.dialling = undefined
    turn.operation.connectMs = clock.now() - startedAtMs
    if (turn.isOver) {
      if (!(result instanceof Error)) pool.giveBack(result, true, clock.now())
      return
    }
    if (result instanceof Error) this.#dialFailed(turn, result)
    else {
      this.#bind(turn, result)
      this.#user.requestBound()
    }
  }

  #dialFailed(turn: Turn, error: Error): void {
    this.#deps.log.dialFailed(this.#info, error)
    const message = error instanceof UpstreamError ? error.message : 'The proxy failed on its own'
    this.#user.requestRefused(turn, { kind: 'unavailable', message })
  }

  /** The request's head goes out; its body follows as it is read. */
  #bind(turn: Turn, upstream: UpstreamHttp): void {
    turn.upstream = upstream
    this.#info.host = upstream.host
    upstream.begin(turn.head, this.#user, this.#downstream)
    const flow = this.#flow
    flow.sink = upstream.socket
    if (turn.retry !== undefined) {
      // What was sent before is sent again; what was not yet read follows.
      for (const bytes of turn.retry.sent) flow.addWhole(bytes)
      return
    }
    // A connection that is new fails for a reason that a second try would meet, too.
    flow.copy = upstream.served > 0 ? new Replay() : undefined
    turn.replay = flow.copy
    this.#addHead(turn)
  }

  #addHead({ head, signedHead, signing }: Turn): void {
    const { facts, headers } = head
    const { hostField } = this.#deps
    const connection = facts.minorVersion === 0 ? 'keep-alive' : undefined
    if (signedHead !== undefined) {
      this.#flow.addWhole(signedHead)
      if (signing?.isGathering === true) this.#flow.addWhole(signing.takeGathered())
    } else if (hostField !== undefined) {
      this.#flow.addWhole(replaceFields(head, hostField, connection))
    } else if (!facts.hasHopByHop && connection === undefined) {
      this.#flow.add(headers.bytes, headers.start, headers.end)
    } else this.#flow.addWhole(forwardHead(head, connection))
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

/** Whose fault it is that a request has no signature: its sender may not have one, or there is none to have just now. */
function whyUnsigned(error: Error): HttpRefusal {
  if (error instanceof OplensError && error.origin === 'downstream') return { kind: 'denied', message: error.message }
  return { kind: 'unavailable', message: 'The request could not be signed: see the log of the proxy' }
}
