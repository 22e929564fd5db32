import { createRequire } from 'node:module'
import { connect, type Socket } from 'node:net'
import { ObjectId } from 'bson'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { mongodbProbe } from '../../src/codecs/mongodb/probe.js'
import { systemClock } from '../../src/core/clock.js'
import { DecodeError, UpstreamError } from '../../src/core/errors.js'
import { type Logger, silentLogger } from '../../src/core/logger.js'
import type { MemberReport, Probe, ProbeSession } from '../../src/core/probe.js'
import type { TopologyEvent, TopologyMember, TopologySnapshot } from '../../src/core/topology.js'
import { startDemoSet } from '../../src/demo/mongod/set/set.js'
import { MemberMonitor } from '../../src/upstream/topology/member-monitor.js'
import type { Dial } from '../../src/upstream/topology/probe-connection.js'
import { connectFailure } from '../../src/upstream/topology/probe-failure.js'
import { Topology } from '../../src/upstream/topology/topology.js'
import { TopologyMonitor, type TopologyMonitorParts } from '../../src/upstream/topology/topology-monitor.js'
import { FakeClock } from '../support/fake-clock.js'
import { heardEnd, refusedPort, type StubServer, startStub } from '../support/stub-tcp.js'

const ABC = ['a:1', 'b:1', 'c:1']

/** What a scripted member says; what is left out is as in a set `rs0` of a, b and c. */
interface Words {
  readonly role?: MemberReport['role']
  readonly me?: string
  readonly set?: string
  readonly peers?: readonly string[]
  readonly arbiters?: readonly string[]
  readonly epoch?: number
  readonly hidden?: boolean
  readonly tags?: Readonly<Record<string, string>>
  readonly written?: number
  /** Process and counter. */
  readonly version?: readonly [string, number]
  /** Over the wire: the next report comes unasked. */
  readonly more?: boolean
}

const toReport = (asked: string, words: Words): MemberReport => ({
  role: words.role ?? 'secondary',
  name: words.me ?? asked,
  setName: words.set ?? 'rs0',
  peers: words.peers ?? ABC,
  arbiters: words.arbiters ?? [],
  primaryName: '',
  isHidden: words.hidden ?? false,
  tags: new Map(Object.entries(words.tags ?? {})),
  lastWriteWallMs: words.written ?? 0,
  epoch: words.epoch === undefined ? undefined : { opaque: words.epoch },
  version: words.version === undefined ? undefined : { opaque: words.version },
})

const order: Pick<Probe, 'compareEpochs' | 'isOutdated'> = {
  compareEpochs: (a, b) => Number(a.opaque) - Number(b.opaque),
  isOutdated(next, last) {
    const [process, counter] = (next.version?.opaque ?? ['', 0]) as [string, number]
    const [lastProcess, lastCounter] = (last.version?.opaque ?? [' ', 0]) as [string, number]
    return process === lastProcess && counter < lastCounter
  },
}

const primary = (epoch: number | undefined, words: Words = {}): Words => ({
  role: 'primary',
  ...(epoch === undefined ? {} : { epoch }),
  ...words,
})
const secondary: Words = {}

/** A member's name and what is heard of it: its words, or why it can't be reached. */
type Step = readonly [name: string, heard: Words | string]

function play(topology: Topology, steps: readonly Step[], nowMs = 0): TopologyEvent[] {
  return steps.flatMap(([name, heard]) =>
    typeof heard === 'string'
      ? topology.failed(name, heard, nowMs)
      : topology.reported(name, toReport(name, heard), nowMs),
  )
}

function showMember(member: TopologyMember): string {
  const marks = [member.isSeed ? 'seed' : '', member.isHidden ? 'hidden' : '', member.isArbiter ? 'arbiter' : '']
  const state = member.isUp ? member.role : 'down'
  const words = [member.name, ...marks, state === 'arbiter' ? 'up' : state].filter((word) => word !== '').join(' ')
  return member.reason === '' ? words : `${words}: ${member.reason}`
}

const show = (snapshot: TopologySnapshot): string[] => [
  `${snapshot.kind} ${snapshot.setName} > ${snapshot.primary}`,
  ...snapshot.members.map(showMember),
]

function tell(event: TopologyEvent): string {
  switch (event.kind) {
    case 'member_added':
      return `+${event.name}`
    case 'member_removed':
      return `-${event.name}`
    case 'member_confirmed':
      return `=${event.name}`
    case 'member_up':
      return `${event.name} up`
    case 'member_down':
      return `${event.name} down: ${event.reason}`
    case 'role_changed':
      return `${event.name} ${event.from}>${event.to}`
    case 'primary_changed':
      return `primary ${event.from}>${event.to}`
    default:
      return event satisfies never
  }
}

interface Row {
  readonly name: string
  readonly seeds?: readonly string[]
  readonly setName?: string
  /** Silent: what brings the set to where the row begins. */
  readonly before?: readonly Step[]
  readonly steps: readonly Step[]
  readonly shows: readonly string[]
  readonly events?: readonly string[]
  readonly stats?: Readonly<Record<string, number>>
}

const ROUTER: Words = { role: 'router', set: '', me: '', peers: [] }
const HEALTHY: readonly Step[] = [
  ['a:1', primary(1)],
  ['b:1', secondary],
  ['c:1', secondary],
]
const REPLACED = 'a later election replaced it as primary'

const rows: readonly Row[] = [
  {
    name: 'one seed finds the whole set',
    seeds: ['a:1'],
    steps: [
      ['a:1', primary(1)],
      ['b:1', secondary],
      ['c:1', 'gone'],
    ],
    shows: ['replica_set rs0 > a:1', 'a:1 primary', 'b:1 secondary', 'c:1 down: gone'],
    events: [
      ...['=a:1', 'a:1 up', 'a:1 unknown>primary', '+b:1', '+c:1', 'primary >a:1'],
      ...['b:1 up', 'b:1 unknown>secondary'],
      'c:1 down: gone',
    ],
    stats: { elections: 0, reconfigs: 0, probeFailures: 1 },
  },
  {
    name: 'an election is two changes of role and one of primary',
    before: HEALTHY,
    steps: [
      ['a:1', secondary],
      ['b:1', primary(2)],
    ],
    shows: ['replica_set rs0 > b:1', 'a:1 secondary', 'b:1 primary', 'c:1 secondary'],
    events: ['a:1 primary>secondary', 'primary a:1>', 'b:1 secondary>primary', 'primary >b:1'],
    stats: { elections: 1, reconfigs: 0 },
  },
  {
    name: 'an election told by the winner first needs no word of the loser',
    before: HEALTHY,
    steps: [
      ['b:1', primary(2)],
      ['a:1', secondary],
    ],
    shows: ['replica_set rs0 > b:1', 'a:1 secondary', 'b:1 primary', 'c:1 secondary'],
    events: ['a:1 primary>other', 'b:1 secondary>primary', 'primary a:1>b:1', 'a:1 other>secondary'],
    stats: { elections: 1, stalePrimaryReports: 0 },
  },
  {
    name: 'a split: the old primary goes on claiming and is not believed, nor is its list',
    before: HEALTHY,
    steps: [
      ['b:1', primary(2)],
      ['a:1', primary(1, { peers: ['a:1', 'z:1'] })],
      ['a:1', primary(1, { peers: ['a:1', 'z:1'] })],
    ],
    shows: ['replica_set rs0 > b:1', `a:1 other: ${REPLACED}`, 'b:1 primary', 'c:1 secondary'],
    events: ['a:1 primary>other', 'b:1 secondary>primary', 'primary a:1>b:1'],
    stats: { elections: 1, stalePrimaryReports: 2, reconfigs: 0 },
  },
  {
    name: 'an old primary is not believed either after the new one is lost',
    before: HEALTHY,
    steps: [
      ['b:1', primary(2)],
      ['b:1', 'gone'],
      ['a:1', primary(1)],
    ],
    shows: ['replica_set rs0 > ', `a:1 other: ${REPLACED}`, 'b:1 down: gone', 'c:1 secondary'],
    stats: { elections: 1, stalePrimaryReports: 1 },
  },
  {
    name: 'a primary that tells no election is not believed in a set that has had some',
    before: HEALTHY,
    steps: [['b:1', primary(undefined)]],
    shows: ['replica_set rs0 > a:1', 'a:1 primary', `b:1 other: ${REPLACED}`, 'c:1 secondary'],
    stats: { elections: 0 },
  },
  {
    name: 'of two primaries that nothing orders the last to speak is believed',
    steps: [
      ['a:1', primary(undefined)],
      ['b:1', primary(undefined)],
    ],
    shows: ['replica_set rs0 > b:1', `a:1 other: ${REPLACED}`, 'b:1 primary', 'c:1 down'],
    stats: { elections: 1 },
  },
  {
    name: 'a primary that is lost and comes back was not elected',
    before: HEALTHY,
    steps: [
      ['a:1', 'gone'],
      ['a:1', primary(1)],
    ],
    shows: ['replica_set rs0 > a:1', 'a:1 primary', 'b:1 secondary', 'c:1 secondary'],
    events: [
      ...['a:1 down: gone', 'a:1 primary>unknown', 'primary a:1>'],
      ...['a:1 up', 'a:1 unknown>primary', 'primary >a:1'],
    ],
    stats: { elections: 0, probeFailures: 1 },
  },
  {
    name: 'a primary that stepped down and was elected again was elected',
    before: HEALTHY,
    steps: [
      ['a:1', secondary],
      ['a:1', primary(2)],
    ],
    shows: ['replica_set rs0 > a:1', 'a:1 primary', 'b:1 secondary', 'c:1 secondary'],
    stats: { elections: 1 },
  },
  {
    name: 'a reconfiguration adds and removes by the primary alone',
    before: HEALTHY,
    steps: [
      ['b:1', { peers: ['a:1', 'b:1', 'c:1', 'x:1'] }],
      ['a:1', primary(2, { peers: ['a:1', 'b:1', 'd:1'] })],
      ['b:1', secondary],
      ['c:1', secondary],
    ],
    shows: ['replica_set rs0 > a:1', 'a:1 primary', 'b:1 secondary', 'd:1 down'],
    events: ['-c:1', '+d:1'],
    stats: { elections: 0, reconfigs: 1 },
  },
  {
    name: 'without a primary secondaries add members and remove none',
    steps: [
      ['b:1', { peers: ['a:1', 'b:1', 'd:1'] }],
      ['a:1', { peers: ['a:1', 'e:1'] }],
    ],
    shows: ['replica_set rs0 > ', ...['a:1 secondary', 'b:1 secondary', 'c:1 seed down', 'd:1 down', 'e:1 down']],
    stats: { reconfigs: 0 },
  },
  {
    name: 'a renamed secondary is one that leaves and one that comes',
    before: HEALTHY,
    steps: [
      ['c:1', { me: 'n:1', peers: ['a:1', 'b:1', 'n:1'] }],
      ['a:1', primary(2, { peers: ['a:1', 'b:1', 'n:1'] })],
      ['n:1', { peers: ['a:1', 'b:1', 'n:1'] }],
    ],
    shows: ['replica_set rs0 > a:1', 'a:1 primary', 'b:1 secondary', 'n:1 secondary'],
    events: [
      ...['c:1 down: it calls itself "n:1"', 'c:1 secondary>unknown'],
      ...['-c:1', '+n:1', 'n:1 up', 'n:1 unknown>secondary'],
    ],
    stats: { reconfigs: 1, identityMismatches: 1, elections: 0 },
  },
  {
    name: 'a renamed primary was not elected',
    before: HEALTHY,
    steps: [
      ['a:1', primary(2, { me: 'n:1', peers: ['n:1', 'b:1', 'c:1'] })],
      ['n:1', primary(2, { peers: ['n:1', 'b:1', 'c:1'] })],
    ],
    shows: ['replica_set rs0 > n:1', 'b:1 secondary', 'c:1 secondary', 'n:1 primary'],
    events: ['-a:1', '+n:1', 'primary a:1>', 'n:1 up', 'n:1 unknown>primary', 'primary >n:1'],
    stats: { reconfigs: 1, elections: 0 },
  },
  {
    name: "a member whose address leads to another member is down, and the other's role is its own",
    before: HEALTHY,
    steps: [
      ['b:1', primary(1, { me: 'a:1' })],
      ['c:1', { me: 'b:1' }],
    ],
    shows: [
      'replica_set rs0 > a:1',
      ...['a:1 primary', 'b:1 down: it calls itself "a:1"', 'c:1 down: it calls itself "b:1"'],
    ],
    stats: { identityMismatches: 2, elections: 0 },
  },
  {
    name: 'a wrong member is used again once it says the right name',
    before: [...HEALTHY, ['b:1', { me: 'c:1' }]],
    steps: [['b:1', secondary]],
    shows: ['replica_set rs0 > a:1', 'a:1 primary', 'b:1 secondary', 'c:1 secondary'],
    events: ['b:1 up', 'b:1 unknown>secondary'],
  },
  {
    name: 'seeds under other names give way to the names of the set: a primary first',
    seeds: ['LOCALHOST:1', '[::1]:2'],
    steps: [
      ['localhost:1', primary(1, { me: 'a:1' })],
      ['a:1', primary(1)],
      ['[::1]:2', { me: 'b:1' }],
    ],
    shows: ['replica_set rs0 > a:1', 'a:1 primary', 'b:1 down', 'c:1 down'],
    events: [
      ...['-localhost:1', '-[::1]:2', '+a:1', '+b:1', '+c:1'],
      ...['a:1 up', 'a:1 unknown>primary', 'primary >a:1'],
    ],
    stats: { elections: 0, identityMismatches: 0, reconfigs: 0 },
  },
  {
    name: 'seeds under other names give way to the names of the set: secondaries only',
    seeds: ['s:1', 's:2'],
    steps: [
      ['s:1', { me: 'b:1' }],
      ['s:2', { me: 'c:1' }],
      ['[2001:db8::1]:1', 'never asked'],
    ],
    shows: ['replica_set rs0 > ', 'a:1 down', 'b:1 down', 'c:1 down'],
    events: ['-s:1', '+a:1', '+b:1', '+c:1', '-s:2'],
  },
  {
    name: 'IPv6 names are names',
    seeds: ['[2001:DB8::1]:1'],
    steps: [['[2001:db8::1]:1', primary(1, { peers: ['[2001:db8::1]:1', '[2001:db8::2]:1'] })]],
    shows: ['replica_set rs0 > [2001:db8::1]:1', '[2001:db8::1]:1 primary', '[2001:db8::2]:1 down'],
  },
  {
    name: 'a seed that is no member goes when a primary speaks',
    seeds: ['a:1', 'x:1'],
    steps: [
      ['x:1', 'no such name'],
      ['a:1', primary(1)],
    ],
    shows: ['replica_set rs0 > a:1', 'a:1 primary', 'b:1 down', 'c:1 down'],
  },
  {
    name: 'a hidden seed shows what it is until a primary speaks, for no list has it',
    seeds: ['h:1', 'a:1'],
    steps: [['h:1', { hidden: true }]],
    shows: ['replica_set rs0 > ', 'h:1 hidden secondary', 'a:1 down', 'b:1 down', 'c:1 down'],
  },
  {
    name: 'a hidden seed under another name is listed by its own until a primary speaks',
    seeds: ['s:1'],
    steps: [['s:1', { hidden: true, me: 'h:1' }]],
    shows: ['replica_set rs0 > ', 'a:1 down', 'b:1 down', 'c:1 down', 'h:1 down'],
  },
  {
    name: 'arbiters are told apart, by the list and by their own word',
    steps: [
      ['a:1', primary(1, { arbiters: ['b:1'] })],
      ['c:1', { role: 'arbiter' }],
    ],
    shows: ['replica_set rs0 > a:1', 'a:1 primary', 'b:1 arbiter down', 'c:1 arbiter up'],
  },
  {
    name: 'rolling restart: each goes and comes as a new process, the primary last',
    before: [
      ['a:1', primary(1, { version: ['a', 7] })],
      ['b:1', { version: ['b', 7] }],
      ['c:1', { version: ['c', 7] }],
    ],
    steps: [
      ['b:1', 'gone'],
      ['b:1', { role: 'other', version: ['b2', 0] }],
      ['b:1', { version: ['b2', 1] }],
      ['c:1', 'gone'],
      ['c:1', { version: ['c2', 0] }],
      ['a:1', { version: ['a', 8] }],
      ['c:1', primary(2, { version: ['c2', 1] })],
      ['a:1', 'gone'],
      ['a:1', { version: ['a2', 0] }],
    ],
    shows: ['replica_set rs0 > c:1', 'a:1 secondary', 'b:1 secondary', 'c:1 primary'],
    events: [
      ...['b:1 down: gone', 'b:1 secondary>unknown', 'b:1 up', 'b:1 unknown>other', 'b:1 other>secondary'],
      ...['c:1 down: gone', 'c:1 secondary>unknown', 'c:1 up', 'c:1 unknown>secondary'],
      ...['a:1 primary>secondary', 'primary a:1>', 'c:1 secondary>primary', 'primary >c:1'],
      ...['a:1 down: gone', 'a:1 secondary>unknown', 'a:1 up', 'a:1 unknown>secondary'],
    ],
    stats: { elections: 1, probeFailures: 3, outdatedReports: 0 },
  },
  {
    name: 'an overtaken report is ignored, an equal one is not, one of a new process is news',
    before: [['a:1', primary(1, { version: ['p', 5] })]],
    steps: [
      ['a:1', { version: ['p', 4] }],
      ['a:1', primary(1, { version: ['p', 5], tags: { dc: 'x' } })],
      ['a:1', { version: ['q', 0] }],
    ],
    shows: ['replica_set rs0 > ', 'a:1 secondary', 'b:1 down', 'c:1 down'],
    events: ['a:1 primary>secondary', 'primary a:1>'],
    stats: { outdatedReports: 1 },
  },
  {
    name: 'after a failure any report is news',
    before: [
      ['a:1', primary(1, { version: ['p', 5] })],
      ['a:1', 'gone'],
    ],
    steps: [['a:1', { version: ['p', 4] }]],
    shows: ['replica_set rs0 > ', 'a:1 secondary', 'b:1 down', 'c:1 down'],
    stats: { outdatedReports: 0 },
  },
  {
    name: 'a flapping member is told of at each turn, once',
    before: HEALTHY,
    steps: [
      ['c:1', 'gone'],
      ['c:1', 'gone'],
      ['c:1', secondary],
      ['c:1', secondary],
      ['c:1', 'gone'],
    ],
    shows: ['replica_set rs0 > a:1', 'a:1 primary', 'b:1 secondary', 'c:1 down: gone'],
    events: [
      ...['c:1 down: gone', 'c:1 secondary>unknown', 'c:1 up', 'c:1 unknown>secondary'],
      ...['c:1 down: gone', 'c:1 secondary>unknown'],
    ],
    stats: { probeFailures: 3 },
  },
  {
    name: 'all members down: they stay listed, and nobody is primary',
    before: HEALTHY,
    steps: [
      ['b:1', 'gone'],
      ['c:1', 'gone'],
      ['a:1', 'gone'],
    ],
    shows: ['replica_set rs0 > ', 'a:1 down: gone', 'b:1 down: gone', 'c:1 down: gone'],
  },
  {
    name: 'members of another set are listed and not used, whatever they claim',
    setName: 'rs0',
    steps: [
      ['a:1', primary(9, { set: 'rs1', peers: ['z:1'] })],
      ['b:1', primary(1)],
    ],
    shows: ['replica_set rs0 > b:1', 'a:1 down: it is in replica set "rs1"', 'b:1 primary', 'c:1 down'],
  },
  {
    name: 'the first set heard of is the set when none is named',
    steps: [
      ['a:1', secondary],
      ['b:1', { set: 'rs1' }],
    ],
    shows: ['replica_set rs0 > ', 'a:1 secondary', 'b:1 down: it is in replica set "rs1"', 'c:1 down'],
  },
  {
    name: 'a set with an unprintable name is none',
    steps: [['a:1', { set: 'rs\n0' }]],
    shows: [
      'unknown  > ',
      'a:1 seed down: it is in replica set with a malformed name',
      ...['b:1 seed down', 'c:1 seed down'],
    ],
  },
  {
    name: 'a member that has lost its configuration is not used until it has one',
    before: HEALTHY,
    steps: [['b:1', { role: 'other', set: '', me: '', peers: [] }]],
    shows: ['replica_set rs0 > a:1', 'a:1 primary', 'b:1 down: it is in no replica set', 'c:1 secondary'],
  },
  {
    name: 'a standalone server is a set of one and its own primary',
    seeds: ['a:1'],
    steps: [['a:1', { role: 'standalone', set: '', me: '', peers: [] }]],
    shows: ['standalone  > a:1', 'a:1 standalone'],
    events: ['=a:1', 'a:1 up', 'a:1 unknown>standalone', 'primary >a:1'],
  },
  {
    name: 'a standalone server that is made into a set is one',
    seeds: ['a:1'],
    before: [['a:1', { role: 'standalone', set: '', me: '', peers: [] }]],
    steps: [['a:1', primary(1, { peers: ['a:1', 'b:1'] })]],
    shows: ['replica_set rs0 > a:1', 'a:1 primary', 'b:1 down'],
  },
  {
    name: 'a standalone server has no place among several hosts, nor in a set',
    before: [['b:1', { role: 'standalone', set: '', peers: [] }]],
    steps: [
      ['a:1', secondary],
      ['c:1', { role: 'standalone', set: '', peers: [] }],
    ],
    shows: [
      'replica_set rs0 > ',
      ...['a:1 secondary', 'b:1 down: it is a standalone server', 'c:1 down: it is a standalone server'],
    ],
  },
  {
    name: 'a member that was started without its set is not used',
    seeds: ['a:1'],
    before: [['a:1', primary(1, { peers: ['a:1'] })]],
    steps: [['a:1', { role: 'standalone', set: '', me: '', peers: [] }]],
    shows: ['replica_set rs0 > ', 'a:1 down: it is a standalone server'],
  },
  {
    name: 'routers have no primary and take nobody else among them',
    steps: [
      ['a:1', { role: 'router', set: '', me: '', peers: [] }],
      ['b:1', secondary],
      ['c:1', { role: 'router', set: '', me: '', peers: [] }],
    ],
    shows: ['routers  > ', 'a:1 router', 'b:1 seed down: it is in replica set "rs0"', 'c:1 router'],
  },
  {
    name: 'a router has no place in a set',
    before: HEALTHY,
    steps: [['b:1', { role: 'router', set: '', peers: [] }]],
    shows: ['replica_set rs0 > a:1', 'a:1 primary', 'b:1 down: it is a router', 'c:1 secondary'],
  },
  {
    name: 'reports of and about nobody change nothing',
    before: HEALTHY,
    steps: [
      ['x:1', primary(9)],
      ['x:1', 'gone'],
    ],
    shows: ['replica_set rs0 > a:1', 'a:1 primary', 'b:1 secondary', 'c:1 secondary'],
    events: [],
    stats: { probeFailures: 0 },
  },
]

t.test('what is heard makes the topology', (t) => {
  for (const row of rows) {
    const topology = new Topology({ seeds: row.seeds ?? ABC, setName: row.setName ?? '', order })
    play(topology, row.before ?? [])
    const events = play(topology, row.steps)
    t.strictSame(show(topology.snapshot), row.shows, row.name)
    if (row.events !== undefined) t.strictSame(events.map(tell), row.events, `${row.name}: events`)
    t.match(topology.stats, row.stats ?? {}, `${row.name}: counters`)
    const { version } = topology.snapshot
    const again = row.steps.slice(-1)
    if (again[0]?.[1] !== undefined) {
      t.strictSame(play(topology, again), [], `${row.name}: the last report again is no news`)
      t.equal(topology.snapshot.version, version, `${row.name}: nor a new version`)
    }
  }
  t.end()
})

t.test('in whatever order members report, the end is the same when elections are ordered', (t) => {
  const names = ['a:1', 'b:1', 'c:1', 'd:1', 'e:1']
  const role = fc.constantFrom('primary', 'secondary', 'other', 'arbiter', 'gone')
  const list = fc.subarray(names)
  const picture = fc.record({
    roles: fc.array(role, { minLength: 5, maxLength: 5 }),
    lists: fc.array(list, { minLength: 5, maxLength: 5 }),
    first: fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
    second: fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
  })
  const run = fc.property(picture, ({ roles, lists, first, second }) => {
    const primaries = names.filter((_, index) => roles[index] === 'primary')
    const stepOf = (index: number): Step => {
      const name = names[index]!
      const role = roles[index]!
      if (role === 'gone') return [name, 'gone']
      // Every list holds the primaries: a member that is in nobody's list is not asked.
      const peers = names.filter((peer) => primaries.includes(peer) || lists[index]!.includes(peer) || peer === name)
      return [name, { role: role as MemberReport['role'], peers, ...(role === 'primary' ? { epoch: index } : {}) }]
    }
    // Twice, as members are asked again and again: one that a stale primary's list dropped must find its way back.
    const end = (...indexes: readonly number[]) => {
      const topology = new Topology({ seeds: names, setName: 'rs0', order })
      play(topology, indexes.map(stepOf))
      const { members, ...rest } = topology.snapshot
      const sorted = [...members].sort((a, b) => a.name.localeCompare(b.name))
      return show({ ...rest, members: sorted })
    }
    const inOrder = end(0, 1, 2, 3, 4, 0, 1, 2, 3, 4)
    const shuffled = end(...first, ...second)
    return JSON.stringify(inOrder) === JSON.stringify(shuffled)
  })
  fc.assert(run, { numRuns: 300 })
  t.pass('300 pictures')
  t.end()
})

/** What the official driver's engine is made of; it has no types of its own. */
interface DriverTopology {
  readonly servers: ReadonlyMap<string, { readonly type: string }>
  update(server: object): DriverTopology
}
const driver = createRequire(import.meta.url)
const { TopologyDescription } = driver('mongodb/lib/sdam/topology_description.js') as {
  TopologyDescription: new (type: string, servers: ReadonlyMap<string, object>, setName: string) => DriverTopology
}
const { ServerDescription } = driver('mongodb/lib/sdam/server_description.js') as {
  ServerDescription: new (address: string, hello?: object) => object
}
/** The roles that both tell apart; what else we call `other` or `unknown` the driver calls Unknown or RSOther. */
const DRIVER_ROLES = new Map(
  [
    ['RSPrimary', 'primary'],
    ['RSSecondary', 'secondary'],
    ['RSArbiter', 'arbiter'],
  ].flatMap(([theirs = '', ours = '']) => [
    [theirs, ours],
    [ours, ours],
  ]),
)

t.test("members and their roles are what the official driver's engine makes of the same replies", (t) => {
  const names = ['a:1', 'b:1', 'c:1', 'd:1', 'e:1']
  const step = fc.record({
    name: fc.constantFrom(...names),
    role: fc.constantFrom(
      'primary' as const,
      'primary' as const,
      'secondary' as const,
      'other' as const,
      'arbiter' as const,
      'gone' as const,
    ),
    term: fc.integer({ min: 1, max: 4 }),
    setVersion: fc.integer({ min: 1, max: 3 }),
    peers: fc.subarray(names),
  })
  const sequence = fc.record({
    seeds: fc.subarray(names, { minLength: 1 }),
    steps: fc.array(step, { minLength: 5, maxLength: 40 }),
  })
  let compared = 0
  const run = fc.property(sequence, ({ seeds, steps }) => {
    const ours = new Topology({ seeds, setName: 'rs0', order: mongodbProbe })
    const unknown = new Map(seeds.map((seed) => [seed, new ServerDescription(seed)]))
    let theirs = new TopologyDescription('ReplicaSetNoPrimary', unknown, 'rs0')
    for (const { name, role, term, setVersion, peers } of steps) {
      if (!theirs.servers.has(name)) continue
      const hosts = [...new Set([name, ...peers])]
      const electionId = new ObjectId(term.toString(16).padStart(24, '0'))
      const hello = {
        ...{ ok: 1, setName: 'rs0', me: name, hosts, setVersion, maxWireVersion: 21 },
        ...(role === 'primary' ? { isWritablePrimary: true, electionId } : {}),
        ...(role === 'secondary' ? { secondary: true } : {}),
        ...(role === 'arbiter' ? { arbiterOnly: true } : {}),
      }
      if (role === 'gone') {
        theirs = theirs.update(new ServerDescription(name))
        ours.failed(name, 'gone', 0)
      } else {
        theirs = theirs.update(new ServerDescription(name, hello))
        const opaque = { electionId: electionId.toHexString(), setVersion, isElectionFirst: true }
        const report = toReport(name, { role, peers: hosts })
        ours.reported(name, { ...report, epoch: role === 'primary' ? { opaque } : undefined }, 0)
      }
      compared++
      const mine = ours.snapshot.members.map((member) => `${member.name} ${DRIVER_ROLES.get(member.role)}`)
      const other = [...theirs.servers].map(([address, { type }]) => `${address} ${DRIVER_ROLES.get(type)}`)
      if (mine.sort().join() !== other.sort().join()) return false
    }
    return true
  })
  fc.assert(run, { numRuns: 300 })
  t.ok(compared > 1_000, 'most steps were compared')
  t.end()
})

t.test('fifty members are the most, and names that are none are left out and counted', (t) => {
  const many = Array.from({ length: 60 }, (_, index) => `m${index}:1`)
  const topology = new Topology({ seeds: ['m0:1'], setName: '', order })
  play(topology, [['m0:1', primary(1, { peers: many })]])
  t.equal(topology.snapshot.members.length, 50)
  t.equal(topology.stats.namesRefused, 10)

  const bad = new Topology({ seeds: ['a:1'], setName: '', order })
  const long = `${'n'.repeat(254)}:1`
  play(bad, [['a:1', primary(1, { peers: ['a:1', long, 'x y:1', 'x\n:1', '', `${'n'.repeat(253)}:1`] })]])
  t.strictSame(
    bad.snapshot.members.map((member) => member.name.length),
    [3, 255],
  )
  t.equal(bad.stats.namesRefused, 4)

  const followers = new Topology({ seeds: many, setName: '', order })
  t.equal(followers.snapshot.members.length, 50, 'seeds, too')
  play(followers, [['m0:1', { peers: many }]])
  t.equal(followers.snapshot.members.length, 50, 'and what secondaries add')

  const impostor = new Topology({ seeds: ['a:1'], setName: '', order })
  play(impostor, [['a:1', { me: 'x\u0007:1', peers: [] }]])
  t.strictSame(show(impostor.snapshot).slice(1), ['a:1 seed down: it calls itself with a malformed name'])
  t.end()
})

t.test('measurements are in the snapshot and are no change of it', (t) => {
  const topology = new Topology({ seeds: ABC, setName: '', order })
  const lags = () => topology.snapshot.members.map((member) => member.lagMs)
  play(topology, [['a:1', primary(1, { written: 100_000 })]], 1_000)
  play(topology, [['b:1', { written: 97_000 }]], 1_000)
  play(topology, [['c:1', { written: 99_500 }]], 500)
  t.strictSame(lags(), [undefined, 3_000, 0], 'c spoke half a second before the primary did')
  const { version } = topology.snapshot
  play(topology, [['b:1', { written: 97_000 }]], 9_000)
  t.strictSame(lags(), [undefined, 3_000, 0], 'nobody need have written since: the least that it can be')
  play(topology, [['b:1', { written: 104_000 }]], 9_000)
  t.strictSame(lags(), [undefined, 0, 0])
  topology.measured('b:1', 4)
  topology.measured('x:1', 4)
  t.match(topology.snapshot.members[1], { rttMs: 4, lastReportAtMs: 9_000 })
  t.equal(topology.snapshot.version, version)

  play(topology, [['a:1', 'gone']], 9_000)
  play(topology, [['c:1', { written: 99_500 }]], 9_000)
  t.strictSame(lags(), [undefined, 0, 4_500], 'without a primary, behind the freshest')
  play(topology, [['b:1', 'gone']], 9_000)
  t.match(topology.snapshot.members[1], { rttMs: undefined, lagMs: undefined })

  const before = topology.snapshot
  t.strictSame(play(topology, [['c:1', { tags: { dc: 'east' } }]]), [])
  t.not(topology.snapshot.version, before.version, 'tags are a change without an event')
  t.strictSame([...topology.snapshot.members[2]!.tags], [['dc', 'east']])
  t.strictSame([...before.members[2]!.tags], [], 'and what was given out stays as it was')
  t.ok(Object.isFrozen(before) && Object.isFrozen(before.members) && Object.isFrozen(before.members[0]))
  t.end()
})

t.test('after half a minute without any member the seeds are asked again', (t) => {
  const topology = new Topology({ seeds: ['s:1'], setName: '', order })
  play(topology, [['s:1', primary(1, { me: 'a:1', peers: ['a:1'] })]], 0)
  play(topology, [['a:1', primary(1, { peers: ['a:1'] })]], 0)
  play(topology, [['a:1', 'gone']], 1_000)
  t.strictSame(play(topology, [['a:1', 'gone']], 30_999), [])
  t.strictSame(play(topology, [['a:1', 'gone']], 31_000).map(tell), ['+s:1'])
  t.strictSame(
    play(topology, [['s:1', primary(2, { me: 'n:1', peers: ['n:1'] })]], 31_500).map(tell),
    ['-a:1', '-s:1', '+n:1'],
    'the set was given new names meanwhile',
  )
  play(topology, [['n:1', primary(2, { peers: ['n:1'] })]], 32_000)
  t.strictSame(play(topology, [['n:1', 'gone']], 70_000).length, 3, 'each loss is counted from its own beginning')
  t.end()
})

/** Scripted members speak lines: the request is how long they may wait, the reply is their words as JSON. */
class LineSession implements ProbeSession {
  #text = ''
  isStreaming = false

  request(maxAwaitMs: number): Buffer {
    return Buffer.from(`${maxAwaitMs}\n`)
  }

  push(chunk: Buffer): readonly MemberReport[] {
    const lines = (this.#text + chunk.toString()).split('\n')
    this.#text = lines.pop() ?? ''
    return lines.map((line) => {
      if (!line.startsWith('{')) throw new DecodeError('line', 'it speaks in tongues')
      const words = JSON.parse(line) as Words
      this.isStreaming = words.more ?? false
      return toReport('', words)
    })
  }
}

const lineProbe: Probe = { ...order, open: () => new LineSession(), normalize: (name) => name }

interface Asked {
  readonly maxAwaitMs: number
  readonly socket: Socket
  /** From 0. */
  readonly connection: number
  say(words: Words): void
}

interface ScriptedMember extends StubServer {
  /** `connection:maxAwaitMs`, in order. */
  readonly asked: readonly string[]
}

const say = (socket: Socket | undefined, words: Words) => socket?.write(`${JSON.stringify(words)}\n`)

async function startMember(t: Test, answer: (asked: Asked) => void): Promise<ScriptedMember> {
  const asked: string[] = []
  let connections = 0
  const stub = await startStub((socket) => {
    const connection = connections++
    socket.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().split('\n').filter(Boolean)) {
        asked.push(`${connection}:${line}`)
        answer({ maxAwaitMs: Number(line), socket, connection, say: (words) => say(socket, words) })
      }
    })
    // As a server: it hangs up on who hangs up.
    socket.on('end', () => socket.end())
  })
  t.teardown(() => stub.close())
  return Object.assign(stub, { asked })
}

const dialPort =
  (port: number): Dial =>
  (_name, signal) =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', signal })
      socket.once('connect', () => resolve(socket))
      socket.once('error', reject)
    })

/** Now or when it comes. */
const ended = async (socket: Socket) => (socket.readableEnded || socket.destroyed ? undefined : heardEnd(socket))

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Sockets answer on their own time: turns of the loop until the claim holds. */
async function until(claim: () => boolean): Promise<void> {
  while (!claim()) await turn()
}

async function turns(count = 20): Promise<void> {
  for (let n = 0; n < count; n++) await turn()
}

const TIMINGS = { heartbeatMs: 10_000, minIntervalMs: 500 }

/** @param earlyMs how much too early timers fire, as Node's do against the monotonic clock */
function watch(t: Test, dial: Dial, random = () => 0, earlyMs = 0) {
  const fake = new FakeClock()
  const heard: string[] = []
  const waits: number[] = []
  const clock = {
    now: () => fake.now(),
    wall: () => fake.wall(),
    sleep: (ms: number, signal?: AbortSignal) => fake.sleep(ms, signal),
    after(ms: number, run: () => void) {
      waits.push(ms)
      return fake.after(ms - earlyMs, run)
    },
  }
  const monitor = new MemberMonitor({
    name: 'a:1',
    connection: { dial, probe: lineProbe, clock, connectTimeoutMs: 2_001 },
    timings: TIMINGS,
    clock,
    random,
    events: {
      reported: (report) => heard.push(report.role),
      failed: (failure) => heard.push(`${failure.kind}: ${failure.reason}`),
      measured: (rttMs) => heard.push(`rtt ${rttMs}`),
    },
  })
  t.teardown(() => monitor.close())
  monitor.start()
  return { monitor, heard, clock: fake, waits }
}

t.test('a member that streams is asked once and heard at once; round trips are measured beside', async (t) => {
  let clock = new FakeClock()
  const member = await startMember(t, ({ maxAwaitMs, connection, say }) => {
    if (connection === 1) clock.advance(10)
    if (maxAwaitMs === 0) say({ version: ['p', 1] })
    else say({ version: ['p', 1], more: true })
  })
  const watched = watch(t, dialPort(member.port))
  clock = watched.clock
  const { heard } = watched
  await until(() => heard.length === 3)
  t.strictSame(heard, ['rtt 0', 'secondary', 'secondary'])
  say(await member.socket(0), { role: 'primary', more: true })
  await until(() => heard.length === 4)
  t.equal(heard.at(-1), 'primary')
  t.strictSame(member.asked, ['0:0', '0:10000'])

  clock.advance(10_000)
  await until(() => heard.length === 5)
  t.equal(heard.at(-1), 'rtt 2', 'a fifth of ten')
  t.strictSame(member.asked.slice(2), ['1:0'])
  say(await member.socket(0), { role: 'primary', more: true })
  await until(() => heard.length === 6)
  clock.advance(10_000)
  await until(() => heard.length === 7)
  t.strictSame(member.asked.slice(2), ['1:0', '1:0'], 'on the same connection')

  clock.advance(2_001)
  await until(() => heard.length === 8)
  t.equal(heard.at(-1), 'no_answer: it gave no answer in time', 'heartbeat and connect timeout after the last word')
  await Promise.all(member.sockets.map(ended))
})

t.test('a member that sends many reports at once is heard in order, and asked again only after the last', async (t) => {
  const roles = ['primary', 'secondary', 'other'] as const
  const member = await startMember(t, ({ maxAwaitMs, socket, say }) => {
    if (maxAwaitMs === 0) return say({ version: ['p', 1] })
    if (member.asked.length > 2) return
    const lines = roles.map((role) => JSON.stringify({ role, version: ['p', 1], more: role !== 'other' }))
    socket.write(`${lines.join('\n')}\n`)
  })
  const { heard, clock } = watch(t, dialPort(member.port))
  await until(() => heard.length === 5)
  t.strictSame(heard.slice(2), roles)
  await turns()
  t.strictSame(member.asked, ['0:0', '0:10000'])
  clock.advance(500)
  await until(() => member.asked.length === 3)

  const flood = await startMember(t, ({ socket }) => {
    const line = (version: number) => JSON.stringify({ version: ['p', version], more: true })
    socket.write(`${Array.from({ length: 500 }, (_, n) => line(n)).join('\n')}\n`)
  })
  const flooded = watch(t, dialPort(flood.port))
  await until(() => flooded.heard.length > 60)
  await turns()
  t.ok(flooded.heard.length < 500, 'of a flood only the newest')
})

t.test('a member that does not wait although it may is not asked without a pause', async (t) => {
  const member = await startMember(t, ({ say }) => say({ version: ['p', 1] }))
  const { heard, clock } = watch(t, dialPort(member.port))
  await until(() => heard.length === 3)
  await turns()
  t.strictSame(member.asked, ['0:0', '0:10000'])
  clock.advance(500)
  await until(() => heard.length === 4)
  t.strictSame(member.asked, ['0:0', '0:10000', '0:10000'])
})

t.test('a member without such news is asked each heartbeat, and quicker while the set has no primary', async (t) => {
  const member = await startMember(t, ({ say }) => say({}))
  const { heard, clock, monitor } = watch(t, dialPort(member.port))
  await until(() => heard.length === 2)
  clock.advance(9_999)
  await turns()
  t.equal(member.asked.length, 1)
  clock.advance(1)
  await until(() => heard.length === 4)
  monitor.setUrgent(true)
  await until(() => heard.length === 6)
  clock.advance(500)
  await until(() => heard.length === 8)
  monitor.setUrgent(false)
  t.ok(member.asked.every((one) => one === '0:0'))
  t.ok(heard.filter((word) => word === 'rtt 0').length === 4, 'each is a round trip')
})

t.test('each way to fail is named, and closed behind', async (t) => {
  const nobody = await refusedPort()
  const garbage = await startMember(t, ({ socket }) => socket.write('HTTP/1.1 400 Bad Request\r\n'))
  const silent = await startMember(t, () => undefined)
  const truncated = await startMember(t, ({ socket }) => socket.end('{"role":"prim'))
  const reset = await startMember(t, ({ socket }) => socket.resetAndDestroy())
  const lookup = () => Promise.reject(Object.assign(new Error('getaddrinfo ENOTFOUND x'), { code: 'ENOTFOUND' }))
  const table: [string, Dial, string, number?][] = [
    ['nobody listens', dialPort(nobody), 'connect_failed: connecting failed (ECONNREFUSED)'],
    ['an unresolvable name', lookup, "unresolvable: its name can't be resolved (ENOTFOUND)"],
    [
      'a dialer that throws',
      () => {
        throw new Error('no such member')
      },
      'connect_failed: connecting failed (no such member)',
    ],
    [
      'a dialer that never answers',
      () => new Promise(() => undefined),
      'connect_timeout: connecting took too long',
      2_001,
    ],
    ['another protocol', dialPort(garbage.port), 'protocol: it speaks in tongues'],
    ['silence', dialPort(silent.port), 'no_answer: it gave no answer in time', 2_001],
    ['an end amid a reply', dialPort(truncated.port), 'closed: it closed the connection'],
    ['a reset', dialPort(reset.port), 'closed: the connection broke (ECONNRESET)'],
  ]
  for (const [name, dial, expected, afterMs] of table) {
    const { heard, clock, monitor } = watch(t, dial)
    if (name === 'silence') await until(() => silent.asked.length === 1)
    if (afterMs !== undefined) {
      clock.advance(afterMs - 1)
      await turns(5)
      t.strictSame(heard, [], `${name}: not before its time`)
      clock.advance(1)
    }
    await until(() => heard.length > 0)
    t.strictSame(heard, [expected], name)
    monitor.close()
    t.equal(clock.waiting, 0, `${name}: no timer is left`)
  }
  for (const stub of [garbage, silent, truncated, reset]) await Promise.all(stub.sockets.map(ended))
})

t.test('reasons are named by their code, however they are wrapped', (t) => {
  const refused = Object.assign(new Error('connect ECONNREFUSED ::1:1'), { code: 'ECONNREFUSED' })
  const table: [unknown, string][] = [
    [new UpstreamError('connect_failed', 'a:1', 'Connecting', refused), 'connecting failed (ECONNREFUSED)'],
    [new AggregateError([refused, new Error('other')]), 'connecting failed (ECONNREFUSED)'],
    [new UpstreamError('connect_timeout', 'a:1', 'Slow'), 'connecting failed (OPL_UPSTREAM_CONNECT_TIMEOUT)'],
    ['x'.repeat(1_000), `connecting failed (${'x'.repeat(200)})`],
    [new Error('y'.repeat(1_000)), `connecting failed (${'y'.repeat(200)})`],
  ]
  for (const [error, reason] of table) t.equal(connectFailure(error).reason, reason)
  t.end()
})

t.test('attempts come further apart with each failure, up to a heartbeat and jitter', async (t) => {
  const failing: Dial = () => Promise.reject(new Error('no'))
  for (const [random, expected] of [
    [0, [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]],
    [1, [625, 1_250, 2_500, 5_000, 10_000, 12_500, 12_500]],
  ] as const) {
    const { heard, clock, waits, monitor } = watch(t, failing, () => random)
    const backoffs = () => waits.filter((ms) => ms !== 2_001)
    for (let n = 1; n <= expected.length; n++) {
      await until(() => heard.length === n && backoffs().length === n)
      clock.advance(backoffs().at(-1)! - 1)
      await turns(3)
      t.equal(heard.length, n)
      clock.advance(1)
    }
    t.strictSame(backoffs(), expected)
    await until(() => heard.length === expected.length + 1)
    monitor.setUrgent(true)
    clock.advance(500)
    await until(() => heard.length === expected.length + 2)
    t.equal(backoffs().at(-1), 1_000 * (1 + random / 4), 'no more than a second while the set has no primary')
    monitor.close()
  }
})

t.test('a socket that comes after its time is closed', async (t) => {
  const member = await startMember(t, () => undefined)
  let deliver = (_socket: Socket) => {}
  const { heard, clock } = watch(t, () => new Promise((resolve) => (deliver = resolve)))
  clock.advance(2_001)
  await until(() => heard.length === 1)
  const late = connect(member.port, '127.0.0.1')
  late.once('connect', () => deliver(late))
  await ended(await member.socket(0))
  t.ok(late.destroyed)
})

t.test('a connection that served and is closed is made anew; only the second time is told', async (t) => {
  let serves = true
  const member = await startMember(t, ({ say, socket }) => {
    if (serves) say({})
    else socket.destroy()
  })
  const { heard, clock } = watch(t, dialPort(member.port))
  await until(() => heard.length === 2)
  clock.advance(500)
  const [first] = member.sockets
  first?.end()
  await until(() => heard.length === 4)
  t.strictSame(heard, ['rtt 0', 'secondary', 'rtt 0', 'secondary'])

  member.sockets[1]?.end()
  await until(() => heard.length === 5)
  t.match(heard.at(-1), /^closed/, 'too soon after it was made')
  clock.advance(500)
  await until(() => heard.length === 7)

  serves = false
  clock.advance(500)
  member.sockets[2]?.end()
  await until(() => heard.length === 8)
  t.match(heard.at(-1), /^closed/, 'the new one fails')
  t.equal(member.sockets.length, 4)
})

t.test('round trips are averaged anew after a failure', async (t) => {
  let clock = new FakeClock()
  const member = await startMember(t, ({ say, connection }) => {
    clock.advance(connection === 0 ? 100 : 10)
    say({})
  })
  const watched = watch(t, dialPort(member.port))
  clock = watched.clock
  const { heard } = watched
  await until(() => heard.length === 2)
  clock.advance(10_000)
  await until(() => heard.length === 4)
  member.sockets[0]?.destroy()
  await until(() => heard.length === 6)
  t.strictSame(heard.slice(2), ['rtt 100', 'secondary', 'rtt 82', 'secondary'], 'a new connection alone is no failure')
  member.sockets[1]?.destroy()
  await until(() => heard.length === 7)
  clock.advance(500)
  await until(() => heard.length === 9)
  t.strictSame(heard.slice(7), ['rtt 10', 'secondary'])
})

t.test('a requested check is a new connection, at most each half second', async (t) => {
  const member = await startMember(t, ({ maxAwaitMs, say }) =>
    say({ version: ['p', 1], ...(maxAwaitMs === 0 ? {} : { more: true }) }),
  )
  const { heard, clock, monitor } = watch(t, dialPort(member.port), () => 0, 0.5)
  await until(() => heard.length === 3)
  const timers = clock.waiting
  for (let n = 0; n < 10; n++) monitor.checkNow()
  t.equal(clock.waiting, timers + 1)
  await turns()
  t.equal(member.sockets.length, 1, 'it was connected just now')
  clock.advance(499)
  monitor.checkNow()
  await turns()
  t.equal(member.sockets.length, 1)
  clock.advance(0.5)
  await until(() => heard.length === 6)
  t.equal(member.sockets.length, 2, 'eleven requests made one check')
  t.notMatch(heard.join(), 'closed', 'which is no failure')
  clock.advance(500)
  monitor.checkNow()
  await until(() => heard.length === 9)
  t.equal(member.sockets.length, 3, 'a later one is met at once')

  await member.close()
  await until(() => heard.length === 10)
  t.match(heard.at(-1), /^(closed|connect_failed)/)
  monitor.checkNow()
  clock.advance(500)
  await until(() => heard.length === 11)
  t.match(heard.at(-1), /^connect_failed/, 'it cuts the wait for the next attempt short')
})

t.test('whenever it is closed nothing is told any more, and nothing is left', async (t) => {
  const streaming = await startMember(t, ({ connection, maxAwaitMs, say }) => {
    if (connection === 0) say({ version: ['p', 1], ...(maxAwaitMs === 0 ? {} : { more: true }) })
  })
  const polled = await startMember(t, ({ say }) => say({}))
  const silent = await startMember(t, () => undefined)
  const dead = await refusedPort()
  const table: [string, number, number, (heard: readonly string[], clock: FakeClock) => Promise<void>][] = [
    ['while it dials', silent.port, 0, async () => undefined],
    ['before the first report', silent.port, 0, () => until(() => silent.asked.length > 0)],
    ['between probes', polled.port, 2, (heard) => until(() => heard.length === 2)],
    ['between attempts', dead, 1, (heard) => until(() => heard.length === 1)],
    [
      'while it streams and measures',
      streaming.port,
      3,
      async (heard, clock) => {
        await until(() => heard.length === 3)
        clock.advance(10_000)
        await until(() => streaming.asked.length === 3)
      },
    ],
  ]
  for (const [name, port, count, reach] of table) {
    const { heard, clock, monitor } = watch(t, dialPort(port))
    await reach(heard, clock)
    monitor.close()
    monitor.checkNow()
    await turns()
    t.equal(clock.waiting, 0, name)
    t.equal(heard.length, count, name)
  }
  for (const stub of [streaming, polled, silent]) await Promise.all(stub.sockets.map(ended))
})

interface SeededRow {
  readonly name: string
  readonly setName?: string
  readonly before: readonly Step[]
  readonly seeds: readonly string[]
  readonly foundSet?: string
  readonly shows: readonly string[]
  readonly events: readonly string[]
}

const seededRows: readonly SeededRow[] = [
  {
    name: 'of a topology that nobody has answered for, they are the members',
    before: [['a:1', 'gone']],
    seeds: ['B:1', 'D:1'],
    shows: ['unknown  > ', 'b:1 seed down', 'd:1 seed down'],
    events: ['-a:1', '-c:1', '+d:1'],
  },
  {
    name: 'routers that are no seeds any more leave, and those that stay are left alone',
    before: [
      ['a:1', ROUTER],
      ['b:1', ROUTER],
    ],
    seeds: ['b:1', 'd:1'],
    shows: ['routers  > ', 'b:1 router', 'd:1 seed down'],
    events: ['-a:1', '-c:1', '+d:1'],
  },
  {
    name: 'a set keeps to its own list',
    before: HEALTHY,
    seeds: ['x:1'],
    shows: ['replica_set rs0 > a:1', 'a:1 primary', 'b:1 secondary', 'c:1 secondary'],
    events: [],
  },
  {
    name: 'they may bring the name of the set',
    before: [],
    seeds: ['a:1'],
    foundSet: 'rs9',
    shows: ['replica_set rs9 > ', 'a:1 seed down'],
    events: ['-b:1', '-c:1'],
  },
  {
    name: 'the name that was configured, or heard, counts',
    setName: 'rs0',
    before: HEALTHY,
    seeds: ['a:1'],
    foundSet: 'rs9',
    shows: ['replica_set rs0 > a:1', 'a:1 primary', 'b:1 secondary', 'c:1 secondary'],
    events: [],
  },
]

t.test('seeds that come later', async (t) => {
  for (const { name, setName = '', before, seeds, foundSet = '', shows, events } of seededRows) {
    const topology = new Topology({ seeds: ABC, setName, order })
    play(topology, before)
    t.strictSame(topology.seeded(seeds, foundSet).map(tell), events, name)
    t.strictSame(show(topology.snapshot), shows, name)
  }
  const topology = new Topology({ seeds: [], setName: 'rs0', order })
  t.strictSame(show(topology.snapshot), ['replica_set rs0 > '], 'without any there is nobody')
  t.strictSame(topology.seeded(['a:1'], 'rs9').map(tell), ['+a:1'])
  t.strictSame(show(topology.snapshot), ['replica_set rs0 > ', 'a:1 seed down'])
  play(topology, [['a:1', 'gone']])
  t.strictSame(topology.seeded(['b:1'], ''), [], 'of a set that is silent the others are asked, too')
  play(topology, [['a:1', 'gone']], 31_000)
  t.strictSame(show(topology.snapshot), ['replica_set rs0 > ', 'a:1 seed down: gone', 'b:1 seed down'])
})

type Watched = Pick<TopologyMonitorParts, 'dial' | 'seeds'> & Partial<TopologyMonitorParts>

function follow(t: Test, parts: Watched) {
  const monitor = new TopologyMonitor({
    cluster: 'shop',
    probe: lineProbe,
    setName: 'rs0',
    connectTimeoutMs: 2_000,
    clock: systemClock,
    random: () => 0,
    logger: silentLogger,
    ...parts,
  })
  t.teardown(() => monitor.close())
  const told: string[] = []
  monitor.onChanged((_snapshot, events) => told.push(...events.map(tell)))
  monitor.start()
  return { monitor, told }
}

const soon = () => AbortSignal.timeout(20_000)

/** A set of scripted members that stream what they are told to say. */
async function startScriptedSet(t: Test, words: Record<string, Words>) {
  const now = new Map(Object.entries(words))
  const stubs = new Map<string, ScriptedMember>()
  const streams = new Map<string, Socket>()
  for (const name of now.keys()) {
    const stub = await startMember(t, ({ maxAwaitMs, socket, say }) => {
      if (maxAwaitMs > 0) streams.set(name, socket)
      say({ me: name, version: [name, 1], ...now.get(name), ...(maxAwaitMs > 0 ? { more: true } : {}) })
    })
    stubs.set(name, stub)
  }
  const dial: Dial = (name, signal) => dialPort(stubs.get(name)?.port ?? 1)(name, signal)
  const say = (name: string, words: Words) => {
    now.set(name, words)
    streams.get(name)?.write(`${JSON.stringify({ me: name, version: [name, 1], ...words, more: true })}\n`)
  }
  return { dial, say, stub: (name: string) => stubs.get(name)!, isStreaming: () => streams.size === now.size }
}

t.test('monitors come and go with the members', async (t) => {
  const lines: string[] = []
  const log: Logger['info'] = (fields, message) => lines.push(`${message} ${fields.change ?? fields.err}`)
  const logger = { debug: log, info: log, warn: log, error: log }
  const set = await startScriptedSet(t, { 'a:1': primary(1), 'b:1': {}, 'c:1': {} })
  // Nothing here happens because time is up.
  const timings = { heartbeatMs: 3_600_000, minIntervalMs: 500 }
  const { monitor, told } = follow(t, { dial: set.dial, seeds: ['b:1'], logger, timings })
  monitor.onChanged(() => {
    throw new Error('careless')
  })
  await monitor.until(({ members }) => members.length === 3 && members.every(({ isUp }) => isUp), soon())
  t.strictSame(show(monitor.snapshot), ['replica_set rs0 > a:1', ...['b:1 secondary', 'a:1 primary', 'c:1 secondary']])
  await until(set.isStreaming)
  told.length = 0

  set.say('a:1', {})
  set.say('b:1', primary(2))
  await monitor.until((snapshot) => snapshot.primary === 'b:1', soon())
  await monitor.until(({ members }) => members.every(({ role }) => role !== 'other'), soon())
  t.equal(monitor.stats.elections, 1)

  const gone = set.stub('c:1').sockets.map(ended)
  set.say('b:1', primary(2, { peers: ['a:1', 'b:1'] }))
  await monitor.until((snapshot) => snapshot.members.length === 2, soon())
  await Promise.all(gone)
  t.equal(monitor.stats.reconfigs, 1)
  monitor.requestCheck('c:1')

  const left = monitor.until((snapshot) => snapshot.primary === '', soon())
  await set.stub('b:1').close()
  monitor.requestCheck('b:1')
  t.match(show(await left), ['replica_set rs0 > ', /^b:1 down/])
  t.equal(told.filter((event) => event === 'primary b:1>').length, 1)
  t.ok(lines.includes('Topology changed primary_changed'))
  t.ok(lines.includes('A listener to the topology threw Error: careless'), 'and the others heard all the same')
  t.ok(lines.includes('Probe failed undefined'))

  const gaveUp = AbortSignal.abort(new Error('enough'))
  await t.rejects(
    monitor.until(() => true, gaveUp),
    { message: 'enough' },
  )
  const waiting = new AbortController()
  const never = monitor.until(() => false, waiting.signal)
  waiting.abort(new Error('enough'))
  await t.rejects(never, { message: 'enough' })

  const last = set.stub('a:1').sockets.map(ended)
  told.length = 0
  monitor.close()
  await Promise.all(last)
  t.strictSame(told, [])
})

t.test('while the set has no primary its members are asked twice a second', async (t) => {
  const fake = new FakeClock()
  const says = new Map<string, Words>([
    ['a:1', primary(1, { peers: ['a:1', 'b:1'] })],
    ['b:1', {}],
  ])
  const ports = new Map<string, number>()
  const asked: string[] = []
  for (const [name] of says) {
    const stub = await startMember(t, ({ say }) => {
      asked.push(name)
      say({ me: name, ...says.get(name) })
    })
    ports.set(name, stub.port)
  }
  const dial: Dial = (name, signal) => dialPort(ports.get(name) ?? 1)(name, signal)
  const { monitor } = follow(t, { dial, seeds: ['a:1'], clock: fake })
  await monitor.until(({ members }) => members.length === 2 && members.every(({ isUp }) => isUp), soon())
  await turns()
  fake.advance(9_999)
  await turns()
  t.strictSame(asked, ['a:1', 'b:1'])

  says.set('a:1', { peers: ['a:1', 'b:1'] })
  const lost = monitor.until(({ primary }) => primary === '', soon())
  fake.advance(1)
  await lost
  await turns()
  says.set('b:1', primary(2, { peers: ['a:1', 'b:1'] }))
  fake.advance(500)
  await monitor.until(({ primary }) => primary === 'b:1', soon())
  await turns()
  fake.advance(500)
  await turns()
  const { length } = asked
  fake.advance(9_000)
  await turns()
  t.equal(asked.length, length, 'each heartbeat only once there is one')
})

t.test('a listener may close the monitor that tells it', async (t) => {
  const set = await startScriptedSet(t, { 'a:1': primary(1, { peers: ['a:1'] }) })
  const { monitor, told } = follow(t, { dial: set.dial, seeds: ['a:1'] })
  monitor.onChanged(() => monitor.close())
  monitor.onChanged(() => told.push('told after the close'))
  await until(() => told.length > 0)
  await Promise.all(set.stub('a:1').sockets.map(ended))
  t.strictSame(told, ['=a:1', 'a:1 up', 'a:1 unknown>primary', 'primary >a:1'])
})

t.test('an embedded set is followed through an election, a reconfiguration, a crash and a wrong member', async (t) => {
  const names = ['a.invalid:27017', 'b.invalid:27017', 'c.invalid:27017']
  const set = await startDemoSet({ members: names.map((name) => ({ name: name.toUpperCase() })) })
  t.teardown(() => set.close())
  const [a = '', b = '', c = ''] = names
  const dial: Dial = (name, signal) => dialPort(set.member(name.toUpperCase()).address.port)(name, signal)
  const { monitor, told } = follow(t, { dial, seeds: names, probe: mongodbProbe })
  const settled = await monitor.until(
    ({ members, primary }) => primary === a && members.every(({ isUp }) => isUp),
    soon(),
  )
  t.strictSame(show(settled), ['replica_set rs0 > a.invalid:27017', `${a} primary`, `${b} secondary`, `${c} secondary`])

  told.length = 0
  set.elect(b.toUpperCase())
  await monitor.until(({ primary, members }) => primary === b && members.every(({ role }) => role !== 'other'), soon())
  t.equal(monitor.stats.elections, 1)
  t.equal(told.filter((event) => event.startsWith('primary') && event.endsWith(`>${b}`)).length, 1)

  set.split([[c.toUpperCase(), a.toUpperCase()], [b.toUpperCase()]])
  set.elect(c.toUpperCase())
  const split = await monitor.until(({ primary }) => primary === c, soon())
  t.match(
    split.members[1],
    { name: b, role: 'other', reason: REPLACED },
    'beyond the split b still claims to be primary',
  )
  set.heal()
  await monitor.until(({ members }) => members[1]?.role === 'secondary', soon())

  await set.reconfig({ rename: { [a.toUpperCase()]: 'N.INVALID:27017' }, tags: { [c.toUpperCase()]: { dc: 'x' } } })
  const renamed = await monitor.until(({ members }) => members.every(({ name, isUp }) => name !== a && isUp), soon())
  t.strictSame(renamed.members.map(({ name }) => name).sort(), [b, c, 'n.invalid:27017'])
  t.strictSame([...(renamed.members.find(({ name }) => name === c)?.tags ?? [])], [['dc', 'x']])

  await set.member(c.toUpperCase()).close()
  await monitor.until(({ primary }) => primary === '', soon())
  set.elect(b.toUpperCase())
  await monitor.until(({ primary }) => primary === b, soon())
  await set.member(c.toUpperCase()).start()
  monitor.requestCheck(c)
  await monitor.until(({ members }) => members.every(({ isUp }) => isUp), soon())

  set.setIdentity('n.invalid:27017'.toUpperCase(), c.toUpperCase())
  monitor.requestCheck('n.invalid:27017')
  const wrong = await monitor.until(({ members }) => members.some(({ isUp }) => !isUp), soon())
  t.match(
    wrong.members.find(({ isUp }) => !isUp),
    { name: 'n.invalid:27017', reason: `it calls itself "${c}"` },
  )
  t.equal(monitor.stats.elections, 3)
})
