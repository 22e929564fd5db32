import { parseDatabaseUri } from './database-uri.js'
import type { Path } from './path.js'
import type { Report } from './problems.js'
import type { DatabaseUri } from './uri-parts.js'

const OTHER_SOURCES = ['hosts', 'dns', 'srv', 'file']

/**
 * A cluster entry of the file whose `uri` is replaced by the hosts and TLS settings it stands for; one with `srv` has TLS unless it
 * says otherwise. Any other entry as it is.
 */
export function clusterSource(
  entry: Record<string, unknown>,
  path: Path,
  error: Report,
  warning: Report,
): Record<string, unknown> {
  const { uri, ...rest } = entry
  // With another source beside it the schema has the better words.
  if (typeof uri !== 'string' || OTHER_SOURCES.some((key) => key in entry)) return withSrvTls(entry)
  const at = [...path, 'uri']
  const parsed = parseDatabaseUri(uri)
  if ('kind' in parsed) {
    error(at, 'value', parsed.message, parsed.suggestion)
    return entry
  }
  const tls = tlsOf(parsed, (message, suggestion) => error(at, 'value', message, suggestion))
  for (const [message, suggestion] of remarks(parsed)) warning(at, 'value', message, suggestion)
  const setName = optionMap(parsed).get('replicaset')
  return {
    ...(setName === undefined ? {} : { replica_set: setName }),
    ...(parsed.srv !== undefined && tls === undefined ? { tls: false } : {}),
    ...rest,
    ...(parsed.srv === undefined ? { hosts: parsed.hosts } : { srv: parsed.srv }),
    ...(tls === undefined || rest.tls === false ? {} : { tls: { ...tls, ...asObject(rest.tls) } }),
  }
}

/** The specification of `mongodb+srv` has TLS on. */
function withSrvTls(entry: Record<string, unknown>): Record<string, unknown> {
  return entry.srv === undefined || 'tls' in entry ? entry : { ...entry, tls: {} }
}

const tlsOption = (uri: DatabaseUri, options: ReadonlyMap<string, string>): string =>
  options.get('tls') ?? options.get('ssl') ?? String(uri.isTls)

const asObject = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {})

/** Uniform over drivers: option names are compared without case, later ones win. */
function optionMap(uri: DatabaseUri): Map<string, string> {
  return new Map(uri.options.map(({ name, value }) => [name.toLowerCase(), value]))
}

/** The `tls` section that the URI's options mean; undefined when it does not ask for TLS. */
function tlsOf(uri: DatabaseUri, error: (message: string, suggestion: string) => void): object | undefined {
  const options = optionMap(uri)
  const wanted = tlsOption(uri, options)
  if (wanted !== 'true' && wanted !== 'false') error(`expected tls=true or tls=false, got "${wanted}"`, '')
  if (wanted !== 'true') return undefined
  const isTrue = (name: string) => options.get(name) === 'true'
  if (options.has('tlscertificatekeyfilepassword')) {
    error('an encrypted key file is not supported by this version of oplens', 'name a key file without a password')
  }
  if (isTrue('tlsallowinvalidhostnames')) {
    error(
      'the host name alone can not be left unchecked',
      'in a config file, set tls.server_name to the name in the certificate',
    )
  }
  const keyFile = options.get('tlscertificatekeyfile')
  const ca = options.get('tlscafile')
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(keyFile === undefined ? {} : { cert: keyFile, key: keyFile }),
    ...(isTrue('tlsinsecure') || isTrue('tlsallowinvalidcertificates') ? { insecure_skip_verify: true } : {}),
  }
}

function* remarks(uri: DatabaseUri): Generator<readonly [message: string, suggestion: string]> {
  const options = optionMap(uri)
  const isTls = tlsOption(uri, options) === 'true'
  if (!isTls && [...options.keys()].some((name) => /^tls./.test(name))) {
    yield ['the TLS options have no effect without tls=true', 'add tls=true to the URI']
  }
  if (!options.has('replicaset') && uri.protocol === 'mongodb' && uri.hosts.length > 1) {
    const message = 'connections are spread over the listed hosts as equals'
    yield [message, 'right for mongos routers; of a replica set, name it: replicaSet=NAME']
  }
}
