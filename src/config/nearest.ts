/** `connectTimeout`, `connect-timeout` and `connect_timeout` are one word to whoever mistypes them. */
const normalize = (word: string): string =>
  word
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[-.\s]/g, '_')
    .toLowerCase()

/** Edits (insert, delete, replace, swap of neighbours) between two words; optimal string alignment. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let edits = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost)
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (isSwap) edits = Math.min(edits, (beforeLast[j - 2] ?? 0) + 1)
      row.push(edits)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}

/** The known word that was most likely meant; undefined when none is close enough to be worth saying. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const wanted = normalize(word)
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of known) {
    const name = normalize(candidate)
    const isPart = wanted.length >= 4 && name.length >= 4 && (name.includes(wanted) || wanted.includes(name))
    const limit = Math.max(1, Math.floor(Math.max(wanted.length, name.length) / 3))
    const distance = editDistance(wanted, name)
    if (distance > limit && !isPart) continue
    // A contained word is a weaker hint than any spelling mistake.
    const score = distance > limit ? 100 + distance : distance
    if (score < bestDistance) [best, bestDistance] = [candidate, score]
  }
  return best
}

/** `did you mean "x"?`, or the whole list when nothing is close and the list is short; '' otherwise. */
export function didYouMean(word: string, known: readonly string[], what = 'known'): string {
  const close = nearest(word, known)
  if (close !== undefined) return `did you mean "${close}"?`
  if (known.length === 0 || known.length > 20) return ''
  return `${what}: ${known.join(', ')}`
}
