import { randomUUID } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { HttpRefusal, HttpReply } from '../../core/http.js'
import type { OperationInfo } from './operations.js'

const SERVICE = 'com.amazonaws.dynamodb.v20120810#'
const CORAL = 'com.amazon.coral.service#'

/** What the service would say; SDKs retry by the exception's name and by the status. */
interface Answer {
  readonly status: number
  readonly type: string
}

function answer(kind: HttpRefusal['kind'], operation: OperationInfo): Answer {
  switch (kind) {
    case 'throttled':
      return { status: 400, type: SERVICE + operation.throttle }
    case 'denied':
      return { status: 400, type: `${CORAL}AccessDeniedException` }
    case 'unavailable':
      return { status: 503, type: `${SERVICE}ServiceUnavailable` }
    case 'timeout':
      // It may have been done: so it is with the service's own 500 and 504, which SDKs retry too.
      return { status: 504, type: `${SERVICE}InternalServerError` }
    default: {
      const never: never = kind
      throw new Error(`no such refusal: ${String(never)}`)
    }
  }
}

/**
 * An answer in DynamoDB's place. (Developer guide, "Error handling with DynamoDB") Throttled, unavailable and timeout are
 * retried by every AWS SDK with its backoff; denied is not. Some SDKs check `x-amz-crc32`: it is of the body as it is sent.
 */
export function refusalReply(refusal: HttpRefusal, operation: OperationInfo): HttpReply {
  const { status, type } = answer(refusal.kind, operation)
  const body = Buffer.from(JSON.stringify({ __type: type, message: refusal.message }))
  return {
    status,
    headers: [
      ['content-type', 'application/x-amz-json-1.0'],
      ['x-amzn-requestid', randomUUID()],
      ['x-amz-crc32', String(crc32(body))],
    ],
    body,
  }
}
