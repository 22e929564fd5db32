/** Of a listener; 0 is off, each. Milliseconds. */
export interface HttpTimeouts {
  /** From a request's first byte (of a connection's first request: from accept) to the end of its head. */
  readonly headMs: number
  /** From a request's last byte to its reply's head. */
  readonly requestMs: number
  /** Without a byte either way while a request is open, or a reply is not taken. */
  readonly streamIdleMs: number
  /** Between two requests. */
  readonly idleMs: number
}

/** Where a connection is, by the times that matter; 0 is not yet. */
export interface Progress {
  /** A request is open, or what answered the last one is not taken. */
  readonly isBusy: boolean
  /** Since when a head is awaited or incomplete. */
  readonly headSinceMs: number
  /** Since when the upstream has the whole request and owes the head of its reply. */
  readonly waitsSinceMs: number
  readonly activeAtMs: number
}

export type Overdue = 'head' | 'reply' | 'stalled' | 'idle'

/** What has taken too long. */
export function overdue(timeouts: HttpTimeouts, at: Progress, nowMs: number): Overdue | undefined {
  const isPast = (timeoutMs: number, sinceMs: number) => timeoutMs > 0 && sinceMs > 0 && nowMs - sinceMs >= timeoutMs
  if (at.isBusy) {
    if (isPast(timeouts.requestMs, at.waitsSinceMs)) return 'reply'
    return isPast(timeouts.streamIdleMs, at.activeAtMs) ? 'stalled' : undefined
  }
  if (at.headSinceMs > 0) return isPast(timeouts.headMs, at.headSinceMs) ? 'head' : undefined
  return isPast(timeouts.idleMs, at.activeAtMs) ? 'idle' : undefined
}
