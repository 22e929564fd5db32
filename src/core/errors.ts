export type Origin = 'downstream' | 'upstream' | 'proxy' | 'config'
export type Retry = 'yes' | 'no' | 'if-reused'

interface ErrorFields {
  readonly code: string
  readonly origin: Origin
  readonly retry?: Retry
  readonly cause?: unknown
}

/** Base of every error that oplens makes. `code` is from the table in docs/errors.md. */
export class OplensError extends Error {
  readonly code: string
  readonly origin: Origin
  readonly retry: Retry

  constructor(message: string, fields: ErrorFields) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause })
    this.name = new.target.name
    this.code = fields.code
    this.origin = fields.origin
    this.retry = fields.retry ?? 'no'
  }
}

/** Framing is lost: this connection can't be decoded any more. `reason` is a metric label from a fixed table. */
export class DecodeError extends OplensError {
  readonly reason: string

  constructor(reason: string, message: string) {
    super(message, { code: 'OPL_DECODE', origin: 'downstream' })
    this.reason = reason
  }
}

/** Nothing is wrong with the framing: a reply was understood well enough not to be sent, and its connection has to end. */
export class ReplyWithheld extends DecodeError {}

export type UpstreamFailure =
  | 'no_usable_host'
  /** The member that was asked for does not answer, or is not who it is taken for. */
  | 'member_down'
  | 'no_primary'
  /** A circuit breaker is open. */
  | 'overflow'
  | 'connect_failed'
  | 'connect_timeout'
  | 'aborted'

export class UpstreamError extends OplensError {
  readonly failure: UpstreamFailure
  /** Name of the last host tried; '' when there was none. */
  readonly host: string

  constructor(failure: UpstreamFailure, host: string, message: string, cause?: unknown) {
    super(message, { code: `OPL_UPSTREAM_${failure.toUpperCase()}`, origin: 'upstream', retry: 'yes', cause })
    this.failure = failure
    this.host = host
  }
}

/** One thing wrong in a config file, at its place. */
export interface ConfigProblem {
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly column: number
  /** Dotted path, `listeners[0].address`; '' for the document. */
  readonly path: string
  readonly message: string
  /** What to write instead; '' when there is nothing to say. */
  readonly suggestion: string
}

export class ConfigError extends OplensError {
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join('\n'), { code: 'OPL_CONFIG', origin: 'config' })
    this.problems = problems
  }
}

/** `file:line:col: path: message (suggestion)` */
export function formatProblem(problem: ConfigProblem): string {
  const path = problem.path === '' ? '' : `${problem.path}: `
  const hint = problem.suggestion === '' ? '' : ` (${problem.suggestion})`
  return `${problem.file}:${problem.line}:${problem.column}: ${path}${problem.message}${hint}`
}
