// What is measured of HTTP: each target is one process between the load generator and the canned server, on one thread.
import { writeFileSync } from 'node:fs'
import { CACHE, PIPE, ROOT } from './tools.mjs'

const NODE_HTTP = `${ROOT}bench/node-http.mjs`

/** @returns {import('./targets.mjs').Target[]} in the order of the table */
export function httpTargets({ haproxy, envoy }, main, base) {
  const through = (name, protocol, command, pattern) => ({
    name,
    argv: (ports, node) => oplensArgv(name, protocol, ports, [...node, command]),
    decoded: counted(pattern),
    mustDecode: true,
  })
  const getItems = /^db_client_operation_duration_seconds_count\{[^}]*"GetItem"[^}]*\} (\d+)/gm
  // The question whether it is ready is one of these, too.
  const posts = /^http_client_request_duration_seconds_count\{[^}]*"POST"[^}]*\} (\d+)/gm
  return [
    { name: 'pipe', argv: (ports, node) => [...node, PIPE, `${ports.listen}`, `${ports.upstream}`] },
    { name: 'node-http', argv: (ports, node) => [...node, NODE_HTTP, `${ports.listen}`, `${ports.upstream}`] },
    { ...through('oplens-http', 'http', main, posts), probes: 1 },
    through('oplens-dynamodb', 'dynamodb', main, getItems),
    ...(base === undefined ? [] : [through('base-dynamodb', 'dynamodb', base, getItems)]),
    { name: 'haproxy', missing: haproxy.missing, argv: (ports) => haproxyArgv(ports, haproxy.path) },
    { name: 'envoy', missing: envoy.missing, argv: (ports) => envoyArgv(ports, envoy.path) },
  ]
}

function oplensArgv(name, protocol, { listen, upstream, admin }, command) {
  const file = `${CACHE}${name}-${listen}.yaml`
  const lines = [
    `admin: { address: 127.0.0.1:${admin} }`,
    `listeners: [ { name: bench, address: 127.0.0.1:${listen}, protocol: ${protocol}, cluster: canned } ]`,
    `clusters: [ { name: canned, hosts: [ 127.0.0.1:${upstream} ] } ]`,
    '',
  ]
  writeFileSync(file, lines.join('\n'))
  return [...command, 'run', '-c', file]
}

const counted =
  (pattern) =>
  async ({ admin }) => {
    const response = await fetch(`http://127.0.0.1:${admin}/metrics`, { signal: AbortSignal.timeout(5_000) })
    if (!response.ok) throw new Error(`/metrics answered ${response.status}`)
    return [...(await response.text()).matchAll(pattern)].reduce((sum, [, value]) => sum + Number(value), 0)
  }

function haproxyArgv({ listen, upstream }, path) {
  const file = `${CACHE}haproxy-http-${listen}.cfg`
  const lines = [
    'global',
    '  nbthread 1',
    '  maxconn 8000',
    'defaults',
    '  mode http',
    '  http-reuse always',
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

const typed = (type, fields) => ({ '@type': `type.googleapis.com/envoy.extensions.filters.${type}`, ...fields })
const socketAddress = (port) => ({ socket_address: { address: '127.0.0.1', port_value: port } })

function envoyArgv({ listen, upstream, admin }, path) {
  const file = `${CACHE}envoy-http-${listen}.json`
  const manager = typed('network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'bench',
    route_config: {
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'canned' } }] },
      ],
    },
    http_filters: [{ name: 'envoy.filters.http.router', typed_config: typed('http.router.v3.Router', {}) }],
  })
  const canned = {
    name: 'canned',
    type: 'STATIC',
    connect_timeout: '5s',
    circuit_breakers: { thresholds: [{ max_connections: 10_000, max_pending_requests: 10_000, max_requests: 10_000 }] },
    load_assignment: {
      cluster_name: 'canned',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(upstream) } }] }],
    },
  }
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }]
  const config = {
    admin: { address: socketAddress(admin) },
    static_resources: {
      listeners: [{ name: 'bench', address: socketAddress(listen), filter_chains: [{ filters }] }],
      clusters: [canned],
    },
  }
  writeFileSync(file, JSON.stringify(config))
  return [path, '-c', file, '--concurrency', '1', '--disable-hot-restart', '-l', 'warning']
}
