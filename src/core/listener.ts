import type { ListenerStats } from './stats.js'
import type { Address } from './upstream.js'

export interface DrainResult {
  /** Connections that had to be cut at the deadline with operations in flight. */
  readonly cut: number
}

export interface Listener {
  readonly name: string
  readonly protocol: string
  readonly cluster: string
  readonly stats: ListenerStats
  /** The address bound (port 0 resolved); defined once `listen` is done. */
  readonly address: Address | undefined
  /** @throws when the address can't be bound; the message names it and the reason */
  listen(): Promise<void>
  /** Stop accepting, let operations in flight end, close idle connections at once and monitors last, cut the rest at the deadline. */
  drain(deadlineMs: number): Promise<DrainResult>
}
