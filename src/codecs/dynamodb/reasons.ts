import type { JsonFailure } from '../shared/json-scan.js'

/** Why a request or a reply could not be read, or not wholly. docs/errors.md explains each; a test compares. */
export const FAILURES = [
  'content_type',
  'content_encoding',
  'json_syntax',
  'json_truncated',
  'too_many_tables',
  'duplicate_member',
  'partiql_statement',
  'inflate_failed',
  'inflate_limit',
] as const satisfies readonly (Failure | JsonFailure)[]

export type Failure =
  | JsonFailure
  | 'content_type'
  | 'content_encoding'
  | 'too_many_tables'
  | 'duplicate_member'
  | 'partiql_statement'
  | 'inflate_failed'
  | 'inflate_limit'
