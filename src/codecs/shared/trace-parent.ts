import type { HttpHeaders } from '../../core/http.js'

/** W3C Trace Context, section 3.2: version 00, and what later ones may add behind it. */
const TRACE_PARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-[\x21-\x7e]{0,64})?$/

/** '' when there is none, or none that could be one: a header may hold anything. */
export function traceParentOf(headers: HttpHeaders): string {
  const text = headers.get('traceparent')
  return text !== undefined && TRACE_PARENT.test(text) ? text : ''
}
