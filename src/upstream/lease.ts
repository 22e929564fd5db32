import type { OutcomeKind } from '../core/outcome.js'
import type { ClusterStats } from '../core/stats.js'
import type { Host, Lease } from '../core/upstream.js'

/** Outcomes that say nothing against the host. */
const FINE: ReadonlySet<OutcomeKind> = new Set(['ok', 'write_error', 'unacknowledged'])

/** Counts a connection, from before it is dialled, and its operations into the load of its host and cluster. */
export class HostLease implements Lease {
  readonly host: Host
  readonly #cluster: ClusterStats
  #operationsActive = 0
  #isPending = true
  #isReleased = false

  constructor(host: Host, cluster: ClusterStats) {
    this.host = host
    this.#cluster = cluster
    host.stats.connectionsTotal++
    host.stats.connectionsActive++
    host.stats.connectsPending++
    cluster.connectionsActive++
    cluster.connectsPending++
  }

  /** The dialling is over, however it ended. */
  dialled(): void {
    if (!this.#isPending) return
    this.#isPending = false
    this.host.stats.connectsPending--
    this.#cluster.connectsPending--
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
    this.dialled()
    this.host.stats.connectionsActive--
    this.#cluster.connectionsActive--
    this.host.stats.operationsActive -= this.#operationsActive
    this.#operationsActive = 0
  }
}
