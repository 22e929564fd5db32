import type { ClusterStats } from '../core/stats.js'
import type { Host, RequestBudget } from '../core/upstream.js'

/** Caps of a cluster, and of each of its hosts. */
export interface BreakerLimits {
  readonly max_connections: number
  readonly max_pending_connects: number
  readonly max_requests: number
  readonly max_retries: number
  readonly host: { readonly max_connections: number; readonly max_pending_connects: number }
}

export type BreakerVerdict = 'closed' | 'cluster_open' | 'host_open'

/**
 * Says no before a host is dialled: a database that hangs must not collect connections without bound, nor one client's storm
 * take what the others need. Counts live in the stats, so that a scrape reads the same numbers.
 */
export class CircuitBreaker implements RequestBudget {
  readonly #limits: BreakerLimits
  readonly #stats: ClusterStats

  constructor(limits: BreakerLimits, stats: ClusterStats) {
    this.#limits = limits
    this.#stats = stats
  }

  get isConnectionsOpen(): boolean {
    return this.#stats.connectionsActive >= this.#limits.max_connections
  }

  get isPendingOpen(): boolean {
    return this.#stats.connectsPending >= this.#limits.max_pending_connects
  }

  get isRequestsOpen(): boolean {
    return this.#stats.requestsActive >= this.#limits.max_requests
  }

  get isRetriesOpen(): boolean {
    return this.#stats.retriesActive >= this.#limits.max_retries
  }

  start(): boolean {
    if (this.isRequestsOpen) {
      this.#stats.requestsOverflow++
      return false
    }
    this.#stats.requestsActive++
    return true
  }

  end(): void {
    this.#stats.requestsActive--
  }

  startRetry(): boolean {
    if (this.isRetriesOpen) {
      this.#stats.retriesOverflow++
      return false
    }
    this.#stats.retriesActive++
    this.#stats.retriesTotal++
    return true
  }

  endRetry(): void {
    this.#stats.retriesActive--
  }

  /** Whether one more connection may be dialled; what says no is counted. */
  ask(host: Host): BreakerVerdict {
    const stats = this.#stats
    const limits = this.#limits
    if (this.isConnectionsOpen) {
      stats.connectionsOverflow++
      return 'cluster_open'
    }
    if (this.isPendingOpen) {
      stats.connectsPendingOverflow++
      return 'cluster_open'
    }
    if (host.stats.connectionsActive >= limits.host.max_connections) {
      host.stats.connectionsOverflow++
      return 'host_open'
    }
    if (host.stats.connectsPending >= limits.host.max_pending_connects) {
      host.stats.connectsPendingOverflow++
      return 'host_open'
    }
    return 'closed'
  }
}
