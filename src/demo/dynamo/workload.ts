import type { Clock, Random } from '../../core/clock.js'
import { VISITORS, visit } from '../visit.js'
import { ACTIONS } from './actions.js'
import { Bazaar } from './bazaar.js'
import { type CallRow, isServiceError, SdkTally } from './sdk-tally.js'
import { seed } from './seed.js'

export interface DynamoWorkloadOptions {
  /** `http://host:port` */
  readonly endpoint: string
  /** undefined: until the signal. */
  readonly seconds: number | undefined
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly random: Random
  /** Calls per second, about. */
  readonly ratePerSecond: number
}

export interface DynamoWorkloadSummary {
  /** Every request that the SDK sent. */
  readonly operations: number
  readonly rows: readonly CallRow[]
}

const CONNECT_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 20_000

/**
 * A small shop at work through the official AWS SDK: makes its tables, then reads, writes and errs until the time is over or the
 * signal aborts. Calls begun are finished, retries included.
 * @throws the SDK's error when the service cannot be reached, or is gone for good
 */
export async function runDynamoWorkload(options: DynamoWorkloadOptions): Promise<DynamoWorkloadSummary> {
  // It warns of the Node versions that its later versions will need; this one is pinned, and fine.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  const { DynamoDB } = await import('@aws-sdk/client-dynamodb')
  const db = new DynamoDB({
    endpoint: options.endpoint,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'demo', secretAccessKey: 'demo' },
    userAgentAppId: 'demo-bazaar',
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      httpAgent: { keepAlive: true, maxSockets: VISITORS },
    },
  })
  const tally = new SdkTally()
  tally.watch(db)
  try {
    const bazaar = new Bazaar(db, options.clock, options.random)
    await seed(bazaar)
    await visit(bazaar, ACTIONS, { ...options, isAnswer: isServiceError })
  } finally {
    db.destroy()
  }
  return { operations: tally.total, rows: tally.rows() }
}
