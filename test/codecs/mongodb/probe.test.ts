import { Long, ObjectId } from 'bson'
import t from 'tap'
import { mongodbProbe } from '../../../src/codecs/mongodb/probe.js'
import { DecodeError } from '../../../src/core/errors.js'
import type { MemberReport } from '../../../src/core/probe.js'
import { loadFixtures, Recording } from '../../support/replay.js'
import { body, doc, int32, int64, message, opMsg } from '../../support/wire.js'

const PROCESS = new ObjectId('0123456789abcdef01234567')
const PRIMARY = {
  helloOk: true,
  isWritablePrimary: true,
  secondary: false,
  setName: 'rs0',
  setVersion: 3,
  hosts: ['A.rs', 'b.rs:27018'],
  passives: ['p.rs:1'],
  arbiters: ['x.rs:2'],
  primary: 'a.rs:27017',
  me: 'A.RS:27017',
  tags: { dc: 'east' },
  electionId: new ObjectId('7fffffff0000000000000002'),
  lastWrite: { lastWriteDate: new Date(1_700_000_000_000) },
  topologyVersion: { processId: PROCESS, counter: Long.fromNumber(5) },
  maxWireVersion: 25,
  ok: 1,
}
const answer = (value: Record<string, unknown>, flags = 0) => opMsg(body(value), { flags, responseTo: 1 })
const read = (value: Record<string, unknown>): MemberReport => {
  const [report] = mongodbProbe.open().push(answer(value))
  if (report === undefined) throw new Error('no report')
  return report
}

t.test('a report says what hello said, names normalised', async (t) => {
  const { tags, version, epoch, ...rest } = read(PRIMARY)
  t.same(rest, {
    role: 'primary',
    name: 'a.rs:27017',
    setName: 'rs0',
    peers: ['a.rs:27017', 'b.rs:27018', 'p.rs:1', 'x.rs:2'],
    arbiters: ['x.rs:2'],
    primaryName: 'a.rs:27017',
    isHidden: false,
    lastWriteWallMs: 1_700_000_000_000,
  })
  t.same([...tags], [['dc', 'east']])
  t.ok(version !== undefined && epoch !== undefined)
})

t.test('roles', async (t) => {
  const set = { setName: 'rs0', ok: 1 }
  const cases: readonly [Record<string, unknown>, string][] = [
    [{ ...set, ismaster: true }, 'primary'],
    [{ ...set, secondary: true }, 'secondary'],
    [{ ...set, arbiterOnly: true }, 'arbiter'],
    [set, 'other'],
    [{ isreplicaset: true, ok: 1 }, 'other'],
    [{ ismaster: true, ok: 1 }, 'standalone'],
    [{ msg: 'isdbgrid', ismaster: true, ok: 1 }, 'router'],
  ]
  for (const [reply, role] of cases) t.equal(read(reply).role, role, JSON.stringify(reply))
})

t.test('requests: the old name first, then hello; awaited and streaming only with a topologyVersion', async (t) => {
  const session = mongodbProbe.open()
  const sent = new Recording()
  sent.push('request', session.request(10_000))
  t.same([...session.push(answer(PRIMARY))].length, 1)
  sent.push('request', session.request(0))
  sent.push('request', session.request(10_000))
  sent.session.end('client', 0)
  t.same(
    sent.exchanges.map((x) => [x.operation.command, x.isAwaited]),
    [
      ['isMaster', false],
      ['hello', false],
      ['hello', true],
    ],
    'as our own codec reads them',
  )
  t.equal(sent.connection.driver, 'oplens')
  session.push(answer(PRIMARY, 2))
  t.equal(session.isStreaming, true)
  session.push(answer(PRIMARY))
  t.equal(session.isStreaming, false)
})

t.test('replies come in any cut, and as OP_REPLY', async (t) => {
  const old = message(1, 9, 1, int32(8), int64(0n), int32(0), int32(1), doc({ ismaster: true, ok: 1 }))
  const stream = Buffer.concat([answer(PRIMARY, 2), old, answer(PRIMARY, 2)])
  for (const size of [1, 7, 64, stream.length]) {
    const session = mongodbProbe.open()
    const roles: string[] = []
    for (let at = 0; at < stream.length; at += size) {
      roles.push(...session.push(stream.subarray(at, at + size)).map(({ role }) => role))
    }
    t.same(roles, ['primary', 'standalone', 'primary'], `pieces of ${size}`)
  }
})

t.test('what is no hello reply is an error with a reason', async (t) => {
  const cases: readonly [Buffer, string][] = [
    [answer({ ok: 0, code: 18 }), 'hello_refused'],
    [message(2013, 1, 1, int32(0), Buffer.from([0, 9, 0, 0, 0, 1])), 'hello_malformed'],
    [message(2012, 1, 1, Buffer.alloc(20)), 'hello_opcode'],
    [int32(2_000_000), 'hello_too_large'],
    [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'http_on_plain_port'],
  ]
  for (const [bytes, reason] of cases) {
    const padded = bytes.length < 16 ? Buffer.concat([bytes, Buffer.alloc(16)]) : bytes
    let thrown: unknown
    try {
      mongodbProbe.open().push(padded)
    } catch (error) {
      thrown = error
    }
    t.equal(thrown instanceof DecodeError ? thrown.reason : thrown, reason)
  }
})

t.test('primaries are ordered by election, then by version; on old servers the other way round', async (t) => {
  const epoch = (electionId: string, setVersion: number, maxWireVersion = 25) => {
    const id = new ObjectId(`7fffffff00000000000000${electionId}`)
    const { epoch } = read({ ...PRIMARY, electionId: id, setVersion, maxWireVersion })
    if (epoch === undefined) throw new Error('a primary has an epoch')
    return epoch
  }
  const order = (a: ReturnType<typeof epoch>, b: ReturnType<typeof epoch>) =>
    Math.sign(mongodbProbe.compareEpochs(a, b))
  t.equal(order(epoch('02', 9), epoch('03', 1)), -1)
  t.equal(order(epoch('03', 1), epoch('03', 2)), -1)
  t.equal(order(epoch('03', 2), epoch('03', 2)), 0)
  t.equal(order(epoch('02', 9, 16), epoch('03', 1, 16)), 1)
})

t.test('an older topologyVersion of the same process is outdated, another process is not', async (t) => {
  const at = (counter: number, processId = PROCESS) =>
    read({ ...PRIMARY, topologyVersion: { processId, counter: Long.fromNumber(counter) } })
  const none = read({ ...PRIMARY, topologyVersion: undefined })
  t.equal(mongodbProbe.isOutdated(at(4), at(5)), true)
  t.equal(mongodbProbe.isOutdated(at(5), at(5)), false)
  t.equal(mongodbProbe.isOutdated(at(1, new ObjectId('ffffffffffffffffffffffff')), at(5)), false)
  t.equal(mongodbProbe.isOutdated(none, at(5)), false)
})

t.test('fields of the wrong type are passed over', async (t) => {
  const wrong = {
    me: 5,
    hosts: 'a',
    tags: null,
    lastWrite: 1,
    electionId: 'x',
    topologyVersion: { processId: 1 },
    setVersion: 'x',
  }
  const report = read({ ...PRIMARY, ...wrong })
  t.match(report, { role: 'primary', name: '', peers: ['p.rs:1', 'x.rs:2'], lastWriteWallMs: 0, version: undefined })
  t.doesNotThrow(() => mongodbProbe.compareEpochs(report.epoch ?? { opaque: 0 }, report.epoch ?? { opaque: 0 }))
})

t.test('hellos of a real server are understood', async (t) => {
  let seen = 0
  for (const fixture of loadFixtures()) {
    for (const { chunks } of fixture.connections) {
      const first = chunks.find(({ direction }) => direction === 'reply')
      if (first === undefined || !first.bytes.includes('setName\0')) continue
      if (first.bytes.readInt32LE(0) !== first.bytes.length) continue
      const [report] = mongodbProbe.open().push(first.bytes)
      t.match(report, { role: 'primary', setName: String })
      t.ok(report?.peers.includes(report.name))
      seen++
    }
  }
  t.ok(seen > 5, `${seen} hellos`)
})
