/**
 * A strict reader of Prometheus text 0.0.4 and OpenMetrics 1.0.0, written from their specifications and sharing nothing with
 * the writer: it throws at the first line that a careful scraper would refuse.
 */
export interface Parsed {
  /** By `name{a="x",b="y"}`, labels sorted. */
  readonly samples: Map<string, number>
  /** Type by the name in the TYPE line. */
  readonly types: Map<string, string>
  /** By the key of their sample. */
  readonly exemplars: Map<string, ParsedExemplar>
}

export interface ParsedExemplar {
  /** `a="x"`, as they stand there. */
  readonly labels: readonly string[]
  readonly value: number
  /** Seconds since the epoch; undefined when there is none. */
  readonly timestamp: number | undefined
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const SUFFIXES: Record<string, Record<string, readonly string[]>> = {
  text: { counter: [''], gauge: [''], histogram: ['_bucket', '_sum', '_count'], summary: ['', '_sum', '_count'] },
  openmetrics: { counter: ['_total'], gauge: [''], histogram: ['_bucket', '_sum', '_count'] },
}

const LABELS = String.raw`(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*`
const SAMPLE = new RegExp(String.raw`^([^{ ]+)(?:\{(${LABELS})\})? (\S+)(?: # (.*))?$`)
const EXEMPLAR = new RegExp(String.raw`^\{(${LABELS})\} (\S+)(?: (\S+))?$`)
const NUMBER = /^([+-]Inf|NaN|-?\d+(\.\d+)?(e[+-]?\d+)?)$/
/** Of names and values together, quotes and commas left out. (OpenMetrics 1.0, "Exemplars") */
const MAX_EXEMPLAR_CHARACTERS = 128

export function parseStrictly(format: 'text' | 'openmetrics', text: string): Parsed {
  if (!text.endsWith('\n')) throw new Error('the last line is not ended')
  const lines = text.slice(0, -1).split('\n')
  if (format === 'openmetrics' && lines.pop() !== '# EOF') throw new Error('no # EOF at the end')
  const samples = new Map<string, number>()
  const types = new Map<string, string>()
  const exemplars = new Map<string, ParsedExemplar>()
  const meta = new Set<string>()
  let family = ''
  for (const line of lines) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`)
    }
    const comment = /^# (HELP|TYPE|UNIT) (\S+) (.*)$/.exec(line)
    if (line.startsWith('#')) {
      const [, word = '', name = '', rest = ''] = comment ?? fail('a comment that is no metadata')
      if (!NAME.test(name)) fail('bad name')
      if (meta.has(`${word} ${name}`)) fail('said twice, or a family in two places')
      meta.add(`${word} ${name}`)
      if (word === 'TYPE') {
        if (SUFFIXES[format]?.[rest] === undefined) fail('unknown type')
        types.set(name, rest)
      }
      if (word === 'UNIT' && (format === 'text' || !name.endsWith(`_${rest}`))) fail('bad unit')
      if (word === 'HELP' && /\\(?![\\n"])/.test(rest)) fail('bad escape')
      family = name
      continue
    }
    const [, name = '', labelText = '', valueText = '', exemplarText] = SAMPLE.exec(line) ?? fail('no sample')
    const type = types.get(family) ?? fail('a sample before its TYPE')
    const suffix = name.startsWith(family) ? name.slice(family.length) : fail('not of the family before it')
    if (!SUFFIXES[format]?.[type]?.includes(suffix)) fail(`a ${type} has no such sample`)
    if (!NUMBER.test(valueText)) fail('bad value')
    const value = valueText.endsWith('Inf') ? Number(`${valueText[0]}Infinity`) : Number(valueText)
    if (type === 'counter' && !(value >= 0)) fail('a counter below zero')
    const labels = parseLabels(labelText, fail)
    const key = `${name}{${[...labels].sort().join(',')}}`
    if (samples.has(key)) fail('the same series twice')
    samples.set(key, value)
    if (exemplarText === undefined) continue
    if (format === 'text') fail('the text format has no exemplars')
    if (suffix !== '_bucket' && suffix !== '_total') fail('only buckets and counters have exemplars')
    exemplars.set(key, parseExemplar(exemplarText, fail))
  }
  for (const [name, type] of types) if (type === 'histogram') checkHistograms(name, samples, exemplars)
  return { samples, types, exemplars }
}

function parseExemplar(text: string, fail: (why: string) => never): ParsedExemplar {
  const [, labelText = '', value = '', timestamp] = EXEMPLAR.exec(text) ?? fail('bad exemplar')
  const labels = parseLabels(labelText, fail)
  const characters = labels.reduce((sum, label) => sum + [...label.replaceAll(/\\(.)/g, '$1')].length - '=""'.length, 0)
  if (characters > MAX_EXEMPLAR_CHARACTERS) fail('an exemplar with labels that are too long')
  if (!NUMBER.test(value) || /Inf|NaN/.test(value)) fail('bad value of an exemplar')
  if (timestamp !== undefined && !/^\d+(\.\d+)?$/.test(timestamp)) fail('bad time of an exemplar')
  return { labels, value: Number(value), timestamp: timestamp === undefined ? undefined : Number(timestamp) }
}

function parseLabels(text: string, fail: (why: string) => never): string[] {
  const labels: string[] = []
  let rest = text
  while (rest !== '') {
    const match = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,(?=.)|$)/.exec(rest) ?? fail('bad labels')
    if (labels.some((label) => label.startsWith(`${match[1]}=`))) fail('the same label twice')
    labels.push(`${match[1]}="${match[2]}"`)
    rest = rest.slice(match[0].length)
  }
  return labels
}

function checkHistograms(
  name: string,
  samples: Map<string, number>,
  exemplars: ReadonlyMap<string, ParsedExemplar>,
): void {
  const open = new Map<string, { le: number; count: number }>()
  for (const [key, value] of samples) {
    if (!key.startsWith(`${name}_bucket{`)) continue
    const leText = /le="([^"]*)"/.exec(key)?.[1] ?? ''
    if (leText !== '+Inf' && !/^\d+\.\d+$/.test(leText)) throw new Error(`le is not canonical: ${key}`)
    const le = leText === '+Inf' ? Number.POSITIVE_INFINITY : Number(leText)
    const series = key
      .replace(/,?le="[^"]*"/, '')
      .replace('{,', '{')
      .replace(`${name}_bucket`, name)
    const last = open.get(series)
    if (last !== undefined && (le <= last.le || value < last.count)) throw new Error(`buckets out of order: ${key}`)
    const shown = exemplars.get(key)?.value
    if (shown !== undefined && (shown > le || shown <= (last?.le ?? Number.NEGATIVE_INFINITY)))
      throw new Error(`an exemplar in another bucket than its own: ${key}`)
    if (shown !== undefined && value <= (last?.count ?? 0)) throw new Error(`an exemplar of nothing: ${key}`)
    open.set(series, { le, count: value })
  }
  for (const [series, last] of open) {
    const count = samples.get(series.replace(name, `${name}_count`))
    if (last.le !== Number.POSITIVE_INFINITY || count !== last.count)
      throw new Error(`+Inf is not the count: ${series}`)
    if (!samples.has(series.replace(name, `${name}_sum`))) throw new Error(`no sum: ${series}`)
  }
}
