// Does a big message, or a lie about its size, make oplens hold memory? Peak resident size of the proxy's process while the
// bytes pass, beside the bare pipe in the same run; the bytes are hashed at both ends.
// Usage: node bench/large-reply.mjs [--smoke] [--repeats N] [--oplens PATH]
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { BSON } from 'bson'
import { helloRequest } from './support/load.mjs'
import { markdownTable, spread, withSpread } from './support/numbers.mjs'
import { freePort, memoryOf, resetPeak, start, stop, stopAll, untilAnswered } from './support/process.mjs'
import { targets } from './support/targets.mjs'
import { CACHE, OPLENS } from './support/tools.mjs'

const MIB = 2 ** 20
const MAX_MESSAGE_BYTES = 48_000_000
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
const okReply = opMsg({ n: 48, ok: 1 }, 2)

/** Each sends `up` and gets `down` back on a connection of its own. `extraMiB` is what the issue grants. */
function cases() {
  const reply = longest((firstBatch) => ({ cursor: { firstBatch, id: 0n, ns: 'bench.blobs' }, ok: 1 }), 2)
  reply.writeInt32LE(1, 8)
  okReply.writeInt32LE(1, 8)
  const insert = longest((documents) => ({ insert: 'blobs', documents, $db: 'bench' }), 1)
  const lie = liar()
  return [
    { name: '48 MB reply', up: findRequest, down: reply, extraMiB: 2, command: 'find' },
    { name: '48 MB reply, slow reader', up: findRequest, down: reply, extraMiB: 2, command: 'find', isSlow: true },
    { name: '48 MB insert', up: insert, down: okReply, extraMiB: 2, command: 'insert' },
    { name: '100 MiB reply, false 2 GiB length', up: findRequest, down: lie, extraMiB: 1 },
    { name: '100 MiB request, false 2 GiB length', up: lie, down: okReply, extraMiB: 1 },
  ]
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

/** Passes one case through a proxy once. @returns the peak of the process meanwhile */
async function passOnce(one, port, pid, state) {
  state.current = one
  resetPeak(pid)
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.write(one.up)
  const down = await hashOf(socket, one.down.length, one.isSlow)
  const up = await state.hash
  socket.destroy()
  state.current = undefined
  if (up !== one.upHash || down !== one.downHash) throw new Error(`${one.name}: the bytes differ at the two ends`)
  return memoryOf(pid, 'VmHWM')
}

/** Small requests, one after the other, so that code is compiled and the heap has its everyday size. */
async function warmUp(port, times) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  for (let i = 0; i < times; i++) {
    socket.write(findRequest)
    await once(socket, 'data')
  }
  socket.destroy()
  await sleep(500)
}

/** A fresh process per case: what one case left in the heap must not hide the next. @returns peaks above the size at rest */
async function measure(target, one, upstream) {
  const ports = { listen: await freePort(), admin: await freePort(), upstream: upstream.port }
  const started = start(target.argv(ports, [process.execPath]), { logFile: `${CACHE}${target.name}-large.log` })
  await untilAnswered(ports.listen, helloRequest(), started)
  await warmUp(ports.listen, options.smoke ? 100 : 3_000)
  const rest = memoryOf(started.pid, 'VmRSS')
  const peaks = []
  for (let i = 0; i < repeats; i++) peaks.push((await passOnce(one, ports.listen, started.pid, upstream.state)) - rest)
  if (target.mustDecode && one.command !== undefined) await expectCounted(ports, one.command, repeats)
  await stop(started)
  return spread(peaks.map((bytes) => bytes / MIB))
}

/** The warm-up's finds are counted too. */
async function expectCounted({ admin }, command, times) {
  const body = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text()
  const pattern = new RegExp(
    `^db_client_operation_duration_seconds_count\\{[^}]*"${command}",outcome="ok"\\} (\\d+)`,
    'm',
  )
  const counted = Number(pattern.exec(body)?.[1] ?? 0)
  if (counted < times) throw new Error(`oplens counted ${counted} of ${times} ${command} operations as ok`)
}

async function main() {
  mkdirSync(CACHE, { recursive: true })
  const upstream = await startUpstream()
  const [pipe, oplens] = ['pipe', 'oplens-mongodb'].map((name) =>
    targets({ haproxy: {}, envoy: {} }, options.oplens).find((target) => target.name === name),
  )
  const rows = [['case', 'pipe, peak MiB', 'oplens, peak MiB', 'extra MiB', 'granted', 'kept']]
  for (const one of cases()) {
    one.upHash = sha256(one.up)
    one.downHash = sha256(one.down)
    const ofPipe = await measure(pipe, one, upstream)
    const ours = await measure(oplens, one, upstream)
    const extra = ours.median - ofPipe.median
    const isKept = extra < one.extraMiB
    if (!isKept && !options.smoke) process.exitCode = 1
    rows.push([
      one.name,
      withSpread(ofPipe),
      withSpread(ours),
      extra.toFixed(1),
      `< ${one.extraMiB}`,
      isKept ? 'yes' : 'NO',
    ])
  }
  console.log(markdownTable(rows))
}

main()
  .catch((error) => {
    console.error(`large-reply: ${error.stack}`)
    process.exitCode = 1
  })
  .finally(stopAll)
