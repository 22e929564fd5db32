import { z } from 'zod'

const count = (what: string, fallback: number) =>
  z.int(`expected a whole number of ${what}`).min(1).max(1_000_000).default(fallback)

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

export const observeSchema = z.strictObject({ metrics: metricsSchema.prefault({}) })

export type ObserveConfig = z.output<typeof observeSchema>
export type MetricsConfig = ObserveConfig['metrics']
