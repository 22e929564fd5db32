// What does one operation cost in the codec and in the metrics, without a socket? Nanoseconds of one processor.
// Usage: node bench/codec.bench.mjs [--smoke] [--dist FOLDER] [--only START]
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { deflateSync } from 'node:zlib'
import { BSON } from 'bson'
import { compressSync } from 'snappy'
import { describeMachine, describeTree } from './support/machine.mjs'
import { markdownTable, spread, withSpread } from './support/numbers.mjs'
import { ROOT } from './support/tools.mjs'

const { values: options } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    dist: { type: 'string', default: `${ROOT}dist` },
    /** The start of a case's name: for `node --cpu-prof`. */
    only: { type: 'string', default: '' },
  },
})
const BATCHES = options.smoke ? 1 : 9
const WARMUP_BATCHES = options.smoke ? 1 : 3
const BATCH_MS = options.smoke ? 20 : 200

const load = (path) => import(pathToFileURL(resolve(options.dist, path)).href)
const { mongodb } = await load('codecs/mongodb/index.js')
const { createObservation } = await load('observe/observation.js')
const { observeSchema } = await load('observe/config.js')
const { ConnectionInfo } = await load('core/connection.js')
const { systemClock } = await load('core/clock.js')
const { silentLogger } = await load('core/logger.js')
const { HostStats } = await load('core/stats.js')

function opMsg(document) {
  const message = Buffer.concat([Buffer.alloc(21), BSON.serialize(document)])
  message.writeInt32LE(message.length, 0)
  message.writeInt32LE(2013, 12)
  return message
}

/** OP_COMPRESSED of a message: original opcode, size without the header, compressor id, payload. */
function compressed(message, id, compress) {
  const head = Buffer.alloc(25)
  const out = Buffer.concat([head, compress(message.subarray(16))])
  out.writeInt32LE(out.length, 0)
  out.writeInt32LE(2012, 12)
  out.writeInt32LE(message.readInt32LE(12), 16)
  out.writeInt32LE(message.length - 16, 20)
  out[24] = id
  return out
}

const session = { id: new BSON.UUID() }
const find = (collection) =>
  opMsg({
    find: collection,
    filter: { customerId: 48_213, status: 'open' },
    sort: { createdAt: -1 },
    limit: 20,
    lsid: session,
    $db: 'shop',
  })
const order = (_id) => ({
  _id,
  customerId: 48_213,
  status: 'open',
  total: 129.5,
  createdAt: new Date(1_760_000_000_000),
})
const orders = (count) => Array.from({ length: count }, () => order(new BSON.ObjectId()))
const findReply = (count) => opMsg({ cursor: { firstBatch: orders(count), id: 0n, ns: 'shop.orders' }, ok: 1 })
const insert = (count) =>
  opMsg({ insert: 'orders', documents: orders(count), ordered: true, lsid: session, $db: 'shop' })

/** Requests and replies that are pushed in turn, each in its chunks. */
const whole = (request, reply) => [{ request: [request], reply: [reply] }]
const halves = (message) => [message.subarray(0, 100), message.subarray(100)]
const snappy = (message) => compressed(message, 1, (bytes) => compressSync(bytes))
const zlib = (message) => compressed(message, 2, (bytes) => deflateSync(bytes))
const cases = {
  'find, 3 documents returned': whole(find('orders'), findReply(3)),
  'find, both messages cut in two': [{ request: halves(find('orders')), reply: halves(findReply(3)) }],
  'find over 500 collections': Array.from({ length: 500 }, (_, i) => whole(find(`c${i}`), findReply(3))[0]),
  'find, 100 documents returned': whole(find('orders'), findReply(100)),
  'insert of 1 document': whole(insert(1), opMsg({ n: 1, ok: 1 })),
  'insert of 100 documents': whole(insert(100), opMsg({ n: 100, ok: 1 })),
  'find, snappy': whole(snappy(find('orders')), snappy(findReply(3))),
  'find, zlib': whole(zlib(find('orders')), zlib(findReply(3))),
}

const ignore = () => undefined
const silent = { exchangeStarted: ignore, exchangeEnded: ignore, messageUndecodable: ignore, messageSeen: ignore }

const observation = createObservation({
  config: observeSchema.parse({}),
  clock: systemClock,
  logger: silentLogger,
  sources: { listeners: [], clusters: [], memberListeners: [] },
  version: 'bench',
})
const MEMBERS = ['primary', 'secondary', 'secondary'].map((role, i) => ({
  name: `member${i}:27017`,
  address: { kind: 'tcp', host: `member${i}`, port: 27017 },
  hostname: '',
  weight: 1,
  stats: new HostStats(),
  state: { role },
}))
const connection = new ConnectionInfo(1, 'bench', 'bench', '127.0.0.1:1', 0)
connection.host = MEMBERS[0]

/** As the data path hands them on. */
const { hub } = observation
const observed = {
  exchangeStarted: (exchange) => hub.exchangeStarted(exchange),
  exchangeEnded: (exchange) => hub.exchangeEnded(exchange),
  messageUndecodable: (direction, reason) => hub.messageUndecodable(connection, direction, reason),
  messageSeen: (direction, opcode) => hub.messageSeen(connection, direction, opcode),
}

/** One function per measurement, so that each has its own feedback in the compiler; `ended` proves that work was done. */
function decoding(pairs, events) {
  let ended = 0
  const counting = {
    ...events,
    exchangeEnded: (exchange) => {
      if (exchange.outcome.kind === 'ok') ended++
      events.exchangeEnded(exchange)
    },
  }
  const opened = mongodb.createCodec(mongodb.config.parse({})).open({ connection, events: counting })
  let id = 0
  const run = (times) => {
    for (let i = 0; i < times; i++) {
      const { request, reply } = pairs[i % pairs.length]
      const nowMs = performance.now()
      request[0].writeInt32LE(++id, 4)
      reply[0].writeInt32LE(id, 8)
      for (let j = 0; j < request.length; j++) opened.push('request', request[j], nowMs)
      for (let j = 0; j < reply.length; j++) opened.push('reply', reply[j], nowMs)
    }
  }
  return { run, ended: () => ended }
}

/** @param hosts as many as answer in turn: connections to different members are served by one process */
function observing(hosts) {
  let exchange
  const events = { ...silent, exchangeEnded: (one) => (exchange = one) }
  decoding(cases['find, 3 documents returned'], events).run(1)
  let ended = 0
  const run = (times) => {
    for (let i = 0; i < times; i++) {
      connection.host = MEMBERS[i % hosts]
      hub.exchangeStarted(exchange)
      hub.exchangeEnded(exchange)
    }
    ended += times
  }
  return { run, ended: () => ended }
}

/** Batches of about BATCH_MS each; the first ones only warm up. @returns nanoseconds per operation */
function measure({ run, ended }) {
  let times = 100
  for (let ms = 0; ms < BATCH_MS / 2; times *= 2) ms = timeOf(run, times)
  for (let i = 0; i < WARMUP_BATCHES; i++) run(times)
  const before = ended()
  const ns = Array.from({ length: BATCHES }, () => (timeOf(run, times) / times) * 1e6)
  if (ended() - before !== times * BATCHES)
    throw new Error(`${ended() - before} of ${times * BATCHES} operations ended as ok`)
  return spread(ns)
}

/** Processor time, the collector's threads included: the clock on the wall would count what others do on this machine. */
function timeOf(run, times) {
  const begin = process.cpuUsage()
  run(times)
  const { user, system } = process.cpuUsage(begin)
  return (user + system) / 1000
}

const { cpu, loadAverage } = describeMachine()
console.log(`${cpu}, Node ${process.version}, commit ${describeTree().commit}, load before ${loadAverage}\n`)
const rows = [['one operation: request and reply', 'decode ns', 'decode and metrics ns']]
for (const [name, pairs] of Object.entries(cases)) {
  if (!name.startsWith(options.only)) continue
  const results = [measure(decoding(pairs, silent)), measure(decoding(pairs, observed))]
  rows.push([name, ...results.map((ns) => withSpread(ns, 0))])
}
rows.push(['metrics alone: start and end of an operation', '-', withSpread(measure(observing(1)), 0)])
rows.push(['the same, three members in turn', '-', withSpread(measure(observing(3)), 0)])
console.log(markdownTable(rows))
observation.close()
