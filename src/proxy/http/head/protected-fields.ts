/**
 * Fields that every hop must see, and see in the head: those that frame, route, authenticate or change the meaning of a
 * message. They may not come as trailers (RFC 9110, 6.5.1), and `Connection` may not name them: it would make us take them out
 * on their way (RFC 9110, 7.6.1).
 */
const PROTECTED = new Set([
  // framing
  'content-length',
  'transfer-encoding',
  'trailer',
  // routing
  'host',
  'forwarded',
  'max-forwards',
  'via',
  'x-amz-target',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
  // authentication
  'authorization',
  'cookie',
  'proxy-authenticate',
  'proxy-authorization',
  'set-cookie',
  'www-authenticate',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-security-token',
  // request modifiers and reply control
  'cache-control',
  'expect',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'pragma',
  'range',
  'age',
  'date',
  'expires',
  'location',
  'retry-after',
  'vary',
  'warning',
  // what the content is
  'content-encoding',
  'content-range',
  'content-type',
])

/** About one connection: never forwarded. `Transfer-Encoding` is not here, for the coding is forwarded too. (RFC 9110, 7.6.1) */
export const HOP_BY_HOP: readonly string[] = ['connection', 'keep-alive', 'proxy-connection', 'te', 'upgrade']

/** @param name in lower case */
export function isProtected(name: string): boolean {
  return PROTECTED.has(name)
}

/** @param name in lower case */
export function isHopByHop(name: string): boolean {
  return HOP_BY_HOP.includes(name)
}
