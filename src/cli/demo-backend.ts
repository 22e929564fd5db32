import type { OutcomeKind } from '../core/outcome.js'

/** The embedded databases and their workloads by what the command needs of them. */
export interface DemoBackend {
  startSet(): Promise<DemoSet>
  startDynamo(): Promise<DemoDynamo>
  /** Both resolve when `signal` aborts or the time is over, with what they counted themselves; they reject when the server can't be reached. */
  runMongo(uri: string, options: WorkloadOptions): Promise<readonly WorkloadRow[]>
  runDynamo(endpoint: string, options: WorkloadOptions): Promise<readonly WorkloadRow[]>
}

export interface DemoSet {
  /** Of its members themselves, past any proxy. */
  readonly uri: string
  readonly setName: string
  /** The next member becomes the primary. @returns its name */
  elect(): string
  close(): Promise<void>
}

export interface DemoDynamo {
  /** `host:port`, past any proxy. */
  readonly address: string
  close(): Promise<void>
}

export interface WorkloadOptions {
  /** undefined: until the signal. */
  readonly seconds: number | undefined
  /** Operations per second. */
  readonly rate: number
  /** Base URL of an OTLP/HTTP collector. */
  readonly collector?: string | undefined
  readonly signal: AbortSignal
}

/** What the driver says it did: one row for each command, its collection or tables, and outcome. */
export interface WorkloadRow {
  /** OpenTelemetry's `db.system.name`. */
  readonly protocol: string
  readonly command: string
  readonly database: string
  /** '' when it is over several tables. */
  readonly collection: string
  /** Of databases that have tables. */
  readonly tables: readonly string[]
  readonly outcome: OutcomeKind
  readonly count: number
}
