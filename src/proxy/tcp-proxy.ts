import type { Clock } from '../core/clock.js'
import type { Rewrite, TcpCodec } from '../core/codec.js'
import type { Logger } from '../core/logger.js'
import type { Hub } from '../core/observer.js'
import { ListenerStats } from '../core/stats.js'
import type { Cluster, Target } from '../core/upstream.js'
import type { ListenerConfig } from './config.js'
import { LogLimiter } from './log-limiter.js'
import { ProxyListener } from './proxy-listener.js'
import { TcpConnection, type TcpConnectionDeps } from './tcp-connection.js'

export interface TcpListenerDeps {
  /** Undefined: bytes pass undecoded (`protocol: tcp`). */
  readonly codec: TcpCodec | undefined
  /** Asked for each connection, so that a replaced cluster takes effect at once. */
  readonly findCluster: (name: string) => Cluster | undefined
  /** Default: any host. */
  readonly target?: Target
  /** Replies that name members are led through the proxy. */
  readonly rewrite?: Rewrite
  /** What a first connection waits for; undefined when there is nothing (any more). */
  readonly whenReady?: () => Promise<void> | undefined
  readonly nextConnectionId: () => number
  readonly hub: Hub
  readonly clock: Clock
  readonly logger: Logger
}

/** @throws OplensError OPL_TLS when certificate files are unusable */
export function createTcpListener(config: ListenerConfig, deps: TcpListenerDeps): ProxyListener {
  const { nextConnectionId, hub, clock, logger } = deps
  const stats = new ListenerStats()
  const logLimiter = new LogLimiter(clock)
  const shared = shareDeps(config, deps, stats, logLimiter, (connection) => listener.connectionEnded(connection))
  const listener = new ProxyListener(config, {
    stats,
    nextConnectionId,
    hub,
    clock,
    logger,
    logLimiter,
    open: (info, socket) => new TcpConnection(info, socket, shared),
  })
  return listener
}

function shareDeps(
  config: ListenerConfig,
  deps: TcpListenerDeps,
  stats: ListenerStats,
  logLimiter: LogLimiter,
  onClosed: (connection: TcpConnection) => void,
): TcpConnectionDeps {
  const { codec, hub, clock, logger, findCluster, target = { kind: 'any' }, rewrite, whenReady } = deps
  const onMismatch = (host: string, me: string) => {
    findCluster(config.cluster)?.topology?.distrust(host, me)
  }
  return {
    findCluster: () => findCluster(config.cluster),
    target,
    whenReady: whenReady ?? (() => undefined),
    decoder: codec === undefined ? undefined : { codec, rewrite, onMismatch, hub, clock, logger, logLimiter },
    isRewriting: rewrite !== undefined,
    closeWhenUndecodable: config.on_decode_error === 'close',
    idleTimeoutMs: config.idle_timeout,
    canResetDownstream: config.tls === undefined && config.address.kind === 'tcp',
    stats,
    hub,
    clock,
    logger,
    logLimiter,
    onClosed,
  }
}
