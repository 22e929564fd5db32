import type { Writable } from 'node:stream'
import { type Clock, type Random, systemRandom } from '../core/clock.js'
import type { ConnectionInfo } from '../core/connection.js'
import type { Exchange } from '../core/exchange.js'
import type { Logger } from '../core/logger.js'
import { namespaceMatcher } from '../core/namespace-pattern.js'
import type { Hub, Observer } from '../core/observer.js'
import type {
  CollectionName,
  DigestQuery,
  DigestsReport,
  GroupBy,
  HistoryQuery,
  HistoryReport,
  MemberTraffic,
  OperationsReport,
  SlowReport,
  TablesReport,
} from '../core/reports.js'
import type { Detail } from '../core/shape.js'
import { CallCounter } from './call-counter.js'
import type { ObserveConfig } from './config.js'
import { Counters, type Sample } from './counters.js'
import { exposeDigests, exposeSlow } from './digest-sources.js'
import { Digests } from './digests/digests.js'
import { Exemplars } from './exemplars.js'
import { CONTENT_TYPES, type Exposed, expose, formatFor } from './exposition.js'
import { FAMILIES } from './families.js'
import { HistoryView } from './history.js'
import { ObserverHub } from './hub.js'
import { formatLabels } from './label-text.js'
import { LabelGuard } from './labels.js'
import { MemberTable } from './member-table.js'
import { MembersView } from './members.js'
import { MetricsObserver } from './metrics-observer.js'
import { exposeCalls, exposeOperations } from './operation-sources.js'
import { OperationTable } from './operation-table.js'
import { OperationsView } from './operations.js'
import { loadProcessMetrics } from './process-metrics.js'
import { SlowLog } from './slow/slow-log.js'
import { SlowRules } from './slow/slow-rules.js'
import { exposeSources, type ObservationSources } from './sources.js'
import { TableUses } from './table-uses.js'
import { TablesView } from './tables.js'
import { redactedFields } from './tracing/redacted-fields.js'
import { type Env, tracingSettings } from './tracing/settings.js'
import { NO_TRACES } from './tracing/trace-refs.js'
import { createTracing } from './tracing/tracing.js'

export interface ObservationOptions {
  readonly config: ObserveConfig
  readonly clock: Clock
  readonly logger: Logger
  readonly sources: ObservationSources
  /** Of the product, for `oplens_build_info`. */
  readonly version: string
  /** OpenTelemetry's variables; the process's own by default, which its exporters read in any case. */
  readonly env?: Env
  readonly random?: Random
  /** Where lines of the slow log go that are for stdout; the process's own by default. */
  readonly stdout?: Writable
  /** Observers beside the metrics, called after them. */
  readonly observers?: readonly Observer[]
}

export interface MetricsText {
  readonly contentType: string
  /** Chunks of some 64 KiB; the event loop turns between them. */
  readonly body: AsyncIterable<string>
}

export interface LiveOperations {
  readonly connections: number
  readonly active: number
  readonly awaitedActive: number
}

export interface Observation {
  /** What codecs are to tell, for all of this to have something to say. */
  readonly detail: Detail
  /** What the data path tells everything to. */
  readonly hub: Hub
  readonly metrics: { render(accept: string | undefined): MetricsText }
  readonly operations: {
    /** @param of the rows of one collection alone */
    report(by?: GroupBy, of?: CollectionName): OperationsReport
    live(): LiveOperations
  }
  /** The last hour of everything, of a collection or of one command of it. */
  readonly history: { report(of?: HistoryQuery, maxSteps?: number): HistoryReport }
  /** What each table is asked, by protocols that tell. */
  readonly tables: { report(): TablesReport }
  readonly digests: { report(query: DigestQuery): DigestsReport }
  readonly slow: { report(limit: number): SlowReport }
  /** What a host of a cluster answers, by their names. */
  readonly members: { report(cluster: string, host: string): MemberTraffic | undefined }
  /** Client connections open now, oldest first. */
  connections(): Iterable<ConnectionInfo>
  /**
   * Loads what is loaded only when it is on, opens what is written to. Before the first operation.
   * @throws OplensError OPL_SLOW_LOG when the file of the slow log can't be opened
   */
  start(): Promise<void>
  /** Files were moved away: opens their paths anew. */
  reopen(): void
  /** Sends the spans and lines that wait, in a few seconds at most. After the last operation: nothing is traced or written from here on. Never rejects. */
  flush(): Promise<void>
  /** Stops the timers of the live views. What was counted can still be read. */
  close(): void
}

/** Keeps the open connections, for the admin's list. */
class ConnectionBook implements Observer {
  readonly name = 'connections'
  readonly open = new Set<ConnectionInfo>()

  connectionOpened(connection: ConnectionInfo): void {
    this.open.add(connection)
  }

  connectionClosed(connection: ConnectionInfo): void {
    this.open.delete(connection)
  }
}

/** Wires everything that watches: one hub to tell, and what can be read of it. */
export function createObservation(options: ObservationOptions): Observation {
  const { config, clock, logger, sources } = options
  const overflow = new Counters(FAMILIES.metricsOverflow.labels)
  const observerErrors = new Counters(FAMILIES.observerErrors.labels)
  const guard = new LabelGuard(config.metrics, overflow)
  const table = new OperationTable(config.metrics, guard)
  const members = new MemberTable(guard)
  const tables = new TableUses(config.metrics, guard)
  const calls = new CallCounter(tables, guard)
  const metrics = new MetricsObserver(table, members, calls)
  const book = new ConnectionBook()
  const rules = new SlowRules(config.slow_log)
  const settings = tracingSettings(config.tracing, options.env ?? process.env)
  const exemplars = new Exemplars(() => guard.overflowed('exemplars'))
  const { random = systemRandom, version } = options
  const durationOf = (exchange: Exchange) => metrics.durationOf(exchange)
  const tracing = settings.isEnabled
    ? createTracing({
        settings,
        showValues: config.show_values,
        clock,
        random,
        logger,
        version,
        slow: rules,
        exemplars,
        durationOf,
      })
    : undefined
  const view = new OperationsView(clock, table)
  const history = new HistoryView(clock, table)
  const membersView = new MembersView(clock, members)
  const tablesView = new TablesView(clock, tables)
  const digests = config.digests.enabled ? new Digests(config.digests, clock) : undefined
  const slow = config.slow_log.enabled
    ? new SlowLog({
        config: config.slow_log,
        rules,
        clock,
        random,
        logger,
        table,
        stdout: options.stdout ?? process.stdout,
        traces: tracing?.refs ?? NO_TRACES,
        isRedacted: redactedFields(config.show_values.redact),
      })
    : undefined
  const processMetrics = config.metrics.process_metrics ? startProcessMetrics(logger) : async () => []
  const families = async function* (): AsyncGenerator<Exposed> {
    yield* exposeOperations(table, metrics, exemplars)
    yield* exposeCalls(table, tables, calls, exemplars)
    yield { kind: 'histogram', family: FAMILIES.upstreamDuration, series: members.durations }
    if (digests !== undefined) yield* exposeDigests(digests)
    if (slow !== undefined) yield* exposeSlow(slow)
    yield* exposeSources(sources)
    if (tracing !== undefined) yield* tracing.expose()
    yield { kind: 'samples', family: FAMILIES.observerErrors, samples: observerErrors }
    yield { kind: 'samples', family: FAMILIES.metricsOverflow, samples: overflow }
    yield { kind: 'samples', family: FAMILIES.buildInfo, samples: [buildInfo(options.version)] }
    yield* await processMetrics()
  }
  // The slow log comes after what traces: it names the span of an operation.
  const own = [metrics, book, tracing?.observer, digests, slow].filter((one) => one !== undefined)
  const observers = [...own, ...(options.observers ?? [])]
  return {
    detail: detailFor(config, settings.isEnabled),
    hub: new ObserverHub(observers, observerErrors, clock, logger),
    metrics: {
      render: (accept) => {
        const format = formatFor(accept)
        return { contentType: CONTENT_TYPES[format], body: expose(format, families()) }
      },
    },
    operations: {
      report: (by, of) => view.report(by, of),
      live: () => ({
        connections: book.open.size,
        active: metrics.active.reduce((sum, a) => sum + a.operations, 0),
        awaitedActive: metrics.active.reduce((sum, a) => sum + a.awaited, 0),
      }),
    },
    history: { report: (of, maxSteps) => history.report(of, maxSteps) },
    tables: { report: () => tablesView.report() },
    digests: { report: (query) => digests?.report(query) ?? NO_DIGESTS },
    slow: { report: (limit) => slow?.report(limit) ?? NO_SLOW },
    members: { report: (cluster, host) => membersView.report(cluster, host) },
    connections: () => book.open,
    start: async () => {
      await slow?.start()
      await tracing?.start()
    },
    reopen: () => slow?.writer.reopen(),
    flush: async () => {
      await Promise.all([tracing?.close(), slow?.writer.close()])
    },
    close: () => {
      view.close()
      history.close()
      membersView.close()
      tablesView.close()
      digests?.close()
    },
  }
}

const NO_DIGESTS: DigestsReport = { isEnabled: false, rows: [], rowsTotal: 0, other: [] }
const NO_SLOW: SlowReport = { isEnabled: false, operations: [], total: 0 }

/** Loading takes some 30 ms: at the start, not in the first scrape. A scrape without them is better than none. */
function startProcessMetrics(logger: Logger): () => Promise<Exposed[]> {
  const loading = loadProcessMetrics().catch((error: unknown) => {
    logger.warn({ err: error }, 'Process metrics are not available')
    return async () => []
  })
  return async () => (await loading)()
}

const buildInfo = (version: string): Sample => ({
  labels: formatLabels(FAMILIES.buildInfo.labels, [version, process.versions.node]),
  value: 1,
})

function detailFor({ digests, slow_log, show_values }: ObserveConfig, isTraced: boolean): Detail {
  const { namespaces, except } = show_values
  const shown = namespaceMatcher(namespaces)
  const hidden = namespaceMatcher(except)
  return {
    shapes: digests.enabled || slow_log.enabled || isTraced,
    values: namespaces.length === 0 ? undefined : (db, collection) => shown(db, collection) && !hidden(db, collection),
  }
}
