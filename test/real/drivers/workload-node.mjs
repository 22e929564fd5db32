// One scenario through the official Node.js driver, in a process of its own. Prints the driver's command-monitoring events as
// lines of canonical Extended JSON (test/real/support/truth.mjs reads them).
//   node workload-node.mjs URI SCENARIO [CONTROL_URI]
// CONTROL_URI reaches the server past the proxy, to arm failpoints unseen.
import { BSON, MongoClient, MongoServerError } from 'mongodb'

const { EJSON } = BSON
const [uri, name, controlUri] = process.argv.slice(2)

const print = (event) => process.stdout.write(`${EJSON.stringify(event, { relaxed: false })}\n`)
const order = (i) => ({ _id: i, customer: `c${i % 7}`, total: i * 3, tags: ['a', 'b'] })
const orders = (count, from = 0) => Array.from({ length: count }, (_, i) => order(from + i))

/** Resolves to the error that `promise` was expected to end with. */
async function failing(promise) {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('an operation that should fail did not')
}

const scenarios = {
  async crud({ db }) {
    const c = db.collection('orders')
    await c.insertOne({ _id: 'one', total: 1 })
    await c.insertMany(orders(250))
    await c.find({}, { batchSize: 100, comment: 'three batches' }).toArray()
    await c.findOne({ _id: 3 }, { maxTimeMS: 5_000 })
    await c.find({ total: { $gt: 30 } }, { limit: 5, sort: { total: 1 }, projection: { total: 1 } }).toArray()
    await c.updateOne({ _id: 1 }, { $set: { total: 99 } })
    await c.updateMany({ customer: 'c2' }, { $inc: { total: 1 } })
    await c.replaceOne({ _id: 2 }, { total: 0 })
    await c.updateOne({ _id: 'new' }, { $set: { total: 5 } }, { upsert: true })
    await c.deleteOne({ _id: 4 })
    await c.deleteMany({ customer: 'c3' })
    await c.bulkWrite([
      { insertOne: { document: { _id: 1000 } } },
      { insertOne: { document: { _id: 1001 } } },
      { updateOne: { filter: { _id: 1000 }, update: { $set: { total: 1 } } } },
      { deleteOne: { filter: { _id: 1001 } } },
    ])
    await c.findOneAndUpdate({ _id: 5 }, { $set: { seen: true } })
    await c.findOneAndDelete({ _id: 6 })
    await c.findOneAndDelete({ _id: 'nobody' })
    await c.estimatedDocumentCount()
    await c.countDocuments({ customer: 'c1' })
    await c.distinct('customer')
    await c.aggregate([{ $group: { _id: '$customer', n: { $sum: 1 } } }], { cursor: { batchSize: 2 } }).toArray()
    const half = c.find({}, { batchSize: 10 })
    await half.next()
    await half.close()
  },

  /** Short, for runs whose point is the transport: compression, SCRAM, TLS. */
  async mixed({ db }) {
    const c = db.collection('orders')
    await c.insertMany(orders(60))
    await c.find({}, { batchSize: 25 }).toArray()
    await c.updateMany({ customer: 'c2' }, { $inc: { total: 1 } })
    await failing(c.insertOne({ _id: 1 }))
    await failing(c.find({ total: { $noSuchOperator: 1 } }).toArray())
    await db.collection('orders', { writeConcern: { w: 0 } }).insertOne({ _id: 'silent' })
    await c.countDocuments({})
    await c.deleteMany({})
  },

  async admin({ client, db }) {
    await db.createCollection('things')
    await db.collection('things').createIndex({ name: 1 })
    await db.collection('things').listIndexes().toArray()
    await db.listCollections().toArray()
    await db.command({ ping: 1 })
    await db.collection('things').rename('renamed')
    await db.collection('renamed').dropIndex('name_1')
    await client.db('admin').command({ buildInfo: 1 })
    await client.db('admin').admin().listDatabases()
    await db.collection('renamed').drop()
    await db.dropDatabase()
  },

  async errors({ db }) {
    const c = db.collection('orders')
    await c.insertOne({ _id: 1 })
    await failing(c.insertOne({ _id: 1 }))
    await failing(c.insertMany([{ _id: 1 }, { _id: 2 }, { _id: 1 }, { _id: 3 }], { ordered: false }))
    await failing(c.find({ total: { $noSuchOperator: 1 } }).toArray())
    await failing(c.aggregate([{ $noSuchStage: {} }]).toArray())
    await failing(db.command({ noSuchCommand: 1 }))
    await failing(db.command({ getMore: BSON.Long.fromNumber(123_456_789), collection: 'orders' }))
    await failing(c.updateOne({ _id: 1 }, { $noSuchUpdate: { a: 1 } }))
  },

  /** Needs a server with test commands: a write concern error, and a connection closed instead of a reply. */
  async failpoints({ db, failPoint }) {
    const c = db.collection('orders')
    await c.insertOne({ _id: 1 })
    await failPoint({ failCommands: ['insert'], writeConcernError: { code: 64, errmsg: 'waiting timed out' } })
    await failing(c.insertOne({ _id: 2 }))
    await failPoint({ failCommands: ['find'], errorCode: 50 })
    await failing(c.findOne({ _id: 2 }))
    await failPoint({ failCommands: ['distinct'], closeConnection: true })
    await failing(c.distinct('total'))
    await c.findOne({ _id: 1 })
  },

  async unacknowledged({ db }) {
    const c = db.collection('orders', { writeConcern: { w: 0 } })
    await c.insertOne({ _id: 1 })
    await c.insertMany(orders(20, 10))
    await c.updateOne({ _id: 1 }, { $set: { total: 2 } })
    await c.deleteOne({ _id: 11 })
    await db.collection('orders').findOne({ _id: 1 })
  },

  async transactions({ client, db }) {
    const c = db.collection('orders')
    await c.insertOne({ _id: 'before' })
    const session = client.startSession()
    session.startTransaction()
    await c.insertOne({ _id: 't1' }, { session })
    await c.updateOne({ _id: 't1' }, { $set: { total: 1 } }, { session })
    await c.findOne({ _id: 't1' }, { session })
    await session.commitTransaction()
    session.startTransaction()
    await c.insertMany([{ _id: 't2' }, { _id: 't3' }], { session })
    await session.abortTransaction()
    await session.endSession()
    await c.countDocuments({})
  },

  /** Writes and reads that the driver sends again by itself: after a lost connection, and after an error that says so. */
  async retries({ db, failPoint }) {
    const c = db.collection('orders')
    await c.insertOne({ _id: 'before' })
    await failPoint({ failCommands: ['insert'], closeConnection: true })
    await c.insertOne({ _id: 'again' })
    await failPoint({ failCommands: ['update'], errorCode: 262, errorLabels: ['RetryableWriteError'] })
    await c.updateOne({ _id: 'again' }, { $inc: { total: 1 } })
    await failPoint({ failCommands: ['find'], closeConnection: true })
    const again = await c.findOne({ _id: 'again' })
    if (again?.total !== 1) throw new Error(`not written once: ${EJSON.stringify(again)}`)
  },

  async changeStream({ db }) {
    const c = db.collection('orders')
    await c.insertOne({ _id: 'before' })
    const stream = c.watch([], { maxAwaitTimeMS: 300 })
    // tryNext opens the cursor and waits maxAwaitTimeMS for nothing: an awaited getMore without a document.
    await stream.tryNext()
    const next = stream.next()
    await c.insertOne({ _id: 'seen' })
    await next
    await c.updateOne({ _id: 'seen' }, { $set: { total: 1 } })
    await stream.next()
    await stream.close()
  },

  async clientBulkWrite({ client, db }) {
    await client.bulkWrite([
      { name: 'insertOne', namespace: `${db.databaseName}.orders`, document: { _id: 1 } },
      { name: 'insertOne', namespace: `${db.databaseName}.customers`, document: { _id: 1 } },
      { name: 'updateOne', namespace: `${db.databaseName}.orders`, filter: { _id: 1 }, update: { $set: { a: 1 } } },
    ])
    await client.bulkWrite([
      { name: 'insertOne', namespace: `${db.databaseName}.orders`, document: { _id: 2 } },
      { name: 'deleteOne', namespace: `${db.databaseName}.orders`, filter: { _id: 1 } },
    ])
  },

  /** 300 operations of six kinds from eight workers at once. */
  async crowd({ db }) {
    const worker = async (w) => {
      const c = db.collection(`crowd${w % 2}`)
      for (let i = 0; i < 6; i++) {
        await c.insertOne({ _id: `${w}-${i}` })
        await c.findOne({ _id: `${w}-${i}` })
        await c.updateOne({ _id: `${w}-${i}` }, { $set: { i } })
        await c.find({}, { batchSize: 1000 }).toArray()
        await c.distinct('i')
        await c.deleteOne({ _id: `${w}-${i}` })
      }
    }
    await Promise.all(Array.from({ length: 8 }, (_, w) => worker(w)))
    for (let i = 0; i < 12; i++) await db.collection('crowd0').findOne({ _id: i })
  },

  /** Nothing but monitoring: three heartbeats and one ping. */
  async monitor({ db, heartbeats }) {
    await db.command({ ping: 1 })
    await heartbeats(3)
  },
}

/** What of a hello names members. */
const namesOf = ({ hosts, passives, arbiters, primary, me }) =>
  Object.fromEntries(
    Object.entries({ hosts, passives, arbiters, primary, me }).filter(([, value]) => value !== undefined),
  )

/** A monitor's connection has the address as its id, followed by more once it stands. */
const addressOf = (connectionId) => /^[^/ ]+:\d+/.exec(connectionId)?.[0] ?? connectionId

async function main() {
  const run = scenarios[name]
  if (uri === undefined || run === undefined) throw new Error(`usage: URI ${Object.keys(scenarios).join('|')}`)
  const client = new MongoClient(uri, {
    monitorCommands: true,
    serverSelectionTimeoutMS: 10_000,
    ...(name === 'monitor' ? { heartbeatFrequencyMS: 500 } : {}),
    ...(name === 'failpoints' ? { retryReads: false, retryWrites: false } : {}),
  })
  const waiting = []
  let beats = 0
  client.on('commandStarted', (e) =>
    print({
      event: 'started',
      id: `${e.address}/${e.connectionId}/${e.requestId}`,
      database: e.databaseName,
      command: e.command,
    }),
  )
  client.on('commandSucceeded', (e) =>
    print({ event: 'succeeded', id: `${e.address}/${e.connectionId}/${e.requestId}`, reply: e.reply ?? {} }),
  )
  client.on('commandFailed', (e) => {
    const isReply = e.failure instanceof MongoServerError
    const code = isReply ? (e.failure.code ?? 0) : 0
    print({ event: 'failed', id: `${e.address}/${e.connectionId}/${e.requestId}`, isReply, code })
  })
  client.on('connectionCreated', ({ address }) => print({ event: 'dialled', address }))
  client.on('serverHeartbeatStarted', (e) => print({ event: 'dialled', address: addressOf(e.connectionId) }))
  let servers = []
  client.on('topologyDescriptionChanged', ({ newDescription }) => {
    servers = [...newDescription.servers.keys()]
    print({ event: 'topology', servers })
  })
  client.on('serverHeartbeatSucceeded', (e) => {
    print({ event: 'heartbeat', awaited: e.awaited, hello: namesOf(e.reply) })
    beats += 1
    for (const wait of waiting) wait()
  })
  const heartbeats = (count) =>
    new Promise((resolve) => {
      const goal = beats + count
      waiting.push(() => beats >= goal && resolve())
    })
  const control = new MongoClient(controlUri ?? uri)
  const failPoint = (data) =>
    control.db('admin').command({ configureFailPoint: 'failCommand', mode: { times: 1 }, data })
  let known
  try {
    await client.connect()
    await run({ client, db: client.db('shop'), heartbeats, failPoint })
    // Before the client forgets them.
    known = servers
  } finally {
    await client.close()
    await control.close()
  }
  print({ event: 'done', servers: known })
}

await main()
