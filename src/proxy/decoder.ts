import type { Clock } from '../core/clock.js'
import type { Direction, Session, SessionEvents, TcpCodec } from '../core/codec.js'
import type { ConnectionInfo } from '../core/connection.js'
import { DecodeError } from '../core/errors.js'
import type { Exchange } from '../core/exchange.js'
import type { Logger } from '../core/logger.js'
import type { Hub } from '../core/observer.js'
import type { EndedBy } from '../core/outcome.js'
import type { Lease } from '../core/upstream.js'
import type { LogLimiter } from './log-limiter.js'

export interface DecoderDeps {
  readonly codec: TcpCodec
  readonly hub: Hub
  readonly clock: Clock
  readonly logger: Logger
  readonly logLimiter: LogLimiter
}

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

  constructor(deps: DecoderDeps, connection: ConnectionInfo, lease: Lease) {
    this.#deps = deps
    this.#connection = connection
    this.#lease = lease
    try {
      this.#session = deps.codec.open({ connection, events: this })
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

  /** The connection is over. */
  end(by: EndedBy): void {
    this.#endSession(by)
  }

  exchangeStarted(exchange: Exchange): void {
    this.#connection.operations++
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

  #lose(direction: Direction, error: unknown): void {
    this.#isLost = true
    if (error instanceof DecodeError) {
      this.#logLost(direction, error)
      this.#deps.hub.decodingLost(this.#connection, direction, error)
    } else {
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
