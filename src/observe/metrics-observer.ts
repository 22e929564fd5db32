import type { Direction, RewriteResult } from '../core/codec.js'
import type { ConnectionInfo } from '../core/connection.js'
import type { DecodeError } from '../core/errors.js'
import type { Exchange } from '../core/exchange.js'
import type { CloseReason, Observer } from '../core/observer.js'
import { type Outcome, UNKNOWN } from '../core/outcome.js'
import type { CallCounter } from './call-counter.js'
import { Counters, type Sample } from './counters.js'
import { FAMILIES } from './families.js'
import { type HistogramSeries, observe } from './histogram.js'
import { formatLabels } from './label-text.js'
import type { MemberTable } from './member-table.js'
import {
  AWAITED,
  DOCUMENTS_RETURNED,
  DOCUMENTS_SENT,
  ERRORS,
  OPERATIONS,
  type OperationSeries,
  type OperationTable,
  REPLY_BYTES,
  REQUEST_BYTES,
  UNACKNOWLEDGED_COUNT,
} from './operation-table.js'

/** Operations open on one listener. */
interface Active {
  readonly listener: string
  readonly cluster: string
  readonly labels: string
  operations: number
  awaited: number
}

/** Counts everything that the data path tells. The first and last event of an operation are the hot path of the product. */
export class MetricsObserver implements Observer {
  readonly name = 'metrics'
  readonly active: Active[] = []
  readonly messages = new Counters(FAMILIES.messages.labels)
  readonly decodeErrors = new Counters(FAMILIES.decodeErrors.labels)
  readonly lost = new Counters(FAMILIES.decodingLost.labels)
  readonly closed = new Counters(FAMILIES.downstreamClosed.labels)
  readonly rewrites = new Counters(FAMILIES.helloRewrites.labels)
  readonly #table: OperationTable
  readonly #members: MemberTable
  readonly #calls: CallCounter
  readonly #activeByListener = new Map<string, Active>()
  #lastActive: Active | undefined
  /** The open ones that were known to wait when they started. */
  readonly #awaited = new Set<Exchange>()
  readonly #requestsByOpcode = new Map<string, Sample>()
  readonly #repliesByOpcode = new Map<string, Sample>()

  constructor(table: OperationTable, members: MemberTable, calls: CallCounter) {
    this.#table = table
    this.#members = members
    this.#calls = calls
  }

  connectionClosed(connection: ConnectionInfo, reason: CloseReason): void {
    this.closed.with(connection.listener, reason).value++
  }

  exchangeStarted(exchange: Exchange): void {
    const active = this.#activeOf(exchange.connection)
    if (exchange.isAwaited) {
      this.#awaited.add(exchange)
      active.awaited++
    } else active.operations++
  }

  exchangeEnded(exchange: Exchange): void {
    const active = this.#activeOf(exchange.connection)
    const series = this.#table.find(exchange.connection, exchange.operation)
    const outcome = exchange.outcome ?? UNKNOWN
    addPlain(series, exchange, exchange.isAwaited ? AWAITED : OPERATIONS)
    // Of protocols inside HTTP; the rest pays for these three looks alone.
    if (exchange.status !== 0 || exchange.tables.length !== 0 || exchange.attempt > 1)
      this.#calls.count(exchange, series)
    if (exchange.isAwaited) {
      // That an operation waits may show only in a later part of its request: it was not counted as such then.
      if (this.#awaited.delete(exchange)) active.awaited--
      else active.operations--
      observe(this.#table.awaitedDuration(series, outcome.kind), exchange.durationMs)
      // Every client that leaves cuts an awaited operation: no error of the operation.
      if (outcome.kind !== 'ok' && outcome.kind !== 'aborted') this.#countError(series, outcome)
      return
    }
    active.operations--
    if (outcome.kind === 'ok') {
      // The common case apart: a lookup by outcome costs more than all the rest.
      observe(series.durations[0] ?? this.#table.duration(series, 'ok'), exchange.durationMs)
      this.#observeMember(exchange)
      return
    }
    if (outcome.kind === 'unacknowledged') {
      add(series, UNACKNOWLEDGED_COUNT, 1)
      return
    }
    observe(this.#table.duration(series, outcome.kind), exchange.durationMs)
    // To these no member gave an answer.
    if (outcome.kind !== 'aborted' && outcome.kind !== 'refused') this.#observeMember(exchange)
    this.#countError(series, outcome)
  }

  /** The histogram that an ended exchange was observed in; undefined when it was in none. */
  durationOf({ connection, operation, isAwaited, outcome = UNKNOWN }: Exchange): HistogramSeries | undefined {
    const series = this.#table.find(connection, operation)
    if (isAwaited) return this.#table.awaitedDuration(series, outcome.kind)
    return outcome.kind === 'unacknowledged' ? undefined : this.#table.duration(series, outcome.kind)
  }

  messageSeen(_connection: ConnectionInfo, direction: Direction, opcode: string): void {
    const byOpcode = direction === 'request' ? this.#requestsByOpcode : this.#repliesByOpcode
    let sample = byOpcode.get(opcode)
    if (sample === undefined) {
      sample = this.messages.with(direction, opcode)
      byOpcode.set(opcode, sample)
    }
    sample.value++
  }

  messageUndecodable(connection: ConnectionInfo, direction: Direction, reason: string): void {
    this.decodeErrors.with(connection.listener, direction, reason).value++
  }

  /** Some per connection and ten seconds at most: no hot path. */
  replyRewritten(connection: ConnectionInfo, form: string, result: RewriteResult): void {
    this.rewrites.with(connection.listener, form, result).value++
  }

  decodingLost(connection: ConnectionInfo, direction: Direction, error: DecodeError): void {
    this.decodeErrors.with(connection.listener, direction, error.reason).value++
    this.lost.with(connection.listener, direction, error.reason).value++
  }

  #observeMember({ connection, durationMs }: Exchange): void {
    const { host } = connection
    if (host !== undefined) observe(this.#members.find(connection, host), durationMs)
  }

  /** `unknown` means that the reply could not be read, not that it was an error. */
  #countError(series: OperationSeries, outcome: Outcome): void {
    if (outcome.kind === 'unknown') return
    add(series, ERRORS, 1)
    // Of plain HTTP the status tells, and has its own family.
    if (!series.isHttp) this.#table.error(series, outcome).value++
  }

  #activeOf(connection: ConnectionInfo): Active {
    const last = this.#lastActive
    if (last !== undefined && last.listener === connection.listener) return last
    const active = this.#activeByListener.get(connection.listener) ?? this.#newActive(connection)
    this.#lastActive = active
    return active
  }

  #newActive({ listener, cluster }: ConnectionInfo): Active {
    const labels = formatLabels(FAMILIES.operationsActive.labels, [cluster, listener])
    const made: Active = { listener, cluster, labels, operations: 0, awaited: 0 }
    this.#activeByListener.set(listener, made)
    this.active.push(made)
    return made
  }
}

function add(series: OperationSeries, place: number, amount: number): void {
  const { values, base } = series.plain
  values[base + place] = (values[base + place] as number) + amount
}

function addPlain(series: OperationSeries, exchange: Exchange, place: number): void {
  const { values, base } = series.plain
  values[base + place] = (values[base + place] as number) + 1
  values[base + REQUEST_BYTES] = (values[base + REQUEST_BYTES] as number) + exchange.requestBytes
  values[base + REPLY_BYTES] = (values[base + REPLY_BYTES] as number) + exchange.replyBytes
  values[base + DOCUMENTS_RETURNED] = (values[base + DOCUMENTS_RETURNED] as number) + exchange.documents
  values[base + DOCUMENTS_SENT] = (values[base + DOCUMENTS_SENT] as number) + exchange.batchSize
}
