import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../core/clock.js'
import { OplensError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import { type Address, formatAddress } from '../core/upstream.js'
import type { AdminConfig } from './config.js'
import { EventStreams } from './event-streams.js'
import { isAllowedHost, isLoopback, isSameOrigin } from './host-guard.js'
import { type Reply, text } from './reply.js'
import { dataRoutes, eventsRoute, pageRoutes, type Route } from './routes.js'
import type { AdminSources } from './sources.js'

/** Room for any browser's headers; nobody needs more to ask for a page. */
const MAX_HEADER_BYTES = 16 * 1024
const HEADERS_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 10_000
const KEEP_ALIVE_MS = 5_000
/** Of silence on a socket with a reply under way: a scraper that stopped reading. */
const STALLED_MS = 30_000
const MAX_CONNECTIONS = 256
/** How long `close` waits for replies under way. */
const CLOSE_GRACE_MS = 500

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

export interface AdminOptions {
  readonly config: AdminConfig
  readonly sources: AdminSources
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * The HTTP server for people and scrapers. Reading never changes anything; nothing that comes in, and no handler that throws,
 * ends the process.
 */
export class AdminServer {
  readonly #options: AdminOptions
  readonly #server: Server
  readonly #streams: EventStreams
  #routes: readonly Route[] = []
  #address: Address | undefined
  #isClosing = false
  readonly #idle = new Set<Socket>()

  constructor(options: AdminOptions) {
    this.#options = options
    this.#streams = new EventStreams(options)
    this.#server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: 2_000,
      },
      (request, response) => this.#serve(request, response),
    )
    this.#server.timeout = STALLED_MS
    this.#server.maxConnections = MAX_CONNECTIONS
    this.#server.on('connection', (socket) => {
      this.#idle.add(socket)
      socket.on('close', () => this.#idle.delete(socket))
    })
  }

  /** As bound (port 0 resolved); undefined before `listen` is done. */
  get address(): Address | undefined {
    return this.#address
  }

  /** @throws OplensError OPL_ADMIN_LISTEN when the address can't be bound */
  async listen(): Promise<void> {
    const { config, sources, clock, logger } = this.#options
    // The clock of the day alone tells this process from the one before it.
    const views = { sources, clock, traceUrl: config.trace_url ?? '', bootId: clock.wall().toString(36) }
    this.#routes = [...(await pageRoutes()), ...dataRoutes(sources, clock), eventsRoute(this.#streams, views)]
    this.#address = await bind(this.#server, config.address)
    this.#server.on('error', (error) => logger.error({ err: error }, 'The admin server has a problem'))
    if (!isLoopback(config.address)) {
      const fields = { address: formatAddress(this.#address) }
      logger.warn(fields, 'The admin address is not loopback: whoever reaches it can read names and drain this proxy')
    }
  }

  /** Lets replies under way end, for half a second; everything else is closed at once. */
  close(): Promise<void> {
    if (this.#isClosing || !this.#server.listening) return Promise.resolve()
    this.#isClosing = true
    this.#streams.close()
    return new Promise((resolve) => {
      const cut = this.#options.clock.after(CLOSE_GRACE_MS, () => this.#server.closeAllConnections())
      this.#server.close(() => {
        cut.cancel()
        resolve()
      })
      // Also those that never asked, which Node does not call idle: browsers open one ahead of need.
      for (const socket of this.#idle) socket.destroy()
    })
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    this.#idle.delete(socket)
    response.on('close', () => {
      if (this.#isClosing) socket.destroySoon()
      else if (!socket.destroyed) this.#idle.add(socket)
    })
    // A body is of no use here: it is dropped as it comes, and the connection with it.
    const hasBody =
      request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
    if (hasBody || this.#isClosing) response.shouldKeepAlive = false
    request.resume()
    this.#answer(request, response).catch((error: unknown) => this.#failed(request, response, error))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, type, body, headers = {} } = this.#reply(request, response)
    const isWhole = typeof body === 'string' || Buffer.isBuffer(body)
    const length = isWhole ? { 'content-length': Buffer.byteLength(body) } : {}
    response.writeHead(status, { ...HEADERS, 'content-type': type, ...length, ...headers })
    if (request.method === 'HEAD') response.end()
    else if (isWhole) response.end(body)
    else if (typeof body === 'function') body(response)
    else await pipeline(Readable.from(body), response)
  }

  #reply(request: IncomingMessage, response: ServerResponse): Reply {
    const { headers, method = 'GET', url = '/' } = request
    const { config } = this.#options
    if (!isAllowedHost(headers.host, config.address, config.allowed_hosts)) {
      return text(403, 'This name is not allowed. Add it to admin.allowed_hosts, or ask by IP address.')
    }
    const [path = '/', ...query] = url.split('?')
    const route = this.#routes.find((r) => r.path === path)
    if (route === undefined) return text(404, `There is no such page. There are:\n${this.#help()}`)
    const isRead = method === 'GET' || method === 'HEAD'
    if (route.method === 'GET' ? !isRead : method !== route.method) {
      response.setHeader('allow', route.method === 'GET' ? 'GET, HEAD' : route.method)
      return text(405, `${route.path} takes ${route.method} alone`)
    }
    if (!isRead && !isSameOrigin(request)) return text(403, 'Not from another site')
    return route.handle({ query: new URLSearchParams(query.join('?')), accept: headers.accept })
  }

  #help(): string {
    return this.#routes.map((r) => `  ${r.method.padEnd(4)} ${r.path.padEnd(14)} ${r.help}`).join('\n')
  }

  #failed(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const { logger } = this.#options
    const fields = { err: error, method: request.method, path: request.url?.split('?')[0] }
    if (isGone(error)) {
      logger.debug(fields, 'An admin client left before its reply was whole')
      return
    }
    logger.error(fields, 'An admin request failed')
    if (response.headersSent) {
      response.destroy()
      return
    }
    const reply = text(500, 'This failed; the log says why')
    response.writeHead(reply.status, { ...HEADERS, 'content-type': reply.type }).end(reply.body)
  }
}

function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : ''
  return code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ECONNRESET' || code === 'EPIPE'
}

function bind(server: Server, address: Address): Promise<Address> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => {
      const message = `Cannot listen on ${formatAddress(address)} for the admin page: ${error.message}`
      reject(new OplensError(message, { code: 'OPL_ADMIN_LISTEN', origin: 'proxy', cause: error }))
    }
    server.once('error', onError)
    server.listen(address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port }, () => {
      server.off('error', onError)
      const bound = server.address()
      resolve(
        bound === null || typeof bound === 'string' ? address : { kind: 'tcp', host: bound.address, port: bound.port },
      )
    })
  })
}
