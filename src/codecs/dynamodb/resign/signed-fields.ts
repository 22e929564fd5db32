import type { HttpHeaders } from '../../../core/http.js'

const ALWAYS: readonly string[] = ['content-type', 'x-amz-target']
/** What a signature consists of, in the order in which it is sent; there is a token with some credentials only. */
export const SIGNATURE_FIELDS: readonly string[] = [
  'host',
  'x-amz-date',
  'x-amz-content-sha256',
  'x-amz-security-token',
  'authorization',
]
const SIGNED_HEADERS = /SignedHeaders=([\w;-]{1,2048})/
const MAX_FIELDS = 64

/**
 * What of a request's own fields is signed: its target and type, and every `x-amz-…` field that the client had signed, for AWS wants
 * all of those signed. Others may change on their way. (IAM User Guide, "Create a signed AWS API request", step 1, CanonicalHeaders)
 */
export function fieldsToSign(headers: HttpHeaders): Record<string, string> {
  const fields: Record<string, string> = {}
  const listed =
    SIGNED_HEADERS.exec(headers.get('authorization') ?? '')?.[1]
      ?.toLowerCase()
      .split(';') ?? []
  const ofClient = listed.slice(0, MAX_FIELDS).filter(isOfAws)
  for (const name of [...ALWAYS, ...ofClient]) {
    const values = headers.all(name)
    if (values.length > 0) fields[name] = values.join(',')
  }
  return fields
}

const isOfAws = (name: string): boolean => name.startsWith('x-amz-') && !SIGNATURE_FIELDS.includes(name)

export interface Target {
  readonly path: string
  readonly query: Record<string, string | string[]>
}

/** A request-target in origin or absolute form (RFC 9112, 3.2), its query decoded. What is no percent-encoding stays as it is. */
export function parseTarget(target: string): Target {
  if (target === '/') return { path: target, query: {} }
  const rest = target.replace(/^https?:\/\/[^/?]*/i, '')
  const [path = '', ...queries] = rest.split('?')
  const query = new Map<string, string[]>()
  for (const pair of queries
    .join('?')
    .split('&')
    .filter((text) => text !== '')) {
    const equals = pair.indexOf('=')
    const name = decoded(equals === -1 ? pair : pair.slice(0, equals))
    const value = equals === -1 ? '' : decoded(pair.slice(equals + 1))
    query.set(name, [...(query.get(name) ?? []), value])
  }
  return { path: path === '' ? '/' : path, query: Object.fromEntries(query) }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Then the service judges it as it came.
    return text
  }
}
