// A collector for spans in the process of the benchmark: takes whatever comes and counts requests.
import { once } from 'node:events'
import { createServer } from 'node:http'

let started

/** @returns {Promise<{endpoint: string, close(): void, received(): number}>} the one collector of this run */
export function collector() {
  started ??= start()
  return started
}

async function start() {
  let received = 0
  const server = createServer((request, response) => {
    received++
    request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'))
  })
  server.listen(0, '127.0.0.1').unref()
  await once(server, 'listening')
  const { port } = server.address()
  return { endpoint: `http://127.0.0.1:${port}`, close: () => server.close(), received: () => received }
}
