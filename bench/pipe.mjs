// The yardstick: the least that a proxy written in Node can do. Two sockets, noDelay, `data` → `write`, pause on false and
// resume on drain; no logs, no counters, no timeouts. Every cost of oplens is told as a ratio to this file.
// Usage: node bench/pipe.mjs LISTEN_PORT UPSTREAM_PORT (both on 127.0.0.1)
import { connect, createServer } from 'node:net'

const [listenPort, upstreamPort] = process.argv.slice(2).map(Number)

function forward(from, to) {
  from.on('data', (chunk) => {
    if (!to.write(chunk)) from.pause()
  })
  to.on('drain', () => from.resume())
  from.on('end', () => to.end())
  from.on('error', () => to.destroy())
  from.on('close', () => to.destroy())
}

const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
  const upstream = connect({ port: upstreamPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  forward(client, upstream)
  forward(upstream, client)
})
server.listen({ port: listenPort, host: '127.0.0.1', backlog: 4096 })
// An orderly exit, so that --cpu-prof writes its file.
process.on('SIGTERM', () => process.exit(0))
