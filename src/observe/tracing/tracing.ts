import { randomUUID } from 'node:crypto'
import type { Clock, Random } from '../../core/clock.js'
import type { Exchange } from '../../core/exchange.js'
import type { Logger } from '../../core/logger.js'
import type { Observer } from '../../core/observer.js'
import type { ObserveConfig } from '../config.js'
import type { Exemplars } from '../exemplars.js'
import type { Exposed } from '../exposition.js'
import { FAMILIES } from '../families.js'
import type { HistogramSeries } from '../histogram.js'
import { formatLabels } from '../label-text.js'
import type { SlowRules } from '../slow/slow-rules.js'
import { redactedFields } from './redacted-fields.js'
import { Sampler } from './sampler.js'
import type { LoadedSdk } from './sdk.js'
import type { TracingSettings } from './settings.js'
import type { TraceRefs } from './trace-refs.js'
import { TracingObserver } from './tracing-observer.js'
import { WallOffset } from './wall-offset.js'

/** How long the end of the process waits for the collector. */
const FLUSH_MS = 3_000

export interface TracingOptions {
  readonly settings: TracingSettings
  readonly showValues: ObserveConfig['show_values']
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly version: string
  readonly slow: SlowRules
  readonly exemplars: Exemplars
  readonly durationOf: (exchange: Exchange) => HistogramSeries | undefined
}

export interface Tracing {
  readonly observer: Observer
  readonly refs: TraceRefs
  /** Loads OpenTelemetry; nothing is traced before. Never rejects: traffic goes on without traces. */
  start(): Promise<void>
  /** Sends what waits, for some seconds at the longest. Never rejects. */
  close(): Promise<void>
  expose(): Exposed[]
}

export function createTracing(options: TracingOptions): Tracing {
  const { settings, showValues, clock, random, logger, version, slow, exemplars, durationOf } = options
  const sampler = new Sampler(settings, slow, random)
  const observer = new TracingObserver({ sampler, offset: new WallOffset(clock), exemplars, durationOf })
  let sdk: LoadedSdk | undefined
  return {
    observer,
    refs: observer,
    async start() {
      for (const problem of settings.problems)
        logger.warn({ problem }, 'A variable of OpenTelemetry was not understood')
      const isRedacted = redactedFields(showValues.redact)
      try {
        const { loadSdk } = await import('./sdk.js')
        sdk = await loadSdk({ settings, clock, logger, version, instanceId: randomUUID(), isRedacted })
      } catch (error) {
        logger.error({ err: error, code: 'OPL_TRACING' }, 'OpenTelemetry could not be started: nothing is traced')
        return
      }
      const { queue, maker } = sdk
      observer.sink = {
        hasRoom: (isMinor) => queue.hasRoom(isMinor),
        make: (exchange, sampledBy, parent, offsetMs) => maker.make(exchange, sampledBy, parent, offsetMs),
      }
      const { sample, followParent, exporter, protocol } = settings
      logger.info({ sample, followParent, exporter, protocol }, 'Operations are traced')
    },
    async close() {
      observer.sink = undefined
      await sdk?.queue.close(FLUSH_MS)
    },
    expose: () => (sdk === undefined ? [] : exposeTraces(observer, sdk)),
  }
}

function exposeTraces({ made }: TracingObserver, { queue }: LoadedSdk): Exposed[] {
  const labelled = (label: string, values: readonly (readonly [string, number])[]) =>
    values.map(([name, value]) => ({ labels: formatLabels([label], [name]), value }))
  const spans = Object.entries(made).map(([why, { value }]) => [why, value] as const)
  return [
    { kind: 'samples', family: FAMILIES.tracesSpans, samples: labelled('sampled_by', spans) },
    { kind: 'samples', family: FAMILIES.tracesExported, samples: [{ labels: '', value: queue.exported }] },
    { kind: 'samples', family: FAMILIES.tracesDropped, samples: labelled('reason', Object.entries(queue.dropped)) },
    { kind: 'samples', family: FAMILIES.tracesQueued, samples: [{ labels: '', value: queue.size }] },
  ]
}
