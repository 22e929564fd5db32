import type { Random } from '../../core/clock.js'
import type { CommandSummary, Latency } from '../mongod/execute.js'

const REPORT_MS = 250
const TAIL_SHARE = 0.02
/** A find that looks at every order. */
const SCAN_MS = 120

/** Milliseconds that a disk and a busy server would add to each kind of command. */
const TYPICAL_MS: Readonly<Record<string, number>> = {
  find: 0.5,
  getMore: 1,
  insert: 2,
  update: 2.5,
  delete: 2.5,
  findAndModify: 4,
  aggregate: 12,
  count: 1,
  distinct: 6,
}

/** Delays that make the demo worth looking at: each command has its own, one in fifty is much slower, reports are slow. */
export function shopLatency(random: Random): Latency {
  return ({ name, database, body }: CommandSummary) => {
    if (name === 'find' && body.filter?.['items.sku'] !== undefined) return SCAN_MS * (1 + random())
    if (database === 'reports' && name === 'aggregate') return REPORT_MS * (1 + random())
    const typicalMs = TYPICAL_MS[name] ?? 0
    const tail = random() < TAIL_SHARE ? 15 : 1
    const ms = typicalMs * (0.5 + random()) * tail
    // A timer has a resolution of one millisecond: less than one is best left out.
    return ms < 1 ? 0 : ms
  }
}
