/** The span that an operation belongs to, in its client. */
export interface TraceParent {
  readonly traceId: string
  readonly spanId: string
  readonly isSampled: boolean
}

/** W3C Trace Context, section 3.2.2: what version 00 says, and what later ones keep of it. */
const TRACE_PARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|-)/
const LENGTH = 55
const LAST_OF_FLAGS = 54

export type Sampled = 'yes' | 'no' | 'no_parent'

/** What the parent decided, without an allocation: asked for each operation of clients that trace. A malformed one is no parent. */
export function sampledByParent(text: string): Sampled {
  if (text === '' || !TRACE_PARENT.test(text)) return 'no_parent'
  // Version 00 has nothing behind its flags.
  if (text.length > LENGTH && text.startsWith('00')) return 'no_parent'
  const digit = text.charCodeAt(LAST_OF_FLAGS)
  // Odd codes are 1, 3, 5, 7 and 9, and of the letters b, d and f, whose codes are even.
  return (digit & 1) === (digit < 0x60 ? 1 : 0) ? 'yes' : 'no'
}

/** undefined when it names no span: an operation without a parent. */
export function parseTraceParent(text: string): TraceParent | undefined {
  const sampled = sampledByParent(text)
  if (sampled === 'no_parent') return undefined
  return { traceId: text.slice(3, 35), spanId: text.slice(36, 52), isSampled: sampled === 'yes' }
}
