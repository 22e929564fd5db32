import type { Direction, Frame, Session, SessionContext } from '../../core/codec.js'
import { Exchange } from '../../core/exchange.js'
import { ABORTED, type EndedBy, type Outcome, UNACKNOWLEDGED, UNKNOWN } from '../../core/outcome.js'
import type { AwaitedCursors } from './awaited-cursors.js'
import { CommandGate } from './command-gate.js'
import { type CommandInfo, OTHER_COMMAND } from './commands.js'
import type { FrameList } from './frame-list.js'
import { Framer } from './framer.js'
import type { OperationTable } from './intern.js'
import { HEADER_BYTES } from './limits.js'
import type { MessageBody } from './message-body.js'
import {
  FLAG_EXHAUST_ALLOWED,
  FLAG_MORE_TO_COME,
  OP_DELETE,
  OP_INSERT,
  OP_KILL_CURSORS,
  OP_UPDATE,
  opcodeName,
} from './opcodes.js'
import { OpenExchanges, Pending } from './open-exchanges.js'
import type { ReaderPool } from './reader-pool.js'
import type { ReplyFields } from './reply-fields.js'
import { ReplyRewriter, type RewriteNeed } from './reply-rewriter.js'
import type { RequestFields } from './request-fields.js'
import type { Head } from './shapes/heads.js'
import type { RequestDetail } from './shapes/request-detail.js'

/** What the sessions of one listener share. */
export interface Shared {
  readonly requestReaders: ReaderPool<RequestFields>
  readonly replyReaders: ReaderPool<ReplyFields>
  readonly operations: OperationTable
  readonly awaitedCursors: AwaitedCursors
  /** Undefined: nobody asked for more than names and numbers. */
  readonly detail: RequestDetail | undefined
  /** Reused from push to push, by all sessions: frames are valid until the next push. */
  readonly frames: FrameList
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
  /** Borrowed while a message passes. */
  #requestBody: MessageBody<RequestFields> | undefined = undefined
  #replyBody: MessageBody<ReplyFields> | undefined = undefined
  readonly #open = new OpenExchanges()
  /** Of the request that is passing, once known. */
  #current: Exchange | undefined = undefined
  /** It waits for a reply, or has had one. */
  #isPaired = false
  /** What the reply that is passing answers. */
  #answered: Pending | undefined = undefined
  /** Had a reply whose flags could not be read: another may follow, until the client speaks again. */
  #doubtful: Pending | undefined = undefined
  #awaited = 0
  /** Of the request that is passing in pieces, when its shape is wanted. */
  #head: Head | undefined = undefined
  /** On listeners that rewrite. */
  readonly #rewriter: ReplyRewriter | undefined
  /** On those that lead administrators, too. */
  readonly #gate: CommandGate | undefined
  #sawHello = false
  #sawOther = false

  constructor(context: SessionContext, shared: Shared) {
    this.#context = context
    this.#shared = shared
    const { rewrite, events } = context
    this.#rewriter = rewrite === undefined ? undefined : new ReplyRewriter(rewrite, events)
    this.#gate = rewrite?.coversStatus === true ? new CommandGate() : undefined
  }

  get inFlight(): number {
    const doubtful = this.#doubtful === undefined || this.#doubtful.origin.isAwaited ? 0 : 1
    // A request that is still streaming, and is not among the open ones: a write without a reply, or one not understood yet.
    const passing = this.#requestBody === undefined || this.#isPaired ? 0 : 1
    return this.#open.size - this.#awaited - doubtful + passing
  }

  /** Bytes kept between chunks: cut tokens, compressed payloads, the head of a cut request. */
  get heldBytes(): number {
    const head = this.#head?.bytes.length ?? 0
    return (this.#requestBody?.heldBytes ?? 0) + (this.#replyBody?.heldBytes ?? 0) + head
  }

  get holdsReplies(): boolean {
    return this.#rewriter?.isHolding ?? false
  }

  get holdsRequests(): boolean {
    return this.#gate !== undefined
  }

  takeReply(): Buffer | undefined {
    // Between two replies only.
    return this.#replyFramer.isSplit ? undefined : this.#gate?.takeReply()
  }

  get isMonitor(): boolean {
    return this.#sawHello && !this.#sawOther
  }

  push(direction: Direction, chunk: Buffer, nowMs: number): readonly Frame[] {
    const frames = this.#shared.frames
    frames.clear()
    const isRequest = direction === 'request'
    const framer = isRequest ? this.#requestFramer : this.#replyFramer
    const filter = isRequest ? this.#gate : this.#rewriter
    let at = 0
    while (at < chunk.length) {
      const start = at
      const isFirst = !framer.isSplit
      if (!framer.isInMessage) {
        at = framer.readHeader(chunk, at, nowMs)
        if (!framer.isInMessage) {
          frames.add(start, at, isFirst, false, undefined, filter?.cutHeader(at - start))
          break
        }
        if (isRequest) this.#beginRequest(framer)
        else this.#beginReply(framer, nowMs)
      }
      const end = Math.min(at + framer.left, chunk.length)
      framer.left -= end - at
      const exchange = isRequest
        ? this.#requestPassed(framer, chunk, at, end, nowMs)
        : this.#replyPassed(framer, chunk, at, end, nowMs)
      at = end
      const isLast = framer.left === 0
      if (isLast) framer.endMessage()
      frames.add(start, at, isFirst, isLast, exchange, filter?.passed(framer, chunk, start, at))
    }
    return frames.frames
  }

  end(by: EndedBy | 'undecodable', nowMs: number): void {
    const outcome = by === 'undecodable' ? UNKNOWN : ABORTED[by]
    const body = this.#requestBody
    if (body !== undefined && this.#current === undefined) this.#openExchange(this.#requestFramer, body)
    const passing = this.#current
    if (passing !== undefined) passing.requestBytes = this.#requestFramer.length - this.#requestFramer.left
    this.#current = undefined
    this.#doubtful = undefined
    // Not given back: they stand in the middle of a message.
    this.#requestBody = undefined
    this.#replyBody = undefined
    this.#releaseHead()
    for (const pending of this.#open.drain()) {
      if (pending.exchange !== undefined) this.#finish(pending.exchange, outcome, nowMs)
    }
    this.#awaited = 0
    if (passing !== undefined && passing.outcome === undefined) this.#finish(passing, outcome, nowMs)
  }

  #beginRequest(framer: Framer): void {
    this.#context.events.messageSeen('request', opcodeName(framer.opcode))
    const body = this.#shared.requestReaders.take()
    body.begin(framer.opcode, framer.left)
    this.#requestBody = body
    this.#isPaired = false
  }

  /** The bytes `[at, end)` of the request that is passing. @returns its exchange, once known */
  #requestPassed(framer: Framer, chunk: Buffer, at: number, end: number, nowMs: number): Exchange | undefined {
    const body = this.#requestBody
    if (body === undefined) return undefined
    body.push(chunk, at, end)
    if (this.#current === undefined && body.isKnown && body.fields.command.target !== 'nsinfo') {
      this.#openExchange(framer, body)
    }
    const { detail } = this.#shared
    const isWhole = end - at === framer.length - HEADER_BYTES
    if (detail !== undefined && !isWhole) this.#collect(detail, framer, body, chunk, at, end)
    if (framer.left > 0) return this.#current
    body.finish()
    if (body.failure !== '') this.#context.events.messageUndecodable('request', body.failure)
    const exchange = this.#current ?? this.#openExchange(framer, body)
    exchange.batchSize = body.fields.batchSize
    if (body.failure === '' && exchange.outcome === undefined) {
      // It may have come behind the body.
      if (!isWhole) exchange.traceParent = body.fields.traceParent
      if (detail !== undefined) this.#addDetail(detail, exchange, framer, body, chunk, at, end)
    }
    this.#releaseHead()
    if (!this.#isPaired) this.#finish(exchange, this.#outcomeAlone(framer, body), nowMs)
    this.#current = undefined
    this.#requestBody = undefined
    this.#shared.requestReaders.give(body)
    return exchange
  }

  /** A piece of a request: what its shape is made of is kept until its end. */
  #collect(
    detail: RequestDetail,
    framer: Framer,
    body: MessageBody<RequestFields>,
    chunk: Buffer,
    at: number,
    end: number,
  ) {
    const isFirst = end - at + framer.left === framer.length - HEADER_BYTES
    if (isFirst) this.#head ??= detail.begin(body.fields.command, framer.opcode)
    if (this.#head !== undefined) detail.collect(this.#head, chunk, at, end)
  }

  #addDetail(
    detail: RequestDetail,
    exchange: Exchange,
    framer: Framer,
    body: MessageBody<RequestFields>,
    chunk: Buffer,
    at: number,
    end: number,
  ): void {
    const { command } = body.fields
    const { inside } = body
    const head = this.#head
    const size = framer.length - HEADER_BYTES
    if (inside !== undefined) detail.describe(exchange, command, body.opcode, inside, 0, inside.length, inside.length)
    else if (end - at === size) detail.describe(exchange, command, framer.opcode, chunk, at, end, size)
    else if (head !== undefined) detail.describe(exchange, command, framer.opcode, head.bytes, 0, head.length, size)
    else detail.describe(exchange, command, framer.opcode, NO_BYTES, 0, 0, size)
  }

  #releaseHead(): void {
    if (this.#head !== undefined) this.#shared.detail?.release(this.#head)
    this.#head = undefined
  }

  #openExchange(framer: Framer, body: MessageBody<RequestFields>): Exchange {
    const { connection, events } = this.#context
    const { fields, failure, isKnown } = body
    // What came before the failure stands, so that the same bytes give the same operation however they are cut.
    const isReadable = isKnown || failure === '' || failure === 'inflate_limit'
    const command = isReadable ? fields.command : OTHER_COMMAND
    const operation = isReadable
      ? this.#shared.operations.get(command, fields.database, fields.collection)
      : this.#shared.operations.get(command, '', '')
    const exchange = new Exchange(connection, operation, framer.startedAtMs)
    this.#current = exchange
    exchange.requestBytes = framer.length
    if (isReadable) this.#describe(exchange, fields)
    if (command.isHello) this.#sawHello = true
    else this.#sawOther = true
    if (this.#doubtful !== undefined) this.#endDoubtful(this.#doubtful)
    this.#isPaired = this.#gate?.refuses(command) !== true && this.#expect(framer, body, exchange, command)
    events.exchangeStarted(exchange)
    return exchange
  }

  /** Of a request that waits for no reply of the server. */
  #outcomeAlone(framer: Framer, body: MessageBody<RequestFields>): Outcome {
    const isAnswered = expectsReply(body)
    return this.#gate?.answer(framer.requestId, body.opcode, isAnswered) ?? (isAnswered ? UNKNOWN : UNACKNOWLEDGED)
  }

  /** @returns whether a reply is waited for */
  #expect(framer: Framer, body: MessageBody<RequestFields>, exchange: Exchange, command: CommandInfo): boolean {
    const need = this.#rewriter?.needOf(command, body.failure) ?? 'none'
    if (expectsReply(body) && this.#pair(framer, body, exchange, need)) return true
    this.#rewriter?.doubt(need)
    return false
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
  #pair(framer: Framer, body: MessageBody<RequestFields>, exchange: Exchange, need: RewriteNeed): boolean {
    if (this.#open.size >= this.#shared.maxOpen) {
      this.#context.events.messageUndecodable('request', 'too_many_open')
      return false
    }
    const { isLegacyRead, opensAwaitedCursor } = body.fields
    const allowsExhaust = (body.flags & FLAG_EXHAUST_ALLOWED) !== 0
    const pending = new Pending(framer.requestId, isLegacyRead, opensAwaitedCursor, allowsExhaust, exchange)
    pending.rewriteNeed = need
    this.#rewriter?.expect(need)
    if (exchange.isAwaited) this.#awaited++
    const replaced = this.#open.add(pending)
    if (replaced !== undefined) {
      this.#forget(replaced, framer.startedAtMs)
      // Two replies will come with one id: which of them names members can't be told.
      this.#rewriter?.doubt(need)
    }
    return true
  }

  /** Another request took its id: its reply could not be told apart. */
  #forget(pending: Pending, nowMs: number): void {
    if (pending.origin.isAwaited) this.#awaited--
    this.#rewriter?.expectNoMore(pending.rewriteNeed)
    this.#rewriter?.doubt(pending.rewriteNeed)
    const { exchange } = pending
    // Its reply may be passing right now: that must not end it again.
    pending.exchange = undefined
    if (exchange !== undefined) this.#finish(exchange, UNKNOWN, nowMs)
  }

  /** A client that speaks again has seen the last reply of its stream. */
  #endDoubtful(pending: Pending): void {
    this.#doubtful = undefined
    this.#open.remove(pending)
    this.#rewriter?.expectNoMore(pending.rewriteNeed)
    if (pending.origin.isAwaited) this.#awaited--
  }

  #beginReply(framer: Framer, nowMs: number): void {
    const { events } = this.#context
    events.messageSeen('reply', opcodeName(framer.opcode))
    const pending = this.#open.find(framer.responseTo)
    this.#answered = pending
    if (pending === undefined) {
      events.messageUndecodable('reply', 'unmatched_reply')
    } else {
      if (pending === this.#doubtful) this.#doubtful = undefined
      pending.exchange ??= this.#nextBatch(pending)
      pending.exchange.firstReplyAtMs = nowMs
    }
    this.#rewriter?.begin(framer, pending?.rewriteNeed ?? 'none')
    const body = this.#shared.replyReaders.take()
    body.isCommandReply = pending === undefined || !pending.isLegacyRead
    body.begin(framer.opcode, framer.left)
    this.#replyBody = body
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
    exchange.shape = origin.shape
    events.exchangeStarted(exchange)
    return exchange
  }

  /** The bytes `[at, end)` of the reply that is passing. @returns the exchange it answers */
  #replyPassed(framer: Framer, chunk: Buffer, at: number, end: number, nowMs: number): Exchange | undefined {
    const body = this.#replyBody
    const pending = this.#answered
    if (body === undefined) return undefined
    body.push(chunk, at, end)
    if (framer.left > 0) return pending?.exchange
    body.finish()
    if (body.failure !== '') this.#context.events.messageUndecodable('reply', body.failure)
    const exchange = pending === undefined ? undefined : this.#replyEnded(pending, body, framer, nowMs)
    this.#answered = undefined
    this.#replyBody = undefined
    this.#shared.replyReaders.give(body)
    return exchange
  }

  #replyEnded(pending: Pending, body: MessageBody<ReplyFields>, framer: Framer, nowMs: number): Exchange | undefined {
    const { exchange } = pending
    if (exchange === undefined) return undefined
    exchange.replyBytes = framer.length
    const outcome = body.failure === '' ? this.#result(pending, exchange, body.fields) : UNKNOWN
    const isDoubtful = body.failure !== '' && !body.hasFlags && pending.allowsExhaust
    if (isDoubtful || (body.flags & FLAG_MORE_TO_COME) !== 0) {
      pending.exchange = undefined
      pending.batchEndedAtMs = nowMs
      this.#open.chain(pending, framer.requestId)
      if (isDoubtful) this.#doubtful = pending
    } else {
      this.#open.remove(pending)
      this.#rewriter?.expectNoMore(pending.rewriteNeed)
      if (pending.origin.isAwaited) this.#awaited--
    }
    this.#finish(exchange, outcome, nowMs)
    return exchange
  }

  #result(pending: Pending, exchange: Exchange, fields: ReplyFields): Outcome {
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
    this.#shared.detail?.followCursor(exchange, low, high)
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
    if (exchange.values !== undefined) this.#shared.detail?.ended(exchange)
  }
}

const NO_BYTES = Buffer.alloc(0)

function expectsReply({ opcode, flags }: MessageBody<RequestFields>): boolean {
  if (opcode === OP_INSERT || opcode === OP_UPDATE || opcode === OP_DELETE || opcode === OP_KILL_CURSORS) return false
  return (flags & FLAG_MORE_TO_COME) === 0
}
