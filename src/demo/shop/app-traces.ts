import type { Clock, Random } from '../../core/clock.js'

/** Of the shop's requests, those whose trace is sampled. */
const SAMPLED = 0.2
const SEND_EVERY_MS = 2_000
const SEND_TIMEOUT_MS = 2_000
/** Spans that wait; more are dropped. */
const MAX_WAITING = 500

export interface AppTracesOptions {
  readonly clock: Clock
  readonly random: Random
  /** Where the shop's own spans go: base URL of an OTLP/HTTP collector. undefined: nowhere, but commands carry their context all the same. */
  readonly collector: string | undefined
}

/** The comment of a command: whose request it is made for. (Semantic conventions, context propagation by `comment`) */
export interface TraceComment {
  readonly traceparent: string
}

/**
 * The shop as an application that traces itself: each request is a span, and the commands that it makes carry its context in
 * their comment, so that the proxy's spans hang below. A few lines of OTLP in place of an SDK: the demo needs no more.
 */
export class AppTraces {
  readonly #options: AppTracesOptions
  #waiting: object[] = []
  #sentAtMs = Number.NEGATIVE_INFINITY

  constructor(options: AppTracesOptions) {
    this.#options = options
  }

  /** `route` is the request that a visitor makes: `GET /orders/search`. */
  async request<T>(route: string, work: (comment: TraceComment) => Promise<T>): Promise<T> {
    const { clock, random } = this.#options
    const traceId = this.#hex(32)
    const spanId = this.#hex(16)
    const isSampled = random() < SAMPLED
    const startedAtMs = clock.wall()
    try {
      return await work({ traceparent: `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}` })
    } finally {
      if (isSampled) this.#ended({ traceId, spanId, name: route, startedAtMs, endedAtMs: clock.wall() })
    }
  }

  #ended({ traceId, spanId, name, startedAtMs, endedAtMs }: AppSpan): void {
    if (this.#options.collector === undefined || this.#waiting.length >= MAX_WAITING) return
    const startTimeUnixNano = nanos(startedAtMs)
    const endTimeUnixNano = nanos(endedAtMs)
    this.#waiting.push({ traceId, spanId, name, kind: SERVER, startTimeUnixNano, endTimeUnixNano })
    const nowMs = this.#options.clock.now()
    if (nowMs - this.#sentAtMs < SEND_EVERY_MS) return
    this.#sentAtMs = nowMs
    void this.#send(this.#options.collector)
  }

  async #send(collector: string): Promise<void> {
    const spans = this.#waiting
    this.#waiting = []
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'demo-shop' } }] }
    const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'demo' }, spans }] }] })
    const how = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
    const url = new URL('v1/traces', collector.endsWith('/') ? collector : `${collector}/`)
    // oplens says in its log when the collector is down; the shop goes on.
    await fetch(url, { ...how, signal: AbortSignal.timeout(SEND_TIMEOUT_MS) }).catch(() => undefined)
  }

  #hex(digits: number): string {
    let text = ''
    while (text.length < digits)
      text += Math.floor(this.#options.random() * 0x1_0000_0000)
        .toString(16)
        .padStart(8, '0')
    return text
  }
}

interface AppSpan {
  readonly traceId: string
  readonly spanId: string
  readonly name: string
  readonly startedAtMs: number
  readonly endedAtMs: number
}

const SERVER = 2
const nanos = (ms: number): string => `${Math.round(ms)}000000`
