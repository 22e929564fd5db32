/**
 * A strict reader of Prometheus text 0.0.4 and OpenMetrics 1.0.0, written from their specifications and sharing nothing with
 * the writer: it throws at the first line that a careful scraper would refuse.
 */
export interface Parsed {
  /** By `name{a="x",b="y"}`, labels sorted. */
  readonly samples: Map<string, number>
  /** Type by the name in the TYPE line. */
  readonly types: Map<string, string>
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const SUFFIXES: Record<string, Record<string, readonly string[]>> = {
  text: { counter: [''], gauge: [''], histogram: ['_bucket', '_sum', '_count'], summary: ['', '_sum', '_count'] },
  openmetrics: { counter: ['_total'], gauge: [''], histogram: ['_bucket', '_sum', '_count'] },
}

export function parseStrictly(format: 'text' | 'openmetrics', text: string): Parsed {
  if (!text.endsWith('\n')) throw new Error('the last line is not ended')
  const lines = text.slice(0, -1).split('\n')
  if (format === 'openmetrics' && lines.pop() !== '# EOF') throw new Error('no # EOF at the end')
  const samples = new Map<string, number>()
  const types = new Map<string, string>()
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
    const [, name = '', labelText = '', valueText = ''] =
      /^([^{ ]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? fail('no sample')
    const type = types.get(family) ?? fail('a sample before its TYPE')
    const suffix = name.startsWith(family) ? name.slice(family.length) : fail('not of the family before it')
    if (!SUFFIXES[format]?.[type]?.includes(suffix)) fail(`a ${type} has no such sample`)
    if (!/^([+-]Inf|NaN|-?\d+(\.\d+)?(e[+-]?\d+)?)$/.test(valueText)) fail('bad value')
    const value = valueText.endsWith('Inf') ? Number(`${valueText[0]}Infinity`) : Number(valueText)
    if (type === 'counter' && !(value >= 0)) fail('a counter below zero')
    const labels = parseLabels(labelText, fail)
    const key = `${name}{${[...labels].sort().join(',')}}`
    if (samples.has(key)) fail('the same series twice')
    samples.set(key, value)
  }
  for (const [name, type] of types) if (type === 'histogram') checkHistograms(name, samples)
  return { samples, types }
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

function checkHistograms(name: string, samples: Map<string, number>): void {
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
    open.set(series, { le, count: value })
  }
  for (const [series, last] of open) {
    const count = samples.get(series.replace(name, `${name}_count`))
    if (last.le !== Number.POSITIVE_INFINITY || count !== last.count)
      throw new Error(`+Inf is not the count: ${series}`)
    if (!samples.has(series.replace(name, `${name}_sum`))) throw new Error(`no sum: ${series}`)
  }
}
