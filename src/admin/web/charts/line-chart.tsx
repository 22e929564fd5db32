import { useMemo, useRef } from 'preact/hooks'
import type uPlot from 'uplot'
import { timeOf } from '../data/format.js'
import { boundsOf, type Series } from '../data/series.js'
import { colour } from '../data/theme.js'
import { axisLook, cursor, timeAxis, windowScale } from './axes.js'
import { Plot } from './plot.js'

export interface Line {
  readonly label: string
  readonly values: readonly (number | null)[]
  /** The name of a colour in the style sheet. */
  readonly colour: string
  /** Told apart without colour, too. */
  readonly dash?: readonly number[]
  readonly isFilled?: boolean
}

export interface LineChartProps {
  readonly title: string
  readonly lines: readonly Line[]
  readonly series: Series
  readonly spanMs: number
  readonly format: (value: number | null) => string
  /** The least that the top of the axis stands for. */
  readonly minTop: number
}

const HEIGHT = 132

export function LineChart({ title, lines, series, spanMs, format, minTop }: LineChartProps) {
  const values = useRef<HTMLDListElement>(null)
  const current = useRef({ lines, format, series })
  current.current = { lines, format, series }
  const data = useMemo(
    () => [series.times, ...lines.map((line) => line.values)] as unknown as uPlot.AlignedData,
    [series],
  )
  const showAt = (u: uPlot) => writeValues(values.current, current.current, u.cursor.idx ?? undefined)
  const options = () => ({
    cursor: cursor(),
    legend: { show: false },
    padding: [6, 6, 0, 0] as uPlot.Padding,
    scales: {
      x: windowScale(spanMs / 1_000, series.stepSeconds),
      y: { range: (_u: uPlot, _low: number, high: number) => top(high, minTop) },
    },
    axes: [timeAxis(), valueAxis(format)],
    series: [{}, ...lines.map(drawn)],
    hooks: { setCursor: [showAt] },
  })
  const valueText = (at: number) =>
    `${timeOf((series.times[at] ?? 0) * 1_000)}: ${lines.map((line) => `${line.label} ${format(line.values[at] ?? null)}`).join(', ')}`
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span>
        <dl class="legend" ref={values}>
          {lines.map((line) => (
            <div key={line.label}>
              <dt class={`mark ${line.colour.slice(2)}${line.dash === undefined ? '' : ' dashed'}`}>{line.label}</dt>
              <dd>{format(line.values.at(-1) ?? null)}</dd>
            </div>
          ))}
        </dl>
      </figcaption>
      <Plot
        options={options}
        data={data}
        height={HEIGHT}
        plotKey={`${spanMs} ${lines.map((line) => line.label).join()}`}
        label={`${title}. ${lines.map((line) => inWords(line, format)).join(' ')} Arrow keys walk through it.`}
        valueText={valueText}
      />
    </figure>
  )
}

/** For ears: what eyes see of a line. */
function inWords({ label, values }: Line, format: LineChartProps['format']): string {
  const bounds = boundsOf(values)
  if (bounds === undefined) return `${label}: nothing yet.`
  return `${label}: now ${format(bounds.last)}, between ${format(bounds.low)} and ${format(bounds.high)}.`
}

/** By hand: the cursor moves far more often than the page is drawn. */
function writeValues(
  list: HTMLDListElement | null,
  { lines, format }: Pick<LineChartProps, 'lines' | 'format'>,
  at: number | undefined,
): void {
  if (list === null) return
  list.classList.toggle('at-cursor', at !== undefined)
  lines.forEach((line, i) => {
    const cell = list.children[i]?.lastElementChild
    const value = at === undefined ? line.values.at(-1) : line.values[at]
    const text = format(value ?? null)
    const node = cell?.firstChild
    if (node !== undefined && node !== null && node.nodeValue !== text) node.nodeValue = text
  })
}

function drawn(line: Line): uPlot.Series {
  return {
    label: line.label,
    stroke: colour(line.colour),
    width: 1.5,
    ...(line.dash === undefined ? {} : { dash: [...line.dash] }),
    ...(line.isFilled === true ? { fill: colour('--bar') } : {}),
    // A line needs two; of few each one is a measurement worth seeing.
    points: { show: (u) => u.data[0].length <= 12, size: 5 },
  }
}

function valueAxis(format: LineChartProps['format']): uPlot.Axis {
  return { ...axisLook(), size: 58, space: 28, values: (_u, splits) => splits.map((value) => format(value)) }
}

const top = (high: number | null, minTop: number): [number, number] => [0, Math.max((high ?? 0) * 1.08, minTop)]
