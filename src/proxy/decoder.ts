import type { Clock } from '../core/clock.js'
import type { Direction, Frame, Rewrite, RewriteResult, Session, SessionEvents, TcpCodec } from '../core/codec.js'
import type { ConnectionInfo } from '../core/connection.js'
import { DecodeError, ReplyWithheld } from '../core/errors.js'
import type { Exchange } from '../core/exchange.js'
import type { Logger } from '../core/logger.js'
import type { Hub } from '../core/observer.js'
import type { EndedBy } from '../core/outcome.js'
import type { Lease } from '../core/upstream.js'
import type { LogLimiter } from './log-limiter.js'

export interface DecoderDeps {
  readonly codec: TcpCodec
  readonly rewrite: Rewrite | undefined
  /** A node behind this listener calls itself by another member's name. */
  readonly onMismatch: (host: string, me: string) => void
  readonly hub: Hub
  readonly clock: Clock
  readonly logger: Logger
  readonly logLimiter: LogLimiter
}

/** Names come from the network. */
const MAX_LOGGED = 255

/**
 * One connection's session, fenced in: what it tells goes to the observers and to the host's load, and whatever it throws
 * ends the decoding and nothing else.
 */
export class Decoder implements SessionEvents {
  readonly #deps: DecoderDeps
  readonly #connection: ConnectionInfo
  readonly #lease: Lease
  /** Undefined once decoding is over. */
  #session: Session | undefined
  #isLost = false
  #lostReason = ''

  constructor(deps: DecoderDeps, connection: ConnectionInfo, lease: Lease) {
    this.#deps = deps
    this.#connection = connection
    this.#lease = lease
    try {
      this.#session = deps.codec.open({ connection, events: this, rewrite: deps.rewrite })
    } catch (error) {
      this.#lose('request', error)
    }
  }

  get isDecoding(): boolean {
    return this.#session !== undefined
  }

  /** Decoding ended before the connection did. */
  get isLost(): boolean {
    return this.#isLost
  }

  get inFlight(): number {
    return this.#session?.inFlight ?? 0
  }

  /** The next chunk of this direction must go through `pushHeld`. */
  holds(direction: Direction): boolean {
    const session = this.#session
    return (direction === 'reply' ? session?.holdsReplies : session?.holdsRequests) ?? false
  }

  /** What the session itself has to say to the client now. */
  takeReply(): Buffer | undefined {
    return this.#session?.takeReply()
  }

  /** Why decoding was lost; '' while it was not. */
  get lostReason(): string {
    return this.#lostReason
  }

  get isMonitor(): boolean {
    return this.#session?.isMonitor ?? false
  }

  /** @returns false when decoding is over, be it by this chunk: call it no more then */
  push(direction: Direction, chunk: Buffer): boolean {
    const session = this.#session
    if (session === undefined) return false
    try {
      session.push(direction, chunk, this.#deps.clock.now())
      return true
    } catch (error) {
      this.#lose(direction, error)
      return false
    }
  }

  /** What to write for these bytes; undefined when decoding is over and they must not be written. */
  pushHeld(direction: Direction, chunk: Buffer): readonly Frame[] | undefined {
    try {
      return this.#session?.push(direction, chunk, this.#deps.clock.now())
    } catch (error) {
      this.#lose(direction, error)
      return undefined
    }
  }

  /** The connection is over. */
  end(by: EndedBy): void {
    this.#endSession(by)
  }

  exchangeStarted(exchange: Exchange): void {
    const connection = this.#connection
    if (connection.operations++ === 0) exchange.connectMs = connection.connectMs
    this.#lease.operationStarted()
    this.#deps.hub.exchangeStarted(exchange)
  }

  exchangeEnded(exchange: Exchange): void {
    this.#lease.operationEnded(exchange.outcome?.kind ?? 'unknown', exchange.durationMs)
    this.#deps.hub.exchangeEnded(exchange)
  }

  messageUndecodable(direction: Direction, reason: string): void {
    this.#deps.hub.messageUndecodable(this.#connection, direction, reason)
  }

  messageSeen(direction: Direction, opcode: string): void {
    this.#deps.hub.messageSeen(this.#connection, direction, opcode)
  }

  replyRewritten(form: string, result: RewriteResult, detail: string): void {
    this.#deps.hub.replyRewritten(this.#connection, form, result)
    if (result === 'identity_mismatch') {
      const me = detail.slice(0, MAX_LOGGED)
      this.#logWithheld({ me, code: 'OPL_MEMBER_IDENTITY' }, 'A member calls itself by another name')
      this.#deps.onMismatch(this.#connection.host?.name ?? '', detail)
    } else if (result === 'failed') {
      this.#logWithheld({ reason: detail, code: 'OPL_HELLO_NOT_REWRITTEN' }, "A hello reply can't be rewritten")
    }
  }

  #logWithheld(what: { readonly code: string; readonly me?: string; readonly reason?: string }, message: string): void {
    const { listener, host } = this.#connection
    const suppressed = this.#deps.logLimiter.allow(`${what.code} ${listener}`)
    if (suppressed < 0) return
    const fields = { listener, host: host?.name ?? '', ...what, suppressed }
    this.#deps.logger.warn(fields, `${message}: it was not sent, the connection is reset`)
  }

  #lose(direction: Direction, error: unknown): void {
    this.#isLost = true
    this.#lostReason = error instanceof DecodeError ? error.reason : 'internal_error'
    // A reply that was withheld is no lost framing, and was told of by its result.
    if (error instanceof DecodeError && !(error instanceof ReplyWithheld)) {
      this.#logLost(direction, error)
      this.#deps.hub.decodingLost(this.#connection, direction, error)
    } else if (!(error instanceof ReplyWithheld)) {
      this.#report(error)
      const lost = new DecodeError('internal_error', 'The codec failed on its own')
      this.#deps.hub.decodingLost(this.#connection, direction, lost)
    }
    this.#endSession('undecodable')
  }

  #logLost(direction: Direction, { code, reason, message }: DecodeError): void {
    const { listener, peer } = this.#connection
    const suppressed = this.#deps.logLimiter.allow(`lost ${listener} ${reason}`)
    if (suppressed < 0) return
    const fields = { listener, peer, direction, code, reason, suppressed }
    this.#deps.logger.warn(fields, `Operations of a connection can not be seen any more: ${message}`)
  }

  #endSession(by: EndedBy | 'undecodable'): void {
    const session = this.#session
    this.#session = undefined
    try {
      session?.end(by, this.#deps.clock.now())
    } catch (error) {
      this.#report(error)
    }
  }

  /** A bug of ours: its stack is worth a line, once a second at most. */
  #report(error: unknown): void {
    const { listener } = this.#connection
    const suppressed = this.#deps.logLimiter.allow(`codec ${listener}`)
    if (suppressed < 0) return
    this.#deps.logger.error({ listener, err: error, suppressed }, 'The codec failed, bytes go on undecoded')
  }
}
