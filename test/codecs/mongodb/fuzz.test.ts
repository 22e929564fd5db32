import t from 'tap'
import { MongoSession } from '../../../src/codecs/mongodb/session.js'
import { DecodeError } from '../../../src/core/errors.js'
import { type Chunk, loadFixtures, newCodec, Recording, recut } from '../../support/replay.js'
import { seededRandom } from '../../support/seeded-random.js'
import { message } from '../../support/wire.js'

/** Fixed budgets, so that the suite takes the same time everywhere; OPLENS_FUZZ multiplies them for a longer run. */
const FACTOR = Number(process.env.OPLENS_FUZZ ?? 1)
const SEED = Number(process.env.OPLENS_FUZZ_SEED ?? 20_261_124)
const MAX_INFLATE = 262_144

const streams = loadFixtures().flatMap((fixture) => fixture.connections.map((connection) => connection.chunks))

/** All of a connection's bytes, merged where a direction speaks twice in a row. */
function messagesOf(chunks: readonly Chunk[]): Chunk[] {
  const left = { request: Buffer.alloc(0), reply: Buffer.alloc(0) }
  const messages: Chunk[] = []
  for (const { direction, bytes } of chunks) {
    let rest = Buffer.concat([left[direction], bytes])
    while (rest.length >= 16 && rest.length >= rest.readInt32LE(0)) {
      const length = rest.readInt32LE(0)
      messages.push({ direction, bytes: rest.subarray(0, length) })
      rest = rest.subarray(length)
    }
    left[direction] = rest
  }
  return messages
}

function play(chunks: readonly Chunk[]): { recording: Recording; threw: unknown; maxHeld: number } {
  const recording = new Recording(newCodec({ max_inflate: `${MAX_INFLATE}B` }))
  let threw: unknown
  let maxHeld = 0
  for (const { direction, bytes } of chunks) {
    try {
      recording.push(direction, bytes)
    } catch (error) {
      threw = error
      break
    }
    if (recording.session instanceof MongoSession) maxHeld = Math.max(maxHeld, recording.session.heldBytes)
  }
  recording.session.end(threw === undefined ? 'client' : 'undecodable', 0)
  return { recording, threw, maxHeld }
}

t.test(`mutated captures (seed ${SEED}) throw nothing but DecodeError and hold no unbounded buffer`, async (t) => {
  const random = seededRandom(SEED)
  const pick = (n: number) => Math.floor(random() * n)
  const interesting = [0, 1, 4, 15, 16, 0x7f, 0x80, 0xff]
  const mutate = (bytes: Buffer): Buffer => {
    const out = Buffer.from(bytes)
    for (let n = 1 + pick(4); n > 0; n--) {
      const at = pick(out.length)
      switch (pick(5)) {
        case 0:
          out[at] = pick(256)
          break
        case 1:
          out[at] = (out[at] as number) ^ (1 << pick(8))
          break
        case 2:
          out[at] = interesting[pick(interesting.length)] as number
          break
        case 3:
          // A wrong length where lengths stand: inside the body, the frame's own length untouched.
          if (out.length > 24)
            out.writeInt32LE([-1, 0, 5, 0x7fffffff, out.length][pick(5)] as number, 16 + pick(out.length - 20))
          break
        default:
          return out.subarray(0, at + 1)
      }
    }
    return out
  }
  let messages = 0
  let undecodable = 0
  let lost = 0
  let leaked = 0
  let worstHeld = 0
  const wrong: unknown[] = []
  const executions = Math.round(6_000 * FACTOR)
  for (let i = 0; i < executions; i++) {
    const original = messagesOf(streams[pick(streams.length)] as readonly Chunk[])
    if (original.length === 0) continue
    const from = pick(original.length)
    const some = original.slice(from, from + 8)
    const mutated = some.map((m) => (random() < 0.4 ? { direction: m.direction, bytes: mutate(m.bytes) } : m))
    const { recording, threw, maxHeld } = play(recut(mutated, () => 1 + pick(random() < 0.5 ? 40 : 4_000)))
    if (threw !== undefined && !(threw instanceof DecodeError)) wrong.push(threw)
    if (threw !== undefined) lost++
    leaked += recording.open.size
    messages += Object.values(recording.opcodes).reduce((sum, n) => sum + n, 0)
    undecodable += recording.undecodable.filter((u) => u.reason !== 'unmatched_reply').length
    worstHeld = Math.max(worstHeld, maxHeld)
  }
  const share = 1 - undecodable / messages
  t.comment(
    `${executions} executions, ${messages} messages, decoded ${(share * 100).toFixed(1)} %, framing lost in ${lost}, held at most ${worstHeld} bytes`,
  )
  t.same(wrong, [])
  t.equal(leaked, 0, 'every exchange that started has ended')
  t.ok(worstHeld <= 2 * (MAX_INFLATE + 32_768), `held ${worstHeld}`)
  t.ok(share > 0.6, `decoded ${share}`)
  t.ok(share < 0.99, 'the mutations do hurt')
})

t.test('pure noise behind a valid header is opaque and stalls nothing', async (t) => {
  const random = seededRandom(SEED + 1)
  for (let i = 0; i < 2_000 * FACTOR; i++) {
    const noise = Buffer.from(Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(random() * 256)))
    const opcode = [1, 2001, 2002, 2004, 2005, 2006, 2007, 2012, 2013, 3000][Math.floor(random() * 10)] as number
    const direction = random() < 0.5 ? 'request' : 'reply'
    const { recording, threw } = play([{ direction, bytes: message(opcode, i, 0, noise) }])
    if (threw !== undefined && !(threw instanceof DecodeError)) throw threw
    if (recording.open.size > 0) t.fail('an exchange never ended')
  }
  t.pass('nothing escaped')
})

interface Sections {
  readonly flags: number
  readonly sections: readonly Buffer[]
  readonly tail: Buffer
}

/** Sections of an OP_MSG, by its layout; undefined for other messages. */
function sectionsOf(bytes: Buffer): Sections | undefined {
  if (bytes.readInt32LE(12) !== 2013) return undefined
  const flags = bytes.readInt32LE(16)
  const end = bytes.length - ((flags & 1) !== 0 ? 4 : 0)
  const sections: Buffer[] = []
  for (let at = 20; at < end; ) {
    const length = 1 + bytes.readInt32LE(at + 1)
    sections.push(bytes.subarray(at, at + length))
    at += length
  }
  return { flags, sections, tail: bytes.subarray(end) }
}

t.test('what must not change meaning does not: cuts, section order, unknown optional flags', async (t) => {
  const random = seededRandom(SEED + 2)
  const records = (chunks: readonly Chunk[]) => {
    const { recording, threw } = play(chunks)
    if (threw !== undefined) throw threw
    return recording.exchanges.map((x) => [
      x.operation.command,
      x.operation.database,
      x.operation.collection,
      x.outcome?.kind,
      x.outcome?.code,
      x.batchSize,
      x.documents,
      x.affected,
      x.requestBytes,
      x.replyBytes,
      x.isAwaited,
      x.cursorIdLow,
      x.comment,
    ])
  }
  let reordered = 0
  for (const chunks of streams) {
    const messages = messagesOf(chunks)
    const changed = messages.map(({ direction, bytes }) => {
      const parts = sectionsOf(bytes)
      if (parts === undefined) return { direction, bytes }
      const optional = (1 << (17 + Math.floor(random() * 13))) | parts.flags
      const flags = Buffer.alloc(4)
      flags.writeInt32LE(optional)
      if (parts.sections.length > 1) reordered++
      const out = Buffer.concat([bytes.subarray(0, 16), flags, ...[...parts.sections].reverse(), parts.tail])
      return { direction, bytes: out }
    })
    const cut = recut(changed, () => 1 + Math.floor(random() * 300))
    t.same(records(cut), records(messages))
  }
  t.ok(reordered > 20, `${reordered} messages had sections to reorder`)
})
