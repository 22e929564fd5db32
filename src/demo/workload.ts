import type { Clock, Random } from '../core/clock.js'
import { ACTIONS, isServerError } from './shop/actions.js'
import { AppTraces } from './shop/app-traces.js'
import { DriverTally, type WorkloadRow } from './shop/driver-tally.js'
import { seed } from './shop/seed.js'
import { Shop } from './shop/shop.js'
import { VISITORS, visit } from './visit.js'

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
  /** Base URL of an OTLP/HTTP collector for the shop's own spans. */
  readonly collector?: string | undefined
}

export interface WorkloadSummary {
  /** Every command that the driver's monitoring events told of. */
  readonly operations: number
  readonly rows: readonly WorkloadRow[]
}

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
    const { clock, random, collector } = options
    const shop = new Shop(client, clock, random, new AppTraces({ clock, random, collector }))
    await seed(shop)
    await visit(shop, ACTIONS, { ...options, isAnswer: isServerError })
  } finally {
    await client.close()
  }
  return { operations: tally.total, rows: tally.rows() }
}
