import type { Clock } from '../../core/clock.js'
import { Pause } from './pause.js'
import { openProbeConnection, ProbeConnection, type ProbeConnectionParts } from './probe-connection.js'

/** Weight of the newest sample. (Server Selection, "Calculation of Average Round Trip Times") */
const ALPHA = 0.2

export class MovingAverage {
  #value: number | undefined

  /** @returns the average, this sample included */
  add(sample: number): number {
    this.#value = this.#value === undefined ? sample : ALPHA * sample + (1 - ALPHA) * this.#value
    return this.#value
  }

  reset(): void {
    this.#value = undefined
  }
}

export interface RoundTripParts {
  readonly name: string
  readonly connection: ProbeConnectionParts
  readonly intervalMs: number
  readonly clock: Clock
  /** One round trip, not smoothed. Not called after `close`. */
  readonly sampled: (rttMs: number) => void
}

/**
 * Measures with plain probes on a connection of its own, while the monitor's one streams and answers to nothing. Says nothing
 * about health: a failure is only another connection next time. (Server Monitoring, "Measuring RTT")
 */
export class RoundTripLoop {
  readonly #parts: RoundTripParts
  readonly #pause: Pause
  readonly #stop = new AbortController()
  #connection: ProbeConnection | undefined

  constructor(parts: RoundTripParts) {
    this.#parts = parts
    this.#pause = new Pause(parts.clock)
  }

  start(): void {
    void this.#run()
  }

  close(): void {
    this.#stop.abort()
    this.#pause.wake()
    this.#connection?.close()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await this.#pause.wait(this.#parts.intervalMs)
      if (!signal.aborted) await this.#measure(signal)
    }
    this.#connection?.close()
  }

  async #measure(signal: AbortSignal): Promise<void> {
    const { connection: parts, name, clock, sampled } = this.#parts
    if (this.#connection === undefined) {
      const opened = await openProbeConnection(parts, name, signal)
      if (!(opened instanceof ProbeConnection)) return
      this.#connection = opened
      if (signal.aborted) return
    }
    const askedAtMs = clock.now()
    const answer = await this.#connection.ask(0, parts.connectTimeoutMs)
    if (signal.aborted) return
    if (answer.kind === 'report') sampled(clock.now() - askedAtMs)
    else this.#connection = undefined
  }
}
