import type { ConnectionInfo } from './connection.js'
import type { Exchange } from './exchange.js'
import type { EndedBy } from './outcome.js'
import type { Schema } from './schema.js'

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
}

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
}

export interface SessionContext {
  readonly connection: ConnectionInfo
  readonly events: SessionEvents
}

/** The decoder of one connection. Pure: no socket, no timer, no log; time comes in as an argument. */
export interface Session {
  /**
   * Decode one chunk (1 byte or more, any cut). `chunk` may be overwritten by its owner after `push` returns: what a session
   * keeps, it copies (at most `max_head_bytes` per direction, and compressed payloads up to `max_inflate`).
   * @returns frames that cover the chunk exactly
   * @throws DecodeError when framing is lost: the session is finished then; the caller calls `end` and forwards bytes undecoded
   */
  push(direction: Direction, chunk: Buffer, nowMs: number): readonly Frame[]
  /** The connection is over, or decoding is: ends every open exchange, as aborted by `by`, or `unknown` when decoding was lost. */
  end(by: EndedBy | 'undecodable', nowMs: number): void
  /** Requests without their last reply, awaited ones left out: what a drain waits for. */
  readonly inFlight: number
  /** Only handshake and monitoring commands were seen so far: a driver's monitor. Drained last. */
  readonly isMonitor: boolean
}

export interface TcpCodec {
  open(context: SessionContext): Session
}

/** One protocol: what its folder exports and its registry lists. */
export interface Protocol<C = unknown> {
  /** The word in `protocol:` of a listener. */
  readonly name: string
  readonly transport: 'tcp'
  /** Codec options of a listener, with their defaults. */
  readonly config: Schema<C>
  createCodec(config: C): TcpCodec
}
