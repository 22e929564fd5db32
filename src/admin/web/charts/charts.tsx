import type { ComponentChildren } from 'preact'
import { useMemo } from 'preact/hooks'
import type { HistoryReport } from '../../../core/reports.js'
import { duration, perSecond } from '../data/format.js'
import type { Route } from '../data/route.js'
import { seriesOf } from '../data/series.js'
import { useStore } from '../data/use-store.js'
import { HeatMap } from './heat-map.js'
import { LineChart } from './line-chart.js'

const RANGES = [
  { id: '', label: '5 min', words: 'the last five minutes', spanMs: 300_000 },
  { id: '1h', label: '1 h', words: 'the last hour', spanMs: 3_600_000 },
] as const
/** An hour of five-second steps has more points than a chart has room for. */
const POINTS = 130

interface ChartsProps {
  readonly history: HistoryReport
  readonly route: Route
  /** Stands beside the choice of the range. */
  readonly lead?: ComponentChildren
}

/** Rate, errors, percentiles and the heat map of one history, under one cursor. */
export function Charts({ history, route, lead }: ChartsProps) {
  const store = useStore()
  const range = RANGES.find(({ id }) => id === (route.shown.get('range') ?? '')) ?? RANGES[0]
  const merge = Math.max(1, Math.ceil(range.spanMs / history.stepMs / POINTS))
  const series = useMemo(() => seriesOf(history, range.spanMs, merge), [history, range, merge])
  const shared = { series, spanMs: range.spanMs }
  return (
    <section class="charts" aria-label={`Charts of ${range.words}`}>
      <div class="charts-head">
        <div>{lead}</div>
        <fieldset class="segments range">
          <legend class="unseen">Charts of</legend>
          {RANGES.map(({ id, label, words }) => (
            <label key={id}>
              <input type="radio" name="range" checked={range.id === id} onChange={() => store.show({ range: id })} />
              <span title={`Charts of ${words}`}>{label}</span>
            </label>
          ))}
        </fieldset>
      </div>
      <div class="chart-grid">
        <LineChart
          {...shared}
          title="Operations per second"
          lines={[{ label: 'now', values: series.rate, colour: '--accent', isFilled: true }]}
          format={(value) => (value === null ? '–' : perSecond(value))}
          minTop={1}
        />
        <LineChart
          {...shared}
          title="Errors per second"
          lines={[{ label: 'now', values: series.errors, colour: '--bad' }]}
          format={(value) => (value === null ? '–' : perSecond(value))}
          minTop={1}
        />
        <LineChart
          {...shared}
          title="Latency"
          lines={[
            { label: 'p50', values: series.p50, colour: '--p50', dash: [2, 3] },
            { label: 'p95', values: series.p95, colour: '--p95', dash: [6, 3] },
            { label: 'p99', values: series.p99, colour: '--p99' },
          ]}
          format={duration}
          minTop={1}
        />
        <HeatMap {...shared} />
      </div>
    </section>
  )
}
