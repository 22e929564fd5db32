// A TCP relay that records: every chunk of both directions in order of arrival, per connection.
import { once } from 'node:events'
import net from 'node:net'

/**
 * @param {{host: string, port: number}} target
 * @returns {Promise<{port: number, connections: {closedBy: string, chunks: {from: string, base64: string}[]}[], close: () => Promise<void>}>}
 */
export async function startRecorder(target) {
  const connections = []
  const sockets = new Set()
  const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    const record = { closedBy: '', chunks: [] }
    connections.push(record)
    const upstream = net.connect({ ...target, noDelay: true, allowHalfOpen: true })
    relay(client, upstream, 'client', record)
    relay(upstream, client, 'server', record)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: server.address().port,
    connections,
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

function relay(from, to, side, record) {
  from.on('data', (chunk) => {
    record.chunks.push({ from: side, base64: chunk.toString('base64') })
    if (!to.write(chunk)) {
      from.pause()
      to.once('drain', () => from.resume())
    }
  })
  from.on('end', () => {
    record.closedBy ||= side
    to.end()
  })
  // The close that follows ends the other side; a reset is how drivers leave an exhaust stream.
  from.on('error', () => {
    record.closedBy ||= side
  })
  from.on('close', () => to.destroy())
}
