/**
 * `shop.orders`, `shop.*`, `*.audit_*`, `*`: names of a database and a collection with `*` for any run of characters. A pattern
 * without a dot is a database's, with all of its collections and what names none.
 */
export function namespaceMatcher(patterns: readonly string[]): (database: string, collection: string) => boolean {
  if (patterns.length === 0) return () => false
  if (patterns.includes('*')) return () => true
  const tests = patterns.map(toRegExp)
  return (database, collection) => {
    const name = `${database}.${collection}`
    return tests.some((test) => test.test(name))
  }
}

function toRegExp(pattern: string): RegExp {
  const whole = pattern.includes('.') ? pattern : `${pattern}.*`
  const escaped = whole.replaceAll(/[\\^$+?.()|[\]{}]/g, '\\$&').replaceAll(/\*+/g, '[^]*')
  return new RegExp(`^${escaped}$`)
}
