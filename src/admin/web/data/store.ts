// What the page knows, and who is told when it changes.

import type { HistoryReport } from '../../../core/reports.js'
import type { Frame } from '../../frames.js'
import { eventsUrl, parseRoute, type Route, withShown } from './route.js'
import { withStep } from './series.js'
import { type Link, Stream } from './stream.js'

export interface State {
  readonly route: Route
  readonly link: Link
  /** The newest of any view: for what all views show. */
  readonly newest: Frame | undefined
  /** Of the view that is shown; undefined while it is asked for. */
  readonly frame: Frame | undefined
  readonly history: HistoryReport | undefined
}

/** Frames of views that were left, so that going back shows something at once. */
const MAX_KEPT = 20

export class Store {
  readonly #frames = new Map<string, Frame>()
  readonly #listeners = new Set<() => void>()
  readonly #stream: Stream
  #state: State
  #isAsking = false

  constructor() {
    this.#state = {
      route: parseRoute(location.hash),
      link: { kind: 'connecting' },
      newest: undefined,
      frame: undefined,
      history: undefined,
    }
    this.#stream = new Stream({
      onFrame: (url, frame) => this.#took(url, frame),
      onLink: (link) => this.#change({ link }),
    })
    addEventListener('hashchange', () => this.#moved())
  }

  get state(): State {
    return this.#state
  }

  start(): void {
    this.#stream.watch(eventsUrl(this.#state.route), false)
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  togglePause(): void {
    this.#stream.pause(this.#state.link.kind !== 'paused')
  }

  /** Changes how the place is shown, without a step for the back button. */
  show(changes: Record<string, string>): void {
    history.replaceState(null, '', withShown(location.hash, changes))
    this.#moved()
  }

  #moved(): void {
    const route = parseRoute(location.hash)
    const url = eventsUrl(route)
    const frame = this.#frames.get(url)
    this.#change({ route, frame })
    this.#stream.watch(url, frame !== undefined)
  }

  #took(url: string, frame: Frame): void {
    if (this.#state.newest !== undefined && this.#state.newest.product.bootId !== frame.product.bootId) this.#forget()
    this.#frames.delete(url)
    this.#frames.set(url, frame)
    for (const oldest of this.#frames.keys()) {
      if (this.#frames.size <= MAX_KEPT) break
      this.#frames.delete(oldest)
    }
    const { history } = this.#state
    const next = history === undefined ? undefined : withStep(history, frame.last)
    this.#change({ newest: frame, frame: this.#frames.get(eventsUrl(this.#state.route)), history: next ?? history })
    if (next === undefined) void this.#askHistory()
  }

  /** Another process: what the one before it counted goes with no new number. */
  #forget(): void {
    this.#frames.clear()
    this.#change({ history: undefined })
  }

  async #askHistory(): Promise<void> {
    if (this.#isAsking) return
    this.#isAsking = true
    try {
      const history = await fetchHistory('')
      if (history !== undefined) this.#change({ history })
    } finally {
      this.#isAsking = false
    }
  }

  #change(changes: Partial<State>): void {
    this.#state = { ...this.#state, ...changes }
    for (const listener of this.#listeners) listener()
  }
}

/** @returns undefined when it can't be had now */
export async function fetchHistory(query: string, signal?: AbortSignal): Promise<HistoryReport | undefined> {
  try {
    const response = await fetch(`/history${query}`, {
      cache: 'no-store',
      signal: signal ?? AbortSignal.timeout(5_000),
    })
    return response.ok ? ((await response.json()) as HistoryReport) : undefined
  } catch {
    // The next frame asks again, and the stream tells when the server is gone.
    return undefined
  }
}
