// What is measured: each target is one process between the load generator and the canned server, on one thread.
import { writeFileSync } from 'node:fs'
import { collector } from './collector.mjs'
import { CACHE, PIPE } from './tools.mjs'

/**
 * @typedef {object} Ports
 * @property {number} listen
 * @property {number} upstream
 * @property {number} admin
 *
 * @typedef {object} Target
 * @property {string} name
 * @property {(ports: Ports, node: string[]) => string[] | Promise<string[]>} argv `node`: the Node binary with its flags
 * @property {(ports: Ports) => Promise<number>} [decoded] find operations that it says it saw since its start
 * @property {number} [probes] operations among those that came before any load: the questions whether it is ready
 * @property {boolean} [mustDecode] the benchmark fails unless it saw every one
 */

/**
 * @param {string} main the oplens command, dist/cli/main.js of some tree
 * @param {string} [base] that of another tree to compare it with
 * @returns {Target[]} in the order of the table
 */
export function targets({ haproxy, envoy }, main, base) {
  const mongodb = (name, command, options = '') => ({
    name,
    argv: (ports, node) => oplens(ports, [...node, command], 'mongodb', options),
    decoded: oplensFinds,
    mustDecode: true,
  })
  return [
    { name: 'pipe', argv: (ports, node) => [...node, PIPE, `${ports.listen}`, `${ports.upstream}`] },
    { name: 'oplens-tcp', argv: (ports, node) => oplens(ports, [...node, main], 'tcp') },
    // As `run --to` makes it: hellos are looked at, and rewritten in a set. The next one leaves them alone.
    mongodb('oplens-mongodb', main),
    mongodb('oplens-transparent', main, '?directConnection=true'),
    // What seeing costs: counting alone, and everything with traces of one operation in a hundred.
    observing('oplens-metrics', main, { digests: { enabled: false }, slow_log: { enabled: false } }),
    observing('oplens-traced', main, { tracing: { enabled: true, sample: 0.01 } }),
    ...(base === undefined ? [] : [mongodb('base-mongodb', base)]),
    { name: 'haproxy', missing: haproxy.missing, argv: (ports) => haproxyArgv(ports, haproxy.path) },
    { name: 'envoy-tcp', missing: envoy.missing, argv: (ports) => envoyArgv(ports, envoy.path, []) },
    {
      name: 'envoy-mongo',
      missing: envoy.missing,
      argv: (ports) => envoyArgv(ports, envoy.path, [mongoProxy()]),
      decoded: envoyFinds,
    },
  ]
}

/** Transparent, so that nothing but what is observed differs. */
function observing(name, main, observe) {
  const argv = async ({ listen, upstream, admin }, node) => {
    const file = `${CACHE}${name}-${listen}.json`
    const tracing = observe.tracing && { ...observe.tracing, endpoint: (await collector()).endpoint }
    const config = {
      admin: { address: `127.0.0.1:${admin}` },
      listeners: [
        { name: 'main', address: `127.0.0.1:${listen}`, protocol: 'mongodb', cluster: 'main', mode: 'transparent' },
      ],
      clusters: [{ name: 'main', hosts: [`127.0.0.1:${upstream}`] }],
      observe: { ...observe, ...(tracing && { tracing }) },
    }
    writeFileSync(file, JSON.stringify(config))
    return [...node, main, 'run', '-c', file]
  }
  return { name, argv, decoded: oplensFinds, mustDecode: true }
}

function oplens({ listen, upstream, admin }, command, scheme, options = '') {
  const to = `${scheme}://127.0.0.1:${upstream}${scheme === 'mongodb' ? `/${options}` : ''}`
  const where = ['--listen', `127.0.0.1:${listen}`, '--admin', `127.0.0.1:${admin}`]
  return [...command, 'run', '--to', to, ...where]
}

async function text(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return response.text()
}

const sumOf = (body, pattern) => [...body.matchAll(pattern)].reduce((sum, [, value]) => sum + Number(value), 0)

const oplensFinds = async ({ admin }) =>
  sumOf(
    await text(`http://127.0.0.1:${admin}/metrics`),
    /^db_client_operation_duration_seconds_count\{[^}]*db_operation_name="find"[^}]*\} (\d+)/gm,
  )

const envoyFinds = async ({ admin }) =>
  sumOf(
    await text(`http://127.0.0.1:${admin}/stats?filter=mongo.bench.collection`),
    /^mongo\.bench\.collection\.[^:]*query\.total: (\d+)/gm,
  )

function haproxyArgv({ listen, upstream }, path) {
  const file = `${CACHE}haproxy-${listen}.cfg`
  const lines = [
    'global',
    '  nbthread 1',
    '  maxconn 8000',
    'defaults',
    '  mode tcp',
    '  timeout connect 5s',
    '  timeout client 1h',
    '  timeout server 1h',
    'frontend bench',
    `  bind 127.0.0.1:${listen}`,
    '  default_backend canned',
    'backend canned',
    `  server one 127.0.0.1:${upstream}`,
    '',
  ]
  writeFileSync(file, lines.join('\n'))
  return [path, '-db', '-f', file]
}

const typed = (type, fields) => ({ '@type': `type.googleapis.com/envoy.extensions.filters.network.${type}`, ...fields })

const mongoProxy = () => ({
  name: 'envoy.filters.network.mongo_proxy',
  typed_config: typed('mongo_proxy.v3.MongoProxy', { stat_prefix: 'bench' }),
})

const socketAddress = (port) => ({ socket_address: { address: '127.0.0.1', port_value: port } })

function envoyArgv(ports, path, filters) {
  const file = `${CACHE}envoy-${ports.listen}.json`
  writeFileSync(file, JSON.stringify(envoyConfig(ports, filters)))
  return [path, '-c', file, '--concurrency', '1', '--disable-hot-restart', '-l', 'warning']
}

function envoyConfig({ listen, upstream, admin }, filters) {
  const tcpProxy = {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: typed('tcp_proxy.v3.TcpProxy', { stat_prefix: 'bench', cluster: 'canned', idle_timeout: '3600s' }),
  }
  const canned = {
    name: 'canned',
    type: 'STATIC',
    connect_timeout: '5s',
    // The default of 1,024 would refuse the idle connections.
    circuit_breakers: { thresholds: [{ max_connections: 10_000, max_pending_requests: 10_000 }] },
    load_assignment: {
      cluster_name: 'canned',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(upstream) } }] }],
    },
  }
  return {
    admin: { address: socketAddress(admin) },
    static_resources: {
      listeners: [
        { name: 'bench', address: socketAddress(listen), filter_chains: [{ filters: [...filters, tcpProxy] }] },
      ],
      clusters: [canned],
    },
  }
}
