import type { Direction, Frame, Session, SessionContext } from '../../core/codec.js'
import { Exchange } from '../../core/exchange.js'
import { ABORTED, type EndedBy, type Outcome, UNACKNOWLEDGED, UNKNOWN } from '../../core/outcome.js'
import type { AwaitedCursors } from './awaited-cursors.js'
import { OTHER_COMMAND } from './commands.js'
import type { FrameList } from './frame-list.js'
import { Framer } from './framer.js'
import type { Interner, OperationTable } from './intern.js'
import { MessageBody } from './message-body.js'
import { FLAG_MORE_TO_COME, OP_DELETE, OP_INSERT, OP_KILL_CURSORS, OP_UPDATE, opcodeName } from './opcodes.js'
import { OpenExchanges, Pending } from './open-exchanges.js'
import { ReplyFields } from './reply-fields.js'
import { RequestFields } from './request-fields.js'

/** What the sessions of one listener share. */
export interface Shared {
  readonly names: Interner
  readonly operations: OperationTable
  readonly awaitedCursors: AwaitedCursors
  /** Reused from push to push, by all sessions: frames are valid until the next push. */
  readonly frames: FrameList
  readonly maxInflate: number
  readonly maxOpen: number
}

/**
 * Decodes one connection: two directions of messages, paired by responseTo.
 * A request opens an exchange when its body has been read (it may still stream documents); its reply's last byte ends it.
 */
export class MongoSession implements Session {
  readonly #context: SessionContext
  readonly #shared: Shared
  readonly #requestFramer = new Framer()
  readonly #replyFramer = new Framer()
  readonly #request: RequestFields
  readonly #reply: ReplyFields
  readonly #requestBody: MessageBody
  readonly #replyBody: MessageBody
  readonly #open = new OpenExchanges()
  /** Of the request that is passing, once known. */
  #current: Exchange | undefined = undefined
  /** What the reply that is passing answers. */
  #answered: Pending | undefined = undefined
  #awaited = 0
  #sawHello = false
  #sawOther = false

  constructor(context: SessionContext, shared: Shared) {
    this.#context = context
    this.#shared = shared
    this.#request = new RequestFields(shared.names)
    this.#reply = new ReplyFields(shared.names)
    this.#requestBody = new MessageBody(this.#request, shared.maxInflate)
    this.#replyBody = new MessageBody(this.#reply, shared.maxInflate)
  }

  get inFlight(): number {
    return this.#open.size - this.#awaited
  }

  /** Bytes kept between chunks: cut tokens and compressed payloads. */
  get heldBytes(): number {
    return this.#requestBody.heldBytes + this.#replyBody.heldBytes
  }

  get isMonitor(): boolean {
    return this.#sawHello && !this.#sawOther
  }

  push(direction: Direction, chunk: Buffer, nowMs: number): readonly Frame[] {
    const frames = this.#shared.frames
    frames.clear()
    const isRequest = direction === 'request'
    const framer = isRequest ? this.#requestFramer : this.#replyFramer
    const body = isRequest ? this.#requestBody : this.#replyBody
    let at = 0
    while (at < chunk.length) {
      const start = at
      const isFirst = !framer.isSplit
      if (!framer.isInMessage) {
        at = framer.readHeader(chunk, at, nowMs)
        if (!framer.isInMessage) {
          frames.add(start, at, isFirst, false, undefined)
          break
        }
        if (isRequest) this.#beginRequest(framer)
        else this.#beginReply(framer, nowMs)
      }
      const end = Math.min(at + framer.left, chunk.length)
      body.push(chunk, at, end)
      framer.left -= end - at
      at = end
      const isLast = framer.left === 0
      const exchange = isRequest ? this.#requestPassed(framer, isLast, nowMs) : this.#replyPassed(framer, isLast, nowMs)
      if (isLast) framer.endMessage()
      frames.add(start, at, isFirst, isLast, exchange)
    }
    return frames.frames
  }

  end(by: EndedBy | 'undecodable', nowMs: number): void {
    const outcome = by === 'undecodable' ? UNKNOWN : ABORTED[by]
    if (this.#requestFramer.isInMessage && this.#current === undefined) this.#openExchange(this.#requestFramer)
    const passing = this.#current
    this.#current = undefined
    this.#requestFramer.endMessage()
    for (const pending of this.#open.drain()) {
      if (pending.exchange !== undefined) this.#finish(pending.exchange, outcome, nowMs)
    }
    this.#awaited = 0
    if (passing !== undefined && passing.outcome === undefined) this.#finish(passing, outcome, nowMs)
  }

  #beginRequest(framer: Framer): void {
    this.#current = undefined
    this.#context.events.messageSeen('request', opcodeName(framer.opcode))
    this.#requestBody.begin(framer.opcode, framer.left)
  }

  #requestPassed(framer: Framer, isLast: boolean, nowMs: number): Exchange | undefined {
    const body = this.#requestBody
    if (this.#current === undefined && body.isKnown && this.#request.command.target !== 'nsinfo') {
      this.#openExchange(framer)
    }
    if (!isLast) return this.#current
    body.finish()
    if (body.failure !== '') this.#context.events.messageUndecodable('request', body.failure)
    if (this.#current === undefined) this.#openExchange(framer)
    const exchange = this.#current as Exchange | undefined
    if (exchange === undefined) return undefined
    exchange.requestBytes = framer.length
    exchange.batchSize = this.#request.batchSize
    if (!this.#expectsReply(framer.opcode)) this.#finish(exchange, UNACKNOWLEDGED, nowMs)
    return exchange
  }

  #expectsReply(opcode: number): boolean {
    if (opcode === OP_INSERT || opcode === OP_UPDATE || opcode === OP_DELETE || opcode === OP_KILL_CURSORS) return false
    return (this.#requestBody.flags & FLAG_MORE_TO_COME) === 0
  }

  #openExchange(framer: Framer): void {
    const { connection, events } = this.#context
    const fields = this.#request
    const { failure, isKnown } = this.#requestBody
    // What came before the failure stands, so that the same bytes give the same operation however they are cut.
    const isReadable = isKnown || failure === '' || failure === 'inflate_limit'
    const command = isReadable ? fields.command : OTHER_COMMAND
    const operation = isReadable
      ? this.#shared.operations.get(command, fields.database, fields.collection)
      : this.#shared.operations.get(command, '', '')
    const exchange = new Exchange(connection, operation, framer.startedAtMs)
    this.#current = exchange
    if (isReadable) this.#describe(exchange, fields)
    if (command.isHello) this.#sawHello = true
    else this.#sawOther = true
    const isPaired = this.#expectsReply(framer.opcode) && this.#pair(framer, exchange)
    events.exchangeStarted(exchange)
    if (!isPaired && this.#expectsReply(framer.opcode)) this.#finish(exchange, UNKNOWN, framer.startedAtMs)
  }

  #describe(exchange: Exchange, fields: RequestFields): void {
    exchange.limit = fields.limit
    exchange.cursorBatchSize = fields.cursorBatchSize
    exchange.maxTimeMs = fields.maxTimeMs
    exchange.comment = fields.comment
    exchange.traceParent = fields.traceParent
    exchange.hasSession = fields.hasSession
    exchange.inTransaction = fields.inTransaction
    exchange.startsTransaction = fields.startsTransaction
    exchange.cursorIdLow = fields.cursorIdLow
    exchange.cursorIdHigh = fields.cursorIdHigh
    exchange.isAwaited = fields.command.isHello
      ? fields.isAwaitedHello
      : fields.command.target === 'field' && this.#shared.awaitedCursors.has(fields.cursorIdLow, fields.cursorIdHigh)
    const connection = this.#context.connection
    if (fields.application !== '') connection.application = fields.application
    if (fields.driver !== '') {
      connection.driver = fields.driver
      connection.driverVersion = fields.driverVersion
    }
  }

  /** @returns false when too many requests are open to keep another */
  #pair(framer: Framer, exchange: Exchange): boolean {
    const fields = this.#request
    if (this.#open.size >= this.#shared.maxOpen) {
      this.#context.events.messageUndecodable('request', 'too_many_open')
      return false
    }
    const pending = new Pending(framer.requestId, fields.isLegacyRead, fields.opensAwaitedCursor, exchange)
    if (exchange.isAwaited) this.#awaited++
    const replaced = this.#open.add(pending)
    if (replaced !== undefined) this.#forget(replaced, framer.startedAtMs)
    return true
  }

  /** Another request took its id: its reply could not be told apart. */
  #forget(pending: Pending, nowMs: number): void {
    if (pending.origin.isAwaited) this.#awaited--
    if (pending.exchange !== undefined) this.#finish(pending.exchange, UNKNOWN, nowMs)
  }

  #beginReply(framer: Framer, nowMs: number): void {
    const { events } = this.#context
    events.messageSeen('reply', opcodeName(framer.opcode))
    const pending = this.#open.find(framer.responseTo)
    this.#answered = pending
    if (pending === undefined) {
      events.messageUndecodable('reply', 'unmatched_reply')
    } else {
      pending.exchange ??= this.#nextBatch(pending)
      pending.exchange.firstReplyAtMs = nowMs
    }
    this.#replyBody.isCommandReply = pending === undefined || !pending.isLegacyRead
    this.#replyBody.begin(framer.opcode, framer.left)
  }

  /** A reply of an exhaust stream after the first: an operation of its own, from the end of the one before. */
  #nextBatch(pending: Pending): Exchange {
    const { connection, events } = this.#context
    const { origin } = pending
    const exchange = new Exchange(connection, origin.operation, pending.batchEndedAtMs)
    exchange.isContinuation = true
    exchange.isAwaited = origin.isAwaited
    exchange.cursorIdLow = origin.cursorIdLow
    exchange.cursorIdHigh = origin.cursorIdHigh
    exchange.cursorBatchSize = origin.cursorBatchSize
    exchange.hasSession = origin.hasSession
    events.exchangeStarted(exchange)
    return exchange
  }

  #replyPassed(framer: Framer, isLast: boolean, nowMs: number): Exchange | undefined {
    const pending = this.#answered
    const exchange = pending?.exchange
    if (!isLast) return exchange
    const body = this.#replyBody
    body.finish()
    if (body.failure !== '') this.#context.events.messageUndecodable('reply', body.failure)
    this.#answered = undefined
    if (pending === undefined || exchange === undefined) return undefined

    exchange.replyBytes = framer.length
    const outcome = body.failure === '' ? this.#result(pending, exchange) : UNKNOWN
    if ((body.flags & FLAG_MORE_TO_COME) !== 0) {
      pending.exchange = undefined
      pending.chainId = framer.requestId
      pending.batchEndedAtMs = nowMs
    } else {
      this.#open.remove(pending)
      if (pending.origin.isAwaited) this.#awaited--
    }
    this.#finish(exchange, outcome, nowMs)
    return exchange
  }

  #result(pending: Pending, exchange: Exchange): Outcome {
    const fields = this.#reply
    exchange.documents = fields.documents
    exchange.affected = fields.affected
    exchange.modified = fields.modified
    if (fields.errorLabels !== undefined) exchange.errorLabels = fields.errorLabels
    if (fields.hasCursor) this.#followCursor(pending, exchange, fields.cursorIdLow, fields.cursorIdHigh)
    return fields.outcome()
  }

  #followCursor(pending: Pending, exchange: Exchange, low: number, high: number): void {
    const cursors = this.#shared.awaitedCursors
    const isOpen = low !== 0 || high !== 0
    if (isOpen && pending.opensAwaitedCursor) cursors.add(low, high)
    if (!isOpen) cursors.delete(exchange.cursorIdLow, exchange.cursorIdHigh)
    if (exchange.cursorIdLow === 0 && exchange.cursorIdHigh === 0) {
      exchange.cursorIdLow = low
      exchange.cursorIdHigh = high
    }
  }

  #finish(exchange: Exchange, outcome: Outcome, nowMs: number): void {
    exchange.outcome = outcome
    exchange.endedAtMs = nowMs
    this.#context.events.exchangeEnded(exchange)
  }
}
