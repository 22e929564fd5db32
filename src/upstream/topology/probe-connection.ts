import type { Socket } from 'node:net'
import type { Clock } from '../../core/clock.js'
import type { MemberReport, Probe, ProbeSession } from '../../core/probe.js'
import {
  brokenConnection,
  CLOSED,
  CONNECT_TIMEOUT,
  connectFailure,
  NO_ANSWER,
  type ProbeFailure,
  protocolFailure,
} from './probe-failure.js'

/**
 * Connects to a member, TLS included where configured; rejects when it can't. The socket may come paused. Should give up when
 * the signal aborts; one that comes later is destroyed.
 * @param name the member's name: the dialer knows where that is
 */
export type Dial = (name: string, signal: AbortSignal) => Promise<Socket>

export type Answer =
  | { readonly kind: 'report'; readonly report: MemberReport }
  | { readonly kind: 'failed'; readonly failure: ProbeFailure }

export interface ProbeConnectionParts {
  readonly dial: Dial
  readonly probe: Probe
  readonly clock: Clock
  readonly connectTimeoutMs: number
}

/** Reports tell states, not changes: of a flood only the newest matter. */
const MAX_UNREAD_REPORTS = 64

/** One connection of ours to a member, with one dialogue on it. Failures are answers; nothing is thrown. */
export class ProbeConnection {
  readonly #socket: Socket
  readonly #session: ProbeSession
  readonly #clock: Clock
  readonly #unread: MemberReport[] = []
  #failure: ProbeFailure | undefined
  #news: (() => void) | undefined
  #isIdle = false

  constructor(socket: Socket, session: ProbeSession, clock: Clock) {
    this.#socket = socket
    this.#session = session
    this.#clock = clock
    socket.on('error', (error) => this.#fail(brokenConnection(error)))
    socket.on('end', () => this.#fail(CLOSED))
    socket.on('close', () => this.#fail(CLOSED))
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    if (socket.destroyed || socket.readableEnded) this.#fail(CLOSED)
    else socket.resume()
  }

  /** The member sends on unasked: wait with `next` instead of `ask`. */
  get isStreaming(): boolean {
    return this.#session.isStreaming
  }

  get hasUnread(): boolean {
    return this.#unread.length > 0
  }

  /** Between requests. Ends early by `nudge`, by the connection's end, or when the member speaks unasked. */
  async idle(ms: number): Promise<void> {
    if (ms <= 0 || this.hasUnread || this.#failure !== undefined) return
    this.#isIdle = true
    await this.#newsWithin(ms)
    this.#isIdle = false
  }

  nudge(): void {
    if (this.#isIdle) this.#news?.()
  }

  /** One request and the first report after it. */
  ask(maxAwaitMs: number, timeoutMs: number): Promise<Answer> {
    if (this.#failure === undefined) this.#send(maxAwaitMs)
    return this.next(timeoutMs)
  }

  /** The next report. What came before a failure is told before the failure. */
  async next(timeoutMs: number): Promise<Answer> {
    if (!this.hasUnread && this.#failure === undefined) await this.#newsWithin(timeoutMs)
    const report = this.#unread.shift()
    if (report !== undefined) return { kind: 'report', report }
    if (this.#failure === undefined) this.#fail(NO_ANSWER)
    return { kind: 'failed', failure: this.#failure ?? NO_ANSWER }
  }

  /** Ends what waits, too. */
  close(): void {
    this.#fail(CLOSED)
  }

  #send(maxAwaitMs: number): void {
    try {
      this.#socket.write(this.#session.request(maxAwaitMs))
    } catch (error) {
      this.#fail(protocolFailure(error))
    }
  }

  #read(chunk: Buffer): void {
    if (this.#failure !== undefined) return
    try {
      this.#unread.push(...this.#session.push(chunk))
    } catch (error) {
      this.#fail(protocolFailure(error))
      return
    }
    if (this.#unread.length > MAX_UNREAD_REPORTS) this.#unread.splice(0, this.#unread.length - MAX_UNREAD_REPORTS)
    if (this.hasUnread) this.#news?.()
  }

  #fail(failure: ProbeFailure): void {
    if (this.#failure !== undefined) return
    this.#failure = failure
    this.#socket.destroy()
    this.#news?.()
  }

  #newsWithin(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#news = undefined
        timer.cancel()
        resolve()
      }
      const timer = this.#clock.after(timeoutMs, done)
      this.#news = done
    })
  }
}

/** @param signal gives the attempt up; what is returned then is a failure that nobody wants */
export async function openProbeConnection(
  parts: ProbeConnectionParts,
  name: string,
  signal: AbortSignal,
): Promise<ProbeConnection | ProbeFailure> {
  const attempt = new AbortController()
  const giveUp = () => attempt.abort()
  const timer = parts.clock.after(parts.connectTimeoutMs, giveUp)
  signal.addEventListener('abort', giveUp)
  if (signal.aborted) giveUp()
  try {
    const session = parts.probe.open()
    const socket = await unlessAborted(parts.dial(name, attempt.signal), attempt.signal)
    return socket === undefined ? CONNECT_TIMEOUT : new ProbeConnection(socket, session, parts.clock)
  } catch (error) {
    return attempt.signal.aborted ? CONNECT_TIMEOUT : connectFailure(error)
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', giveUp)
  }
}

/** Undefined when it was aborted first: a dialer that doesn't listen must not hold up the monitor, nor leave a socket behind. */
function unlessAborted(dialed: Promise<Socket>, signal: AbortSignal): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve(undefined)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    dialed.then((socket) => {
      if (signal.aborted) socket.destroy()
      else resolve(socket)
    }, reject)
  })
}
