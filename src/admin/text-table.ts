/** A name from the wire for a terminal: control, direction and invisible characters become escapes and can do nothing. */
export function visible(name: string): string {
  return name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`)
}

const MAX_NAME = 60

export const shortened = (name: string): string => cut(name, MAX_NAME)

/** At most so many characters of a text from the wire. */
export function cut(name: string, max: number): string {
  const text = visible(name)
  return text.length > max ? `${text.slice(0, max - 3)}...` : text
}

/** A database without namespaces has the collection alone. */
export function namespaceText({
  database,
  collection,
}: {
  readonly database: string
  readonly collection: string
}): string {
  return database !== '' && collection !== '' ? `${database}.${collection}` : database || collection || '-'
}

export function formatRate(rate: number): string {
  if (rate === 0) return '0'
  return rate < 10 ? rate.toFixed(1) : String(Math.round(rate))
}

export function formatMs(ms: number | null): string {
  if (ms === null) return '-'
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(2)} s`
  return `${ms < 1 ? ms.toFixed(3) : ms < 100 ? ms.toFixed(1) : Math.round(ms)} ms`
}

export interface Column<Row> {
  readonly title: string
  readonly isText?: boolean
  readonly cell: (row: Row) => string
}

/** Rows as aligned columns for a terminal; ends with a newline. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = [columns.map((c) => c.title), ...rows.map((row) => columns.map((c) => c.cell(row)))]
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)))
  const pad = (text: string, i: number) =>
    columns[i]?.isText ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)
  return lines.map((line) => `${line.map(pad).join('  ').trimEnd()}\n`).join('')
}
