import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { type ExportRequest, exportRequestOf, type KeyValue, type Span, type Value } from './otlp-proto.js'

export type AttributeValue = string | number | boolean | readonly AttributeValue[]

/** A span as it came, whatever it came by. Times in nanoseconds since the epoch. */
export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  /** '' at the root of a trace. */
  readonly parentSpanId: string
  readonly name: string
  readonly kind: number
  readonly startNanos: bigint
  readonly endNanos: bigint
  readonly attributes: Readonly<Record<string, AttributeValue>>
  readonly events: readonly { readonly name: string; readonly nanos: bigint; readonly attributes: object }[]
  /** 0 unset, 2 error. */
  readonly status: number
  readonly statusMessage: string
  readonly resource: Readonly<Record<string, AttributeValue>>
}

/** What the collector does with a request: takes it, fails it, never answers, or answers byte by byte without end. */
export type Behaviour = 'take' | 'fail' | 'hang' | 'dribble'

export interface OtlpReceiver {
  readonly port: number
  readonly endpoint: string
  readonly spans: ReceivedSpan[]
  /** Each request's path, type and headers. */
  readonly requests: { readonly path: string; readonly headers: Readonly<Record<string, unknown>> }[]
  behaviour: Behaviour
  /** Resolves when that many spans came in all. */
  until(count: number): Promise<readonly ReceivedSpan[]>
  close(): Promise<void>
}

class Inbox {
  readonly spans: ReceivedSpan[] = []
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = []

  add(spans: readonly ReceivedSpan[]): void {
    this.spans.push(...spans)
    for (const { count, resolve } of this.#waiting) if (this.spans.length >= count) resolve()
  }

  async until(count: number): Promise<readonly ReceivedSpan[]> {
    if (this.spans.length < count)
      await new Promise<void>((resolve) => {
        this.#waiting.push({ count, resolve })
      })
    return this.spans
  }
}

/** A collector of OTLP over HTTP, in JSON and protobuf. */
export async function startOtlpReceiver(port = 0): Promise<OtlpReceiver> {
  const inbox = new Inbox()
  const sockets = new Set<Socket>()
  const receiver = { behaviour: 'take' as Behaviour, requests: [] as OtlpReceiver['requests'] }
  const server = createServer((request, response) => {
    receiver.requests.push({ path: request.url ?? '', headers: request.headers })
    void answer(request, response, receiver.behaviour, inbox)
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const bound = (server.address() as AddressInfo).port
  return Object.assign(receiver, {
    port: bound,
    endpoint: `http://127.0.0.1:${bound}`,
    spans: inbox.spans,
    until: (count: number) => inbox.until(count),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}

async function answer(request: IncomingMessage, response: ServerResponse, behaviour: Behaviour, inbox: Inbox) {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  if (behaviour === 'hang') return
  if (behaviour === 'dribble') {
    response.writeHead(200)
    const timer = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(timer))
    return
  }
  if (behaviour === 'fail') {
    response.writeHead(500).end('SECRET-OF-THE-COLLECTOR')
    return
  }
  const sent = Buffer.concat(chunks)
  const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent
  const isJson = request.headers['content-type'] === 'application/json'
  inbox.add(spansOf(isJson ? (JSON.parse(body.toString()) as ExportRequest) : exportRequestOf(body)))
  response.writeHead(200, { 'content-type': request.headers['content-type'] ?? '' }).end(isJson ? '{}' : '')
}

/** The same over gRPC: one length-prefixed message each way. (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) */
export async function startGrpcReceiver(): Promise<Omit<OtlpReceiver, 'behaviour'>> {
  const inbox = new Inbox()
  const requests: OtlpReceiver['requests'] = []
  const server = createHttp2Server()
  const sessions = new Set<{ destroy(): void }>()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  })
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    requests.push({ path: String(headers[':path']), headers })
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      inbox.add(spansOf(exportRequestOf(Buffer.concat(chunks).subarray(5))))
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(Buffer.alloc(5))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    endpoint: `http://127.0.0.1:${port}`,
    spans: inbox.spans,
    requests,
    until: (count) => inbox.until(count),
    close: async () => {
      for (const session of sessions) session.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function valueIn(value: Value): AttributeValue {
  if (value.arrayValue !== undefined) return value.arrayValue.values.map(valueIn)
  if (value.intValue !== undefined) return Number(value.intValue)
  return value.stringValue ?? value.doubleValue ?? value.boolValue ?? ''
}

const record = (attributes: readonly KeyValue[] = []): Record<string, AttributeValue> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, valueIn(value)]))

function spansOf({ resourceSpans }: ExportRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans.map((span) => received(span, record(resource?.attributes)))),
  )
}

function received(span: Span, resource: ReceivedSpan['resource']): ReceivedSpan {
  const { traceId, spanId, name, kind, parentSpanId = '', events = [] } = span
  return {
    traceId,
    spanId,
    parentSpanId,
    name,
    kind,
    resource,
    startNanos: BigInt(span.startTimeUnixNano),
    endNanos: BigInt(span.endTimeUnixNano),
    attributes: record(span.attributes),
    events: events.map((event) => ({
      name: event.name,
      nanos: BigInt(event.timeUnixNano),
      attributes: record(event.attributes),
    })),
    status: span.status?.code ?? 0,
    statusMessage: span.status?.message ?? '',
  }
}
