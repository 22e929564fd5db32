import { isIP } from 'node:net'
import type { TopologyMember, TopologySnapshot, TopologyView } from '../../core/topology.js'
import { parseAddress } from '../../core/units.js'
import type { Address } from '../../core/upstream.js'
import type { Endpoint } from '../host.js'
import type { TopologyMonitor } from '../topology/topology-monitor.js'
import type { Discovery, DiscoveryEvents } from './discovery.js'
import type { SrvSource } from './srv.js'

/** Where members are dialled whose own names lead nowhere from here; by normalised name. */
export type DialMap = ReadonlyMap<string, Address>

/** Each member of the set is a host, under its own name. */
export class TopologyDiscovery implements Discovery {
  readonly #monitor: TopologyMonitor
  readonly #dials: DialMap
  readonly #seeds: SrvSource | undefined

  /** @param seeds where the monitor's seeds come from, when it has none of its own */
  constructor(monitor: TopologyMonitor, dials: DialMap, seeds?: SrvSource) {
    this.#monitor = monitor
    this.#dials = dials
    this.#seeds = seeds
  }

  get topology(): TopologyView {
    return this.#monitor
  }

  start(events: DiscoveryEvents): void {
    this.#monitor.onChanged((snapshot) => this.#tell(snapshot, events))
    this.#monitor.start()
    this.#seeds?.start({
      found: ({ hosts, setName }) => this.#monitor.seed(hosts, setName),
      failed: (reason) => events.failed(reason),
    })
  }

  close(): void {
    this.#seeds?.close()
    this.#monitor.close()
  }

  #tell({ members }: TopologySnapshot, events: DiscoveryEvents): void {
    // Until somebody has answered, or everybody has failed, there is nothing to tell.
    if (members.some(({ isUp, reason }) => !isUp && reason === '') && !members.some(({ isUp }) => isUp)) return
    events.found(members.flatMap((member) => endpointOf(member, this.#dials) ?? []))
  }
}

/** Undefined for a name that is no address; the topology still lists it, and says that it is down. */
function endpointOf(member: TopologyMember, dials: DialMap): Endpoint | undefined {
  const { name, role, isUp, isHidden } = member
  const endpoint = memberEndpoint(name, dials)
  const isUsable = isUp && !isHidden && role !== 'arbiter' && role !== 'other' && role !== 'unknown'
  return endpoint === undefined ? undefined : { ...endpoint, role, isUsable }
}

/** How a member is reached: certificates carry its name, wherever it is dialled. */
export function memberEndpoint(name: string, dials: DialMap): Endpoint | undefined {
  const own = parseAddress(name)
  const address = dials.get(name) ?? own
  if (address === undefined) return undefined
  // An address can be no server name.
  const hostname = own?.kind === 'tcp' && isIP(own.host) === 0 ? own.host : ''
  return { name, address, hostname, weight: 1 }
}
