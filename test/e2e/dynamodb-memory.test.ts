// Large messages through oplens, and how much of them it holds: client and database are another process, so that this one is oplens.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { startProxy, type TestProxy, total } from '../support/proxy.js'

const MIB = 1_048_576
const GRANTED = 2 * MIB
const MAX_POLLS = 2_000
/** A collection takes a tenth of a second. */
const MAX_SAMPLES = 6
const PEERS = fileURLToPath(new URL('../support/big-peers.mjs', import.meta.url))

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/**
 * What a full collection leaves: objects, and the bytes of Buffers, those in a socket's queue among them. Twice, for the first one's
 * dead Buffers are given back by another thread: the second waits for that.
 */
function held(): number {
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

interface Case {
  readonly name: string
  readonly requestBytes?: number
  readonly replyBytes?: number
  readonly isChunked?: boolean
  readonly isGzip?: boolean
  readonly slow?: 'client' | 'server'
}

const CASES: readonly Case[] = [
  { name: 'a request of 5 MB', requestBytes: 5e6 },
  { name: 'a request of 24 MB to a database that does not read', requestBytes: 24e6, slow: 'server' },
  { name: 'a reply of 16 MB', replyBytes: 16e6 },
  { name: 'a reply of 24 MB to a client that does not read', replyBytes: 24e6, slow: 'client' },
  { name: 'a chunked reply of 16 MB', replyBytes: 16e6, isChunked: true },
  { name: 'a compressed reply of 16 MB', replyBytes: 16e6, isGzip: true },
]

const pausedTimes = async (proxy: TestProxy) => total(await proxy.metrics(), 'oplens_downstream_reading_paused_total')

/** Passes it once. @returns the most that was held meanwhile, above what was held at rest */
async function pass(peers: ChildProcess, proxy: TestProxy, one: Case, isWatched: boolean) {
  const { name, ...sizes } = one
  peers.send({ port: proxy.port, requestBytes: 0, replyBytes: 0, isChunked: false, isGzip: false, slow: '', ...sizes })
  await once(peers, 'message')
  const pausedBefore = await pausedTimes(proxy)
  const atRest = held()
  let most = 0
  let samples = 0
  const sample = () => {
    if (isWatched && ++samples <= MAX_SAMPLES) most = Math.max(most, held() - atRest)
  }
  const end = once(peers, 'message') as Promise<[{ same: boolean; documents: number }]>
  if (one.slow !== undefined) {
    // More than kernels keep for two sockets: both are full then, and nothing moves.
    for (let i = 0; i < MAX_POLLS && (await pausedTimes(proxy)) === pausedBefore; i++);
    sample()
    peers.send('go on')
  }
  // Nothing moves while it looks, so these come between reads however quick the transfer is.
  const sampler = setInterval(sample, 5)
  const [told] = await end
  clearInterval(sampler)
  const hasWaited = (await pausedTimes(proxy)) > pausedBefore
  return { ...told, most, samples, hasWaited }
}

t.test('large messages pass as they are, and less than 2 MiB of them is held', async (t) => {
  const peers = fork(PEERS)
  t.teardown(() => peers.kill('SIGKILL'))
  const [{ address }] = (await once(peers, 'message')) as [{ address: string }]
  const proxy = await startProxy(address, { protocol: 'dynamodb' })
  t.teardown(() => proxy.close())
  let documents = 0
  // Once before: code is compiled and buffers are there.
  for (const round of ['first', 'second']) {
    for (const one of CASES) {
      const result = await pass(peers, proxy, one, round === 'second')
      documents += result.documents
      t.ok(result.same, `${round}: ${one.name}: the same bytes came`)
      if (one.slow !== undefined) t.ok(result.hasWaited, 'the other side was told to wait')
      if (round === 'first') continue
      t.ok(result.samples > 0, `${result.samples} samples`)
      t.ok(result.most < GRANTED, `${one.name}: ${(result.most / MIB).toFixed(2)} MiB were held`)
    }
  }
  const samples = await proxy.metrics()
  const scans = { db_operation_name: 'Scan', db_collection_name: 'users', outcome: 'ok' }
  t.equal(total(samples, 'db_client_operation_duration_seconds_count', scans), 2 * CASES.length)
  t.equal(total(samples, 'oplens_operation_documents_returned_total'), documents, 'each item was counted')
  t.equal(total(samples, 'oplens_decode_errors_total'), 0)
})
