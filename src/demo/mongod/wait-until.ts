import type { Clock } from '../../core/clock.js'

export interface Wait {
  readonly clock: Clock
  /** Infinity for no limit. */
  readonly maxMs: number
  readonly signal: AbortSignal
  /** Calls `run` after each change. @returns takes it back */
  watch(run: () => void): () => void
  isDone(): boolean
}

/** Resolves once `isDone` says so, which is asked now and after each change; else after `maxMs`, or when aborted. */
export function waitUntil({ clock, maxMs, signal, watch, isDone }: Wait): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted || isDone()) return resolve()
    const end = () => {
      timer?.cancel()
      signal.removeEventListener('abort', end)
      unwatch()
      resolve()
    }
    const timer = Number.isFinite(maxMs) ? clock.after(maxMs, end) : undefined
    signal.addEventListener('abort', end, { once: true })
    const unwatch = watch(() => {
      if (isDone()) end()
    })
  })
}
