import type { Document } from 'bson'
import { OplensError } from '../../core/errors.js'

/** Codes with a name of their own in MongoDB's error table; a code outside it is named `Location<code>`, as mongod does. */
const CODE_NAMES: Readonly<Record<number, string>> = {
  1: 'InternalError',
  2: 'BadValue',
  9: 'FailedToParse',
  13: 'Unauthorized',
  14: 'TypeMismatch',
  16: 'InvalidLength',
  18: 'AuthenticationFailed',
  20: 'IllegalOperation',
  22: 'InvalidBSON',
  26: 'NamespaceNotFound',
  27: 'IndexNotFound',
  28: 'PathNotViable',
  43: 'CursorNotFound',
  48: 'NamespaceExists',
  50: 'MaxTimeMSExpired',
  52: 'DollarPrefixedFieldName',
  59: 'CommandNotFound',
  66: 'ImmutableField',
  67: 'CannotCreateIndex',
  72: 'InvalidOptions',
  73: 'InvalidNamespace',
  76: 'NoReplicationEnabled',
  79: 'UnknownReplWriteConcern',
  85: 'IndexOptionsConflict',
  86: 'IndexKeySpecsConflict',
  112: 'WriteConflict',
  115: 'CommandNotSupported',
  123: 'NotAReplicaSet',
  146: 'ExceededMemoryLimit',
  186: 'ClientMetadataCannotBeMutated',
  189: 'PrimarySteppedDown',
  223: 'IllegalOpMsgFlag',
  225: 'TransactionTooOld',
  233: 'TooManyDocumentSequences',
  246: 'SnapshotUnavailable',
  262: 'ExceededTimeLimit',
  288: 'ChecksumMismatch',
  322: 'APIVersionError',
  323: 'APIStrictError',
  352: 'UnsupportedOpQueryCommand',
  462: 'IngressRequestRateLimitExceeded',
  10107: 'NotWritablePrimary',
  11000: 'DuplicateKey',
  11600: 'InterruptedAtShutdown',
  11601: 'Interrupted',
  11602: 'InterruptedDueToReplStateChange',
  13435: 'NotPrimaryNoSecondaryOk',
  13436: 'NotPrimaryOrSecondary',
  13388: 'StaleConfig',
  40415: 'IDLUnknownField',
  91: 'ShutdownInProgress',
  6: 'HostUnreachable',
  7: 'HostNotFound',
  64: 'WriteConcernTimeout',
  94: 'NotYetInitialized',
  100: 'UnsatisfiableWriteConcern',
}

export function codeName(code: number): string {
  return CODE_NAMES[code] ?? `Location${code}`
}

/** What a command answers instead of a result. `details` are fields of the error reply beside code and message. */
export class CommandError extends OplensError {
  readonly errorCode: number
  readonly details: Document

  constructor(errorCode: number, message: string, details: Document = {}) {
    super(message, { code: 'OPL_DEMO_COMMAND', origin: 'upstream' })
    this.errorCode = errorCode
    this.details = details
  }
}

/** Any failure as `{ok: 0, …}`; what is not ours is the query engine's or BSON's and answers InternalError with its words. */
export function errorReply(error: unknown): Document {
  const known = error instanceof CommandError ? error : new CommandError(1, messageOf(error))
  return {
    ok: 0,
    errmsg: known.message,
    code: known.errorCode,
    codeName: codeName(known.errorCode),
    ...known.details,
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
