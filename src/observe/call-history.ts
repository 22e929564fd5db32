import type { CallNumbers } from '../core/reports.js'
import { CALL_WIDTH, READ_UNITS, RETRIES, SCANNED, THROTTLED_COUNT, UNPROCESSED, WRITE_UNITS } from './call-series.js'
import type { Row } from './pages.js'
import { RATE_SLOTS } from './slots.js'

/** Snapshots of rows of calls, by their place in some list; zeros before the first. */
export class CallHistory {
  readonly #snapshots: (Float64Array | undefined)[] = []

  take(index: number, { values, base }: Row, slot: number): void {
    let snapshots = this.#snapshots[index]
    if (snapshots === undefined) {
      snapshots = new Float64Array(RATE_SLOTS * CALL_WIDTH)
      this.#snapshots[index] = snapshots
    }
    for (let k = 0; k < CALL_WIDTH; k++) snapshots[slot * CALL_WIDTH + k] = values[base + k] as number
  }

  /** What was added to a row since the snapshot in `slot`. */
  since(index: number, { values, base }: Row, slot: number, place: number): number {
    return (values[base + place] as number) - (this.#snapshots[index]?.[slot * CALL_WIDTH + place] ?? 0)
  }

  /** Of some rows together, which are told with their places. */
  numbers(rows: readonly (readonly [index: number, row: Row])[], slot: number, seconds: number): CallNumbers {
    const ever = (place: number) =>
      rows.reduce((sum, [, { values, base }]) => sum + (values[base + place] as number), 0)
    const rate = (place: number) =>
      rows.reduce((sum, [index, row]) => sum + this.since(index, row, slot, place), 0) / seconds
    return {
      readUnitsRate: rate(READ_UNITS),
      writeUnitsRate: rate(WRITE_UNITS),
      throttledRate: rate(THROTTLED_COUNT),
      readUnits: ever(READ_UNITS),
      writeUnits: ever(WRITE_UNITS),
      throttled: ever(THROTTLED_COUNT),
      retries: ever(RETRIES),
      unprocessed: ever(UNPROCESSED),
      scanned: ever(SCANNED),
    }
  }
}
