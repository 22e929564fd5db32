import { createRequire } from 'node:module'
import { BSON, ObjectId } from 'bson'
import fc from 'fast-check'
import t from 'tap'
import { normalizeMember, rewriteHelloReply } from '../../../src/codecs/mongodb/hello-rewrite.js'
import { body, compressed, doc, int32, int64, message, opMsg } from '../../support/wire.js'

interface DriverServer {
  readonly type: string
  readonly tags: object
  readonly setVersion: number | null
  readonly allHosts: readonly string[]
}
interface DriverTopology {
  readonly type: string
  readonly setName: string | null
  readonly maxElectionId: unknown
  readonly maxSetVersion: number | null
  readonly servers: ReadonlyMap<string, DriverServer>
  update(server: object): DriverTopology
}
/** What the official driver's engine is made of; it has no types of its own. */
const driver = createRequire(import.meta.url)
const { TopologyDescription } = driver('mongodb/lib/sdam/topology_description.js') as {
  TopologyDescription: new (type: string, servers: ReadonlyMap<string, object>, setName: string) => DriverTopology
}
const { ServerDescription } = driver('mongodb/lib/sdam/server_description.js') as {
  ServerDescription: new (address: string, hello?: object) => object
}

type Hello = Record<string, unknown>
/** Who is asked, by the name that the set gives, and the answer; `gone` when there is none. */
type Step = readonly [asked: string, answer: Hello | 'gone']

const [A, B, C, D] = ['a.rs:27017', 'b.rs:27017', 'c.rs:27017', 'd.rs:27017'] as const
const ABC = [A, B, C]
const term = (number: number) => new ObjectId(number.toString(16).padStart(24, '0'))
const base = { setName: 'rs0', setVersion: 1, hosts: ABC, maxWireVersion: 25, ok: 1 }
const primary = (me: string, elected: number, more: Hello = {}): Step => [
  me,
  { ...base, isWritablePrimary: true, me, primary: me, electionId: term(elected), ...more },
]
const secondary = (me: string, more: Hello = {}): Step => [me, { ...base, secondary: true, me, ...more }]
const other = (me: string, more: Hello): Step => [me, { ...base, me, ...more }]
const HEALTHY = [primary(A, 1), secondary(B), secondary(C)]

const rows: readonly [name: string, steps: readonly Step[]][] = [
  ['one seed finds the set', HEALTHY],
  ['secondaries first', [secondary(B, { primary: A }), secondary(C), primary(A, 1)]],
  ['an election, the loser first', [...HEALTHY, secondary(A), primary(B, 2), secondary(C, { primary: B })]],
  ['an election, the winner first', [...HEALTHY, primary(B, 2), secondary(A)]],
  ['a stale primary that goes on', [...HEALTHY, primary(B, 2), primary(A, 1), primary(A, 1), primary(B, 2)]],
  [
    'a stale primary with a list of its own',
    [...HEALTHY, primary(B, 2), primary(A, 1, { hosts: [A, D] }), secondary(C)],
  ],
  [
    'a primary of an older configuration',
    [...HEALTHY, primary(A, 1, { setVersion: 3 }), primary(B, 1, { setVersion: 2 })],
  ],
  [
    'an old server compares the other way',
    [
      primary(A, 2, { maxWireVersion: 13, setVersion: 1 }),
      primary(B, 1, { maxWireVersion: 13, setVersion: 2 }),
      primary(A, 2, { maxWireVersion: 13, setVersion: 1 }),
    ],
  ],
  ['a primary that is lost and comes back', [...HEALTHY, [A, 'gone'], secondary(B), primary(A, 1)]],
  [
    'a member that is added',
    [...HEALTHY, primary(A, 1, { hosts: [...ABC, D], setVersion: 2 }), secondary(D, { hosts: [...ABC, D] })],
  ],
  [
    'a member that is removed, and late secondaries',
    [
      ...HEALTHY,
      primary(A, 1, { hosts: [A, B], setVersion: 2 }),
      secondary(B),
      other(C, { hosts: undefined, setName: undefined, setVersion: undefined, me: undefined, isreplicaset: true }),
    ],
  ],
  [
    'a removed member that knows nothing of it yet',
    [...HEALTHY, primary(A, 1, { hosts: [A, B], setVersion: 2 }), secondary(C)],
  ],
  [
    'the primary itself is removed by the next one',
    [...HEALTHY, primary(B, 2, { hosts: [B, C], setVersion: 2 }), primary(A, 1)],
  ],
  [
    'hidden, passive and arbiter',
    [
      primary(A, 1, { hosts: [A], passives: [B], arbiters: [C] }),
      secondary(B, { hosts: [A], passives: [B], arbiters: [C], passive: true }),
      other(C, { hosts: [A], passives: [B], arbiters: [C], arbiterOnly: true }),
      secondary(D, { hosts: [A], passives: [B], arbiters: [C], hidden: true }),
    ],
  ],
  ['a hidden seed first', [[D, { ...base, secondary: true, hidden: true, me: D }], primary(A, 1)]],
  ['a member in recovery', [...HEALTHY, other(B, { secondary: false })]],
  [
    'upper-case names',
    [
      primary(A, 1, { hosts: ['A.RS:27017', 'b.Rs:27017', C], me: 'A.rs:27017', primary: 'A.RS:27017' }),
      secondary(B, { me: 'B.RS:27017', hosts: ['A.RS:27017', 'B.rs:27017', C] }),
      secondary(C, { me: 'c.RS:27017' }),
    ],
  ],
  [
    'names without a port',
    [
      primary(A, 1, { hosts: ['a.rs', 'b.rs', 'c.rs'], me: 'a.rs', primary: 'a.rs' }),
      secondary(B, { hosts: ['a.rs', 'B.RS', 'c.rs'], me: 'b.rs' }),
      secondary(C, { me: 'c.rs' }),
      primary(A, 1, { hosts: ['a.rs', 'b.rs'], me: 'a.rs', setVersion: 2 }),
    ],
  ],
  [
    'IPv6',
    [
      primary('[2001:db8::1]:27017', 1, { hosts: ['[2001:DB8::1]:27017', '[::1]:5', A] }),
      secondary('[::1]:5', { hosts: ['[2001:db8::1]:27017', '[::1]:5', A] }),
      secondary(A, { hosts: ['[2001:db8::1]', '[::1]:5', A] }),
    ],
  ],
  ['another set', [...HEALTHY, secondary(B, { setName: 'rs1' }), primary(C, 5, { setName: 'rs1' })]],
  [
    'a standalone and a router among them',
    [
      ...HEALTHY,
      [B, { isWritablePrimary: true, maxWireVersion: 25, ok: 1 }],
      [C, { isWritablePrimary: true, msg: 'isdbgrid', maxWireVersion: 25, ok: 1 }],
    ],
  ],
  ['an error, then well again', [...HEALTHY, [B, { ok: 0, code: 91, errmsg: B }], secondary(B)]],
  [
    'two primaries that nothing orders',
    [
      primary(A, 1, { electionId: undefined, setVersion: undefined }),
      primary(B, 1, { electionId: undefined, setVersion: undefined }),
    ],
  ],
]

const LISTS = ['hosts', 'passives', 'arbiters']
const NAMES = ['primary', 'me']

/** The way that drivers should have it: see "names without a port", which they would take for other names. */
function normalized(hello: Hello): Hello {
  const out: Hello = {}
  for (const [key, value] of Object.entries(hello)) {
    if (value === undefined) continue
    const name = (text: unknown) => normalizeMember(String(text))
    out[key] = LISTS.includes(key) && Array.isArray(value) ? value.map(name) : NAMES.includes(key) ? name(value) : value
  }
  return out
}

/** A host map, both ways. */
class HostMap {
  readonly #ports = new Map<string, string>()

  led(member: string): string {
    const known = this.#ports.get(member) ?? `proxy.internal:${27_101 + this.#ports.size}`
    this.#ports.set(member, known)
    return known
  }

  real(address: string): string {
    return [...this.#ports].find(([, led]) => led === address)?.[0] ?? `not led: ${address}`
  }
}

const FORMS: readonly ((hello: Hello) => Buffer)[] = [
  (hello) => opMsg(body(hello), { flags: 2, responseTo: 1 }),
  (hello) => compressed(opMsg(body(hello), { responseTo: 1 })),
  (hello) => message(1, 9, 1, int32(8), int64(0n), int32(0), int32(1), doc(hello)),
]

/** What a client gets for it; undefined when the connection is reset instead. */
function throughProxy(asked: string, hello: Hello, map: HostMap, form: number): Hello | undefined {
  const present = Object.fromEntries(Object.entries(hello).filter(([, value]) => value !== undefined))
  const bytes = (FORMS[form] ?? FORMS[0])?.(present) ?? Buffer.alloc(0)
  const result = rewriteHelloReply(bytes, { member: asked, advertise: (name) => map.led(name) })
  if (result.kind === 'identity_mismatch') return undefined
  if (result.kind === 'unchanged') return present
  if (result.kind !== 'rewritten') throw new Error(JSON.stringify(result))
  return BSON.deserialize(result.message.subarray(result.message.readInt32LE(12) === 1 ? 36 : 21))
}

function picture(topology: DriverTopology, real: (address: string) => string): unknown {
  const { type, setName, maxElectionId, maxSetVersion, servers } = topology
  const members = [...servers].map(([address, server]) => {
    const { type, tags, setVersion, allHosts } = server
    return `${real(address)} ${type} ${JSON.stringify(tags)} ${setVersion} knows ${allHosts.map(real).join()}`
  })
  return { type, setName, elected: String(maxElectionId), maxSetVersion, members: members.sort() }
}

/** @returns what differs after some step; undefined when nothing does */
function difference(
  seeds: readonly string[],
  steps: readonly Step[],
  form: (index: number) => number,
): object | undefined {
  const map = new HostMap()
  const begin = (names: readonly string[]) =>
    new TopologyDescription(
      'ReplicaSetNoPrimary',
      new Map(names.map((name) => [name, new ServerDescription(name)])),
      'rs0',
    ) as DriverTopology
  let direct = begin(seeds)
  let led = begin(seeds.map((seed) => map.led(seed)))
  for (const [index, [asked, answer]] of steps.entries()) {
    // A driver has no monitor for what it does not know.
    if (direct.servers.has(asked)) {
      const hello = answer === 'gone' ? undefined : normalized(answer)
      direct = direct.update(new ServerDescription(asked, hello))
    }
    if (led.servers.has(map.led(asked))) {
      const hello = answer === 'gone' ? undefined : throughProxy(asked, answer, map, form(index))
      led = led.update(new ServerDescription(map.led(asked), hello))
    }
    const [want, got] = [picture(direct, (name) => name), picture(led, (address) => map.real(address))]
    if (JSON.stringify(want) !== JSON.stringify(got)) return { step: index, asked, want, got }
  }
  return undefined
}

t.test('a driver that hears hellos through the proxy comes to the same topology, after every step', (t) => {
  for (const [name, steps] of rows) {
    const [first = A] = steps.map(([asked]) => asked)
    const all = [...new Set(steps.map(([asked]) => asked))]
    for (const seeds of [[first], all]) {
      for (const form of [0, 1, 2])
        t.equal(
          difference(seeds, steps, () => form),
          undefined,
          `${name}, ${seeds.length} seeds, form ${form}`,
        )
    }
  }
  t.end()
})

t.test('and so it does for whatever members say, in any order', (t) => {
  const names = [A, B, C, D]
  const step = fc.record({
    name: fc.constantFrom(...names),
    role: fc.constantFrom('primary', 'primary', 'secondary', 'other', 'arbiter', 'hidden', 'gone'),
    elected: fc.integer({ min: 1, max: 4 }),
    setVersion: fc.integer({ min: 1, max: 3 }),
    peers: fc.subarray(names),
    isUpper: fc.boolean(),
    form: fc.integer({ min: 0, max: 2 }),
  })
  const run = fc.property(
    fc.subarray(names, { minLength: 1 }),
    fc.array(step, { minLength: 5, maxLength: 40 }),
    (seeds, played) => {
      const steps = played.map(({ name, role, elected, setVersion, peers, isUpper }): Step => {
        const cased = (text: string) => (isUpper ? text.toUpperCase() : text)
        const said = { setVersion, hosts: [...new Set([name, ...peers])].map(cased), me: cased(name) }
        if (role === 'gone') return [name, 'gone']
        if (role === 'primary') return primary(name, elected, said)
        if (role === 'secondary') return secondary(name, said)
        return other(name, {
          ...said,
          ...(role === 'arbiter' ? { arbiterOnly: true } : role === 'hidden' ? { hidden: true } : {}),
        })
      })
      return difference(seeds, steps, (index) => played[index]?.form ?? 0) === undefined
    },
  )
  fc.assert(run, { numRuns: 200 })
  t.pass('200 histories')
  t.end()
})

t.test('one difference is wanted: a member under a wrong name is unknown, and stays to be asked again', (t) => {
  const steps = [...HEALTHY, secondary(B, { me: C })]
  const found = difference(ABC, steps, () => 0)
  t.match(found, { step: 3, asked: B })
  const members = (part: 'want' | 'got') =>
    (found as Record<typeof part, { members: string[] }>)[part].members.map((member) => member.split(' ', 2).join(' '))
  t.strictSame(members('want'), [`${A} RSPrimary`, `${C} RSSecondary`])
  t.strictSame(members('got'), [`${A} RSPrimary`, `${B} Unknown`, `${C} RSSecondary`])
  t.end()
})

t.test("a driver forgets a whole set by a primary's empty list, which is why none is ever sent", (t) => {
  let topology = new TopologyDescription('ReplicaSetNoPrimary', new Map([[A, new ServerDescription(A)]]), 'rs0')
  topology = topology.update(
    new ServerDescription(A, { ...base, hosts: [], isWritablePrimary: true, me: A, electionId: term(1) }),
  )
  t.equal(topology.servers.size, 0)
  t.end()
})
