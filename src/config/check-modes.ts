import { parseAddress } from '../core/units.js'
import { MONGODB_PORT } from './database-uri.js'
import { portsBehind } from './listener-mode.js'
import { isMapping, type Path, valueAt } from './path.js'
import type { Report } from './problems.js'

export interface ListenerEntry {
  readonly path: Path
  readonly fields: Record<string, unknown>
}

/** Keys that only mode `members` reads. */
const MEMBER_KEYS = ['members', 'member_ports', 'state_file', 'advertise']
/** Protocols whose clients dial a name that oplens should know: requests carry it. */
const ADVERTISED = new Set(['dynamodb', 'http'])

/** What a listener's mode asks of the rest of its entry. */
export function checkModes(
  listeners: readonly ListenerEntry[],
  written: unknown,
  error: Report,
  warning: Report,
): void {
  for (const listener of listeners) {
    const { mode, protocol } = listener.fields
    if (mode === 'load_balanced') {
      const message = 'mode load_balanced is not supported by this version of oplens'
      error([...listener.path, 'mode'], 'value', message, 'supported: members, primary, transparent')
    } else if (protocol !== 'mongodb' && mode !== 'transparent' && typeof mode === 'string') {
      error([...listener.path, 'mode'], 'value', `mode ${mode} is for protocol mongodb`, 'leave mode out')
    } else if (mode === 'members') checkMembers(listener, written, error, warning)
    else checkNoMemberKeys(listener, error)
  }
}

function checkNoMemberKeys({ path, fields }: ListenerEntry, error: Report): void {
  if (fields.rewrite_status === true) {
    error([...path, 'rewrite_status'], 'key', 'rewrite_status is read in mode members only', 'remove it')
  }
  for (const key of MEMBER_KEYS) {
    if (fields[key] === undefined || (key === 'advertise' && ADVERTISED.has(String(fields.protocol)))) continue
    error([...path, key], 'key', `${key} is read in mode members only`, `remove it, or write mode: members`)
  }
}

function checkMembers({ path, fields }: ListenerEntry, written: unknown, error: Report, warning: Report): void {
  const address = typeof fields.address === 'string' ? parseAddress(fields.address) : undefined
  if (address?.kind === 'unix') {
    const message = 'members are reached over TCP: drivers are told host names and ports'
    error([...path, 'address'], 'value', message, 'write host:port, or mode: primary')
    return
  }
  if (fields.members === undefined && fields.member_ports === undefined) {
    const behind = address === undefined ? undefined : portsBehind(fields.address).member_ports
    error(
      [...path, 'mode'],
      'value',
      'no ports for the members of the set',
      `add member_ports: ${behind ?? '27101-27150'}`,
    )
  }
  if (address !== undefined && ['0.0.0.0', '::'].includes(address.host) && fields.advertise === undefined) {
    const message = 'clients have to be told a host name: an address of all interfaces is none'
    error([...path, 'address'], 'value', message, 'add advertise: NAME, the name that clients know this machine by')
  }
  const isWritten = valueAt(written, [...path, 'member_ports']) !== undefined
  if (isWritten && !isAnyPort(fields.member_ports)) {
    const message = 'ports are given to members by first appearance: right for one proxy only'
    const suggestion =
      fields.state_file === undefined ? 'name them in members:, or at least keep them in a state_file' : ''
    if (suggestion !== '') warning([...path, 'member_ports'], 'value', message, suggestion)
  }
  checkPortsApart(path, fields.members, error)
}

const withPort = (name: string): string => (/:\d+$/.test(name) ? name : `${name}:${MONGODB_PORT}`).toLowerCase()

const isAnyPort = (ports: unknown): boolean => ports === 0 || ports === '0'

/** Two spellings of one name, or one port twice. */
function checkPortsApart(path: Path, members: unknown, error: Report): void {
  if (!isMapping(members)) return
  const taken = new Map<number, string>()
  const spelled = new Map<string, string>()
  for (const name of Object.keys(members)) {
    const whole = withPort(name)
    const other = spelled.get(whole)
    if (other === undefined) spelled.set(whole, name)
    else error([...path, 'members', name], 'key', `this is ${other} again`, 'keep one of them')
  }
  for (const [name, member] of Object.entries(members)) {
    const port = isMapping(member) ? member.port : undefined
    if (typeof port !== 'number' || port === 0) continue
    const other = taken.get(port)
    if (other === undefined) taken.set(port, name)
    else
      error([...path, 'members', name, 'port'], 'value', `port ${port} is taken by ${other}`, 'give each its own port')
  }
}
