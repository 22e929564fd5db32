import type { TracingConfig } from '../config.js'

export type Protocol = 'http/protobuf' | 'http/json' | 'grpc'

/** What tracing does, out of the config file, OpenTelemetry's variables and defaults, in this order. */
export interface TracingSettings {
  readonly isEnabled: boolean
  readonly exporter: 'otlp' | 'console'
  readonly protocol: Protocol
  /** undefined: the exporter reads its own variables. */
  readonly endpoint: string | undefined
  readonly serviceName: string | undefined
  /** 0 to 1 */
  readonly sample: number
  readonly followParent: boolean
  readonly keepSlow: boolean
  readonly keepFailed: boolean
  readonly maxQueue: number
  readonly maxBatch: number
  /** Between two exports, unless a batch is full before. */
  readonly delayMs: number
  /** After which an export is given up. */
  readonly exportTimeoutMs: number
  /** Names of resource detectors; none unless asked for. */
  readonly detectors: readonly string[]
  /** Variables that were not understood, as sentences. */
  readonly problems: readonly string[]
}

export type Env = Readonly<Record<string, string | undefined>>

const DEFAULT_SAMPLE = 0.01
/** OpenTelemetry's is 512, which holds up the event loop for 3 ms and more while they are serialised; see `bench/tracing.bench.mjs`. */
const DEFAULT_BATCH = 128
const PROTOCOLS: readonly string[] = ['http/protobuf', 'http/json', 'grpc'] satisfies Protocol[]

interface Sampling {
  readonly sample: number
  readonly followParent: boolean
}

/** https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
export function tracingSettings(config: TracingConfig, env: Env): TracingSettings {
  const problems: string[] = []
  const read = new Variables(env, problems)
  const exporter = read.exporter()
  const sampling = read.sampling()
  const maxQueue = config.max_queue ?? read.positive('OTEL_BSP_MAX_QUEUE_SIZE', 2_048)
  return {
    isEnabled: exporter !== 'none' && !read.isTrue('OTEL_SDK_DISABLED') && isWanted(config, env),
    exporter: exporter === 'console' ? 'console' : 'otlp',
    protocol: config.protocol ?? read.protocol(),
    endpoint: config.endpoint,
    serviceName: config.service_name,
    sample: config.sample ?? sampling?.sample ?? DEFAULT_SAMPLE,
    followParent: config.follow_parent ?? sampling?.followParent ?? true,
    keepSlow: config.keep_slow,
    keepFailed: config.keep_failed,
    maxQueue,
    maxBatch: Math.min(maxQueue, read.positive('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', DEFAULT_BATCH)),
    delayMs: read.positive('OTEL_BSP_SCHEDULE_DELAY', 5_000),
    exportTimeoutMs: read.positive('OTEL_BSP_EXPORT_TIMEOUT', 30_000),
    detectors: read.list('OTEL_NODE_RESOURCE_DETECTORS').filter((name) => name !== 'none'),
    problems,
  }
}

function isWanted({ enabled, endpoint }: TracingConfig, env: Env): boolean {
  if (enabled !== 'auto') return enabled
  const names = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_TRACES_EXPORTER']
  return endpoint !== undefined || names.some((name) => (env[name] ?? '').trim() !== '')
}

/** Empty is unset, and what makes no sense is told and counts as unset, as the specification wants. */
class Variables {
  readonly #env: Env
  readonly #problems: string[]

  constructor(env: Env, problems: string[]) {
    this.#env = env
    this.#problems = problems
  }

  list(name: string): string[] {
    return this.#text(name)
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
  }

  isTrue(name: string): boolean {
    return this.#text(name).toLowerCase() === 'true'
  }

  positive(name: string, fallback: number): number {
    const text = this.#text(name)
    if (text === '') return fallback
    const value = Number(text)
    if (Number.isInteger(value) && value > 0) return value
    return this.#ignored(name, 'is no whole number above 0', fallback)
  }

  /** The first that is known: one exporter is enough for a proxy. */
  exporter(): 'otlp' | 'console' | 'none' {
    const names = this.list('OTEL_TRACES_EXPORTER')
    if (names.length === 0) return 'otlp'
    const known = names.find((name) => name === 'otlp' || name === 'console' || name === 'none')
    if (names.length > 1 || known === undefined)
      this.#ignored('OTEL_TRACES_EXPORTER', 'is not one of otlp, console and none', undefined)
    return known === 'console' || known === 'none' ? known : 'otlp'
  }

  protocol(): Protocol {
    for (const name of ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL']) {
      const text = this.#text(name)
      if (PROTOCOLS.includes(text)) return text as Protocol
      if (text !== '') this.#ignored(name, `is not one of ${PROTOCOLS.join(', ')}`, undefined)
    }
    return 'http/protobuf'
  }

  sampling(): Sampling | undefined {
    const name = this.#text('OTEL_TRACES_SAMPLER').toLowerCase()
    const followParent = name.startsWith('parentbased_')
    switch (name.replace(/^parentbased_/, '')) {
      case '':
        return undefined
      case 'always_on':
        return { sample: 1, followParent }
      case 'always_off':
        return { sample: 0, followParent }
      case 'traceidratio':
        return { sample: this.#ratio(), followParent }
      default:
        return this.#ignored('OTEL_TRACES_SAMPLER', 'names no sampler that oplens has', undefined)
    }
  }

  #ratio(): number {
    const text = this.#text('OTEL_TRACES_SAMPLER_ARG')
    const ratio = Number(text)
    if (text !== '' && ratio >= 0 && ratio <= 1) return ratio
    return this.#ignored('OTEL_TRACES_SAMPLER_ARG', 'is no share from 0 to 1', 1)
  }

  #text(name: string): string {
    return (this.#env[name] ?? '').trim()
  }

  #ignored<T>(name: string, why: string, instead: T): T {
    this.#problems.push(`${name} ${why}`)
    return instead
  }
}
