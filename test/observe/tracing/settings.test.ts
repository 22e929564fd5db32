import t from 'tap'
import { observeSchema } from '../../../src/observe/config.js'
import { type TracingSettings, tracingSettings } from '../../../src/observe/tracing/settings.js'

const settings = (tracing: object, env: Record<string, string>): TracingSettings =>
  tracingSettings(observeSchema.parse({ tracing }).tracing, env)

interface Row {
  readonly file?: object
  readonly env?: Record<string, string>
  readonly want: Partial<TracingSettings>
}

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }
const on = { isEnabled: true }
const off = { isEnabled: false }
const SAMPLER = 'OTEL_TRACES_SAMPLER'
const ARG = 'OTEL_TRACES_SAMPLER_ARG'

const ROWS: Record<string, Row> = {
  'nothing said': { want: { ...off, sample: 0.01, followParent: true, keepSlow: true, keepFailed: true } },
  'defaults of the batches': {
    want: { maxQueue: 2_048, maxBatch: 128, delayMs: 5_000, exportTimeoutMs: 30_000, protocol: 'http/protobuf' },
  },
  'an endpoint by variable': { env: ENDPOINT, want: { ...on, endpoint: undefined, exporter: 'otlp' } },
  'an endpoint of traces by variable': { env: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c/x' }, want: on },
  'an endpoint in the file': { file: { endpoint: 'http://c:4318' }, want: { ...on, endpoint: 'http://c:4318' } },
  'an exporter by variable': { env: { OTEL_TRACES_EXPORTER: 'otlp' }, want: on },
  'the console': { env: { OTEL_TRACES_EXPORTER: 'console' }, want: { ...on, exporter: 'console' } },
  'empty is unset': { env: { OTEL_EXPORTER_OTLP_ENDPOINT: ' ', OTEL_TRACES_EXPORTER: '', [SAMPLER]: '' }, want: off },
  'an exporter of none': { env: { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, want: off },
  'an exporter of none goes before the file': {
    file: { enabled: true },
    env: { OTEL_TRACES_EXPORTER: 'none' },
    want: off,
  },
  'a disabled SDK goes before the file': {
    file: { enabled: true },
    env: { OTEL_SDK_DISABLED: 'TRUE' },
    want: off,
  },
  'an SDK that is not disabled': { env: { ...ENDPOINT, OTEL_SDK_DISABLED: 'false' }, want: on },
  'the file says no': { file: { enabled: false, endpoint: 'http://c' }, env: ENDPOINT, want: off },
  'the file says yes': { file: { enabled: true }, want: on },
  'an exporter that nobody knows': {
    env: { OTEL_TRACES_EXPORTER: 'zipkin' },
    want: { ...on, exporter: 'otlp', problems: ['OTEL_TRACES_EXPORTER is not one of otlp, console and none'] },
  },
  'a protocol': { env: { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, want: { protocol: 'grpc' } },
  'a protocol of traces goes first': {
    env: { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' },
    want: { protocol: 'http/json' },
  },
  'the file goes before the protocol': {
    file: { protocol: 'http/protobuf' },
    env: { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    want: { protocol: 'http/protobuf' },
  },
  'a protocol that nobody knows': {
    env: { OTEL_EXPORTER_OTLP_PROTOCOL: 'thrift' },
    want: {
      protocol: 'http/protobuf',
      problems: ['OTEL_EXPORTER_OTLP_PROTOCOL is not one of http/protobuf, http/json, grpc'],
    },
  },
  always_on: { env: { [SAMPLER]: 'always_on' }, want: { sample: 1, followParent: false } },
  always_off: { env: { [SAMPLER]: 'always_off' }, want: { sample: 0, followParent: false, keepSlow: true } },
  traceidratio: { env: { [SAMPLER]: 'traceidratio', [ARG]: '0.25' }, want: { sample: 0.25, followParent: false } },
  parentbased_always_on: { env: { [SAMPLER]: 'parentbased_always_on' }, want: { sample: 1, followParent: true } },
  parentbased_always_off: { env: { [SAMPLER]: 'parentbased_always_off' }, want: { sample: 0, followParent: true } },
  parentbased_traceidratio: {
    env: { [SAMPLER]: 'parentbased_traceidratio', [ARG]: '0' },
    want: { sample: 0, followParent: true, problems: [] },
  },
  'a ratio without a number': {
    env: { [SAMPLER]: 'traceidratio' },
    want: { sample: 1, problems: ['OTEL_TRACES_SAMPLER_ARG is no share from 0 to 1'] },
  },
  'a ratio above 1': {
    env: { [SAMPLER]: 'traceidratio', [ARG]: '1.5' },
    want: { sample: 1, problems: ['OTEL_TRACES_SAMPLER_ARG is no share from 0 to 1'] },
  },
  'a sampler that oplens has not': {
    env: { [SAMPLER]: 'jaeger_remote' },
    want: { sample: 0.01, followParent: true, problems: ['OTEL_TRACES_SAMPLER names no sampler that oplens has'] },
  },
  'the file goes before the sampler, key by key': {
    file: { sample: 0.5 },
    env: { [SAMPLER]: 'always_off' },
    want: { sample: 0.5, followParent: false },
  },
  'the file follows parents all the same': {
    file: { follow_parent: true },
    env: { [SAMPLER]: 'always_off' },
    want: { sample: 0, followParent: true },
  },
  'a batch processor': {
    env: {
      OTEL_BSP_MAX_QUEUE_SIZE: '100',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10',
      OTEL_BSP_SCHEDULE_DELAY: '250',
      OTEL_BSP_EXPORT_TIMEOUT: '1000',
    },
    want: { maxQueue: 100, maxBatch: 10, delayMs: 250, exportTimeoutMs: 1_000 },
  },
  'a batch is no larger than the queue': { file: { max_queue: 20 }, want: { maxQueue: 20, maxBatch: 20 } },
  'the file goes before the queue': {
    file: { max_queue: 7 },
    env: { OTEL_BSP_MAX_QUEUE_SIZE: '100' },
    want: { maxQueue: 7 },
  },
  'numbers that are none': {
    env: { OTEL_BSP_MAX_QUEUE_SIZE: '0', OTEL_BSP_SCHEDULE_DELAY: 'soon' },
    want: {
      maxQueue: 2_048,
      delayMs: 5_000,
      problems: [
        'OTEL_BSP_MAX_QUEUE_SIZE is no whole number above 0',
        'OTEL_BSP_SCHEDULE_DELAY is no whole number above 0',
      ],
    },
  },
  'no detectors': { env: { OTEL_NODE_RESOURCE_DETECTORS: 'none' }, want: { detectors: [] } },
  'some detectors': {
    env: { OTEL_NODE_RESOURCE_DETECTORS: 'host, process' },
    want: { detectors: ['host', 'process'] },
  },
}

for (const [name, { file = {}, env = {}, want }] of Object.entries(ROWS)) {
  t.test(name, (t) => {
    t.same({ ...settings(file, env), ...want }, settings(file, env))
    t.end()
  })
}

t.test('settings that make no sense are refused', (t) => {
  for (const tracing of [
    { endpoint: 'collector:4318' },
    { endpoint: 'ftp://c' },
    { sample: 2 },
    { protocol: 'http' },
  ]) {
    t.throws(() => observeSchema.parse({ tracing }), JSON.stringify(tracing))
  }
  t.end()
})
