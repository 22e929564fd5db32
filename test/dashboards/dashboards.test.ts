import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { DASHBOARDS, fileOf } from '../../dashboards/source/index.js'
import { type Dashboard, lint, panelsOf, targetsOf } from './lint.js'
import { knownMetrics, parsePromql, unknownNames } from './promql.js'

const FOLDER = new URL('../../dashboards/', import.meta.url)
const read = (name: string): string => readFileSync(new URL(name, FOLDER), 'utf8')
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'))
const committed = files.map((name): Dashboard => JSON.parse(read(name)))
const known = knownMetrics()

t.test('the committed files are what the source gives: npm run dashboards', async (t) => {
  t.same(files.toSorted(), DASHBOARDS.map((dashboard) => fileOf(dashboard).name).toSorted())
  for (const { name, text } of DASHBOARDS.map(fileOf)) t.ok(read(name) === text, `dashboards/${name}`)
})

t.test('there are the five dashboards, joined to each other', async (t) => {
  const uids = ['oplens-collections', 'oplens-dynamodb', 'oplens-overview', 'oplens-proxy', 'oplens-replica-set']
  t.same(committed.map(({ uid }) => uid).toSorted(), uids)
  for (const dashboard of committed) {
    t.match(dashboard, {
      schemaVersion: 42,
      refresh: '30s',
      graphTooltip: 1,
      time: { from: 'now-1h', to: 'now' },
      tags: ['oplens'],
      links: [{ type: 'dashboards', tags: ['oplens'], includeVars: true, keepTime: true }],
    })
    t.notMatch(JSON.stringify(dashboard), 'inControlsMenu', 'no link hides in a menu')
  }
})

for (const dashboard of committed) {
  t.test(`${dashboard.uid}: the rules of Grafana's dashboard linter hold`, async (t) => {
    t.same(lint(dashboard), [])
  })

  t.test(`${dashboard.uid}: panels have ids of their own and lie side by side`, async (t) => {
    const all = dashboard.panels
    t.equal(new Set(all.map(({ id }) => id)).size, all.length)
    const cells = all.flatMap(({ gridPos: { x, y, w, h } }) => {
      t.ok(x + w <= 24)
      return Array.from({ length: w * h }, (_, i) => `${x + (i % w)}:${y + Math.floor(i / w)}`)
    })
    t.equal(new Set(cells).size, cells.length, 'none covers another')
  })

  t.test(`${dashboard.uid}: every metric is exposed, every label is one of it`, async (t) => {
    for (const { expr, where } of [...targetsOf(dashboard), ...variableQueries(dashboard)]) {
      const parsed = parsePromql(filledIn(expr))
      t.same(parsed.errors, [], where)
      t.same(unknownNames(parsed, known), [], where)
    }
  })

  t.test(`${dashboard.uid}: series are named by labels that the expression leaves them`, async (t) => {
    for (const { expr, legend, where } of targetsOf(dashboard)) {
      const kept = new Set(parsePromql(filledIn(expr)).groupings.flatMap(({ labels }) => labels))
      const named = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] ?? '')
      t.same(
        named.filter((label) => !kept.has(label)),
        [],
        where,
      )
    }
  })

  t.test(
    `${dashboard.uid}: only variables that it has are used, and links to collections have their labels`,
    async (t) => {
      const names = new Set(dashboard.templating.list.map(({ name }) => name))
      for (const { expr, links, where } of targetsOf(dashboard)) {
        const used = [...expr.matchAll(/\$(\w+)/g)].map((match) => match[1] ?? '')
        t.same(
          used.filter((name) => name !== '__rate_interval' && !names.has(name)),
          [],
          where,
        )
        if (links.length === 0) continue
        const needed = links.flatMap(({ url }) => namesIn(url, /__field\.labels\.(\w+)/g))
        t.ok(needed.includes('db_collection_name'), where)
        const kept = parsePromql(filledIn(expr)).groupings.some(({ labels }) =>
          needed.every((label) => labels.includes(label)),
        )
        t.ok(kept, `${where} has the labels of its link`)
        for (const { url } of links) {
          const there = committed.find(({ uid }) => url.startsWith(`/d/${uid}?`))
          const variables = there?.templating.list.map(({ name }) => name) ?? []
          t.same(
            namesIn(url, /[?&]var-(\w+)=/g).filter((name) => !variables.includes(name)),
            [],
            `the dashboard has the variables that ${url} sets`,
          )
        }
      }
    },
  )
}

t.test('buckets that have exemplars show them, and nothing else asks for any', async (t) => {
  for (const dashboard of committed) {
    for (const { expr, exemplar, where } of targetsOf(dashboard)) {
      t.equal(exemplar, expr.includes('db_client_operation_duration_seconds_bucket') && !isNow(where), where)
    }
  }
})

/** Figures and rankings show no points. */
const isNow = (where: string) => where.includes('(stat)') || where.includes('(bargauge)')

t.test('the linter finds what it is for', async (t) => {
  const good = committed.find(({ uid }) => uid === 'oplens-overview')
  if (good === undefined) throw new Error('there is an overview')
  const broken = (change: (copy: Dashboard) => void): string[] => {
    const copy: Dashboard = structuredClone(good)
    change(copy)
    return lint(copy)
  }
  const first = (copy: Dashboard) => {
    const panel = panelsOf(copy)[0]
    const target = panel?.targets[0]
    if (panel === undefined || target === undefined) throw new Error('there is a panel')
    return { panel, target }
  }
  const variable = (copy: Dashboard, wanted: string) => {
    const found = copy.templating.list.find(({ name }) => name === wanted)
    if (found === undefined) throw new Error(`there is a variable ${wanted}`)
    return found
  }
  const rows: readonly (readonly [string, (copy: Dashboard) => void, RegExp])[] = [
    ['editable', (d) => Object.assign(d, { editable: true }), /uneditable/],
    ['data source label', (d) => Object.assign(variable(d, 'datasource'), { label: 'DS' }), /template-datasource/],
    ['no job', (d) => Object.assign(variable(d, 'job'), { name: 'jobs' }), /template-job/],
    ['one instance', (d) => Object.assign(variable(d, 'instance'), { multi: false }), /template-instance/],
    ['all of cluster', (d) => Object.assign(variable(d, 'cluster'), { refresh: 1 }), /template-on-time-change/],
    [
      'variable query',
      (d) => Object.assign(variable(d, 'cluster'), { query: 'label_values(a{, b)' }),
      /template-label/,
    ],
    ['panel data source', (d) => Object.assign(first(d).panel, { datasource: { uid: 'abc' } }), /panel-datasource/],
    ['title', (d) => Object.assign(first(d).panel, { title: '' }), /panel-title-description/],
    ['description', (d) => Object.assign(first(d).panel, { description: '' }), /panel-title-description/],
    ['unit', (d) => Object.assign(first(d).panel.fieldConfig.defaults, { unit: 'furlongs' }), /panel-units/],
    ['no targets', (d) => first(d).panel.targets.splice(0), /panel-no-targets/],
    ['syntax', (d) => Object.assign(first(d).target, { expr: 'sum(' }), /target-promql/],
    [
      'range',
      (d) => Object.assign(first(d).target, { expr: 'rate(a_total{job=~"$job",instance=~"$instance"}[5m])' }),
      /rate-interval/,
    ],
    ['job', (d) => Object.assign(first(d).target, { expr: 'a{instance=~"$instance"}' }), /target-job/],
    [
      'instance',
      (d) => Object.assign(first(d).target, { expr: 'a{job=~"$job", instance="$instance"}' }),
      /target-instance/,
    ],
    [
      'counter',
      (d) => Object.assign(first(d).target, { expr: 'sum(a_total{job=~"$job", instance=~"$instance"})' }),
      /counter-agg/,
    ],
  ]
  for (const [title, change, problem] of rows) t.match(broken(change).join('\n'), problem, title)
  t.same(
    broken(() => undefined),
    [],
  )
})

t.test('a name that nobody exposes is found', async (t) => {
  const rows = [
    ['sum(rate(oplens_messages_total{direction="request"}[1m]))', []],
    ['db_client_operation_duration_seconds_bucket{le="0.1", job="a"}', []],
    ['sum by (kind) (rate(nodejs_gc_duration_seconds_sum[1m]))', []],
    ['oplens_messages', ['no metric oplens_messages']],
    ['db_client_operation_duration_seconds{job="a"}', ['no metric db_client_operation_duration_seconds']],
    ['oplens_messages_total{cluster="a"}', ['oplens_messages_total has no label cluster']],
    ['sum by (host) (oplens_messages_total)', ['by (host): not a label of oplens_messages_total']],
  ] as const
  for (const [expr, problems] of rows) t.same(unknownNames(parsePromql(expr), known), problems, expr)
})

const namesIn = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1] ?? '')

function filledIn(expr: string): string {
  return expr.replaceAll('$__rate_interval', '1m')
}

function variableQueries({ templating }: Dashboard) {
  return templating.list.flatMap(({ name, query }) => {
    const [, expr] = /^label_values\((.*), \w+\)$/.exec(query) ?? []
    return expr === undefined ? [] : [{ expr, where: `variable ${name}` }]
  })
}
