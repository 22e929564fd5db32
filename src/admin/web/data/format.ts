// How names and numbers are written on the page.

/** Names come from whoever speaks to the database: characters that hide or turn text are written out. */
export function visible(name: string): string {
  return name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`)
}

const wholes = new Intl.NumberFormat('en')
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

export const whole = (value: number): string => wholes.format(Math.round(value))

export function count(value: number): string {
  return value < 100_000 ? whole(value) : short.format(value)
}

export function counted(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? '' : 's'}`
}

export function perSecond(rate: number): string {
  if (rate === 0) return '0'
  if (rate < 0.1) return '< 0.1'
  return rate < 10 ? rate.toFixed(1) : count(rate)
}

export function duration(ms: number | null): string {
  if (ms === null) return '–'
  if (ms === 0) return '0 ms'
  if (ms >= 3_600_000) return `${(ms / 3_600_000).toFixed(1)} h`
  if (ms >= 60_000) return `${(ms / 60_000).toFixed(1)} min`
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`
  return `${ms < 1 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : Math.round(ms)} ms`
}

/** Of an axis: as short as it can be. */
export function tick(ms: number): string {
  if (ms >= 1_000) return `${ms / 1_000} s`
  return ms >= 1 ? `${ms} ms` : `${ms * 1_000} µs`
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export function bytes(value: number): string {
  let unit = 0
  let left = value
  for (; left >= 1024 && unit < UNITS.length - 1; unit++) left /= 1024
  return `${left < 10 && unit > 0 ? left.toFixed(1) : Math.round(left)} ${UNITS[unit]}`
}

/** Capacity comes in halves; sums of them need no more. */
export function units(value: number): string {
  return value < 1_000 ? String(Math.round(value * 10) / 10) : count(value)
}

/** Operations in progress on average: time spent in each second. */
export function load(timeRate: number): string {
  const value = timeRate / 1_000
  if (value === 0) return '0'
  if (value < 0.001) return '< 0.001'
  return value < 1 ? value.toFixed(3) : value < 100 ? value.toFixed(1) : count(value)
}

const clockTime = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
const dayAndTime = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })
export const timeOf = (atMs: number): string => clockTime.format(atMs)
export const dateOf = (atMs: number): string => dayAndTime.format(atMs)

interface Named {
  readonly protocol: string
  readonly database: string
  readonly collection: string
  readonly tables?: readonly string[]
}

/** DynamoDB's tables have no namespace; an operation over several has their names in place of one. */
export function namespaceOf({ protocol, database, collection, tables = [] }: Named): string {
  const name = database !== '' && collection !== '' ? `${database}.${collection}` : database || collection
  if (name !== '' || tables.length > 0) return visible(name || tables.join(', '))
  return protocol === 'http' ? '(HTTP)' : '(none)'
}
