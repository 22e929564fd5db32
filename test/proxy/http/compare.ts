import { HTTP_REASONS } from '../../../src/proxy/http/reasons.js'
import type { Oracle } from './llhttp.js'
import type { Message, Side, Transcript } from './play.js'

export type Aspect = 'line' | 'fields' | 'payload' | 'end' | 'trailers' | 'keep-alive' | 'verdict'

export type Difference =
  | { readonly kind: 'same' }
  /** We refuse what llhttp takes, or waits for the rest of. */
  | { readonly kind: 'stricter'; readonly reason: string }
  /** llhttp refuses what we take, or wait for the rest of. */
  | { readonly kind: 'laxer'; readonly code: string; readonly index: number }
  /** Both took a message and see something else in it. */
  | { readonly kind: 'disagree'; readonly aspect: Aspect; readonly index: number }

const SAME: Difference = { kind: 'same' }

/** Where two readers of the same bytes part. */
export function compare(side: Side, ours: Transcript, theirs: Oracle): Difference {
  const count = Math.min(ours.messages.length, theirs.messages.length)
  for (let i = 0; i < count; i++) {
    const aspect = differenceOf(side, ours.messages[i] as Message, theirs.messages[i] as Message)
    if (aspect !== undefined) return { kind: 'disagree', aspect, index: i }
  }
  const isRefused = Object.hasOwn(HTTP_REASONS, ours.verdict) && ours.verdict !== 'truncated_message'
  // A head or trailers are held until they are whole, and were not: nothing of them was taken, wherever llhttp saw what they are.
  const isWaiting = ours.verdict === 'truncated_message' && ours.heldAtEnd > 0
  if (theirs.isRefused && isWaiting && !isBehind(theirs, ours)) return SAME
  if (theirs.isRefused && (!isRefused || isBehind(theirs, ours)))
    return { kind: 'laxer', code: theirs.verdict, index: theirs.messages.length - 1 }
  if (isRefused && (!theirs.isRefused || isBehind(ours, theirs))) return { kind: 'stricter', reason: ours.verdict }
  if (isRefused || ours.verdict === theirs.verdict) return SAME
  return { kind: 'disagree', aspect: 'verdict', index: count - 1 }
}

/** Whether `a` was refused before a message that `b` took whole. */
function isBehind(a: Transcript, b: Transcript): boolean {
  const whole = ({ messages }: Transcript) => messages.filter((message) => message.end >= 0).length
  return whole(a) < whole(b)
}

function differenceOf(side: Side, a: Message, b: Message): Aspect | undefined {
  if (a.line !== b.line) return 'line'
  if (JSON.stringify(a.fields) !== JSON.stringify(b.fields)) return 'fields'
  // Of a message that one of them did not finish, the other may have read more.
  if (a.end < 0 || b.end < 0) {
    return a.payload.startsWith(b.payload) || b.payload.startsWith(a.payload) ? undefined : 'payload'
  }
  if (a.payload !== b.payload) return 'payload'
  if (a.end !== b.end) return 'end'
  if (JSON.stringify(a.trailers) !== JSON.stringify(b.trailers)) return 'trailers'
  // Of an interim reply it means nothing to us.
  const isInterim = side === 'reply' && a.line.startsWith('1')
  return a.keepAlive === b.keepAlive || isInterim ? undefined : 'keep-alive'
}
