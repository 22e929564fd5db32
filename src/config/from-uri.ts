import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { parseAwsHost } from '../core/aws-host.js'
import { ConfigError } from '../core/errors.js'
import { parseAddress } from '../core/units.js'
import type { ConfigParts } from './config.js'
import { parseDatabaseUri } from './database-uri.js'
import { portsBehind } from './listener-mode.js'
import { type LoadedConfig, loadConfig } from './load.js'
import type { Path } from './path.js'
import type { DatabaseUri } from './uri-parts.js'

export interface UriSettings {
  /** Addresses as a config file writes them; undefined leaves the default. */
  readonly listen?: string
  readonly admin?: string
  /** The host that clients of a replica set are told; the name that clients of DynamoDB and HTTP call this machine by. */
  readonly advertise?: string
}

/** By protocol. */
export const DEFAULT_LISTEN: Readonly<Record<DatabaseUri['protocol'], string>> = {
  mongodb: '127.0.0.1:27018',
  tcp: '127.0.0.1:27018',
  dynamodb: '127.0.0.1:8001',
  http: '127.0.0.1:8081',
}

/**
 * The config that a file with one listener and one cluster, both called `main`, would give for a database's URI.
 * Problems name the flag of the command line that they come from instead of a file.
 * @throws ConfigError
 */
export function fromUri<P extends ConfigParts>(uri: string, settings: UriSettings, parts: P): LoadedConfig<P> {
  const parsed = parseDatabaseUri(uri)
  if ('kind' in parsed) {
    const { column, message, suggestion } = parsed
    throw new ConfigError([{ file: '--to', line: 1, column, path: '', message, suggestion }])
  }
  const listen = settings.listen ?? DEFAULT_LISTEN[parsed.protocol]
  const value = {
    ...(settings.admin === undefined ? {} : { admin: { address: settings.admin } }),
    listeners: [
      {
        name: 'main',
        address: listen,
        protocol: parsed.protocol,
        cluster: 'main',
        ...modeFor(parsed, listen, settings),
        ...signaturesFor(parsed, settings),
        ...hostFor(parsed),
      },
    ],
    clusters: [{ name: 'main', uri }],
  }
  return loadConfig({ kind: 'plain', value, nameOf: flagOf }, parts)
}

/**
 * A server may turn out to be a member of a set, whatever the URI says of it: then its members get the ports behind. Before
 * anything else nothing is rewritten.
 */
function modeFor({ protocol, options }: DatabaseUri, listen: string, { advertise }: UriSettings): object {
  if (protocol === 'http' || protocol === 'dynamodb') return advertise === undefined ? {} : { advertise }
  const isDirect = options.some(({ name, value }) => /^directconnection$/i.test(name) && value === 'true')
  const ports = portsBehind(listen)
  if (protocol !== 'mongodb' || isDirect || ports.member_ports === undefined) return {}
  const address = parseAddress(listen)
  const isWildcard = address?.kind === 'tcp' && (address.host === '0.0.0.0' || address.host === '::')
  const told = advertise ?? (isWildcard ? hostname() : undefined)
  return { mode: 'members', ...(told === undefined ? {} : { advertise: told }) }
}

/** Clients sign for the host that they dial, and AWS takes its own name only: unless DNS leads that name here, requests are signed again. */
function signaturesFor({ protocol, hosts: [host = ''] }: DatabaseUri, { advertise = '' }: UriSettings): object {
  const isAws = protocol === 'dynamodb' && parseAwsHost(host) !== undefined
  return isAws && parseAwsHost(advertise) === undefined ? { codec: { resign: { credentials: 'env' } } } : {}
}

/** A server that goes by a name tells its sites apart by it, and clients here say the proxy's. */
function hostFor({ protocol, isTls, hosts: [host = ''] }: DatabaseUri): object {
  const address = parseAddress(host)
  if (protocol !== 'http' || address?.kind !== 'tcp') return {}
  if (isIP(address.host) !== 0 || address.host === 'localhost') return {}
  const isPlain = address.port === (isTls ? 443 : 80)
  return { http: { host: isPlain ? address.host : host } }
}

function flagOf(path: Path): string {
  if (path[0] === 'admin') return '--admin'
  if (path[2] === 'advertise') return '--advertise'
  return path[0] === 'listeners' && path[2] === 'address' ? '--listen' : '--to'
}
