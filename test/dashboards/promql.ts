import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'
import prom from 'prom-client'
import { FAMILIES } from '../../src/observe/families.js'

export interface Matcher {
  readonly label: string
  readonly op: string
  readonly value: string
}

export interface Selector {
  readonly metric: string
  readonly matchers: readonly Matcher[]
  /** `5m` of `[5m]`, '' of an instant selector. */
  readonly range: string
  /** The functions that it stands in, from the nearest out: `rate`, `histogram_quantile`. */
  readonly within: readonly string[]
}

export interface Parsed {
  /** Where the grammar could not go on. */
  readonly errors: readonly string[]
  readonly selectors: readonly Selector[]
  /** Of each `by (…)`, with the metrics that it aggregates. */
  readonly groupings: readonly { readonly labels: readonly string[]; readonly metrics: readonly string[] }[]
}

/** Reads an expression with Prometheus's own grammar. Grafana's variables must have been filled in where they are durations. */
export function parsePromql(expr: string): Parsed {
  const textOf = ({ from, to }: SyntaxNode) => expr.slice(from, to)
  const errors: string[] = []
  const nodes: SyntaxNode[] = []
  parser.parse(expr).iterate({
    enter({ node, type }) {
      nodes.push(node)
      if (type.isError) errors.push(`at ${node.from}: ${expr.slice(0, node.from)}>>>${expr.slice(node.from)}`)
    },
  })
  const named = (name: string) => nodes.filter((node) => node.name === name)
  const inside = (node: SyntaxNode, name: string) =>
    named(name).filter(({ from, to }) => from >= node.from && to <= node.to)
  const metricOf = (selector: SyntaxNode) => {
    const name = selector.getChild('Identifier')
    return name === null ? '' : textOf(name)
  }
  return {
    errors,
    selectors: named('VectorSelector').map((node) => ({
      metric: metricOf(node),
      matchers: inside(node, 'UnquotedLabelMatcher').map((matcher) => matcherOf(matcher, textOf)),
      range: rangeOf(node, textOf),
      within: functionsAround(node, textOf),
    })),
    groupings: named('AggregateExpr').flatMap((node) => {
      const labels = node.getChild('AggregateModifier')?.getChild('GroupingLabels')
      if (labels === null || labels === undefined) return []
      return [
        { labels: labels.getChildren('LabelName').map(textOf), metrics: inside(node, 'VectorSelector').map(metricOf) },
      ]
    }),
  }
}

type TextOf = (node: SyntaxNode) => string

function matcherOf(node: SyntaxNode, textOf: TextOf): Matcher {
  const child = (name: string) => {
    const found = node.getChild(name)
    return found === null ? '' : textOf(found)
  }
  return { label: child('LabelName'), op: child('MatchOp'), value: child('StringLiteral').slice(1, -1) }
}

function rangeOf({ parent }: SyntaxNode, textOf: TextOf): string {
  if (parent?.name !== 'MatrixSelector') return ''
  return /\[([^\]]*)\]$/.exec(textOf(parent))?.[1] ?? ''
}

function functionsAround(node: SyntaxNode, textOf: TextOf): string[] {
  const names: string[] = []
  for (let at: SyntaxNode | null = node; at !== null; at = at.parent) {
    const name = at.name === 'FunctionCall' ? at.getChild('FunctionIdentifier') : null
    if (name !== null) names.push(textOf(name))
  }
  return names
}

/** Labels that Prometheus adds when it scrapes. */
const SCRAPED = ['job', 'instance']

/** Each name that a scrape of oplens can give, with its labels; histograms by their three series. */
export function knownMetrics(): ReadonlyMap<string, ReadonlySet<string>> {
  const registry = new prom.Registry()
  prom.collectDefaultMetrics({ register: registry })
  const ofProcess = registry.getMetricsAsArray() as unknown as {
    readonly name: string
    readonly type: string
    readonly labelNames: readonly string[]
  }[]
  const known = new Map<string, ReadonlySet<string>>([['up', new Set(SCRAPED)]])
  const add = (name: string, type: string, labels: readonly string[]) => {
    if (type !== 'histogram') return known.set(name, new Set([...SCRAPED, ...labels]))
    for (const part of ['count', 'sum']) known.set(`${name}_${part}`, new Set([...SCRAPED, ...labels]))
    return known.set(`${name}_bucket`, new Set([...SCRAPED, ...labels, 'le']))
  }
  for (const { name, type, labels } of Object.values(FAMILIES)) add(name, type, labels)
  for (const { name, type, labelNames } of ofProcess) add(name, type, labelNames)
  return known
}

/** What is wrong with the names of an expression: metrics that nobody exposes, labels that they do not have. */
export function unknownNames(parsed: Parsed, known: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const problems: string[] = []
  for (const { metric, matchers } of parsed.selectors) {
    const labels = known.get(metric)
    if (labels === undefined) problems.push(`no metric ${metric}`)
    else for (const { label } of matchers) if (!labels.has(label)) problems.push(`${metric} has no label ${label}`)
  }
  for (const { labels, metrics } of parsed.groupings) {
    for (const label of labels) {
      const lacking = metrics.filter((metric) => known.get(metric)?.has(label) === false)
      if (lacking.length > 0) problems.push(`by (${label}): not a label of ${lacking}`)
    }
  }
  return problems
}
