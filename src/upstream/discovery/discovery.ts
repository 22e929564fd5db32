import type { Endpoint } from '../host.js'

/** What happens to a cluster's membership; the cluster listens. */
export interface DiscoveryEvents {
  /** The whole membership, one endpoint or more. */
  found(endpoints: readonly Endpoint[]): void
  /** The question failed; whatever is known stays. `reason` is for the log. */
  failed(reason: string): void
}

/** Where a cluster's hosts come from. */
export interface Discovery {
  /** Once. May call back before it returns. */
  start(events: DiscoveryEvents): void
  /** No event after this. */
  close(): void
}
