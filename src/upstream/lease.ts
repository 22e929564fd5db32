import type { OutcomeKind } from '../core/outcome.js'
import type { Host, Lease } from '../core/upstream.js'

/** Outcomes that say nothing against the host. */
const FINE: ReadonlySet<OutcomeKind> = new Set(['ok', 'write_error', 'unacknowledged'])

/** Counts a connection, from before it is dialled, and its operations into the host's load. */
export class HostLease implements Lease {
  readonly host: Host
  #operationsActive = 0
  #isReleased = false

  constructor(host: Host) {
    this.host = host
    host.stats.connectionsTotal++
    host.stats.connectionsActive++
  }

  operationStarted(): void {
    this.#operationsActive++
    this.host.stats.operationsTotal++
    this.host.stats.operationsActive++
  }

  operationEnded(outcome: OutcomeKind, _durationMs: number): void {
    this.#operationsActive--
    this.host.stats.operationsActive--
    if (!FINE.has(outcome)) this.host.stats.operationsFailed++
  }

  /** Takes back what its connection still had open, so that no lost operation weighs on the host for ever. */
  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.host.stats.connectionsActive--
    this.host.stats.operationsActive -= this.#operationsActive
    this.#operationsActive = 0
  }
}
