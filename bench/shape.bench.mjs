// What does the shape of a query cost? Nanoseconds of one processor, for a find and its reply as the Node.js driver exchanges them.
// Usage: node bench/shape.bench.mjs [--smoke] [--dist FOLDER]
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { BSON } from 'bson'
import { describeMachine, describeTree } from './support/machine.mjs'
import { markdownTable, spread, withSpread } from './support/numbers.mjs'
import { ROOT } from './support/tools.mjs'

const { values: options } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    dist: { type: 'string', default: `${ROOT}dist` },
  },
})
const ROUNDS = options.smoke ? 1 : 9
const BATCH_MS = options.smoke ? 20 : 150

const load = (path) => import(pathToFileURL(resolve(options.dist, path)).href)
const { mongodb } = await load('codecs/mongodb/index.js')
const { ConnectionInfo } = await load('core/connection.js')

function opMsg(document) {
  const message = Buffer.concat([Buffer.alloc(21), BSON.serialize(document)])
  message.writeInt32LE(message.length, 0)
  message.writeInt32LE(2013, 12)
  return message
}

const around = {
  lsid: { id: new BSON.UUID() },
  $clusterTime: {
    clusterTime: new BSON.Timestamp({ t: 1_760_000_000, i: 1 }),
    signature: { hash: new BSON.Binary(Buffer.alloc(20)), keyId: 7_000_000_000_000_000_000n },
  },
  $db: 'shop',
}
const find = (field) =>
  opMsg({
    find: 'orders',
    filter: { [field]: 48_213, status: 'open' },
    sort: { createdAt: -1 },
    limit: 20,
    ...around,
  })
const inList = opMsg({
  find: 'orders',
  filter: { _id: { $in: Array.from({ length: 500 }, () => new BSON.ObjectId()) } },
  ...around,
})
const update = opMsg({
  update: 'orders',
  updates: [{ q: { _id: new BSON.ObjectId() }, u: { $set: { status: 'paid' }, $inc: { version: 1 } } }],
  ...around,
})
const order = () => ({ _id: new BSON.ObjectId(), customerId: 48_213, status: 'open', total: 129.5 })
const answered = (id) => opMsg({ cursor: { firstBatch: [order(), order(), order()], id, ns: 'shop.orders' }, ok: 1 })
const exhausted = answered(0n)
const written = opMsg({ n: 1, nModified: 1, ok: 1 })
/** More than the codec remembers: each finds its fingerprint forgotten. */
const FIELDS = Array.from({ length: 12_000 }, (_, i) => `f${(i + 10 ** 7).toString(36)}`)

const NAMES = ['off', 'on', 'off again']
const detail = { shapes: true, values: undefined }
const OFF = { shapes: false, values: undefined }
const cases = {
  [`find (${find('customerId').length} bytes)`]: [[find('customerId')], exhausted],
  'find, each with a shape of its own': [FIELDS.map(find), exhausted],
  [`find, $in of 500 (${inList.length} bytes)`]: [[inList], exhausted],
  'find, cursor stays open': [[find('customerId')], answered(77n)],
  'update of one': [[update], written],
}

const ignore = () => undefined
function decoding([requests, reply], wanted) {
  let shapes = 0
  const events = {
    exchangeStarted: ignore,
    exchangeEnded: (exchange) => {
      if (exchange.shape !== undefined) shapes++
    },
    messageUndecodable: (_, reason) => {
      throw new Error(reason)
    },
    messageSeen: ignore,
  }
  const connection = new ConnectionInfo(1, 'bench', 'bench', '127.0.0.1:1', 0)
  const session = mongodb.createCodec(mongodb.config.parse({}), wanted).open({ connection, events })
  let id = 0
  const run = (times) => {
    for (let i = 0; i < times; i++) {
      const request = requests[i % requests.length]
      request.writeInt32LE(++id, 4)
      reply.writeInt32LE(id, 8)
      session.push('request', request, 1)
      session.push('reply', reply, 1)
    }
  }
  return { run, shapes: () => shapes }
}

function timeOf(run, times) {
  const begin = process.cpuUsage()
  run(times)
  const { user, system } = process.cpuUsage(begin)
  return (user + system) / 1000
}

/** Off and on in turn, so that both see the same weather. */
function compare(exchanged) {
  const all = [OFF, detail, OFF].map((wanted) => decoding(exchanged, wanted))
  let times = 100
  for (let ms = 0; ms < BATCH_MS; times *= 2) ms = Math.max(...all.map(({ run }) => timeOf(run, times)))
  const ns = all.map(() => [])
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { run }] of all.entries()) ns[i].push((timeOf(run, times) / times) * 1e6)
  }
  if (all[1].shapes() === 0 || all[0].shapes() !== 0)
    throw new Error('Shapes where none, or none where some were asked for')
  const added = ns[1].map((on, round) => on - (ns[0][round] + ns[2][round]) / 2)
  return [...ns.map((one) => withSpread(spread(one), 0)), withSpread(spread(added), 0)]
}

const { cpu, loadAverage } = describeMachine()
console.log(`${cpu}, Node ${process.version}, commit ${describeTree().commit}, load before ${loadAverage}\n`)
const rows = [['request and reply, decoded', ...NAMES.map((name) => `shapes ${name}, ns`), 'added, ns']]
for (const [name, exchanged] of Object.entries(cases)) rows.push([name, ...compare(exchanged)])
console.log(markdownTable(rows))
