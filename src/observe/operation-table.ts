import type { ConnectionInfo } from '../core/connection.js'
import { type Operation, type OperationKind, OTHER } from '../core/exchange.js'
import type { EndedBy, Outcome, OutcomeKind } from '../core/outcome.js'
import type { CallSeries } from './call-series.js'
import type { MetricsConfig } from './config.js'
import type { Sample } from './counters.js'
import { FAMILIES, HTTP_LABELS, OPERATION_LABELS } from './families.js'
import { HISTOGRAM_WIDTH, type HistogramSeries } from './histogram.js'
import { HTTP } from './http-responses.js'
import { formatLabels } from './label-text.js'
import { type LabelGuard, OTHER_CODE } from './labels.js'
import { Pages, type Row } from './pages.js'

/** Places in the row of plain numbers that every operation series has: one cache line. */
export const REQUEST_BYTES = 0
export const REPLY_BYTES = 1
export const DOCUMENTS_RETURNED = 2
export const DOCUMENTS_SENT = 3
export const UNACKNOWLEDGED_COUNT = 4
/** Awaited ones left out. */
export const OPERATIONS = 5
export const ERRORS = 6
export const AWAITED = 7
export const PLAIN_WIDTH = 8

/** Databases whose errors OpenTelemetry names by an exception: their number is HTTP's status and says little. */
const NAMED_ERRORS: ReadonlySet<string> = new Set(['aws.dynamodb'])

const OUTCOME_INDEX: Readonly<Record<OutcomeKind, number>> = {
  ok: 0,
  command_error: 1,
  write_error: 2,
  write_concern_error: 3,
  refused: 4,
  unacknowledged: 5,
  unknown: 6,
  aborted: 7,
}
export const outcomeIndex = (kind: OutcomeKind): number => OUTCOME_INDEX[kind]

const BY_INDEX: Readonly<Record<EndedBy | '', number>> = { '': 0, client: 1, server: 2, proxy: 3 }
/** The cache is emptied past this: interners may make the same operation again and again. */
const MAX_CACHED = 20_000

/** Everything counted for one (cluster, database, collection, command). */
export interface OperationSeries {
  readonly protocol: string
  readonly cluster: string
  readonly database: string
  readonly collection: string
  readonly command: string
  readonly kind: OperationKind
  readonly labels: string
  readonly plain: Row
  /** By outcome; made when the first such outcome comes. */
  readonly durations: (HistogramSeries | undefined)[]
  readonly awaited: (HistogramSeries | undefined)[]
  /** By number, or by name. */
  readonly errors: Map<number | string, Sample>
  /** Plain HTTP, in families of its own. */
  readonly isHttp: boolean
  /** Made when the first exchange comes that tells such things: of protocols inside HTTP. */
  calls: CallSeries | undefined
}

interface Cached {
  readonly cluster: string
  readonly series: OperationSeries
  /** The same operation on another cluster: interners do not know clusters. */
  readonly next: Cached | undefined
}

const noOutcomes = (): undefined[] => [
  undefined,
  undefined,
  undefined,
  undefined,
  undefined,
  undefined,
  undefined,
  undefined,
]

/** Finds and makes the series of operations. The hit path is one Map lookup by the operation's identity. */
export class OperationTable {
  readonly all: OperationSeries[] = []
  readonly durations: HistogramSeries[] = []
  readonly awaited: HistogramSeries[] = []
  readonly http: HistogramSeries[] = []
  readonly errors: Sample[] = []
  readonly #guard: LabelGuard
  readonly #maxSeries: number
  readonly #cache = new Map<Operation, Cached>()
  readonly #byKey = new Map<string, OperationSeries>()
  readonly #plain = new Pages(PLAIN_WIDTH, 256)
  readonly #histograms = new Pages(HISTOGRAM_WIDTH)

  constructor(limits: Pick<MetricsConfig, 'max_series'>, guard: LabelGuard) {
    this.#guard = guard
    this.#maxSeries = limits.max_series
  }

  find(connection: ConnectionInfo, operation: Operation): OperationSeries {
    const cluster = connection.cluster
    const first = this.#cache.get(operation)
    for (let cached = first; cached !== undefined; cached = cached.next) {
      if (cached.cluster === cluster) return cached.series
    }
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear()
    const series = this.#resolve(cluster, operation)
    this.#cache.set(operation, { cluster, series, next: this.#cache.get(operation) })
    return series
  }

  duration(series: OperationSeries, kind: OutcomeKind): HistogramSeries {
    const all = series.isHttp ? this.http : this.durations
    return series.durations[OUTCOME_INDEX[kind]] ?? this.#histogram(series, series.durations, all, kind)
  }

  awaitedDuration(series: OperationSeries, kind: OutcomeKind): HistogramSeries {
    return series.awaited[OUTCOME_INDEX[kind]] ?? this.#histogram(series, series.awaited, this.awaited, kind)
  }

  error(series: OperationSeries, outcome: Outcome): Sample {
    const code = this.#code(series, outcome)
    return series.errors.get(errorKey(outcome, code)) ?? this.#error(series, outcome, code)
  }

  #code({ protocol }: OperationSeries, { code, codeName }: Outcome): number | string {
    if (codeName === '' || !NAMED_ERRORS.has(protocol)) return this.#guard.code(code)
    const name = this.#guard.codeName(codeName)
    return name === OTHER ? OTHER_CODE : name
  }

  #histogram(of: OperationSeries, mine: (HistogramSeries | undefined)[], all: HistogramSeries[], kind: OutcomeKind) {
    const made = { ...this.#histograms.allocate(), labels: `${of.labels},outcome="${kind}"` }
    mine[OUTCOME_INDEX[kind]] = made
    all.push(made)
    return made
  }

  #error(series: OperationSeries, outcome: Outcome, code: number | string): Sample {
    if (this.errors.length >= this.#maxSeries && code !== 0 && code !== OTHER_CODE) {
      this.#guard.overflowed('db_response_status_code')
      const folded = series.errors.get(errorKey(outcome, OTHER_CODE))
      return folded ?? this.#error(series, outcome, OTHER_CODE)
    }
    const text = code === OTHER_CODE ? OTHER : code === 0 ? '' : String(code)
    const labels = `${series.labels},${formatLabels(ERROR_LABELS, [outcome.kind, text, outcome.by])}`
    const made: Sample = { labels, value: 0 }
    series.errors.set(errorKey(outcome, code), made)
    this.errors.push(made)
    return made
  }

  #resolve(cluster: string, operation: Operation): OperationSeries {
    const { database, collection } = this.#guard.namespace(cluster, operation.database, operation.collection)
    const known = this.#byKey.get(keyOf(cluster, operation, database, collection))
    if (known !== undefined) return known
    if (this.all.length < this.#maxSeries) return this.#make(cluster, operation, database, collection)
    this.#guard.overflowed('series')
    const folded = this.#byKey.get(keyOf(cluster, operation, OTHER, OTHER))
    return folded ?? this.#make(cluster, operation, OTHER, OTHER)
  }

  #make(cluster: string, operation: Operation, database: string, collection: string): OperationSeries {
    const { protocol, command, kind } = operation
    const isHttp = protocol === HTTP
    const made: OperationSeries = {
      protocol,
      cluster,
      database,
      collection,
      command,
      kind,
      labels: isHttp
        ? formatLabels(HTTP_LABELS, [cluster, command])
        : formatLabels(OPERATION_LABELS, [protocol, cluster, database, collection, command]),
      plain: this.#plain.allocate(),
      durations: noOutcomes(),
      awaited: noOutcomes(),
      errors: new Map(),
      isHttp,
      calls: undefined,
    }
    this.#byKey.set(keyOf(cluster, operation, database, collection), made)
    this.all.push(made)
    return made
  }
}

const ERROR_LABELS = FAMILIES.operationErrors.labels.slice(OPERATION_LABELS.length)

const keyOf = (cluster: string, { protocol, command }: Operation, database: string, collection: string): string =>
  [protocol, cluster, command, database, collection].join('\0')

/** Codes that are numbers have 32 bits, so the product stays exact. */
const errorKey = (outcome: Outcome, code: number | string): number | string => {
  const how = OUTCOME_INDEX[outcome.kind] * 4 + BY_INDEX[outcome.by]
  return typeof code === 'number' ? code * 32 + how : `${how} ${code}`
}
