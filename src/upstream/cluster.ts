import type { Clock, Timer } from '../core/clock.js'
import { UpstreamError, type UpstreamFailure } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import type { ClusterStats } from '../core/stats.js'
import type { TopologySnapshot, TopologyView } from '../core/topology.js'
import type {
  Cluster,
  ConnectOptions,
  Host,
  HostSet,
  LoadBalancer,
  Picker,
  PickWant,
  RequestBudget,
  UpstreamConnection,
} from '../core/upstream.js'
import type { CircuitBreaker } from './circuit-breaker.js'
import type { Discovery } from './discovery/discovery.js'
import type { HealthChecker } from './health/health-checker.js'
import type { Endpoint } from './host.js'
import { diffHostSets, NO_HOSTS, nextHostSet } from './host-set.js'
import { HostLease } from './lease.js'
import type { DialResult, TcpConnector } from './tcp-connector.js'
import { type ReadPreference, selectMembers } from './topology/selection.js'

export interface TcpClusterParts {
  readonly name: string
  readonly maxConnectAttempts: number
  /** How long a connection waits for discovery's first answer. */
  readonly discoveryTimeoutMs: number
  readonly primaryTimeoutMs: number
  readonly discovery: Discovery
  /** Undefined: nobody asks the hosts what they are. */
  readonly topology: TopologyView | undefined
  readonly readPreference: ReadPreference
  readonly breaker: CircuitBreaker
  /** Undefined: hosts are not checked. */
  readonly health: HealthChecker | undefined
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

const ANY_HOST: PickWant = Object.freeze({})
/** After a primary could not be reached, how long news of another one are waited for before it is tried again. */
const PRIMARY_RETRY_MS = 500

/** A cluster whose members are reached over TCP, TLS or Unix sockets. */
export class TcpCluster implements Cluster {
  readonly name: string
  readonly stats: ClusterStats
  readonly #parts: TcpClusterParts
  readonly #listeners = new Set<(hosts: HostSet) => void>()
  readonly #waiting = new Set<() => void>()
  #isDiscovered = false
  /** As discovery told them last. */
  #endpoints: readonly Endpoint[]
  #hosts: HostSet
  /** Of `#pickable`, which is what the balancer may choose from. */
  #picker: Picker
  #pickable: readonly Host[]

  constructor(parts: TcpClusterParts) {
    this.name = parts.name
    this.#parts = parts
    this.stats = parts.stats
    this.#hosts = parts.previousHosts ?? NO_HOSTS
    this.#endpoints = this.#hosts.all
    this.#pickable = pickableOf(this.#hosts)
    this.#picker = parts.loadBalancer.build(this.#pickable)
  }

  /** Discovery and health checks begin; once. */
  start(): void {
    this.#watchHealth()
    this.#parts.discovery.start({
      found: (endpoints) => this.#discovered(endpoints),
      failed: (reason) => this.#discoveryFailed(reason),
    })
  }

  get hosts(): HostSet {
    return this.#hosts
  }

  get topology(): TopologyView | undefined {
    return this.#parts.topology
  }

  get breaker(): CircuitBreaker {
    return this.#parts.breaker
  }

  get requests(): RequestBudget {
    return this.#parts.breaker
  }

  get maxConnectAttempts(): number {
    return this.#parts.maxConnectAttempts
  }

  /** The word of the config. */
  get loadBalancer(): string {
    return this.#parts.loadBalancer.type
  }

  onHostsChanged(listener: (hosts: HostSet) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  whenDiscovered(signal: AbortSignal): Promise<void> | undefined {
    return this.#isDiscovered || this.#hosts.version > 0 ? undefined : this.#firstAnswer(signal)
  }

  choose(want: PickWant): Host | undefined {
    const host = this.#currentPicker().pick(want)
    if (want.not === undefined) {
      if (host === undefined) this.stats.noUsableHost++
    } else if (host !== undefined) this.stats.connectRetries++
    return host
  }

  async connect(want: ConnectOptions): Promise<UpstreamConnection> {
    const discovery = this.whenDiscovered(want.signal)
    if (discovery !== undefined) await discovery
    // Nobody's fault, and nothing to count.
    if (want.signal.aborted) throw aborted(this.name)
    const { topology } = this.#parts
    const { target } = want
    if (target?.kind === 'member') return this.#connectMember(target.name, want)
    if (target?.kind === 'host') return this.#connectHost(target.host, want)
    // Of routers each will do, and none is a primary.
    const wantsPrimary = target?.kind === 'primary' && topology !== undefined && topology.snapshot.kind !== 'routers'
    return wantsPrimary ? this.#connectPrimary(topology, want) : this.#connectAny(want)
  }

  close(): void {
    this.#parts.discovery.close()
    this.#parts.health?.close()
    this.#parts.onClose()
    this.#listeners.clear()
    this.#wake()
  }

  async #connectAny(want: ConnectOptions): Promise<UpstreamConnection> {
    const picker = this.#currentPicker()
    let failure: UpstreamError | undefined
    let failed: Set<Host> | undefined
    for (let attempt = 1; attempt <= this.#parts.maxConnectAttempts; attempt++) {
      const host = picker.pick(failed === undefined ? ANY_HOST : { not: failed })
      if (host === undefined) break
      if (failure !== undefined) this.stats.connectRetries++
      const result = await this.#dial(host, want)
      if (!(result instanceof UpstreamError)) return result
      failure = result
      if (result.failure === 'aborted' || (result.failure === 'overflow' && result.host === '')) throw failure
      failed ??= new Set()
      failed.add(host)
    }
    if (failure !== undefined) throw failure
    this.stats.noUsableHost++
    throw new UpstreamError('no_usable_host', '', `Cluster ${this.name} has no usable host`)
  }

  /** To that one or to none: what is known to be down is not even dialled, so that its clients hear at once. */
  async #connectMember(name: string, want: ConnectOptions): Promise<UpstreamConnection> {
    const { topology } = this.#parts
    const member = topology?.snapshot.members.find((one) => one.name === name)
    const host = this.#hosts.all.find((one) => one.name === name)
    const isDown = member !== undefined && !member.isUp && member.reason !== ''
    if (host === undefined || isDown) {
      this.stats.memberDown++
      topology?.requestCheck(name)
      const reason = host === undefined ? 'it is no member of the cluster' : (member?.reason ?? '')
      throw new UpstreamError('member_down', name, `Member ${name} is down: ${reason}`)
    }
    return this.#connectHost(host, want)
  }

  async #connectHost(host: Host, want: ConnectOptions): Promise<UpstreamConnection> {
    const result = await this.#dial(host, want)
    if (result instanceof UpstreamError) throw result
    return result
  }

  /** To nobody else: a write that reaches another member fails at best. */
  async #connectPrimary(topology: TopologyView, want: ConnectOptions): Promise<UpstreamConnection> {
    const { clock, primaryTimeoutMs } = this.#parts
    const deadlineMs = clock.now() + primaryTimeoutMs
    const isPrimary = ({ name }: Host) => name === topology.snapshot.primary
    let failure: UpstreamError | undefined
    do {
      const host = await this.#awaitHost(topology, isPrimary, deadlineMs - clock.now(), want.signal)
      if (host === undefined) break
      const result = await this.#dial(host, want)
      if (!(result instanceof UpstreamError)) {
        if (isPrimary(host)) return result
        result.socket.destroy()
        result.lease.release()
        continue
      }
      failure = result
      if (result.failure === 'aborted' || result.failure === 'overflow') throw result
      this.stats.connectRetries++
      const { version } = topology.snapshot
      await this.#news(topology, (next) => next.version > version, PRIMARY_RETRY_MS, want.signal)
    } while (clock.now() < deadlineMs && !want.signal.aborted)
    if (want.signal.aborted) throw aborted(topology.snapshot.primary)
    if (failure !== undefined) throw failure
    this.stats.noPrimary++
    throw new UpstreamError('no_primary', '', `Cluster ${this.name} has no primary`)
  }

  async #awaitHost(topology: TopologyView, claim: (host: Host) => boolean, maxMs: number, signal: AbortSignal) {
    const find = () => this.#hosts.all.find(claim)
    if (find() === undefined) await this.#news(topology, ({ primary }) => primary !== '', maxMs, signal)
    return find()
  }

  /** Until the claim holds, time is up, or the caller has left; whichever comes first. */
  async #news(
    topology: TopologyView,
    claim: (snapshot: TopologySnapshot) => boolean,
    maxMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    if (maxMs <= 0) return
    const waiting = new AbortController()
    const end = () => waiting.abort()
    const timer = this.#parts.clock.after(maxMs, end)
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    // Rejects by our own signal alone: that is an end like the others.
    await topology.until(claim, waiting.signal).catch(() => undefined)
    timer.cancel()
    signal.removeEventListener('abort', end)
  }

  async #dial(host: Host, want: ConnectOptions): Promise<UpstreamConnection | UpstreamError> {
    const verdict = this.#parts.breaker.ask(host)
    if (verdict !== 'closed') {
      const name = verdict === 'cluster_open' ? '' : host.name
      const whose = name === '' ? `cluster ${this.name}` : name
      return new UpstreamError('overflow', name, `The circuit breaker of ${whose} is open`)
    }
    const lease = new HostLease(host, this.stats)
    const result = await this.#parts.connector.dial(host, want)
    lease.dialled()
    if (result.kind === 'connected') return { socket: result.socket, lease }
    lease.release()
    const failure = this.#attemptFailed(host, result)
    if (failure.failure !== 'aborted') this.#parts.topology?.requestCheck(host.name)
    return failure
  }

  /** Of hosts that a connection to any may go to now. */
  #currentPicker(): Picker {
    const { topology, readPreference, loadBalancer } = this.#parts
    const { all, usable } = this.#hosts
    const isPanic = usable.length === 0 && all.length > 0
    if (isPanic) this.stats.panics++
    if (topology === undefined) return this.#picker
    const names = new Set(selectMembers(topology.snapshot, readPreference).map(({ name }) => name))
    const pickable = isPanic ? all : usable.filter(({ name }) => names.has(name))
    const isSame = pickable.length === this.#pickable.length && pickable.every((host, i) => this.#pickable[i] === host)
    if (!isSame) {
      this.#pickable = pickable
      this.#picker = loadBalancer.build(pickable)
    }
    return this.#picker
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

  #discovered(endpoints: readonly Endpoint[]): void {
    this.#isDiscovered = true
    this.#endpoints = endpoints
    this.#refresh()
    this.#watchHealth()
    this.#wake()
  }

  /** A set and a picker of what discovery and health checks say now, when that is something new. */
  #refresh(): void {
    const before = this.#hosts
    const after = nextHostSet(before, this.#endpoints)
    if (after === before) return
    this.#hosts = after
    this.#pickable = pickableOf(after)
    this.#picker = this.#parts.loadBalancer.build(this.#pickable)
    this.#tellChange(before, after)
  }

  #watchHealth(): void {
    const { all } = this.#hosts
    const { health } = this.#parts
    if (health !== undefined) health.watch(all, () => this.#refresh())
    else if (all.some(({ state }) => state.health !== undefined)) {
      // The cluster that this one replaces checked them: nobody would ever find them healthy again.
      for (const { state } of all) state.health = undefined
      this.#refresh()
    }
  }

  #tellChange(before: HostSet, after: HostSet): void {
    const { added, removed } = diffHostSets(before, after)
    if (before.version > 0 && added.length + removed.length > 0) {
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
      if (signal.aborted) wake()
    })
  }
}

/** With nobody known to be usable, all: their own answers will tell. */
const pickableOf = ({ all, usable }: HostSet): readonly Host[] => (usable.length === 0 ? all : usable)

const aborted = (host: string) => new UpstreamError('aborted', host, `Connecting to ${host}: the client left`)

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
