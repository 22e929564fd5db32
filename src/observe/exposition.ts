import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Sample } from './counters.js'
import type { Exemplar, Exemplars } from './exemplars.js'
import type { Family } from './families.js'
import { BOUNDS_SECONDS, BUCKETS, type HistogramSeries } from './histogram.js'

export type Format = 'text' | 'openmetrics'

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** A family with its values at the time of asking. `suffix` is for ready-made histograms, whose samples are named apart. */
export type Exposed =
  | {
      readonly kind: 'samples'
      readonly family: Family
      readonly samples: Iterable<Sample & { readonly suffix?: string }>
    }
  | {
      readonly kind: 'histogram'
      readonly family: Family
      readonly series: readonly HistogramSeries[]
      /** Told in OpenMetrics alone: the text format has no place for them. */
      readonly exemplars?: Exemplars | undefined
    }

/** About 0.3 ms of work; between two chunks the event loop turns. */
const CHUNK_CHARACTERS = 64 * 1024
/** `1.0` in both formats, as OpenMetrics wants it and Prometheus 3 writes it: a series must not change with the format. */
const LE = [...BOUNDS_SECONDS.map((s) => (Number.isInteger(s) ? `${s}.0` : String(s))), '+Inf'].map(
  (le) => `,le="${le}"} `,
)

/** Which format an Accept header prefers; `text` unless OpenMetrics 1.0.0 is asked for at least as much. */
export function formatFor(accept: string | undefined): Format {
  let text = 0
  let openmetrics = 0
  for (const range of (accept ?? '').split(',')) {
    const [type = '', ...parameters] = range.toLowerCase().replaceAll(/[\s"]/g, '').split(';')
    const q = Number(parameters.find((p) => p.startsWith('q='))?.slice(2) ?? 1) || 0
    const version = parameters.find((p) => p.startsWith('version='))?.slice(8) ?? '1.0.0'
    if (type === 'application/openmetrics-text' && version === '1.0.0') openmetrics = Math.max(openmetrics, q)
    else if (type === 'text/plain' || type === 'text/*' || type === '*/*') text = Math.max(text, q)
  }
  return openmetrics > 0 && openmetrics >= text ? 'openmetrics' : 'text'
}

export function formatValue(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}

/**
 * Renders families as text in chunks, giving the event loop a turn after each: traffic goes on during a scrape of any size.
 * One histogram series is always of one moment; different series may be of different turns.
 */
export async function* expose(format: Format, families: AsyncIterable<Exposed>): AsyncGenerator<string> {
  let text = ''
  for await (const exposed of families) {
    const lines = exposed.kind === 'histogram' ? histogramLines(exposed, format) : sampleLines(exposed)
    let isFirst = true
    for (const line of lines) {
      // A family without series yet is left out: nothing can be said about it.
      text += isFirst ? header(format, exposed.family) + line : line
      isFirst = false
      if (text.length < CHUNK_CHARACTERS) continue
      yield text
      text = ''
      await nextTurn()
    }
  }
  text += format === 'openmetrics' ? '# EOF\n' : ''
  if (text !== '') yield text
}

function header(format: Format, { name, type, help }: Family): string {
  const escaped = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  if (format === 'text') return `# HELP ${name} ${escaped}\n# TYPE ${name} ${type}\n`
  const base = type === 'counter' ? name.replace(/_total$/, '') : name
  const unit = /_(seconds|bytes)$/.exec(base)?.[1]
  const units = unit === undefined ? '' : `# UNIT ${base} ${unit}\n`
  return `# TYPE ${base} ${type}\n${units}# HELP ${base} ${escaped.replaceAll('"', '\\"')}\n`
}

function* sampleLines({ family, samples }: Extract<Exposed, { kind: 'samples' }>): Generator<string> {
  for (const { labels, value, suffix } of samples) {
    yield `${family.name}${suffix ?? ''}${labels === '' ? '' : `{${labels}}`} ${formatValue(value)}\n`
  }
}

function* histogramLines(
  { family: { name }, series, exemplars }: Extract<Exposed, { kind: 'histogram' }>,
  format: Format,
): Generator<string> {
  // By index: series may be added while the loop turns.
  for (let s = 0; s < series.length; s++) {
    const one = series[s] as HistogramSeries
    const { labels, values, base } = one
    const traced = format === 'openmetrics' ? exemplars?.of(one) : undefined
    const prefix = `${name}_bucket{${labels}`
    let count = 0
    let lines = ''
    for (let i = 0; i < BUCKETS; i++) {
      count += values[base + i] as number
      lines += `${prefix}${LE[i]}${count}${exemplarText(traced?.[i])}\n`
    }
    const sum = values[base + BUCKETS] as number
    yield `${lines}${name}_sum{${labels}} ${formatValue(sum)}\n${name}_count{${labels}} ${count}\n`
  }
}

/** OpenMetrics 1.0, section "Exemplars": 63 characters of the 128 that its labels may have; its time is in seconds. */
function exemplarText(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return ''
  const { traceId, spanId, valueMs, atMs } = exemplar
  const value = formatValue(Math.max(0, valueMs) / 1_000)
  return ` # {trace_id="${traceId}",span_id="${spanId}"} ${value} ${(atMs / 1_000).toFixed(3)}`
}
