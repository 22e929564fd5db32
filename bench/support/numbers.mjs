// Medians, spreads, and a table that fits a terminal and Markdown alike.

/** @returns {{median: number, min: number, max: number}} */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  return { median, min: sorted[0], max: sorted.at(-1) }
}

/** `18.2 (17.9–19.0)`, or `18.2` of one sample. */
export function withSpread({ median, min, max }, digits = 1) {
  const text = (value) => value.toFixed(digits)
  return min === max ? text(median) : `${text(median)} (${text(min)}–${text(max)})`
}

/** @param {string[][]} rows the first is the head; the first column is left-aligned, all others right */
export function markdownTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length), 3))
  const line = (row) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n')
}
