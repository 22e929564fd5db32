import { OplensError } from '../../core/errors.js'

export type ProbeFailureKind =
  | 'unresolvable'
  | 'connect_failed'
  | 'connect_timeout'
  /** Connected, then silent for too long. */
  | 'no_answer'
  /** By the other side, in order or not. */
  | 'closed'
  /** It speaks something else, or answered with an error. */
  | 'protocol'

export interface ProbeFailure {
  readonly kind: ProbeFailureKind
  /** For people; the same words for the same cause. */
  readonly reason: string
}

const MAX_REASON_LENGTH = 200
const UNRESOLVABLE: ReadonlySet<string> = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA', 'EAI_NONAME'])

/** The second is a Unix socket's: its file is gone. */
const REFUSALS: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT'])

export const CONNECT_TIMEOUT: ProbeFailure = { kind: 'connect_timeout', reason: 'connecting took too long' }
export const NO_ANSWER: ProbeFailure = { kind: 'no_answer', reason: 'it gave no answer in time' }
export const CLOSED: ProbeFailure = { kind: 'closed', reason: 'it closed the connection' }

export function connectFailure(error: unknown): ProbeFailure {
  const code = errorCode(error)
  if (UNRESOLVABLE.has(code)) return { kind: 'unresolvable', reason: `its name can't be resolved (${code})` }
  return { kind: 'connect_failed', reason: `connecting failed (${code})` }
}

export function brokenConnection(error: unknown): ProbeFailure {
  return { kind: 'closed', reason: `the connection broke (${errorCode(error)})` }
}

export function protocolFailure(error: unknown): ProbeFailure {
  const reason = error instanceof Error ? error.message : String(error)
  return { kind: 'protocol', reason: reason.slice(0, MAX_REASON_LENGTH) }
}

/** Nobody listens there: on no address that the name has. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isRefusal)
  return REFUSALS.has(errorCode(error))
}

/** The system's or OpenSSL's word for it, wherever it is wrapped; messages hold ports and addresses that change by the attempt. */
function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, MAX_REASON_LENGTH)
  if (error instanceof OplensError && error.cause !== undefined) return errorCode(error.cause)
  if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0])
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return code === '' ? error.message.slice(0, MAX_REASON_LENGTH) : code
}
