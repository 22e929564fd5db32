import {
  type AnyClientBulkWriteModel,
  type Document,
  Long,
  MongoClient,
  type MongoClientOptions,
  MongoServerError,
} from 'mongodb'
import t, { type Test } from 'tap'
import { type DemoServerOptions, startDemoServer } from '../../src/demo/mongod/server.js'

interface Context {
  readonly t: Test
  readonly client: MongoClient
  readonly server: Awaited<ReturnType<typeof startDemoServer>>
}

async function withServer(
  t: Test,
  options: { server?: DemoServerOptions; client?: MongoClientOptions },
  run: (context: Context) => Promise<void>,
): Promise<void> {
  const server = await startDemoServer(options.server)
  const client = new MongoClient(server.uri, { serverSelectionTimeoutMS: 2_000, ...options.client })
  try {
    await run({ t, client, server })
  } finally {
    await client.close()
    await server.close()
  }
}

async function failure(operation: Promise<unknown>): Promise<Document> {
  try {
    await operation
  } catch (error) {
    if (error instanceof Error) return Object.assign(error, { thrown: true })
    throw error
  }
  throw new Error('expected the operation to fail')
}

interface Doc extends Document {
  _id: string | number | boolean
}

const numbers = Array.from({ length: 250 }, (_, i) => ({ _id: i, i, even: i % 2 === 0, tags: [`t${i % 3}`, 'all'] }))

interface Row {
  readonly name: string
  run(context: Context): Promise<void>
}

const orders = ({ client }: Context) => client.db('shop').collection<Doc>('orders')

const rows: readonly Row[] = [
  {
    name: 'find filters, sorts, skips, limits and projects',
    async run(context) {
      const found = await orders(context)
        .find({ even: true, i: { $gte: 10 } }, { projection: { i: 1 } })
        .sort({ i: -1 })
        .skip(1)
        .limit(2)
        .toArray()
      context.t.strictSame(found, [
        { _id: 246, i: 246 },
        { _id: 244, i: 244 },
      ])
      context.t.strictSame(await orders(context).findOne({ _id: 7 }, { projection: { tags: 0, even: 0 } }), {
        _id: 7,
        i: 7,
      })
    },
  },
  {
    name: 'an exclusion of a nested path leaves the stored document as it was',
    async run(context) {
      const c = context.client.db('shop').collection<Doc>('nested')
      await c.insertOne({ _id: 1, a: { b: 1, c: 2 } })
      context.t.strictSame(await c.findOne({}, { projection: { 'a.b': 0 } }), { _id: 1, a: { c: 2 } })
      await c.aggregate([{ $set: { 'a.b': 9 } }]).toArray()
      context.t.strictSame(await c.findOne({}), { _id: 1, a: { b: 1, c: 2 } })
    },
  },
  {
    name: 'a cursor gives the batches it is asked for, and getMore the rest',
    async run(context) {
      const found = await orders(context).find({}, { batchSize: 100 }).toArray()
      context.t.equal(found.length, 250)
      context.t.equal(context.server.commandsSeen().getMore, 2)
      context.t.equal(context.server.openCursors, 0)
    },
  },
  {
    name: 'a cursor closed early is killed on the server',
    async run(context) {
      const cursor = orders(context).find({}, { batchSize: 10 })
      await cursor.next()
      context.t.equal(context.server.openCursors, 1)
      await cursor.close()
      context.t.equal(context.server.openCursors, 0)
      context.t.equal(context.server.commandsSeen().killCursors, 1)
    },
  },
  {
    name: 'a cursor keeps what it selected while documents change',
    async run(context) {
      const cursor = orders(context).find({}, { batchSize: 2 })
      await cursor.next()
      await orders(context).updateMany({}, { $set: { i: -1 } })
      await orders(context).deleteMany({})
      context.t.strictSame(
        (await cursor.toArray()).map((d) => d.i),
        Array.from({ length: 249 }, (_, i) => i + 1),
      )
    },
  },
  {
    name: 'insert answers a duplicate _id as a write error with pattern and value; unordered goes on',
    async run(context) {
      const e = await failure(orders(context).insertOne({ _id: 3 }))
      context.t.match(e, { code: 11000, keyPattern: { _id: 1 }, keyValue: { _id: 3 } })
      const bulk = [{ _id: 1 }, { _id: 1_000 }, { _id: 2 }, { _id: 1_001 }]
      const unordered = await failure(orders(context).insertMany(bulk, { ordered: false }))
      context.t.equal(unordered.insertedCount, 2)
      const ordered = await failure(orders(context).insertMany([{ _id: 2_000 }, { _id: 1 }, { _id: 2_001 }]))
      context.t.equal(ordered.insertedCount, 1)
      context.t.equal(await orders(context).countDocuments({ _id: { $gte: 1_000 } }), 3)
    },
  },
  {
    name: 'a unique index is enforced on insert, update and creation; sparse ones skip the absent',
    async run(context) {
      const c = context.client.db('shop').collection<Doc>('customers')
      await c.createIndex({ email: 1 }, { unique: true, sparse: true })
      await c.insertMany([{ _id: 1, email: 'a' }, { _id: 2, email: 'b' }, { _id: 3 }, { _id: 4 }])
      context.t.match(await failure(c.insertOne({ _id: 9, email: 'a' })), { code: 11000, keyPattern: { email: 1 } })
      context.t.match(await failure(c.updateOne({ _id: 2 }, { $set: { email: 'a' } })), { code: 11000 })
      context.t.strictSame(await c.findOne({ _id: 2 }), { _id: 2, email: 'b' })
      await c.deleteOne({ _id: 1 })
      await c.updateOne({ _id: 2 }, { $set: { email: 'a' } })
      context.t.match(await failure(c.createIndex({ nothing: 1 }, { unique: true })), { code: 11000 })
      context.t.strictSame(
        (await c.indexes()).map((i) => i.name),
        ['_id_', 'email_1'],
      )
      await c.dropIndex('email_1')
      context.t.match(await failure(c.dropIndex('email_1')), { code: 27 })
      context.t.match(await failure(c.createIndex({ a: 1 }, { expireAfterSeconds: 1 })), { code: 67 })
    },
  },
  {
    name: 'update knows operators, many, replacement, pipeline, array filters and upsert',
    async run(context) {
      const c = orders(context)
      context.t.match(await c.updateOne({ _id: 1 }, { $inc: { i: 5 }, $push: { tags: 'x' as never } }), {
        modifiedCount: 1,
      })
      context.t.match(await c.findOne({ _id: 1 }), { i: 6, tags: ['t1', 'all', 'x'] })
      context.t.match(await c.updateMany({ even: true }, { $set: { even: true } }), {
        matchedCount: 125,
        modifiedCount: 0,
      })
      context.t.match(await c.replaceOne({ _id: 2 }, { z: 1 }), { modifiedCount: 1 })
      context.t.strictSame(await c.findOne({ _id: 2 }), { _id: 2, z: 1 })
      await c.updateOne({ _id: 4 }, [{ $set: { sum: { $add: ['$i', 1] } } }, { $unset: 'tags' }])
      context.t.strictSame(await c.findOne({ _id: 4 }), { _id: 4, i: 4, even: true, sum: 5 })
      await c.updateOne({ _id: 5 }, { $set: { 'tags.$[e]': 'new' } }, { arrayFilters: [{ e: 'all' }] })
      context.t.match(await c.findOne({ _id: 5 }), { tags: ['t2', 'new'] })
      await c.updateOne({ _id: 5, tags: 'new' }, { $set: { 'tags.$': 'first' } })
      context.t.match(await c.findOne({ _id: 5 }), { tags: ['t2', 'first'] })
      const stamped = await c.findOneAndUpdate(
        { _id: 5 },
        { $currentDate: { at: true }, $max: { i: 9 }, $pull: { tags: 't2' as never }, $rename: { even: 'odd' } },
        { returnDocument: 'after' },
      )
      context.t.match(stamped, { at: Date, i: 9, tags: ['first'], odd: false, even: undefined })
      const up = await c.updateOne(
        { _id: 900, kind: 'a', size: { $gt: 3 } },
        { $inc: { i: 2 }, $setOnInsert: { fresh: true } },
        { upsert: true },
      )
      context.t.match(up, { upsertedCount: 1, upsertedId: 900, matchedCount: 0 })
      context.t.strictSame(await c.findOne({ _id: 900 }), { _id: 900, kind: 'a', i: 2, fresh: true })
      const replaced = await c.replaceOne({ _id: 901 }, { r: 1 }, { upsert: true })
      context.t.equal(replaced.upsertedId, 901)
    },
  },
  {
    name: 'update refuses what MongoDB refuses, and changes nothing then',
    async run(context) {
      const c = orders(context)
      const before = await c.findOne({ _id: 1 })
      const cases: [Document, number][] = [
        [{ $inc: { tags: 1 } }, 14],
        [{ $push: { i: 1 } }, 2],
        [{ $set: { 'i.x': 1 } }, 28],
        [{ $set: { _id: 99 } }, 66],
        [{ $nonsense: { i: 1 } }, 9],
      ]
      for (const [update, code] of cases) {
        context.t.match(await failure(c.updateOne({ _id: 1 }, update)), { code }, JSON.stringify(update))
      }
      context.t.strictSame(await c.findOne({ _id: 1 }), before)
    },
  },
  {
    name: 'delete removes one or many',
    async run(context) {
      context.t.match(await orders(context).deleteOne({ even: true }), { deletedCount: 1 })
      context.t.match(await orders(context).deleteMany({ even: true }), { deletedCount: 124 })
      context.t.equal(await orders(context).estimatedDocumentCount(), 125)
    },
  },
  {
    name: 'findAndModify gives the document before or after, upserts and removes',
    async run(context) {
      const c = orders(context)
      const after = await c.findOneAndUpdate(
        { even: false },
        { $set: { i: 0 } },
        { sort: { i: -1 }, returnDocument: 'after' },
      )
      context.t.match(after, { _id: 249, i: 0 })
      context.t.match(await c.findOneAndReplace({ _id: 8 }, { q: 1 }), { _id: 8, i: 8 })
      context.t.match(await c.findOneAndDelete({ _id: 8 }, { projection: { q: 1, _id: 0 } }), { q: 1 })
      context.t.equal(await c.findOneAndDelete({ _id: 8 }), null)
      const upserted = await c.findOneAndUpdate(
        { _id: 'n' },
        { $inc: { n: 1 } },
        { upsert: true, returnDocument: 'after' },
      )
      context.t.strictSame(upserted, { _id: 'n', n: 1 })
    },
  },
  {
    name: 'bulkWrite mixes inserts, updates and deletes',
    async run(context) {
      const result = await orders(context).bulkWrite([
        { insertOne: { document: { _id: 5_000 } } },
        { updateMany: { filter: { even: true }, update: { $set: { seen: 1 } } } },
        { deleteOne: { filter: { _id: 5_000 } } },
        { replaceOne: { filter: { _id: 6_000 }, replacement: { a: 1 }, upsert: true } },
      ])
      context.t.match(result, { insertedCount: 1, modifiedCount: 125, deletedCount: 1, upsertedCount: 1 })
    },
  },
  {
    name: 'a bulkWrite of the client writes to several collections in one command',
    async run(context) {
      const { client, t } = context
      const models: (AnyClientBulkWriteModel<Document> & { namespace: string })[] = [
        { namespace: 'shop.orders', name: 'insertOne', document: { _id: 5_000 as never } },
        {
          namespace: 'shop.other',
          name: 'updateOne',
          filter: { _id: 1 as never },
          update: { $set: { a: 1 } },
          upsert: true,
        },
        { namespace: 'shop.orders', name: 'updateMany', filter: { even: true }, update: { $inc: { i: 1 } } },
        { namespace: 'shop.orders', name: 'deleteMany', filter: { even: false } },
      ]
      const result = await client.bulkWrite(models, { verboseResults: true })
      t.match(result, { insertedCount: 1, upsertedCount: 1, modifiedCount: 125, deletedCount: 125 })
      t.match(result.updateResults?.get(1), { upsertedId: 1 })
      const again = await failure(client.bulkWrite(models, { ordered: false }))
      t.match(again.writeErrors.get(0), { code: 11000 })
      t.match(again.partialResult, { insertedCount: 0, matchedCount: 126 })
      const seen = context.server.operationsSeen().filter(({ command }) => command === 'bulkWrite')
      t.strictSame(
        seen.map(({ outcome, count }) => [outcome, count]),
        [
          ['ok', 1],
          ['write_error', 1],
        ],
      )
    },
  },
  {
    name: 'aggregate groups, looks up in another collection, writes out and merges',
    async run(context) {
      const { t, client } = context
      await client
        .db('shop')
        .collection<Doc>('kinds')
        .insertMany([
          { _id: true, word: 'even' },
          { _id: false, word: 'odd' },
        ])
      const joined = await orders(context)
        .aggregate([
          { $match: { i: { $lt: 10 } } },
          { $group: { _id: '$even', sum: { $sum: '$i' } } },
          { $lookup: { from: 'kinds', localField: '_id', foreignField: '_id', as: 'kind' } },
          { $unwind: '$kind' },
          { $project: { word: '$kind.word', sum: 1 } },
          { $sort: { sum: 1 } },
        ])
        .toArray()
      t.match(joined, [
        { word: 'even', sum: 20 },
        { word: 'odd', sum: 25 },
      ])
      await orders(context)
        .aggregate([{ $match: { i: { $lt: 3 } } }, { $out: 'few' }])
        .toArray()
      t.equal(await client.db('shop').collection('few').countDocuments(), 3)
      const merge = { $merge: { into: { db: 'reports', coll: 'few' }, whenMatched: 'replace' } }
      await orders(context)
        .aggregate([{ $match: { i: { $lt: 4 } } }, merge])
        .toArray()
      t.equal(await client.db('reports').collection('few').countDocuments(), 4)
      const cursor = orders(context).aggregate([{ $sort: { i: -1 } }], { batchSize: 30 })
      t.equal((await cursor.toArray()).length, 250)
      t.equal(
        (
          await client
            .db('shop')
            .aggregate([{ $documents: [{ a: 1 }] }])
            .toArray()
        ).length,
        1,
      )
    },
  },
  {
    name: 'count, distinct and $expr with let',
    async run(context) {
      const c = orders(context)
      context.t.equal(await c.countDocuments({ i: { $lt: 5 } }), 5)
      context.t.equal(await c.countDocuments({}, { skip: 240 }), 10)
      context.t.strictSame(await c.distinct('tags', { i: { $lt: 9 } }), ['t0', 'all', 't1', 't2'])
      const found = await c.find({ $expr: { $eq: ['$i', '$$wanted'] } }, { let: { wanted: 12 } }).toArray()
      context.t.equal(found.length, 1)
    },
  },
  {
    name: 'binary values are told apart by their bytes, wherever they stand',
    async run(context) {
      const c = context.client.db('shop').collection<Doc>('binaries')
      const [one, two] = [Buffer.from([0xff, 1]), Buffer.from([0xfe, 1])]
      await c.insertMany([
        { _id: 1, v: one, in: [{ v: two }] },
        { _id: 2, v: two, in: [{ v: one }] },
      ])
      context.t.match(await c.find({ v: two }).toArray(), [{ _id: 2 }])
      context.t.match(await c.find({ 'in.v': two }).toArray(), [{ _id: 1 }])
      context.t.equal((await c.aggregate([{ $group: { _id: '$v' } }]).toArray()).length, 2)
    },
  },
  {
    name: 'collections and databases are listed, created, renamed and dropped',
    async run(context) {
      const { t, client } = context
      const db = client.db('shop')
      await db.createCollection('made')
      t.match(await failure(db.createCollection('made')), { code: 48, codeName: 'NamespaceExists' })
      await db.renameCollection('made', 'renamed')
      t.match(await failure(db.renameCollection('made', 'other')), { code: 26 })
      t.strictSame((await db.listCollections().toArray()).map((c) => c.name).sort(), ['orders', 'renamed'])
      t.strictSame(await db.listCollections({ name: 'orders' }, { nameOnly: true }).toArray(), [
        { name: 'orders', type: 'collection' },
      ])
      t.strictSame(
        (await client.db().admin().listDatabases()).databases.map((d) => d.name),
        ['shop'],
      )
      t.equal(await db.dropCollection('renamed'), true)
      await db.dropDatabase()
      t.strictSame((await client.db().admin().listDatabases()).databases, [])
      t.match(await failure(db.collection('gone').indexes()), { code: 26, codeName: 'NamespaceNotFound' })
    },
  },
  {
    name: 'the administrator finds ping, buildInfo, serverStatus, stats and explain',
    async run(context) {
      const { t, client } = context
      const admin = client.db('admin')
      t.match(await admin.command({ ping: 1 }), { ok: 1 })
      t.match(await admin.command({ buildInfo: 1 }), { versionArray: [8, 0, 0, 0] })
      t.match(await admin.command({ serverStatus: 1 }), {
        process: 'oplens-demo-server',
        connections: { current: Number },
      })
      t.match(await admin.command({ getParameter: 1, featureCompatibilityVersion: 1 }), { ok: 1 })
      t.match(await admin.command({ connectionStatus: 1 }), { authInfo: { authenticatedUsers: [] } })
      t.match(await client.db('shop').stats(), { collections: 1, objects: 250 })
      t.match(await orders(context).find({ _id: 1 }).explain(), { queryPlanner: { winningPlan: { stage: 'IDHACK' } } })
      const scan = await orders(context).find({ i: 1 }).explain('executionStats')
      t.match(scan, { executionStats: { nReturned: 1, totalDocsExamined: 250 } })
      t.match(
        await orders(context)
          .aggregate([{ $match: { i: 1 } }])
          .explain(),
        { queryPlanner: { winningPlan: { stage: 'COLLSCAN' } } },
      )
    },
  },
  {
    name: 'what the server cannot do is refused by its right code and name',
    async run(context) {
      const { t, client } = context
      const shop = client.db('shop')
      const admin = client.db('admin')
      const session = client.startSession()
      const cases: [string, () => Promise<unknown>, number, string][] = [
        ['unknown command', () => shop.command({ shopStatus: 1 }), 59, 'CommandNotFound'],
        [
          'unknown operator',
          () =>
            orders(context)
              .find({ i: { $near: 1 } })
              .toArray(),
          2,
          'BadValue',
        ],
        [
          'unknown stage',
          () =>
            orders(context)
              .aggregate([{ $nope: 1 }])
              .toArray(),
          40324,
          'Location40324',
        ],
        ['unknown field', () => shop.command({ find: 'orders', nope: 1 }), 40415, 'IDLUnknownField'],
        ['no cursor', () => shop.command({ getMore: Long.fromNumber(42), collection: 'orders' }), 43, 'CursorNotFound'],
        ['bad namespace', () => shop.command({ find: '' }), 73, 'InvalidNamespace'],
        ['bad type', () => shop.command({ find: 'orders', filter: 1 }), 14, 'TypeMismatch'],
        ['no pipeline cursor', () => shop.command({ aggregate: 'orders', pipeline: [] }), 9, 'FailedToParse'],
        ['change stream', () => orders(context).watch().next(), 40573, 'Location40573'],
        ['script', () => orders(context).find({ $where: 'true' }).toArray(), 2, 'BadValue'],
        ['capped', () => shop.createCollection('log', { capped: true, size: 1_000 }), 115, 'CommandNotSupported'],
        ['tailable', () => orders(context).find({}, { tailable: true }).next(), 2, 'BadValue'],
        [
          'collation',
          () =>
            orders(context)
              .find({}, { collation: { locale: 'de' } })
              .next(),
          115,
          'CommandNotSupported',
        ],
        ['two nodes', () => orders(context).insertOne({ _id: 'w' }, { writeConcern: { w: 2 } }), 2, 'BadValue'],
        ['linearizable', () => orders(context).find({}, { readConcern: 'linearizable' }).next(), 123, 'NotAReplicaSet'],
        ['bad hint', () => orders(context).find({}, { hint: 'nope' }).next(), 2, 'BadValue'],
        [
          'transaction',
          () => admin.command({ commitTransaction: 1, txnNumber: Long.ONE, autocommit: false }),
          20,
          'IllegalOperation',
        ],
        ['not on admin', () => shop.command({ listDatabases: 1 }), 13, 'Unauthorized'],
        ['login', () => admin.command({ saslStart: 1, mechanism: 'PLAIN', payload: '' }), 18, 'AuthenticationFailed'],
      ]
      for (const [name, operation, code, codeName] of cases) {
        const e = await failure(operation())
        t.match(e, { code, codeName }, `${name}: ${e.message}`)
        t.ok(e instanceof MongoServerError, name)
      }
      await session.endSession()
    },
  },
  {
    name: 'unacknowledged writes are done and not answered',
    async run(context) {
      const c = orders(context)
      const w0 = { writeConcern: { w: 0 } } as const
      await c.insertOne({ _id: 7_000 }, w0)
      await c.insertOne({ _id: 7_000 }, w0)
      await c.updateOne({ _id: 7_000 }, { $set: { a: 1 } }, w0)
      await context.client.db('admin').command({ ping: 1 })
      await c.findOne({})
      while ((context.server.commandsSeen().update ?? 0) < 1) await c.findOne({})
      context.t.strictSame(await c.findOne({ _id: 7_000 }), { _id: 7_000, a: 1 })
      const silent = context.server.operationsSeen().filter((row) => row.outcome === 'unacknowledged')
      context.t.strictSame(
        silent.map(({ command, count }) => [command, count]),
        [
          ['insert', 2],
          ['update', 1],
        ],
      )
    },
  },
  {
    name: 'a document of 15 MiB comes back as it went, one above 16 MiB is refused',
    async run(context) {
      const c = context.client.db('shop').collection<Doc>('blobs')
      const blob = Buffer.alloc(15 * 1_048_576, 'abc')
      await c.insertOne({ _id: 1, blob })
      const found = await c.findOne({ _id: 1 })
      context.t.ok(blob.equals(found?.blob.buffer))
      const tooLarge = { insert: 'blobs', documents: [{ _id: 2, blob: Buffer.alloc(16_777_216) }] }
      context.t.match(await context.client.db('shop').command(tooLarge), { ok: 1, n: 0, writeErrors: [{ code: 2 }] })
    },
  },
]

t.test('the official driver against the embedded server', async (t) => {
  for (const row of rows) {
    t.test(row.name, (t) =>
      withServer(t, {}, async (context) => {
        await orders(context).insertMany(numbers)
        await row.run(context)
      }),
    )
  }
})

t.test('an int64 of an inserted document keeps its type, and a late _id moves to the front', (t) =>
  withServer(t, { client: { promoteValues: false } }, async ({ client }) => {
    const c = client.db('shop').collection<Doc>('types')
    const db = client.db('shop')
    await db.command({ insert: 'types', documents: [{ x: 1, _id: 'late', long: Long.fromNumber(5) }] })
    const found = await c.findOne({ _id: 'late' })
    t.strictSame(Object.keys(found ?? {}), ['_id', 'x', 'long'], 'and _id comes first')
    t.equal(found?.long?._bsontype, 'Long')
  }),
)

for (const compressor of ['zlib', 'snappy', 'zstd'] as const) {
  t.test(`requests and replies travel compressed with ${compressor}`, (t) =>
    withServer(t, { client: { compressors: [compressor], maxPoolSize: 1 } }, async ({ client }) => {
      const c = client.db('shop').collection<Doc>('orders')
      await c.insertMany(Array.from({ length: 300 }, (_, i) => ({ _id: i, text: 'word '.repeat(50) })))
      t.equal((await c.find({}, { batchSize: 100 }).toArray()).length, 300)
      t.match(await failure(c.insertOne({ _id: 1 })), { code: 11000 })
    }),
  )
}

t.test('a compressor that the server was not given is not negotiated', (t) =>
  withServer(t, { server: { compressors: ['zlib'] }, client: { compressors: ['snappy'] } }, async ({ client }) => {
    t.match(await client.db('admin').command({ hello: 1, compression: ['snappy', 'zlib'] }), { compression: ['zlib'] })
  }),
)

t.test('failCommand answers errors, labels, write concern errors, delays and closed connections', (t) =>
  withServer(t, { client: { retryReads: false, appName: 'tester' } }, async ({ client, server }) => {
    const admin = client.db('admin')
    const c = client.db('shop').collection<Doc>('orders')
    const arm = (mode: unknown, data: Document = {}) => admin.command({ configureFailPoint: 'failCommand', mode, data })
    await arm({ times: 1 }, { failCommands: ['find'], errorCode: 11601, errorLabels: ['SomeLabel'] })
    const e = await failure(c.findOne({}))
    t.match(e, { code: 11601, codeName: 'Interrupted' })
    t.ok((e as MongoServerError).hasErrorLabel('SomeLabel'))
    t.equal(await c.findOne({}), null, 'once only')

    await arm({ times: 1 }, { failCommands: ['insert'], writeConcernError: { code: 64, errmsg: 'waited in vain' } })
    t.match(await failure(c.insertOne({ _id: 1 })), { code: 64 })
    t.match(await c.findOne({}), { _id: 1 }, 'the write was done')

    await arm({ times: 1 }, { failCommands: ['find'], closeConnection: true })
    t.match(await failure(c.findOne({})), { name: 'MongoNetworkError' })

    await arm('alwaysOn', { failCommands: ['find'], errorCode: 11601, appName: 'another' })
    t.match(await c.findOne({}), { _id: 1 }, 'only for its application')
    await arm('off')

    await arm({ times: 1 }, { failCommands: ['find'], blockConnection: true, blockTimeMS: 30 })
    const startMs = performance.now()
    await c.findOne({})
    t.ok(performance.now() - startMs >= 29)
    const seen = server.operationsSeen().filter((row) => row.collection === 'orders')
    t.strictSame(seen.map(({ command, outcome }) => `${command} ${outcome}`).sort(), [
      'find command_error',
      'find cut',
      'find ok',
      'insert write_concern_error',
    ])
  }),
)

t.test('a server without fail points does not know the command', (t) =>
  withServer(t, { server: { failCommand: false } }, async ({ client }) => {
    t.match(await failure(client.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' })), { code: 59 })
  }),
)

t.test('the latency hook delays a command, and maxTimeMS ends it with its code', (t) =>
  withServer(t, { server: { latency: ({ name }) => (name === 'aggregate' ? 40 : 0) } }, async ({ client }) => {
    const c = client.db('shop').collection('orders')
    const startMs = performance.now()
    await c.aggregate([{ $match: {} }]).toArray()
    t.ok(performance.now() - startMs >= 39)
    t.match(await failure(c.aggregate([{ $match: {} }], { maxTimeMS: 5 }).toArray()), { code: 50 })
  }),
)

t.test('batches hold 16 MiB, or what the test asks for: one reply of 46 MB passes', (t) =>
  withServer(t, { server: { maxBatchBytes: 47_000_000 } }, async ({ client, server }) => {
    const c = client.db('shop').collection<Doc>('big')
    const blob = Buffer.alloc(1_000_000, 'x')
    for (let i = 0; i < 46; i += 23) {
      await c.insertMany(Array.from({ length: 23 }, (_, k) => ({ _id: i + k, blob })))
    }
    t.equal((await c.find({}).toArray()).length, 46)
    t.equal(server.commandsSeen().getMore ?? 0, 0)
  }),
)
