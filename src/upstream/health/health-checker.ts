import type { Clock, Random } from '../../core/clock.js'
import { type HealthState, HostHealth } from '../../core/health.js'
import type { Logger } from '../../core/logger.js'
import type { Host } from '../../core/upstream.js'
import type { Check } from './check.js'
import type { HealthTimings } from './config.js'
import { HostChecker } from './host-checker.js'

export interface HealthCheckerParts {
  readonly cluster: string
  readonly check: Check
  readonly timings: HealthTimings
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** Checks the hosts of one cluster. What it finds is in their state; who asks is told that something changed. */
export class HealthChecker {
  readonly #parts: HealthCheckerParts
  readonly #checkers = new Map<string, HostChecker>()

  constructor(parts: HealthCheckerParts) {
    this.#parts = parts
  }

  /**
   * From now on these are the hosts. New ones are checked at once, those that left no more.
   * @param changed called after each change of a host's health, never before this returns
   */
  watch(hosts: readonly Host[], changed: () => void): void {
    const left = new Set(this.#checkers.keys())
    for (const host of hosts) {
      left.delete(host.name)
      this.#watchHost(host, changed)
    }
    for (const name of left) this.#forget(name)
  }

  close(): void {
    for (const name of [...this.#checkers.keys()]) this.#forget(name)
  }

  #watchHost(host: Host, changed: () => void): void {
    const known = this.#checkers.get(host.name)
    host.state.health ??= new HostHealth()
    const { health } = host.state
    if (known?.health === health) {
      known.host = host
      return
    }
    known?.close()
    const { check, timings, clock, random } = this.#parts
    const told = (of: Host, from: HealthState) => {
      this.#log(of, from, health)
      changed()
    }
    const checker = new HostChecker(host, health, { check, timings, clock, random, changed: told })
    this.#checkers.set(host.name, checker)
    checker.start()
  }

  #forget(name: string): void {
    this.#checkers.get(name)?.close()
    this.#checkers.delete(name)
  }

  #log({ name: host }: Host, from: HealthState, { state: to, reason }: HostHealth): void {
    this.#parts.logger.info({ cluster: this.#parts.cluster, host, from, to, reason }, 'Health of a host changed')
  }
}
