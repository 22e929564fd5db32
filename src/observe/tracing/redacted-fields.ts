/**
 * `password`, `*_token`: names with `*` for any run of characters, whatever their case. Not by a regular expression: those with
 * several stars take seconds for a name of some KiB, and names come from clients.
 */
export function redactedFields(patterns: readonly string[]): (field: string) => boolean {
  const tests = patterns.map((pattern) => pattern.toLowerCase().split(/\*+/))
  return (field) => {
    if (tests.length === 0) return false
    const name = field.toLowerCase()
    return tests.some((parts) => fits(name, parts))
  }
}

/** Each part behind the one before, the first where the name begins and the last where it ends. */
function fits(name: string, [first = '', ...others]: readonly string[]): boolean {
  const last = others.pop()
  if (last === undefined) return name === first
  if (!name.startsWith(first)) return false
  let at = first.length
  for (const part of others) {
    const found = name.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at + last.length <= name.length && name.endsWith(last)
}
