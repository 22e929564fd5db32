import t from 'tap'
import type { TopologyMember, TopologySnapshot } from '../../src/core/topology.js'
import { clusterSchema } from '../../src/upstream/config.js'
import { selectMembers } from '../../src/upstream/topology/selection.js'

const member = (
  name: string,
  role: TopologyMember['role'],
  more: Partial<TopologyMember> & { dc?: string } = {},
): TopologyMember => ({
  ...{ name, role, isSeed: false, isUp: true, reason: '', isHidden: false, isArbiter: role === 'arbiter' },
  ...{ rttMs: 1, lagMs: 0, lastReportAtMs: 0, tags: new Map(more.dc === undefined ? [] : [['dc', more.dc]]) },
  ...more,
})
const P = member('p', 'primary', { dc: 'east' })
const S = member('s', 'secondary', { dc: 'east', rttMs: 10 })
const W = member('w', 'secondary', { dc: 'west', rttMs: 30, lagMs: 9_000 })
const USELESS = [
  member('hidden', 'secondary', { isHidden: true }),
  member('arbiter', 'arbiter'),
  member('recovering', 'other'),
  member('down', 'unknown', { isUp: false, reason: 'gone' }),
]
const SET = [P, S, W, ...USELESS]
const NO_PRIMARY = [S, W, ...USELESS]

type Want = Record<string, unknown>
const rows: readonly [name: string, want: Want, members: readonly TopologyMember[], selected: string][] = [
  ['primary', { mode: 'primary' }, SET, 'p'],
  ['primary, none there', { mode: 'primary' }, NO_PRIMARY, ''],
  ['primary whatever the tags', { mode: 'primary', tags: [{ dc: 'north' }] }, SET, 'p'],
  ['primary preferred', { mode: 'primary_preferred' }, SET, 'p'],
  ['primary preferred, none there', { mode: 'primary_preferred' }, NO_PRIMARY, 's'],
  ['secondary', { mode: 'secondary' }, SET, 's'],
  ['secondary in a wide window', { mode: 'secondary', latency_window: '20ms' }, SET, 's,w'],
  ['secondary of a tag', { mode: 'secondary', tags: [{ dc: 'west' }] }, SET, 'w'],
  ['secondary of the first tags that fit', { mode: 'secondary', tags: [{ dc: 'north' }, { dc: 'west' }] }, SET, 'w'],
  ['secondary of tags that all must fit', { mode: 'secondary', tags: [{ dc: 'west', rack: '1' }] }, SET, ''],
  ['secondary, any after tags', { mode: 'secondary', tags: [{ dc: 'north' }, {}] }, SET, 's'],
  ['secondary, none there', { mode: 'secondary' }, [P, ...USELESS], ''],
  ['secondary preferred', { mode: 'secondary_preferred' }, SET, 's'],
  ['secondary preferred, none there', { mode: 'secondary_preferred' }, [P, ...USELESS], 'p'],
  ['secondary preferred, no tag fits', { mode: 'secondary_preferred', tags: [{ dc: 'north' }] }, SET, 'p'],
  ['nearest', {}, SET, 'p,s'],
  ['nearest of a tag', { tags: [{ dc: 'west' }] }, SET, 'w'],
  ['nearest, exactly at the window', { latency_window: '29ms' }, SET, 'p,s,w'],
  ['fresh ones', { mode: 'secondary', latency_window: '1s', max_staleness: '8s' }, SET, 's'],
  ['as stale as allowed', { mode: 'secondary', latency_window: '1s', max_staleness: '9s' }, SET, 's,w'],
  [
    'staleness that nobody measured counts as none',
    { mode: 'secondary', max_staleness: '1s' },
    [member('x', 'secondary', { lagMs: undefined })],
    'x',
  ],
  [
    'a round trip that nobody measured counts as nearest',
    {},
    [P, member('x', 'secondary', { rttMs: undefined }), W],
    'p,x',
  ],
  ['nobody at all', {}, [], ''],
]

t.test('which members a connection to any may go to', (t) => {
  for (const [name, want, members, selected] of rows) {
    const { read_preference: preference } = clusterSchema.parse({ name: 'db', hosts: ['a:1'], read_preference: want })
    const snapshot: TopologySnapshot = { version: 1, kind: 'replica_set', setName: 'rs0', primary: 'p', members }
    t.equal(
      selectMembers(snapshot, preference)
        .map((one) => one.name)
        .join(),
      selected,
      name,
    )
  }
  t.end()
})

t.test('routers and a standalone are chosen by nearness alone, whatever the mode', (t) => {
  const members = [member('a', 'router'), member('b', 'router', { rttMs: 9 }), member('c', 'router', { rttMs: 90 })]
  for (const mode of ['primary', 'secondary', 'nearest']) {
    const { read_preference: preference } = clusterSchema.parse({
      name: 'db',
      hosts: ['a:1'],
      read_preference: { mode },
    })
    const snapshot: TopologySnapshot = { version: 1, kind: 'routers', setName: '', primary: '', members }
    t.equal(
      selectMembers(snapshot, preference)
        .map((one) => one.name)
        .join(),
      'a,b',
      mode,
    )
  }
  t.end()
})
