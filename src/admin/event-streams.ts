import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../core/clock.js'
import type { Logger } from '../core/logger.js'

/** Viewers at once: a page has one stream, and the rest of the admin server must stay reachable. */
export const MAX_VIEWERS = 32
const FRAME_MS = 1_000
/** How long a browser waits before it asks again. */
const RETRY_MS = 1_000

export const EVENT_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  // For proxies before it: an event is of use now or never.
  'x-accel-buffering': 'no',
}

/** What some viewers watch: equal keys see the same frames. */
export interface WatchedView {
  readonly key: string
  /** Frames of large views come less often. */
  readonly everyMs: number
  /** All that is shown: viewers need no frame before it. */
  frame(): unknown
}

interface Viewer {
  readonly response: ServerResponse
  isFull: boolean
}

interface Channel {
  readonly view: WatchedView
  readonly viewers: Set<Viewer>
  /** The last frame, for those who come between two. */
  event: string
  atMs: number
}

export interface EventStreamsOptions {
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Server-sent events (HTML Living Standard, section 9.2) of what viewers watch: each frame is made once a second for all who
 * watch the same, and none while nobody watches. A viewer that does not read misses frames; none wait for it.
 */
export class EventStreams {
  readonly #options: EventStreamsOptions
  readonly #channels = new Map<string, Channel>()
  readonly #viewers = new Set<Viewer>()
  #timer: Timer | undefined
  /** Whose turn it is after this one: the frames of many large views at once would hold up the loop. */
  #due: Channel[] = []
  #turn: Timer | undefined
  #frames = 0
  #skipped = 0
  #isClosed = false

  constructor(options: EventStreamsOptions) {
    this.#options = options
  }

  get hasRoom(): boolean {
    return !this.#isClosed && this.#viewers.size < MAX_VIEWERS
  }

  /** `skipped`: frames that viewers missed because they did not read. */
  get stats(): { readonly viewers: number; readonly views: number; readonly frames: number; readonly skipped: number } {
    const { size } = this.#viewers
    return { viewers: size, views: this.#channels.size, frames: this.#frames, skipped: this.#skipped }
  }

  /** Takes over a response whose head was sent; the first frame goes out at once. */
  add(view: WatchedView, response: ServerResponse): void {
    const viewer: Viewer = { response, isFull: false }
    const channel = this.#channels.get(view.key) ?? { view, viewers: new Set(), event: '', atMs: 0 }
    this.#channels.set(view.key, channel)
    channel.viewers.add(viewer)
    this.#viewers.add(viewer)
    response.on('close', () => this.#remove(channel, viewer))
    response.on('drain', () => {
      viewer.isFull = false
    })
    const nowMs = this.#options.clock.now()
    if (channel.event === '' || nowMs - channel.atMs >= FRAME_MS) this.#make(channel, nowMs)
    this.#send(viewer, `retry: ${RETRY_MS}\n\n${channel.event}`)
    this.#timer ??= this.#options.clock.after(FRAME_MS, this.#tick)
  }

  /** Ends every stream at once. */
  close(): void {
    this.#isClosed = true
    this.#stop()
    for (const { response } of this.#viewers) response.end()
  }

  readonly #tick = (): void => {
    this.#timer = this.#options.clock.after(FRAME_MS, this.#tick)
    this.#due = [...this.#channels.values()]
    this.#turn?.cancel()
    this.#next()
  }

  readonly #next = (): void => {
    this.#turn = undefined
    const channel = this.#due.shift()
    if (channel === undefined) return
    if (this.#due.length > 0) this.#turn = this.#options.clock.after(0, this.#next)
    if (channel.viewers.size > 0) this.#serve(channel)
  }

  #serve(channel: Channel): void {
    const nowMs = this.#options.clock.now()
    // Half a frame early is due: ticks are late by a little, and would come every other time.
    if (nowMs - channel.atMs + FRAME_MS / 2 < channel.view.everyMs) this.#beat(channel)
    else {
      this.#make(channel, nowMs)
      for (const viewer of channel.viewers) this.#send(viewer, channel.event)
    }
  }

  #stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#turn?.cancel()
    this.#turn = undefined
    this.#due = []
  }

  /** Tells viewers between frames that the line is good. */
  #beat({ viewers }: Channel): void {
    for (const viewer of viewers) this.#send(viewer, 'event: beat\ndata:\n\n')
  }

  #make(channel: Channel, nowMs: number): void {
    channel.atMs = nowMs
    this.#frames++
    try {
      // JSON has no line break of its own, so that one data line holds it.
      channel.event = `id: ${this.#frames}\ndata: ${JSON.stringify(channel.view.frame())}\n\n`
    } catch (error) {
      channel.event = 'event: failed\ndata:\n\n'
      this.#options.logger.error({ err: error, view: channel.view.key }, 'A frame of the live page failed')
    }
  }

  #send(viewer: Viewer, event: string): void {
    if (viewer.isFull) this.#skipped++
    else viewer.isFull = !viewer.response.write(event)
  }

  #remove(channel: Channel, viewer: Viewer): void {
    this.#viewers.delete(viewer)
    channel.viewers.delete(viewer)
    if (channel.viewers.size === 0) this.#channels.delete(channel.view.key)
    if (this.#viewers.size === 0) this.#stop()
  }
}
