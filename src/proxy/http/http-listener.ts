import type { Clock, Timer } from '../../core/clock.js'
import type { HttpCodec, HttpSigner } from '../../core/http.js'
import type { Logger } from '../../core/logger.js'
import type { Hub } from '../../core/observer.js'
import { ListenerStats } from '../../core/stats.js'
import type { Cluster, Host, HostSet } from '../../core/upstream.js'
import type { ListenerConfig } from '../config.js'
import { LogLimiter } from '../log-limiter.js'
import { ProxyListener } from '../proxy-listener.js'
import { type HttpConfig, httpSchema } from './config.js'
import { HttpConnection, type HttpConnectionDeps } from './http-connection.js'
import { HttpLog } from './http-log.js'
import { DEFAULT_LIMITS } from './limits.js'
import { UpstreamPool } from './upstream-pool.js'

export interface HttpListenerDeps {
  readonly codec: HttpCodec
  /** For requests that are not of that protocol. */
  readonly plain: HttpCodec
  readonly signer: HttpSigner | undefined
  /** Asked for each request, so that a replaced cluster takes effect at once. */
  readonly findCluster: (name: string) => Cluster | undefined
  readonly nextConnectionId: () => number
  readonly hub: Hub
  readonly clock: Clock
  readonly logger: Logger
}

/** Timeouts are looked at this often: no timer for each request, and none is later than this. */
const MAX_TICK_MS = 1_000
const MIN_TICK_MS = 20

/** @throws OplensError OPL_TLS when certificate files are unusable */
export function createHttpListener(config: ListenerConfig, deps: HttpListenerDeps): ProxyListener {
  const { nextConnectionId, hub, clock, logger, findCluster, signer } = deps
  const http = config.http ?? httpSchema.parse({})
  const limits = { ...DEFAULT_LIMITS, maxHeadBytes: http.max_head, maxFields: http.max_fields }
  const pool = new UpstreamPool(poolLimits(http), limits)
  const stats = new ListenerStats()
  const logLimiter = new LogLimiter(clock)
  const connections = new Set<HttpConnection>()
  const shared: HttpConnectionDeps = {
    ...deps,
    pool,
    limits,
    hostField: http.host === undefined ? undefined : { drop: ['host'], add: [['Host', http.host]] },
    timeouts: timeoutsOf(http, config),
    // The place of routing: one cluster for all requests so far.
    route: () => findCluster(config.cluster),
    stats,
    logLimiter,
    log: new HttpLog(logger, logLimiter),
    onClosed(connection) {
      connections.delete(connection)
      listener.connectionEnded(connection)
    },
  }
  const watch = new Watch(tickOf(http, config), clock, (nowMs) => {
    for (const connection of connections) connection.check(nowMs)
    pool.sweep(nowMs, inUse(findCluster(config.cluster)?.hosts))
  })
  const listener = new ProxyListener(config, {
    ...shared,
    nextConnectionId,
    hub,
    logger,
    ...(signer === undefined ? {} : { admits: (address) => signer.allows(plainAddress(address)) }),
    open(info, socket) {
      const connection = new HttpConnection(info, socket, shared)
      connections.add(connection)
      return connection
    },
    onListening: () => watch.start(),
    onDrained() {
      watch.stop()
      pool.close()
    },
  })
  return listener
}

/** Hosts that balancers choose from: with nobody known to be usable, all. */
const inUse = (hosts: HostSet | undefined): readonly Host[] =>
  hosts === undefined ? [] : hosts.usable.length === 0 ? hosts.all : hosts.usable

const poolLimits = (http: HttpConfig) => ({
  idleTimeoutMs: http.upstream_idle_timeout,
  maxIdle: http.max_idle_connections,
  maxRequests: http.max_requests_per_connection,
})

const timeoutsOf = (http: HttpConfig, { idle_timeout: idleMs }: ListenerConfig) => ({
  headMs: http.head_timeout,
  requestMs: http.request_timeout,
  streamIdleMs: http.stream_idle_timeout,
  idleMs,
})

/** A tenth of the shortest timeout: late by no more than that. */
function tickOf(http: HttpConfig, { idle_timeout: idleMs }: ListenerConfig): number {
  const { head_timeout, request_timeout, stream_idle_timeout, upstream_idle_timeout } = http
  const set = [head_timeout, request_timeout, stream_idle_timeout, upstream_idle_timeout, idleMs].filter((ms) => ms > 0)
  return Math.max(MIN_TICK_MS, Math.min(MAX_TICK_MS, ...set.map((ms) => ms / 10)))
}

/** An IPv4 client of a socket that takes both families, as people write it. '' for one that is gone. */
const plainAddress = (address: string | undefined): string => (address ?? '').replace(/^::ffff:(?=\d+\.)/, '')

/** Runs again and again while it is on. */
class Watch {
  readonly #everyMs: number
  readonly #clock: Clock
  readonly #run: (nowMs: number) => void
  #timer: Timer | undefined = undefined

  constructor(everyMs: number, clock: Clock, run: (nowMs: number) => void) {
    this.#everyMs = everyMs
    this.#clock = clock
    this.#run = run
  }

  start(): void {
    this.#timer = this.#clock.after(this.#everyMs, () => {
      this.start()
      this.#run(this.#clock.now())
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
