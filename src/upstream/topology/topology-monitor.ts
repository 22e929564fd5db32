import type { Clock, Random } from '../../core/clock.js'
import type { Logger } from '../../core/logger.js'
import type { Probe } from '../../core/probe.js'
import { DEFAULT_TIMINGS, MemberMonitor, type MonitorTimings } from './member-monitor.js'
import type { Dial } from './probe-connection.js'
import type { TopologyEvent, TopologySnapshot, TopologyStats } from './snapshot.js'
import { Topology } from './topology.js'

export interface TopologyMonitorParts {
  /** For the log. */
  readonly cluster: string
  readonly probe: Probe
  readonly dial: Dial
  /** Normalised as the probe's names are. One or more. */
  readonly seeds: readonly string[]
  /** '' takes whatever set is found. */
  readonly setName: string
  readonly connectTimeoutMs: number
  readonly timings?: MonitorTimings
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export type TopologyListener = (snapshot: TopologySnapshot, events: readonly TopologyEvent[]) => void

/** Watches every member of a topology, as they come and go. */
export class TopologyMonitor {
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

  /** Called after each change but those of measurements alone. Returns how to stop. A listener that throws is logged, the others go on. */
  onChanged(listener: TopologyListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The first snapshot, from now on, of which the claim holds. Rejects with the signal's reason. */
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

  /** After a failure to connect to a member: probes it at once, or when 500 ms have passed since its last attempt. */
  requestCheck(name: string): void {
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
