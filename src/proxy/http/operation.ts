import type { Clock } from '../../core/clock.js'
import type { Direction } from '../../core/codec.js'
import type { ConnectionInfo } from '../../core/connection.js'
import { Exchange, type Operation } from '../../core/exchange.js'
import type { HttpCodec, HttpReader, HttpRefusal, HttpReplyHead, HttpRequestHead } from '../../core/http.js'
import type { Logger } from '../../core/logger.js'
import type { Hub } from '../../core/observer.js'
import { type Outcome, UNKNOWN } from '../../core/outcome.js'
import type { LogLimiter } from '../log-limiter.js'
import type { PayloadReader } from './piece-flow.js'
import { encodeReply, type ReplyOptions } from './proxy-reply.js'

export interface HttpOperationDeps {
  /** The listener's protocol. */
  readonly codec: HttpCodec
  /** For requests that are not of that protocol: takes all. */
  readonly plain: HttpCodec
  readonly hub: Hub
  readonly clock: Clock
  readonly logger: Logger
  readonly logLimiter: LogLimiter
}

/**
 * One request and its reply as an exchange. The codec behind it is fenced in: what it throws ends its reading of this request
 * and nothing else.
 */
export class HttpOperation implements PayloadReader {
  requestBytes = 0
  replyBytes = 0
  /** As the exchange has it. */
  connectMs = -1
  readonly #deps: HttpOperationDeps
  readonly #connection: ConnectionInfo
  readonly #startedAtMs: number
  readonly #head: HttpRequestHead
  #reader: HttpReader
  #exchange: Exchange | undefined = undefined
  #firstReplyAtMs = 0
  #status = 0
  #hasFailed = false

  constructor(deps: HttpOperationDeps, connection: ConnectionInfo, head: HttpRequestHead, startedAtMs: number) {
    this.#deps = deps
    this.#connection = connection
    this.#head = head
    this.#startedAtMs = startedAtMs
    this.#reader = this.#open()
  }

  countRequest(byteCount: number): void {
    this.requestBytes += byteCount
  }

  countReply(byteCount: number): void {
    this.replyBytes += byteCount
  }

  /** Undefined while too little of the request has been read. */
  get operation(): Operation | undefined {
    return this.#exchange?.operation
  }

  payload(direction: Direction, chunk: Buffer): void {
    if (direction === 'request') this.#request(chunk)
    else this.#reply(chunk)
  }

  requestEnded(): void {
    this.#request(null)
    this.#tellFailure('request')
  }

  reply(head: HttpReplyHead): void {
    this.#firstReplyAtMs = this.#deps.clock.now()
    this.#status = head.status
    try {
      this.#reader.reply(head)
    } catch (error) {
      this.#failed(error)
    }
  }

  replyEnded(): void {
    this.#reply(null)
    this.#tellFailure('reply')
  }

  /** An answer in the upstream's place. */
  refuse(refusal: HttpRefusal, options: ReplyOptions): { readonly bytes: Buffer; readonly status: number } {
    try {
      return this.#encodeRefusal(refusal, options)
    } catch (error) {
      this.#failed(error)
      return this.#encodeRefusal(refusal, options)
    }
  }

  /**
   * It is over. To be called once.
   * @param outcome what happened instead of a reply; without it, what the reply says
   * @returns the outcome and how long it took, for the host's load
   */
  end(outcome: Outcome | undefined): { readonly outcome: Outcome; readonly durationMs: number } {
    // Known at the body's end at the latest, and this is it. What a body that was cut lacks is no failure to read it.
    if (this.#exchange === undefined) this.#request(null)
    const exchange = this.#exchange ?? this.#start(this.#plainOperation())
    const told = this.#finish(exchange)
    exchange.requestBytes = this.requestBytes
    exchange.replyBytes = this.replyBytes
    exchange.firstReplyAtMs = this.#firstReplyAtMs
    exchange.status = this.#status
    exchange.connectMs = this.connectMs
    exchange.outcome = outcome ?? told
    exchange.endedAtMs = this.#deps.clock.now()
    this.#deps.hub.exchangeEnded(exchange)
    return { outcome: exchange.outcome, durationMs: exchange.durationMs }
  }

  #open(): HttpReader {
    const { codec, plain } = this.#deps
    try {
      return (codec.matches(this.#head) ? codec : plain).open(this.#head, this.#connection)
    } catch (error) {
      this.#report(error)
      this.#tell('request', 'internal_error')
      return plain.open(this.#head, this.#connection)
    }
  }

  #encodeRefusal(refusal: HttpRefusal, options: ReplyOptions): { readonly bytes: Buffer; readonly status: number } {
    const reply = this.#reader.refuse(refusal)
    return { bytes: encodeReply(reply, options), status: reply.status }
  }

  #request(chunk: Buffer | null): void {
    try {
      const operation = this.#reader.request(chunk)
      if (operation !== undefined) this.#know(operation)
    } catch (error) {
      this.#failed(error)
    }
  }

  #reply(chunk: Buffer | null): void {
    try {
      this.#reader.replyBody(chunk)
    } catch (error) {
      this.#failed(error)
    }
  }

  #finish(exchange: Exchange): Outcome {
    try {
      return this.#reader.finish(exchange)
    } catch (error) {
      this.#failed(error)
      return UNKNOWN
    }
  }

  /** A second one corrects the first. */
  #know(operation: Operation): void {
    if (this.#exchange === undefined) this.#start(operation)
    else this.#exchange.operation = operation
  }

  #start(operation: Operation): Exchange {
    const exchange = new Exchange(this.#connection, operation, this.#startedAtMs)
    this.#exchange = exchange
    this.#connection.operations++
    this.#deps.hub.exchangeStarted(exchange)
    return exchange
  }

  #plainOperation(): Operation {
    const operation = this.#deps.plain.open(this.#head, this.#connection).request(null)
    if (operation === undefined) throw new TypeError('The codec for plain HTTP knows every request')
    return operation
  }

  /** Reading goes on as plain HTTP. */
  #failed(error: unknown): void {
    this.#report(error)
    this.#tell('request', 'internal_error')
    this.#reader = this.#deps.plain.open(this.#head, this.#connection)
  }

  #tellFailure(direction: Direction): void {
    try {
      const { failure } = this.#reader
      if (failure !== '') this.#tell(direction, failure)
    } catch (error) {
      this.#failed(error)
    }
  }

  /** Once for each request: the first reason is the cause of others. */
  #tell(direction: Direction, reason: string): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.#deps.hub.messageUndecodable(this.#connection, direction, reason)
  }

  #report(error: unknown): void {
    const { listener } = this.#connection
    const suppressed = this.#deps.logLimiter.allow(`codec ${listener}`)
    if (suppressed < 0) return
    this.#deps.logger.error({ listener, err: error, suppressed }, 'The codec failed, the request goes on undecoded')
  }
}
