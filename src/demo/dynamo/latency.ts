import type { Random } from '../../core/clock.js'

const TAIL_SHARE = 0.02
const THROTTLED_SHARE = 0.01

/** Milliseconds that the service and the way to it would add to each kind of call. */
const TYPICAL_MS: Readonly<Record<string, number>> = {
  GetItem: 2,
  PutItem: 4,
  UpdateItem: 4,
  DeleteItem: 4,
  Query: 5,
  Scan: 12,
  BatchGetItem: 6,
  BatchWriteItem: 9,
  TransactWriteItems: 15,
}

/** What makes the demo worth looking at: each operation has its own delay, and one in fifty is much slower. */
export function dynamoLatency(random: Random): (operation: string) => number {
  return (operation) => (TYPICAL_MS[operation] ?? 0) * (0.5 + random()) * (random() < TAIL_SHARE ? 15 : 1)
}

/** Writes of one table are more than it can take now and then: SDKs try them again. */
export function hotTable(table: string, random: Random): (operation: string, body: string) => boolean {
  const named = `"TableName":"${table}"`
  return (operation, body) => operation === 'UpdateItem' && body.includes(named) && random() < THROTTLED_SHARE
}
