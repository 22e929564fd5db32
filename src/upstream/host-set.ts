import { formatAddress, type Host, type HostSet } from '../core/upstream.js'
import { createHost, type Endpoint } from './host.js'

/** Before the first answer of discovery. */
export const NO_HOSTS: HostSet = Object.freeze({ version: 0, all: Object.freeze([]), usable: Object.freeze([]) })

export interface HostDiff {
  readonly added: readonly Host[]
  readonly removed: readonly Host[]
}

/**
 * The set that follows `previous`. A host whose address, name and weight stay keeps its object, and so its load and its place
 * in everybody's maps; one whose weight or address changed keeps its counters. Duplicates are dropped. An unhealthy host is
 * not usable, whatever discovery says.
 * @returns `previous` itself when nothing changed but roles, whatever the order
 */
export function nextHostSet(previous: HostSet, endpoints: readonly Endpoint[]): HostSet {
  const known = new Map(previous.all.map((host) => [host.name, host]))
  const hosts = new Map<string, Host>()
  const usable: Host[] = []
  for (const endpoint of endpoints) {
    const fresh = createHost(endpoint)
    if (hosts.has(fresh.name)) continue
    const host = keepOrReplace(known.get(fresh.name), endpoint, fresh)
    hosts.set(fresh.name, host)
    if (endpoint.isUsable !== false && host.state.health?.state !== 'unhealthy') usable.push(host)
  }
  const all = [...hosts.values()]
  if (previous.version > 0 && hasSame(all, previous.all) && hasSame(usable, previous.usable)) return previous
  Object.freeze(all)
  Object.freeze(usable)
  return Object.freeze({ version: previous.version + 1, all, usable })
}

const hasSame = (hosts: readonly Host[], others: readonly Host[]): boolean =>
  hosts.length === others.length && hosts.every((host) => others.includes(host))

function keepOrReplace(old: Host | undefined, endpoint: Endpoint, fresh: Host): Host {
  if (old === undefined) return fresh
  const isSamePlace =
    old.hostname === endpoint.hostname && formatAddress(old.address) === formatAddress(endpoint.address)
  // What was found at another place says nothing of this one.
  if (!isSamePlace) return createHost(endpoint, old.stats)
  if (old.weight !== endpoint.weight) return createHost(endpoint, old.stats, old.state.health)
  old.state.role = fresh.state.role
  return old
}

/** Who came and who left, by name. */
export function diffHostSets(before: HostSet, after: HostSet): HostDiff {
  return { added: missingFrom(before, after), removed: missingFrom(after, before) }
}

function missingFrom(set: HostSet, other: HostSet): readonly Host[] {
  const names = new Set(set.all.map((host) => host.name))
  return other.all.filter((host) => !names.has(host.name))
}
