import { createRequire } from 'node:module'
import { DiagLogLevel, diag } from '@opentelemetry/api'
import type * as Sdk from '@opentelemetry/sdk-node'
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions'
import type { Clock } from '../../core/clock.js'
import type { Logger } from '../../core/logger.js'
import { diagnostics } from './diagnostics.js'
import type { Protocol, TracingSettings } from './settings.js'
import { SpanMaker } from './span-maker.js'
import { type SpanExporter, SpanQueue } from './span-queue.js'

export interface SdkOptions {
  readonly settings: TracingSettings
  readonly clock: Clock
  readonly logger: Logger
  readonly version: string
  /** Unique for each run of the process. */
  readonly instanceId: string
  readonly isRedacted: (field: string) => boolean
}

export interface LoadedSdk {
  readonly maker: SpanMaker
  readonly queue: SpanQueue
}

type Resource = Sdk.resources.Resource

/** Of the exporters' constructors, what is said here; the rest they read from their variables. */
type ExporterClass = new (config: { readonly url?: string }) => SpanExporter

const EXPORTERS: Readonly<Record<Protocol, string>> = {
  'http/protobuf': '@opentelemetry/exporter-trace-otlp-proto',
  'http/json': '@opentelemetry/exporter-trace-otlp-http',
  grpc: '@opentelemetry/exporter-trace-otlp-grpc',
}

/**
 * The parts of `@opentelemetry/sdk-node` that tracing needs, from where that package has them: a fifth of the time to load, and
 * two thirds of the memory, of the whole with its metrics, logs and instrumentations.
 */
const partsOf = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'))

/**
 * OpenTelemetry's tracer, resource and exporter around our own queue. Nothing is registered globally but where its own
 * warnings go. This module and what it imports are loaded when tracing is on.
 * @throws what OpenTelemetry throws about settings that it can't use
 */
export async function loadSdk(options: SdkOptions): Promise<LoadedSdk> {
  const { settings, clock, logger, isRedacted } = options
  diag.setLogger(diagnostics(logger, clock), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
  const { BasicTracerProvider, AlwaysOnSampler } = partsOf('@opentelemetry/sdk-trace-base') as typeof Sdk.tracing
  const resource = resourceOf(options)
  await resource.waitForAsyncAttributes?.()
  const queue = new SpanQueue({ settings, clock, logger, exporter: exporterOf(settings) })
  // What is traced was decided before a span is made.
  const sampler = new AlwaysOnSampler()
  const provider = new BasicTracerProvider({ resource, sampler, spanProcessors: [queue] })
  return { queue, maker: new SpanMaker(provider.getTracer('oplens', options.version), isRedacted) }
}

function exporterOf({ exporter, protocol, endpoint }: TracingSettings): SpanExporter {
  if (exporter === 'console') {
    const { ConsoleSpanExporter } = partsOf('@opentelemetry/sdk-trace-base') as typeof Sdk.tracing
    return new ConsoleSpanExporter()
  }
  const { OTLPTraceExporter } = partsOf(EXPORTERS[protocol]) as { readonly OTLPTraceExporter: ExporterClass }
  return new OTLPTraceExporter(endpoint === undefined ? {} : { url: urlOf(protocol, endpoint) })
}

/** As with OTEL_EXPORTER_OTLP_ENDPOINT, the signal's own path is added to an address. */
function urlOf(protocol: Protocol, endpoint: string): string {
  const url = new URL(endpoint)
  if (protocol !== 'grpc' && url.pathname === '/') url.pathname = '/v1/traces'
  return url.href
}

/** Later ones win: our defaults, OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME, what was asked to be detected, the config file. */
function resourceOf({ settings, version, instanceId }: SdkOptions): Resource {
  const { defaultResource, detectResources, envDetector, resourceFromAttributes, ...others } = partsOf(
    '@opentelemetry/resources',
  ) as typeof Sdk.resources
  const known = {
    host: others.hostDetector,
    os: others.osDetector,
    process: others.processDetector,
    serviceinstance: others.serviceInstanceIdDetector,
  }
  const named = Object.entries(known).filter(
    ([name]) => settings.detectors.includes(name) || settings.detectors.includes('all'),
  )
  const ours = {
    [ATTR_SERVICE_NAME]: 'oplens',
    [ATTR_SERVICE_VERSION]: version,
    // Not stable yet, so its constant is not in the stable entry point.
    'service.instance.id': instanceId,
  }
  const fromFile = settings.serviceName === undefined ? {} : { [ATTR_SERVICE_NAME]: settings.serviceName }
  return defaultResource()
    .merge(resourceFromAttributes(ours))
    .merge(detectResources({ detectors: [...named.map(([, detector]) => detector), envDetector] }))
    .merge(resourceFromAttributes(fromFile))
}
