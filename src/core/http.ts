import type { ConnectionInfo } from './connection.js'
import type { Exchange, Operation } from './exchange.js'
import type { Outcome } from './outcome.js'

/** Header fields of one message in the order they came. Names are compared without case; values are without surrounding white space. */
export interface HttpHeaders {
  /** The value of the first field of that name; `name` in lower case. */
  get(name: string): string | undefined
  /** All values of that name, in order. */
  all(name: string): readonly string[]
}

export interface HttpRequestHead {
  /** As it came: methods are case-sensitive. (RFC 9110, 9.1) */
  readonly method: string
  /** The request-target as it came, query included. (RFC 9112, 3.2) */
  readonly target: string
  readonly headers: HttpHeaders
}

export interface HttpReplyHead {
  readonly status: number
  readonly headers: HttpHeaders
}

/** An answer that the proxy gives in the upstream's place. */
export interface HttpReply {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
}

/** Why the proxy answers in the upstream's place. */
export interface HttpRefusal {
  /** `throttled`: come back later. `denied`: never. `unavailable`: no upstream can be reached. `timeout`: it gave no answer in time. */
  readonly kind: 'throttled' | 'denied' | 'unavailable' | 'timeout'
  /** For people; names the rule or the cluster, never values of the request. */
  readonly message: string
}

/**
 * Follows one request and its reply inside HTTP. Pure like a session: no socket, no timer, no log. Holds nothing of a body but
 * what it names (bounded); a chunk is valid during the call only. Never throws on what the network sends: what can't be
 * understood is told by `failure`.
 */
export interface HttpReader {
  /**
   * The next bytes of the request's body, in any cut, decoded of their transfer coding; null at its end.
   * @returns the operation as soon as it is known, at the latest at the end
   */
  request(chunk: Buffer | null): Operation | undefined
  /** The final reply's head (no 1xx). */
  reply(head: HttpReplyHead): void
  /** The same of the reply's body. */
  replyBody(chunk: Buffer | null): void
  /** Once, after the reply's end: writes what it learnt into the exchange. */
  finish(exchange: Exchange): Outcome
  /** Why something could not be read, from the codec's table; '' when all could. */
  readonly failure: string
  /** As the protocol's clients understand it. */
  refuse(refusal: HttpRefusal): HttpReply
}

/** A protocol inside HTTP. */
export interface HttpCodec {
  /** Whether this request is of the protocol at all; others pass as plain HTTP. */
  matches(head: HttpRequestHead): boolean
  open(head: HttpRequestHead, connection: ConnectionInfo): HttpReader
}

/** Fields that go out in place of others. */
export interface ReplacedFields {
  /** Fields left out, in lower case. */
  readonly drop: readonly string[]
  readonly add: readonly (readonly [name: string, value: string])[]
}

/** Signs requests anew with credentials of the proxy's own. */
export interface HttpSigner {
  /** Bodies without a declared hash are held up to so many bytes; larger ones can't be signed. */
  readonly maxBodyBytes: number
  /** Whether a client may use these credentials, by its IP address; '' is none. */
  allows(client: string): boolean
  /** Hex SHA-256 that the client gave for the body, so that the head can go out before it is read; undefined: the body must be read first. */
  declaredHash(head: HttpRequestHead): string | undefined
  /**
   * @param bodyHash hex SHA-256 of the body
   * @returns the fields to send; rejects when there are no credentials
   */
  sign(head: HttpRequestHead, bodyHash: string): Promise<ReplacedFields>
}
