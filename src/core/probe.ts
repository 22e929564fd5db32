/** How a member of a cluster is asked what it is. Pure like a codec: `upstream/` dials and keeps time, a probe only speaks. */

export type MemberRole =
  | 'primary'
  | 'secondary'
  | 'arbiter'
  /** In a set, but of no use now: starting, recovering, removed. */
  | 'other'
  /** No set at all. */
  | 'standalone'
  /** Speaks for a whole cluster of its own (mongos). */
  | 'router'

/** Where a primary stands in the order of elections; only its own probe can read it. */
export type Epoch = { readonly opaque: unknown }

/** What one member said of itself in one reply. Names are normalised by the probe: lower case, with port. */
export interface MemberReport {
  readonly role: MemberRole
  /** The member's own name for itself; '' when it gives none. */
  readonly name: string
  readonly setName: string
  /** All members that it knows, itself included, in its order; empty when it names none. */
  readonly peers: readonly string[]
  /** Of `peers`, those that only vote. */
  readonly arbiters: readonly string[]
  /** Whom it takes for the primary; '' when it doesn't know. */
  readonly primaryName: string
  readonly isHidden: boolean
  readonly tags: ReadonlyMap<string, string>
  /** When its data was last written, milliseconds since the epoch; 0 when it doesn't say. */
  readonly lastWriteWallMs: number
  /** Set on a primary that takes part in elections. */
  readonly epoch: Epoch | undefined
  /** For `Probe.isOutdated`; undefined when the member has no such thing. */
  readonly version: { readonly opaque: unknown } | undefined
}

/** The dialogue on one probe connection. */
export interface ProbeSession {
  /**
   * What to send next.
   * @param maxAwaitMs how long the member may wait for news before it answers; 0 asks for an answer at once
   */
  request(maxAwaitMs: number): Buffer
  /**
   * Bytes from the member, in any cut.
   * @returns a report for each reply that these bytes completed
   * @throws DecodeError when the member does not speak the protocol, or answered with an error
   */
  push(chunk: Buffer): readonly MemberReport[]
  /** The member will send the next report unasked: do not call `request` until this is false again. */
  readonly isStreaming: boolean
}

export interface Probe {
  open(): ProbeSession
  /** A member's name as reports have it, from how people write it: lower case, with the port. */
  normalize(name: string): string
  /** Negative when `a` was elected before `b`, positive when after, 0 when they can't be told apart. */
  compareEpochs(a: Epoch, b: Epoch): number
  /** `next` came over another connection and tells an older state than `last`, of the same process. */
  isOutdated(next: MemberReport, last: MemberReport): boolean
}
