import { readFileSync, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import type { Clock, Timer } from './clock.js'

/** Polling sees what watching misses: symlinks swapped by Kubernetes, files replaced by rename, network file systems. */
const POLL_MS = 2_000

export interface FilesEvents {
  /** Contents in the order of the paths. May throw when they make no sense together: that counts as failed. */
  changed(contents: readonly Buffer[]): void
  failed(error: unknown): void
}

/**
 * A handful of small files that are read again, all together, when one of them changes. Here because both TLS legs need it and
 * rooms share nothing else: with the clock, the only part of core that touches the system.
 */
export class WatchedFiles {
  readonly #paths: readonly string[]
  readonly #clock: Clock
  readonly #events: FilesEvents
  #seen = ''
  #timer: Timer | undefined
  #isClosed = false

  constructor(paths: readonly string[], clock: Clock, events: FilesEvents) {
    this.#paths = paths
    this.#clock = clock
    this.#events = events
  }

  /**
   * The first contents, and the start of the watch.
   * @throws the file system's error when a file can't be read; nothing is watched then
   */
  open(): readonly Buffer[] {
    this.#seen = this.#paths.map((path) => mark(statSync(path))).join(' ')
    const contents = this.#paths.map((path) => readFileSync(path))
    if (this.#paths.length > 0) this.#schedule()
    return contents
  }

  /**
   * Like `open` for files that may be missing or unusable now: the first contents are told like a change, before this returns,
   * or that they failed; the watch goes on either way.
   */
  watch(): void {
    this.#seen = this.#paths.map(presentMark).join(' ')
    try {
      this.#events.changed(this.#paths.map((path) => readFileSync(path)))
    } catch (error) {
      this.#events.failed(error)
    }
    this.#schedule()
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #schedule(): void {
    if (!this.#isClosed) this.#timer = this.#clock.after(POLL_MS, () => void this.#poll())
  }

  async #poll(): Promise<void> {
    const marks = await Promise.all(this.#paths.map(currentMark))
    const seen = marks.join(' ')
    if (seen !== this.#seen) {
      // Taken before the contents: what changes while they are read is seen by the next poll.
      this.#seen = seen
      await this.#reload()
    }
    this.#schedule()
  }

  async #reload(): Promise<void> {
    try {
      const contents = await Promise.all(this.#paths.map((path) => readFile(path)))
      if (!this.#isClosed) this.#events.changed(contents)
    } catch (error) {
      if (!this.#isClosed) this.#events.failed(error)
    }
  }
}

const MISSING = 'missing'

/** A missing file has a mark of its own: its going and its return are changes too. */
function currentMark(path: string): Promise<string> {
  return stat(path).then(mark, () => MISSING)
}

function presentMark(path: string): string {
  try {
    return mark(statSync(path))
  } catch {
    // Why is told by reading it, which comes next.
    return MISSING
  }
}

interface Found {
  readonly ino: number
  readonly size: number
  readonly mtimeMs: number
  readonly ctimeMs: number
}

/** With the time of the last change of anything: a file that can be read from now on has the contents that it had. */
function mark(found: Found): string {
  return `${found.ino}:${found.size}:${found.mtimeMs}:${found.ctimeMs}`
}
