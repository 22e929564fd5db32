import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { crc32, gzipSync } from 'node:zlib'
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'
import type { Test } from 'tap'

const dynalite = createRequire(import.meta.url)('dynalite') as (options: Record<string, unknown>) => Server

async function serve(t: Test, server: Server, port = 0): Promise<string> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A DynamoDB that knows the most of it, in this process. @returns `host:port` */
export const startDynalite = (t: Test): Promise<string> =>
  serve(t, dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 }))

export interface StubCall {
  /** Without the API's prefix. */
  readonly operation: string
  readonly body: Buffer
  readonly headers: IncomingHttpHeaders
  /** How many calls came before it. */
  readonly index: number
}

export interface StubAnswer {
  readonly status?: number
  readonly json?: unknown
  readonly gzip?: boolean
  /** Sent in chunks of so many bytes, each written apart. */
  readonly chunkBytes?: number
}

/** What a stub does: gives an answer, or has done something with the response by itself. */
export type StubBehaviour = (call: StubCall, response: ServerResponse) => StubAnswer | undefined

export interface DynamodbStub {
  readonly address: string
  readonly calls: readonly StubCall[]
  readonly server: Server
  behave: StubBehaviour
  /** Nobody listens any more, and whoever was connected is cut. */
  stop(): Promise<void>
}

/** An error as the service words it. */
export const exception = (name: string, status = 400, more: object = {}): StubAnswer => ({
  status,
  json: { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: 'of the stub', ...more },
})

/** A small server of our own for what no other can be made to say. @param port to come back on */
export async function startDynamodbStub(t: Test, behave: StubBehaviour, port = 0): Promise<DynamodbStub> {
  const calls: StubCall[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => undefined)
    request.on('end', () => {
      const operation = String(request.headers['x-amz-target'] ?? '').replace(/^\w+\./, '')
      const call = { operation, body: Buffer.concat(chunks), headers: request.headers, index: calls.length }
      calls.push(call)
      const answer = stub.behave(call, response)
      if (answer !== undefined) give(response, answer)
    })
  })
  const address = await serve(t, server, port)
  const stub: DynamodbStub = {
    address,
    calls,
    server,
    behave,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
  return stub
}

function give(response: ServerResponse, { status = 200, json = {}, gzip = false, chunkBytes = 0 }: StubAnswer): void {
  const text = Buffer.from(JSON.stringify(json))
  const body = gzip ? gzipSync(text) : text
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.0',
    'x-amzn-requestid': 'STUB',
    'x-amz-crc32': String(crc32(body)),
    ...(gzip ? { 'content-encoding': 'gzip' } : {}),
    ...(chunkBytes === 0 ? { 'content-length': body.length } : {}),
  })
  for (let at = 0; chunkBytes > 0 && at < body.length; at += chunkBytes)
    response.write(body.subarray(at, at + chunkBytes))
  response.end(chunkBytes === 0 ? body : undefined)
}

/** The official client, with as little waiting between its tries as it can be asked for. */
export function newClient(t: Test, port: number, more: DynamoDBClientConfig = {}): DynamoDBClient {
  const client = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 's' },
    maxAttempts: 3,
    ...more,
  })
  t.teardown(() => client.destroy())
  return client
}
