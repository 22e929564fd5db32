import type { OutcomeKind } from '../core/outcome.js'

/** The embedded replica set and its workload by what the command needs of them. */
export interface DemoBackend {
  startSet(): Promise<DemoSet>
  /** Resolves when `signal` aborts or the time is over, with what it counted itself; rejects when the server can't be reached. */
  runWorkload(options: WorkloadOptions): Promise<readonly WorkloadRow[]>
}

export interface DemoSet {
  /** Of its members themselves, past any proxy. */
  readonly uri: string
  readonly setName: string
  /** The next member becomes the primary. @returns its name */
  elect(): string
  close(): Promise<void>
}

export interface WorkloadOptions {
  readonly uri: string
  /** undefined: until the signal. */
  readonly seconds: number | undefined
  /** Operations per second. */
  readonly rate: number
  readonly signal: AbortSignal
}

/** What the driver says it did: one row for each command, collection and outcome. */
export interface WorkloadRow {
  readonly command: string
  readonly database: string
  readonly collection: string
  readonly outcome: OutcomeKind
  readonly count: number
}
