import type { Test } from 'tap'
import { http } from '../../../src/codecs/http/index.js'
import type { Clock } from '../../../src/core/clock.js'
import type { HttpCodec, HttpSigner } from '../../../src/core/http.js'
import type { HostStats } from '../../../src/core/stats.js'
import { listenerSchema } from '../../../src/proxy/config.js'
import { createHttpListener } from '../../../src/proxy/http/http-listener.js'
import type { ProxyListener } from '../../../src/proxy/proxy-listener.js'
import { createClusterManager, type ManagedCluster } from '../../../src/upstream/cluster-manager.js'
import { clusterSchema } from '../../../src/upstream/config.js'
import { FakeClock } from '../../support/fake-clock.js'
import { RecordingHub, RecordingLogger } from '../harness.js'
import { dialPeer, Peer, startUpstream, turns, type Upstream, until } from './peer.js'

/** `GET ok 200 12/34` for each exchange that ended: command, outcome, status, bytes of request and reply. */
export const told = ({ ended }: RecordingHub): readonly string[] =>
  ended.map(({ operation, outcome, status, requestBytes, replyBytes }) => {
    const by = outcome?.by === '' ? '' : ` by ${outcome?.by}`
    return `${operation.command} ${outcome?.kind}${by} ${status} ${requestBytes}/${replyBytes}`
  })

export interface StageWant {
  /** Default: one upstream, played by hand. */
  readonly hosts?: readonly string[] | undefined
  readonly protocol?: 'http' | 'dynamodb'
  readonly listener?: Record<string, unknown>
  readonly http?: Record<string, unknown>
  readonly cluster?: Record<string, unknown>
  readonly codec?: HttpCodec
  readonly signer?: HttpSigner
  /** Plays each connection of the upstream. */
  readonly serve?: (peer: Peer) => unknown
  /** The listener names a cluster that there is not. */
  readonly hasNoCluster?: boolean
}

export interface Stage {
  readonly listener: ProxyListener
  readonly cluster: ManagedCluster
  readonly hub: RecordingHub
  readonly logger: RecordingLogger
  readonly clock: FakeClock
  readonly port: number
  readonly upstream: Upstream
  client(): Promise<Peer>
  host(index?: number): HostStats
  /** Time passes in steps that the proxy looks at, with turns of the loop between. */
  pass(ms: number, stepMs?: number): Promise<void>
  drain(deadlineMs: number): Promise<{ readonly cut: number }>
}

/**
 * A listener for HTTP in front of raw TCP, for one test. When the test is done everything is drained, and every book has to be
 * balanced: no exchange, request, operation or connection is left, and each exchange was told of once.
 */
export const onStage =
  (want: StageWant, play: (t: Test, stage: Stage) => Promise<void>) =>
  async (t: Test): Promise<void> => {
    const upstream = await startUpstream(want.serve)
    const clients: Peer[] = []
    let stage: Stage | undefined
    try {
      stage = await openStage(want, upstream, clients)
      await play(t, stage)
    } finally {
      for (const { socket } of clients) socket.destroy()
      await upstream.close()
      if (stage !== undefined) await close(stage)
    }
    checkBooks(t, stage as Stage)
  }

async function openStage(want: StageWant, upstream: Upstream, clients: Peer[]): Promise<Stage> {
  const { protocol = 'http' } = want
  const hosts = 'hosts' in want ? want.hosts : [upstream.address]
  const hub = new RecordingHub()
  const logger = new RecordingLogger()
  const clock = new FakeClock()
  const manager = createClusterManager([clusterSchema.parse({ name: 'shop', hosts, ...want.cluster })], {
    clock: clock satisfies Clock,
    random: () => 0,
    logger,
    resolve: () => Promise.reject(new Error('nobody knows this name')),
  })
  const config = listenerSchema.parse({
    name: 'front',
    address: '127.0.0.1:0',
    protocol,
    cluster: want.hasNoCluster === true ? 'nowhere' : 'shop',
    http: want.http ?? {},
    ...want.listener,
  })
  const plain = http.createCodec({})
  let id = 0
  const listener = createHttpListener(config, {
    codec: want.codec ?? plain,
    plain,
    signer: want.signer,
    findCluster: (name) => manager.get(name),
    nextConnectionId: () => ++id,
    hub,
    clock,
    logger,
  })
  await listener.listen()
  const { address } = listener
  const port = address?.kind === 'tcp' ? address.port : 0
  const cluster = manager.get('shop') as ManagedCluster
  return {
    listener,
    cluster,
    hub,
    logger,
    clock,
    port,
    upstream,
    async client() {
      const peer = await dialPeer(port)
      clients.push(peer)
      return peer
    },
    host: (index = 0) => (cluster.hosts.all[index] as { stats: HostStats }).stats,
    async pass(ms, stepMs = 1_000) {
      for (let left = ms; left > 0; left -= stepMs) {
        await turns(3)
        clock.advance(Math.min(stepMs, left))
      }
      await turns(3)
    },
    drain: (deadlineMs) => listener.drain(deadlineMs),
  }
}

async function close({ listener, clock, cluster }: Stage): Promise<void> {
  const draining = listener.drain(0)
  clock.advance(1)
  await draining
  await until(() => cluster.stats.connectionsActive === 0, 'all connections to hosts closed')
}

function checkBooks(t: Test, { listener, cluster, hub }: Stage): void {
  const { requestsActive, retriesActive, connectionsActive, connectsPending } = cluster.stats
  t.strictSame(
    { requestsActive, retriesActive, connectionsActive, connectsPending },
    { requestsActive: 0, retriesActive: 0, connectionsActive: 0, connectsPending: 0 },
    'nothing is left on the cluster',
  )
  for (const { name, stats } of cluster.hosts.all) {
    const { operationsActive, connectionsActive: active, connectionsIdle, connectsPending: pending } = stats
    const left = { operationsActive, active, connectionsIdle, pending }
    t.strictSame(left, { operationsActive: 0, active: 0, connectionsIdle: 0, pending: 0 }, `nothing is left on ${name}`)
  }
  t.equal(listener.stats.connectionsActive, 0, 'no client connection is left')
  t.strictSame(hub.ended.length, hub.started.length, 'every exchange that started ended')
  t.equal(new Set(hub.ended).size, hub.ended.length, 'and none twice')
  t.ok(
    hub.ended.every((exchange) => hub.started.includes(exchange)),
    'and none that had not started',
  )
  t.equal(
    hub.lines.filter((line) => line === 'opened').length,
    hub.closed.length,
    'every connection that opened closed, once',
  )
}

/** A server that answers each request with what `answer` makes of it; a request has a body by its length alone. */
export const answering =
  (answer: (request: string) => string) =>
  async (peer: Peer): Promise<void> => {
    for (;;) peer.write(answer(await peer.takeMessage()))
  }

export const ok = (body = '', fields = ''): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`

export const get = (target = '/', fields = ''): string => `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`

export const put = (target: string, body: string, fields = ''): string =>
  `PUT ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`

export const post = (target: string, body: string, fields = ''): string =>
  put(target, body, fields).replace('PUT', 'POST')

export { Peer, turns, until }

/**
 * A client that sends ahead and reads nothing, until it is stuck between two replies. Where in a reply the sockets are full differs
 * from Node to Node: then it takes a little, and is stuck again.
 */
export async function stuckBetweenReplies({ hub }: Stage, { socket }: Peer): Promise<void> {
  for (;;) {
    for (let before = -1; before !== hub.ended.length; await turns(50)) before = hub.ended.length
    if (hub.started.length === hub.ended.length) return
    socket.resume()
    await turns(1)
    socket.pause()
  }
}
