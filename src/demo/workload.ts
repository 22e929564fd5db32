import type { Clock, Random } from '../core/clock.js'
import { ACTIONS, type Action, isServerError } from './shop/actions.js'
import { DriverTally, type WorkloadRow } from './shop/driver-tally.js'
import { seed } from './shop/seed.js'
import { Shop } from './shop/shop.js'

export interface WorkloadOptions {
  readonly uri: string
  /** undefined: until the signal. */
  readonly seconds: number | undefined
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly random: Random
  /** Commands per second, about. */
  readonly ratePerSecond: number
  /** How long the server may take to be found. Default 5 s. */
  readonly connectTimeoutMs?: number
}

export interface WorkloadSummary {
  /** Every command that the driver's monitoring events told of. */
  readonly operations: number
  readonly rows: readonly WorkloadRow[]
}

/** Visitors at the same time: enough that a slow report does not stop the others. */
const VISITORS = 8
/** Failures in a row without an answer from the server, after which it counts as gone. */
const MAX_FAILURES = 20

/**
 * A small shop at work through the official driver: seeds its data, then reads, writes, reports and errs until the time is over
 * or the signal aborts. Operations begun are finished.
 * @throws the driver's error when the server cannot be reached, or is gone for good
 */
export async function runWorkload(options: WorkloadOptions): Promise<WorkloadSummary> {
  const { MongoClient } = await import('mongodb')
  const client = new MongoClient(options.uri, {
    appName: 'demo-shop',
    monitorCommands: true,
    maxPoolSize: VISITORS,
    serverSelectionTimeoutMS: options.connectTimeoutMs ?? 5_000,
  })
  const tally = new DriverTally()
  tally.watch(client)
  try {
    const shop = new Shop(client, options.clock, options.random)
    await seed(shop)
    await visit(shop, options)
  } finally {
    await client.close()
  }
  return { operations: tally.total, rows: tally.rows() }
}

async function visit(shop: Shop, options: WorkloadOptions): Promise<void> {
  const { clock, seconds, signal } = options
  const endsAtMs = seconds === undefined ? Number.POSITIVE_INFINITY : clock.now() + seconds * 1000
  const pace = new Pace(options, endsAtMs)
  const failures = { inARow: 0 }
  // Everything once, so that the shortest demo shows all there is; then as the weights say.
  const firstRound = ACTIONS.values()
  const visitor = async () => {
    while (!signal.aborted) {
      const action = firstRound.next().value ?? choose(shop)
      if (!(await pace.turn(action.commands))) return
      await perform(action, shop, failures)
    }
  }
  await Promise.all(Array.from({ length: VISITORS }, visitor))
}

/** @throws the last failure when the server seems gone */
async function perform(action: Action, shop: Shop, failures: { inARow: number }): Promise<void> {
  try {
    await action.run(shop)
    failures.inARow = 0
  } catch (error) {
    // A refusal is an answer too, and counted by the tally; only silence ends the workload.
    failures.inARow = isServerError(error) ? 0 : failures.inARow + 1
    if (failures.inARow >= MAX_FAILURES) throw error
  }
}

const TOTAL_WEIGHT = ACTIONS.reduce((sum, { weight }) => sum + weight, 0)

function choose(shop: Shop): Action {
  let point = shop.random() * TOTAL_WEIGHT
  for (const action of ACTIONS) {
    point -= action.weight
    if (point < 0) return action
  }
  return ACTIONS[0] as Action
}

/** Gives out turns at a steady rate to everyone who asks. */
class Pace {
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #msPerCommand: number
  readonly #endsAtMs: number
  #nextAtMs: number

  constructor({ clock, signal, ratePerSecond }: WorkloadOptions, endsAtMs: number) {
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
