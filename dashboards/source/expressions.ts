import type { Family } from '../../src/observe/families.js'

/**
 * PromQL of the dashboards, built from the families that the code exposes: a metric that is renamed does not compile, and every selector
 * carries the variables of its dashboard.
 */

/** Of a histogram, which of its series. */
type Part = 'bucket' | 'count' | 'sum'

export interface Narrow {
  /** More matchers: `outcome="ok"`. */
  readonly where?: readonly string[]
  /** By `$database` and `$collection` too, on dashboards that have them. */
  readonly byCollection?: boolean
}

const PROXY = ['job=~"$job"', 'instance=~"$instance"']
const WHO = new Map([['cluster', 'cluster=~"$cluster"']])
const WHICH = new Map([
  ['db_namespace', 'db_namespace=~"$database"'],
  ['db_collection_name', 'db_collection_name=~"$collection"'],
])

const found = (labels: readonly string[], by: ReadonlyMap<string, string>): string[] =>
  labels.flatMap((label) => by.get(label) ?? [])

/** Of metrics that prom-client brings, and Prometheus's own: `process_…`, `nodejs_…`, `up`. */
export function processMetric(name: string, where: readonly string[] = []): string {
  return `${name}{${[...PROXY, ...where].join(', ')}}`
}

/** A selector: the family with the matchers of the variables that fit its labels. */
export function series({ name, labels }: Family, { where = [], byCollection = false }: Narrow = {}): string {
  const which = byCollection ? found(labels, WHICH) : []
  return `${name}{${[...PROXY, ...found(labels, WHO), ...which, ...where].join(', ')}}`
}

export function part(family: Family, which: Part, narrow?: Narrow): string {
  return series({ ...family, name: `${family.name}_${which}` }, narrow)
}

export const rate = (selector: string): string => `rate(${selector}[$__rate_interval])`
export const increase = (selector: string): string => `increase(${selector}[$__rate_interval])`

const aggregate = (how: string, labels: readonly string[], of: string): string =>
  labels.length === 0 ? `${how}(${of})` : `${how} by (${labels.join(', ')}) (${of})`

export const sum = (labels: readonly string[], of: string): string => aggregate('sum', labels, of)
export const max = (labels: readonly string[], of: string): string => aggregate('max', labels, of)
export const min = (labels: readonly string[], of: string): string => aggregate('min', labels, of)
export const top = (count: number, of: string): string => `topk(${count}, ${of})`

/** Operations, errors, bytes or whatever a counter counts, per second, by labels. */
export const rateBy = (family: Family, labels: readonly string[], narrow?: Narrow): string =>
  sum(labels, rate(series(family, narrow)))

/** Observations of a histogram per second, by labels. */
export const observedBy = (family: Family, labels: readonly string[], narrow?: Narrow): string =>
  sum(labels, rate(part(family, 'count', narrow)))

/** Seconds spent per second. */
export const spentBy = (family: Family, labels: readonly string[], narrow?: Narrow): string =>
  sum(labels, rate(part(family, 'sum', narrow)))

export const meanBy = (family: Family, labels: readonly string[], narrow?: Narrow): string =>
  `${spentBy(family, labels, narrow)} / ${observedBy(family, labels, narrow)}`

export const quantileBy = (quantile: number, family: Family, labels: readonly string[], narrow?: Narrow): string =>
  `histogram_quantile(${quantile}, ${sum(['le', ...labels], rate(part(family, 'bucket', narrow)))})`

/** `share` is absent where nothing of the kind has happened: nought then, as long as there is a whole. */
export const shareOf = (share: string, whole: string): string => `(${share} or 0 * ${whole}) / ${whole}`
