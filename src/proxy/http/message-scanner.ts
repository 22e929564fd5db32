import { ChunkedScanner } from './chunked-scanner.js'
import { CR, LF } from './head/characters.js'
import { FieldList } from './head/field-list.js'
import { FieldScanner } from './head/field-scanner.js'
import type { MessageHead } from './head/heads.js'
import { isHopByHop, isProtected } from './head/protected-fields.js'
import { HeldBytes } from './held-bytes.js'
import type { HttpLimits } from './limits.js'
import { type HttpPiece, type HttpPieceKind, PayloadRanges } from './piece.js'
import type { HttpReason } from './reasons.js'

/** What differs between requests and replies. */
export interface StartLine {
  reset(): void
  skip(bytes: Uint8Array, from: number, end: number): number
  scan(bytes: Uint8Array, from: number, end: number, base: number): number
  readonly isDone: boolean
  readonly isAtStart: boolean
  readonly failure: HttpReason | undefined
  readonly tooLarge: HttpReason
}

export interface HeadReader<H extends MessageHead> {
  readonly line: StartLine
  /** A whole head, every byte of it allowed. */
  read(fields: FieldList): H | HttpReason
  /** Another head follows in place of a body, and of the message's end. */
  isInterim(head: H): boolean
}

/** What the end of the connection means. */
export type HttpEnd =
  /** It came between two messages. */
  | 'idle'
  /** It ended a body that goes on to the end of the connection: the message is whole. */
  | 'complete'
  /** The message is not whole and must not be taken for one. (RFC 9112, 8) */
  | 'truncated_message'

/**
 * Reads the messages of one direction of a connection, in any cut, one piece at a call: so that who reads can stop at the end of a
 * message and go on when the next one's turn has come. Pure: no socket, no timer, no log.
 *
 *     head ──▶ length | close | chunked ──▶ trailers ──▶ head
 *       └────────────── no body ──────────────────────────▲     closed: behind a message that said `close`
 */
export class MessageScanner<H extends MessageHead> {
  readonly #reader: HeadReader<H>
  readonly #limits: HttpLimits
  readonly #fields: FieldScanner
  readonly #held = new HeldBytes()
  #chunked: ChunkedScanner | undefined = undefined
  #phase: 'head' | 'length' | 'close' | 'chunked' | 'trailers' | 'closed' | 'refused' = 'head'
  #left = 0
  #keepAlive = true
  readonly #piece: HttpPiece<H> = {
    kind: 'none',
    next: 0,
    bytes: Buffer.alloc(0),
    start: 0,
    end: 0,
    last: false,
    payload: new PayloadRanges(),
    head: undefined,
    trailers: undefined,
    reason: undefined,
  }

  constructor(reader: HeadReader<H>, limits: HttpLimits) {
    this.#reader = reader
    this.#limits = limits
    this.#fields = new FieldScanner(limits.maxFields)
  }

  /** No message has begun that has not ended. */
  get isIdle(): boolean {
    return (this.#phase === 'head' && this.#reader.line.isAtStart) || this.#phase === 'closed'
  }

  /** Bytes copied out of chunks and not yet given back. */
  get heldBytes(): number {
    return this.#held.length
  }

  /** @param at less than `chunk.length` */
  next(chunk: Buffer, at: number): HttpPiece<H> {
    const piece = this.#piece
    piece.payload.clear()
    piece.head = undefined
    piece.trailers = undefined
    piece.last = false
    switch (this.#phase) {
      case 'head':
        return this.#nextHead(chunk, at)
      case 'length':
        return this.#nextOfLength(chunk, at)
      case 'close':
        piece.payload.add(at, chunk.length)
        return this.#give('body', chunk, at, chunk.length, chunk.length)
      case 'chunked':
        return this.#nextChunked(chunk, at)
      case 'trailers':
        return this.#nextTrailers(chunk, at)
      case 'closed':
        return this.refuse('after_close', chunk, at)
      case 'refused':
        return this.#give('refused', chunk, at, at, at)
      default:
        return this.#phase satisfies never
    }
  }

  /** The connection's end came. */
  end(): HttpEnd {
    if (this.#phase === 'close') {
      this.#phase = 'closed'
      return 'complete'
    }
    return this.isIdle ? 'idle' : 'truncated_message'
  }

  refuse(reason: HttpReason, chunk: Buffer, at: number): HttpPiece<H> {
    this.#phase = 'refused'
    this.#held.clear()
    this.#piece.payload.clear()
    this.#piece.reason = reason
    return this.#give('refused', chunk, at, at, at)
  }

  #nextHead(chunk: Buffer, at: number): HttpPiece<H> {
    const line = this.#reader.line
    const from = line.isAtStart ? line.skip(chunk, at, chunk.length) : at
    if (line.failure !== undefined) return this.refuse(line.failure, chunk, from)
    const end = Math.min(chunk.length, from + this.#limits.maxHeadBytes - this.#held.length)
    const base = from - this.#held.length
    let i = line.isDone ? from : line.scan(chunk, from, end, base)
    if (line.isDone) i = this.#fields.scan(chunk, i, end, base)
    const failure = line.failure ?? this.#fields.failure
    if (failure !== undefined) return this.refuse(failure, chunk, i)
    if (this.#fields.isDone) return this.#headDone(chunk, from, i)
    if (i - base >= this.#limits.maxHeadBytes)
      return this.refuse(line.isDone ? 'head_too_large' : line.tooLarge, chunk, i)
    this.#held.add(chunk, from, i)
    return this.#give('none', chunk, i, i, i)
  }

  #headDone(chunk: Buffer, from: number, end: number): HttpPiece<H> {
    const section = this.#takeSection(chunk, from, end)
    const head = this.#reader.read(section)
    if (typeof head === 'string') return this.refuse(head, chunk, end)
    this.#reader.line.reset()
    const piece = this.#give('head', section.bytes, section.start, section.end, end)
    piece.head = head
    if (this.#reader.isInterim(head)) return piece
    this.#keepAlive = head.facts.keepAlive
    const { framing, contentLength } = head.facts
    if (framing === 'none' || (framing === 'length' && contentLength === 0)) return this.#endMessage(piece)
    if (framing === 'length') this.#left = contentLength
    else if (framing === 'chunked') {
      this.#chunked ??= new ChunkedScanner()
      this.#chunked.reset()
    }
    this.#phase = framing
    return piece
  }

  #nextOfLength(chunk: Buffer, at: number): HttpPiece<H> {
    const end = Math.min(chunk.length, at + this.#left)
    this.#left -= end - at
    this.#piece.payload.add(at, end)
    const piece = this.#give('body', chunk, at, end, end)
    return this.#left === 0 ? this.#endMessage(piece) : piece
  }

  #nextChunked(chunk: Buffer, at: number): HttpPiece<H> {
    const scanner = this.#chunked as ChunkedScanner
    const end = scanner.scan(chunk, at, chunk.length, this.#piece.payload)
    if (scanner.failure !== undefined) return this.refuse(scanner.failure, chunk, end)
    if (!scanner.isDone) return this.#give('body', chunk, at, end, end)
    // No trailers, and the chunk has the whole end: nearly always.
    if (chunk[end] === CR && chunk[end + 1] === LF) {
      return this.#endMessage(this.#give('body', chunk, at, end + 2, end + 2))
    }
    this.#phase = 'trailers'
    return this.#give('body', chunk, at, end, end)
  }

  #nextTrailers(chunk: Buffer, at: number): HttpPiece<H> {
    const end = Math.min(chunk.length, at + this.#limits.maxTrailerBytes - this.#held.length)
    const base = at - this.#held.length
    const i = this.#fields.scan(chunk, at, end, base)
    if (this.#fields.failure !== undefined) return this.refuse(this.#fields.failure, chunk, i)
    if (this.#fields.isDone) {
      const section = this.#takeSection(chunk, at, i)
      if (hasForbidden(section)) return this.refuse('forbidden_trailer', chunk, i)
      const piece = this.#give('trailers', section.bytes, section.start, section.end, i)
      piece.trailers = section
      return this.#endMessage(piece)
    }
    if (i - base >= this.#limits.maxTrailerBytes) return this.refuse('trailers_too_large', chunk, i)
    this.#held.add(chunk, at, i)
    return this.#give('none', chunk, i, i, i)
  }

  /** The section that ends at `end` of the chunk: in the chunk when it is all there. */
  #takeSection(chunk: Buffer, from: number, end: number): FieldList {
    const offsets = this.#fields.takeOffsets()
    this.#fields.reset()
    if (this.#held.length === 0) return new FieldList(chunk, from, end - from, offsets)
    this.#held.add(chunk, from, end)
    const bytes = this.#held.take()
    return new FieldList(bytes, 0, bytes.length, offsets)
  }

  #endMessage(piece: HttpPiece<H>): HttpPiece<H> {
    piece.last = true
    this.#phase = this.#keepAlive ? 'head' : 'closed'
    return piece
  }

  #give(kind: HttpPieceKind, bytes: Buffer, start: number, end: number, next: number): HttpPiece<H> {
    const piece = this.#piece
    piece.kind = kind
    piece.bytes = bytes
    piece.start = start
    piece.end = end
    piece.next = next
    return piece
  }
}

function hasForbidden(trailers: FieldList): boolean {
  for (let i = 0; i < trailers.count; i++) {
    const name = trailers.name(i)
    if (isProtected(name) || isHopByHop(name)) return true
  }
  return false
}
