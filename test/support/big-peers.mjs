// Client and database of a large message, in a process of their own, so that the other holds oplens alone. Told what to do over IPC:
// `{port, requestBytes, replyBytes, isChunked, isGzip, slow}`; answers `{address}` once and then `ready` and `{same, documents}` for each:
// whether both bodies came as they were sent. `slow` (`client`, `server` or '') reads one chunk, and the rest when it is told `go on`.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { gzipSync } from 'node:zlib'

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
const text = (i) => createHash('sha512').update(String(i)).digest('hex')

/** JSON of about so many bytes: many small items, and some of 400 KB as DynamoDB takes them. */
function json(bytes, wrap) {
  const items = []
  for (let size = 0, i = 0; size < bytes; i++) {
    const value = i % 1_000 === 999 ? text(i).repeat(3_000) : text(i)
    items.push({ id: { S: `user#${i}` }, value: { S: value } })
    size += value.length + 40
  }
  return { documents: items.length, body: Buffer.from(JSON.stringify(wrap(items))) }
}

async function hashOf(stream, isSlow) {
  const hash = createHash('sha256')
  let mustWait = isSlow
  for await (const chunk of stream) {
    hash.update(chunk)
    if (mustWait) await once(process, 'message')
    mustWait = false
  }
  return hash.digest('hex')
}

let current
const server = createServer(async (incoming, response) => {
  const { reply, isChunked, slow } = current
  current.gotRequest = await hashOf(incoming, slow === 'server')
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    ...(current.isGzip ? { 'content-encoding': 'gzip' } : {}),
  }
  response.writeHead(200, isChunked ? headers : { ...headers, 'content-length': reply.length })
  response.end(reply)
})
server.listen(0, '127.0.0.1', () => process.send({ address: `127.0.0.1:${server.address().port}` }))

process.on('message', async (told) => {
  if (told === 'go on') return
  const { port, requestBytes, replyBytes, isChunked, isGzip, slow } = told
  const sent = json(requestBytes, (Items) => ({ Key: Items, TableName: 'users' }))
  const { documents, body } = json(replyBytes, (Items) => ({ Items, Count: Items.length, ScannedCount: Items.length }))
  const reply = isGzip ? gzipSync(body) : body
  current = { reply, isChunked, isGzip, slow }
  const headers = { 'x-amz-target': 'DynamoDB_20120810.Scan', 'content-type': 'application/x-amz-json-1.0' }
  const outgoing = request({
    port,
    host: '127.0.0.1',
    method: 'POST',
    headers: { ...headers, 'content-length': sent.body.length },
  })
  outgoing.on('response', async (incoming) => {
    const gotReply = await hashOf(incoming, slow === 'client')
    process.send({ same: gotReply === sha256(reply) && current.gotRequest === sha256(sent.body), documents })
  })
  process.send('ready')
  outgoing.end(sent.body)
})
