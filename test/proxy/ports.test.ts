import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { PortBook, type PortBookOptions } from '../../src/proxy/members/port-book.js'
import { readPorts, writePorts } from '../../src/proxy/members/state-file.js'

const book = (options: Partial<PortBookOptions>) =>
  new PortBook({ fixed: new Map(), range: { first: 1, last: 3 }, remembered: new Map(), ...options })
const NOBODY: ReadonlySet<string> = new Set()

interface Row {
  readonly name: string
  readonly options?: Partial<PortBookOptions>
  /** Member, who is in use by then, and the port wanted. */
  readonly asks: readonly (readonly [string, readonly string[], number | undefined])[]
  readonly given?: readonly (readonly [string, number])[]
}

const rows: readonly Row[] = [
  {
    name: 'the range is given out by first appearance, and a name keeps its port',
    asks: [
      ['a', [], 1],
      ['b', ['a'], 2],
      ['a', ['a', 'b'], 1],
      ['c', ['a', 'b'], 3],
    ],
    given: [
      ['b', 2],
      ['a', 1],
      ['c', 3],
    ],
  },
  {
    name: 'a port that nobody ever had is preferred to one that was left',
    asks: [
      ['a', [], 1],
      ['b', [], 2],
      ['c', ['b'], 3],
    ],
  },
  {
    name: 'the port that is out of use for longest is given on when none is left',
    asks: [
      ['a', [], 1],
      ['b', [], 2],
      ['c', [], 3],
      ['a', [], 1],
      ['d', ['a', 'c'], 2],
      ['b', ['a', 'c', 'd'], undefined],
    ],
    given: [
      ['c', 3],
      ['a', 1],
      ['d', 2],
    ],
  },
  {
    name: 'with every port in use there is none',
    asks: [
      ['a', [], 1],
      ['b', ['a'], 2],
      ['c', ['a', 'b'], 3],
      ['d', ['a', 'b', 'c'], undefined],
    ],
  },
  {
    name: 'fixed ports are of their members alone',
    options: {
      fixed: new Map([
        ['x', 2],
        ['y', 77],
      ]),
    },
    asks: [
      ['a', [], 1],
      ['b', [], 3],
      ['x', [], 2],
      ['y', [], 77],
      ['c', ['a', 'b'], undefined],
    ],
    given: [
      ['a', 1],
      ['b', 3],
    ],
  },
  {
    name: 'without a range only fixed ports are there',
    options: { range: undefined, fixed: new Map([['x', 2]]), remembered: new Map([['a', 1]]) },
    asks: [
      ['x', [], 2],
      ['a', [], undefined],
    ],
    given: [],
  },
  {
    name: 'port 0 is any free one for each, and nothing to remember',
    options: { range: { first: 0, last: 0 } },
    asks: [
      ['a', [], 0],
      ['b', [], 0],
    ],
    given: [],
  },
  {
    name: 'what an earlier run gave out is kept',
    options: {
      remembered: new Map([
        ['b', 1],
        ['a', 3],
      ]),
    },
    asks: [
      ['a', [], 3],
      ['c', [], 2],
      ['b', [], 1],
    ],
  },
  {
    name: 'remembered ports outside of the range are forgotten',
    options: {
      remembered: new Map([
        ['a', 9],
        ['b', 2],
      ]),
    },
    asks: [
      ['a', [], 1],
      ['b', [], 2],
    ],
  },
  {
    name: 'a remembered port that the config gives to another now is forgotten',
    options: { remembered: new Map([['a', 2]]), fixed: new Map([['x', 2]]) },
    asks: [
      ['a', [], 1],
      ['x', [], 2],
    ],
    given: [['a', 1]],
  },
  {
    name: 'of two names that remember one port the last has it',
    options: {
      remembered: new Map([
        ['a', 2],
        ['b', 2],
      ]),
    },
    asks: [
      ['b', [], 2],
      ['a', ['b'], 1],
    ],
  },
]

t.test('which port leads to which member', (t) => {
  for (const { name, options = {}, asks, given } of rows) {
    const ports = book(options)
    for (const [member, inUse, want] of asks) t.equal(ports.portOf(member, new Set(inUse)), want, `${name}: ${member}`)
    if (given !== undefined) t.strictSame([...ports.given], given, `${name}: to remember`)
  }
  t.end()
})

t.test('no port is ever given to two members that are in use', (t) => {
  const ports = book({ range: { first: 1, last: 5 } })
  const inUse = new Map<string, number>()
  for (let i = 0; i < 500; i++) {
    const name = `m${(i * 7) % 11}`
    if (i % 3 === 0) inUse.delete(name)
    else if (!inUse.has(name)) {
      const port = ports.portOf(name, new Set(inUse.keys()))
      if (port === undefined) t.equal(inUse.size, 5)
      else if ([...inUse.values()].includes(port)) t.fail(`port ${port} twice`)
      else inUse.set(name, port)
    }
  }
  t.ok(ports.given.size <= 5)
  t.end()
})

t.test('the state file brings the same ports back, in the order of their last use', (t) => {
  const path = join(t.testdir({}), 'ports.json')
  t.strictSame([...readPorts(path)], [], 'none yet')
  const first = book({})
  for (const name of ['a:1', 'b:1', 'a:1']) first.portOf(name, NOBODY)
  writePorts(path, first.given)
  t.strictSame(
    [...readPorts(path)],
    [
      ['b:1', 2],
      ['a:1', 1],
    ],
  )
  const second = book({ remembered: readPorts(path) })
  t.equal(second.portOf('a:1', NOBODY), 1)
  t.equal(second.portOf('c:1', NOBODY), 3)
  t.match(JSON.parse(readFileSync(path, 'utf8')), { version: 1 })
  t.end()
})

t.test('a state file that cannot be understood is refused: other ports would lead clients astray', (t) => {
  const cases = {
    empty: '',
    cut: '{"version":1,"ports":[{"mem',
    older: '{"version":2,"ports":[]}',
    list: '[]',
    word: 'null',
    'no ports': '{"version":1}',
    'no port': '{"version":1,"ports":[{"member":"a:1"}]}',
    'no member': '{"version":1,"ports":[{"port":1}]}',
    fraction: '{"version":1,"ports":[{"member":"a:1","port":1.5}]}',
    nothing: '{"version":1,"ports":[null]}',
  }
  const directory = t.testdir(cases)
  for (const name of Object.keys(cases)) {
    const path = join(directory, name)
    t.throws(() => readPorts(path), { code: 'OPL_STATE_FILE', message: path }, name)
  }
  t.throws(() => readPorts(directory), { code: 'OPL_STATE_FILE' }, 'a directory')
  t.end()
})
