import type { Socket } from 'node:net'
import type { HostHealth } from './health.js'
import type { OutcomeKind } from './outcome.js'
import type { HostStats } from './stats.js'
import type { TopologyRole, TopologyView } from './topology.js'

export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** `host:port`, `[v6]:port` or `unix:/path`. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

/** What is known of a host now; changes in place, as its stats do. */
export interface HostState {
  /** Of a member whose cluster has a topology; '' where nobody asks. */
  role: TopologyRole | ''
  /** Of hosts that are actively checked. */
  health?: HostHealth | undefined
}

export interface Host {
  /** The address as text, or the member's own name in a cluster with a topology: what users see in labels, logs and pages. */
  readonly name: string
  readonly address: Address
  /** The name that a certificate must carry when it differs from the address (a DNS name that resolved to it); '' otherwise. */
  readonly hostname: string
  readonly weight: number
  readonly stats: HostStats
  readonly state: HostState
}

/** Immutable; replaced whole whenever discovery or health changes the picture. */
export interface HostSet {
  /** Counts up with each replacement, from 1. */
  readonly version: number
  readonly all: readonly Host[]
  /** Those that discovery takes for usable and no health check found unhealthy. With none, balancers choose from all (panic). */
  readonly usable: readonly Host[]
}

export interface PickWant {
  /** Hosts that failed already in this attempt. */
  readonly not?: ReadonlySet<Host>
}

/** An answer of a balancer for one host set; picks without allocation. */
export interface Picker {
  pick(want: PickWant): Host | undefined
}

export interface LoadBalancer {
  /** The word in `load_balancer:` of a cluster. */
  readonly type: string
  build(usable: readonly Host[]): Picker
}

/** One connection's hold on a host. Counts in the host's load until released. */
export interface Lease {
  readonly host: Host
  operationStarted(): void
  /** So breakers and outlier detection count operations on long-lived connections, without an object per operation. */
  operationEnded(outcome: OutcomeKind, durationMs: number): void
  /** Exactly once. */
  release(): void
}

/** Reads into a buffer of the caller's, so that a small reply costs no allocation; see `net.connect`'s `onread`. */
export interface OnRead {
  readonly buffer: () => Uint8Array
  readonly callback: (bytesRead: number, buffer: Uint8Array) => boolean
}

export interface UpstreamConnection {
  readonly socket: Socket
  readonly lease: Lease
}

/** Whom a connection is for. Never widened: a member's connection goes to no other, a primary's to nobody who is none. */
export type Target =
  | { readonly kind: 'any' }
  /** Waits for one, up to the cluster's `primary_timeout`. */
  | { readonly kind: 'primary' }
  /** By the member's own name, as the topology has it. */
  | { readonly kind: 'member'; readonly name: string }
  /** One that `choose` gave. */
  | { readonly kind: 'host'; readonly host: Host }

export interface ConnectOptions {
  readonly signal: AbortSignal
  readonly onRead?: OnRead
  /** Default: any. */
  readonly target?: Target
}

/** Circuit breakers on requests. Each `true` is paid back once. */
export interface RequestBudget {
  /** False, and counted, when `max_requests` are in flight. */
  start(): boolean
  end(): void
  /** One more try of a request that failed; false, and counted, when `max_retries` are in flight. */
  startRetry(): boolean
  endRetry(): void
}

export interface Cluster {
  readonly name: string
  readonly hosts: HostSet
  /** Of clusters whose members are watched. */
  readonly topology: TopologyView | undefined
  /** For protocols whose connections are shared by clients: asks for each request. */
  readonly requests: RequestBudget
  /** How many hosts a connection, or a request, is tried on. */
  readonly maxConnectAttempts: number
  /**
   * The balancer's choice for one request, which a connection that stands already may carry; undefined when no host is usable
   * (counted), or all of them are in `want.not`. Nothing is leased.
   */
  choose(want: PickWant): Host | undefined
  /** Until discovery has answered once, well or badly, or its time is up; undefined when it has. Never rejects. */
  whenDiscovered(signal: AbortSignal): Promise<void> | undefined
  /** Called after each replacement of `hosts`. Returns how to stop. */
  onHostsChanged(listener: (hosts: HostSet) => void): () => void
  /**
   * Lease a host and connect to it (TLS included when configured); a host that fails is left for the next one, up to
   * `max_connect_attempts` tries. `onRead` is used on plain TCP only; without it (and on TLS) the socket emits `data`.
   * The socket comes paused, with half-open allowed.
   * @throws UpstreamError `no_usable_host` | `member_down` | `no_primary` | `overflow` | `connect_failed` | `connect_timeout`; the
   * error names the last host and its reason
   */
  connect(options: ConnectOptions): Promise<UpstreamConnection>
  /** Discovery and timers end; leased connections are not touched. */
  close(): void
}
