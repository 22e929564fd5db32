import uPlot from 'uplot'
import { timeOf } from '../data/format.js'
import { colour } from '../data/theme.js'

/** All charts of the page have one cursor. */
export const SYNC = uPlot.sync('oplens')

const FONT = '11px system-ui, sans-serif'

export function timeAxis(): uPlot.Axis {
  return {
    ...axisLook(),
    size: 22,
    gap: 3,
    space: 70,
    values: (_u, splits) => {
      const isFine = splits.some((seconds) => seconds % 60 !== 0)
      return splits.map((seconds) => timeOf(seconds * 1_000).slice(0, isFine ? 8 : 5))
    },
  }
}

export function axisLook(): uPlot.Axis {
  return {
    stroke: colour('--dim'),
    font: FONT,
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  }
}

/** Of a window that is not full yet: a chart of one line at its right end says little. */
const MIN_SECONDS = 60

/** The window that ends with the newest point. */
export function windowScale(spanSeconds: number, stepSeconds: number): uPlot.Scale {
  return {
    time: true,
    range: (u) => {
      const times = u.data[0]
      const end = times.at(-1) ?? Date.now() / 1_000
      const known = end - (times[0] ?? end) + stepSeconds
      return [end - Math.min(spanSeconds, Math.max(known, MIN_SECONDS)), end]
    },
  }
}

export const cursor = (): uPlot.Cursor => ({
  sync: { key: SYNC.key, setSeries: false },
  y: false,
  drag: { x: false, y: false, setScale: false },
  points: { size: 6 },
})
