import { inspect } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { findCommand } from '../../../../src/codecs/mongodb/commands.js'
import { Fingerprint } from '../../../../src/codecs/mongodb/shapes/fingerprint.js'
import { MAX_HEAD_BYTES, RequestParts } from '../../../../src/codecs/mongodb/shapes/request-parts.js'
import { RequestShapes } from '../../../../src/codecs/mongodb/shapes/request-shapes.js'
import { ShapeText } from '../../../../src/codecs/mongodb/shapes/shape-text.js'
import { ShapeTable } from '../../../../src/codecs/shared/shape-table.js'
import { type Command, LITERALS, literals, RandomCommand } from '../../../support/random-command.js'
import { seededRandom } from '../../../support/seeded-random.js'
import { exchangeOf, shapeOf, shapingCodec } from '../../../support/shapes.js'
import { cstring, int32, opMsg, request } from '../../../support/wire.js'

/** Fixed budgets; OPLENS_FUZZ multiplies them for a longer run. */
const FACTOR = Number(process.env.OPLENS_FUZZ ?? 1)
const SEED = Number(process.env.OPLENS_FUZZ_SEED ?? 20_261_127)
const SEEDS = [0x1b873593, 0x7feb352d, 0x846ca68b, 0x27d4eb2f] as const
const INSPECTED = { depth: 20 }
const OP_MSG = 2013

/** Fingerprints and texts of messages, looked at apart: as if none had been seen before. */
class Pairs {
  readonly #parts = new RequestParts()
  readonly #fingerprint = new Fingerprint(SEEDS)
  readonly #text = new ShapeText()
  readonly texts = new Map<string, string>()
  refused = 0
  /** Two texts for one fingerprint. */
  readonly wrong: string[] = []

  look(message: Buffer, stop = message.length): void {
    const named = message.indexOf(0, 26)
    const command = findCommand(message, 26, named)
    const size = message.length - 16
    const isThere = this.#parts.locate(command, OP_MSG, message, 16, stop, size)
    if (!isThere || !this.#fingerprint.take(this.#parts)) {
      this.refused++
      return
    }
    const { high, low } = this.#fingerprint
    const text = this.#text.of(this.#parts, this.#parts.command !== command)
    const key = `${high}:${low}`
    const before = this.texts.get(key)
    const full = `${command.name} ${text} ${this.#text.isTruncated}`
    if (before !== undefined && before !== full) this.wrong.push(`${before}\n${full}`)
    this.texts.set(key, full)
  }
}

t.test(`equal fingerprints have equal texts (seed ${SEED})`, async (t) => {
  const random = seededRandom(SEED)
  const pairs = new Pairs()
  const count = Math.round(25_000 * FACTOR)
  let looked = 0
  for (let i = 0; i < count; i++) {
    const message = request(new RandomCommand(random, literals('v')).command())
    pairs.look(message)
    // Bytes that are nearly right: what is still taken must keep the rule.
    for (let k = 0; k < 2; k++) {
      const at = 20 + Math.floor(random() * (message.length - 20))
      const byte = message[at] as number
      message[at] = [byte ^ 1, 0, 2, 3, 4, 36][Math.floor(random() * 6)] as number
      pairs.look(message)
      message[at] = byte
      looked++
    }
    looked++
  }
  const distinct = new Set(pairs.texts.values()).size
  t.comment(`${looked} requests, ${pairs.texts.size} fingerprints, ${distinct} texts, ${pairs.refused} refused`)
  t.same(pairs.wrong.slice(0, 5), [])
  t.ok(pairs.refused > looked * 0.05, 'the mutations do hurt')
  t.ok(looked - pairs.refused > pairs.texts.size * 1.2, 'many requests share a fingerprint')
})

t.test('the same of requests whose head ends anywhere', async (t) => {
  const random = seededRandom(SEED + 1)
  const pairs = new Pairs()
  for (let i = 0; i < 80 * FACTOR; i++) {
    const [[name, value], ...rest] = Object.entries(new RandomCommand(random, literals('v')).command()) as [
      [string, unknown],
      ...[string, unknown][],
    ]
    const bare = request({ [name]: value, ...Object.fromEntries(rest), pad: '' }).length
    pairs.look(request({ [name]: value, ...Object.fromEntries(rest) }))
    for (let left = 0; left < bare; left += 1 + Math.floor(random() * 6)) {
      const pad = 'x'.repeat(MAX_HEAD_BYTES - left)
      pairs.look(request({ [name]: value, pad, ...Object.fromEntries(rest), end: pad }))
    }
  }
  t.same(pairs.wrong.slice(0, 5), [])
  t.ok(pairs.texts.size > 300, `${pairs.texts.size} fingerprints`)
})

t.test('literals never matter: neither their values nor how many a list has', async (t) => {
  const codec = shapingCodec()
  for (let seed = 0; seed < 2_000 * FACTOR; seed++) {
    const of = (text: string) => new RandomCommand(seededRandom(seed), literals(text)).command()
    const [one, other] = [shapeOf(request(of('one')), codec), shapeOf(request(of('quite another')), codec)]
    if (one?.id !== other?.id) t.same(one, other, inspect(of('one'), INSPECTED))
  }
  const lists = [1, 2, 7, 100].map((length) => Array.from({ length }, (_, i) => i))
  const ids = lists.map((list) => shapeOf(request({ find: 'c', filter: { a: { $in: list }, b: list } }), codec)?.id)
  t.equal(new Set(ids).size, 1)
})

t.test('the order of the keys of a filter never matters, that of a sort does', async (t) => {
  const codec = shapingCodec()
  const turned = (fields: Command) => Object.fromEntries(Object.entries(fields).reverse())
  for (let seed = 0; seed < 500 * FACTOR; seed++) {
    const filter = new RandomCommand(seededRandom(seed), literals('v')).filter(2)
    const [one, other] = [filter, turned(filter)].map((one) => shapeOf(request({ find: 'c', filter: one }), codec))
    if (one?.id !== other?.id) t.same(one, other)
  }
  const sort = { a: 1, b: -1 }
  t.not(
    shapeOf(request({ find: 'c', sort }), codec)?.id,
    shapeOf(request({ find: 'c', sort: turned(sort) }), codec)?.id,
  )
})

t.test('another operator, field, type, direction, command or option is another shape', async (t) => {
  const codec = shapingCodec()
  const find = (filter: Command, rest: Command = {}) => ({ find: 'c', filter, ...rest })
  const update = (u: unknown, rest: Command = {}) => ({ update: 'c', updates: [{ q: { a: 1 }, u, ...rest }] })
  const commands: readonly Command[] = [
    find({ a: 1 }),
    find({ b: 1 }),
    find({ a: { $gt: 1 } }),
    find({ a: { $gte: 1 } }),
    find({ a: { $in: [1] } }),
    find({ a: { $in: ['x'] } }),
    find({ a: { $in: [1, 'x'] } }),
    find({ a: [] }),
    find({ 'a.b': 1 }),
    find({ a: { $elemMatch: { b: 1 } }, c: 1 }),
    find({ a: { $elemMatch: { b: 1, c: 1 } } }),
    find({ $or: [{ a: 1 }] }),
    find({ $or: [{ a: 1 }, { b: 1 }] }),
    find({ $expr: { $eq: ['$a', 1] } }),
    find({ $expr: { $eq: ['$b', 1] } }),
    find({ $expr: { $eq: ['a', 1] } }),
    find({ a: 1 }, { sort: { b: 1 } }),
    find({ a: 1 }, { sort: { b: -1 } }),
    find({ a: 1 }, { projection: { b: 1 } }),
    find({ a: 1 }, { projection: { b: 0 } }),
    find({ a: 1 }, { limit: 1 }),
    find({ a: 1 }, { skip: 1 }),
    find({ a: 1 }, { collation: { locale: 'en' } }),
    find({ a: 1 }, { hint: { b: 1 } }),
    ...[...new Map(LITERALS).keys()]
      .filter((type) => type !== 'number')
      .map((type) => {
        const place = LITERALS.findIndex(([name]) => name === type)
        return find({ a: literals('v')(place) })
      }),
    { count: 'c', query: { a: 1 } },
    { distinct: 'c', key: 'a' },
    { distinct: 'c', key: 'b' },
    update({ $set: { a: 1 } }),
    update({ $inc: { a: 1 } }),
    update({ $set: { a: 1 } }, { upsert: true }),
    update({ $set: { a: 1 } }, { multi: true }),
    update({ a: 1 }),
    update([{ $set: { a: 1 } }]),
    { delete: 'c', deletes: [{ q: { a: 1 }, limit: 1 }] },
    { delete: 'c', deletes: [{ q: { a: 1 }, limit: 0 }] },
    { aggregate: 'c', pipeline: [{ $match: { a: 1 } }] },
    { aggregate: 'c', pipeline: [{ $match: { a: 1 } }, { $limit: 1 }] },
    { aggregate: 'c', pipeline: [{ $limit: 1 }, { $match: { a: 1 } }] },
    { aggregate: 'c', pipeline: [{ $group: { _id: '$a' } }] },
    { aggregate: 'c', pipeline: [{ $group: { _id: '$b' } }] },
  ]
  const ids = new Map<string, Command>()
  for (const command of commands) {
    const shape = shapeOf(request(command), codec)
    const before = ids.get(shape?.id ?? '')
    t.equal(before, undefined, `${inspect(before)} and ${inspect(command)}`)
    ids.set(shape?.id ?? '', command)
  }
})

t.test('no literal is ever in a text', async (t) => {
  const codec = shapingCodec()
  const canary = 'KANARIENVOGEL'
  let shown = 0
  for (let seed = 0; seed < 4_000 * FACTOR; seed++) {
    const command = new RandomCommand(seededRandom(seed), literals(canary)).command()
    const around = { comment: canary, lsid: { id: canary }, let: { x: canary }, [canary]: canary }
    const { shape } = exchangeOf([request({ ...command, ...around })], codec)
    if (shape === undefined || shape.text.includes(canary)) t.fail(`${inspect(command, INSPECTED)}: ${shape?.text}`)
    else shown++
  }
  t.equal(shown, 4_000 * FACTOR)
})

t.test('nor of types that no driver writes any more', async (t) => {
  const pointer = Buffer.concat([int32(4), cstring('KAN'), Buffer.alloc(12, 'K')])
  for (const [type, value, placeholder] of [
    [12, pointer, '?dbPointer'],
    [6, Buffer.alloc(0), '?undefined'],
    [14, Buffer.concat([int32(4), cstring('KAN')]), '?symbol'],
  ] as const) {
    const elements = Buffer.concat([Buffer.from([type]), cstring('a'), value])
    const filter = Buffer.concat([int32(elements.length + 5), elements, Buffer.from([0])])
    const fields = Buffer.concat([
      Buffer.from([2]),
      cstring('find'),
      int32(2),
      cstring('c'),
      Buffer.from([3]),
      cstring('filter'),
      filter,
    ])
    const document = Buffer.concat([int32(fields.length + 5), fields, Buffer.from([0])])
    t.equal(shapeOf(opMsg(Buffer.concat([Buffer.from([0]), document])))?.text, `{filter: {a: "${placeholder}"}}`)
  }
})

t.test('the same ids in every process, whatever the seed', async (t) => {
  const command = { find: 'c', filter: { status: 'x' } }
  const ids = [shapingCodec(), shapingCodec()].map((codec) => shapeOf(request(command), codec)?.id)
  t.same(ids, ['1fa88c86e0da3e52', '1fa88c86e0da3e52'])
})

t.test('a client that invents shapes costs time and no memory', async (t) => {
  setFlagsFromString('--expose-gc')
  const gc: () => void = runInNewContext('gc')
  const shapes = new RequestShapes(new ShapeTable('mongodb'), SEEDS)
  const message = request({ find: 'c', filter: { fAAAAAAAA: 1 }, sort: { a: 1 } })
  const at = message.indexOf('AAAAAAAA')
  const command = findCommand(message, 26, 30)
  const invent = (count: number, from: number) => {
    for (let i = 0; i < count; i++) {
      // Letters: digits would be folded.
      for (let k = 0, n = from + i; k < 8; k++, n = Math.floor(n / 16)) message[at + k] = 97 + (n % 16)
      if (shapes.of(command, OP_MSG, message, 16, message.length, message.length - 16) === undefined) throw new Error()
    }
    gc()
    return process.memoryUsage().heapUsed
  }
  const before = invent(20_000, 0)
  const grown = invent(180_000 * FACTOR, 1_000_000) - before
  t.comment(`${shapes.counts.made} texts made, heap grew by ${(grown / 1_048_576).toFixed(1)} MiB`)
  t.equal(shapes.counts.made, 20_000 + 180_000 * FACTOR, 'each was new')
  t.ok(grown < 8 * 1_048_576, `${grown} bytes`)
})
