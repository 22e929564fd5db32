import type { ConnectionInfo } from '../../core/connection.js'
import type { HttpHeaders } from '../../core/http.js'

/** An AWS SDK, its own name for itself first: `aws-sdk-js/3.1164.0 ua/2.1 os/linux#6.1 lang/js … app/shop`. */
const SDK = /^(aws-sdk-[\w-]{1,40}|Boto3|Botocore|aws-cli)\/([\w.+-]{1,40})/
const APPLICATION = /(?:^|\s)app\/([\w!#$%&'*+.^`|~-]{1,50})(?=\s|$)/
const ATTEMPT = /(?:^|;)\s*attempt=(\d{1,4})\s*(?:;|$)/

/**
 * Driver and application, from a User-Agent that is an AWS SDK's. Read at the first request of a connection: the SDKs pool
 * connections per client object, so that all requests of one say the same.
 */
export function noteClient(connection: ConnectionInfo, headers: HttpHeaders): void {
  if (connection.driver !== '') return
  // Browsers don't let a page set the other one.
  const agent = headers.get('x-amz-user-agent') ?? ''
  const found = SDK.exec(headers.get('user-agent') ?? '') ?? SDK.exec(agent)
  if (found === null) return
  connection.driver = found[1] ?? ''
  connection.driverVersion = found[2] ?? ''
  connection.application = APPLICATION.exec(found.input)?.[1] ?? APPLICATION.exec(agent)?.[1] ?? ''
}

/** `amz-sdk-request: attempt=2; max=3` → 2; 0 when it does not say. */
export function attemptOf(headers: HttpHeaders): number {
  const text = headers.get('amz-sdk-request')
  if (text === undefined) return 0
  // As every SDK writes a first try; the expression costs ten times as much.
  if (text.startsWith('attempt=1;')) return 1
  return Number(ATTEMPT.exec(text)?.[1] ?? 0)
}
