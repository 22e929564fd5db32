// OpenTelemetry's variables as a collector sees them: what the exporters and the resource make of them.
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../../src/core/clock.js'
import { Exchange } from '../../../src/core/exchange.js'
import { OK } from '../../../src/core/outcome.js'
import {
  type OtlpReceiver,
  type ReceivedSpan,
  startGrpcReceiver,
  startOtlpReceiver,
} from '../../support/otlp-receiver.js'
import { createCertificates } from '../../support/tls.js'
import { client, observation } from '../harness.js'

const find = { protocol: 'mongodb', command: 'find', kind: 'read', database: 'shop', collection: 'orders' } as const

/** One operation, traced with these settings, and the end of the process. */
async function traceOne(t: Test, variables: Readonly<Record<string, string>>, tracing: object = {}): Promise<void> {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name]
  Object.assign(process.env, variables)
  const o = observation({ clock: systemClock, env: process.env, observe: { tracing: { sample: 1, ...tracing } } })
  await o.start()
  const exchange = new Exchange(client(), find, systemClock.now())
  Object.assign(exchange, { outcome: OK, endedAtMs: systemClock.now() })
  o.hub.exchangeStarted(exchange)
  o.hub.exchangeEnded(exchange)
  await o.flush()
  t.teardown(() => o.close())
}

interface Row {
  readonly variables: (endpoint: string) => Readonly<Record<string, string>>
  readonly tracing?: (endpoint: string) => object
  /** By default one request to `/v1/traces`. */
  readonly path?: string
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly resource?: Readonly<Record<string, string | RegExp>>
}

const ROWS: Record<string, Row> = {
  'an endpoint': {
    variables: (endpoint) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }),
    type: 'application/x-protobuf',
  },
  'an endpoint with a path of its own': {
    variables: (endpoint) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: `${endpoint}/otlp` }),
    path: '/otlp/v1/traces',
  },
  'an endpoint of traces is taken as it is': {
    variables: (endpoint) => ({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${endpoint}/spans`,
    }),
    path: '/spans',
  },
  'the endpoint of the file goes first': {
    variables: () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }),
    tracing: (endpoint) => ({ endpoint }),
  },
  'the endpoint of the file with a path': {
    variables: () => ({}),
    tracing: (endpoint) => ({ endpoint: `${endpoint}/spans` }),
    path: '/spans',
  },
  JSON: {
    variables: (endpoint) => ({
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    }),
    type: 'application/json',
  },
  'headers, those of traces too': {
    variables: (endpoint) => ({
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20abc',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-tenant=shop',
    }),
    headers: { authorization: 'Basic abc', 'x-tenant': 'shop' },
  },
  compression: {
    variables: (endpoint) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' }),
    headers: { 'content-encoding': 'gzip' },
  },
  'names by default': {
    variables: (endpoint) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }),
    resource: { 'service.name': 'oplens', 'service.version': '1.2.3', 'service.instance.id': /^[0-9a-f-]{36}$/ },
  },
  'a service name': {
    variables: (endpoint) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_SERVICE_NAME: 'shop-proxy' }),
    resource: { 'service.name': 'shop-proxy' },
  },
  'a service name of the file': {
    variables: (endpoint) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_SERVICE_NAME: 'shop-proxy' }),
    tracing: () => ({ service_name: 'from-the-file' }),
    resource: { 'service.name': 'from-the-file' },
  },
  'resource attributes': {
    variables: (endpoint) => ({
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,service.name=attributed,service.instance.id=pod-7',
    }),
    resource: {
      'deployment.environment.name': 'test',
      'service.name': 'attributed',
      'service.instance.id': 'pod-7',
      'service.version': '1.2.3',
    },
  },
  'detectors that were asked for': {
    variables: (endpoint) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_NODE_RESOURCE_DETECTORS: 'host,process' }),
    resource: {
      'process.pid': new RegExp(`^${process.pid}$`),
      'host.name': /./,
      'service.instance.id': /^[0-9a-f-]{36}$/,
    },
  },
}

for (const [name, { variables, tracing, path = '/v1/traces', type, headers = {}, resource = {} }] of Object.entries(
  ROWS,
)) {
  t.test(name, async (t) => {
    const receiver = await startOtlpReceiver()
    t.teardown(() => receiver.close())
    await traceOne(t, variables(receiver.endpoint), tracing?.(receiver.endpoint))
    t.equal(receiver.spans.length, 1)
    const [request, ...more] = receiver.requests
    t.equal(more.length, 0)
    t.equal(request?.path, path)
    if (type !== undefined) t.equal(request?.headers['content-type'], type)
    t.match(request?.headers, headers)
    const [span] = receiver.spans
    for (const [key, value] of Object.entries(resource)) t.match(String(span?.resource[key]), value, key)
    if (!name.startsWith('detectors')) t.notOk('process.pid' in (span?.resource ?? {}), 'nothing is detected unasked')
  })
}

t.test('what turns it off', async (t) => {
  const receiver: OtlpReceiver = await startOtlpReceiver()
  t.teardown(() => receiver.close())
  const off: Record<string, string>[] = [{ OTEL_SDK_DISABLED: 'true' }, { OTEL_TRACES_EXPORTER: 'none' }]
  for (const variables of off) await traceOne(t, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, ...variables })
  await traceOne(t, {})
  t.same(receiver.spans, [])
})

t.test('a certificate of an authority of their own', async (t) => {
  const { ca, server: pair } = await createCertificates()
  const file = join(t.testdir(), 'ca.pem')
  writeFileSync(file, ca.cert)
  let requests = 0
  const server = createServer({ key: pair.key, cert: pair.cert }, (request, response) => {
    requests++
    request.resume().on('end', () => response.end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  await traceOne(t, { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })
  t.equal(requests, 0, 'not trusted without it')
  await traceOne(t, { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_CERTIFICATE: file })
  t.equal(requests, 1)
})

t.test('gRPC by variable, with headers as metadata', async (t) => {
  const receiver = await startGrpcReceiver()
  t.teardown(() => receiver.close())
  await traceOne(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=shop',
  })
  const spans: readonly ReceivedSpan[] = receiver.spans
  t.equal(spans.length, 1)
  t.match(receiver.requests[0]?.headers, { 'x-tenant': 'shop' })
})

t.test('the console instead of a collector', async (t) => {
  const printed: unknown[] = []
  const { dir } = console
  console.dir = (what: unknown) => printed.push(what)
  t.teardown(() => {
    console.dir = dir
  })
  await traceOne(t, { OTEL_TRACES_EXPORTER: 'console' })
  t.match(printed, [{ name: 'find orders' }])
})
