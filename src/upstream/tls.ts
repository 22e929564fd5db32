import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { type ConnectionOptions, createSecureContext, type SecureContext } from 'node:tls'
import type { Clock } from '../core/clock.js'
import { OplensError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import type { ClusterStats } from '../core/stats.js'
import type { Host } from '../core/upstream.js'
import { WatchedFiles } from '../core/watched-files.js'
import type { UpstreamTlsConfig } from './config.js'

interface TlsDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly stats: ClusterStats
  /** For messages. */
  readonly cluster: string
}

/** What a cluster's TLS connections are made with; follows its certificate files. */
export class UpstreamTls {
  readonly #config: UpstreamTlsConfig
  readonly #files: WatchedFiles
  #context: SecureContext

  /** @throws OplensError OPL_TLS when a file can't be read or holds no usable certificate or key */
  constructor(config: UpstreamTlsConfig, deps: TlsDeps) {
    this.#config = config
    const { cluster, logger, stats } = deps
    this.#files = new WatchedFiles(pathsOf(config), deps.clock, {
      changed: (contents) => {
        this.#context = createContext(config, contents)
        stats.certificateExpiry.read(filesIn(config, contents))
        stats.certificateReloads++
        logger.info({ cluster }, 'Upstream certificates were read again')
      },
      failed: (error) => {
        stats.certificateReloadFailures++
        logger.error({ cluster, err: error }, 'Changed upstream certificates are unusable, the old stay')
      },
    })
    try {
      const contents = this.#files.open()
      this.#context = createContext(config, contents)
      stats.certificateExpiry.read(filesIn(config, contents))
    } catch (cause) {
      this.#files.close()
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new OplensError(`TLS of cluster ${cluster}: ${reason}`, { code: 'OPL_TLS', origin: 'config', cause })
    }
  }

  optionsFor(host: Host): ConnectionOptions {
    const serverName = this.#serverName(host)
    return {
      secureContext: this.#context,
      rejectUnauthorized: !this.#config.insecure_skip_verify,
      ...(serverName === undefined ? {} : { servername: serverName }),
    }
  }

  close(): void {
    this.#files.close()
  }

  /** Undefined for a bare IP address: SNI forbids those, and the certificate is then checked against the address. */
  #serverName(host: Host): string | undefined {
    if (this.#config.server_name !== undefined) return this.#config.server_name
    if (host.hostname !== '') return host.hostname
    if (host.address.kind === 'unix') return 'localhost'
    return isIP(host.address.host) === 0 ? host.address.host : undefined
  }
}

function pathsOf(config: UpstreamTlsConfig): readonly string[] {
  return [config.ca, config.cert, config.key].filter((path) => path !== undefined)
}

/** In the order of `pathsOf`. */
function filesIn(config: UpstreamTlsConfig, contents: readonly Buffer[]) {
  const left = [...contents]
  const take = (path: string | undefined) => (path === undefined ? undefined : left.shift())
  return { ca: take(config.ca), cert: take(config.cert), key: take(config.key) }
}

function createContext(config: UpstreamTlsConfig, contents: readonly Buffer[]): SecureContext {
  const { ca, cert, key } = filesIn(config, contents)
  // OpenSSL passes over an authority that it can't read, and then trusts nobody: say so instead.
  if (ca !== undefined) new X509Certificate(ca)
  return createSecureContext({
    minVersion: config.min_version,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  })
}
