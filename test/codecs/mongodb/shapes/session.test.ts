import { BSON } from 'bson'
import t from 'tap'
import { MongoSession } from '../../../../src/codecs/mongodb/session.js'
import { Heads } from '../../../../src/codecs/mongodb/shapes/heads.js'
import { MAX_HEAD_BYTES } from '../../../../src/codecs/mongodb/shapes/request-parts.js'
import { traceParentIn, validTraceParent } from '../../../../src/codecs/shared/trace-parent.js'
import type { Frame } from '../../../../src/core/codec.js'
import { DecodeError } from '../../../../src/core/errors.js'
import type { Exchange } from '../../../../src/core/exchange.js'
import { everyCut } from '../../../support/cuts.js'
import { literals, RandomCommand } from '../../../support/random-command.js'
import { newCodec, Recording } from '../../../support/replay.js'
import { seededRandom } from '../../../support/seeded-random.js'
import { exchangeOf, shapeOf, shapingCodec } from '../../../support/shapes.js'
import {
  body,
  compressed,
  cstring,
  doc,
  int32,
  int64,
  message,
  opMsg,
  reply,
  request,
  sequence,
  telemetry,
} from '../../../support/wire.js'

const FACTOR = Number(process.env.OPLENS_FUZZ ?? 1)
const SEED = Number(process.env.OPLENS_FUZZ_SEED ?? 20_261_127)

const FIND = { find: 'c', filter: { a: 1 }, $db: 'shop' }
const cursor = (id: bigint, responseTo: number, options = {}) =>
  reply(
    { cursor: { id, ns: 'shop.c', [id === 5n && responseTo === 1 ? 'firstBatch' : 'nextBatch']: [] }, ok: 1 },
    responseTo,
    options,
  )
const getMore = (id: bigint, requestId: number, flags = 0) =>
  request({ getMore: id, collection: 'c', $db: 'shop' }, { requestId, flags })

t.test('a getMore does what the command that opened its cursor did, until the cursor ends', async (t) => {
  const codec = shapingCodec()
  const [one, other] = [new Recording(codec), new Recording(codec)]
  one.push('request', request(FIND))
  one.push('reply', cursor(5n, 1))
  // A driver may send it on another connection.
  for (const [requestId, next] of [
    [2, 5n],
    [3, 0n],
    [4, 0n],
  ] as const) {
    other.push('request', getMore(5n, requestId))
    other.push('reply', cursor(next, requestId))
  }
  const shape = one.exchanges[0]?.shape
  t.equal(shape?.command, 'find')
  t.same(
    other.exchanges.map((exchange) => exchange.shape),
    [shape, shape, undefined],
    'the last one asked for a cursor that had ended',
  )
})

t.test('so does a legacy one, and so do the batches of an exhaust stream', async (t) => {
  const recording = new Recording(shapingCodec())
  recording.push('request', request(FIND))
  recording.push('reply', cursor(5n, 1))
  recording.push('request', message(2005, 2, 0, int32(0), cstring('shop.c'), int32(0), int64(5n)))
  recording.push('reply', message(1, 9, 2, int32(0), int64(5n), int32(0), int32(0)))
  recording.push('request', getMore(5n, 3, 1 << 16))
  recording.push('reply', cursor(5n, 3, { requestId: 50, flags: 2 }))
  recording.push('reply', cursor(5n, 50, { requestId: 51, flags: 2 }))
  recording.push('reply', cursor(0n, 51, { requestId: 52 }))
  recording.push('request', getMore(5n, 4))
  recording.push('reply', cursor(0n, 4))
  const texts = recording.exchanges.map((exchange) => exchange.shape?.text)
  const text = '{filter: {a: "?number"}}'
  t.same(texts, [text, text, text, text, text, undefined])
})

t.test('cursors beyond 10,000 forget the oldest', async (t) => {
  const recording = new Recording(shapingCodec())
  const open = (id: number) => {
    recording.push('request', request(FIND))
    recording.push('reply', cursor(BigInt(id), 1))
  }
  const ask = (id: number) => {
    recording.push('request', getMore(BigInt(id), 1))
    recording.push('reply', cursor(BigInt(id), 1))
    return recording.exchanges.at(-1)?.shape
  }
  for (let id = 10; id < 10_011; id++) open(id)
  t.equal(ask(10), undefined)
  t.ok(ask(11))
  t.ok(ask(10_010))
})

t.test('a request larger than what is looked at is told by its head, at every cut', async (t) => {
  const random = seededRandom(SEED)
  const long = 'x'.repeat(40_000)
  const ids = Array.from({ length: 2_000 }, () => new BSON.ObjectId())
  const updates = Array.from({ length: 400 }, (_, i) => ({ q: { _id: i }, u: { $set: { name: 'y'.repeat(60) } } }))
  const rows: readonly (readonly [name: string, message: Buffer, text: string | undefined])[] = [
    [
      'a long list',
      request({ find: 'c', filter: { _id: { $in: ids } }, sort: { a: 1 } }),
      '{filter: {_id: {$in: "?array<?objectId>"}}}…',
    ],
    ['a long value', request({ find: 'c', filter: { a: 1, b: long, c: 1 } }), '{filter: {a: "?number"}}…'],
    ['its command alone', request({ find: 'c', comment: long, filter: { a: 1 } }), '…'],
    [
      'many updates',
      opMsg([body({ update: 'c', $db: 'shop' }), sequence('updates', updates)]),
      '{updates: [{q: {_id: "?number"}, u: {$set: {name: "?string"}}}]}…',
    ],
    [
      'the same, body last',
      opMsg([sequence('updates', updates), body({ update: 'c', $db: 'shop' })]),
      '{updates: [{q: {_id: "?number"}, u: {$set: {name: "?string"}}}]}…',
    ],
    [
      'in the body',
      request({ update: 'c', updates }),
      '{updates: [{q: {_id: "?number"}, u: {$set: {name: "?string"}}}]}…',
    ],
    ['another sequence first', opMsg([sequence('other', [{ long }]), body(FIND)]), undefined],
    ['a legacy one', message(2004, 1, 0, int32(0), cstring('shop.c'), int32(0), int32(0), doc({ long })), undefined],
  ]
  const codec = shapingCodec()
  for (const [name, bytes, text] of rows) {
    const forms: [string, readonly Buffer[]][] = everyCut(bytes, random).map(([cut, pieces]) => [cut, pieces])
    for (const at of [15, 16, 17, 20, 16 + MAX_HEAD_BYTES - 1, 16 + MAX_HEAD_BYTES, 16 + MAX_HEAD_BYTES + 1]) {
      forms.push([`cut at ${at}`, [bytes.subarray(0, at), bytes.subarray(at)]])
    }
    forms.push(['compressed', [compressed(bytes)]])
    for (const [form, pieces] of forms) {
      const { shape } = exchangeOf(pieces, codec)
      t.equal(shape?.text, text, `${name}, ${form}`)
      if (text !== undefined) t.equal(shape?.isTruncated, true)
    }
  }
})

t.test('what is deep, wide or long is cut, and says so', async (t) => {
  const nested = (depth: number): Record<string, unknown> => (depth === 0 ? { a: 1 } : { $or: [nested(depth - 1)] })
  const deep = shapeOf(request({ find: 'c', filter: nested(40) }))
  t.match(deep, { isTruncated: true, text: /^\{filter: (\{\$or: \[){8}…/ })
  t.equal(shapeOf(request({ find: 'c', filter: nested(7) }))?.isTruncated, false)
  const names = (count: number, name: (i: number) => string) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [name(i), 1]))
  const letters = (i: number) => i.toString(26).replaceAll(/[0-9]/g, (digit) => 'qrstuvwxyz'[Number(digit)] ?? '')
  const wide = shapeOf(request({ find: 'c', projection: names(600, letters) }))
  t.equal(wide?.isTruncated, true)
  t.ok(wide?.text.includes(`${letters(511)}: 1`))
  t.notOk(wide?.text.includes(`${letters(512)}: 1`))
  const long = shapeOf(request({ find: 'c', filter: names(150, (i) => `${letters(i)}é`.repeat(8)) }))
  t.equal(long?.isTruncated, true)
  t.ok(Buffer.byteLength(long?.text ?? '') <= 4_096)
  t.notMatch(long?.text, /\uFFFD/)
})

t.test('beyond its share of memory a cut request has no shape', async (t) => {
  const heads = new Heads()
  const lent = Array.from({ length: 512 }, () => heads.take())
  t.ok(lent.every((head) => head !== undefined))
  t.equal(heads.lentBytes, 8 * 1_048_576)
  t.equal(heads.take(), undefined)
  t.equal(heads.refused, 1)
  const [first] = lent
  if (first !== undefined) heads.give(first)
  t.ok(heads.take())

  const codec = shapingCodec()
  const bytes = request(FIND)
  const halves = (recording: Recording) => recording.push('request', bytes.subarray(0, 40))
  const waiting = Array.from({ length: 512 }, () => new Recording(codec))
  for (const recording of waiting) halves(recording)
  t.equal(exchangeOf([bytes.subarray(0, 40), bytes.subarray(40)], codec).shape, undefined)
  t.ok(exchangeOf([bytes], codec).shape, 'one that is whole needs none')
  // Those that end give theirs back, finished or not.
  waiting[0]?.session.end('client', 0)
  waiting[1]?.push('request', bytes.subarray(40))
  for (let i = 0; i < 3; i++) t.ok(exchangeOf([bytes.subarray(0, 40), bytes.subarray(40)], codec).shape)
  const session = waiting[2]?.session
  t.equal(session instanceof MongoSession && session.heldBytes > MAX_HEAD_BYTES, true, 'it is counted as held')
  // The header alone, then all of it.
  t.ok(exchangeOf([bytes.subarray(0, 16), bytes.subarray(16)], codec).shape)
})

t.test('a cut insert is not kept: its documents are no part of its shape', async (t) => {
  const codec = shapingCodec()
  const recording = new Recording(codec)
  const bytes = opMsg([body({ insert: 'c', $db: 'shop' }), sequence('documents', [{ a: 'x'.repeat(5_000) }])])
  recording.push('request', bytes.subarray(0, 3_000))
  t.ok(recording.session instanceof MongoSession && recording.session.heldBytes < MAX_HEAD_BYTES)
  recording.push('request', bytes.subarray(3_000))
  recording.push('reply', reply({ ok: 1, n: 1 }))
  t.match(recording.exchanges[0]?.shape, { command: 'insert', text: '' })
})

/** What both codecs must tell the same of. */
function seen(recording: Recording): unknown {
  return {
    undecodable: recording.undecodable,
    opcodes: recording.opcodes,
    exchanges: recording.exchanges.map(({ connection: _, shape: __, ...exchange }: Exchange) => exchange),
  }
}

function play(
  codec: ReturnType<typeof newCodec>,
  chunks: readonly Buffer[],
): { recording: Recording; frames: unknown[] } {
  const recording = new Recording(codec)
  const frames: unknown[] = []
  const push = recording.session.push.bind(recording.session)
  recording.session.push = (direction, chunk, nowMs) => {
    const found = push(direction, chunk, nowMs)
    frames.push(found.map(({ start, end, first, last, output }: Frame) => [start, end, first, last, output]))
    return found
  }
  try {
    for (const chunk of chunks) recording.push('request', chunk)
    recording.push('reply', cursor(5n, 1))
    recording.session.end('client', 0)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    recording.session.end('undecodable', 0)
  }
  return { recording, frames }
}

t.test(`mutated requests: nothing is thrown, and all else is as without shapes (seed ${SEED})`, async (t) => {
  const random = seededRandom(SEED)
  const pick = (n: number) => Math.floor(random() * n)
  const [plain, shaping] = [newCodec(), shapingCodec()]
  let shaped = 0
  const count = 20_000 * FACTOR
  for (let i = 0; i < count; i++) {
    const command = new RandomCommand(random, literals('v')).command()
    const inner = request({ ...command, $db: 'shop' })
    const legacy = () =>
      message([2001, 2004, 2006][pick(3)] ?? 0, 1, 0, int32(0), cstring('shop.c'), int32(0), doc(command), doc(command))
    const bytes = pick(6) === 0 ? legacy() : pick(8) === 0 ? compressed(inner, 0) : inner
    for (let n = pick(4); n > 0; n--) {
      const at = 16 + pick(bytes.length - 20)
      if (pick(3) === 0) bytes.writeInt32LE([-1, 0, 4, 5, 0x7fffffff, bytes.length, pick(300)][pick(7)] ?? 0, at)
      else bytes[at] = [pick(256), 0, 1, 0xff, 0x7f][pick(5)] ?? 0
    }
    const cut = pick(bytes.length)
    const chunks =
      pick(2) === 0 ? [bytes] : [bytes.subarray(0, cut), bytes.subarray(cut)].filter((one) => one.length > 0)
    const [a, b] = [play(plain, chunks), play(shaping, chunks)]
    if (b.recording.exchanges.some(({ shape }) => shape !== undefined)) shaped++
    const [one, other] = [JSON.stringify([seen(a.recording), a.frames]), JSON.stringify([seen(b.recording), b.frames])]
    if (one !== other) t.same(other, one, bytes.toString('hex'))
  }
  t.comment(`${shaped} of ${count} had a shape`)
  t.ok(shaped > count * 0.3 && shaped < count * 0.97)
})

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const OTHER = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00'

t.test('a traceparent is taken from the section, else from the comment, if it is one', async (t) => {
  const text = { text: 'x' }
  const rows: readonly (readonly [name: string, sections: readonly Buffer[], traceParent: string])[] = [
    ['section', [body(FIND), telemetry({ otel: { traceparent: TRACE } })], TRACE],
    ['section before the body', [telemetry({ otel: { traceparent: TRACE } }), body(FIND)], TRACE],
    [
      'section and comment',
      [body({ ...FIND, comment: { traceparent: OTHER } }), telemetry({ otel: { traceparent: TRACE } })],
      TRACE,
    ],
    [
      'section first, and comment',
      [telemetry({ otel: { traceparent: TRACE } }), body({ ...FIND, comment: { traceparent: OTHER } })],
      TRACE,
    ],
    [
      'section that is none',
      [body({ ...FIND, comment: { traceparent: OTHER } }), telemetry({ otel: { traceparent: 'x' } })],
      OTHER,
    ],
    ['comment', [body({ ...FIND, comment: { ...text, traceparent: OTHER } })], OTHER],
    ['comment, upper case', [body({ ...FIND, comment: { traceparent: OTHER.toUpperCase() } })], ''],
    ['comment, a string', [body({ ...FIND, comment: OTHER })], OTHER],
    ['comment, as sqlcommenter', [body({ ...FIND, comment: `action='x',traceparent='${OTHER}',y='z'` })], OTHER],
    ['comment, without quotes', [body({ ...FIND, comment: `traceparent=${OTHER} x` })], OTHER],
    ['comment, encoded', [body({ ...FIND, comment: `traceparent%3D%27${OTHER.replaceAll('-', '%2D')}%27` })], OTHER],
    ['comment of something else', [body({ ...FIND, comment: `about ${'x'.repeat(80)}` })], ''],
    ['none', [body(FIND)], ''],
  ]
  for (const [name, sections, traceParent] of rows) {
    for (const [cut, pieces] of everyCut(opMsg(sections), seededRandom(3))) {
      for (const codec of [newCodec(), shapingCodec()]) {
        t.equal(exchangeOf(pieces, codec).traceParent, traceParent, `${name}, ${cut}`)
      }
    }
  }
})

t.test('what is a W3C traceparent', async (t) => {
  const valid = [TRACE, OTHER, TRACE.replace(/^00/, 'cc'), `${TRACE.replace(/^00/, '01')}-more`]
  for (const text of valid) t.equal(validTraceParent(text), text)
  const invalid = [
    '',
    'a value',
    TRACE.toUpperCase(),
    TRACE.replace(/^00/, 'ff'),
    TRACE.slice(1),
    `${TRACE}-more`,
    `${TRACE}x`,
    `${TRACE.replace(/^00/, '01')}-${'x'.repeat(65)}`,
    TRACE.replace('0af7651916cd43dd8448eb211c80319c', '0'.repeat(32)),
    TRACE.replace('b7ad6b7169203331', '0'.repeat(16)),
  ]
  for (const text of invalid) t.equal(validTraceParent(text), '', text)
  t.equal(traceParentIn(`traceparent='${TRACE}0'`), '', 'longer than one')
  t.equal(traceParentIn(`traceparent='${TRACE.replace(/^00/, 'ff')}'`), '')
})
