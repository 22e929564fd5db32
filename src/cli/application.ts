import type { LoadedConfig } from '../config/load.js'
import type { Clock, Random } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import type { TopologyKind, TopologyRole } from '../core/topology.js'
import type { Address } from '../core/upstream.js'
import type { configParts } from './config-parts.js'

/** The composition root by what the commands need of it, so that they can be tested without it and it can change behind this file. */
export interface Application {
  /** @throws when an address can't be bound; nothing listens then */
  start(): Promise<Started>
  /** What is behind the listeners that follow a replica set, once it is known, or when the time is up. */
  learnMembers(maxMs: number): Promise<readonly LedTo[]>
  /** No new connections, operations in flight end, the rest is cut at the deadline. */
  drain(): Promise<{ readonly cut: number }>
  /** Opens files that it writes anew, after they were moved away. @returns whether it writes any */
  reopenFiles(): boolean
  /** What was counted so far, by collection and command. */
  operations(): readonly OperationTotals[]
  /** The same by table, of databases whose operations name several. */
  tables(): readonly TableTotals[]
  close(): Promise<void> | void
}

export interface Started {
  readonly listeners: readonly StartedListener[]
  readonly admin: Address | undefined
}

/** What clients of a listener are led to. */
export interface LedTo {
  readonly listener: string
  readonly mode: 'members' | 'primary'
  readonly kind: TopologyKind
  readonly setName: string
  /** `address` is where clients reach it; '' when they can't. */
  readonly members: readonly { readonly member: string; readonly role: TopologyRole; readonly address: string }[]
}

export interface StartedListener {
  readonly name: string
  readonly protocol: string
  readonly cluster: string
  readonly address: Address
}

/** One command on one collection since the start. */
export interface OperationTotals {
  readonly database: string
  readonly collection: string
  /** Of operations over several, which have no collection of their own. */
  readonly tables: readonly string[]
  readonly command: string
  /** The driver's own: hello, ping, authentication. */
  readonly isControl: boolean
  readonly operations: number
  readonly errors: number
  /** null when nothing was timed. */
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
  readonly documentsReturned: number
  readonly documentsSent: number
  /** Of protocols inside HTTP. */
  readonly calls: {
    readonly readUnits: number
    readonly writeUnits: number
    readonly throttled: number
    readonly retries: number
  } | null
}

export interface TableTotals {
  readonly table: string
  readonly operations: number
  readonly errors: number
}

export interface ApplicationDeps {
  readonly loaded: LoadedConfig<typeof configParts>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly version: string
  /** Someone asked for the end on the admin address. */
  readonly onDrainAsked: () => void
}

export type CreateApplication = (deps: ApplicationDeps) => Application
