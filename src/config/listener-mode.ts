import { parseAddress } from '../core/units.js'
import { parseDatabaseUri } from './database-uri.js'
import { isMapping } from './path.js'

/** As many as a replica set can have. */
const MEMBERS = 50

/**
 * A listener's entry with its `mode` written out: `members` when it says where members are reached, or when its cluster names a
 * replica set; then the ports behind its own are theirs. Anything else, and any other protocol, as it is.
 */
export function listenerSource(entry: Record<string, unknown>, root: Record<string, unknown>): Record<string, unknown> {
  if (entry.protocol !== 'mongodb') return entry
  const hasPorts = entry.members !== undefined || entry.member_ports !== undefined
  if (entry.mode === undefined && !hasPorts && !namesReplicaSet(root.clusters, entry.cluster)) return entry
  const { mode = 'members' } = entry
  if (mode !== 'members' || hasPorts) return { ...entry, mode }
  return { ...entry, mode, ...portsBehind(entry.address, portsOf(root)) }
}

/** As many ports after a listener's own as a set has members, behind any that is taken, as a config writes them; nothing when there are none. */
export function portsBehind(
  address: unknown,
  taken: readonly number[] = [],
): { readonly member_ports?: string | number } {
  const parsed = typeof address === 'string' ? parseAddress(address) : undefined
  if (parsed?.kind !== 'tcp') return {}
  if (parsed.port === 0) return { member_ports: 0 }
  let first = parsed.port + 1
  for (const port of taken.toSorted((a, b) => a - b)) if (port >= first && port < first + MEMBERS) first = port + 1
  const last = Math.min(first + MEMBERS - 1, 65_535)
  return first > last ? {} : { member_ports: `${first}-${last}` }
}

/** Of every address that the config listens on. */
function portsOf({ admin, listeners }: Record<string, unknown>): readonly number[] {
  const entries = [isMapping(admin) ? admin : {}, ...(Array.isArray(listeners) ? listeners.filter(isMapping) : [])]
  return entries.flatMap(({ address }) => {
    const parsed = typeof address === 'string' ? parseAddress(address) : undefined
    return parsed?.kind === 'tcp' ? [parsed.port] : []
  })
}

function namesReplicaSet(clusters: unknown, name: unknown): boolean {
  if (!Array.isArray(clusters)) return false
  const cluster = clusters.filter(isMapping).find((one) => one.name === name)
  if (cluster?.replica_set !== undefined || cluster?.srv !== undefined) return true
  const uri = typeof cluster?.uri === 'string' ? parseDatabaseUri(cluster.uri) : undefined
  if (uri === undefined || 'kind' in uri) return false
  // It may be a sharded cluster as well: then its routers are behind the listener's own address, and the ports stay unused.
  if (uri.srv !== undefined) return true
  const option = (name: string) => uri.options.find((one) => one.name.toLowerCase() === name)?.value
  return option('replicaset') !== undefined && option('directconnection') !== 'true'
}
