/** Whether a field's name is one of these, `*` for any run of characters; names of fields may be written either way up. */
export function fieldMatcher(patterns: readonly string[]): (field: string) => boolean {
  if (patterns.length === 0) return () => false
  const tests = patterns.map((pattern) => {
    const escaped = pattern.replaceAll(/[\\^$+?.()|[\]{}]/g, '\\$&').replaceAll(/\*+/g, '[^]*')
    return new RegExp(`^${escaped}$`, 'i')
  })
  return (field) => tests.some((test) => test.test(field))
}
