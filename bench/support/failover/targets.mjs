// The proxies that follow a primary. All ask members every half a second, unless these can tell the news themselves.
import { writeFileSync } from 'node:fs'
import { serialize } from 'bson'
import { stringify } from 'yaml'
import { CACHE } from '../tools.mjs'
import { encode } from './message.mjs'

const INTERVAL_MS = 500
/**
 * Envoy cannot tell "not primary" from an answer that is not complete yet, so it takes this long for a no. Shorter would be
 * faster, and would take a member that is slow for a moment for dead.
 */
const ENVOY_TIMEOUT_MS = 250

/** @returns in the order of the table */
export function failoverTargets(main, envoy) {
  const oplens = (name, set) => ({
    name,
    set,
    argv: (ports) => [process.execPath, main, 'run', '-c', write(name, 'yaml', stringify(oplensConfig(ports)))],
  })
  return [
    oplens('oplens, streaming', 'streams'),
    oplens('oplens, polling', 'polls'),
    {
      name: 'envoy',
      set: 'streams',
      missing: envoy.missing,
      argv: (ports) => {
        const file = write('envoy', 'json', JSON.stringify(envoyConfig(ports)))
        return [envoy.path, '-c', file, '--concurrency', '1', '--disable-hot-restart', '-l', 'warning']
      },
    },
  ]
}

function write(name, type, text) {
  const file = `${CACHE}failover-${name.replace(', ', '-')}.${type}`
  writeFileSync(file, text)
  return file
}

const oplensConfig = ({ listen, uri }) => ({
  admin: { address: '127.0.0.1:0' },
  listeners: [{ name: 'shop', address: `127.0.0.1:${listen}`, protocol: 'mongodb', cluster: 'shop', mode: 'primary' }],
  clusters: [{ name: 'shop', uri, heartbeat: `${INTERVAL_MS}ms` }],
})

const seconds = (ms) => `${ms / 1000}s`
const hex = (bytes) => ({ text: bytes.toString('hex') })
const socketAddress = (host, port) => ({ socket_address: { address: host, port_value: port } })

const envoyConfig = ({ listen, uri }) => ({
  static_resources: {
    listeners: [
      {
        name: 'shop',
        address: socketAddress('127.0.0.1', listen),
        filter_chains: [
          {
            filters: [
              {
                name: 'envoy.filters.network.tcp_proxy',
                typed_config: {
                  '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
                  stat_prefix: 'shop',
                  cluster: 'shop',
                },
              },
            ],
          },
        ],
      },
    ],
    clusters: [
      {
        name: 'shop',
        type: 'STATIC',
        connect_timeout: '2s',
        health_checks: [healthCheck()],
        close_connections_on_host_health_failure: true,
        // One of three is healthy: by default that is a panic in which each gets connections. And by default the second news
        // within a second is held back, while connections that were closed for it come back to the old primary to stay.
        common_lb_config: { healthy_panic_threshold: { value: 0 }, update_merge_window: '0s' },
        load_assignment: { cluster_name: 'shop', endpoints: [{ lb_endpoints: endpoints(uri) }] },
      },
    ],
  },
})

function healthCheck() {
  const interval = seconds(INTERVAL_MS)
  // Element type, name and value, without length and terminator of the document around it.
  const isPrimary = Buffer.from(serialize({ isWritablePrimary: true })).subarray(4, -1)
  return {
    timeout: seconds(ENVOY_TIMEOUT_MS),
    interval,
    // The default is a minute until the first connection.
    no_traffic_interval: interval,
    unhealthy_threshold: 1,
    healthy_threshold: 1,
    tcp_health_check: { send: hex(encode({ hello: 1, $db: 'admin' })), receive: [hex(isPrimary)] },
  }
}

const endpoints = (uri) =>
  uri
    .slice('mongodb://'.length, uri.indexOf('/?'))
    .split(',')
    .map((name) => name.split(':'))
    .map(([host, port]) => ({ endpoint: { address: socketAddress(host, Number(port)) } }))
