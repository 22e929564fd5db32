import { createRequire } from 'node:module'
import t from 'tap'
import { startConfigured } from '../../support/proxy.js'
import { observation } from '../harness.js'

const loaded = (): string[] =>
  Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes('node_modules/@opentelemetry/'))

t.test(
  'nothing of OpenTelemetry is loaded by a proxy that does not trace, and only what is needed by one that does',
  async (t) => {
    for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name]
    t.same(loaded(), [], 'the test itself loads none')
    // prom-client, which counts the process, brings OpenTelemetry's interfaces along.
    const config = {
      admin: { address: '127.0.0.1:0' },
      listeners: [{ name: 'front', address: '127.0.0.1:0', protocol: 'mongodb', cluster: 'db' }],
      clusters: [{ name: 'db', hosts: ['127.0.0.1:1'] }],
      observe: { metrics: { process_metrics: false } },
    }
    const proxy = await startConfigured(JSON.stringify(config))
    await proxy.get('/metrics')
    await proxy.close()
    t.same(loaded(), [])
    const o = observation({ observe: { tracing: { enabled: true } } })
    t.same(loaded(), [], 'not before the start')
    await o.start()
    await o.flush()
    const packages = [...new Set(loaded().map((path) => /@opentelemetry\/([^/]+)/.exec(path)?.[1]))]
    t.ok(packages.includes('exporter-trace-otlp-proto'), 'now it is')
    for (const name of ['sdk-node', 'instrumentation', 'sdk-logs', 'exporter-prometheus', 'exporter-trace-otlp-grpc'])
      t.notOk(packages.includes(name), `no ${name}`)
  },
)
