import type { Sample } from './counters.js'
import type { Exposed } from './exposition.js'
import type { Family } from './families.js'
import { formatLabels } from './label-text.js'

/** Gauges whose names end like counters: OpenMetrics forbids them and promtool complains; `_active_resources` says the same. */
const LEFT_OUT = new Set([
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
])

/**
 * Loads prom-client and starts its default metrics (event loop lag, garbage collection, memory, CPU, file descriptors) in a
 * registry of their own. They measure from here on.
 * @returns reads them all; called once per scrape
 */
export async function loadProcessMetrics(): Promise<() => Promise<Exposed[]>> {
  const { default: prom } = await import('prom-client')
  const registry = new prom.Registry()
  prom.collectDefaultMetrics({ register: registry })
  return async () => {
    const metrics = await registry.getMetricsAsJSON()
    return metrics.filter(({ name }) => !LEFT_OUT.has(name)).map((metric) => exposedOf(metric as unknown as JsonMetric))
  }
}

/** What `getMetricsAsJSON` gives; its own types call `type` an enum of numbers, which it is not. */
interface JsonMetric {
  readonly name: string
  readonly help: string
  readonly type: Family['type']
  readonly values: readonly {
    readonly value: number
    readonly labels: Readonly<Record<string, string | number>>
    readonly metricName?: string
  }[]
}

function exposedOf({ name, help, type, values }: JsonMetric): Exposed {
  const samples = values.map(({ value, labels, metricName }): Sample & { suffix: string } => {
    const names = Object.keys(labels)
    const text = names.map((label) => (label === 'le' ? bound(labels[label]) : String(labels[label])))
    return { labels: formatLabels(names, text), value, suffix: (metricName ?? name).slice(name.length) }
  })
  return { kind: 'samples', family: { name, help, type, labels: [] }, samples }
}

const bound = (le: string | number | undefined): string => (Number.isInteger(le) ? `${le}.0` : String(le))
