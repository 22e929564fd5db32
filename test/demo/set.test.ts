import { EventEmitter, once } from 'node:events'
import { connect } from 'node:net'
import { BSON, Long, UUID } from 'bson'
import { type Document, MongoClient, type MongoClientOptions, MongoNetworkError, MongoServerError } from 'mongodb'
import t from 'tap'
import { startDemoServer } from '../../src/demo/mongod/server.js'
import type { DemoSet, DemoSetOptions } from '../../src/demo/mongod/set/options.js'
import { startDemoSet } from '../../src/demo/mongod/set/set.js'
import { FakeClock } from '../support/fake-clock.js'
import * as wire from '../support/wire.js'

const NAMES = ['a.rs.invalid:27017', 'b.rs.invalid:27017', 'c.rs.invalid:27017'] as const
const [A, B, C] = NAMES
const NAMED = { members: NAMES.map((name) => ({ name })) }

/** A set, clients of it, and their end. */
class Stage {
  readonly set: DemoSet
  readonly #clients: MongoClient[] = []

  constructor(set: DemoSet) {
    this.set = set
  }

  client(uri: string, options: MongoClientOptions = {}): MongoClient {
    const client = new MongoClient(uri, { serverSelectionTimeoutMS: 5_000, ...options })
    this.#clients.push(client)
    return client
  }

  direct(name: string, options?: MongoClientOptions): MongoClient {
    return this.client(this.set.member(name).uri, options)
  }

  async hello(name: string): Promise<Document> {
    const client = new MongoClient(this.set.member(name).uri)
    try {
      return await client.db('admin').command({ hello: 1 })
    } finally {
      await client.close()
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()))
    await this.set.close()
  }
}

async function onStage(options: DemoSetOptions, run: (stage: Stage, set: DemoSet) => Promise<void>): Promise<void> {
  const set = await startDemoSet(options)
  const stage = new Stage(set)
  try {
    await run(stage, set)
  } finally {
    await stage.close()
  }
}

async function refusal(operation: Promise<unknown>): Promise<MongoServerError> {
  const error = await operation.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (error instanceof MongoServerError) return error
  throw new Error(`expected a server's refusal, got ${String(error)}`)
}

/** Resolves once the client's view of the set satisfies `isSo`: server types by address. */
function topologyOf(client: MongoClient, isSo: (types: ReadonlyMap<string, string>) => boolean): Promise<void> {
  return new Promise((resolve) => {
    client.on('topologyDescriptionChanged', function look({ newDescription }) {
      const servers: ReadonlyMap<string, { type: string }> = newDescription.servers
      if (!isSo(new Map([...servers].map(([name, { type }]) => [name, type])))) return
      client.off('topologyDescriptionChanged', look)
      resolve()
    })
  })
}

/** One connection without a driver: asks, and hears all that comes. */
class RawClient {
  readonly #socket
  readonly #replies: Document[] = []
  #bytes = Buffer.alloc(0)
  readonly closed: Promise<unknown>

  constructor({ address }: { address: { host: string; port: number } }) {
    this.#socket = connect(address.port, address.host)
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk))
    this.closed = once(this.#socket, 'close')
  }

  /** Exhaust allowed, unless `flags` say something else. */
  ask(command: Document, flags = 65_536): void {
    this.#socket.write(wire.request({ ...command, $db: command.$db ?? 'admin' }, { flags }))
  }

  follow({ topologyVersion }: Document): void {
    this.ask({ hello: 1, topologyVersion, maxAwaitTimeMS: 60_000 })
  }

  async next(): Promise<Document> {
    while (this.#replies.length === 0) await once(this.#socket, 'data')
    return this.#replies.shift() ?? {}
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    while (this.#bytes.length >= 4 && this.#bytes.length >= this.#bytes.readInt32LE(0)) {
      const length = this.#bytes.readInt32LE(0)
      this.#replies.push(BSON.deserialize(this.#bytes.subarray(21, length), { promoteLongs: false }))
      this.#bytes = this.#bytes.subarray(length)
    }
  }
}

const counterOf = ({ topologyVersion }: Document): number => Number(topologyVersion.counter)

t.test('hello tells set, role, election and last write, member by member', async (t) => {
  const members = [
    { name: A, tags: { dc: 'east' } },
    { name: B },
    { name: 'p.rs.invalid:27017', passive: true },
    { name: 'h.rs.invalid:27017', hidden: true },
    { name: 'z.rs.invalid:27017', arbiter: true },
  ]
  await onStage({ members, setName: 'shop' }, async (stage) => {
    const primary = await stage.hello(A)
    t.match(primary, {
      hosts: [A, B],
      passives: ['p.rs.invalid:27017'],
      arbiters: ['z.rs.invalid:27017'],
      setName: 'shop',
      setVersion: 1,
      isWritablePrimary: true,
      secondary: false,
      primary: A,
      me: A,
      tags: { dc: 'east' },
      logicalSessionTimeoutMinutes: 30,
    })
    t.equal(String(primary.electionId), '7fffffff0000000000000001')
    t.ok(primary.lastWrite.lastWriteDate instanceof Date)
    for (const time of [primary.lastWrite.opTime.ts, primary.$clusterTime.clusterTime, primary.operationTime]) {
      t.equal(time._bsontype, 'Timestamp')
    }
    const times = Object.keys(primary.lastWrite)
    t.strictSame(times, ['opTime', 'lastWriteDate', 'majorityOpTime', 'majorityWriteDate'])
    const rows = [
      [B, { isWritablePrimary: false, secondary: true, me: B, primary: A }],
      ['p.rs.invalid:27017', { secondary: true, passive: true, me: 'p.rs.invalid:27017' }],
      ['h.rs.invalid:27017', { secondary: true, hidden: true, passive: true, me: 'h.rs.invalid:27017' }],
      ['z.rs.invalid:27017', { isWritablePrimary: false, secondary: false, arbiterOnly: true }],
    ] as const
    for (const [name, wanted] of rows) {
      const said = await stage.hello(name)
      t.match(said, { ...wanted, setName: 'shop', hosts: primary.hosts, passives: primary.passives }, name)
      t.equal(said.electionId, undefined, `${name} was not elected`)
      t.notOk(said.topologyVersion.processId.equals(primary.topologyVersion.processId), `${name} is its own process`)
    }
    t.match(await stage.direct(B).db('admin').command({ isMaster: 1 }), { ismaster: false, secondary: true })
  })
})

t.test('an awaited hello is answered at each change, with the next counter', async (t) => {
  await onStage({ ...NAMED, clock: new FakeClock() }, async (stage, set) => {
    const [a, c] = [new RawClient(set.member(A)), new RawClient(set.member(C))]
    const before = [await stage.hello(A), await stage.hello(C)]
    a.follow(before[0] ?? {})
    c.follow(before[1] ?? {})
    set.elect(B)
    const after = [await a.next(), await c.next()]
    for (const [index, said] of after.entries()) {
      t.match(said, { primary: B, isWritablePrimary: false, secondary: true })
      t.equal(counterOf(said), counterOf(before[index] ?? {}) + 1)
    }
    set.elect(C)
    t.match(await a.next(), { primary: C }, 'the stream goes on')
    const elected = await c.next()
    t.match(elected, { primary: C, isWritablePrimary: true })
    t.equal(String(elected.electionId), '7fffffff0000000000000003')
    const cut = c.closed
    await set.member(C).close()
    await cut
    t.equal((await a.next()).primary, undefined, 'nobody is primary any more')
    a.close()
  })
})

/** Workers that add to a document and insert one, in turns: what is done twice or not at all is seen in both. */
class Load {
  readonly #done = Array.from({ length: 8 }, () => 0)
  readonly #progress = new EventEmitter()
  readonly #workers: Promise<unknown>
  /** Writes that the driver gave back with a network error, to be decided by the application. */
  cut = 0
  #isOver = false

  constructor(client: MongoClient) {
    this.#workers = Promise.all(this.#done.map((_, worker) => this.#work(client, worker)))
    this.#workers.catch((error: unknown) => this.#progress.emit('error', error))
  }

  /** Each worker finished what it was at, and one round more: the driver tries again once only, so one fault at a time. */
  async settled(): Promise<void> {
    const before = [...this.#done]
    while (this.#done.some((done, worker) => done < (before[worker] ?? 0) + 2)) await once(this.#progress, 'done')
  }

  /** @returns rounds done */
  async end(): Promise<number> {
    this.#isOver = true
    await this.#workers
    return this.#done.reduce((sum, done) => sum + done, 0)
  }

  async #work(client: MongoClient, worker: number): Promise<void> {
    const accounts = client.db('shop').collection<{ _id: number; n: number }>('accounts')
    const orders = client.db('shop').collection<{ _id: string }>('orders')
    for (let round = 1; !this.#isOver; round++) {
      const _id = `${worker}-${round}`
      await this.#surely(
        () => accounts.updateOne({ _id: worker }, { $inc: { n: 1 } }, { upsert: true }),
        () => accounts.findOne({ _id: worker, n: { $gte: round } }),
      )
      await this.#surely(
        () => orders.insertOne({ _id }),
        () => orders.findOne({ _id }),
      )
      this.#done[worker] = round
      this.#progress.emit('done')
    }
  }

  /**
   * When many connections of a pool break at once, the official driver (7.9) tries again only what was on those that broke
   * before it cleared the pool (`connectionIsStale` in its server.ts); the rest is the application's to look after.
   */
  async #surely(write: () => Promise<unknown>, find: () => Promise<unknown>): Promise<void> {
    try {
      await write()
    } catch (error) {
      if (!(error instanceof MongoNetworkError)) throw error
      this.cut++
      if ((await find()) === null) await this.#surely(write, find)
    }
  }
}

async function written(client: MongoClient): Promise<{ orders: number; increments: number }> {
  const db = client.db('shop')
  const rows = await db.collection('accounts').find().toArray()
  const increments = rows.reduce((sum, { n }) => sum + n, 0)
  return { increments, orders: await db.collection('orders').countDocuments() }
}

t.test('a driver under load loses and doubles no write through elections, stepdowns and a restart', async (t) => {
  await onStage({ latency: () => 1 }, async (stage, set) => {
    const client = stage.client(set.uri)
    const load = new Load(client)
    const [a = '', b = '', c = ''] = set.members.map(({ name }) => name)
    await load.settled()
    set.elect(b)
    await load.settled()
    await set.stepDown()
    set.elect(c)
    await load.settled()
    t.equal(load.cut, 0, 'where no connection is cut, the driver does all by itself')
    await set.stepDown({ closeConnections: true })
    set.elect(a)
    await load.settled()
    await set.member(a).close()
    set.elect(b)
    await load.settled()
    await set.member(a).start()
    set.elect(a)
    await load.settled()
    const done = await load.end()
    t.ok(done >= 8 * 10, `${done} rounds`)
    t.strictSame(await written(client), { orders: done, increments: done })
    for (const name of [a, b, c]) t.ok((set.member(name).commandsSeen().insert ?? 0) > 0, `${name} was written to`)
  })
})

t.test('a driver reads from the member that its read preference asks for', async (t) => {
  const members = [{ tags: { dc: 'east' } }, { tags: { dc: 'east' } }, { tags: { dc: 'west' } }]
  await onStage({ members }, async (stage, set) => {
    const client = stage.client(set.uri)
    await client.db('shop').collection('orders').insertOne({ n: 1 })
    const [, east, west] = set.members
    const found = (uri: string) => stage.client(`${set.uri}&${uri}`).db('shop').collection('orders').findOne()
    t.match(await found('readPreference=secondary&readPreferenceTags=dc:west'), { n: 1 })
    t.strictSame([east?.commandsSeen().find, west?.commandsSeen().find], [undefined, 1])
    set.lastWriteAgeMs(west?.name ?? '', 300_000)
    for (let i = 0; i < 4; i++) t.match(await found('readPreference=secondary&maxStalenessSeconds=120'), { n: 1 })
    t.strictSame([east?.commandsSeen().find, west?.commandsSeen().find], [4, 1], 'too stale a member is left out')
  })
})

const REFUSALS = [
  { name: 'a write on a secondary', on: B, command: { insert: 'c', documents: [{}] }, code: 10107 },
  { name: 'a read on a secondary without a preference', on: B, command: { find: 'c' }, code: 13435, plain: true },
  {
    name: 'an aggregation that writes',
    on: B,
    command: { aggregate: 'c', pipeline: [{ $out: 'd' }], cursor: {} },
    code: 10107,
  },
  { name: 'a linearizable read', on: B, command: { find: 'c', readConcern: { level: 'linearizable' } }, code: 10107 },
  { name: 'a read on an arbiter', on: C, command: { find: 'c' }, code: 13436 },
  { name: 'a snapshot read', on: A, command: { find: 'c', readConcern: { level: 'snapshot' } }, code: 246 },
  {
    name: 'a change stream',
    on: A,
    command: { aggregate: 'c', pipeline: [{ $changeStream: {} }], cursor: {} },
    code: 115,
  },
  {
    name: 'a commit',
    on: A,
    command: { commitTransaction: 1, txnNumber: Long.ONE, autocommit: false },
    code: 20,
    db: 'admin',
  },
  {
    name: 'a transaction number of a read',
    on: A,
    command: { find: 'c', txnNumber: Long.ONE, lsid: { id: new UUID() } },
    code: 50768,
  },
  {
    name: 'a transaction number without a session',
    on: A,
    command: { insert: 'c', documents: [{}], txnNumber: Long.ONE },
    code: 72,
  },
]

t.test('a member refuses what its role or this server does not allow, with the code of a real one', async (t) => {
  const members = [{ name: A }, { name: B }, { name: C, arbiter: true }]
  await onStage({ members }, async (_, set) => {
    for (const row of REFUSALS) {
      const raw = new RawClient(set.member(row.on))
      const mode = 'plain' in row ? {} : { $readPreference: { mode: 'primaryPreferred' } }
      raw.ask({ ...row.command, ...mode, $db: row.db ?? 'shop' })
      const said = await raw.next()
      t.match(said, { ok: 0, code: row.code }, row.name)
      const tellsVersion = [10107, 13435, 13436].includes(row.code)
      t.equal(said.topologyVersion !== undefined, tellsVersion, `${row.name}: version`)
      raw.close()
    }
    const silent = new RawClient(set.member(B))
    silent.ask({ insert: 'c', documents: [{}], writeConcern: { w: 0 } }, 2)
    await silent.closed
    t.pass('an unacknowledged write on a secondary ends the connection')
  })
})

t.test('the same transaction number again is answered from memory, an older one refused', async (t) => {
  await onStage(NAMED, async (_, set) => {
    const [lsid, raw] = [{ id: new UUID() }, new RawClient(set.member(A))]
    const ask = (command: Document) => {
      raw.ask({ ...command, lsid, $db: 'shop' })
      return raw.next()
    }
    const inc = { q: { _id: 1 }, u: { $inc: { n: 1 } }, upsert: true }
    const first = { update: 'c', updates: [inc, inc], txnNumber: Long.fromNumber(5) }
    t.match(await ask(first), { n: 2, nModified: 1, ok: 1, retriedStmtIds: undefined })
    t.match(await ask(first), { n: 2, nModified: 1, ok: 1, retriedStmtIds: [0, 1] })
    const modify = { findAndModify: 'c', query: { _id: 1 }, update: { $inc: { n: 1 } }, txnNumber: Long.fromNumber(6) }
    t.match(await ask(modify), { value: { n: 2 } })
    t.match(await ask(modify), { value: { n: 2 }, retriedStmtId: 0 })
    t.match(await ask(first), { code: 225 })
    t.match(await ask({ ...modify, findAndModify: 'd' }), { code: 40606 })
    t.match(await ask({ find: 'c', filter: {} }), { cursor: { firstBatch: [{ n: 3 }] } })
    set.elect(B)
    t.match(await ask({ ...modify, txnNumber: Long.fromNumber(7) }), {
      code: 10107,
      errorLabels: ['RetryableWriteError', 'NoWritesPerformed'],
    })
    const other = new RawClient(set.member(B))
    other.ask({ ...modify, lsid, $db: 'shop' })
    t.match(await other.next(), { value: { n: 2 }, retriedStmtId: 0 }, 'the new primary knows it too')
    raw.close()
    other.close()
  })
})

t.test('a driver retries a write that was done and answered badly: it is done once', async (t) => {
  await onStage({}, async (stage, set) => {
    const client = stage.client(set.uri, { monitorCommands: true })
    let attempts = 0
    client.on('commandStarted', ({ commandName }) => {
      if (commandName === 'update') attempts++
    })
    const accounts = client.db('shop').collection<{ _id: number; n?: number }>('accounts')
    await accounts.insertOne({ _id: 1 })
    await client.db('admin').command({
      configureFailPoint: 'failCommand',
      mode: { times: 1 },
      data: { failCommands: ['update'], writeConcernError: { code: 91, errmsg: 'shutting down' } },
    })
    await accounts.updateOne({ _id: 1 }, { $inc: { n: 1 } })
    t.equal(attempts, 2)
    t.match(await accounts.findOne({ _id: 1 }), { n: 1 })
  })
})

t.test('a split leaves two primaries, and the cut-off one writes nothing for the majority', async (t) => {
  const arrivals = new EventEmitter()
  const latency: DemoSetOptions['latency'] = ({ body }) => {
    arrivals.emit(String(body.comment))
    return 0
  }
  await onStage({ latency }, async (stage, set) => {
    const [a = '', b = '', c = ''] = set.members.map(({ name }) => name)
    const client = stage.client(set.uri)
    const orders = client.db('shop').collection<{ _id: string }>('orders')
    await orders.insertOne({ _id: 'before' })
    set.split([[a]])
    t.throws(() => set.elect(a), /hears 1 of the 2 votes/)
    const seen = topologyOf(client, (types) => types.get(b) === 'RSPrimary')
    set.elect(b)
    await seen
    const [old, young] = [await stage.hello(a), await stage.hello(b)]
    t.match(old, { isWritablePrimary: true, primary: a })
    t.match(young, { isWritablePrimary: true, primary: b })
    t.ok(String(old.electionId) < String(young.electionId), 'the stale one is known by its election')
    t.match(await stage.hello(c), { primary: b })
    t.equal(set.primary?.name, b)
    await orders.insertOne({ _id: 'after' })

    const stale = stage.direct(a, { retryWrites: false }).db('shop').collection<{ _id: string }>('orders')
    const late = await refusal(stale.insertOne({ _id: 'late' }, { writeConcern: { w: 'majority', wtimeoutMS: 10 } }))
    t.equal(late.code, 64)
    const arrival = once(arrivals, 'waits')
    const waiting = refusal(stale.insertOne({ _id: 'waiting' }, { comment: 'waits' }))
    await arrival
    await set.reconfig({ tags: { [c]: { dc: 'west' } } })
    t.equal((await stage.hello(a)).setVersion, 1, 'news does not cross the split')
    set.heal()
    t.equal((await waiting).code, 11602)
    t.match(await stage.hello(a), { isWritablePrimary: false, secondary: true, primary: b, setVersion: 2 })
    const ids = (await orders.find().sort({ _id: 1 }).toArray()).map(({ _id }) => _id)
    t.strictSame(ids, ['after', 'before', 'late'], 'what was waiting is not done')
  })
})

t.test('reconfigurations add, remove, rename and retag, and a driver follows', async (t) => {
  await onStage({}, async (stage, set) => {
    const [a = '', b = '', c = ''] = set.members.map(({ name }) => name)
    const client = stage.client(set.uri)
    await client.connect()
    const grown = topologyOf(
      client,
      (types) => types.size === 4 && [...types.values()].every((type) => type !== 'Unknown'),
    )
    await set.reconfig({ add: [{ tags: { dc: 'new' } }] })
    await grown
    const added = set.members.at(-1)
    t.match(await stage.hello(added?.name ?? ''), { setVersion: 2, secondary: true, tags: { dc: 'new' } })
    const removed = set.member(b)
    const shrunk = topologyOf(client, (types) => types.size === 3 && !types.has(b))
    await set.reconfig({ remove: [b] })
    await shrunk
    t.equal(removed.role, 'removed')
    const ghost = new RawClient(removed)
    ghost.ask({ hello: 1 })
    t.match(await ghost.next(), {
      isWritablePrimary: false,
      isreplicaset: true,
      setName: undefined,
      hosts: undefined,
    })
    ghost.close()
    await set.reconfig({ rename: { [c]: 'C.rs.invalid' }, hidden: { [added?.name ?? '']: true } })
    t.match(await stage.hello('C.rs.invalid'), { me: 'C.rs.invalid', hosts: [a, 'C.rs.invalid'], setVersion: 4 })
    t.match(await stage.direct(a).db('admin').command({ replSetGetConfig: 1 }), {
      config: { version: 4, members: [{ host: a }, { host: 'C.rs.invalid' }, { hidden: true, priority: 0 }] },
    })
    await t.rejects(set.reconfig({ remove: [a] }), /primary must stay/)
    await t.rejects(set.reconfig({ rename: { [a]: 'C.rs.invalid' } }), /same name/)
    await t.rejects(set.reconfig({ remove: ['nobody'] }), /no member nobody/)
    await set.stepDown()
    await t.rejects(set.reconfig({ add: [{}] }), /needs a primary/)
    t.equal(set.members.length, 3)
  })
})

t.test('a member that is down refuses connections and returns on its port as another process', async (t) => {
  await onStage(NAMED, async (stage, set) => {
    const before = await stage.hello(B)
    const member = set.member(B)
    await member.close()
    const socket = connect(member.address.port, member.address.host)
    const [error] = await once(socket, 'error')
    t.equal(error.code, 'ECONNREFUSED')
    t.equal(member.role, 'down')
    t.match(await stage.direct(A).db('admin').command({ replSetGetStatus: 1 }), {
      set: 'rs0',
      members: [{ name: A, stateStr: 'PRIMARY' }, { name: B, stateStr: 'DOWN', health: 0 }, { stateStr: 'SECONDARY' }],
    })
    await set.member(C).close()
    const insert = { insert: 'c', documents: [{}], writeConcern: { w: 'majority', wtimeout: 1 } }
    const alone = await stage
      .direct(A)
      .db('shop')
      .command(insert)
      .catch((error: unknown) => error)
    t.match(alone, { result: { writeConcernError: { code: 64 } } }, 'a majority is not there')
    await member.start()
    await member.start()
    const after = await stage.hello(B)
    t.match(after, { me: B, secondary: true })
    t.notOk(after.topologyVersion.processId.equals(before.topologyVersion.processId))
    await stage.direct(A).db('admin').command({ replSetStepDown: 1 })
    t.equal(set.primary?.name, B, 'the next one that can takes over')
    await member.close()
    t.equal(set.primary, undefined)
  })
})

t.test('an address can lead to another member or a stranger, and hello say what a test wants', async (t) => {
  await onStage(NAMED, async (stage, set) => {
    const stream = new RawClient(set.member(B))
    stream.follow(await stage.hello(B))
    set.setIdentity(B, C)
    const other = await stream.next()
    t.match(other, { me: C })
    t.match(
      await stage.hello(C),
      { topologyVersion: { processId: other.topologyVersion.processId } },
      'whole as that one',
    )
    set.setIdentity(B, 'x.rs.invalid:27017')
    t.match(await stream.next(), { me: 'x.rs.invalid:27017', hosts: NAMES })
    set.setIdentity(B, B)
    const own = await stream.next()
    t.match(own, { me: B })
    set.setHello(B, ({ setName: _, ...rest }) => ({ ...rest, me: 'B', hosts: ['[::1]'] }))
    const edited = await stream.next()
    t.match(edited, { me: 'B', hosts: ['[::1]'], setName: undefined })
    t.equal(counterOf(edited), counterOf(own) + 1)
    set.setHello(B, (reply) => ({ ...reply, topologyVersion: { ...reply.topologyVersion, counter: Long.ZERO } }))
    t.equal(counterOf(await stream.next()), 0)
    set.setHello(B, undefined)
    stream.ask({ hello: 1 })
    t.match(await stream.next(), { me: B }, 'a version that is not its own ends the stream')
    stream.close()
  })
})

t.test('a set with two members of one name does not start; a standalone knows no replication', async (t) => {
  await t.rejects(startDemoSet({ members: [{ name: A }, { name: A }] }), /same name/)
  const server = await startDemoServer()
  const client = new MongoClient(server.uri)
  t.equal((await refusal(client.db('admin').command({ replSetGetStatus: 1 }))).code, 76)
  await client.close()
  await server.close()
})
