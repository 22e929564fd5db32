import type { ConnectionInfo } from '../../src/core/connection.js'
import { Exchange, type Operation } from '../../src/core/exchange.js'
import { OK, type Outcome } from '../../src/core/outcome.js'
import type { DigestQuery } from '../../src/core/reports.js'
import type { RequestValues, Shape } from '../../src/core/shape.js'
import { client } from './harness.js'

export interface Ended {
  readonly command?: string
  readonly database?: string
  readonly collection?: string
  /** undefined: the operation has none. */
  readonly shape?: Shape | undefined
  readonly connection?: ConnectionInfo
  readonly startedAtMs?: number
  readonly ms?: number
  readonly firstByteMs?: number
  readonly outcome?: Outcome
  readonly isAwaited?: boolean
  readonly documents?: number
  readonly batchSize?: number
  readonly requestBytes?: number
  readonly replyBytes?: number
  readonly affected?: number
  readonly modified?: number
  readonly cursorId?: bigint
  readonly connectMs?: number
  readonly values?: RequestValues
  readonly operation?: Operation
}

export const operationOf = ({ command = 'find', database = 'shop', collection = 'orders' }: Ended): Operation => ({
  protocol: 'mongodb',
  command,
  kind: 'read',
  database,
  collection,
})

/** One exchange that is over, as a codec would hand it over. */
export function ended(how: Ended = {}): Exchange {
  const { connection = client(), startedAtMs = 1_000, ms = 3, firstByteMs = ms, cursorId = 0n } = how
  const exchange = new Exchange(connection, how.operation ?? operationOf(how), startedAtMs)
  exchange.shape = how.shape
  exchange.values = how.values
  exchange.firstReplyAtMs = firstByteMs < 0 ? 0 : startedAtMs + firstByteMs
  exchange.endedAtMs = startedAtMs + ms
  exchange.outcome = how.outcome ?? OK
  exchange.isAwaited = how.isAwaited ?? false
  exchange.documents = how.documents ?? 0
  exchange.batchSize = how.batchSize ?? 0
  exchange.requestBytes = how.requestBytes ?? 100
  exchange.replyBytes = how.replyBytes ?? 400
  exchange.affected = how.affected ?? -1
  exchange.modified = how.modified ?? -1
  exchange.connectMs = how.connectMs ?? -1
  exchange.cursorIdLow = Number(BigInt.asIntN(32, cursorId))
  exchange.cursorIdHigh = Number(BigInt.asIntN(32, cursorId >> 32n))
  return exchange
}

export function shapeOf(text: string, command = 'find', isTruncated = false): Shape {
  let hash = 0n
  for (const c of `${command}\n${text}`)
    hash = BigInt.asUintN(64, (hash ^ BigInt(c.codePointAt(0) ?? 0)) * 0x100000001b3n)
  return { id: hash.toString(16).padStart(16, '0'), command, text, isTruncated }
}

export const query = (of: Partial<DigestQuery> = {}): DigestQuery => ({
  sort: 'operations',
  cluster: '',
  database: '',
  collection: '',
  command: '',
  shapeId: '',
  limit: 100_000,
  ...of,
})
