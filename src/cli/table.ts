/** Columns as wide as their content; numbers (every cell of the column but the first row) to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length))
  const indexes = Array.from({ length: columns }, (_, index) => index)
  const widths = indexes.map((index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)))
  const isNumeric = indexes.map((index) =>
    rows.slice(1).every((row) => /^(-|\d[\d.,]*( ?[a-zµ%]+)?)$/.test(row[index] ?? '')),
  )
  const line = (row: readonly string[]) =>
    indexes
      .map((index) => {
        const cell = row[index] ?? ''
        const width = widths[index] ?? 0
        return isNumeric[index] ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  return rows.map(line).join('\n')
}
