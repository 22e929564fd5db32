// Does a big message, or a lie about its size, make oplens hold memory? What a full garbage collection leaves in the proxy's
// process while the bytes pass, beside the bare pipe in the same run; the bytes are hashed at both ends.
// Usage: node bench/large-reply.mjs [--smoke] [--repeats N] [--oplens PATH]
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { BSON } from 'bson'
import { helloRequest } from './support/load.mjs'
import { markdownTable, spread, withSpread } from './support/numbers.mjs'
import { freePort, memoryOf, start, stop, stopAll, stopAllOnSignals, untilAnswered } from './support/process.mjs'
import { sessionHeld } from './support/session-held.mjs'
import { targets } from './support/targets.mjs'
import { CACHE, OPLENS } from './support/tools.mjs'

const MIB = 2 ** 20
const MAX_MESSAGE_BYTES = 48_000_000
const HELD = fileURLToPath(new URL('./support/held.mjs', import.meta.url))
const FALSE_LENGTH = 2 ** 31 - 1

// The package's default fits one document of 16 MB.
BSON.setInternalBufferSize(64 * MIB)

const { values: options } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    repeats: { type: 'string', default: '7' },
    oplens: { type: 'string', default: OPLENS },
  },
})
const repeats = options.smoke ? 1 : Number(options.repeats)

function opMsg(document, requestId) {
  const head = Buffer.alloc(21)
  const message = Buffer.concat([head, BSON.serialize(document)])
  message.writeInt32LE(message.length, 0)
  message.writeInt32LE(requestId, 4)
  message.writeInt32LE(2013, 12)
  return message
}

/** An OP_MSG of exactly the longest length that servers announce, of documents of about 1 MB. */
function longest(documentOf, requestId) {
  const documents = Array.from({ length: 48 }, (_, i) => ({ _id: i, blob: new BSON.Binary(randomBytes(999_000)) }))
  const slack = MAX_MESSAGE_BYTES - opMsg(documentOf(documents), requestId).length
  documents[0].blob = new BSON.Binary(randomBytes(999_000 + slack))
  const message = opMsg(documentOf(documents), requestId)
  if (message.length !== MAX_MESSAGE_BYTES) throw new Error(`built ${message.length} bytes`)
  return message
}

/** 100 MiB whose first header says 2 GiB. */
function liar() {
  const bytes = randomBytes(100 * MIB)
  bytes.writeInt32LE(FALSE_LENGTH, 0)
  bytes.writeInt32LE(2, 4)
  bytes.writeInt32LE(1, 8)
  bytes.writeInt32LE(2013, 12)
  return bytes
}

const findRequest = opMsg({ find: 'blobs', filter: {}, $db: 'bench' }, 1)
const smallRequest = opMsg({ find: 'small', filter: {}, $db: 'bench' }, 1)
const okReply = opMsg({ n: 48, ok: 1 }, 2)

/** Each sends `up` and gets `down` back on a connection of its own. `extraMiB` is what the issue grants. */
function cases() {
  const reply = longest((firstBatch) => ({ cursor: { firstBatch, id: 0n, ns: 'bench.blobs' }, ok: 1 }), 2)
  reply.writeInt32LE(1, 8)
  okReply.writeInt32LE(1, 8)
  const insert = longest((documents) => ({ insert: 'blobs', documents, $db: 'bench' }), 1)
  const lie = liar()
  const all = [
    { name: '48 MB reply', up: findRequest, down: reply, extraMiB: 2, command: 'find' },
    { name: '48 MB reply, slow reader', up: findRequest, down: reply, extraMiB: 2, command: 'find', isSlow: true },
    { name: '48 MB insert', up: insert, down: okReply, extraMiB: 2, command: 'insert' },
    { name: '100 MiB reply, false 2 GiB length', up: findRequest, down: lie, extraMiB: 1 },
    { name: '100 MiB request, false 2 GiB length', up: lie, down: okReply, extraMiB: 1 },
  ]
  return options.smoke ? all.filter(({ down, isSlow }) => down !== okReply && !isSlow) : all
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** Reads `length` bytes and hashes them; a slow reader rests a millisecond after each chunk. */
async function hashOf(socket, length, isSlow) {
  const hash = createHash('sha256')
  let seen = 0
  for await (const chunk of socket) {
    hash.update(chunk)
    seen += chunk.length
    if (seen >= length) break
    if (isSlow) await sleep(1)
  }
  if (seen !== length) throw new Error(`${seen} of ${length} bytes arrived`)
  return hash.digest('hex')
}

/** The upstream: hashes what comes for the case that is current, and sends its answer. */
async function startUpstream() {
  const state = { current: undefined, hash: undefined }
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    if (state.current === undefined) {
      socket.on('data', () => socket.write(okReply))
      return
    }
    const { up, down } = state.current
    state.hash = hashOf(socket.iterator({ destroyOnReturn: false }), up.length, false).then((hash) => {
      socket.end(down)
      return hash
    })
    // The client's side sees a connection that ends early, and says so.
    state.hash.catch(() => socket.destroy())
  })
  server.listen(await freePort(), '127.0.0.1')
  await once(server, 'listening')
  // A failure must end the program.
  server.unref()
  return { state, port: server.address().port }
}

/** Passes one case through a proxy once, and wants the same bytes at both ends. */
async function passOnce(one, port, state) {
  state.current = one
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.write(one.up)
  const down = await hashOf(socket, one.down.length, one.isSlow)
  const up = await state.hash
  socket.destroy()
  state.current = undefined
  if (up !== one.upHash || down !== one.downHash) throw new Error(`${one.name}: the bytes differ at the two ends`)
}

/** Small requests, one after the other, so that code is compiled and the heap has its everyday size. */
async function warmUp(port, times) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  for (let i = 0; i < times; i++) {
    socket.write(smallRequest)
    await once(socket, 'data')
  }
  socket.destroy()
  await sleep(500)
}

/**
 * A fresh process per case. Held is what a full collection leaves, at its highest while the bytes pass, above what it was at
 * rest. The resident peak is told beside it, but V8 lets some 32 MiB of dead read buffers pile up in any Node process first.
 */
async function measure(target, one, upstream) {
  const ports = { listen: await freePort(), admin: await freePort(), upstream: upstream.port }
  const heldFile = `${CACHE}${target.name}.held`
  writeFileSync(heldFile, '')
  const node = [process.execPath, '--expose-gc', '--import', HELD]
  const env = { BENCH_HELD_FILE: heldFile }
  const started = start(target.argv(ports, node), { logFile: `${CACHE}${target.name}-large.log`, env })
  await untilAnswered(ports.listen, helloRequest(), started)
  await warmUp(ports.listen, options.smoke ? 50 : 500)
  await passOnce(one, ports.listen, upstream.state)
  const held = []
  for (let i = 0; i < repeats; i++) {
    await sleep(100)
    const begin = Date.now()
    await passOnce(one, ports.listen, upstream.state)
    held.push(heldBetween(heldFile, begin, Date.now()) / MIB)
  }
  if (target.mustDecode && one.command !== undefined) await expectCounted(ports, one.command, repeats + 1)
  const residentMiB = memoryOf(started.pid, 'VmHWM') / MIB
  await stop(started)
  return { held: spread(held), residentMiB }
}

/** @returns the highest sample in [begin, end) above the last one before */
function heldBetween(file, begin, end) {
  const samples = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number))
  const before = samples.filter(([at]) => at < begin).at(-1)?.[1]
  const during = samples.filter(([at]) => at >= begin && at < end).map(([, bytes]) => bytes)
  if (before === undefined || during.length === 0) throw new Error(`${file} has no sample of the time that matters`)
  return Math.max(...during) - before
}

async function expectCounted({ admin }, command, times) {
  const body = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text()
  const pattern = new RegExp(
    `^db_client_operation_duration_seconds_count\\{[^}]*"blobs",[^}]*"${command}",outcome="ok"\\} (\\d+)`,
    'm',
  )
  const counted = Number(pattern.exec(body)?.[1] ?? 0)
  if (counted !== times) throw new Error(`oplens counted ${counted} of ${times} ${command} operations as ok`)
}

/** The big message of a case through the decoder alone; a reply comes after its request. */
async function heldByDecoder({ up, down, command }) {
  const messages =
    up.length > down.length
      ? [['request', up]]
      : [
          ['request', up],
          ['reply', down],
        ]
  const { heldBytes, said } = await sessionHeld(options.oplens, messages)
  // A reply ends its operation, an insert waits for one, a lie ends the decoding: the first message of a connection, or a later one.
  const wanted = { find: ['ok'], insert: [''] }[command] ?? [
    'invalid_length,unknown',
    'not_mongodb,unknown',
    'not_mongodb',
  ]
  if (!wanted.includes(said.join())) throw new Error(`the decoder says ${said.join()}, not ${wanted.join(' or ')}`)
  return heldBytes
}

async function main() {
  mkdirSync(CACHE, { recursive: true })
  const upstream = await startUpstream()
  const [pipe, oplens] = ['pipe', 'oplens-transparent'].map((name) =>
    targets({ haproxy: {}, envoy: {} }, options.oplens).find((target) => target.name === name),
  )
  const rows = [
    [
      'case',
      'pipe held MiB',
      'oplens held MiB',
      'extra MiB',
      'decoder held KiB',
      'granted',
      'kept',
      'resident peaks MiB',
    ],
  ]
  for (const one of cases()) {
    one.upHash = sha256(one.up)
    one.downHash = sha256(one.down)
    const ofPipe = await measure(pipe, one, upstream)
    const ours = await measure(oplens, one, upstream)
    const extra = ours.held.median - ofPipe.held.median
    const decoder = await heldByDecoder(one)
    const isKept = extra < one.extraMiB && decoder < one.extraMiB * MIB
    if (!isKept && !options.smoke) process.exitCode = 1
    const held = [ofPipe, ours].map((one) => withSpread(one.held, 2))
    const resident = `${ofPipe.residentMiB.toFixed(0)}, ${ours.residentMiB.toFixed(0)}`
    rows.push([
      one.name,
      ...held,
      extra.toFixed(2),
      (decoder / 1024).toFixed(1),
      `< ${one.extraMiB}`,
      isKept ? 'yes' : 'NO',
      resident,
    ])
  }
  console.log(markdownTable(rows))
}

stopAllOnSignals()
main()
  .catch((error) => {
    console.error(`large-reply: ${error.stack}`)
    process.exitCode = 1
  })
  .finally(stopAll)
