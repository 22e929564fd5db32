import type { Clock, Random, Timer } from '../../core/clock.js'
import type { HealthState, HostHealth } from '../../core/health.js'
import type { Host } from '../../core/upstream.js'
import { NO_ANSWER } from '../topology/probe-failure.js'
import { type Check, type CheckFailure, type CheckResult, timedOut } from './check.js'
import type { HealthTimings } from './config.js'

export interface HostCheckerParts {
  readonly check: Check
  readonly timings: HealthTimings
  readonly clock: Clock
  readonly random: Random
  /** After `health.state` changed. Not called after `close`. */
  readonly changed: (host: Host, from: HealthState) => void
}

/**
 * Checks one host for as long as it is one, one check after the other.
 *
 *     unknown ── the first check decides ──> healthy | unhealthy
 *     healthy ── unhealthy_threshold failures in a row, or one that is final ──> unhealthy
 *     unhealthy ── healthy_threshold successes in a row ──> healthy
 */
export class HostChecker {
  /** Replaced by one with another weight; the health is the same object. */
  host: Host
  readonly health: HostHealth
  readonly #parts: HostCheckerParts
  readonly #stop = new AbortController()
  #timer: Timer | undefined
  /** Of results that speak against the state as it is. */
  #inRow = 0

  constructor(host: Host, health: HostHealth, parts: HostCheckerParts) {
    this.host = host
    this.health = health
    this.#parts = parts
  }

  /** Once. */
  start(): void {
    const { timings, random } = this.#parts
    if (timings.initial_jitter > 0) this.#later(timings.initial_jitter * random())
    else void this.#run()
  }

  /** A check that is under way is given up, and told to nobody. */
  close(): void {
    this.#stop.abort()
    this.#timer?.cancel()
  }

  #later(ms: number): void {
    this.#timer = this.#parts.clock.after(ms, () => void this.#run())
  }

  async #run(): Promise<void> {
    const result = await this.#attempt()
    if (this.#stop.signal.aborted) return
    if (result.kind === 'success') this.#succeeded()
    else this.#failed(result)
    // Whoever was told may have ended this.
    if (this.#stop.signal.aborted) return
    const { timings, random } = this.#parts
    this.#later(timings.interval * (1 + (timings.interval_jitter_percent / 100) * random()))
  }

  async #attempt(): Promise<CheckResult> {
    const { check, clock, timings } = this.#parts
    const attempt = new AbortController()
    const giveUp = () => attempt.abort()
    const timer = clock.after(timings.timeout, giveUp)
    this.#stop.signal.addEventListener('abort', giveUp)
    const result = await check(this.host, attempt.signal)
    timer.cancel()
    this.#stop.signal.removeEventListener('abort', giveUp)
    // What a check makes of being given up says nothing of the host.
    return attempt.signal.aborted && result.kind !== 'timeout' ? timedOut(NO_ANSWER.reason) : result
  }

  #succeeded(): void {
    const { health } = this
    health.successes++
    if (health.state === 'unhealthy' && ++this.#inRow < this.#parts.timings.healthy_threshold) return
    health.reason = ''
    this.#turn('healthy')
  }

  #failed({ kind, reason, isFinal }: CheckFailure): void {
    const { health } = this
    count(health, kind)
    health.reason = reason
    if (health.state === 'healthy' && !isFinal && ++this.#inRow < this.#parts.timings.unhealthy_threshold) return
    this.#turn('unhealthy')
  }

  /** Also when it is that already: a row ends there. */
  #turn(to: 'healthy' | 'unhealthy'): void {
    const { health } = this
    const from = health.state
    this.#inRow = 0
    if (from === to) return
    health.state = to
    if (to === 'healthy') health.turnedHealthy++
    else health.turnedUnhealthy++
    this.#parts.changed(this.host, from)
  }
}

function count(health: HostHealth, kind: CheckFailure['kind']): void {
  switch (kind) {
    case 'failure':
      health.failures++
      return
    case 'network_failure':
      health.networkFailures++
      return
    case 'timeout':
      health.timeouts++
      return
    default:
      kind satisfies never
  }
}
