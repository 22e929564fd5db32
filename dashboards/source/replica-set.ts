import { FAMILIES as F, type Family } from '../../src/observe/families.js'
import { board } from './board.js'
import { increase, max, meanBy, min, observedBy, quantileBy, rateBy, series, sum } from './expressions.js'
import { events, graph, states, target, type Words } from './vocabulary.js'

const MEMBER = ['cluster', 'host']
const MEMBER_NAME = '{{cluster}} {{host}}'
const ROLE = [...MEMBER, 'role']
const D = F.upstreamDuration

const ROLES: Words = {
  1: ['primary', 'green'],
  2: ['secondary', 'blue'],
  3: ['arbiter', 'purple'],
  4: ['other', 'orange'],
  5: ['unknown', 'red'],
}
/** The number of each role's word; `or` takes the first that a member has. */
const ROLE_NOW = [
  ['primary', 1],
  ['secondary', 2],
  ['arbiter', 3],
  ['other|standalone|router', 4],
  ['unknown', 5],
]
  .map(([role, word]) => `${word} * ${max(MEMBER, series(F.memberRole, { where: [`role=~"${role}"`] }))}`)
  .join(' or ')

const happened = (family: Family, what: string, labels: readonly string[] = ['cluster']) =>
  target(sum(labels, increase(series(family))), `${labels.map((label) => `{{${label}}}`).join(' ')} ${what}`)

export const replicaSet = board({
  uid: 'oplens-replica-set',
  title: 'Replica set',
  description:
    'Members of watched replica sets: what they are, whether they answer, how far behind they are, and how fast each is.',
  variables: ['job', 'instance', 'cluster'],
  rows: [
    {
      title: 'Members',
      panels: [
        states(
          {
            title: 'Role',
            description:
              'One primary at a time. None for more than seconds: look for a majority of members that are up. Changes again and again: the network between members, or an overloaded primary.',
            span: 12,
          },
          ROLES,
          target(ROLE_NOW, MEMBER_NAME),
        ),
        states(
          {
            title: 'Up',
            description:
              'Down when any proxy finds that the member does not answer, has left the set, or is another than it should be. /clusters on the admin address tells why.',
            span: 12,
          },
          { 0: ['down', 'red'], 1: ['up', 'green'] },
          target(min(MEMBER, series(F.memberUp)), MEMBER_NAME),
        ),
        graph(
          {
            title: 'Replication lag',
            description:
              'How far a member is behind the primary. Reads from it are that old, and w: majority waits. Look at its disk, its load and long index builds.',
            unit: 's',
          },
          target(max(MEMBER, series(F.memberLag)), MEMBER_NAME),
        ),
        graph(
          {
            title: 'Round trip',
            description:
              'Of a probe, as a moving average: the network and how soon the member gets to answer. One member alone: its machine or its zone.',
            unit: 's',
          },
          target(max(MEMBER, series(F.memberRtt)), MEMBER_NAME),
        ),
        graph(
          {
            title: 'Members without a listener',
            description:
              'Members that clients can not be led to. Anything but 0: give them a port in the config (members, member_ports).',
            unit: 'short',
          },
          target(max(['listener'], series(F.membersWithoutListener)), '{{listener}}'),
        ),
      ],
    },
    {
      title: 'Elections and news',
      panels: [
        events(
          {
            title: 'Elections',
            description:
              'Changes of primary, and of the member list. Each election fails the writes in flight. Without a planned step-down, ask the members’ logs why.',
          },
          happened(F.elections, 'elections'),
          happened(F.reconfigs, 'reconfigurations'),
        ),
        events(
          {
            title: 'Reports not believed',
            description:
              'Probes that failed, and reports that a newer one had overtaken. A few beside an election are normal; many are a split network.',
          },
          happened(F.probeFailures, 'failed'),
          happened(F.stalePrimaryReports, 'stale primary'),
          happened(F.outdatedReports, 'outdated'),
        ),
        events(
          {
            title: 'Names not taken',
            description:
              'Nodes that call themselves by another member’s name, and names left out. Both want a look at the set’s config and at dial.',
          },
          happened(F.identityMismatches, 'identity mismatch'),
          happened(F.namesRefused, 'names refused'),
        ),
        events(
          {
            title: 'Clients turned away',
            description:
              'Connections refused for want of a primary, of the member, or of any host. Drivers try again; it should end with the election.',
            span: 12,
          },
          happened(F.noPrimary, 'no primary'),
          happened(F.memberDown, 'member down'),
          happened(F.noUsableHost, 'no usable host'),
        ),
        events(
          {
            title: 'Hellos',
            description:
              'Replies of the hello family by what was done. failed and identity_mismatch close their connection, so that no driver is led past the proxy: please report failed ones.',
            span: 12,
          },
          happened(F.helloRewrites, '', ['listener', 'result']),
        ),
      ],
    },
    {
      title: 'Latency by member',
      panels: [
        graph(
          {
            title: 'p99',
            description:
              'By the member that answered, and its role then. A slow primary is load or locks; one slow secondary is its machine: take it out of reads.',
            unit: 's',
          },
          target(quantileBy(0.99, D, ROLE), `${MEMBER_NAME} {{role}}`),
        ),
        graph(
          {
            title: 'Mean',
            description: 'Steadier than the p99. Members of one role should be alike.',
            unit: 's',
          },
          target(`${meanBy(D, ROLE)} > 0`, `${MEMBER_NAME} {{role}}`),
        ),
        graph(
          {
            title: 'Operations',
            description:
              'Where reads and writes go. Secondaries without any: read preference is primary, or their members are out of its latency window.',
            unit: 'ops',
          },
          target(observedBy(D, ROLE), `${MEMBER_NAME} {{role}}`),
        ),
      ],
    },
    {
      title: 'Connections by member',
      panels: [
        graph(
          {
            title: 'Open',
            description:
              'Pools of all clients together. Near the server’s own limit it refuses: lower pool sizes, or find who opens so many.',
            unit: 'short',
          },
          target(sum(MEMBER, series(F.upstreamActive)), MEMBER_NAME),
        ),
        graph(
          {
            title: 'Opened',
            description:
              'New connections per second. Steady churn costs logins and TLS handshakes: pools are too small, or connections are cut on the way.',
            unit: 'cps',
          },
          target(rateBy(F.upstreamTotal, MEMBER), MEMBER_NAME),
        ),
        graph(
          {
            title: 'Failed operations',
            description:
              'Outcomes that the member may be to blame for, per second. One member alone: restart it or take it out.',
            unit: 'ops',
          },
          target(rateBy(F.upstreamOperationsFailed, MEMBER), MEMBER_NAME),
        ),
      ],
    },
  ],
})
