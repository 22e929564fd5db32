import type { Clock } from './clock.js'
import type { ConnectionInfo } from './connection.js'
import type { Exchange } from './exchange.js'
import type { HealthQuestion, HttpHealth } from './health.js'
import type { HttpCodec, HttpSigner } from './http.js'
import type { EndedBy } from './outcome.js'
import type { Probe } from './probe.js'
import type { Schema } from './schema.js'
import type { Detail } from './shape.js'

export type Direction = 'request' | 'reply'

/**
 * A piece of one wire message inside the chunk just pushed: bytes `[start, end)` of it. A view by offsets, because cutting a
 * Buffer costs more than decoding a small message. Frames of one push cover the chunk exactly, in order.
 * Frame objects are reused: valid until the next `push`.
 */
export interface Frame {
  start: number
  end: number
  /** This frame starts, ends, a wire message. */
  first: boolean
  last: boolean
  /** Known from the frame on in which the operation became known; undefined for messages that belong to none. */
  exchange: Exchange | undefined
  /** What to write in place of these bytes: a message that was held comes out with its last frame. Undefined: the bytes as they are. */
  output: Buffer | undefined
}

/**
 * How the names of members are led through the proxy. What it answers may change at any time: a reply is rewritten by what
 * holds when its last byte comes.
 */
export interface Rewrite {
  /** The member that this listener stands for, by the name that it gives itself; '' takes any. */
  readonly member: string
  /** Names stay as they are; a hello of anyone but a primary ends the connection instead of being told. */
  readonly onlyPrimary?: boolean
  /** Where clients reach a member through the proxy; undefined when they can't. Takes a normalised name. */
  advertise(member: string): string | undefined
  /** Also in what is shown to administrators; commands that could write those names back into the set are refused then. */
  readonly coversStatus?: boolean
}

export type RewriteResult =
  | 'rewritten'
  /** Nothing in it leads away: an error, a standalone, a router. */
  | 'unchanged'
  /** Not sent: the node is another member than this listener's. */
  | 'identity_mismatch'
  /** Not sent: it can't be understood, so it can't be made safe. */
  | 'failed'
  /** Not sent: the node is the primary no more. */
  | 'not_primary'

/** What a session tells while it decodes. Called during `push`; none may throw. */
export interface SessionEvents {
  /** The operation is known. Its request may still be streaming. */
  exchangeStarted(exchange: Exchange): void
  /** `outcome` and `endedAtMs` are set; called exactly once for each started exchange. */
  exchangeEnded(exchange: Exchange): void
  /** One message could not be understood (`reason`, from the codec's table) and passed as opaque; decoding goes on. */
  messageUndecodable(direction: Direction, reason: string): void
  /** A whole message header was seen: `opcode` is the protocol's own name for it, from a fixed table. */
  messageSeen(direction: Direction, opcode: string): void
  /** `detail`: whom the node calls itself on a mismatch, the reason on a failure. After a result that is not sent `push` throws. */
  replyRewritten(form: string, result: RewriteResult, detail: string): void
}

export interface SessionContext {
  readonly connection: ConnectionInfo
  readonly events: SessionEvents
  /** Replies that name members are to be rewritten. */
  readonly rewrite?: Rewrite | undefined
}

/** The decoder of one connection. Pure: no socket, no timer, no log; time comes in as an argument. */
export interface Session {
  /**
   * Decode one chunk (1 byte or more, any cut). `chunk` may be overwritten by its owner after `push` returns: what a session
   * keeps, it copies (at most `max_head_bytes` per direction, and compressed payloads up to `max_inflate`).
   * @returns frames that cover the chunk exactly
   * @throws DecodeError when framing is lost: the session is finished then; the caller calls `end` and forwards bytes undecoded.
   * ReplyWithheld, on listeners that rewrite, when the connection must end: nothing of this chunk is to be written
   */
  push(direction: Direction, chunk: Buffer, nowMs: number): readonly Frame[]
  /** The connection is over, or decoding is: ends every open exchange, as aborted by `by`, or `unknown` when decoding was lost. */
  end(by: EndedBy | 'undecodable', nowMs: number): void
  /** Requests without their last reply, awaited ones left out: what a drain waits for. */
  readonly inFlight: number
  /**
   * A reply that must be rewritten may come: the next reply bytes must be pushed before they are written, and written as the
   * frames say. Always false without `rewrite`. While it is false, replies may be written first and pushed after.
   */
  readonly holdsReplies: boolean
  /** Requests must be pushed before they are written, and written as the frames say. Constant. */
  readonly holdsRequests: boolean
  /**
   * Bytes for the client that are no frames: answers to requests that were refused. To be asked after each push where requests
   * are held, and written before anything else; undefined when there are none, or a reply is half written.
   */
  takeReply(): Buffer | undefined
  /** Only handshake and monitoring commands were seen so far: a driver's monitor. Drained last. */
  readonly isMonitor: boolean
}

export interface TcpCodec {
  open(context: SessionContext): Session
}

/** What a protocol's folder exports and its registry lists. */
interface ProtocolBase<C> {
  /** The word in `protocol:` of a listener. */
  readonly name: string
  /** Codec options of a listener, with their defaults. */
  readonly config: Schema<C>
}

/** A protocol of its own on TCP. */
export interface TcpProtocol<C = unknown> extends ProtocolBase<C> {
  readonly transport: 'tcp'
  createCodec(config: C, detail?: Detail): TcpCodec
  /** How a member of a set is asked what it is. */
  readonly probe?: Probe
}

/** What a signer is made with. */
export interface SignerContext {
  readonly clock: Clock
  /** The `Host` that the upstream goes by. */
  readonly host: string
}

/** A protocol inside HTTP. */
export interface HttpProtocol<C = unknown> extends ProtocolBase<C> {
  readonly transport: 'http'
  createCodec(config: C, detail?: Detail): HttpCodec
  /** Undefined when the config asks for none: requests keep the signature they came with. */
  createSigner?(config: C, context: SignerContext): HttpSigner | undefined
  /** How a host is asked whether it works. */
  readonly health?: HttpHealth
}

export type Protocol<C = unknown> = TcpProtocol<C> | HttpProtocol<C>

/** Undefined for a protocol that has none. */
export function healthQuestion(protocol: Protocol): HealthQuestion | undefined {
  if (protocol.transport === 'tcp') return protocol.probe && { kind: 'probe', probe: protocol.probe }
  return protocol.health && { kind: 'http', ...protocol.health }
}
