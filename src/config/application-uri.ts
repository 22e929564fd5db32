import { resolve } from 'node:path'
import { type Address, formatAddress } from '../core/upstream.js'
import { parseDatabaseUri } from './database-uri.js'

export interface ApplicationUri {
  /** What to give to applications; never holds a password. Of DynamoDB a variable of their environment, `AWS_ENDPOINT_URL=…`. */
  readonly uri: string
  /** Sentences for the user, in order; often none. */
  readonly notes: readonly string[]
}

export interface ApplicationUriOptions {
  /** A protocol of a listener; `mongodb` and anything else. */
  readonly protocol: string
  /** The listener asks clients for TLS. */
  readonly isTls?: boolean
  /** The replica set that the listener stands for: drivers get to know its members there. */
  readonly setName?: string
  /** What clients call this machine; without it, the host of the address. */
  readonly advertise?: string
  /** The URI that the user gave for the database; its database name and most options are kept. */
  readonly original?: string
}

/** Options that speak about the way to the database, which is the proxy's now, or that hold secrets. */
const DROPPED = /^(?:tls.*|ssl.*|replicaset|directconnection|loadbalanced|srv.*|proxy.*)$/i
const SESSION_TOKEN = /AWS_SESSION_TOKEN/i

/** The URI that leads an application through the proxy. */
export function applicationUri(address: Address, options: ApplicationUriOptions): ApplicationUri {
  const isHttp = options.protocol === 'dynamodb' || options.protocol === 'http'
  const isTold = options.advertise !== undefined && (options.setName !== undefined || isHttp)
  const host = reachable(isTold && address.kind === 'tcp' ? { ...address, host: options.advertise ?? '' } : address)
  const notes =
    address.kind === 'tcp' && isWildcard(address.host) && !isTold
      ? ['From other machines, use the name of this one.']
      : []
  if (isHttp) return httpUri(address, host, notes, options)
  if (options.protocol !== 'mongodb') return { uri: `${options.protocol}://${host}`, notes }
  const parsed = options.original === undefined ? undefined : parseDatabaseUri(options.original)
  const original = parsed === undefined || 'kind' in parsed ? undefined : parsed
  const kept = (original?.options ?? []).filter(({ name, value }) => !DROPPED.test(name) && !SESSION_TOKEN.test(value))
  const how =
    options.setName === undefined ? 'directConnection=true' : `replicaSet=${encodeURIComponent(options.setName)}`
  const query = [how, ...(options.isTls ? ['tls=true'] : []), ...kept.map(({ text }) => text)].join('&')
  const user = original === undefined || original.user === '' ? '' : `${original.user}@`
  if (original?.hasPassword)
    notes.push('The password is left out: add the one of your application behind the user name.')
  if (
    original?.srv !== undefined &&
    original.user !== '' &&
    original.database !== '' &&
    !kept.some(({ name }) => /^authSource$/i.test(name))
  )
    notes.push('Where users live was told by DNS, perhaps: add authSource=admin if theirs is admin, as on Atlas.')
  return { uri: `mongodb://${user}${host}/${original?.database ?? ''}?${query}`, notes }
}

function httpUri(address: Address, host: string, notes: string[], options: ApplicationUriOptions): ApplicationUri {
  // No URI names HTTP on a socket that all libraries understand.
  const uri = address.kind === 'unix' ? formatAddress(address) : `http${options.isTls ? 's' : ''}://${host}`
  if (options.protocol === 'http' || address.kind === 'unix') return { uri, notes }
  const note = 'Applications that use other AWS services, too, take AWS_ENDPOINT_URL_DYNAMODB in its place.'
  return { uri: `AWS_ENDPOINT_URL=${uri}`, notes: [...notes, note] }
}

const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::'

function reachable(address: Address): string {
  // Drivers know a socket by its slash: a relative path would be taken for a host name.
  if (address.kind === 'unix') return encodeURIComponent(resolve(address.path))
  return formatAddress(isWildcard(address.host) ? { ...address, host: '127.0.0.1' } : address)
}
