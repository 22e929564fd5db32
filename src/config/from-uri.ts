import { ConfigError } from '../core/errors.js'
import type { ConfigParts } from './config.js'
import { parseDatabaseUri } from './database-uri.js'
import { type LoadedConfig, loadConfig } from './load.js'
import type { Path } from './path.js'

export interface UriSettings {
  /** Addresses as a config file writes them; undefined leaves the default. */
  readonly listen?: string
  readonly admin?: string
}

export const DEFAULT_LISTEN = '127.0.0.1:27018'

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
  const value = {
    ...(settings.admin === undefined ? {} : { admin: { address: settings.admin } }),
    listeners: [
      { name: 'main', address: settings.listen ?? DEFAULT_LISTEN, protocol: parsed.protocol, cluster: 'main' },
    ],
    clusters: [{ name: 'main', uri }],
  }
  return loadConfig({ kind: 'plain', value, nameOf: flagOf }, parts)
}

function flagOf(path: Path): string {
  if (path[0] === 'admin') return '--admin'
  return path[0] === 'listeners' && path[2] === 'address' ? '--listen' : '--to'
}
