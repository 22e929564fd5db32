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
  finishWhenIdle(): void
  cut(reason: CloseReason): void
}

/**
 * Brings a listener's connections to their end. First all but the monitors, each as its last operation ends; then the monitors:
 * a driver that loses its monitor takes the server for dead and fails what it has in flight elsewhere. At the deadline the
 * rest is cut; connections without a codec have until then, for nobody knows what they carry.
 */
export class Drain {
  readonly result: Promise<DrainResult>
  readonly #connections: ReadonlySet<Drainable>
  readonly #clock: Clock
  readonly #first: Set<Drainable>
  readonly #deadlines: Timer[] = []
  #areMonitorsReleased = false
  #cut = 0
  #resolve: (result: DrainResult) => void = () => undefined

  /** @param connections the listener's living set, from which it takes those that end */
  constructor(connections: ReadonlySet<Drainable>, clock: Clock, deadlineMs: number) {
    this.#connections = connections
    this.#clock = clock
    this.#first = new Set([...connections].filter((connection) => !connection.isMonitor))
    this.result = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.endBy(deadlineMs)
    for (const connection of this.#first) connection.finishWhenIdle()
    this.#advance()
  }

  /** Another deadline, from now; the earliest counts. */
  endBy(deadlineMs: number): void {
    this.#deadlines.push(this.#clock.after(deadlineMs, () => this.#cutRest()))
  }

  /** The listener tells of each connection that ended, after it left the set. */
  connectionEnded(connection: Drainable): void {
    this.#first.delete(connection)
    this.#advance()
  }

  #advance(): void {
    if (this.#first.size === 0 && !this.#areMonitorsReleased) {
      this.#areMonitorsReleased = true
      for (const connection of [...this.#connections]) connection.finishWhenIdle()
    }
    if (this.#connections.size > 0) return
    for (const deadline of this.#deadlines) deadline.cancel()
    this.#resolve({ cut: this.#cut })
  }

  #cutRest(): void {
    for (const connection of [...this.#connections]) {
      const { isClosing, isFlushing, inFlight, isDecoded } = connection
      const isLoss = isFlushing || (!isClosing && (inFlight > 0 || !isDecoded))
      if (isLoss) this.#cut++
      connection.cut(isLoss ? 'drain_deadline' : 'drained')
    }
  }
}
