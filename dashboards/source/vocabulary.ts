import { PanelBuilder as BarGauge } from '@grafana/grafana-foundation-sdk/bargauge'
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  type DashboardLink,
  DashboardLinkBuilder,
  FieldColorBuilder,
  FieldColorModeId,
  MappingType,
  type Panel,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as Heatmap, YAxisConfigBuilder } from '@grafana/grafana-foundation-sdk/heatmap'
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as StateTimeline } from '@grafana/grafana-foundation-sdk/statetimeline'
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries'
import type { Family } from '../../src/observe/families.js'
import { type Narrow, rateBy } from './expressions.js'

export const DATASOURCE = { type: 'prometheus', uid: '$datasource' } as const

export type PanelOf = Builder<Panel>

/** One expression of a panel, and what its series are called: `{{label}}` where they differ. */
export interface Target {
  readonly expr: string
  readonly legend: string
  /** Points that lead to traces: latencies only. */
  readonly exemplar?: boolean
}

/** What every panel has. */
export interface About {
  readonly title: string
  /** What it tells, and what to do when it looks bad. */
  readonly description: string
  /** Grafana's id of a unit: `s`, `ops`, `percentunit`, `Bps`, `bytes`, `short`. */
  readonly unit: string
  /** In 24ths of the width; 8 when left out. */
  readonly span?: number
  readonly height?: number
  /** Where a click on a series leads: it needs the labels of a collection. */
  readonly leadsTo?: readonly Destination[]
}

export const target = (expr: string, legend: string): Target => ({ expr, legend })
export const latency = (expr: string, legend: string): Target => ({ expr, legend, exemplar: true })

/** Lines over time. */
export function graph(about: About & { readonly isStacked?: boolean }, ...targets: readonly Target[]): PanelOf {
  const panel = dressed(new TimeSeries(), about, targets.map(ranged))
    .min(0)
    .lineWidth(1)
    .fillOpacity(about.isStacked === true ? 30 : 10)
    .showPoints(VisibilityMode.Never)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(['mean', 'max']),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
  return about.isStacked === true ? panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal)) : panel
}

/** Things that happen now and then, counted: bars. */
export function events(about: Omit<About, 'unit'>, ...targets: readonly Target[]): PanelOf {
  return dressed(new TimeSeries(), { ...about, unit: 'short' }, targets.map(ranged))
    .min(0)
    .drawStyle(GraphDrawStyle.Bars)
    .fillOpacity(80)
    .showPoints(VisibilityMode.Never)
    .legend(new VizLegendOptionsBuilder().displayMode(LegendDisplayMode.List).showLegend(true).calcs(['sum']))
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
}

/** The commonest panel in one line: a counter per second, a line for each set of `labels`. */
export function rates(about: About, family: Family, labels: readonly string[], narrow?: Narrow): PanelOf {
  return graph(about, target(rateBy(family, labels, narrow), labels.map((label) => `{{${label}}}`).join(' ')))
}

/** Buckets of a histogram over time: `expr` is by `le`. */
export function heatmap(about: About, expr: string): PanelOf {
  const buckets = queryOf(latency(expr, '{{le}}'), 0).range().format(PromQueryFormat.Heatmap)
  return dressed(new Heatmap(), about, [buckets])
    .calculate(false)
    .yAxis(new YAxisConfigBuilder().unit(about.unit))
    .maxDataPoints(120)
}

/** Steps of colour: what is worth a look, and what is bad. Smaller is worse where `bad` is below `warn`. */
export interface Limits {
  readonly warn: number
  readonly bad: number
}

/** One number now, with its course behind it. */
export function figure(about: About & { readonly limits?: Limits }, ...targets: readonly Target[]): PanelOf {
  return dressed(new Stat(), { span: 4, height: 4, ...about }, targets.map(ranged))
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .graphMode(BigValueGraphMode.Area)
    .colorMode(BigValueColorMode.Value)
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(stepsOf(about.limits)))
}

/** The highest now, one bar each. */
export function ranking(about: About, ranked: Target): PanelOf {
  return (
    dressed(new BarGauge(), about, [queryOf(ranked, 0).instant()])
      .min(0)
      .orientation(VizOrientation.Horizontal)
      .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
      // Without any, Grafana takes 80 of whatever it is for bad.
      .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(stepsOf(undefined)))
  )
}

/** Labels of the series now, one row each, those in `hidden` left out. */
export function table(about: About, listed: Target, hidden: readonly string[]): PanelOf {
  const rows = queryOf(listed, 0).instant().format(PromQueryFormat.Table)
  const excluded = Object.fromEntries(['Time', '__name__', ...hidden].map((name) => [name, true]))
  return dressed(new Table(), about, [rows]).withTransformation({
    id: 'organize',
    options: { excludeByName: excluded, indexByName: {}, renameByName: {} },
  })
}

/** A word of a state and its colour, by the number that stands for it. */
export type Words = Readonly<Record<number, readonly [word: string, color: string]>>

/** States over time, a band for each series. */
export function states(about: Omit<About, 'unit'>, words: Words, ...targets: readonly Target[]): PanelOf {
  const options = Object.entries(words).map(([value, [text, color]], index) => [value, { text, color, index }])
  return dressed(new StateTimeline(), { ...about, unit: 'none' }, targets.map(ranged))
    .mappings([{ type: MappingType.ValueToText, options: Object.fromEntries(options) }])
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .mergeValues(true)
    .showValue(VisibilityMode.Auto)
    .fillOpacity(80)
}

function stepsOf(limits: Limits | undefined): Threshold[] {
  if (limits === undefined) return [{ value: null, color: 'green' }]
  const { warn, bad } = limits
  return bad > warn
    ? [
        { value: null, color: 'green' },
        { value: warn, color: 'orange' },
        { value: bad, color: 'red' },
      ]
    : [
        { value: null, color: 'red' },
        { value: bad, color: 'orange' },
        { value: warn, color: 'green' },
      ]
}

/** What the SDK's builders of panels have in common; they share no type of their own. */
interface Dressable {
  title(title: string): this
  description(description: string): this
  unit(unit: string): this
  span(columns: number): this
  height(rows: number): this
  datasource(datasource: { type: string; uid: string }): this
  targets(targets: Builder<Dataquery>[]): this
  dataLinks(links: Builder<DashboardLink>[]): this
}

function dressed<P extends Dressable>(panel: P, about: About, queries: readonly DataqueryBuilder[]): P {
  const { title, description, unit, span = 8, height = 8, leadsTo = [] } = about
  panel.title(title).description(description).unit(unit).span(span).height(height)
  panel.datasource({ ...DATASOURCE }).targets([...queries])
  return leadsTo.length === 0 ? panel : panel.dataLinks(leadsTo.map(linkTo))
}

/** `${name}`, which Grafana fills in. */
const filled = (name: string): string => `\${${name}}`

/** Dashboards that show one collection, or one table: DynamoDB has no databases, and Prometheus keeps no empty labels that a link could take. */
const DESTINATIONS = {
  collection: {
    title: 'Queries of this collection',
    uid: 'oplens-collections',
    query: [`var-database=${filled('__field.labels.db_namespace')}`],
  },
  table: { title: 'This table, of DynamoDB', uid: 'oplens-dynamodb', query: [] },
  queriesOfTable: { title: 'Queries of this table', uid: 'oplens-collections', query: ['var-database=$__all'] },
} as const

export type Destination = keyof typeof DESTINATIONS

export const COLLECTION_OR_TABLE: readonly Destination[] = ['collection', 'table']

/** As the SDK builds it, but in plain sight: its default hides a link in a menu. */
export function visible(link: DashboardLinkBuilder): Builder<DashboardLink> {
  const { placement: _, ...rest } = link.build()
  return { build: () => rest }
}

/** Narrowed to the series that was clicked. */
function linkTo(destination: Destination): Builder<DashboardLink> {
  const { title, uid, query } = DESTINATIONS[destination]
  const parameters = [
    `var-datasource=${filled('datasource')}`,
    filled('job:queryparam'),
    filled('instance:queryparam'),
    `var-cluster=${filled('__field.labels.cluster')}`,
    ...query,
    `var-collection=${filled('__field.labels.db_collection_name')}`,
    filled('__url_time_range'),
  ]
  return visible(new DashboardLinkBuilder(title).url(`/d/${uid}?${parameters.join('&')}`))
}

const REF_IDS = 'ABCDEFGH'

function queryOf({ expr, legend, exemplar = false }: Target, index: number): DataqueryBuilder {
  const query = new DataqueryBuilder().refId(REF_IDS.charAt(index)).datasource({ ...DATASOURCE })
  query.expr(expr).legendFormat(legend)
  return exemplar ? query.exemplar(true) : query
}

const ranged = (of: Target, index: number): DataqueryBuilder => queryOf(of, index).range()
