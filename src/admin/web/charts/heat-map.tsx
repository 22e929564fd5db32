import { useMemo, useRef } from 'preact/hooks'
import type uPlot from 'uplot'
import { count, tick, timeOf } from '../data/format.js'
import { quantile, type Series } from '../data/series.js'
import { colour } from '../data/theme.js'
import { axisLook, cursor, timeAxis, windowScale } from './axes.js'
import { Plot } from './plot.js'

/** Boundaries that get a word at the axis. */
const NAMED_MS: ReadonlySet<number> = new Set([0.1, 1, 10, 100, 1_000, 10_000, 60_000])
const MIN_ROWS = 8
const HEIGHT = 132

interface Rows {
  /** The lowest bucket shown, and the one above the highest. */
  readonly from: number
  readonly until: number
}

/** Answers by time and latency: the darker, the more. */
export function HeatMap({ series, spanMs }: { readonly series: Series; readonly spanMs: number }) {
  const told = useRef<HTMLSpanElement>(null)
  const rows = useMemo(() => rowsOf(series), [series])
  const current = useRef({ series, rows })
  current.current = { series, rows }
  const data = useMemo(() => [series.times, series.times.map(() => null)] as unknown as uPlot.AlignedData, [series])
  const options = () => ({
    cursor: { ...cursor(), points: { show: false } },
    legend: { show: false },
    padding: [6, 6, 0, 0] as uPlot.Padding,
    scales: {
      x: windowScale(spanMs / 1_000, series.stepSeconds),
      y: { range: (): [number, number] => [current.current.rows.from, current.current.rows.until] },
    },
    axes: [timeAxis(), latencyAxis(series.boundsMs)],
    series: [{}, { points: { show: false } }],
    hooks: {
      drawAxes: [(u: uPlot) => drawCells(u, current.current.series, current.current.rows)],
      setCursor: [(u: uPlot) => tell(u, told.current, current.current.series)],
    },
  })
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">Latency, all answers</span>
        <span class="legend-text" ref={told}>
          {' '}
        </span>
      </figcaption>
      <Plot
        options={options}
        data={data}
        height={HEIGHT}
        plotKey={`heat ${spanMs} ${rows.from} ${rows.until}`}
        label={`Heat map of latency. ${inWords(series)} Arrow keys walk through it.`}
        valueText={(at) => `${timeOf((series.times[at] ?? 0) * 1_000)}: ${columnInWords(series, at)}`}
      />
    </figure>
  )
}

function rowsOf({ cells, boundsMs }: Series): Rows {
  let from = boundsMs.length
  let until = 0
  for (const column of cells) {
    column.forEach((value, i) => {
      if (value === 0) return
      from = Math.min(from, i)
      until = Math.max(until, i + 1)
    })
  }
  if (until === 0) return { from: 0, until: boundsMs.length + 1 }
  // A row of room on both sides, and never so few that a cell looks like a chart.
  from = Math.max(from - 1, 0)
  return { from, until: Math.min(Math.max(until + 1, from + MIN_ROWS), boundsMs.length + 1) }
}

function latencyAxis(boundsMs: readonly number[]): uPlot.Axis {
  const named = boundsMs.flatMap((ms, i) => (NAMED_MS.has(ms) ? [i + 1] : []))
  return {
    ...axisLook(),
    size: 58,
    splits: () => named,
    values: (_u, splits) => splits.map((at) => tick(boundsMs[at - 1] ?? 0)),
  }
}

function drawCells(u: uPlot, { times, cells, stepSeconds }: Series, { from, until }: Rows): void {
  const { ctx } = u
  const most = Math.log1p(Math.max(1, ...cells.map((column) => Math.max(...column))))
  ctx.save()
  ctx.beginPath()
  ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height)
  ctx.clip()
  ctx.fillStyle = colour('--heat')
  times.forEach((end, at) => {
    const left = Math.round(u.valToPos(end - stepSeconds, 'x', true))
    const width = Math.max(Math.round(u.valToPos(end, 'x', true)) - left, 1)
    for (let row = from; row < until; row++) {
      const value = cells[at]?.[row] ?? 0
      if (value === 0) continue
      const above = Math.round(u.valToPos(row + 1, 'y', true))
      const height = Math.round(u.valToPos(row, 'y', true)) - above
      ctx.globalAlpha = 0.14 + (0.86 * Math.log1p(value)) / most
      ctx.fillRect(left, above, width, height)
    }
  })
  ctx.restore()
}

function tell(u: uPlot, node: HTMLElement | null, { cells, boundsMs }: Series): void {
  if (node === null) return
  const { idx, top } = u.cursor
  const row = Math.floor(u.posToVal(top ?? -1, 'y'))
  const isInside =
    idx !== null && idx !== undefined && top !== undefined && top >= 0 && row >= 0 && row <= boundsMs.length
  const text = isInside ? `${rangeOf(boundsMs, row)}: ${count(cells[idx]?.[row] ?? 0)}` : ' '
  if (node.textContent !== text) node.textContent = text
}

function rangeOf(boundsMs: readonly number[], row: number): string {
  const low = boundsMs[row - 1]
  const high = boundsMs[row]
  if (high === undefined) return `above ${tick(low ?? 0)}`
  return low === undefined ? `up to ${tick(high)}` : `${tick(low)} to ${tick(high)}`
}

function inWords(series: Series): string {
  const all = series.boundsMs.map((_, i) => series.cells.reduce((sum, column) => sum + (column[i] ?? 0), 0))
  all.push(series.cells.reduce((sum, column) => sum + (column[series.boundsMs.length] ?? 0), 0))
  const most = all.indexOf(Math.max(...all))
  const total = all.reduce((sum, value) => sum + value, 0)
  if (total === 0) return 'No answers yet.'
  const p99 = quantile(all, series.boundsMs, 0.99)
  return `${count(total)} answers, most of them ${rangeOf(series.boundsMs, most)}, 99 of 100 within ${tick(Math.round(p99 ?? 0))}.`
}

function columnInWords({ cells, boundsMs }: Series, at: number): string {
  const parts = (cells[at] ?? []).flatMap((value, row) =>
    value === 0 ? [] : [`${count(value)} ${rangeOf(boundsMs, row)}`],
  )
  return parts.length === 0 ? 'no answers' : parts.join(', ')
}
