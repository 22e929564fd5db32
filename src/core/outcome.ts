export type OutcomeKind =
  | 'ok'
  | 'command_error'
  | 'write_error'
  | 'write_concern_error'
  | 'refused'
  | 'unacknowledged'
  | 'unknown'
  | 'aborted'

export const OUTCOME_KINDS: readonly OutcomeKind[] = [
  'ok',
  'command_error',
  'write_error',
  'write_concern_error',
  'refused',
  'unacknowledged',
  'unknown',
  'aborted',
]

export type EndedBy = 'client' | 'server' | 'proxy'

export interface Outcome {
  readonly kind: OutcomeKind
  /** The database's error code; 0 when there is none. */
  readonly code: number
  /** The database's name for the code; '' when it gave none. Never the message: that may hold values. */
  readonly codeName: string
  /** Who ended an aborted operation. */
  readonly by: EndedBy | ''
}

const plain = (kind: OutcomeKind, by: EndedBy | '' = ''): Outcome => Object.freeze({ kind, code: 0, codeName: '', by })

export const OK: Outcome = plain('ok')
export const UNACKNOWLEDGED: Outcome = plain('unacknowledged')
export const UNKNOWN: Outcome = plain('unknown')
/** By the proxy, in the database's place. */
export const refused = (code: number, codeName: string): Outcome =>
  Object.freeze({ kind: 'refused', code, codeName, by: '' })
export const ABORTED: Readonly<Record<EndedBy, Outcome>> = {
  client: plain('aborted', 'client'),
  server: plain('aborted', 'server'),
  proxy: plain('aborted', 'proxy'),
}
