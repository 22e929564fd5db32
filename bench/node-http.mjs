// The yardstick for HTTP: what a Node program has without a codec of its own. node:http in front, an undici pool behind, nothing decoded.
import { createServer } from 'node:http'
import { Pool } from 'undici'

const [listen, upstream] = process.argv.slice(2)
const pool = new Pool(`http://127.0.0.1:${upstream}`, { connections: 256, pipelining: 1 })

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length'])

function forward(request, response) {
  pool.dispatch(
    { method: request.method, path: request.url, headers: keep(request.rawHeaders), body: request },
    {
      onConnect() {},
      onHeaders(statusCode, rawHeaders, resume) {
        response.writeHead(
          statusCode,
          rawHeaders.map((field) => field.toString('latin1')),
        )
        response.on('drain', resume)
        return true
      },
      onData: (chunk) => response.write(chunk),
      onComplete: () => response.end(),
      onError: (error) => response.destroy(error),
    },
  )
}

function keep(rawHeaders) {
  const kept = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i].toLowerCase()
    if (!HOP_BY_HOP.has(name) || name === 'content-length') kept.push(rawHeaders[i], rawHeaders[i + 1])
  }
  return kept
}

createServer(forward).listen(Number(listen), '127.0.0.1')
