import type { Clock, Random } from '../../core/clock.js'
import type { Logger } from '../../core/logger.js'
import type { Probe } from '../../core/probe.js'
import type {
  TopologyEvent,
  TopologyListener,
  TopologySnapshot,
  TopologyStats,
  TopologyView,
} from '../../core/topology.js'
import { DEFAULT_TIMINGS, MemberMonitor, type MonitorTimings } from './member-monitor.js'
import type { Dial } from './probe-connection.js'
import { Topology } from './topology.js'

export interface TopologyMonitorParts {
  /** For the log. */
  readonly cluster: string
  readonly probe: Probe
  readonly dial: Dial
  /** Normalised as the probe's names are. None when they come later, by `seed`. */
  readonly seeds: readonly string[]
  /** '' takes whatever set is found. */
  readonly setName: string
  readonly connectTimeoutMs: number
  readonly timings?: MonitorTimings
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** Watches every member of a topology, as they come and go. */
export class TopologyMonitor implements TopologyView {
  readonly #parts: TopologyMonitorParts
  readonly #topology: Topology
  readonly #monitors = new Map<string, MemberMonitor>()
  readonly #listeners = new Set<TopologyListener>()
  #isClosed = false

  constructor(parts: TopologyMonitorParts) {
    this.#parts = parts
    this.#topology = new Topology({ seeds: parts.seeds, setName: parts.setName, order: parts.probe })
  }

  get snapshot(): TopologySnapshot {
    return this.#topology.snapshot
  }

  get stats(): TopologyStats {
    return this.#topology.stats
  }

  /** Once. */
  start(): void {
    this.#follow()
  }

  /** The names to begin with, or other ones: see `Topology.seeded`. */
  seed(names: readonly string[], setName: string): void {
    if (!this.#isClosed) this.#apply(() => this.#topology.seeded(names, setName))
  }

  onChanged(listener: TopologyListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  until(claim: (snapshot: TopologySnapshot) => boolean, signal: AbortSignal): Promise<TopologySnapshot> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      if (claim(this.snapshot)) return resolve(this.snapshot)
      const onAbort = () => {
        stop()
        reject(signal.reason)
      }
      const stop = this.onChanged((snapshot) => {
        if (!claim(snapshot)) return
        stop()
        signal.removeEventListener('abort', onAbort)
        resolve(snapshot)
      })
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  requestCheck(name: string): void {
    this.#monitors.get(name)?.checkNow()
  }

  distrust(name: string, me: string): void {
    this.#apply(() => this.#topology.mistaken(name, me, this.#parts.clock.now()))
    this.#monitors.get(name)?.checkNow()
  }

  /** No listener is called any more; its connections end. */
  close(): void {
    this.#isClosed = true
    for (const monitor of this.#monitors.values()) monitor.close()
    this.#monitors.clear()
    this.#listeners.clear()
  }

  #watch(name: string): MemberMonitor {
    const { clock, random, logger, cluster, connectTimeoutMs, timings = DEFAULT_TIMINGS, dial, probe } = this.#parts
    const monitor = new MemberMonitor({
      name,
      connection: { dial, probe, clock, connectTimeoutMs },
      timings,
      clock,
      random,
      events: {
        reported: (report) => this.#apply(() => this.#topology.reported(name, report, clock.now())),
        failed: (failure) => {
          logger.debug({ cluster, member: name, failure: failure.kind, reason: failure.reason }, 'Probe failed')
          this.#apply(() => this.#topology.failed(name, failure.reason, clock.now()))
        },
        measured: (rttMs) => this.#topology.measured(name, rttMs),
      },
    })
    this.#monitors.set(name, monitor)
    return monitor
  }

  #apply(change: () => readonly TopologyEvent[]): void {
    const before = this.snapshot.version
    const events = change()
    const { snapshot } = this
    if (snapshot.version === before) return
    for (const event of events) this.#log(event)
    this.#follow()
    for (const listener of [...this.#listeners]) this.#tell(listener, snapshot, events)
  }

  /** A monitor for each member, none for others. */
  #follow(): void {
    const { members, kind, primary } = this.snapshot
    const names = new Set(members.map((member) => member.name))
    for (const [name, monitor] of this.#monitors) {
      if (names.has(name)) continue
      monitor.close()
      this.#monitors.delete(name)
    }
    const isUrgent = kind === 'replica_set' && primary === ''
    for (const name of names) {
      const known = this.#monitors.get(name)
      const monitor = known ?? this.#watch(name)
      monitor.setUrgent(isUrgent)
      if (known === undefined) monitor.start()
    }
  }

  #tell(listener: TopologyListener, snapshot: TopologySnapshot, events: readonly TopologyEvent[]): void {
    if (this.#isClosed || !this.#listeners.has(listener)) return
    try {
      listener(snapshot, events)
    } catch (error) {
      this.#parts.logger.error({ cluster: this.#parts.cluster, err: error }, 'A listener to the topology threw')
    }
  }

  #log(event: TopologyEvent): void {
    const { logger, cluster } = this.#parts
    const { kind, ...fields } = event
    const isBad = kind === 'member_down' || (kind === 'primary_changed' && event.to === '')
    logger[isBad ? 'warn' : 'info']({ cluster, change: kind, ...fields }, 'Topology changed')
  }
}
