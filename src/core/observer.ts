import type { Direction, RewriteResult } from './codec.js'
import type { ConnectionInfo } from './connection.js'
import type { DecodeError } from './errors.js'
import type { Exchange } from './exchange.js'

/** Why a downstream connection ended; the label of `oplens_downstream_connections_closed_total`. */
export type CloseReason =
  | 'client_closed'
  | 'upstream_closed'
  | 'client_reset'
  | 'upstream_reset'
  | 'connect_failed'
  | 'connect_timeout'
  | 'no_usable_host'
  | 'member_down'
  | 'no_primary'
  | 'overflow'
  | 'client_not_allowed'
  | 'upstream_overflow'
  | 'idle_timeout'
  | 'request_timeout'
  | 'completed'
  | 'tls_error'
  | 'undecodable'
  | 'not_rewritten'
  | 'identity_mismatch'
  | 'primary_changed'
  | 'drained'
  | 'drain_deadline'
  | 'error'

export const CLOSE_REASONS: readonly CloseReason[] = [
  'client_closed',
  'upstream_closed',
  'client_reset',
  'upstream_reset',
  'connect_failed',
  'connect_timeout',
  'no_usable_host',
  'member_down',
  'no_primary',
  'overflow',
  'client_not_allowed',
  'upstream_overflow',
  'idle_timeout',
  'request_timeout',
  'completed',
  'tls_error',
  'undecodable',
  'not_rewritten',
  'identity_mismatch',
  'primary_changed',
  'drained',
  'drain_deadline',
  'error',
]

/**
 * May only watch; called after the bytes went on. One that throws is counted and skipped.
 * An Exchange belongs to its session: copy what is kept beyond the call.
 */
export interface Observer {
  readonly name: string
  connectionOpened?(connection: ConnectionInfo): void
  connectionClosed?(connection: ConnectionInfo, reason: CloseReason): void
  exchangeStarted?(exchange: Exchange): void
  exchangeEnded?(exchange: Exchange): void
  messageSeen?(connection: ConnectionInfo, direction: Direction, opcode: string): void
  /** One opaque message; decoding goes on. */
  messageUndecodable?(connection: ConnectionInfo, direction: Direction, reason: string): void
  /** A reply of the hello family on a listener that rewrites; `form` is its opcode (the one inside, with `compressed_`). */
  replyRewritten?(connection: ConnectionInfo, form: string, result: RewriteResult): void
  /** Decoding of this connection is over. */
  decodingLost?(connection: ConnectionInfo, direction: Direction, error: DecodeError): void
}

/** Every observer behind one face; what the data path calls. Never throws. */
export type Hub = Required<Observer>
