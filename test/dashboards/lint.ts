import { parsePromql } from './promql.js'

export interface Target {
  expr: string
  legendFormat: string
  exemplar?: boolean
  datasource?: { uid?: string }
}

export interface Panel {
  id: number
  type: string
  title: string
  description: string
  datasource: { uid?: string }
  gridPos: { x: number; y: number; w: number; h: number }
  fieldConfig: { defaults: { unit?: string; links?: { url: string }[] } }
  targets: Target[]
}

export interface Variable {
  name: string
  type: string
  label: string
  query: string
  datasource?: { uid?: string }
  multi: boolean
  allValue?: string
  refresh?: number
}

/** As much of Grafana's classic JSON as the rules ask for. */
export interface Dashboard {
  uid: string
  editable: boolean
  panels: Panel[]
  templating: { list: Variable[] }
}

export const panelsOf = ({ panels }: Dashboard): Panel[] => panels.filter(({ type }) => type !== 'row')

export interface Placed {
  readonly expr: string
  readonly legend: string
  readonly exemplar: boolean
  readonly links: readonly { readonly url: string }[]
  /** For messages. */
  readonly where: string
}

export function targetsOf(dashboard: Dashboard): Placed[] {
  return panelsOf(dashboard).flatMap(({ title, type, targets, fieldConfig }) =>
    targets.map(({ expr, legendFormat, exemplar = false }) => ({
      expr,
      legend: legendFormat,
      exemplar,
      links: fieldConfig.defaults.links ?? [],
      where: `${dashboard.uid}: ${title} (${type}): ${expr}`,
    })),
  )
}

/** Units that are used here, of those that Grafana knows. */
const UNITS = new Set([
  ...['s', 'ops', 'reqps', 'cps', 'mps', 'percentunit', 'Bps', 'bytes', 'short'],
  // Of states and of tables of words.
  'none',
])
const ON_TIME_RANGE_CHANGE = 2
const isDataSource = (of: { uid?: string } | undefined) => of?.uid === '$datasource'

/** What breaks the rules of github.com/grafana/dashboard-linter, by their names there. Those about logs have nothing to look at here. */
export function lint(dashboard: Dashboard): string[] {
  return [
    ...(dashboard.editable === false ? [] : ['uneditable-dashboard-rule']),
    ...lintVariables(dashboard.templating.list),
    ...panelsOf(dashboard).flatMap(lintPanel),
  ]
}

function lintVariables(variables: readonly Variable[]): string[] {
  const problems: string[] = []
  const [source, ...more] = variables.filter(({ type }) => type === 'datasource')
  const isGood = source?.name === 'datasource' && source.label === 'Data source' && source.query === 'prometheus'
  if (!isGood || more.length > 0) problems.push('template-datasource-rule')
  for (const name of ['job', 'instance']) {
    const found = variables.find((variable) => variable.name === name)
    const isAsWanted =
      found?.type === 'query' && found.multi && found.allValue === '.+' && isDataSource(found.datasource)
    const label = `${name.charAt(0).toUpperCase()}${name.slice(1)}`
    if (!isAsWanted || found.label !== label) problems.push(`template-${name}-rule`)
  }
  for (const { name, query, refresh } of variables.filter(({ type }) => type === 'query')) {
    if (refresh !== ON_TIME_RANGE_CHANGE) problems.push(`template-on-time-change-reload-rule: ${name}`)
    const [, expr = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(query) ?? []
    if (label === '' || parsePromql(expr).errors.length > 0) problems.push(`template-label-promql-rule: ${name}`)
  }
  return problems
}

function lintPanel({ title, description, datasource, fieldConfig, targets }: Panel): string[] {
  const problems: string[] = []
  if (!isDataSource(datasource)) problems.push('panel-datasource-rule')
  if (title === '' || !/^[A-Z\d].{20,}\.$/i.test(description)) problems.push('panel-title-description-rule')
  if (!UNITS.has(fieldConfig.defaults.unit ?? '')) problems.push('panel-units-rule')
  if (targets.length === 0) problems.push('panel-no-targets-rule')
  return [...problems, ...targets.flatMap(lintTarget)].map((problem) => `${problem}: ${title}`)
}

const OF_COUNTERS = new Set(['rate', 'irate', 'increase'])

function lintTarget({ expr, datasource }: Target): string[] {
  if (!isDataSource(datasource)) return ['panel-datasource-rule (target)']
  const { errors, selectors } = parsePromql(expr.replaceAll('$__rate_interval', '1h1m'))
  if (errors.length > 0 || selectors.length === 0) return ['target-promql-rule']
  return selectors.flatMap(({ metric, matchers, range, within }) => {
    const has = (label: string) =>
      matchers.some((matcher) => matcher.label === label && matcher.op === '=~' && matcher.value === `$${label}`)
    return [
      ...(range === '' || range === '1h1m' ? [] : ['target-rate-interval-rule']),
      ...(has('job') ? [] : ['target-job-rule']),
      ...(has('instance') ? [] : ['target-instance-rule']),
      ...(!metric.endsWith('_total') || OF_COUNTERS.has(within[0] ?? '') ? [] : ['target-counter-agg-rule']),
    ]
  })
}
