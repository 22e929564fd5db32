import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  type Panel,
  RowBuilder,
  type RowPanel,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { dataSource, type VariableName, variable } from './variables.js'
import { type PanelOf, visible } from './vocabulary.js'

export interface Row {
  readonly title: string
  readonly panels: readonly PanelOf[]
}

export interface Board {
  /** Also the name of its file. */
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly variables: readonly VariableName[]
  readonly rows: readonly Row[]
}

/** Joins the dashboards to each other: every one links to all that have it. */
const TAG = 'oplens'

/** In Grafana's classic form (v1), which every current Grafana imports. */
export function board({ uid, title, description, variables, rows }: Board): Dashboard {
  const others = new DashboardLinkBuilder('oplens').type(DashboardLinkType.Dashboards).tags([TAG])
  const builder = new DashboardBuilder(`oplens / ${title}`)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .annotations([])
    .links([visible(others.asDropdown(false).includeVars(true).keepTime(true))])
    .variables([dataSource(), ...variables.map(variable)])
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title))
    for (const panel of row.panels) builder.withPanel(panel)
  }
  const built = builder.build()
  return { ...built, panels: (built.panels ?? []).map(numbered) }
}

/** Grafana numbers panels when it saves them; these are not saved by it. */
const numbered = <P extends Panel | RowPanel>(panel: P, index: number): P => ({ ...panel, id: index + 1 })
