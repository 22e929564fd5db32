import type { Document } from 'bson'

const NOT_WRITABLE = [10107, 13435, 10058]
const RECOVERING = [11600, 11602, 13436, 189, 91]

/** With these a client learns that the topology is not what it thought. (SDAM specification, "not writable primary") */
const STATE_CHANGES: ReadonlySet<number> = new Set([...NOT_WRITABLE, ...RECOVERING])

/** (Retryable writes specification, "RetryableError Labels") */
const RETRYABLE: ReadonlySet<number> = new Set([10107, 13435, ...RECOVERING, 262, 9001, 6, 7, 89])

export const isStateChange = (code: unknown): boolean => STATE_CHANGES.has(Number(code))

/** Labels that a member adds to the reply of a retryable write, unless a fail point gave some. */
export function writeLabels(reply: Document): { readonly errorLabels?: readonly string[] } {
  if (reply.errorLabels !== undefined) return {}
  const isRefused = RETRYABLE.has(Number(reply.code))
  if (!isRefused && !RETRYABLE.has(Number(reply.writeConcernError?.code))) return {}
  // An interrupted write may have been done on this member, and is then rolled back: only a refused one surely was not.
  const wasUntouched = isRefused && reply.code !== 11602
  return { errorLabels: wasUntouched ? ['RetryableWriteError', 'NoWritesPerformed'] : ['RetryableWriteError'] }
}
