import { BodyLength, type Framing } from './head/body-length.js'
import { ConnectionOptions } from './head/connection-options.js'
import type { FieldList } from './head/field-list.js'
import { ReplyHead } from './head/heads.js'
import { KnownFields } from './head/known-fields.js'
import { StatusLine } from './head/status-line.js'
import { DEFAULT_LIMITS, type HttpLimits } from './limits.js'
import { type HeadReader, type HttpEnd, MessageScanner } from './message-scanner.js'
import type { HttpPiece } from './piece.js'
import type { HttpReason } from './reasons.js'

/** What of a request its reply is read by: a `RequestHead`, or as much of one. */
export interface Expected {
  readonly method: string
  readonly facts: { readonly minorVersion: number }
}

/** Reads the replies of one upstream connection. */
export class ReplyParser {
  readonly #reader = new ReplyHeadReader()
  readonly #scanner: MessageScanner<ReplyHead>

  constructor(limits: HttpLimits = DEFAULT_LIMITS) {
    this.#scanner = new MessageScanner(this.#reader, limits)
  }

  /**
   * A request goes out: its reply comes after those expected before. Call it before the request's first byte is written: a
   * server may answer a request it has not read.
   */
  expect(request: Expected): void {
    this.#reader.expect(request)
  }

  /** Requests whose reply has not begun, or of which only interim replies came. */
  get expectedCount(): number {
    return this.#reader.expectedCount
  }

  /** As `RequestParser.next`. After the last expected reply every byte is refused: it would be taken for the next client's reply. */
  next(chunk: Buffer, at: number): HttpPiece<ReplyHead> {
    if (this.#scanner.isIdle && this.#reader.expectedCount === 0) {
      return this.#scanner.refuse('unsolicited_reply', chunk, at)
    }
    return this.#scanner.next(chunk, at)
  }

  /** The upstream said its end. `idle` with `expectedCount` above 0: it answered nothing. */
  end(): HttpEnd {
    return this.#scanner.end()
  }

  /** No reply has begun that has not ended. */
  get isIdle(): boolean {
    return this.#scanner.isIdle
  }

  get heldBytes(): number {
    return this.#scanner.heldBytes
  }
}

class ReplyHeadReader implements HeadReader<ReplyHead> {
  readonly line = new StatusLine()
  readonly #known = new KnownFields()
  readonly #body = new BodyLength()
  readonly #connection = new ConnectionOptions()
  readonly #expected: { readonly method: string; readonly minorVersion: number }[] = []

  expect(request: Expected): void {
    // Copied: the request's head is a view of a chunk that may be gone when the reply comes.
    this.#expected.push({ method: request.method, minorVersion: request.facts.minorVersion })
  }

  get expectedCount(): number {
    return this.#expected.length
  }

  read(fields: FieldList): ReplyHead | HttpReason {
    const { status, version } = this.line
    const known = this.#known
    const request = this.#expected[0]
    if (request === undefined) return 'unsolicited_reply'
    known.find(fields)
    const reason =
      this.#body.read(fields, known.contentLength, known.transferEncoding, version.minor) ??
      this.#connection.read(fields, known.connection) ??
      this.#checkLength(status, request.method) ??
      (this.#body.isChunked && request.minorVersion === 0 ? 'coding_for_http_1_0' : undefined)
    if (reason !== undefined) return reason
    if (status >= 200) this.#expected.shift()
    const framing = this.#framing(status, request.method)
    const { isClose, isKeepAlive, named } = this.#connection
    return new ReplyHead(fields, status, {
      minorVersion: version.minor,
      framing,
      contentLength: this.#body.contentLength,
      keepAlive: framing !== 'close' && !isClose && (version.minor === 1 || isKeepAlive),
      hasHopByHop: known.hasHopByHop,
      connectionOptions: named,
    })
  }

  isInterim(head: ReplyHead): boolean {
    return head.isInterim
  }

  /** RFC 9110, 8.6 and 15.2; RFC 9112, 6.1. */
  #checkLength(status: number, method: string): HttpReason | undefined {
    if (status === 101) return 'upgrade_reply'
    if (method === 'CONNECT' && status >= 200 && status < 300) return 'tunnel_reply'
    if (status >= 200 && status !== 204) return undefined
    if (this.#body.isChunked) return 'coding_without_body'
    // Many servers say `Content-Length: 0` with a 204. It must not be there, but whoever believes it finds the same end.
    return this.#body.contentLength > 0 ? 'length_without_body' : undefined
  }

  /** RFC 9112, 6.3. */
  #framing(status: number, method: string): Framing {
    if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 'none'
    if (this.#body.isChunked) return 'chunked'
    return this.#body.contentLength >= 0 ? 'length' : 'close'
  }
}
