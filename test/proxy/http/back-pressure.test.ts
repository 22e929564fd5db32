import { once } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { dial, StreamHash, startStub } from '../../support/stub-tcp.js'
import { answering, get, ok, onStage, stuckBetweenReplies, turns, until } from './stage.js'

const MIB = 1_048_576
const TOTAL = 64 * MIB
/** What may stand in a socket's buffer: one read, and what it held before it said enough. */
const MAX_BUFFERED = 256 * 1_024

/** Bytes that differ all along, so that none can stand for another. */
function pattern(at: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i + 4 <= length; i += 4) bytes.writeUInt32LE(Math.imul(at + i, 2_654_435_761) >>> 0, i)
  for (let i = length - (length % 4); i < length; i++) bytes[i] = i
  return bytes
}

/** Writes `before` and so many bytes behind it, as fast as they are taken. */
async function pour(socket: Socket, before: string, total: number): Promise<string> {
  const hash = new StreamHash()
  const write = async (piece: Buffer) => {
    hash.add(piece)
    if (!socket.write(piece)) await once(socket, 'drain')
  }
  await write(Buffer.from(before))
  for (let at = 0; at < total; at += 60_000) await write(pattern(at, Math.min(total - at, 60_000)))
  return hash.digest()
}

/** Reads so much behind the head, and stops for some turns of the loop now and then. */
function drink(socket: Socket, total: number): Promise<string> {
  const hash = new StreamHash()
  let head = ''
  let chunks = 0
  return new Promise((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      let body = chunk
      if (!head.endsWith('\r\n\r\n')) {
        const text = head + chunk.toString('latin1')
        const end = text.indexOf('\r\n\r\n') + 4
        body = end < 4 ? Buffer.alloc(0) : chunk.subarray(end - head.length)
        head = end < 4 ? text : text.slice(0, end)
      }
      // Not what ends the body.
      hash.add(body.subarray(0, total - hash.byteCount))
      if (hash.byteCount >= total) return resolve(hash.digest())
      if (++chunks % 40 !== 0) return undefined
      socket.pause()
      void turns(5).then(() => socket.resume())
      return undefined
    })
  })
}

/** The largest buffer of any socket of the process that `run` saw, other than `own`. */
async function largestBuffer<T>(own: readonly Socket[], run: Promise<T>): Promise<readonly [T, number]> {
  let largest = 0
  let isOver = false
  void run.finally(() => {
    isOver = true
  })
  while (!isOver) {
    for (const handle of (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles()) {
      const socket = handle as Socket
      if (!own.includes(socket)) largest = Math.max(largest, socket.writableLength ?? 0)
    }
    await turns(1)
  }
  return [await run, largest]
}

const bodies = [
  ['of a known length', `Content-Length: ${TOTAL}\r\n`, '', ''],
  ['in one chunk', 'Transfer-Encoding: chunked\r\n', `${TOTAL.toString(16)}\r\n`, '\r\n0\r\n\r\n'],
] as const

for (const [name, field, before, after] of bodies) {
  void t.test(`64 MiB ${name} to an upstream that reads slowly: bounded, and every byte right`, async (t) => {
    const stub = await startStub(() => undefined)
    await onStage({ hosts: [stub.address] }, async (t, { port, listener, hub }) => {
      const client = await dial({ port })
      client.write(`PUT / HTTP/1.1\r\nHost: a\r\n${field}\r\n`)
      const there = await stub.socket(0)
      const came = drink(there, before.length + TOTAL)
      const [sent, largest] = await largestBuffer([client], pour(client, before, TOTAL))
      client.write(after)
      t.equal(await came, sent)
      t.ok(largest < MAX_BUFFERED, `${largest} bytes waited at most`)
      t.ok(listener.stats.readingPaused > 0)
      there.write(ok())
      await until(() => hub.ended.length === 1)
      t.ok((hub.ended[0]?.requestBytes ?? 0) > TOTAL)
      client.destroy()
      there.destroy()
    })(t)
    await stub.close()
  })

  void t.test(`64 MiB ${name} to a client that reads slowly: bounded, and every byte right`, async (t) => {
    const stub = await startStub(() => undefined)
    await onStage({ hosts: [stub.address] }, async (t, { port, listener, hub, host }) => {
      const client = await dial({ port })
      client.write(get())
      const there = await stub.socket(0)
      there.write(`HTTP/1.1 200 OK\r\n${field}\r\n`)
      const came = drink(client, before.length + TOTAL)
      const [sent, largest] = await largestBuffer([there], pour(there, before, TOTAL))
      there.write(after)
      t.equal(await came, sent)
      t.ok(largest < MAX_BUFFERED, `${largest} bytes waited at most`)
      t.ok(listener.stats.readingPaused > 0)
      await until(() => hub.ended.length === 1)
      t.equal(hub.ended[0]?.outcome?.kind, 'ok')
      t.equal(host().connectionsIdle, 1)
      client.destroy()
      there.destroy()
    })(t)
    await stub.close()
  })
}

/** In one read of a buffer that has grown: the client is stuck between two of them. */
const BODY_BYTES = 8_000
const bodyOf = (target = ''): string => target.repeat(BODY_BYTES).slice(0, BODY_BYTES)

void t.test(
  'bytes that a slow client has not taken stay as they are while their connection serves another client',
  onStage({ serve: answering((request) => ok(bodyOf(/^\S+ (\S+)/.exec(request)?.[1]))) }, async (t, stage) => {
    const { client, upstream, host, hub } = stage
    const [slow, other] = [await client(), await client()]
    slow.socket.pause()
    const targets = Array.from({ length: 3_000 }, (_, i) => `/${i}`)
    slow.write(targets.map((target) => get(target)).join(''))
    await stuckBetweenReplies(stage, slow)
    t.ok(hub.ended.length < 3_000, 'it is stuck')
    t.equal(host().connectionsIdle, 1, 'and the connection of its last reply waits')
    for (let i = 0; i < 50; i++) {
      other.write(get('/other'))
      t.equal((await other.takeMessage()).slice(-BODY_BYTES), bodyOf('/other'))
    }
    t.equal(upstream.count, 1, 'all of that on one connection')
    slow.socket.resume()
    const wrong: string[] = []
    for (const target of targets) if ((await slow.takeMessage()) !== ok(bodyOf(target))) wrong.push(target)
    t.strictSame(wrong, [], 'every byte is its own')
  }),
)
