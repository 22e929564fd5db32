import t from 'tap'
import { randomCut } from '../../support/cuts.js'
import { seededRandom } from '../../support/seeded-random.js'
import { refusedPort } from '../../support/stub-tcp.js'
import { startUpstream, type Upstream } from './peer.js'
import { onStage, type Peer, turns } from './stage.js'

const SEED = Number(process.env.SOAK_SEED ?? 20_261_126)
const CLIENTS = 24
const SOAK_MS = 6_000

type Random = () => number
const upTo = (random: Random, max: number): number => Math.floor(random() * (max + 1))

/** `3\r\nabc\r\n`…, in chunks of random length. */
function chunked(body: string, random: Random): string {
  let out = ''
  for (let at = 0; at < body.length; ) {
    const length = 1 + upTo(random, Math.min(5_000, body.length - at) - 1)
    out += `${length.toString(16)}${random() < 0.1 ? ';a="b"' : ''}\r\n${body.slice(at, at + length)}\r\n`
    at += length
  }
  return `${out}0\r\n${random() < 0.2 ? 'X-Sum: 1\r\n' : ''}\r\n`
}

function framed(start: string, body: string, random: Random): string {
  return random() < 0.5
    ? `${start}Content-Length: ${body.length}\r\n\r\n${body}`
    : `${start}Transfer-Encoding: chunked\r\n\r\n${chunked(body, random)}`
}

const sizeOf = (random: Random): number => (random() < 0.05 ? upTo(random, 200_000) : upTo(random, 300))

/** A message with its body taken out of its framing. */
async function takeMessage(peer: Peer): Promise<{ readonly head: string; readonly body: string }> {
  const head = await peer.takeHead()
  const length = /^content-length: *(\d+)/im.exec(head)?.[1]
  if (length !== undefined) return { head, body: await peer.take(Number(length)) }
  let body = ''
  if (!/^transfer-encoding/im.test(head)) return { head, body }
  for (;;) {
    const size = Number.parseInt(await takeLine(peer), 16)
    if (size === 0) break
    body += await peer.take(size)
    await peer.take(2)
  }
  while ((await takeLine(peer)) !== '') {}
  return { head, body }
}

async function takeLine(peer: Peer): Promise<string> {
  await peer.until(() => peer.text.includes('\r\n'), 'a line')
  return (await peer.take(peer.text.indexOf('\r\n') + 2)).slice(0, -2)
}

/** Answers each request with its nonce and its body's length; leaves now and then, in any phase. */
const serving = (random: Random, seen: Map<string, number>) => async (peer: Peer) => {
  for (;;) {
    const { head, body } = await takeMessage(peer)
    const nonce = /^\S+ \/(\S+)/.exec(head)?.[1] ?? ''
    seen.set(nonce, (seen.get(nonce) ?? 0) + 1)
    const fate = random()
    if (fate < 0.01) return peer.reset()
    const close = fate < 0.05 ? 'Connection: close\r\n' : ''
    const reply = Buffer.from(
      framed(
        `HTTP/1.1 200 OK\r\nX-Nonce: ${nonce}\r\n${close}`,
        `${nonce} ${body.length} ${'r'.repeat(sizeOf(random))}`,
        random,
      ),
    )
    if (fate > 0.99) {
      peer.write(reply.subarray(0, upTo(random, reply.length - 1)))
      await turns(1)
      return peer.reset()
    }
    if (random() < 0.1 && reply.length < 20_000) await peer.writeCut(randomCut(reply, random))
    else peer.write(reply)
    if (close !== '' || fate > 0.97) return peer.end()
  }
}

interface Tally {
  good: number
  unavailable: number
  cut: number
  readonly wrong: string[]
}

/** Connects, sends a batch ahead in random cuts, and looks at each reply; again and again. */
async function client(connect: () => Promise<Peer>, name: string, random: Random, tally: Tally, isOver: () => boolean) {
  let serial = 0
  while (!isOver()) {
    const peer = await connect()
    for (let isStanding = true; isStanding && !isOver(); ) {
      const batch = Array.from({ length: 1 + upTo(random, 6) }, () => {
        const nonce = `${name}.${serial++}`
        const body = random() < 0.5 ? '' : 'q'.repeat(sizeOf(random))
        const method = body === '' ? 'GET' : random() < 0.5 ? 'PUT' : 'POST'
        const start = `${method} /${nonce} HTTP/1.1\r\nHost: a\r\n`
        return { nonce, body, bytes: body === '' ? `${start}\r\n` : framed(start, body, random) }
      })
      const sent = Buffer.from(batch.map(({ bytes }) => bytes).join(''))
      const isCut = random() < 0.5 && sent.length < 20_000
      const [, isGood] = await Promise.all([
        isCut ? peer.writeCut(randomCut(sent, random)) : peer.write(sent),
        hear(peer, batch, tally),
      ])
      isStanding = isGood
    }
    peer.socket.destroy()
  }
}

/** @returns false when the connection is over */
async function hear(peer: Peer, batch: readonly { nonce: string; body: string }[], tally: Tally): Promise<boolean> {
  for (const { nonce, body } of batch) {
    try {
      const reply = await takeMessage(peer)
      if (reply.head.startsWith('HTTP/1.1 503')) tally.unavailable++
      else if (reply.head.includes(`X-Nonce: ${nonce}\r\n`) && reply.body.startsWith(`${nonce} ${body.length} `))
        tally.good++
      else tally.wrong.push(`${nonce} got ${JSON.stringify(reply.head)}`)
      if (/^connection: close/im.test(reply.head)) return false
    } catch (error) {
      // Cut off, visibly: the only other thing that may happen.
      if (peer.ended === '') tally.wrong.push(`${nonce}: ${String(error)}`)
      tally.cut++
      return false
    }
  }
  return true
}

void t.test(`every reply carries its request's nonce, whatever breaks (SOAK_SEED=${SEED})`, async (t) => {
  const random = seededRandom(SEED)
  const seen = new Map<string, number>()
  const upstreams: Upstream[] = [await startUpstream(serving(random, seen)), await startUpstream(serving(random, seen))]
  const hosts = [...upstreams.map(({ address }) => address), `127.0.0.1:${await refusedPort()}`]
  const tally: Tally = { good: 0, unavailable: 0, cut: 0, wrong: [] }
  await onStage({ hosts, http: { max_requests_per_connection: 50 } }, async (t, { client: connect, hub }) => {
    const untilMs = performance.now() + SOAK_MS
    const isOver = () => performance.now() > untilMs
    const running = Array.from({ length: CLIENTS }, (_, i) =>
      client(connect, `c${i}`, seededRandom(SEED + 1 + i), tally, isOver),
    )
    await Promise.all(running)
    t.strictSame(tally.wrong, [])
    t.ok(tally.good > 100, `${tally.good} good, ${tally.unavailable} unavailable, ${tally.cut} cut`)
    t.ok(tally.good > 10 * (tally.unavailable + tally.cut))
    t.ok(hub.ended.length >= tally.good)
    const twice = [...seen].filter(([, count]) => count > 1)
    t.ok(
      twice.every(([, count]) => count === 2),
      'nothing came more than twice',
    )
  })(t)
  await Promise.all(upstreams.map((upstream) => upstream.close()))
})
