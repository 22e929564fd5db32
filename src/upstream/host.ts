import type { HostHealth } from '../core/health.js'
import { HostStats } from '../core/stats.js'
import { type Address, formatAddress, type Host, type HostState } from '../core/upstream.js'

/** What discovery knows of a host, before it has counters. */
export interface Endpoint {
  readonly address: Address
  /** The DNS name that resolved to this address; '' when the address was written down. */
  readonly hostname: string
  readonly weight: number
  /** The member's own name; the address when there is none. */
  readonly name?: string
  readonly role?: HostState['role']
  /** Default: true. */
  readonly isUsable?: boolean
}

/**
 * @param stats counters to go on with, when the host was known with another weight
 * @param health the same of its checks
 */
export function createHost(endpoint: Endpoint, stats: HostStats = new HostStats(), health?: HostHealth): Host {
  const { address, hostname, weight, name = formatAddress(address), role = '' } = endpoint
  return Object.freeze({ name, address, hostname, weight, stats, state: { role, health } })
}
