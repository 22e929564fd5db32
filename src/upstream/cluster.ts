import type { Clock, Timer } from '../core/clock.js'
import { UpstreamError, type UpstreamFailure } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import type { ClusterStats } from '../core/stats.js'
import type {
  Cluster,
  Host,
  HostSet,
  LoadBalancer,
  OnRead,
  Picker,
  PickWant,
  UpstreamConnection,
} from '../core/upstream.js'
import type { Discovery } from './discovery/discovery.js'
import type { Endpoint } from './host.js'
import { diffHostSets, NO_HOSTS, nextHostSet } from './host-set.js'
import { HostLease } from './lease.js'
import type { DialResult, TcpConnector } from './tcp-connector.js'

export interface TcpClusterParts {
  readonly name: string
  readonly maxConnectAttempts: number
  /** How long a connection waits for discovery's first answer. */
  readonly discoveryTimeoutMs: number
  readonly discovery: Discovery
  readonly loadBalancer: LoadBalancer
  readonly connector: TcpConnector
  readonly clock: Clock
  readonly logger: Logger
  readonly stats: ClusterStats
  /** Hosts of the cluster that it replaces: those that stay keep their objects. */
  readonly previousHosts?: HostSet
  /** Ends what came with the cluster, such as the watch on its certificates. */
  readonly onClose: () => void
}

interface ConnectWant {
  readonly signal: AbortSignal
  readonly onRead?: OnRead
}

const ANY_HOST: PickWant = Object.freeze({})

/** A cluster whose members are reached over TCP, TLS or Unix sockets. */
export class TcpCluster implements Cluster {
  readonly name: string
  readonly stats: ClusterStats
  readonly #parts: TcpClusterParts
  readonly #listeners = new Set<(hosts: HostSet) => void>()
  readonly #waiting = new Set<() => void>()
  #isDiscovered = false
  #hosts: HostSet
  #picker: Picker

  constructor(parts: TcpClusterParts) {
    this.name = parts.name
    this.#parts = parts
    this.stats = parts.stats
    this.#hosts = parts.previousHosts ?? NO_HOSTS
    this.#picker = parts.loadBalancer.build(this.#hosts.usable)
    parts.discovery.start({
      found: (endpoints) => this.#replaceHosts(endpoints),
      failed: (reason) => this.#discoveryFailed(reason),
    })
  }

  get hosts(): HostSet {
    return this.#hosts
  }

  /** The word of the config. */
  get loadBalancer(): string {
    return this.#parts.loadBalancer.type
  }

  onHostsChanged(listener: (hosts: HostSet) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async connect(want: ConnectWant): Promise<UpstreamConnection> {
    if (!this.#isDiscovered && this.#hosts.version === 0) await this.#firstAnswer(want.signal)
    let failure: UpstreamError | undefined
    let failed: Set<Host> | undefined
    for (let attempt = 1; attempt <= this.#parts.maxConnectAttempts; attempt++) {
      const host = this.#picker.pick(failed === undefined ? ANY_HOST : { not: failed })
      if (host === undefined) break
      if (failure !== undefined) this.stats.connectRetries++
      const lease = new HostLease(host)
      const result = await this.#parts.connector.dial(host, want)
      if (result.kind === 'connected') return { socket: result.socket, lease }
      lease.release()
      failure = this.#attemptFailed(host, result)
      if (result.kind === 'aborted') throw failure
      failed ??= new Set()
      failed.add(host)
    }
    if (failure !== undefined) throw failure
    this.stats.noUsableHost++
    throw new UpstreamError('no_usable_host', '', `Cluster ${this.name} has no usable host`)
  }

  close(): void {
    this.#parts.discovery.close()
    this.#parts.onClose()
    this.#listeners.clear()
    this.#wake()
  }

  #attemptFailed(host: Host, result: Exclude<DialResult, { kind: 'connected' }>): UpstreamError {
    const failure = failureOf(result)
    if (failure !== 'aborted') host.stats.connectFailures++
    if (failure === 'connect_timeout') host.stats.connectTimeouts++
    const cause = result.kind === 'failed' ? result.error : undefined
    const error = new UpstreamError(failure, host.name, `Connecting to ${host.name}: ${reasonOf(result)}`, cause)
    this.#parts.logger.debug({ cluster: this.name, host: host.name, reason: error.message }, 'Connect attempt failed')
    return error
  }

  #replaceHosts(endpoints: readonly Endpoint[]): void {
    const before = this.#hosts
    const after = nextHostSet(before, endpoints)
    this.#isDiscovered = true
    if (after !== before) {
      this.#hosts = after
      this.#picker = this.#parts.loadBalancer.build(after.usable)
      this.#tellChange(before, after)
    }
    this.#wake()
  }

  #tellChange(before: HostSet, after: HostSet): void {
    const { added, removed } = diffHostSets(before, after)
    if (before.version > 0) {
      this.stats.membershipChanges++
      const names = { added: added.map((host) => host.name), removed: removed.map((host) => host.name) }
      this.#parts.logger.info({ cluster: this.name, ...names }, 'Hosts of the cluster changed')
    }
    for (const listener of this.#listeners) listener(after)
  }

  #discoveryFailed(reason: string): void {
    this.stats.discoveryFailures++
    this.#isDiscovered = true
    const kept = this.#hosts.all.length
    this.#parts.logger.warn({ cluster: this.name, reason, kept }, 'Hosts could not be discovered, the known ones stay')
    this.#wake()
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake()
  }

  /** Until discovery has answered at all, well or badly, or the caller has left, or time is up. */
  #firstAnswer(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        timer.cancel()
        signal.removeEventListener('abort', wake)
        this.#waiting.delete(wake)
        resolve()
      }
      const timer: Timer = this.#parts.clock.after(this.#parts.discoveryTimeoutMs, wake)
      signal.addEventListener('abort', wake)
      this.#waiting.add(wake)
    })
  }
}

function failureOf(result: Exclude<DialResult, { kind: 'connected' }>): UpstreamFailure {
  switch (result.kind) {
    case 'failed':
      return 'connect_failed'
    case 'timeout':
      return 'connect_timeout'
    case 'aborted':
      return 'aborted'
    default:
      return result satisfies never
  }
}

function reasonOf(result: Exclude<DialResult, { kind: 'connected' }>): string {
  switch (result.kind) {
    case 'failed':
      return describe(result.error)
    case 'timeout':
      return 'no answer in time'
    case 'aborted':
      return 'the client left'
    default:
      return result satisfies never
  }
}

/** A name with several addresses fails with one error for all of them, whose own message is empty. */
function describe(error: Error): string {
  if (!(error instanceof AggregateError)) return error.message
  return error.errors.map((one: unknown) => (one instanceof Error ? one.message : String(one))).join(', ')
}
