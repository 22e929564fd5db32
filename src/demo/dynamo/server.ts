import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Clock } from '../../core/clock.js'
import { type Answer, API, type Backend, createBackend, failure } from './backend.js'
import { transactWrite } from './transaction.js'

export interface DynamoServerOptions {
  readonly clock: Clock
  /** Milliseconds to wait before the answer to an operation. */
  readonly latency?: (operation: string) => number
  /** Whether to answer that it is asked too often. */
  readonly isThrottled?: (operation: string, body: string) => boolean
}

/** An embedded server that speaks DynamoDB, in memory. */
export interface DynamoServer {
  readonly host: string
  readonly port: number
  close(): Promise<void>
}

const HOST = '127.0.0.1'
/** Of a request; the service takes 16 MiB, the demo's shop sends some KiB. */
const MAX_BODY = 1024 * 1024

/** @throws when no port can be had */
export async function startDynamoServer(options: DynamoServerOptions): Promise<DynamoServer> {
  const backend = await createBackend()
  const server = createServer((request, response) => {
    serve(request, response, backend, options).catch((error: unknown) => {
      // When the client left while it sent, nobody is there to be told, and this goes nowhere.
      if (!response.headersSent) send(response, failure(500, 'InternalServerError', String(error)))
    })
  })
  server.listen(0, HOST)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('A server on a port has an address')
  return { host: HOST, port: address.port, close: () => close(server) }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  backend: Backend,
  { clock, latency, isThrottled }: DynamoServerOptions,
): Promise<void> {
  const body = await bodyOf(request)
  if (body === undefined) {
    send(response, failure(413, 'RequestEntityTooLargeException', 'The demo takes at most 1 MiB'))
    return
  }
  const target = String(request.headers['x-amz-target'] ?? '')
  const operation = target.startsWith(API) ? target.slice(API.length) : ''
  const waitMs = latency?.(operation) ?? 0
  // A timer has a resolution of one millisecond: less than one is best left out.
  if (waitMs >= 1) await clock.sleep(waitMs)
  if (isThrottled?.(operation, body) === true) {
    send(response, failure(400, 'ProvisionedThroughputExceededException', 'The table is asked too often just now'))
    return
  }
  const call = { operation, headers: request.headers, body }
  send(response, await (operation === 'TransactWriteItems' ? transactWrite(call, backend) : backend(call)))
}

/** undefined when it is too long. @throws when the client leaves before its end */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request) {
    length += chunk.length
    // The rest is read past: a connection that is closed over it would lose the answer.
    if (length <= MAX_BODY) chunks.push(chunk)
  }
  if (length > MAX_BODY) return undefined
  return Buffer.concat(chunks).toString()
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
