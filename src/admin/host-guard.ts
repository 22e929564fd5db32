import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import type { Address } from '../core/upstream.js'

/** The name in a Host header or an authority, lower case, without port and brackets. */
export function hostName(authority: string): string {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(authority.trim().toLowerCase())
  return (match?.[1] ?? match?.[2] ?? '').replace(/\.$/, '')
}

export function isLoopback(address: Address): boolean {
  if (address.kind === 'unix') return true
  return isLoopbackName(address.host.toLowerCase())
}

function isLoopbackName(name: string): boolean {
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    (isIP(name) === 4 && name.startsWith('127.'))
  )
}

/**
 * Against DNS rebinding: a page of a stranger whose own name points to this address is sent by the browser with that name.
 * So names must be known; IP addresses need not be, since no name was resolved then. A Unix socket no browser can reach.
 */
export function isAllowedHost(host: string | undefined, bound: Address, allowed: readonly string[]): boolean {
  if (bound.kind === 'unix' || host === undefined || allowed.includes('*')) return true
  const name = hostName(host)
  if (isIP(name) !== 0 || isLoopbackName(name)) return true
  return name !== '' && (name === bound.host.toLowerCase() || allowed.some((a) => hostName(a) === name))
}

/** A form on another site can POST here without asking; browsers say where such a request comes from. */
export function isSameOrigin({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
  const origin = headers.origin
  return origin === undefined || origin.replace(/^https?:\/\//, '') === headers.host
}
