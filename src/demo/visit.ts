import type { Clock, Random } from '../core/clock.js'

/** One thing that a visitor, or the shop itself, does. */
export interface Action<Of> {
  /** How often, against the others. */
  readonly weight: number
  /** About how many commands it makes: it is paced by them. */
  readonly commands: number
  run(of: Of): Promise<unknown>
}

export interface VisitOptions {
  /** undefined: until the signal. */
  readonly seconds: number | undefined
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly random: Random
  /** Commands per second, about. */
  readonly ratePerSecond: number
  /** The server answered, if with an error. */
  isAnswer(error: unknown): boolean
}

/** Visitors at the same time: enough that a slow report does not stop the others. */
export const VISITORS = 8
/** Failures in a row without an answer from the server, after which it counts as gone. */
const MAX_FAILURES = 20

/**
 * Visitors who do what the weights say until the time is over or the signal aborts. Actions begun are finished.
 * @throws the last failure when the server is gone for good
 */
export async function visit<Of>(of: Of, actions: readonly Action<Of>[], options: VisitOptions): Promise<void> {
  const { clock, seconds, signal } = options
  const endsAtMs = seconds === undefined ? Number.POSITIVE_INFINITY : clock.now() + seconds * 1000
  const pace = new Pace(options, endsAtMs)
  const failures = { inARow: 0 }
  // Everything once, so that the shortest demo shows all there is; then as the weights say.
  const firstRound = actions.values()
  const visitor = async () => {
    while (!signal.aborted) {
      const action = firstRound.next().value ?? choose(actions, options.random)
      if (!(await pace.turn(action.commands))) return
      await perform(action, of, failures, options)
    }
  }
  await Promise.all(Array.from({ length: VISITORS }, visitor))
}

/** @throws the last failure when the server seems gone */
async function perform<Of>(
  action: Action<Of>,
  of: Of,
  failures: { inARow: number },
  { isAnswer }: VisitOptions,
): Promise<void> {
  try {
    await action.run(of)
    failures.inARow = 0
  } catch (error) {
    // A refusal is an answer too, and counted by the tally; only silence ends the workload.
    failures.inARow = isAnswer(error) ? 0 : failures.inARow + 1
    if (failures.inARow >= MAX_FAILURES) throw error
  }
}

function choose<Of>(actions: readonly Action<Of>[], random: Random): Action<Of> {
  let point = random() * actions.reduce((sum, { weight }) => sum + weight, 0)
  for (const action of actions) {
    point -= action.weight
    if (point < 0) return action
  }
  return actions[0] as Action<Of>
}

/** Gives out turns at a steady rate to everyone who asks. */
class Pace {
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #msPerCommand: number
  readonly #endsAtMs: number
  #nextAtMs: number

  constructor({ clock, signal, ratePerSecond }: VisitOptions, endsAtMs: number) {
    this.#clock = clock
    this.#signal = signal
    this.#msPerCommand = 1000 / ratePerSecond
    this.#endsAtMs = endsAtMs
    this.#nextAtMs = clock.now()
  }

  /** Waits for the turn. @returns false when the time is over before it */
  async turn(commands: number): Promise<boolean> {
    const nowMs = this.#clock.now()
    // Turns missed while everyone was busy are not made up for in a burst.
    const atMs = Math.max(this.#nextAtMs, nowMs)
    this.#nextAtMs = atMs + commands * this.#msPerCommand
    const untilMs = Math.min(atMs, this.#endsAtMs)
    try {
      if (untilMs > nowMs) await this.#clock.sleep(untilMs - nowMs, this.#signal)
    } catch (error) {
      if (this.#signal.aborted) return false
      throw error
    }
    return !this.#signal.aborted && this.#clock.now() < this.#endsAtMs
  }
}
