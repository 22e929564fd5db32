import { BSON, Long, ObjectId, Timestamp } from 'bson'
import { compress } from 'snappyjs'
import t from 'tap'
import { crc32c } from '../../../src/codecs/mongodb/crc32c.js'
import { normalizeMember, rewriteHelloReply } from '../../../src/codecs/mongodb/hello-rewrite.js'
import type { Rewrite } from '../../../src/core/codec.js'
import { loadFixtures } from '../../support/replay.js'
import { seededRandom } from '../../support/seeded-random.js'
import { body, compressed, doc, int32, int64, message, opMsg, sequence, telemetry } from '../../support/wire.js'

const HELLO = {
  topologyVersion: { processId: new ObjectId('0123456789abcdef01234567'), counter: Long.fromNumber(6) },
  hosts: ['a.rs:27017', 'B.rs:27018', 'c.rs'],
  passives: ['p.rs:27017'],
  arbiters: ['x.rs:27017'],
  setName: 'rs0',
  setVersion: 4,
  isWritablePrimary: true,
  secondary: false,
  primary: 'a.rs:27017',
  me: 'a.rs:27017',
  electionId: new ObjectId('7fffffff0000000000000003'),
  lastWrite: {
    lastWriteDate: new Date(1_700_000_000_000),
    opTime: { ts: new Timestamp({ t: 5, i: 1 }), t: Long.fromNumber(3) },
  },
  tags: { dc: 'east', hosts: 'a.rs:27017' },
  pattern: /a.rs/i,
  speculativeAuthenticate: { payload: Buffer.from('r=abc,s=def') },
  maxWireVersion: 25,
  ok: 1,
}
const PORTS: Readonly<Record<string, number>> = {
  'a.rs:27017': 27_101,
  'b.rs:27018': 27_102,
  'c.rs:27017': 27_103,
  'x.rs:27017': 27_104,
}
const through = (member: string): Rewrite => ({
  member,
  advertise: (name) => (PORTS[name] === undefined ? undefined : `proxy.internal:${PORTS[name]}`),
})
const WANTED = {
  ...HELLO,
  hosts: ['proxy.internal:27101', 'proxy.internal:27102', 'proxy.internal:27103'],
  passives: [],
  arbiters: ['proxy.internal:27104'],
  primary: 'proxy.internal:27101',
  me: 'proxy.internal:27101',
}

const opReply = (value: Record<string, unknown>) =>
  message(1, 9, 1, int32(8), int64(0n), int32(0), int32(1), doc(value))

function rewritten(input: Buffer, map: Rewrite = through('a.rs:27017')): Buffer {
  const result = rewriteHelloReply(input, map)
  if (result.kind !== 'rewritten') throw new Error(`expected a rewrite, got ${JSON.stringify(result)}`)
  return result.message
}

t.test('the five fields are led through the proxy in every form, and nothing else changes', async (t) => {
  t.same(rewritten(opMsg(body(HELLO))), opMsg(body(WANTED)), 'OP_MSG')
  t.same(rewritten(opReply(HELLO)), opReply(WANTED), 'OP_REPLY')
  t.same(
    rewritten(opMsg(body(HELLO), { flags: 2, requestId: 7, responseTo: 6 })),
    opMsg(body(WANTED), { flags: 2, requestId: 7, responseTo: 6 }),
    'streaming',
  )
  const sections = (value: Record<string, unknown>) => [
    telemetry({ otel: {} }),
    sequence('other', [{ a: 1 }]),
    body(value),
  ]
  t.same(rewritten(opMsg(sections(HELLO))), opMsg(sections(WANTED)), 'the body behind other sections')
  t.same(rewritten(compressed(opMsg(body(HELLO)))), opMsg(body(WANTED)), 'zlib: sent uncompressed')
  t.same(rewritten(compressed(opReply(HELLO), 1, compress(opReply(HELLO).subarray(16)))), opReply(WANTED), 'snappy')
})

t.test('a checksum is made anew over the rewritten message', async (t) => {
  t.equal(crc32c(Buffer.from('123456789')) >>> 0, 0xe3069283, 'the test vector of CRC-32C')
  const out = rewritten(opMsg(body(HELLO), { flags: 1 }))
  const plain = opMsg(body(WANTED), { flags: 1 })
  t.same(out.subarray(0, -4), plain.subarray(0, -4))
  t.equal(out.readInt32LE(out.length - 4), crc32c(plain, plain.length - 4))
})

t.test('who it is decides: the wrong node is not sent, a seed listener takes any', async (t) => {
  const input = opMsg(body(HELLO))
  t.same(rewriteHelloReply(input, through('b.rs:27018')), { kind: 'identity_mismatch', me: 'a.rs:27017' })
  t.same(rewritten(input, through('')), opMsg(body(WANTED)))
  const upper = opMsg(body({ ...HELLO, me: 'A.RS' }))
  t.same(rewritten(upper), opMsg(body(WANTED)), 'names are compared in lower case with their port')
})

t.test('members without a listener are left out', async (t) => {
  const input = {
    hosts: ['gone.rs:1', 'a.rs:27017', 'gone.rs:2', 'c.rs:27017'],
    primary: 'gone.rs:1',
    me: 'gone.rs:2',
    ok: 1,
  }
  const out = rewritten(opMsg(body(input)), through(''))
  t.same(out, opMsg(body({ hosts: ['proxy.internal:27101', 'proxy.internal:27103'], ok: 1 })), 'keys are counted anew')
})

t.test('what has no member names is left as it is', async (t) => {
  for (const value of [
    { ok: 0, code: 13, errmsg: 'hosts' },
    { isWritablePrimary: true, msg: 'isdbgrid', ok: 1 },
  ]) {
    t.same(rewriteHelloReply(opMsg(body(value)), through('a.rs:27017')), { kind: 'unchanged' })
  }
})

t.test('what cannot be understood is refused with a reason', async (t) => {
  const cases: readonly [string, Buffer, string][] = [
    ['hosts that is no array', opMsg(body({ hosts: 'a.rs:27017' })), 'bson_type'],
    ['a number for me', opMsg(body({ me: 5 })), 'bson_type'],
    ['no body', opMsg(telemetry({})), 'missing_body'],
    ['an unknown section', opMsg([Buffer.from([7]), body(HELLO)]), 'unknown_section'],
    ['an unknown required flag', opMsg(body(HELLO), { flags: 8 }), 'unknown_required_flag'],
    ['another opcode', message(2004, 1, 1, Buffer.alloc(20)), 'unknown_opcode'],
    ['nested compression', compressed(compressed(opMsg(body(HELLO)))), 'nested_compression'],
    ['a payload that is none', compressed(opMsg(body(HELLO)), 2, Buffer.alloc(9)), 'inflate_failed'],
    ['a claimed size of 2 MiB', compressed(opMsg(body(HELLO)), 2, undefined, 2_097_152), 'inflate_size'],
    ['a header alone', message(2013, 1, 1), 'truncated_message'],
  ]
  for (const [name, input, reason] of cases)
    t.same(rewriteHelloReply(input, through('')), { kind: 'failed', reason }, name)
})

t.test('names are normalised as drivers do', async (t) => {
  const cases = {
    'A.rs': 'a.rs:27017',
    'a.rs:1': 'a.rs:1',
    '[::1]': '[::1]:27017',
    '[FE80::1]:5': '[fe80::1]:5',
    '::1': '[::1]:27017',
  }
  for (const [name, normal] of Object.entries(cases)) t.equal(normalizeMember(name), normal)
})

t.test('real hellos of a replica set come out with their names changed and nothing else', async (t) => {
  const decode = (bytes: Buffer, at: number) =>
    BSON.deserialize(bytes.subarray(at, at + bytes.readInt32LE(at)), { promoteValues: false }) as Record<
      string,
      unknown
    >
  const LED = new Set(['hosts', 'primary', 'me'])
  let seen = 0
  for (const fixture of loadFixtures().filter(({ provenance }) => provenance.synthetic !== true)) {
    const chunks = fixture.connections.flatMap(({ chunks }) => chunks).filter(({ direction }) => direction === 'reply')
    for (const { bytes } of chunks) {
      if (bytes.length < 21 || bytes.readInt32LE(0) !== bytes.length || !bytes.includes('setName\0')) continue
      const opcode = bytes.readInt32LE(12)
      if (opcode !== 1 && opcode !== 2013) continue
      const at = opcode === 1 ? 36 : 21
      const before = decode(bytes, at)
      const out = rewritten(bytes, { member: '', advertise: () => 'proxy.internal:1' })
      const after = decode(out, at)
      t.same(Object.keys(after), Object.keys(before))
      for (const key of Object.keys(before)) if (!LED.has(key)) t.same(after[key], before[key], key)
      t.equal(String(after.me), 'proxy.internal:1')
      t.notMatch(out.toString('latin1'), String(before.me))
      seen++
    }
  }
  t.ok(seen > 10, `${seen} hellos`)
})

t.test('mutated hellos never throw and never come out malformed', async (t) => {
  const random = seededRandom(5)
  const forms = [opMsg(body(HELLO)), opReply(HELLO), opMsg(body(HELLO), { flags: 1 }), compressed(opMsg(body(HELLO)))]
  const kinds: Record<string, number> = {}
  for (let i = 0; i < 4_000; i++) {
    const input = Buffer.from(forms[i % forms.length] as Buffer)
    for (let n = 1 + Math.floor(random() * 3); n > 0; n--) {
      input[16 + Math.floor(random() * (input.length - 16))] = Math.floor(random() * 256)
    }
    const result = rewriteHelloReply(input, through(''))
    kinds[result.kind] = (kinds[result.kind] ?? 0) + 1
    if (result.kind === 'rewritten' && result.message.readInt32LE(0) !== result.message.length) t.fail('a wrong length')
  }
  t.comment(JSON.stringify(kinds))
  t.ok((kinds.rewritten ?? 0) > 500 && (kinds.failed ?? 0) > 500)
})
