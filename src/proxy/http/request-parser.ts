import { BodyLength } from './head/body-length.js'
import { equalsLower } from './head/characters.js'
import { ConnectionOptions } from './head/connection-options.js'
import type { FieldList } from './head/field-list.js'
import { RequestHead } from './head/heads.js'
import { authorityOf, isHost, isSameHost } from './head/host.js'
import { KnownFields } from './head/known-fields.js'
import { RequestLine } from './head/request-line.js'
import { DEFAULT_LIMITS, type HttpLimits } from './limits.js'
import { type HeadReader, type HttpEnd, MessageScanner } from './message-scanner.js'
import type { HttpPiece } from './piece.js'
import type { HttpReason } from './reasons.js'

const ASTERISK = 0x2a
const SLASH = 0x2f

/** Reads the requests of one client connection. */
export class RequestParser {
  readonly #scanner: MessageScanner<RequestHead>

  constructor(limits: HttpLimits = DEFAULT_LIMITS) {
    this.#scanner = new MessageScanner(new RequestHeadReader(), limits)
  }

  /**
   * The next piece of what the client says. After a piece that is `last`, the caller may stop and call again, with the same chunk
   * from `next` on, when the reply is out: pipelined requests then wait unread.
   * @param chunk 1 byte or more, any cut
   * @param at where to read on: 0, or `next` of the piece before
   * @returns one object, filled again by the next call
   */
  next(chunk: Buffer, at: number): HttpPiece<RequestHead> {
    return this.#scanner.next(chunk, at)
  }

  /** The client said its end. */
  end(): HttpEnd {
    return this.#scanner.end()
  }

  /** No request has begun that has not ended. */
  get isIdle(): boolean {
    return this.#scanner.isIdle
  }

  get heldBytes(): number {
    return this.#scanner.heldBytes
  }
}

class RequestHeadReader implements HeadReader<RequestHead> {
  readonly line = new RequestLine()
  readonly #known = new KnownFields()
  readonly #body = new BodyLength()
  readonly #connection = new ConnectionOptions()

  read(fields: FieldList): RequestHead | HttpReason {
    const { line } = this
    const known = this.#known
    const { minor } = line.version
    known.find(fields)
    const reason =
      this.#checkLine(fields) ??
      this.#checkRoute(fields) ??
      this.#body.read(fields, known.contentLength, known.transferEncoding, minor) ??
      this.#connection.read(fields, known.connection) ??
      this.#checkUpgrade(fields) ??
      this.#checkExpect(fields)
    if (reason !== undefined) return reason
    const { contentLength, isChunked } = this.#body
    const { isClose, isKeepAlive, named } = this.#connection
    const facts = {
      minorVersion: minor,
      framing: isChunked ? ('chunked' as const) : contentLength >= 0 ? ('length' as const) : ('none' as const),
      contentLength,
      keepAlive: !isClose && (minor === 1 || isKeepAlive),
      hasHopByHop: known.hasHopByHop,
      connectionOptions: named,
    }
    // From an HTTP/1.0 client it means nothing. (RFC 9110, 10.1.1)
    return new RequestHead(fields, line, facts, known.expect >= 0 && minor === 1)
  }

  isInterim(): boolean {
    return false
  }

  #checkLine(fields: FieldList): HttpReason | undefined {
    const { bytes, start } = fields
    const isMethod = (method: string) => bytes.toString('latin1', start, start + this.line.methodEnd) === method
    if (!this.line.version.isSupported) {
      return this.line.version.major === 2 && isMethod('PRI') ? 'http2_preface' : 'unsupported_version'
    }
    const first = bytes[start + this.line.methodEnd + 1]
    // The first letter tells it from all that is common.
    if (bytes[start] === 0x43 /* C */ && isMethod('CONNECT')) return 'connect_method'
    if (first === SLASH) return undefined
    const isAsterisk = first === ASTERISK && this.line.targetEnd === this.line.methodEnd + 2
    if (isAsterisk) return isMethod('OPTIONS') ? undefined : 'invalid_target'
    return this.#authority(fields) === undefined ? 'invalid_target' : undefined
  }

  /** Origin form has none: nearly all requests. */
  #authority(fields: FieldList): { start: number; end: number } | undefined {
    const { bytes, start } = fields
    return authorityOf(bytes, start + this.line.methodEnd + 1, start + this.line.targetEnd)
  }

  #checkRoute(fields: FieldList): HttpReason | undefined {
    const { host } = this.#known
    const { bytes, start } = fields
    const isAbsolute = bytes[start + this.line.methodEnd + 1] !== SLASH
    if (host < 0) return this.line.version.minor === 0 ? undefined : 'missing_host'
    if (fields.find('host', host + 1) >= 0) return 'multiple_host'
    const hostStart = fields.valueStart(host)
    const hostEnd = fields.valueEnd(host)
    if (!isHost(bytes, hostStart, hostEnd)) return 'invalid_host'
    const authority = isAbsolute ? this.#authority(fields) : undefined
    if (authority === undefined) return undefined
    // The target would win (RFC 9112, 3.2.2), but the head is forwarded as it is: the next hop must not have to choose.
    return isSameHost(bytes, authority.start, authority.end, hostStart, hostEnd) ? undefined : 'host_mismatch'
  }

  /**
   * A server may ignore it (RFC 9110, 7.8). For `h2c` that is done: some clients (java.net.http) ask with their first request and
   * go on in HTTP/1.1. Any other protocol is all that its client wants.
   */
  #checkUpgrade(fields: FieldList): HttpReason | undefined {
    for (let i = this.#known.upgrade; i >= 0; i = fields.find('upgrade', i + 1)) {
      if (!equalsLower(fields.bytes, fields.valueStart(i), fields.valueEnd(i), 'h2c')) return 'upgrade'
    }
    return undefined
  }

  #checkExpect(fields: FieldList): HttpReason | undefined {
    for (let i = this.#known.expect; i >= 0; i = fields.find('expect', i + 1)) {
      if (!equalsLower(fields.bytes, fields.valueStart(i), fields.valueEnd(i), '100-continue'))
        return 'unknown_expectation'
    }
    return undefined
  }
}
