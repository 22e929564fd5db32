import type { Clock } from '../../core/clock.js'

/** A wait that can be cut short. One at a time. */
export class Pause {
  readonly #clock: Clock
  #end: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        this.#end = undefined
        timer.cancel()
        resolve()
      }
      const timer = this.#clock.after(ms, end)
      this.#end = end
    })
  }

  /** Nothing when nobody waits. */
  wake(): void {
    this.#end?.()
  }
}
