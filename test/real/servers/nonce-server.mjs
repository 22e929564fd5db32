// An upstream of http-soak.real.mjs: gives each request's nonce back, in a field and as a body that is long now and then. A POST's
// comes out of its body, which must say the same as its head. Usage: node nonce-server.mjs PORT. Listens when it gets SIGUSR2: a program
// that has started already is there at once.
import { createServer } from 'node:http'
import { setTimeout as rest } from 'node:timers/promises'

let seen = 0
const server = createServer(async (request, response) => {
  const chunks = []
  try {
    for await (const chunk of request) chunks.push(chunk)
  } catch {
    return
  }
  const nonce = request.headers['x-nonce']
  const told = request.method === 'POST' ? Buffer.concat(chunks).toString() : nonce
  // So that some are under way whenever it is killed.
  if (++seen % 7 === 0) await rest(5)
  response.writeHead(told === nonce ? 200 : 500, { 'X-Nonce': told })
  const times = seen % 50 === 0 ? 20_000 : 1 + (seen % 3)
  response.end(`${told} `.repeat(times))
})
process.on('SIGUSR2', () => {
  server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log(`listening on port ${server.address().port}`))
})
// It lives until it is killed.
setInterval(() => undefined, 60_000)
console.log('ready')
