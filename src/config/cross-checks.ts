import { parseAddress } from '../core/units.js'
import { type Address, formatAddress } from '../core/upstream.js'
import { checkClusters } from './check-clusters.js'
import { checkTlsFiles } from './check-files.js'
import { checkModes } from './check-modes.js'
import { checkResign } from './check-resign.js'
import { checkSlowLog } from './check-slow-log.js'
import { didYouMean, nearest } from './nearest.js'
import { formatPath, isMapping, type Path, valueAt } from './path.js'
import type { Report } from './problems.js'
import { isLoopback, isWildcard, plainHost } from './reach.js'

/** What no section can see by itself. Runs on the filled-in input, so that it also speaks when a schema complained elsewhere. */
export interface CrossChecks {
  readonly filled: unknown
  /** As it came, without what was filled in. */
  readonly written: unknown
  readonly protocols: readonly string[]
  readonly httpProtocols: readonly string[]
  /** Those that have a question of their own for health checks. */
  readonly askingProtocols: readonly string[]
  readonly error: Report
  readonly warning: Report
}

interface Entry {
  readonly path: Path
  readonly fields: Record<string, unknown>
}

export function crossCheck(checks: CrossChecks): void {
  const { filled, error, warning } = checks
  const listeners = entriesOf(filled, 'listeners')
  const clusters = entriesOf(filled, 'clusters')
  checkNames(listeners, 'listener', error)
  checkNames(clusters, 'cluster', error)
  for (const listener of listeners) {
    checkProtocol(listener, checks)
    checkTransport(listener, checks)
  }
  checkModes(listeners, checks.written, error, warning)
  checkResign(listeners, clusters, error)
  checkClusterReferences(listeners, clusters, error)
  checkClusters(listeners, clusters, checks)
  checkUnused(listeners, clusters, warning)
  checkAddresses(filled, listeners, error)
  checkMemberPorts(filled, listeners, error)
  checkLoops(listeners, clusters, error)
  for (const { path, fields } of [...listeners, ...clusters]) checkTlsFiles([...path, 'tls'], fields.tls, error)
  checkAdminReach(filled, warning)
  checkSlowLog(filled, error, warning)
}

function entriesOf(root: unknown, section: string): Entry[] {
  const list = isMapping(root) ? root[section] : undefined
  if (!Array.isArray(list)) return []
  return list.flatMap((fields, index) => (isMapping(fields) ? [{ path: [section, index], fields }] : []))
}

const textOf = (entry: Entry, key: string): string | undefined => {
  const value = entry.fields[key]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function checkNames(entries: readonly Entry[], what: string, error: Report): void {
  const first = new Map<string, Path>()
  for (const entry of entries) {
    const name = textOf(entry, 'name')
    if (name === undefined) continue
    const earlier = first.get(name)
    if (earlier === undefined) first.set(name, entry.path)
    else
      error(
        [...entry.path, 'name'],
        'value',
        `${formatPath(earlier)} has the name "${name}" too`,
        `give this ${what} another name`,
      )
  }
}

const PLANNED_PROTOCOLS = new Set(['udp', 'http2', 'grpc'])

function checkProtocol(listener: Entry, { protocols, error }: CrossChecks): void {
  const protocol = textOf(listener, 'protocol')
  if (protocol !== undefined && !protocols.includes(protocol)) {
    const path = [...listener.path, 'protocol']
    if (PLANNED_PROTOCOLS.has(protocol)) {
      const suggestion =
        protocol === 'udp'
          ? `supported: ${protocols.join(', ')}`
          : `tcp forwards it undecoded; supported: ${protocols.join(', ')}`
      error(path, 'value', `protocol ${protocol} is not supported by this version of oplens`, suggestion)
    } else {
      error(path, 'value', `unknown protocol "${protocol}"`, didYouMean(protocol, protocols, 'supported'))
    }
  }
}

/** Keys that only one kind of protocol reads. */
function checkTransport(listener: Entry, { written, httpProtocols, error }: CrossChecks): void {
  const protocol = textOf(listener, 'protocol')
  if (protocol === undefined) return
  const isHttp = httpProtocols.includes(protocol)
  if (!isHttp && listener.fields.http !== undefined) {
    error(
      [...listener.path, 'http'],
      'key',
      `http is read by protocols inside HTTP only: ${httpProtocols.join(', ')}`,
      'remove it',
    )
  }
  if (protocol === 'dynamodb' && valueAt(listener.fields, ['http', 'host']) !== undefined) {
    const message = 'signatures of DynamoDB cover Host: another one makes them invalid'
    error([...listener.path, 'http', 'host'], 'key', message, 'remove it, or sign again: codec: { resign: {} }')
  }
  if (isHttp && valueAt(written, [...listener.path, 'on_decode_error']) === 'pass') {
    const message = 'what is no HTTP is never forwarded: it is answered with 400 and closed'
    error([...listener.path, 'on_decode_error'], 'value', message, 'remove it')
  }
}

function checkClusterReferences(listeners: readonly Entry[], clusters: readonly Entry[], error: Report): void {
  const names = clusters.flatMap((cluster) => textOf(cluster, 'name') ?? [])
  for (const listener of listeners) {
    const wanted = textOf(listener, 'cluster')
    // Without any named cluster the mistake is there, and it is told there.
    if (wanted === undefined || names.length === 0 || names.includes(wanted)) continue
    error(
      [...listener.path, 'cluster'],
      'value',
      `no cluster is named "${wanted}"`,
      didYouMean(wanted, names, 'clusters here'),
    )
  }
}

function checkUnused(listeners: readonly Entry[], clusters: readonly Entry[], warning: Report): void {
  const wanted = listeners.flatMap((listener) => textOf(listener, 'cluster') ?? [])
  for (const cluster of clusters) {
    const name = textOf(cluster, 'name')
    if (name === undefined || wanted.includes(name)) continue
    // A listener that mistyped this name is told so; then this one is no mistake of its own.
    if (wanted.some((word) => nearest(word, [name]) === name)) continue
    warning(
      [...cluster.path, 'name'],
      'value',
      `no listener uses cluster "${name}"`,
      'remove it, or point a listener to it',
    )
  }
}

interface Bound {
  readonly path: Path
  readonly address: Address
}

function boundAddresses(root: unknown, listeners: readonly Entry[]): Bound[] {
  const admin = isMapping(root) && isMapping(root.admin) ? [{ path: ['admin'], fields: root.admin }] : []
  return [...admin, ...listeners].flatMap((entry: Entry) => {
    const address = parseAddress(textOf(entry, 'address') ?? '')
    return address === undefined ? [] : [{ path: [...entry.path, 'address'], address }]
  })
}

/** Whether both can't be bound at once, as far as one can tell without resolving names. */
function areSame(a: Address, b: Address): boolean {
  if (a.kind === 'unix' || b.kind === 'unix') return a.kind === 'unix' && b.kind === 'unix' && a.path === b.path
  if (a.port !== b.port || a.port === 0) return false
  return plainHost(a.host) === plainHost(b.host) || isWildcard(a.host) || isWildcard(b.host)
}

function checkAddresses(root: unknown, listeners: readonly Entry[], error: Report): void {
  const bound = boundAddresses(root, listeners)
  bound.forEach((later, index) => {
    const earlier = bound.slice(0, index).find(({ address }) => areSame(address, later.address))
    if (earlier === undefined) return
    const message = `${formatAddress(later.address)} is taken by ${formatPath(earlier.path)}`
    error(later.path, 'value', message, 'give each its own port')
  })
}

/** Ports for members that another address already has: the member that gets one could not be reached. */
function checkMemberPorts(root: unknown, listeners: readonly Entry[], error: Report): void {
  const bound = boundAddresses(root, listeners)
  for (const { path, fields } of listeners) {
    const own = parseAddress(typeof fields.address === 'string' ? fields.address : '')
    if (fields.mode !== 'members' || own?.kind !== 'tcp') continue
    for (const [at, first, last] of memberPorts(path, fields)) {
      const other = bound.find(({ address }) => {
        const isInside = address.kind === 'tcp' && address.port >= first && address.port <= last
        return isInside && areSame(address, { ...own, port: address.port })
      })
      if (other === undefined) continue
      const message = `${formatAddress(other.address)} is taken by ${formatPath(other.path)}`
      error(at, 'value', message, 'leave its port out')
    }
  }
}

function memberPorts(path: Path, { members, member_ports: range }: Record<string, unknown>) {
  const ports: [at: Path, first: number, last: number][] = []
  const [, low, high = low] = /^\s*(\d+)(?:\s*-\s*(\d+))?\s*$/.exec(String(range ?? '')) ?? []
  if (low !== undefined && Number(low) > 0) ports.push([[...path, 'member_ports'], Number(low), Number(high)])
  for (const [name, member] of Object.entries(isMapping(members) ? members : {})) {
    const port = isMapping(member) ? member.port : undefined
    if (typeof port === 'number' && port > 0) ports.push([[...path, 'members', name, 'port'], port, port])
  }
  return ports
}

/** A listener whose cluster leads back to itself would fill every file descriptor with one client. */
function checkLoops(listeners: readonly Entry[], clusters: readonly Entry[], error: Report): void {
  for (const listener of listeners) {
    const own = parseAddress(textOf(listener, 'address') ?? '')
    const cluster = clusters.find((entry) => textOf(entry, 'name') === textOf(listener, 'cluster'))
    const hosts = cluster?.fields.hosts
    if (own === undefined || cluster === undefined || !Array.isArray(hosts)) continue
    hosts.forEach((host, index) => {
      const text = isMapping(host) ? host.address : host
      const address = typeof text === 'string' ? parseAddress(text) : undefined
      if (address === undefined || !areSame(own, address) || !isLocal(address)) return
      const message = `this is the address of ${formatPath(listener.path)}: it would connect to itself`
      error([...cluster.path, 'hosts', index], 'value', message, 'write the address of the database')
    })
  }
}

/** A listener on all interfaces is only known to be itself on addresses that are surely this machine. */
const isLocal = (address: Address): boolean =>
  address.kind === 'unix' || ['127.0.0.1', '::1', '0.0.0.0', '::'].includes(plainHost(address.host))

function checkAdminReach(root: unknown, warning: Report): void {
  const admin = isMapping(root) && isMapping(root.admin) ? root.admin.address : undefined
  const address = typeof admin === 'string' ? parseAddress(admin) : undefined
  if (address?.kind !== 'tcp' || isLoopback(address.host)) return
  const message = 'the admin pages are open to everyone who reaches this address: they have no login'
  warning(['admin', 'address'], 'value', message, 'bind it to 127.0.0.1, or close the port to others')
}
