/** Time as an argument: everything timed takes a Clock, so that tests need no sleep. */
export interface Clock {
  /** Milliseconds, monotonic, with a fraction; only differences mean something. */
  now(): number
  /** Milliseconds since the epoch. */
  wall(): number
  /** Runs once after `ms`. Does not keep the process alive. */
  after(ms: number, run: () => void): Timer
  /** Rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export interface Timer {
  cancel(): void
}

/** [0, 1) */
export type Random = () => number

export const systemRandom: Random = Math.random

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const onAbort = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }, ms)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  },
}

/** `2026-03-01T12:00:00.250Z` of `Clock.wall()`. */
export const isoTime = (wallMs: number): string => new Date(wallMs).toISOString()
