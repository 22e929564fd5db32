/** What an error means for whoever reads a dashboard; the first of an exchange's error labels. */
export type ErrorClass =
  | 'throttled'
  | 'condition'
  | 'validation'
  | 'cancelled'
  | 'conflict'
  | 'not_found'
  | 'access_denied'
  | 'limit'
  | 'server'
  | 'other'

/** Names of exceptions, and codes of single items and statements, which leave `Exception` out. */
const CLASSES: readonly (readonly [ErrorClass, readonly string[]])[] = [
  [
    'throttled',
    [
      'ProvisionedThroughputExceededException',
      'ProvisionedThroughputExceeded',
      'ThrottlingException',
      'ThrottlingError',
      'Throttling',
      'ThrottledException',
      'RequestLimitExceeded',
      'RequestLimitExceededException',
      'TooManyRequestsException',
    ],
  ],
  [
    'condition',
    ['ConditionalCheckFailedException', 'ConditionalCheckFailed', 'DuplicateItemException', 'DuplicateItem'],
  ],
  [
    'validation',
    [
      'ValidationException',
      'ValidationError',
      'SerializationException',
      'UnknownOperationException',
      'InvalidEndpointException',
      'InvalidExportTimeException',
      'InvalidRestoreTimeException',
      'MissingParameterException',
      'InvalidParameterValueException',
      'RequestEntityTooLargeException',
    ],
  ],
  ['cancelled', ['TransactionCanceledException']],
  [
    'conflict',
    [
      'TransactionConflictException',
      'TransactionConflict',
      'TransactionInProgressException',
      'IdempotentParameterMismatchException',
      'ReplicatedWriteConflictException',
      'ResourceInUseException',
      'TableInUseException',
      'BackupInUseException',
      'ExportConflictException',
      'ImportConflictException',
      'TableAlreadyExistsException',
      'GlobalTableAlreadyExistsException',
      'ReplicaAlreadyExistsException',
    ],
  ],
  [
    'not_found',
    [
      'ResourceNotFoundException',
      'ResourceNotFound',
      'TableNotFoundException',
      'IndexNotFoundException',
      'BackupNotFoundException',
      'ExportNotFoundException',
      'ImportNotFoundException',
      'GlobalTableNotFoundException',
      'ReplicaNotFoundException',
      'PolicyNotFoundException',
      'ContinuousBackupsUnavailableException',
      'PointInTimeRecoveryUnavailableException',
    ],
  ],
  [
    'access_denied',
    [
      'AccessDeniedException',
      'AccessDenied',
      'UnrecognizedClientException',
      'IncompleteSignatureException',
      'InvalidSignatureException',
      'MissingAuthenticationTokenException',
      'ExpiredTokenException',
      'OptInRequired',
      'InvalidClientTokenId',
      'SignatureDoesNotMatch',
    ],
  ],
  [
    'limit',
    [
      'LimitExceededException',
      'ItemCollectionSizeLimitExceededException',
      'ItemCollectionSizeLimitExceeded',
      'ExpiredIteratorException',
      'TrimmedDataAccessException',
    ],
  ],
  [
    'server',
    [
      'InternalServerError',
      'InternalServerErrorException',
      'InternalFailure',
      'ServiceUnavailable',
      'ServiceUnavailableException',
    ],
  ],
]

const classes = new Map(CLASSES.flatMap(([kind, names]) => names.map((name) => [name, kind] as const)))
const NAME = /^[A-Za-z][A-Za-z0-9]{0,79}$/

const MAX_NAMES = 512

/** Names of exceptions, one string each; bounded. */
export class ErrorNames {
  readonly #names = new Map<string, string>()

  /**
   * The exception's name out of `__type`, or of the header `x-amzn-errortype`, which adds `:` and an address: what stands behind
   * the namespace's `#`. '' for what is no name.
   */
  get(type: string): string {
    const known = this.#names.get(type)
    if (known !== undefined) return known
    const name = type.slice(type.lastIndexOf('#') + 1).split(':', 1)[0] ?? ''
    if (!NAME.test(name)) return ''
    if (this.#names.size >= MAX_NAMES) this.#names.clear()
    this.#names.set(type, name)
    return name
  }
}

export function errorClass(name: string, status: number): ErrorClass {
  return classes.get(name) ?? (status >= 500 ? 'server' : status === 429 ? 'throttled' : 'other')
}
