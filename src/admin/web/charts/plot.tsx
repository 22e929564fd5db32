// A uPlot in a box: made once, fed with data, sized with its place, drawn again when the colours change.

import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { onThemeChange } from '../data/theme.js'

export interface PlotProps {
  /** Called again when `key` or the colours change. */
  readonly options: () => Omit<uPlot.Options, 'width' | 'height'>
  readonly data: uPlot.AlignedData
  readonly height: number
  /** Another key makes another plot. */
  readonly plotKey: string
  readonly label: string
  /** What the chart says at a point: read out when it is walked by keys. */
  readonly valueText: (at: number) => string
}

export function Plot({ options, data, height, plotKey, label, valueText }: PlotProps) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const latest = useRef({ options, data, height })
  latest.current = { options, data, height }

  // The key says when the options are others.
  useLayoutEffect(() => {
    const place = box.current
    if (place === null) return undefined
    const make = () => {
      plot.current?.destroy()
      const { options: build, data: now, height: high } = latest.current
      plot.current = new uPlot({ ...build(), width: Math.max(place.clientWidth, 50), height: high }, now, place)
    }
    make()
    const sizes = new ResizeObserver(() => {
      const width = Math.max(place.clientWidth, 50)
      if (plot.current !== undefined && plot.current.width !== width) plot.current.setSize({ width, height })
    })
    sizes.observe(place)
    const forget = onThemeChange(make)
    return () => {
      sizes.disconnect()
      forget()
      plot.current?.destroy()
      plot.current = undefined
    }
  }, [plotKey, height])

  useEffect(() => {
    plot.current?.setData(data)
  }, [data])

  const last = Math.max((data[0]?.length ?? 0) - 1, 0)
  const walk = (event: KeyboardEvent) => {
    const u = plot.current
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 }[event.key]
    if (u === undefined || step === undefined) return
    event.preventDefault()
    const at = Math.min(Math.max((u.cursor.idx ?? last + 1) + step, 0), last)
    const time = data[0]?.[at]
    if (time === undefined || time === null) return
    u.setCursor({ left: u.valToPos(time, 'x'), top: 1 }, true)
    const node = box.current
    node?.setAttribute('aria-valuenow', String(at))
    node?.setAttribute('aria-valuetext', valueText(at))
  }

  return (
    // Walked by arrow keys, each point read out: what a slider is.
    <div
      ref={box}
      class="plot"
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={last}
      aria-valuenow={last}
      aria-valuetext={valueText(last)}
      onKeyDown={walk}
    />
  )
}
