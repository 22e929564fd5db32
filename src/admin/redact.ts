const SECRET_KEY = /(^|[_-])(password|passphrase|passwd|secret|token|credential|secret_?access_?key|api_?key)s?$/i
const REDACTED = '[redacted]'

/** A copy for showing: values under telling keys, passwords inside URIs and inline private keys are taken out. */
export function redact(value: unknown, key = ''): unknown {
  if (value === null || value === undefined || value === '') return value
  if (SECRET_KEY.test(key)) return REDACTED
  if (typeof value === 'string') return redactText(value)
  if (Array.isArray(value)) return value.map((item) => redact(item, key))
  if (value instanceof Map) return redact(Object.fromEntries(value), key)
  if (typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, redact(inner, name)]))
}

function redactText(text: string): string {
  if (text.includes('-----BEGIN')) return REDACTED
  // Greedy up to the last @ before a slash: an unescaped @ in a password is a common mistake.
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:@/]*):[^\s/]*@/gi, '$1:***@')
}
