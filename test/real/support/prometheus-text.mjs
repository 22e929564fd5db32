// Reads the Prometheus text format: as much as the tests need, and strict about it.

/**
 * @param {string} text
 * @returns {Map<string, {labels: Record<string, string>, value: number}[]>} samples by name
 */
export function parseMetrics(text) {
  const families = new Map()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (sample === null) throw new Error(`not a sample: ${line}`)
    const [, name, labelText = '', value] = sample
    const list = families.get(name) ?? []
    list.push({ labels: parseLabels(labelText), value: Number(value === '+Inf' ? Number.POSITIVE_INFINITY : value) })
    families.set(name, list)
  }
  return families
}

function parseLabels(text) {
  const labels = {}
  const pattern = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/gy
  while (pattern.lastIndex < text.length) {
    const found = pattern.exec(text)
    if (found === null) throw new Error(`not labels: ${text}`)
    labels[found[1]] = found[2].replaceAll(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c))
  }
  return labels
}

/** Sum of all samples of a name whose labels contain `want`. */
export function sumOf(metrics, name, want = {}) {
  return (metrics.get(name) ?? [])
    .filter(({ labels }) => Object.entries(want).every(([key, value]) => labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0)
}
