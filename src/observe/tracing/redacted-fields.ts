/** `password`, `*_token`: names with `*` for any run of characters, whatever their case. */
export function redactedFields(patterns: readonly string[]): (field: string) => boolean {
  if (patterns.length === 0) return () => false
  const texts = patterns.map((pattern) => pattern.replaceAll(/[\\^$+?.()|[\]{}]/g, '\\$&').replaceAll(/\*+/g, '[^]*'))
  const test = new RegExp(`^(?:${texts.join('|')})$`, 'i')
  return (field) => test.test(field)
}
