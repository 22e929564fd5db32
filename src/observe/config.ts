import { z } from 'zod'
import { durationMs, sizeBytes } from '../core/units.js'

const count = (what: string, fallback: number) =>
  z.int(`expected a whole number of ${what}`).min(1).max(1_000_000).default(fallback)
const duration = z
  .string({ error: 'expected a duration with its unit, like 250ms, 2s, 5m or 1h' })
  .transform((text, context) => durationMs(text, context))
const share = z.number('expected a share from 0 to 1').min(0).max(1)
/** `shop.orders`, `shop.*`, `*`; of DynamoDB, whose tables have no database, `.orders`. */
const namespaces = z.array(z.string().min(1).max(255)).max(1_000)

const metricsSchema = z.strictObject({
  /** Distinct `db_namespace` values per cluster; the rest folds into `__other__`. */
  max_databases: count('databases', 100),
  /** Distinct (`db_namespace`, `db_collection_name`) pairs per cluster; as many indexes. */
  max_collections: count('collections', 1_000),
  /** Distinct (cluster, database, collection, command) sets in this process: the last bound, whatever the names are. */
  max_series: count('series', 10_000),
  /** Distinct `db_response_status_code` values. */
  max_error_codes: count('error codes', 100),
  /** Event loop lag, memory, garbage collection and CPU of this process. */
  process_metrics: z.boolean().default(true),
})

const digestsSchema = z.strictObject({
  enabled: z.boolean().default(true),
  /** Rows of (cluster, namespace, command, shape) kept; what is seen least makes room, its numbers go to `__other__`. Reports sort all of them in one turn of the loop. */
  max_rows: z.int('expected a whole number of rows').min(10).max(10_000).default(1_000),
})

const slowRuleSchema = z.strictObject({
  /** Which operations; the first rule that fits counts. Left out: any. */
  namespaces: namespaces.optional(),
  commands: z.array(z.string().min(1).max(100)).max(200).optional(),
  threshold: duration,
})

const slowFileSchema = z.strictObject({
  path: z.string().min(1),
  /** The file is renamed to `path.1` when it grows past this. */
  max_size: z
    .string({ error: 'expected a size with its unit, like 10MiB' })
    .default('64MiB')
    .transform((text, context) => sizeBytes(text, context)),
  /** How many renamed files are kept. */
  keep: z.int().min(0).max(100).default(3),
})

const slowLogSchema = z.strictObject({
  enabled: z.boolean().default(true),
  /** An operation that takes this long is slow. */
  threshold: duration.prefault('100ms'),
  rules: z.array(slowRuleSchema).max(1_000).default([]),
  /** Of slow operations, the share that is written. */
  sample: share.default(1),
  /** Lines per second at most; the rest is counted. */
  max_per_second: z.int().min(1).max(100_000).default(50),
  /** How many of the last are kept in memory, for `/slow` and the page. */
  keep: z.int().min(1).max(10_000).default(500),
  /** JSON lines in the envelope of mongod's own log: to a file, or to stdout. Neither: only kept in memory. */
  file: slowFileSchema.optional(),
  stdout: z.boolean().default(false),
})

/** Where nothing is said, OpenTelemetry's variables count, and the default after them: see `tracing/settings.ts`. */
const tracingSchema = z.strictObject({
  /** `auto`: when `endpoint`, an OTEL_EXPORTER_OTLP_…ENDPOINT or OTEL_TRACES_EXPORTER is set. */
  enabled: z.union([z.boolean(), z.literal('auto')]).default('auto'),
  protocol: z.enum(['http/protobuf', 'http/json', 'grpc']).optional(),
  /** Of HTTP without a path: `/v1/traces` is added. */
  endpoint: z.url({ protocol: /^https?$/, error: 'expected a URL like http://collector:4318' }).optional(),
  service_name: z.string().min(1).max(255).optional(),
  /** Of operations without a parent, the share that is traced. */
  sample: share.optional(),
  /** Whether a parent decides: sampled, traced; not sampled, not traced. */
  follow_parent: z.boolean().optional(),
  /** Slow and failed operations are traced whatever was drawn. */
  keep_slow: z.boolean().default(true),
  keep_failed: z.boolean().default(true),
  /** Spans that wait to be sent, those on their way included; more are dropped and counted. */
  max_queue: z.int().min(1).max(100_000).optional(),
})

const showValuesSchema = z.strictObject({
  /** Where the slow log, spans and the page show requests with their values. */
  namespaces: namespaces.default([]),
  /** But not there. */
  except: namespaces.default([]),
  /** Field names whose values stay hidden all the same, `*` for any run of characters. */
  redact: z.array(z.string().min(1).max(255)).max(1_000).default([]),
})

export const observeSchema = z.strictObject({
  metrics: metricsSchema.prefault({}),
  digests: digestsSchema.prefault({}),
  slow_log: slowLogSchema.prefault({}),
  tracing: tracingSchema.prefault({}),
  show_values: showValuesSchema.prefault({}),
})

export type ObserveConfig = z.output<typeof observeSchema>
export type MetricsConfig = ObserveConfig['metrics']
export type DigestsConfig = ObserveConfig['digests']
export type SlowLogConfig = ObserveConfig['slow_log']
export type TracingConfig = ObserveConfig['tracing']
export type ShowValuesConfig = ObserveConfig['show_values']
