import { UpstreamError } from '../../core/errors.js'
import type { Cluster, Host, UpstreamConnection } from '../../core/upstream.js'
import { SocketReader } from '../socket-reader.js'
import type { HttpLimits } from './limits.js'
import { type ConnectionKeeper, UpstreamHttp } from './upstream-connection.js'

export interface PoolLimits {
  readonly idleTimeoutMs: number
  /** Of each host. */
  readonly maxIdle: number
  /** A connection is closed after so many requests; 0 is off. */
  readonly maxRequests: number
}

/**
 * Connections to upstreams between two requests. The one that rested last is taken first, so that those there are too many of
 * come of age and go.
 */
export class UpstreamPool implements ConnectionKeeper {
  readonly #limits: PoolLimits
  readonly #httpLimits: HttpLimits
  readonly #idle = new Map<Host, UpstreamHttp[]>()
  #isClosed = false

  constructor(limits: PoolLimits, httpLimits: HttpLimits) {
    this.#limits = limits
    this.#httpLimits = httpLimits
  }

  /** A connection to that host that rests; undefined when one has to be dialled. */
  take(host: Host): UpstreamHttp | undefined {
    return this.#idle.get(host)?.pop()
  }

  /**
   * A new connection: to `first`, when the balancer has chosen already, and then to others, up to `max_connect_attempts` hosts.
   * @throws UpstreamError as `Cluster.connect`
   */
  async dial(cluster: Cluster, first: Host | undefined, signal: AbortSignal): Promise<UpstreamHttp> {
    const discovery = cluster.whenDiscovered(signal)
    if (discovery !== undefined) await discovery
    const failed = new Set<Host>()
    let failure: UpstreamError | undefined
    for (let attempt = 1; attempt <= cluster.maxConnectAttempts; attempt++) {
      const host = attempt === 1 && first !== undefined ? first : cluster.choose(attempt === 1 ? {} : { not: failed })
      if (host === undefined) break
      const reader = new SocketReader()
      const result = await connectTo(cluster, host, reader, signal)
      if (!(result instanceof UpstreamError)) {
        const connection = new UpstreamHttp(result, reader, this.#httpLimits, this)
        if (!connection.isGone) return connection
        failure = new UpstreamError('connect_failed', host.name, `${host.name} closed the connection at once`)
      } else failure = result
      // A breaker of the whole cluster says no to every host.
      if (failure.failure === 'aborted' || (failure.failure === 'overflow' && failure.host === '')) break
      failed.add(host)
    }
    throw failure ?? new UpstreamError('no_usable_host', '', `Cluster ${cluster.name} has no usable host`)
  }

  /** Its request is over. Kept when it may carry another. */
  giveBack(connection: UpstreamHttp, isReusable: boolean, nowMs: number): void {
    const { maxIdle, maxRequests } = this.#limits
    const idle = this.#idle.get(connection.host) ?? []
    const isWornOut = maxRequests > 0 && connection.served + 1 >= maxRequests
    if (this.#isClosed || !isReusable || !connection.isClean || isWornOut || idle.length >= maxIdle) {
      connection.destroy()
      return
    }
    connection.rest(nowMs)
    idle.push(connection)
    if (idle.length === 1) this.#idle.set(connection.host, idle)
  }

  idleGone(connection: UpstreamHttp): void {
    const idle = this.#idle.get(connection.host)
    const at = idle?.indexOf(connection) ?? -1
    if (at >= 0) idle?.splice(at, 1)
  }

  /** Now and then: closes what has rested too long, and what goes to hosts that are `usable` no more. */
  sweep(nowMs: number, usable: readonly Host[]): void {
    for (const [host, idle] of this.#idle) {
      const isLeft = !usable.includes(host)
      const stays = idle.filter((connection) => {
        const restMs = nowMs - connection.idleSinceMs
        const isOld = restMs >= Math.min(this.#limits.idleTimeoutMs, connection.keptForMs)
        if (isLeft || isOld) connection.destroy()
        return !isLeft && !isOld
      })
      if (stays.length === 0) this.#idle.delete(host)
      else if (stays.length < idle.length) this.#idle.set(host, stays)
    }
  }

  /** Nothing rests from now on. */
  close(): void {
    this.#isClosed = true
    for (const idle of this.#idle.values()) for (const connection of idle) connection.destroy()
    this.#idle.clear()
  }
}

async function connectTo(
  cluster: Cluster,
  host: Host,
  onRead: SocketReader,
  signal: AbortSignal,
): Promise<UpstreamConnection | UpstreamError> {
  try {
    return await cluster.connect({ signal, onRead, target: { kind: 'host', host } })
  } catch (error) {
    if (error instanceof UpstreamError) return error
    throw error
  }
}
