import { isIPv4 } from 'node:net'

/** All addresses of this machine. */
export const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::' || host === '*'

/** In one spelling. */
export const plainHost = (host: string): string =>
  host.toLowerCase() === 'localhost' ? '127.0.0.1' : host.toLowerCase()

/** Whether what is bound to this host is reached from this machine alone. A name other than localhost may resolve to anything. */
export function isLoopback(host: string): boolean {
  const plain = plainHost(host)
  return plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'))
}
