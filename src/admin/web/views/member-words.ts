// Words about members and hosts, for the overview and their own view.

import type { ClusterReport, HostReport, MemberReport, TopologyReport } from '../../frames.js'
import { count, counted, visible } from '../data/format.js'

const KINDS: Readonly<Record<TopologyReport['kind'], string>> = {
  unknown: 'Members not known yet',
  replica_set: 'Replica set',
  standalone: 'Standalone server',
  routers: 'Routers',
}

export const ROLES: Readonly<Record<MemberReport['role'], string>> = {
  primary: 'Primary',
  secondary: 'Secondary',
  arbiter: 'Arbiter',
  other: 'Not in service',
  standalone: 'Standalone',
  router: 'Router',
  unknown: 'Role unknown',
}

export function titleOf({ kind, setName }: TopologyReport): string {
  return setName === '' ? KINDS[kind] : `${KINDS[kind]} ${visible(setName)}`
}

export const isLeaderless = ({ kind, primary }: TopologyReport): boolean => kind === 'replica_set' && primary === ''

export const hasTrouble = (topology: TopologyReport): boolean =>
  isLeaderless(topology) || topology.members.some(({ isUp }) => !isUp)

/** No number in it moves by itself: it is read out when it changes. */
export function setSummary(topology: TopologyReport): string {
  const { members, primary } = topology
  const up = members.filter(({ isUp }) => isUp).length
  const lead = isLeaderless(topology) ? 'No primary. ' : primary === '' ? '' : `Primary ${visible(primary)}. `
  return `${lead}${up} of ${members.length} up.`
}

export function hostsSummary({ hosts, isPanic }: ClusterReport): string {
  if (isPanic) return 'No host is usable: all are used.'
  const healthy = hosts.filter(({ health }) => health?.state === 'healthy').length
  return `${healthy} of ${hosts.length} healthy.`
}

export function sinceTheStart({ kind, stats }: TopologyReport): string {
  const parts = [
    ...(kind === 'replica_set'
      ? [counted(stats.elections, 'election'), counted(stats.reconfigs, 'reconfiguration')]
      : []),
    counted(stats.probeFailures, 'failed probe'),
    stats.identityMismatches > 0
      ? `${counted(stats.identityMismatches, 'answer')} of a node that was not the member asked for`
      : '',
  ]
  return `Since the start: ${parts.filter((part) => part !== '').join(', ')}.`
}

/** Where clients reach a member; why not, when they can't. */
export function addressWords({ listeners }: MemberReport): string {
  const of = (listener: string) => (listeners.length > 1 ? ` (${visible(listener)})` : '')
  const standing = listeners.filter(({ address }) => address !== '')
  const missing = listeners.filter(({ address }) => address === '')
  const addresses = standing.map(({ listener, address }) => `${visible(address)}${of(listener)}`)
  const parts = [
    addresses.length === 0 ? '' : `Clients reach it at ${addresses.join(', ')}.`,
    ...missing.map(({ listener, reason }) => `Clients can’t reach it${of(listener)}: ${visible(reason)}.`),
  ]
  return parts.filter((part) => part !== '').join(' ')
}

export function memberNotes({ role, isSeed, isHidden, isArbiter, tags, host }: MemberReport): string {
  const notes = [
    isSeed ? 'only configured, not named by the set' : '',
    isHidden ? 'hidden' : '',
    isArbiter && role !== 'arbiter' ? 'arbiter' : '',
    ...Object.entries(tags).map(([name, value]) => `${visible(name)}=${visible(value)}`),
    host === null || host.connections === 0 ? '' : counted(host.connections, 'connection'),
    failures(host),
  ]
  return notes.filter((note) => note !== '').join(', ')
}

export function failures(host: HostReport | null): string {
  return host === null || host.failures === 0
    ? ''
    : `${count(host.failures)} failed of ${count(host.operations)} operations`
}
