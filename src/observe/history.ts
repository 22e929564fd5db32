import type { Clock, Timer } from '../core/clock.js'
import type { HistoryQuery, HistoryReport } from '../core/reports.js'
import { addAnswered } from './answered.js'
import { BOUNDS_MS, BUCKETS } from './histogram.js'
import { ERRORS, OPERATIONS, type OperationSeries, type OperationTable } from './operation-table.js'

/** Of everything. */
export const STEP_MS = 5_000
const STEPS = 720
/** Of a collection and of a command: a step of it is six of the others. */
const STEPS_PER_PART = 6
const PART_STEPS = STEPS / STEPS_PER_PART
/** 10.5 KiB each: 5 MiB at most. */
const MAX_COLLECTIONS = 200
const MAX_COMMANDS = 300
/** Parts that were silent for five minutes make room for new ones. */
const SILENT_STEPS = 10

const OPERATIONS_AT = 0
const ERRORS_AT = 1
const BUCKETS_AT = 2
const WIDTH = BUCKETS_AT + BUCKETS

/** The steps of one sum of series. Counts of a step fit 32 bits. */
class Ring {
  readonly #values: Uint32Array
  /** The sums of all time at the end of the last step. */
  readonly #before = new Float64Array(WIDTH)
  readonly sums = new Float64Array(WIDTH)

  constructor(slots: number) {
    this.#values = new Uint32Array(slots * WIDTH)
  }

  /** Ends a step with what `sums` have become. @returns whether anything happened in it */
  end(slot: number): boolean {
    let hasAny = false
    for (let k = 0; k < WIDTH; k++) {
      const count = Math.max((this.sums[k] as number) - (this.#before[k] as number), 0)
      this.#values[slot * WIDTH + k] = count
      if (count > 0) hasAny = true
    }
    this.#before.set(this.sums)
    return hasAny
  }

  at(slot: number, place: number): number {
    return this.#values[slot * WIDTH + place] as number
  }
}

/** When the steps ended, in ms of the clock: the ring of times behind rings of numbers. */
class Times {
  readonly slots: number
  steps = 0
  /** One more than slots: the oldest step has a start. */
  readonly #ends: Float64Array

  constructor(slots: number, nowMs: number) {
    this.slots = slots
    this.#ends = new Float64Array(slots + 1)
    this.#ends[0] = nowMs
  }

  /** @returns the slot of the step that ends now */
  end(nowMs: number): number {
    this.steps++
    this.#ends[this.steps % this.#ends.length] = nowMs
    return this.slotOf(this.steps - 1)
  }

  /** Of the last `count` steps: the start of the first, then the end of each. */
  last(count: number): readonly number[] {
    const first = this.steps - count
    return Array.from({ length: count + 1 }, (_, i) => this.#ends[(first + i) % this.#ends.length] as number)
  }

  slotOf(step: number): number {
    return step % this.slots
  }
}

/** One collection or one command of one. */
interface Part {
  readonly key: string
  readonly ring: Ring
  /** The first step that it has numbers of. */
  from: number
  /** In which something happened last. */
  lastStep: number
}

/** A series of the operation table, as the parts see it. */
interface Tracked {
  readonly series: OperationSeries
  readonly collection: string
  readonly command: string
  /** At the end of the last step of parts. */
  operations: number
}

/** Parts of one kind, as many as there is room for. */
class Parts {
  readonly byKey = new Map<string, Part>()
  readonly #max: number
  /** What found no room: asked again at the next step. */
  #isFull = false

  constructor(max: number) {
    this.#max = max
  }

  /** Of what is counted now: gives it a place when there is room. @param isNew nothing of it was counted before this step */
  touch(key: string, step: number, isNew: boolean): void {
    if (this.byKey.has(key)) return
    if (this.byKey.size >= this.#max && !this.#makeRoom(step)) return
    // One that found no room before has counted what belongs to no step: its first is the next.
    this.byKey.set(key, { key, ring: new Ring(PART_STEPS), from: isNew ? step : step + 1, lastStep: step })
  }

  beginStep(): void {
    this.#isFull = false
    for (const { ring } of this.byKey.values()) ring.sums.fill(0)
  }

  #makeRoom(step: number): boolean {
    if (this.#isFull) return false
    let silent: Part | undefined
    for (const part of this.byKey.values()) if (part.lastStep < (silent?.lastStep ?? step - SILENT_STEPS)) silent = part
    this.#isFull = silent === undefined
    return silent !== undefined && this.byKey.delete(silent.key)
  }
}

/**
 * The last hour: of everything in steps of five seconds, of collections and their commands in steps of thirty. Made from the
 * counters of the operation table; never touches the hot path.
 */
export class HistoryView {
  readonly #clock: Clock
  readonly #table: OperationTable
  readonly #all = new Ring(STEPS)
  readonly #allTimes: Times
  readonly #collections = new Parts(MAX_COLLECTIONS)
  readonly #commands = new Parts(MAX_COMMANDS)
  readonly #partTimes: Times
  /** Series of the table that were looked at. */
  #seriesKnown = 0
  readonly #tracked: Tracked[] = []
  /** By key of a collection or command, the step in which its first series came. */
  readonly #firstSteps = new Map<string, number>()
  #timer: Timer

  constructor(clock: Clock, table: OperationTable) {
    this.#clock = clock
    this.#table = table
    this.#allTimes = new Times(STEPS, clock.now())
    this.#partTimes = new Times(PART_STEPS, clock.now())
    this.#timer = clock.after(STEP_MS, this.#tick)
  }

  /** @param of undefined: everything @param maxSteps the last of them */
  report(of?: HistoryQuery, maxSteps = STEPS): HistoryReport {
    if (of === undefined) return this.#report(this.#all, this.#allTimes, this.#allTimes.steps - maxSteps, STEP_MS)
    const key = keyOf(of)
    const part = of.command === '' ? this.#collections.byKey.get(key) : this.#commands.byKey.get(commandKey(key, of))
    const stepMs = STEP_MS * STEPS_PER_PART
    if (part === undefined) return { ...this.#report(undefined, this.#partTimes, 0, stepMs), isKept: false }
    return this.#report(part.ring, this.#partTimes, Math.max(part.from, this.#partTimes.steps - maxSteps), stepMs)
  }

  close(): void {
    this.#timer.cancel()
  }

  readonly #tick = (): void => {
    const nowMs = this.#clock.now()
    this.#all.sums.fill(0)
    for (const series of this.#table.all) addSeries(series, this.#all.sums)
    this.#all.end(this.#allTimes.end(nowMs))
    this.#track(this.#partTimes.steps)
    if (this.#allTimes.steps % STEPS_PER_PART === 0) this.#endParts(nowMs)
    this.#timer = this.#clock.after(STEP_MS, this.#tick)
  }

  #endParts(nowMs: number): void {
    const step = this.#partTimes.steps
    const slot = this.#partTimes.end(nowMs)
    this.#collections.beginStep()
    this.#commands.beginStep()
    // All places first: what is made of several series must have each of them.
    for (const tracked of this.#tracked) this.#touch(tracked, step)
    const sums = new Float64Array(WIDTH)
    for (const { series, collection, command } of this.#tracked) {
      const [ofCollection, ofCommand] = [this.#collections.byKey.get(collection), this.#commands.byKey.get(command)]
      if (ofCollection === undefined && ofCommand === undefined) continue
      sums.fill(0)
      addSeries(series, sums)
      addTo(ofCollection, sums)
      addTo(ofCommand, sums)
    }
    for (const parts of [this.#collections, this.#commands]) {
      for (const part of parts.byKey.values()) if (part.ring.end(slot)) part.lastStep = step
    }
  }

  /** Keys are made once: ten thousand series would hold up the loop with them. */
  #track(step: number): void {
    const { all } = this.#table
    for (let i = this.#seriesKnown; i < all.length; i++) {
      const series = all[i] as OperationSeries
      if (series.kind === 'control') continue
      const collection = keyOf(series)
      const command = commandKey(collection, series)
      for (const key of [collection, command]) if (!this.#firstSteps.has(key)) this.#firstSteps.set(key, step)
      this.#tracked.push({ series, collection, command, operations: 0 })
    }
    this.#seriesKnown = all.length
  }

  /** What is silent takes no place: it would be that of another which was silent for a shorter time. */
  #touch(tracked: Tracked, step: number): void {
    const { values, base } = tracked.series.plain
    const operations = values[base + OPERATIONS] as number
    if (operations === tracked.operations) return
    tracked.operations = operations
    const { collection, command } = tracked
    this.#collections.touch(collection, step, this.#firstSteps.get(collection) === step)
    this.#commands.touch(command, step, this.#firstSteps.get(command) === step)
  }

  #report(ring: Ring | undefined, times: Times, from: number, stepMs: number): HistoryReport {
    const steps = times.steps
    const count = ring === undefined ? 0 : Math.min(steps - Math.max(from, 0), times.slots)
    // The clock of the steps is no clock of the day.
    const offsetMs = this.#clock.wall() - this.#clock.now()
    const slots = Array.from({ length: count }, (_, i) => times.slotOf(steps - count + i))
    const of = (place: number) => slots.map((slot) => ring?.at(slot, place) ?? 0)
    return {
      isKept: true,
      stepMs,
      steps,
      timesMs: times.last(count).map((ms) => Math.round(ms + offsetMs)),
      operations: of(OPERATIONS_AT),
      errors: of(ERRORS_AT),
      boundsMs: [...BOUNDS_MS],
      buckets: slots.flatMap((slot) => Array.from({ length: BUCKETS }, (_, i) => ring?.at(slot, BUCKETS_AT + i) ?? 0)),
    }
  }
}

const keyOf = ({ cluster, database, collection }: Pick<HistoryQuery, 'cluster' | 'database' | 'collection'>): string =>
  [cluster, database, collection].join('\0')

const commandKey = (key: string, { command }: Pick<HistoryQuery, 'command'>): string => `${key}\0${command}`

function addSeries(series: OperationSeries, into: Float64Array): void {
  const { values, base } = series.plain
  into[OPERATIONS_AT] = (into[OPERATIONS_AT] as number) + (values[base + OPERATIONS] as number)
  into[ERRORS_AT] = (into[ERRORS_AT] as number) + (values[base + ERRORS] as number)
  // What drivers ask for themselves says nothing of how long applications wait.
  if (series.kind !== 'control') addAnswered(series, into, BUCKETS_AT)
}

function addTo(part: Part | undefined, sums: Float64Array): void {
  if (part === undefined) return
  for (let k = 0; k < WIDTH; k++) part.ring.sums[k] = (part.ring.sums[k] as number) + (sums[k] as number)
}
