import type { HttpHeaders } from '../../core/http.js'

/**
 * W3C Trace Context, section 3.2: version 00, and later ones with what they may add behind it. Lower case; `ff` is no version,
 * ids of zeros alone are none.
 */
const TRACE_PARENT =
  /^(?:00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}|(?!00|ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[\x21-\x7e]{0,64})?)$/
/** `traceparent='00-…'` and `traceparent=00-…`, as sqlcommenter writes them; what is not plain may be in percent-encoding. */
const IN_COMMENT =
  /traceparent(?:=|%3D)['"]?(?:%2[27])?([0-9a-f]{2}(?:-|%2D)[0-9a-f]{32}(?:-|%2D)[0-9a-f]{16}(?:-|%2D)[0-9a-f]{2})(?![0-9a-zA-Z-])/
/** Shorter ones hold no traceparent. */
const MIN_CHARS = 55

/** `text` when it is a valid traceparent; '' when it isn't. */
export function validTraceParent(text: string): string {
  return text.length >= MIN_CHARS && TRACE_PARENT.test(text) ? text : ''
}

/** The valid traceparent that a comment is, or holds; '' when there is none. */
export function traceParentIn(comment: string): string {
  if (comment.length < MIN_CHARS) return ''
  const found = IN_COMMENT.exec(comment)?.[1]
  return validTraceParent(found === undefined ? comment : found.replaceAll('%2D', '-'))
}

/** '' when there is none, or none that could be one: a header may hold anything. */
export function traceParentOf(headers: HttpHeaders): string {
  return validTraceParent(headers.get('traceparent') ?? '')
}
