import { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls'
import type { Clock } from '../core/clock.js'
import { OplensError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import type { ListenerStats } from '../core/stats.js'
import { WatchedFiles } from '../core/watched-files.js'
import type { DownstreamTlsConfig } from './config.js'

interface TlsDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly stats: ListenerStats
  /** For messages. */
  readonly listener: string
}

interface HandshakeEvents {
  secured(socket: TLSSocket): void
  /** Exactly one of the two for each connection. */
  failed(socket: TLSSocket, error: Error): void
}

/** Ends TLS of accepted connections; new ones follow the certificate files. */
export class DownstreamTls {
  readonly #config: DownstreamTlsConfig
  readonly #files: WatchedFiles
  readonly #server: Server

  /** @throws OplensError OPL_TLS when a file can't be read or holds no usable certificate or key */
  constructor(config: DownstreamTlsConfig, deps: TlsDeps, events: HandshakeEvents) {
    this.#config = config
    const { listener, logger, stats } = deps
    this.#files = new WatchedFiles(pathsOf(config), deps.clock, {
      changed: (contents) => {
        this.#server.setSecureContext(contextOptions(config, contents))
        stats.certificateExpiry.read(filesIn(contents))
        stats.certificateReloads++
        logger.info({ listener }, 'Certificates of the listener were read again')
      },
      failed: (error) => {
        stats.certificateReloadFailures++
        logger.error({ listener, err: error }, 'Changed certificates of the listener are unusable, the old stay')
      },
    })
    try {
      const contents = this.#files.open()
      this.#server = this.#createServer(contents)
      stats.certificateExpiry.read(filesIn(contents))
    } catch (cause) {
      this.#files.close()
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new OplensError(`TLS of listener ${listener}: ${reason}`, { code: 'OPL_TLS', origin: 'config', cause })
    }
    this.#server.on('secureConnection', (socket) => {
      socket.allowHalfOpen = true
      events.secured(socket)
    })
    this.#server.on('tlsClientError', (error, socket) => events.failed(socket, error))
  }

  /** Takes over an accepted socket; the handshake has its own deadline. */
  handshake(socket: Socket): void {
    // Half-open has a meaning only after the handshake: a client that ends within it has left, and frees its place at once.
    socket.allowHalfOpen = false
    this.#server.emit('connection', socket)
  }

  close(): void {
    this.#files.close()
  }

  /** Never listens: one net server accepts for every kind of listener, so that caps and accept errors are in one place. */
  #createServer(contents: readonly Buffer[]): Server {
    return createServer({
      ...contextOptions(this.#config, contents),
      requestCert: this.#config.ca !== undefined,
      rejectUnauthorized: true,
      handshakeTimeout: this.#config.handshake_timeout,
    })
  }
}

function pathsOf(config: DownstreamTlsConfig): readonly string[] {
  return config.ca === undefined ? [config.cert, config.key] : [config.cert, config.key, config.ca]
}

/** In the order of `pathsOf`. */
const filesIn = ([cert, key, ca]: readonly Buffer[]) => ({ cert, key, ca })

function contextOptions(config: DownstreamTlsConfig, contents: readonly Buffer[]): SecureContextOptions {
  const { cert, key, ca } = filesIn(contents)
  // OpenSSL passes over an authority that it can't read, and then refuses every client: say so instead.
  if (ca !== undefined) new X509Certificate(ca)
  return {
    minVersion: config.min_version,
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca }),
  }
}
