import { BSON } from 'bson'
import t from 'tap'
import { everyCut } from '../../../support/cuts.js'
import { seededRandom } from '../../../support/seeded-random.js'
import { exchangeOf, shapeOf, shapingCodec } from '../../../support/shapes.js'
import { body, compressed, cstring, doc, int32, message, opMsg, request, sequence } from '../../../support/wire.js'

const { ObjectId, Decimal128, Long, Double, Timestamp, Binary, Code, MinKey, MaxKey, BSONSymbol, DBRef } = BSON
const codec = shapingCodec()

/** As a driver sends it: what is around a command never shows. */
const around = {
  lsid: { id: new Binary(Buffer.alloc(16, 7), 4) },
  txnNumber: new Long(7),
  $clusterTime: {
    clusterTime: new Timestamp({ t: 1, i: 2 }),
    signature: { hash: new Binary(Buffer.alloc(20)), keyId: 1n },
  },
  readConcern: { level: 'local' },
  writeConcern: { w: 'majority' },
  maxTimeMS: 5_000,
  comment: 'secret',
  $readPreference: { mode: 'primary' },
  $db: 'shop',
}
const day = new Date(1_760_000_000_000)
const id = new ObjectId()

type Row = readonly [name: string, command: Record<string, unknown>, text: string, isTruncated?: true]

const ROWS: readonly Row[] = [
  ['a find without anything', { find: 'orders' }, ''],
  ['an empty filter is none', { find: 'orders', filter: {} }, ''],
  [
    'a find',
    { find: 'orders', filter: { total: { $gt: 5 }, status: 'open' }, sort: { placedAt: -1, _id: 1 }, limit: 20 },
    '{filter: {status: "?string", total: {$gt: "?number"}}, sort: {placedAt: -1, _id: 1}, limit: "?number"}',
  ],
  [
    'every type of value',
    {
      find: 'c',
      filter: {
        a: 1,
        b: new Double(1),
        c: 1n,
        d: Decimal128.fromString('1'),
        e: 'x',
        f: true,
        g: day,
        h: id,
        i: null,
        j: new Binary(Buffer.from('x')),
        k: /x/,
        l: new Timestamp({ t: 1, i: 1 }),
        m: new MinKey(),
        n: new MaxKey(),
        o: new Code('f()'),
        p: new Code('f()', { x: 1 }),
        q: new BSONSymbol('s'),
        r: { x: 1 },
        s: {},
        t: [],
      },
    },
    '{filter: {a: "?number", b: "?number", c: "?number", d: "?number", e: "?string", f: "?bool", g: "?date", h: "?objectId", ' +
      'i: "?null", j: "?binData", k: "?regex", l: "?timestamp", m: "?minKey", n: "?maxKey", o: "?javascript", p: "?javascript", ' +
      'q: "?symbol", r: "?object", s: "?object", t: []}}',
  ],
  [
    'lists',
    {
      find: 'c',
      filter: {
        a: { $in: [1, 2, 3] },
        b: { $in: [1, 'x'] },
        c: { $nin: [id] },
        d: { $all: [{ $elemMatch: { x: 1, y: { $lt: 2 } } }, { $elemMatch: { x: 7, y: { $lt: 3 } } }] },
        e: { $in: [{ secret: 1 }] },
        f: { $geoWithin: { $geometry: { type: 'Point', coordinates: [1, 2] } } },
        g: {
          $box: [
            [1, 2],
            [3, 4],
          ],
        },
      },
    },
    '{filter: {a: {$in: "?array<?number>"}, b: {$in: "?array<>"}, c: {$nin: "?array<?objectId>"}, ' +
      'd: {$all: [{$elemMatch: {x: "?number", y: {$lt: "?number"}}}]}, e: {$in: "?array<?object>"}, ' +
      'f: {$geoWithin: {$geometry: "?object"}}, g: {$box: "?array<?array<?number>>"}}}',
  ],
  [
    'logic, expressions, code and comments',
    {
      find: 'c',
      filter: {
        $or: [{ b: 1, a: 2 }, { a: 3, b: 4 }, { c: { $not: /x/ } }],
        $expr: { $gt: ['$total', { $multiply: ['$$NOW', 2, 3] }] },
        $where: 'this.secret',
        $comment: 'secret',
        $text: { $search: '"secret" -word' },
        $jsonSchema: { required: ['a'] },
      },
    },
    '{filter: {$expr: {$gt: ["$total", {$multiply: ["$$NOW", "?number"]}]}, $jsonSchema: "?object", ' +
      '$or: [{a: "?number", b: "?number"}, {c: {$not: "?regex"}}], $text: {$search: "?string"}, $where: "?javascript"}}',
  ],
  [
    'projection, hint, collation, skip',
    {
      find: 'c',
      filter: { 'items.sku': 1 },
      projection: { _id: 0, a: true, b: { $slice: 5 }, c: { $elemMatch: { d: 1 } }, e: '$f.g', h: { i: 1 }, j: 'text' },
      hint: { a: 1, b: -1 },
      collation: { locale: 'en' },
      skip: 10,
      batchSize: 100,
      singleBatch: true,
    },
    '{filter: {"items.sku": "?number"}, projection: {_id: 0, a: 1, b: {$slice: "?number"}, c: {$elemMatch: {d: "?number"}}, ' +
      'e: "$f.g", h: {i: 1}, j: "?string"}, skip: "?number", hint: {a: 1, b: -1}, collation: "?object"}',
  ],
  [
    'an index by its name, a score',
    { find: 'c', sort: { s: { $meta: 'textScore' } }, hint: 'a_1' },
    '{sort: {s: {$meta: "?string"}}, hint: "?string"}',
  ],
  [
    'names that are data',
    {
      find: 'c',
      filter: {
        'scores.5f3a0b1c2d3e4f5a6b7c8d9e': 1,
        'm.01234567-89ab-cdef-0123-456789abcdef.x': 1,
        'a.17': 1,
        'b.2026-11-27': 1,
        user_123456: 1,
        address2: 1,
        ['x'.repeat(65)]: 1,
        'bell\u0007': 1,
        'jane@example.com': 1,
        'jane.doe@example.com': 1,
        'a b': 1,
        'quote"': 1,
      },
    },
    '{filter: {"?": "?number", "a b": "?number", "a.?": "?number", "b.?": "?number", "m.?.x": "?number", ' +
      '"quote\\"": "?number", "scores.?": "?number", "user_?": "?number", address2: "?number"}}',
  ],
  [
    'an aggregate',
    {
      aggregate: 'orders',
      pipeline: [
        { $match: { status: 'open', placedAt: { $gte: day } } },
        { $sort: { total: -1 } },
        { $limit: 5 },
        { $sample: { size: 3 } },
        {
          $lookup: {
            from: 'secret',
            localField: 'secret',
            let: { c: '$customer' },
            pipeline: [{ $match: { $expr: { $eq: ['$_id', '$$c'] } } }],
            as: 'secret',
          },
        },
        { $unwind: '$items' },
        {
          $group: {
            _id: '$status',
            n: { $sum: 1 },
            m: { $max: '$items.5f3a0b1c2d3e4f5a6b7c8d9e.x' },
            f: { $first: '$12.50' },
          },
        },
        {
          $addFields: {
            w: { $concat: ['$a', { $const: '$secret' }] },
            x: { $literal: '$secret' },
            y: { $function: { body: '$secret => 1', args: ['$a', 1], lang: 'js' } },
          },
        },
        { $project: { a: 1, b: 0, c: { $concat: ['$a', ' - ', '$b'] } } },
        { $facet: { top: [{ $limit: 3 }], all: [{ $count: 'n' }] } },
        { $search: { text: { query: '$secret', path: ['secret'] } } },
      ],
      cursor: { batchSize: 100 },
      allowDiskUse: true,
    },
    '{pipeline: [{$match: {placedAt: {$gte: "?date"}, status: "?string"}}, {$sort: {total: -1}}, {$limit: "?number"}, ' +
      '{$sample: {size: "?number"}}, {$lookup: {from: "?string", localField: "?string", let: {c: "$customer"}, ' +
      'pipeline: [{$match: {$expr: {$eq: ["$_id", "$$c"]}}}], as: "?string"}}, {$unwind: "$items"}, ' +
      '{$group: {_id: "$status", n: {$sum: "?number"}, m: {$max: "$items.?.x"}, f: {$first: "$?.?"}}}, ' +
      '{$addFields: {w: {$concat: ["$a", {$const: "?string"}]}, x: {$literal: "?string"}, y: {$function: {body: "?javascript", args: ["$a", "?number"], lang: "?string"}}}}, ' +
      '{$project: {a: 1, b: 0, c: {$concat: ["$a", "?string", "$b"]}}}, ' +
      '{$facet: {top: [{$limit: "?number"}], all: [{$count: "?string"}]}}, {$search: {text: {query: "?string", path: "?array<?string>"}}}]}',
  ],
  ['an aggregate of a database', { aggregate: 1, pipeline: [{ $currentOp: {} }] }, '{pipeline: [{$currentOp: {}}]}'],
  [
    'updates: equal ones once, in any order',
    {
      update: 'c',
      updates: [
        {
          q: { _id: 1 },
          u: { $set: { a: 1, b: { secret: 1 } }, $push: { c: { $each: [1], $slice: -5 } } },
          upsert: true,
          multi: false,
        },
        {
          q: { _id: 2 },
          u: { $set: { a: 5, b: { other: 1 } }, $push: { c: { $each: [1, 2], $slice: -3 } } },
          upsert: true,
        },
        { q: { _id: 2 }, u: { secret: 1 } },
        { q: { 'a.x': 2 }, u: [{ $set: { a: '$b' } }], multi: true, arrayFilters: [{ 'x.y': { $gt: 1 } }] },
      ],
      ordered: true,
    },
    '{updates: [{q: {"a.x": "?number"}, u: [{$set: {a: "$b"}}], arrayFilters: [{"x.y": {$gt: "?number"}}], multi: true}, ' +
      '{q: {_id: "?number"}, u: "?object"}, ' +
      '{q: {_id: "?number"}, u: {$set: {a: "?number", b: "?object"}, $push: {c: {$each: "?array<?number>", $slice: "?number"}}}, upsert: true}]}',
  ],
  [
    'deletes',
    {
      delete: 'c',
      deletes: [
        { q: { a: 1 }, limit: 1 },
        { q: {}, limit: 0 },
      ],
    },
    '{deletes: [{q: {a: "?number"}, limit: 1}, {q: {}, limit: 0}]}',
  ],
  [
    'a distinct',
    { distinct: 'c', key: 'items.17.sku', query: { a: 1 } },
    '{key: "items.?.sku", query: {a: "?number"}}',
  ],
  ['a count', { count: 'c', query: { a: 1 }, limit: 5 }, '{query: {a: "?number"}, limit: "?number"}'],
  [
    'a findAndModify',
    {
      findAndModify: 'c',
      query: { _id: id },
      update: { $inc: { n: 1 } },
      sort: { a: 1 },
      fields: { a: 1 },
      upsert: true,
      new: true,
    },
    '{query: {_id: "?objectId"}, sort: {a: 1}, update: {$inc: {n: "?number"}}, fields: {a: 1}, upsert: true}',
  ],
  [
    'its other name',
    { findandmodify: 'c', query: { _id: id }, remove: true },
    '{query: {_id: "?objectId"}, remove: true}',
  ],
  ['an insert', { insert: 'c', documents: [{ secret: 1 }] }, ''],
  [
    'a bulkWrite',
    {
      bulkWrite: 1,
      ops: [
        { insert: 0, document: { secret: 1 } },
        { update: 1, filter: { a: 1 }, updateMods: { $set: { b: 1 } }, multi: false },
        { update: 1, filter: { a: 2 }, updateMods: { $set: { b: 2 } } },
        { delete: 0, filter: { _id: 1 }, multi: true },
        { insert: 1, document: {} },
        { insert: 5, document: {} },
      ],
      nsInfo: [{ ns: 'shop.orders' }, { ns: 'shop.customers' }],
    },
    '{ops: [{delete: "shop.orders", filter: {_id: "?number"}, multi: true}, {insert: "?"}, {insert: "shop.customers"}, {insert: "shop.orders"}, ' +
      '{update: "shop.customers", filter: {a: "?number"}, updateMods: {$set: {b: "?number"}}}]}',
  ],
  [
    'an explain',
    { explain: { find: 'c', filter: { a: 1 } }, verbosity: 'queryPlanner' },
    '{find: {filter: {a: "?number"}}}',
  ],
  ['an explain of nothing more', { explain: { count: 'c' } }, '{count: {}}'],
  [
    'a reference',
    { find: 'c', filter: { a: new DBRef('secret', id) } },
    '{filter: {a: {$id: "?objectId", $ref: "?string"}}}',
  ],
]

t.test('the shape of each command, at every cut', async (t) => {
  const random = seededRandom(11)
  for (const [name, command, text, isTruncated = false] of ROWS) {
    for (const [cut, pieces] of everyCut(request({ ...command, ...around }), random)) {
      const { shape, operation } = exchangeOf(pieces, codec)
      t.equal(shape?.text, text, `${name}, ${cut}`)
      t.equal(shape?.command, operation.command)
      t.equal(shape?.isTruncated, isTruncated)
      t.match(shape?.id, /^[0-9a-f]{16}$/)
      t.notMatch(shape?.text, /secret/)
    }
  }
})

t.test('one shape, whatever carries the command', async (t) => {
  const random = seededRandom(12)
  const sequences = { updates: 'update', deletes: 'delete', ops: 'bulkWrite' } as const
  for (const [name, command] of ROWS) {
    const whole: Record<string, unknown> = { ...command, ...around }
    const inner = request(whole)
    const forms: [string, Buffer][] = [
      ['compressed', compressed(inner)],
      ['with a checksum', opMsg(body(whole), { flags: 1 })],
      ['OP_QUERY', message(2004, 1, 0, int32(0), cstring('shop.$cmd'), int32(0), int32(-1), doc(whole))],
      [
        'OP_QUERY, wrapped',
        message(
          2004,
          1,
          0,
          int32(0),
          cstring('shop.$cmd'),
          int32(0),
          int32(-1),
          doc({ $query: whole, $readPreference: {} }),
        ),
      ],
    ]
    for (const [field, documents] of Object.entries(command)) {
      if (!(field in sequences) || !Array.isArray(documents)) continue
      const { [field]: _, ...rest } = whole
      forms.push(['body first', opMsg([body(rest), sequence(field, documents)])])
      forms.push(['body last', opMsg([sequence(field, documents), body(rest)])])
      forms.push(['body last, compressed', compressed(opMsg([sequence(field, documents), body(rest)]))])
      const { nsInfo } = rest as Record<string, unknown>
      if (!Array.isArray(nsInfo)) continue
      const { nsInfo: __, ...bare } = rest as Record<string, unknown>
      forms.push(['two sequences', opMsg([body(bare), sequence(field, documents), sequence('nsInfo', nsInfo)])])
    }
    const expected = shapeOf(inner)
    for (const [form, bytes] of forms) {
      for (const [cut, pieces] of everyCut(bytes, random)) {
        t.same(exchangeOf(pieces, codec).shape, expected, `${name}, ${form}, ${cut}`)
      }
    }
  }
})

t.test('legacy opcodes have the shapes of the commands that replaced them', async (t) => {
  const legacy = (opcode: number, ...parts: Buffer[]) => message(opcode, 1, 0, int32(0), cstring('shop.c'), ...parts)
  const filter = { b: 1, a: { $gt: 2 } }
  const rows: readonly (readonly [string, Buffer, Record<string, unknown> | undefined])[] = [
    ['a query', legacy(2004, int32(0), int32(0), doc(filter)), { find: 'c', filter }],
    [
      'with fields',
      legacy(2004, int32(0), int32(0), doc(filter), doc({ a: 1 })),
      { find: 'c', filter, projection: { a: 1 } },
    ],
    [
      'wrapped',
      legacy(
        2004,
        int32(0),
        int32(0),
        doc({ $query: filter, $orderby: { a: -1 }, $comment: 'secret', $hint: { a: 1 } }),
      ),
      { find: 'c', filter, sort: { a: -1 }, hint: { a: 1 } },
    ],
    [
      'a field that is called query',
      legacy(2004, int32(0), int32(0), doc({ query: 'x' })),
      { find: 'c', filter: { query: 'x' } },
    ],
    [
      'an update',
      legacy(2001, int32(3), doc(filter), doc({ $set: { a: 1 } })),
      { update: 'c', updates: [{ q: filter, u: { $set: { a: 1 } }, upsert: true, multi: true }] },
    ],
    ['a delete', legacy(2006, int32(1), doc(filter)), { delete: 'c', deletes: [{ q: filter, limit: 1 }] }],
    ['a delete of all', legacy(2006, int32(0), doc(filter)), { delete: 'c', deletes: [{ q: filter, limit: 0 }] }],
    ['an insert', legacy(2002, doc({ a: 1 })), { insert: 'c' }],
    ['a query cut off', legacy(2004, int32(0), int32(0), doc(filter).subarray(0, 9)), undefined],
  ]
  for (const [name, bytes, command] of rows) {
    const expected = command === undefined ? undefined : shapeOf(request({ ...command, $db: 'shop' }))
    for (const [cut, pieces] of everyCut(bytes, seededRandom(13))) {
      const { shape } = exchangeOf([...pieces, request({ ping: 1 }, { requestId: 2 })], codec)
      t.same(shape, expected, `${name}, ${cut}`)
    }
  }
})

const SENSITIVE = [
  { saslStart: 1, mechanism: 'PLAIN', payload: new Binary(Buffer.from('secret')) },
  { saslContinue: 1, conversationId: 1, payload: new Binary(Buffer.from('secret')) },
  { authenticate: 1, user: 'secret', nonce: 'secret', key: 'secret' },
  { getnonce: 1 },
  { createUser: 'secret', pwd: 'secret', roles: [] },
  { updateUser: 'secret', pwd: 'secret' },
  { copydbgetnonce: 1 },
  { copydbSaslStart: 1, payload: 'secret' },
  { copydb: 1, fromhost: 'secret' },
  { hello: 1, speculativeAuthenticate: { saslStart: 1, payload: new Binary(Buffer.from('secret')) } },
  { isMaster: 1, filter: { secret: 1 } },
  { ismaster: 1, filter: { secret: 1 } },
  { logout: 1 },
  { unheardOf: 1, filter: { secret: 1 } },
  { explain: { createUser: 'secret', pwd: 'secret' } },
  { explain: 1 },
  { explain: {} },
  { explain: { explain: { find: 'c' } } },
]

t.test('commands that carry secrets have no shape', async (t) => {
  for (const command of SENSITIVE) {
    const inner = request({ ...command, filter: { secret: 1 }, query: { secret: 1 }, $db: 'admin' })
    const name = Object.keys(command)[0] ?? ''
    for (const bytes of [inner, compressed(inner)]) t.equal(shapeOf(bytes, codec), undefined, name)
    const query = message(2004, 1, 0, int32(0), cstring('admin.$cmd'), int32(0), int32(-1), inner.subarray(21))
    t.equal(shapeOf(query, codec), undefined, `${name}, OP_QUERY`)
  }
})
