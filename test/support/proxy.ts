import { createApp } from '../../src/app.js'
import { configParts } from '../../src/cli/config-parts.js'
import { loadConfig } from '../../src/config/load.js'
import { systemClock, systemRandom } from '../../src/core/clock.js'
import type { Logger } from '../../src/core/logger.js'

export interface LogLine {
  readonly level: string
  readonly message: string
  readonly fields: Record<string, unknown>
}

export interface TestProxy {
  readonly port: number
  /** Of all listeners that the config names, in its order. */
  readonly ports: readonly number[]
  readonly admin: string
  readonly logs: LogLine[]
  /** GET on the admin address. */
  get(path: string, headers?: Record<string, string>): Promise<string>
  /** The samples of /metrics now. */
  metrics(): Promise<Sample[]>
  drain(): Promise<{ readonly cut: number }>
  close(): Promise<void>
}

export interface Sample {
  readonly name: string
  readonly labels: Record<string, string>
  readonly value: number
}

export interface ProxySettings {
  readonly protocol?: string
  /** Lines of the listener, and of the cluster, as YAML. */
  readonly listener?: readonly string[]
  readonly cluster?: readonly string[]
}

/** A listener in front of one host. */
export function startProxy(upstream: string, settings: ProxySettings = {}): Promise<TestProxy> {
  const { protocol = 'mongodb', listener = [], cluster = [] } = settings
  const text = [
    'admin: { address: 127.0.0.1:0 }',
    'listeners:',
    `  - { name: front, address: 127.0.0.1:0, protocol: ${protocol}, cluster: db${listener.map((l) => `, ${l}`).join('')} }`,
    'clusters:',
    `  - { name: db, hosts: [ "${upstream}" ]${cluster.map((l) => `, ${l}`).join('')} }`,
  ].join('\n')
  return startConfigured(text)
}

/** A whole oplens in this process, made from a config as a file would give it. Its port is that of the first listener. */
export async function startConfigured(text: string): Promise<TestProxy> {
  const loaded = loadConfig({ kind: 'text', text, name: 'test.yaml' }, configParts)
  const logs: LogLine[] = []
  const log = (level: string) => (fields: Record<string, unknown>, message: string) => {
    logs.push({ level, message, fields })
  }
  const logger: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
  const app = createApp({
    config: loaded.config,
    filledIn: text,
    clock: systemClock,
    random: systemRandom,
    logger,
    version: '0.0.0-test',
    onDrainAsked: () => undefined,
  })
  const { listeners, admin } = await app.start()
  const address = listeners[0]?.address
  if (address?.kind !== 'tcp' || admin?.kind !== 'tcp') throw new Error('The test proxy listens on TCP')
  const base = `http://127.0.0.1:${admin.port}`
  const get = async (path: string, headers = {}) => (await fetch(`${base}${path}`, { headers })).text()
  return {
    port: address.port,
    ports: listeners.map((listener) => (listener.address.kind === 'tcp' ? listener.address.port : 0)),
    admin: base,
    logs,
    get,
    metrics: async () => parseSamples(await get('/metrics')),
    drain: () => app.drain(),
    close: () => app.close(),
  }
}

/** Samples of the text format 0.0.4. */
export function parseSamples(text: string): Sample[] {
  const samples: Sample[] = []
  for (const line of text.split('\n')) {
    const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (match === null) continue
    const labels: Record<string, string> = {}
    for (const [, name, value] of (match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[name as string] = (value as string).replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c))
    }
    samples.push({ name: match[1] as string, labels, value: Number(match[3]) })
  }
  return samples
}

/** The sum over the samples of a name whose labels match. */
export function total(samples: readonly Sample[], name: string, labels: Record<string, string> = {}): number {
  return samples
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
    .reduce((sum, sample) => sum + sample.value, 0)
}
