import type { Probe } from './probe.js'

export type HealthState =
  /** Not checked yet: used, until a check says otherwise. */
  'unknown' | 'healthy' | 'unhealthy'

/** What active health checks found of a host. Changes in place, as its counters do. */
export class HostHealth {
  state: HealthState = 'unknown'
  /** Why the last check failed, or why the host is unhealthy; '' when there is nothing to say. Never holds data of users. */
  reason = ''
  /** How checks ended: as they should, answered wrongly, not connected or cut, not in time. */
  successes = 0
  failures = 0
  networkFailures = 0
  timeouts = 0
  /** Changes of `state`, by what it became. */
  turnedHealthy = 0
  turnedUnhealthy = 0
}

/** How a protocol inside HTTP is asked whether it works. */
export interface HttpHealth {
  readonly method: string
  readonly path: string
  /** Those of a host that works. */
  readonly statuses: readonly number[]
}

/** What a protocol asks of a host to see whether it works. */
export type HealthQuestion =
  /** Any report will do. */
  { readonly kind: 'probe'; readonly probe: Probe } | ({ readonly kind: 'http' } & HttpHealth)
