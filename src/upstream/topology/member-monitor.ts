import type { Clock, Random, Timer } from '../../core/clock.js'
import type { MemberReport } from '../../core/probe.js'
import { Pause } from './pause.js'
import { type Answer, openProbeConnection, ProbeConnection, type ProbeConnectionParts } from './probe-connection.js'
import { CLOSED, type ProbeFailure } from './probe-failure.js'
import { MovingAverage, RoundTripLoop } from './round-trip.js'

export interface MonitorTimings {
  /** Between plain probes, and how long a member may wait for news before it answers. */
  readonly heartbeatMs: number
  /** Least time between connection attempts, and between requests to a member that answers awaited ones at once. */
  readonly minIntervalMs: number
}

export const DEFAULT_TIMINGS: MonitorTimings = Object.freeze({ heartbeatMs: 10_000, minIntervalMs: 500 })

/** What a monitor hears; must not throw. Nothing is told after `close`. */
export interface MonitorEvents {
  reported(report: MemberReport): void
  failed(failure: ProbeFailure): void
  /** Moving average. */
  measured(rttMs: number): void
}

export interface MemberMonitorParts {
  readonly name: string
  readonly connection: ProbeConnectionParts
  readonly timings: MonitorTimings
  readonly clock: Clock
  readonly random: Random
  readonly events: MonitorEvents
}

/** Waits after failures are up to a quarter longer, so that proxies that lost a member together don't come back together. */
const JITTER = 0.25

/**
 * Watches one member for as long as it is one: asks on a connection of its own, has the news streamed when the member can, and
 * connects again when that is lost. (Server Monitoring)
 *
 *     connect → first report → streaming | awaited | polled → (connection lost) → once more at once → failed → wait → connect
 */
export class MemberMonitor {
  readonly #parts: MemberMonitorParts
  readonly #pause: Pause
  readonly #stop = new AbortController()
  readonly #roundTrip = new MovingAverage()
  #roundTripLoop: RoundTripLoop | undefined
  #connection: ProbeConnection | undefined
  /** On the connection that stands. */
  #hasReported = false
  #dialedAtMs = Number.NEGATIVE_INFINITY
  #awaitedAtMs = Number.NEGATIVE_INFINITY
  #failures = 0
  #isUrgent = false
  #isRecheck = false
  #dueCheck: Timer | undefined

  constructor(parts: MemberMonitorParts) {
    this.#parts = parts
    this.#pause = new Pause(parts.clock)
  }

  /** Once. */
  start(): void {
    void this.#run()
  }

  close(): void {
    this.#stop.abort()
    this.#dueCheck?.cancel()
    this.#pause.wake()
    this.#connection?.close()
    this.#roundTripLoop?.close()
  }

  /**
   * Somebody failed to reach the member: try it at once, on a new connection, for that is what failed. Requests within the
   * least interval of the last attempt make one attempt at its end.
   */
  checkNow(): void {
    if (this.#stop.signal.aborted || this.#dueCheck !== undefined) return
    const { clock, timings } = this.#parts
    const waitMs = this.#dialedAtMs + timings.minIntervalMs - clock.now()
    if (waitMs <= 0) {
      this.#check()
      return
    }
    this.#dueCheck = clock.after(waitMs, () => {
      this.#dueCheck = undefined
      this.#check()
    })
  }

  /** While the set has no primary: plain probes and new attempts come quicker, for the member may be the next one. */
  setUrgent(isUrgent: boolean): void {
    if (this.#isUrgent === isUrgent) return
    this.#isUrgent = isUrgent
    if (!isUrgent) return
    if (this.#hasReported) this.#connection?.nudge()
    else this.checkNow()
  }

  #check(): void {
    if (!this.#hasReported) {
      // Nothing when an attempt is under way: that one will tell.
      this.#pause.wake()
      return
    }
    this.#isRecheck = true
    this.#connection?.close()
  }

  async #run(): Promise<void> {
    const { clock, timings, events } = this.#parts
    while (!this.#stop.signal.aborted) {
      this.#dialedAtMs = clock.now()
      this.#hasReported = false
      this.#isRecheck = false
      const failure = await this.#watchConnection()
      const wasServed = this.#hasReported
      this.#hasReported = false
      if (this.#stop.signal.aborted) return
      if (this.#isRecheck) continue
      // A connection that served for a while and was closed says little: a balancer restarts, an idle limit. The next one decides.
      const lastedMs = clock.now() - this.#dialedAtMs
      if (failure.kind === 'closed' && wasServed && lastedMs >= timings.minIntervalMs) continue
      this.#failures++
      this.#roundTrip.reset()
      events.failed(failure)
      if (!this.#stop.signal.aborted) await this.#pause.wait(this.#backoffMs())
    }
  }

  /** One connection from dialling to its end, however that comes. */
  async #watchConnection(): Promise<ProbeFailure> {
    const { connection: parts, name } = this.#parts
    const opened = await openProbeConnection(parts, name, this.#stop.signal)
    if (!(opened instanceof ProbeConnection)) return opened
    this.#connection = opened
    this.#awaitedAtMs = Number.NEGATIVE_INFINITY
    const failure = await this.#hearAll(opened)
    this.#connection = undefined
    this.#roundTripLoop?.close()
    this.#roundTripLoop = undefined
    opened.close()
    return failure
  }

  async #hearAll(connection: ProbeConnection): Promise<ProbeFailure> {
    let answer = await this.#poll(connection)
    while (!this.#stop.signal.aborted) {
      if (answer.kind === 'failed') return answer.failure
      this.#hasReported = true
      this.#failures = 0
      this.#parts.events.reported(answer.report)
      // Whoever was told may have closed this.
      if (this.#stop.signal.aborted) break
      answer = await this.#nextAnswer(connection, answer.report)
    }
    return CLOSED
  }

  async #nextAnswer(connection: ProbeConnection, last: MemberReport): Promise<Answer> {
    const { timings, connection: parts, clock } = this.#parts
    const awaitTimeoutMs = timings.heartbeatMs + parts.connectTimeoutMs
    if (connection.isStreaming || last.version !== undefined) this.#measureBeside()
    if (connection.isStreaming || connection.hasUnread) return connection.next(awaitTimeoutMs)
    if (last.version === undefined) {
      await connection.idle(this.#isUrgent ? timings.minIntervalMs : timings.heartbeatMs)
      return this.#poll(connection)
    }
    // A member that doesn't wait although it was told to would be asked without a pause.
    await connection.idle(this.#awaitedAtMs + timings.minIntervalMs - clock.now())
    this.#awaitedAtMs = clock.now()
    return connection.ask(timings.heartbeatMs, awaitTimeoutMs)
  }

  /** Wants an answer at once, which makes it a round trip. */
  async #poll(connection: ProbeConnection): Promise<Answer> {
    const { clock, connection: parts } = this.#parts
    if (connection.hasUnread) return connection.next(parts.connectTimeoutMs)
    const askedAtMs = clock.now()
    const answer = await connection.ask(0, parts.connectTimeoutMs)
    if (answer.kind === 'report') this.#sampled(clock.now() - askedAtMs)
    return answer
  }

  #measureBeside(): void {
    if (this.#roundTripLoop !== undefined) return
    const { name, connection, timings, clock } = this.#parts
    const sampled = (rttMs: number) => this.#sampled(rttMs)
    this.#roundTripLoop = new RoundTripLoop({ name, connection, intervalMs: timings.heartbeatMs, clock, sampled })
    this.#roundTripLoop.start()
  }

  #sampled(rttMs: number): void {
    if (!this.#stop.signal.aborted) this.#parts.events.measured(this.#roundTrip.add(rttMs))
  }

  #backoffMs(): number {
    const { timings, random } = this.#parts
    const maxMs = this.#isUrgent ? 2 * timings.minIntervalMs : timings.heartbeatMs
    const waitMs = Math.min(maxMs, timings.minIntervalMs * 2 ** Math.min(this.#failures - 1, 16))
    return waitMs * (1 + JITTER * random())
  }
}
