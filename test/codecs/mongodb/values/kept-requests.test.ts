import { BSON } from 'bson'
import t from 'tap'
import { command } from '../../../../src/codecs/mongodb/commands.js'
import { mongodb } from '../../../../src/codecs/mongodb/index.js'
import { KeptRequests } from '../../../../src/codecs/mongodb/values/kept-requests.js'
import type { TcpCodec } from '../../../../src/core/codec.js'
import { ConnectionInfo } from '../../../../src/core/connection.js'
import type { Operation } from '../../../../src/core/exchange.js'
import { everyCut } from '../../../support/cuts.js'
import { literals, RandomCommand } from '../../../support/random-command.js'
import { seededRandom } from '../../../support/seeded-random.js'
import {
  body,
  compressed,
  cstring,
  doc,
  int32,
  message,
  opMsg,
  reply,
  request,
  sequence,
} from '../../../support/wire.js'

const { ObjectId, Binary, Decimal128, Timestamp, MinKey, MaxKey, Code, BSONSymbol, Long } = BSON

const shopOnly = (): TcpCodec =>
  mongodb.createCodec(mongodb.config.parse({}), { shapes: false, values: (database) => database === 'shop' })

interface Shown {
  readonly text: string | undefined
  /** Once the exchange was handed over. */
  readonly after: unknown
}

function valuesOf(
  pieces: readonly Buffer[],
  isRedacted: (field: string) => boolean = () => false,
  codec = shopOnly(),
): Shown {
  const shown: Shown[] = []
  const ended: (() => unknown)[] = []
  const session = codec.open({
    connection: new ConnectionInfo(1, 'test', 'test', '127.0.0.1:1', 0),
    events: {
      exchangeStarted: () => undefined,
      exchangeEnded: (exchange) => {
        shown.push({ text: exchange.values?.text(isRedacted), after: undefined })
        ended.push(() => exchange.values)
      },
      messageUndecodable: () => undefined,
      messageSeen: () => undefined,
      replyRewritten: () => undefined,
    },
  })
  for (const piece of pieces) {
    const chunk = Buffer.from(piece)
    session.push('request', chunk, 0)
    chunk.fill(0xee)
  }
  if (shown.length === 0) session.push('reply', reply({ ok: 1 }), 0)
  return { text: shown[0]?.text, after: ended[0]?.() }
}

const id = new ObjectId('5f3a0b1c2d3e4f5a6b7c8d9e')
const ROWS: readonly (readonly [name: string, command: Record<string, unknown>, text: string])[] = [
  [
    'a find',
    { find: 'c', filter: { _id: id, 'a.b': { $gt: 5.5 } }, sort: { a: -1 }, limit: 3, batchSize: 7, comment: 'x' },
    '{filter: {_id: {$oid: "5f3a0b1c2d3e4f5a6b7c8d9e"}, "a.b": {$gt: 5.5}}, sort: {a: -1}, limit: 3}',
  ],
  [
    'every type',
    {
      find: 'c',
      filter: {
        a: new Long(7),
        b: Decimal128.fromString('1.50'),
        c: 'quote"',
        d: true,
        e: new Date(1_760_000_000_000),
        f: null,
        g: new Binary(Buffer.from('secret')),
        h: new BSON.BSONRegExp('^x', 'i'),
        i: new Timestamp({ t: 5, i: 6 }),
        j: new MinKey(),
        k: new MaxKey(),
        l: new Code('f()'),
        m: new Code('f()', { x: 1 }),
        n: new BSONSymbol('s'),
        o: [1, [2]],
        $comment: 'x',
      },
    },
    '{filter: {a: 7, b: {$numberDecimal: "1.50"}, c: "quote\\"", d: true, e: {$date: "2025-10-09T08:53:20.000Z"}, f: null, g: {$binary: 6}, ' +
      'h: {$regex: "^x", $options: "i"}, i: {$timestamp: {t: 5, i: 6}}, j: {$minKey: 1}, k: {$maxKey: 1}, l: {$code: "f()"}, ' +
      'm: {$code: "?javascript"}, n: "s", o: [1, [2]]}}',
  ],
  [
    'an insert',
    { insert: 'c', documents: [{ a: 1 }, { b: { c: 'x' } }], ordered: true },
    '{documents: [{a: 1}, {b: {c: "x"}}]}',
  ],
  [
    'an update',
    { update: 'c', updates: [{ q: { a: 1 }, u: { $set: { b: 2 } }, multi: true }] },
    '{updates: [{q: {a: 1}, u: {$set: {b: 2}}, multi: true}]}',
  ],
  ['an explain', { explain: { count: 'c', query: { a: 1 } } }, '{count: {query: {a: 1}}}'],
  [
    'an aggregate',
    { aggregate: 'c', pipeline: [{ $match: { a: 'x' } }, { $limit: 5 }] },
    '{pipeline: [{$match: {a: "x"}}, {$limit: 5}]}',
  ],
]

t.test('where the operator asked, a request is kept with its values until its end, at every cut', async (t) => {
  for (const [name, command, text] of ROWS) {
    const whole = { ...command, $db: 'shop' }
    const bytes = request(whole)
    for (const [form, pieces] of [...everyCut(bytes, seededRandom(5)), ['compressed', [compressed(bytes)]] as const]) {
      const shown = valuesOf(pieces)
      t.equal(shown.text, text, `${name}, ${form}`)
      t.equal(shown.after, undefined)
    }
    t.equal(valuesOf([request({ ...command, $db: 'other' })]).text, undefined, 'nobody asked for that database')
  }
  const documents = [{ a: 1 }, { b: 'x' }]
  const sequenced = opMsg([sequence('documents', documents), body({ insert: 'c', $db: 'shop' })])
  t.equal(valuesOf([sequenced]).text, '{documents: [{a: 1}, {b: "x"}]}')
  const legacy = message(2004, 1, 0, int32(0), cstring('shop.c'), int32(0), int32(0), doc({ a: 7 }))
  t.equal(valuesOf([legacy, request({ ping: 1 }, { requestId: 2 })]).text, '{filter: {a: 7}}')
})

t.test('values under redacted names stay hidden, wherever they stand', async (t) => {
  const isRedacted = (field: string) => field === 'secret'
  const hidden = (command: Record<string, unknown>) => valuesOf([request({ ...command, $db: 'shop' })], isRedacted).text
  t.equal(
    hidden({
      find: 'c',
      filter: { secret: 'KANARI', 'a.secret.b': { $gt: 'KANARI' }, c: { secret: ['KANARI'] }, d: 1 },
    }),
    '{filter: {secret: "?string", "a.secret.b": "?object", c: {secret: "?array"}, d: 1}}',
  )
  t.equal(hidden({ insert: 'c', documents: [{ secret: 'KANARI', a: 1 }] }), '{documents: [{secret: "?string", a: 1}]}')
  t.equal(
    hidden({ find: 'c', filter: { $expr: { $eq: ['$x.secret', 'KANARI'] } } }),
    '{filter: {$expr: {$eq: ["?string", "?string"]}}}',
  )
  t.equal(
    hidden({ update: 'c', updates: [{ q: { _id: 1 }, u: { $set: { secret: 'KANARI' } } }] }),
    '{updates: [{q: {_id: 1}, u: {$set: {secret: "?string"}}}]}',
  )
})

t.test(
  'what an operator compares a hidden field with stays hidden, and what is beside the operator does not',
  async (t) => {
    const rows: readonly (readonly [filter: Record<string, unknown>, text: string])[] = [
      [
        { $expr: { $and: [{ $eq: [{ $toLower: '$secret' }, 'KANARI'] }, { $gt: ['$age', 5] }] } },
        '{$expr: {$and: [{$eq: [{$toLower: "?string"}, "?string"]}, {$gt: ["$age", 5]}]}}',
      ],
      [
        { $expr: { $regexMatch: { input: '$a.secret', regex: 'KANARI' } }, b: 1 },
        '{$expr: {$regexMatch: {input: "?string", regex: "?string"}}, b: 1}',
      ],
      [{ $expr: { $eq: [{ $getField: 'secret' }, 'KANARI'] } }, '{$expr: {$eq: [{$getField: "?string"}, "?string"]}}'],
      [{ $where: 'this.secret == "KANARI"', b: 'y' }, '{$where: "?string", b: "y"}'],
      [
        { $or: [{ secret: 'KANARI' }, { b: { $in: ['x', 'y'] } }] },
        '{$or: [{secret: "?string"}, {b: {$in: ["x", "y"]}}]}',
      ],
    ]
    for (const [filter, text] of rows) {
      const bytes = request({ find: 'c', filter, $db: 'shop' })
      t.equal(valuesOf([bytes], (field) => field === 'secret').text, `{filter: ${text}}`)
      t.match(valuesOf([bytes]).text, /KANARI/, 'it is there where nothing is hidden')
    }
    const search = {
      aggregate: 'c',
      pipeline: [{ $search: { text: { query: 'KANARI', path: 'secret' } } }],
      $db: 'shop',
    }
    t.notMatch(valuesOf([request(search)], (field) => field === 'secret').text, /KANARI/)
  },
)

t.test('commands that carry secrets are never kept', async (t) => {
  for (const name of [
    'saslStart',
    'saslContinue',
    'authenticate',
    'createUser',
    'updateUser',
    'hello',
    'isMaster',
    'ping',
    'copydb',
  ]) {
    const bytes = request({ [name]: 1, pwd: 'KANARI', filter: { a: 'KANARI' }, $db: 'shop' })
    t.equal(valuesOf([bytes]).text, undefined, name)
    t.equal(valuesOf([compressed(bytes)]).text, undefined, name)
  }
  const explained = request({ explain: { createUser: 'KANARI', pwd: 'KANARI' }, $db: 'shop' })
  t.equal(valuesOf([explained]).text ?? '', '')
})

t.test('long requests are cut to 4 KiB', async (t) => {
  const filter = Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`f${i}`, 'é'.repeat(10)]))
  for (const bytes of [
    request({ find: 'c', filter, $db: 'shop' }),
    request({ find: 'c', $db: 'shop', filter: { a: 'x'.repeat(50_000) } }),
    request({ find: 'c', filter: { a: { $in: Array.from({ length: 5_000 }, () => id) } }, $db: 'shop' }),
  ]) {
    const { text = '' } = valuesOf([bytes])
    t.ok(text.endsWith('…'), text.slice(-40))
    t.ok(Buffer.byteLength(text) <= 4_096, `${Buffer.byteLength(text)}`)
    t.equal(valuesOf([bytes.subarray(0, 900), bytes.subarray(900)]).text, text)
  }
})

t.test('what is kept together is bounded, and given back', async (t) => {
  const kept = new KeptRequests(() => true)
  const operation: Operation = { protocol: 'mongodb', command: 'find', kind: 'read', database: 'shop', collection: 'c' }
  const bytes = request({ find: 'c', filter: { a: 'x'.repeat(20_000) } })
  const keep = () => kept.keep(operation, command('find'), 2013, bytes, 16, bytes.length, bytes.length - 16)
  const all = Array.from({ length: 2_048 }, keep)
  t.ok(all.every((one) => one !== undefined))
  t.equal(kept.heldBytes, 32 * 1_048_576)
  t.equal(keep(), undefined)
  t.equal(kept.refused, 1)
  for (const one of all) if (one !== undefined) kept.release(one)
  t.equal(kept.heldBytes, 0)
  t.ok(keep())
})

t.test('mutated requests: no text throws', async (t) => {
  const random = seededRandom(77)
  const pick = (n: number) => Math.floor(random() * n)
  const kept = new KeptRequests(() => true)
  let told = 0
  for (let i = 0; i < 10_000; i++) {
    const made = new RandomCommand(random, literals('v')).command()
    const bytes = request(made)
    for (let n = 1 + pick(4); n > 0; n--) {
      const at = 20 + pick(bytes.length - 24)
      if (pick(3) === 0) bytes.writeInt32LE([-1, 0, 4, 5, 0x7fffffff, pick(300)][pick(6)] ?? 0, at)
      else bytes[at] = [pick(256), 0, 1, 0xff, 9, 19][pick(6)] ?? 0
    }
    const found = command(Object.keys(made)[0] ?? '')
    const operation: Operation = {
      protocol: 'mongodb',
      command: found.name,
      kind: 'read',
      database: 'shop',
      collection: 'c',
    }
    const values = kept.keep(operation, found, 2013, bytes, 16, bytes.length - pick(20), bytes.length - 16)
    if (values === undefined) continue
    if (values.text((field) => field === 'a') !== '') told++
    kept.release(values)
  }
  t.ok(told > 5_000, `${told}`)
  t.equal(kept.heldBytes, 0)
})

t.test('values of other collections that a request speaks of are not shown where theirs are not', async (t) => {
  const codec = mongodb.createCodec(mongodb.config.parse({}), {
    shapes: true,
    values: (database, collection) => database !== 'hr' && collection !== 'salaries',
  })
  const textOf = (bytes: Buffer) => valuesOf([bytes], undefined, codec).text
  const ops = [
    { insert: 0, document: { a: 1 } },
    { insert: 1, document: { a: 'KANARI' } },
  ]
  const bulk = (other: string) => [{ ns: 'shop.orders' }, { ns: other }]
  const match = [{ $match: { a: 'KANARI' } }]
  const aggregate = (...pipeline: object[]) =>
    request({ aggregate: 'orders', pipeline: [...match, ...pipeline], cursor: {}, $db: 'shop' })
  const rows: readonly (readonly [name: string, make: (other: string) => Buffer])[] = [
    ['bulkWrite', (other) => request({ bulkWrite: 1, ops, nsInfo: bulk(other), $db: 'admin' })],
    [
      'bulkWrite in sequences',
      (other) => opMsg([body({ bulkWrite: 1, $db: 'admin' }), sequence('ops', ops), sequence('nsInfo', bulk(other))]),
    ],
    ['$lookup', (other) => aggregate({ $lookup: { pipeline: match, from: other.slice(5), as: 'x' } })],
    ['$unionWith', (other) => aggregate({ $unionWith: other.slice(5) })],
    ['$unionWith with a pipeline', (other) => aggregate({ $unionWith: { coll: other.slice(5), pipeline: match } })],
    ['in $facet', (other) => aggregate({ $facet: { x: [{ $graphLookup: { from: other.slice(5) } }] } })],
    ['$merge', (other) => aggregate({ $merge: { into: { db: 'shop', coll: other.slice(5) } } })],
    [
      'explain',
      (other) => request({ explain: { aggregate: 'c', pipeline: [...match, { $out: other.slice(5) }] }, $db: 'shop' }),
    ],
  ]
  for (const [name, make] of rows) {
    t.match(textOf(make('shop.carts')), /KANARI/, name)
    t.equal(textOf(make('shop.salaries')), '', name)
  }
  t.equal(textOf(aggregate({ $merge: { into: { db: 'hr', coll: 'people' } } })), '')
  t.equal(textOf(request({ bulkWrite: 1, ops, nsInfo: bulk('hr.people'), $db: 'admin' })), '')
  t.match(
    textOf(aggregate({ $match: { from: 'salaries', coll: 'salaries' } })),
    /KANARI/,
    'fields of these names are fields',
  )
  const long = aggregate({ $lookup: { pipeline: [{ $match: { b: 'x'.repeat(20_000) } }], from: 'salaries', as: 'x' } })
  t.equal(textOf(long), '', 'what it joins was cut off')
})
