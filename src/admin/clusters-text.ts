import type { TopologyKind } from '../core/topology.js'
import type { ClusterReport, HostReport, MemberReport, TopologyReport } from './frames.js'
import { type Column, formatMs, formatRate, shortened, table, visible } from './text-table.js'

const KINDS: Readonly<Record<TopologyKind, string>> = {
  unknown: 'nobody has answered yet',
  replica_set: 'replica set',
  standalone: 'standalone server',
  routers: 'routers',
}

/** A host's numbers; `-` where there is no host, and so nobody was ever connected to it. */
const NUMBERS: readonly Column<HostReport | null>[] = [
  { title: 'CONNECTIONS', cell: (h) => orDash(h?.connections) },
  { title: 'OPERATIONS', cell: (h) => orDash(h?.operations) },
  { title: 'FAILURES', cell: (h) => orDash(h?.failures) },
  { title: 'OPS/S', cell: (h) => (h?.traffic ? formatRate(h.traffic.rate) : '-') },
  { title: 'P99', cell: (h) => p99(h) },
]

const MEMBER_COLUMNS: readonly Column<MemberReport>[] = [
  // ASCII: terminals and pipes take it in any locale.
  { title: 'MEMBER', isText: true, cell: (m) => `${m.isPrimary ? '*' : ' '} ${shortened(m.name)}` },
  { title: 'ROLE', isText: true, cell: (m) => m.role },
  { title: 'STATE', isText: true, cell: stateOf },
  { title: 'LAG', cell: (m) => (m.lagMs === 0 ? '0 ms' : formatMs(m.lagMs)) },
  { title: 'RTT', cell: (m) => formatMs(m.rttMs) },
  ...NUMBERS.map(({ title, cell }): Column<MemberReport> => ({ title, cell: (m) => cell(m.host) })),
  { title: 'CLIENTS REACH IT AT', isText: true, cell: addressesOf },
  { title: 'NOTES', isText: true, cell: notesOf },
]

const HOST_COLUMNS: readonly Column<HostReport>[] = [
  { title: 'HOST', isText: true, cell: (h) => `  ${shortened(h.name)}` },
  { title: 'USABLE', isText: true, cell: (h) => (h.isUsable ? 'yes' : 'no') },
  { title: 'HEALTH', isText: true, cell: (h) => h.health?.state ?? '-' },
  ...NUMBERS,
  { title: 'LAST CHECK', isText: true, cell: (h) => visible(h.health?.reason ?? '') },
]

const COUNTERS: readonly (readonly [keyof TopologyReport['stats'], string])[] = [
  ['elections', 'elections'],
  ['reconfigs', 'reconfigurations'],
  ['identityMismatches', 'identity mismatches'],
  ['probeFailures', 'failed probes'],
  ['stalePrimaryReports', 'stale primaries'],
  ['outdatedReports', 'outdated reports'],
  ['namesRefused', 'names refused'],
]

/** Clusters for a terminal; `*` marks the primary. */
export function clustersText(clusters: readonly ClusterReport[]): string {
  const parts = clusters.map(({ name, isPanic, hosts, topology }) =>
    topology === undefined
      ? `${visible(name)}${isPanic ? ': PANIC, no host is usable, so all are used' : ''}\n${table(HOST_COLUMNS, hosts)}`
      : `${headOf(topology)}${table(MEMBER_COLUMNS, topology.members)}`,
  )
  const isShown = clusters.some(({ hosts, topology }) => hosts.length + (topology?.members.length ?? 0) > 0)
  const legend = 'P99 is of the last minute; with a +, of all time, because nothing ended in the last minute.\n'
  return `${parts.join('\n')}${isShown ? `\n${legend}` : ''}`
}

function headOf({ cluster, kind, setName, primary, members, stats }: TopologyReport): string {
  const up = members.filter(({ isUp }) => isUp).length
  const set = setName === '' ? KINDS[kind] : `${KINDS[kind]} ${shortened(setName)}`
  const lead = primary === '' ? (kind === 'replica_set' ? ', NO PRIMARY' : '') : `, primary ${shortened(primary)}`
  const counters = COUNTERS.map(([key, words]) => `${words} ${stats[key]}`).join(', ')
  return `${visible(cluster)}: ${set}${lead}, ${up} of ${members.length} up\n  ${counters}\n`
}

function stateOf({ isUp, reason }: MemberReport): string {
  return isUp ? 'up' : reason === '' ? 'not asked yet' : 'down'
}

function addressesOf({ listeners }: MemberReport): string {
  const addresses = listeners.filter(({ address }) => address !== '').map(({ address }) => shortened(address))
  return addresses.length === 0 ? '-' : addresses.join(', ')
}

function notesOf({ reason, isSeed, isHidden, isArbiter, tags, listeners, role }: MemberReport): string {
  const notes = [
    visible(reason),
    isSeed ? 'only configured, the set has not named it' : '',
    isHidden ? 'hidden' : '',
    isArbiter && role !== 'arbiter' ? 'arbiter' : '',
    ...Object.entries(tags).map(([name, value]) => `${shortened(name)}=${shortened(value)}`),
    ...listeners.filter((one) => one.reason !== '').map((one) => visible(`${one.listener}: ${one.reason}`)),
  ]
  return notes.filter((note) => note !== '').join('; ')
}

const orDash = (value: number | undefined): string => (value === undefined ? '-' : String(value))

function p99(host: HostReport | null): string {
  const { p99Ms = null, isRecent = true } = host?.traffic ?? {}
  return p99Ms === null || isRecent ? formatMs(p99Ms) : `${formatMs(p99Ms)}+`
}
