import { ConnectionInfo } from '../../src/core/connection.js'
import { Exchange, type Operation } from '../../src/core/exchange.js'
import { silentLogger } from '../../src/core/logger.js'
import { OK, type Outcome } from '../../src/core/outcome.js'
import type { TableUse } from '../../src/core/table-use.js'
import { observeSchema } from '../../src/observe/config.js'
import { createObservation, type Observation, type ObservationOptions } from '../../src/observe/observation.js'
import { FakeClock } from '../support/fake-clock.js'
import { type Parsed, parseStrictly } from './strict-parser.js'

export const OPENMETRICS = 'application/openmetrics-text;version=1.0.0'

type Options = Partial<ObservationOptions> & { readonly metrics?: object; readonly observe?: object }

export function observation(options: Options = {}): Observation {
  const config = observeSchema.parse({ ...options.observe, metrics: { process_metrics: false, ...options.metrics } })
  const base = {
    clock: new FakeClock(),
    logger: silentLogger,
    sources: { listeners: [], clusters: [], memberListeners: [] },
    version: '1.2.3',
    env: {},
  }
  return createObservation({ ...base, config, ...options })
}

export const client = (cluster = 'shop', listener = 'front'): ConnectionInfo =>
  new ConnectionInfo(1, listener, cluster, '127.0.0.1:5', 0)

export async function textOf(o: Observation, accept?: string): Promise<string> {
  let text = ''
  for await (const chunk of o.metrics.render(accept).body) text += chunk
  return text
}

export const scrape = async (o: Observation): Promise<Parsed> => parseStrictly('text', await textOf(o))

/** The sample whose name is `name` and that has all of `labels`; fails when there is not exactly one. */
export function sample({ samples }: Parsed, name: string, labels: Record<string, string> = {}): number | undefined {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  const found = [...samples].filter(
    ([key]) => key.startsWith(`${name}{`) && wanted.every((label) => key.includes(label)),
  )
  if (found.length > 1) throw new Error(`${name} ${wanted} is not one series: ${found.map(([key]) => key)}`)
  return found[0]?.[1]
}

export interface Call {
  readonly command?: string
  /** Names, or rows of which only what matters is told. */
  readonly tables?: readonly (string | (Partial<TableUse> & Pick<TableUse, 'table'>))[]
  readonly status?: number
  readonly attempt?: number
  readonly scanned?: number
  readonly outcome?: Outcome
  readonly errorLabels?: readonly string[]
  readonly cluster?: string
  readonly listener?: string
  readonly ms?: number
}

const rowOf = (use: NonNullable<Call['tables']>[number]): TableUse => ({
  index: '',
  readUnits: 0,
  writeUnits: 0,
  items: 1,
  unprocessed: 0,
  ...(typeof use === 'string' ? { table: use } : use),
})

/** One DynamoDB call, as its codec and the HTTP path tell it. */
export function call(o: Observation, how: Call = {}): void {
  const tables = (how.tables ?? []).map(rowOf)
  const names = new Set(tables.map(({ table }) => table))
  const collection = names.size === 1 ? (tables[0]?.table ?? '') : ''
  const command = how.command ?? 'GetItem'
  end(o, { protocol: 'aws.dynamodb', command, kind: 'read', database: '', collection }, { ...how, tables })
}

/** One plain request. */
export function request(o: Observation, method: string, how: Omit<Call, 'command' | 'tables'> = {}): void {
  end(o, { protocol: 'http', command: method, kind: 'read', database: '', collection: '' }, { ...how, tables: [] })
}

function end(o: Observation, operation: Operation, how: Call & { readonly tables: readonly TableUse[] }): void {
  const { status = 200, attempt = 1, scanned = -1, outcome = OK, errorLabels = [], tables } = how
  const exchange = new Exchange(client(how.cluster, how.listener), operation, 100)
  o.hub.exchangeStarted(exchange)
  const endedAtMs = 100 + (how.ms ?? 3)
  Object.assign(exchange, { status, attempt, scanned, outcome, errorLabels, tables, endedAtMs })
  Object.assign(exchange, { requestBytes: 100, replyBytes: 400 })
  o.hub.exchangeEnded(exchange)
}

export const failedAs = (codeName: string, status: number): Outcome => ({
  kind: 'command_error',
  code: status,
  codeName,
  by: '',
})
