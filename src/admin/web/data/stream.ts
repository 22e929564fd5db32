// The line to the server: one event stream of what is looked at, opened again after it broke.

import type { Frame } from '../../frames.js'

export type Link =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'lost'; readonly sinceMs: number }
  | { readonly kind: 'paused'; readonly sinceMs: number }

/** A server tells something each second. */
const SILENT_MS = 5_000
const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 5_000

export interface StreamEvents {
  onFrame(url: string, frame: Frame): void
  onLink(link: Link): void
}

/**
 * At most one EventSource: of the view that is shown, while the page can be seen and is not paused. Paused, a view that was
 * never seen is shown as it is at that moment.
 */
export class Stream {
  readonly #events: StreamEvents
  #url = ''
  #source: EventSource | undefined
  #timer = 0
  #retryMs = FIRST_RETRY_MS
  #link: Link = { kind: 'connecting' }
  #isPaused = false
  /** Paused and still owed one frame. */
  #wantsOne = false

  constructor(events: StreamEvents) {
    this.#events = events
    document.addEventListener('visibilitychange', () => this.#follow())
  }

  /** @param isKnown paused, nothing need be asked: there is a frame to show */
  watch(url: string, isKnown: boolean): void {
    if (url === this.#url) return
    this.#url = url
    this.#wantsOne = this.#isPaused && !isKnown
    this.#close()
    this.#follow()
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused
    this.#wantsOne = false
    this.#close()
    if (isPaused) this.#tell({ kind: 'paused', sinceMs: Date.now() })
    else if (this.#link.kind === 'paused') this.#tell({ kind: 'connecting' })
    this.#follow()
  }

  #follow(): void {
    const isWanted = !document.hidden && (!this.#isPaused || this.#wantsOne)
    if (!isWanted) this.#close()
    else if (this.#source === undefined) this.#open()
  }

  #open(): void {
    clearTimeout(this.#timer)
    const source = new EventSource(this.#url)
    const url = this.#url
    this.#source = source
    source.onmessage = (event: MessageEvent<string>) => {
      if (source !== this.#source) return
      this.#heard()
      this.#events.onFrame(url, JSON.parse(event.data) as Frame)
      if (!this.#wantsOne) return
      this.#wantsOne = false
      this.#close()
    }
    source.addEventListener('beat', () => source === this.#source && this.#heard())
    source.onerror = () => source === this.#source && this.#lost()
    this.#expect()
  }

  #heard(): void {
    this.#retryMs = FIRST_RETRY_MS
    this.#expect()
    if (!this.#isPaused && this.#link.kind !== 'live') this.#tell({ kind: 'live' })
  }

  #expect(): void {
    clearTimeout(this.#timer)
    this.#timer = window.setTimeout(() => this.#lost(), SILENT_MS)
  }

  #lost(): void {
    this.#close()
    if (!this.#isPaused && this.#link.kind !== 'lost') this.#tell({ kind: 'lost', sinceMs: Date.now() })
    this.#timer = window.setTimeout(() => this.#follow(), this.#retryMs)
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS)
  }

  #close(): void {
    clearTimeout(this.#timer)
    this.#source?.close()
    this.#source = undefined
  }

  #tell(link: Link): void {
    this.#link = link
    this.#events.onLink(link)
  }
}
