import type { Clock, Timer } from '../core/clock.js'
import type { DrainResult } from '../core/listener.js'
import type { CloseReason } from '../core/observer.js'

/** What a drain asks of a connection. */
export interface Drainable {
  readonly isDecoded: boolean
  readonly inFlight: number
  readonly isMonitor: boolean
  readonly isClosing: boolean
  /** Bytes that were forwarded are still waiting for a slow reader. */
  readonly isFlushing: boolean
  finishWhenIdle(reason: CloseReason): void
  /** Not before another reply is out, if it is idle: its client may be sending just now. */
  finishAfterReply(reason: CloseReason): void
  cut(reason: CloseReason): void
}

export interface DrainManner {
  /** Of those that end in order. */
  readonly reason: CloseReason
  /**
   * A driver that loses its monitor takes the server for dead and gives up its whole pool. `last`: it should not, for it can't
   * come back. `first`: it should, for it comes back to another server, and a pool that is given up is not used for a retry. It
   * has a moment for that: an operation cut on a connection that was given up already is not tried again. (Node.js driver 7.9)
   */
  readonly monitors: 'first' | 'last'
}

/** Idle connections whose client neither speaks nor leaves in this time are ended. */
const GIVE_UP_MS = 100
const LEAVING: DrainManner = Object.freeze({ reason: 'drained', monitors: 'last' })

/**
 * Brings connections of a listener to their end, each as its last operation ends, the monitors before or after all others. At
 * the deadline the rest is cut; connections without a codec have until then, for nobody knows what they carry.
 */
export class Drain {
  readonly result: Promise<DrainResult>
  readonly #connections: Set<Drainable>
  readonly #clock: Clock
  readonly #reason: CloseReason
  readonly #first: Set<Drainable>
  readonly #timers: Timer[] = []
  #areAllReleased = false
  #cut = 0
  #resolve: (result: DrainResult) => void = () => undefined

  constructor(connections: Iterable<Drainable>, clock: Clock, deadlineMs: number, manner: DrainManner = LEAVING) {
    this.#connections = new Set(connections)
    this.#clock = clock
    this.#reason = manner.reason
    const isFirst = ({ isMonitor }: Drainable) => isMonitor === (manner.monitors === 'first')
    this.#first = new Set([...this.#connections].filter(isFirst))
    this.result = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.endBy(deadlineMs)
    for (const connection of [...this.#first]) connection.finishWhenIdle(manner.reason)
    if (manner.monitors === 'first') this.#releaseAfterReply()
    this.#advance()
  }

  /** Another deadline, from now; the earliest counts. */
  endBy(deadlineMs: number): void {
    this.#timers.push(this.#clock.after(deadlineMs, () => this.#cutRest()))
  }

  /** The listener tells of each connection that ended. */
  connectionEnded(connection: Drainable): void {
    this.#connections.delete(connection)
    this.#first.delete(connection)
    this.#advance()
  }

  /** In the same turn as the monitors, so that no answer of the old server overtakes their end for long. */
  #releaseAfterReply(): void {
    this.#areAllReleased = true
    for (const connection of [...this.#connections]) {
      if (!this.#first.has(connection)) connection.finishAfterReply(this.#reason)
    }
    this.#timers.push(this.#clock.after(GIVE_UP_MS, () => this.#releaseAll()))
  }

  #releaseAll(): void {
    this.#areAllReleased = true
    for (const connection of [...this.#connections]) connection.finishWhenIdle(this.#reason)
  }

  #advance(): void {
    if (this.#first.size === 0 && !this.#areAllReleased) this.#releaseAll()
    if (this.#connections.size > 0) return
    for (const timer of this.#timers) timer.cancel()
    this.#resolve({ cut: this.#cut })
  }

  #cutRest(): void {
    for (const connection of [...this.#connections]) {
      const { isClosing, isFlushing, inFlight, isDecoded } = connection
      const isLoss = isFlushing || (!isClosing && (inFlight > 0 || !isDecoded))
      if (isLoss) this.#cut++
      connection.cut(isLoss ? 'drain_deadline' : this.#reason)
    }
  }
}
