import type { MemberTraffic } from '../../../core/reports.js'
import type { ClusterReport, HostReport, MemberReport, TopologyReport } from '../../frames.js'
import { count, counted, duration, perSecond, visible } from '../data/format.js'
import type { State } from '../data/store.js'
import { Loading, Title } from '../parts/small.js'
import {
  addressWords,
  failures,
  hostsSummary,
  isLeaderless,
  memberNotes,
  ROLES,
  setSummary,
  sinceTheStart,
  titleOf,
} from './member-words.js'

/** Replica sets and checked hosts: a card for each, in the cluster's own order, so that an election moves the mark and not the cards. */
export function Members({ state: { frame } }: { readonly state: State }) {
  if (frame === undefined) return <Loading />
  const { topologies = [], checked = [] } = frame
  return (
    <>
      <Title>Members</Title>
      {topologies.length + checked.length === 0 && (
        <p class="nothing">
          No cluster has members that are watched or hosts that are checked. <a href="/clusters">/clusters</a> has its
          hosts.
        </p>
      )}
      {topologies.map((topology) => (
        <ReplicaSet key={topology.cluster} topology={topology} />
      ))}
      {checked.map((cluster) => (
        <Hosts key={cluster.name} cluster={cluster} />
      ))}
    </>
  )
}

function ReplicaSet({ topology }: { readonly topology: TopologyReport }) {
  const { members, cluster } = topology
  // At least one per second: a lone ping is no full bar.
  const top = Math.max(1, ...members.map(({ host }) => host?.traffic?.rate ?? 0))
  const mood = isLeaderless(topology) ? 'bad' : members.some(({ isUp }) => !isUp) ? 'warn' : ''
  return (
    <details class="set" open>
      <summary>
        <h3>{titleOf(topology)}</h3> <span class="of">cluster {visible(cluster)}</span>{' '}
        <span class={`summary ${mood}`}>{setSummary(topology)}</span>
      </summary>
      <p class="counters">{sinceTheStart(topology)}</p>
      <ul class="members">
        {members.map((member) => (
          <Member key={member.name} member={member} top={top} />
        ))}
      </ul>
    </details>
  )
}

function Member({ member, top }: { readonly member: MemberReport; readonly top: number }) {
  const { name, role, isPrimary, isUp, reason, host, listeners } = member
  const isAsked = isUp || reason !== ''
  const traffic = host?.traffic ?? null
  const classes = `member${isPrimary ? ' primary' : ''}${!isUp && isAsked ? ' down' : ''}`
  return (
    <li class={classes} style={{ '--share': String((traffic?.rate ?? 0) / top) }}>
      <h4>{visible(name)}</h4>
      <p class="marks">
        <span class="role">{ROLES[role]}</span>
        <span class={`health ${isUp ? 'up' : isAsked ? 'bad' : ''}`}>
          {isUp ? 'up' : isAsked ? 'down' : 'not asked yet'}
        </span>
      </p>
      {reason !== '' && <p class="reason">{visible(reason)}</p>}
      <dl>
        <MemberNumber
          term="Ops/s"
          hint="Operations that it answered, per second over the last five seconds"
          value={traffic === null ? '–' : perSecond(traffic.rate)}
        />
        <MemberNumber
          term="p99"
          hint={
            isOld(traffic)
              ? 'Since the start: nothing ended in the last minute'
              : '99 of 100 answers took no longer, over the last minute'
          }
          value={duration(traffic?.p99Ms ?? null)}
          isOld={isOld(traffic)}
        />
        <MemberNumber
          term="Lag"
          hint="How far its data is behind the primary"
          value={member.lagMs === 0 ? '0 ms' : duration(member.lagMs)}
        />
        <MemberNumber term="Round trip" hint="Of a probe, moving average" value={duration(member.rttMs)} />
      </dl>
      {listeners.length > 0 && (
        <p class={`at${listeners.some(({ address }) => address === '') ? ' bad' : ''}`}>{addressWords(member)}</p>
      )}
      <p class="notes">{memberNotes(member)}</p>
    </li>
  )
}

const isOld = (traffic: MemberTraffic | null): boolean =>
  traffic !== null && traffic.p99Ms !== null && !traffic.isRecent

interface NumberProps {
  readonly term: string
  readonly hint: string
  readonly value: string
  readonly isOld?: boolean
}

const MemberNumber = ({ term, hint, value, isOld = false }: NumberProps) => (
  <div title={hint}>
    <dt>{term}</dt>
    <dd class={isOld ? 'old' : ''}>{value}</dd>
  </div>
)

function Hosts({ cluster }: { readonly cluster: ClusterReport }) {
  const { name, hosts, isPanic } = cluster
  const mood = isPanic ? 'bad' : hosts.some(({ health }) => health?.state === 'unhealthy') ? 'warn' : ''
  return (
    <details class="set" open>
      <summary>
        <h3>Hosts of {visible(name)}</h3> <span class={`summary ${mood}`}>{hostsSummary(cluster)}</span>
      </summary>
      <ul class="members">
        {hosts.map((host) => (
          <HostCard key={host.name} host={host} />
        ))}
      </ul>
    </details>
  )
}

function HostCard({ host }: { readonly host: HostReport }) {
  const { name, health, traffic, connections } = host
  const state = health?.state ?? 'unknown'
  const isBad = state === 'unhealthy'
  const notes = [
    traffic === null ? '' : `${perSecond(traffic.rate)} operations per second, p99 ${duration(traffic.p99Ms)}`,
    counted(connections, 'connection'),
    failures(host),
    host.failures === 0 ? `${count(host.operations)} operations` : '',
  ]
  return (
    <li class={`member${isBad ? ' down' : ''}`}>
      <h4>{visible(name)}</h4>
      <p class="marks">
        <span class={`health ${state === 'healthy' ? 'up' : isBad ? 'bad' : ''}`}>
          {state === 'unknown' ? 'not checked yet' : state}
        </span>
      </p>
      {health !== null && health.reason !== '' && <p class="reason">{visible(health.reason)}</p>}
      <p class="notes">{notes.filter((note) => note !== '').join(', ')}</p>
    </li>
  )
}
