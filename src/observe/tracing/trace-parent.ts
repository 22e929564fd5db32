/** The span that an operation belongs to, in its client. */
export interface TraceParent {
  readonly traceId: string
  readonly spanId: string
  readonly isSampled: boolean
}

/** W3C Trace Context, section 3.2.2: what version 00 says, and what later ones keep of it. */
const TRACE_PARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** undefined when it names no span: an operation without a parent. */
export function parseTraceParent(text: string): TraceParent | undefined {
  if (text === '') return undefined
  const match = TRACE_PARENT.exec(text)
  if (match === null) return undefined
  const [, version, traceId = '', spanId = '', flags = '', rest] = match
  if (version === '00' && rest !== undefined) return undefined
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 }
}
