import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { knownMetrics, parsePromql, unknownNames } from './promql.js'

interface Rule {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

interface RuleTest {
  readonly alert_rule_test?: readonly { readonly alertname: string; readonly exp_alerts: readonly object[] }[]
  readonly promql_expr_test?: readonly { readonly expr: string }[]
}

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const { groups } = parse(read('dashboards/rules/oplens.rules.yml')) as { groups: { rules: Rule[] }[] }
const rules = groups.flatMap((group) => group.rules)
const alerts = rules.filter(({ alert }) => alert !== undefined)
const records = rules.filter(({ record }) => record !== undefined)
const tests = (parse(read('dashboards/rules/oplens.rules.test.yml')) as { tests: RuleTest[] }).tests

/** What operators are promised; each has its unit test, and its words in docs/alerts.md. */
const PROMISED = [
  ...['OplensErrorBudgetBurnsFast', 'OplensErrorBudgetBurnsSlowly'],
  ...['OplensLatencyBudgetBurnsFast', 'OplensLatencyBudgetBurnsSlowly'],
  ...['OplensNoPrimary', 'OplensMemberDown', 'OplensHostUnhealthy', 'OplensReplicationLag', 'OplensConnectFailures'],
  ...['OplensDynamodbThrottled', 'OplensDown', 'OplensAbsent', 'OplensDecodeErrors', 'OplensFramingLost'],
  ...['OplensCertificateExpiresSoon', 'OplensCertificateExpiresNow', 'OplensObserverErrors'],
]

t.test('the alerts are those that are promised', async (t) => {
  t.same(alerts.map(({ alert }) => alert).toSorted(), PROMISED.toSorted())
})

t.test('every expression parses, and is about the job, metrics that exist, and their labels', async (t) => {
  const known = new Map(knownMetrics())
  for (const { record, expr } of rules) {
    const parsed = parsePromql(expr)
    t.same(parsed.errors, [], expr)
    t.same(unknownNames(parsed, known), [], expr)
    for (const { metric, matchers } of parsed.selectors) {
      const isOurs = matchers.some(({ label, op, value }) => label === 'job' && op === '=' && value === 'oplens')
      // A record of this file has the job already, and adds nothing up that has another.
      t.ok(isOurs || metric.startsWith('oplens:'), `${metric} of the job: ${expr}`)
    }
    // Rules may use records before them.
    if (record !== undefined) known.set(record, new Set(parsed.groupings.flatMap(({ labels }) => ['job', ...labels])))
  }
})

t.test('every counter stands in a rate, or is asked whether it was just born', async (t) => {
  for (const { expr } of rules) {
    for (const { metric, within } of parsePromql(expr).selectors.filter(({ metric }) => metric.endsWith('_total'))) {
      const isBorn = expr.includes(`unless ${metric}{job="oplens"} offset 10m`)
      t.ok(['rate', 'increase'].includes(within[0] ?? '') || isBorn, expr)
    }
  }
})

t.test('every alert says how bad it is, what it is, and where to read on', async (t) => {
  const headings = [...read('docs/alerts.md').matchAll(/^#+ (.*)$/gm)].map((match) => match[1]?.toLowerCase() ?? '')
  for (const { alert = '', labels, annotations } of alerts) {
    t.match(labels?.severity, /^(critical|warning)$/, alert)
    t.match(annotations?.summary, /^[A-Z].{15,}/, alert)
    t.match(annotations?.description, /.{25,}\.$/, alert)
    t.equal(annotations?.runbook_url, `docs/alerts.md#${alert.toLowerCase()}`)
    t.ok(headings.includes(alert.toLowerCase()), `docs/alerts.md has a heading ${alert}`)
  }
  const about = headings.filter((heading) => heading.startsWith('oplens'))
  t.same(
    about.toSorted(),
    alerts.map(({ alert = '' }) => alert.toLowerCase()).toSorted(),
    'and none of an alert that is gone',
  )
})

t.test('docs/alerts.md says of each alert what it means, how to look and what to do', async (t) => {
  const [, ...sections] = read('docs/alerts.md').split(/^### /m)
  for (const section of sections) {
    for (const part of ['**Means:**', '**Look:**', '**Do:**'])
      t.ok(section.includes(part), `${section.split('\n')[0]}: ${part}`)
  }
  t.equal(sections.length, alerts.length)
})

t.test('every alert has a unit test in which it fires, and every kind of record one', async (t) => {
  const fired = tests.flatMap(({ alert_rule_test = [] }) =>
    alert_rule_test.flatMap(({ alertname, exp_alerts }) => (exp_alerts.length > 0 ? [alertname] : [])),
  )
  t.same([...new Set(fired)].toSorted(), alerts.map(({ alert }) => alert).toSorted())
  const read_ = new Set(
    [...tests.flatMap(({ promql_expr_test = [] }) => promql_expr_test), ...alerts].flatMap(({ expr }) =>
      parsePromql(expr).selectors.map(({ metric }) => metric),
    ),
  )
  const unread = records.flatMap(({ record = '' }) => (read_.has(record) ? [] : [record]))
  t.same(unread, ['oplens:operations:rate5m', 'oplens:operations:rate30m'], 'but those that only other records read')
})
