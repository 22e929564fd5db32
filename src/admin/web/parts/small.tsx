// Small things that several views have.

import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

/** The heading of a view; it has the focus after a step to it, so that keys and ears go on from there. */
export function Title({ children, sub }: { readonly children: ComponentChildren; readonly sub?: ComponentChildren }) {
  return (
    <div class="title">
      <h2 id="view-title" tabIndex={-1}>
        {children}
      </h2>
      {sub !== undefined && <p class="sub">{sub}</p>}
    </div>
  )
}

export function Section({
  title,
  children,
  more,
}: {
  readonly title: string
  readonly children: ComponentChildren
  readonly more?: ComponentChildren
}) {
  return (
    <section class="block" aria-label={title}>
      <h3>
        {title}
        {more !== undefined && <span class="more"> {more}</span>}
      </h3>
      {children}
    </section>
  )
}

/** Says which setting would fill this place. */
export function Off({ what, setting }: { readonly what: string; readonly setting: string }) {
  return (
    <p class="off">
      {what} off. <code>{setting}</code> in the config turns it on.
    </p>
  )
}

export function Copy({ text, what }: { readonly text: string; readonly what: string }) {
  const [isDone, setDone] = useState(false)
  const timer = useRef(0)
  useEffect(() => () => clearTimeout(timer.current), [])
  const copy = async () => {
    setDone(await copied(text))
    clearTimeout(timer.current)
    timer.current = window.setTimeout(() => setDone(false), 2_000)
  }
  return (
    <button type="button" class="copy" aria-label={`Copy ${what}`} onClick={() => void copy()}>
      {isDone ? 'Copied' : 'Copy'}
    </button>
  )
}

/** Over plain HTTP to another host the browser has no clipboard of its own: then by a selection. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = document.createElement('textarea')
    area.value = text
    area.className = 'unseen'
    document.body.append(area)
    area.select()
    const isDone = document.execCommand('copy')
    area.remove()
    return isDone
  }
}

export function Spark({ values }: { readonly values: readonly (number | null)[] }) {
  const known = values.map((value) => value ?? 0)
  if (known.length < 2) return null
  const top = Math.max(...known, 1e-9)
  const step = 100 / (known.length - 1)
  const points = known.map((value, i) => `${(i * step).toFixed(1)},${(27 - (24 * value) / top).toFixed(1)}`)
  return (
    <svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" aria-hidden="true">
      <path d={`M${points.join('L')}`} />
    </svg>
  )
}

export interface Fact {
  readonly term: string
  readonly value: ComponentChildren
  readonly hint?: string
  readonly isBad?: boolean
}

export function Facts({ facts }: { readonly facts: readonly (Fact | undefined)[] }) {
  return (
    <dl class="facts">
      {facts.map((fact) =>
        fact === undefined ? null : (
          <div key={fact.term} title={fact.hint}>
            <dt>{fact.term}</dt>
            <dd class={fact.isBad === true ? 'bad' : ''}>{fact.value}</dd>
          </div>
        ),
      )}
    </dl>
  )
}

interface FilterProps {
  readonly value: string
  readonly label: string
  readonly onInput: (text: string) => void
}

export function Filter({ value, label, onInput }: FilterProps) {
  return (
    <input
      type="search"
      id="filter"
      value={value}
      placeholder={label}
      aria-label={label}
      autocomplete="off"
      spellcheck={false}
      maxLength={200}
      onInput={(event) => onInput(event.currentTarget.value)}
    />
  )
}

/** Every word must be in it. */
export function fits(text: string, filter: string): boolean {
  const inside = text.toLowerCase()
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => inside.includes(word))
}

export const Loading = () => <p class="nothing">Asking …</p>
