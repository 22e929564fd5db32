import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import t, { type Test } from 'tap'
import { startProxy } from '../support/proxy.js'

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A server that keeps the requests which came whole. */
async function startRecorder(t: Test) {
  const received: Received[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => undefined)
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() })
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { received, address: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const KEYS = '{ access_key_id: AKIDOPLENS, secret_access_key: hunter2 }'

async function startResigning(t: Test, resign: string) {
  const { received, address } = await startRecorder(t)
  const proxy = await startProxy(address, {
    protocol: 'dynamodb',
    listener: [`codec: { resign: { region: eu-central-1, ${resign} } }`],
  })
  t.teardown(() => proxy.close())
  const url = `http://127.0.0.1:${proxy.port}/`
  const post = (body: string, headers: Record<string, string> = {}) =>
    fetch(url, { method: 'POST', headers: { 'x-amz-target': 'DynamoDB_20120810.GetItem', ...headers }, body })
  return { received, proxy, url, post }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

// That the signatures are right is asked elsewhere, of an independent implementation: signer.test.ts and test/real/resign.real.mjs.
t.test('the official client’s requests go on with the signature of oplens, and are counted', async (t) => {
  const { received, proxy, url } = await startResigning(t, `credentials: ${KEYS}`)
  const credentials = { accessKeyId: 'AKIDCLIENT', secretAccessKey: 'x', sessionToken: 'of the client' }
  const client = new DynamoDBClient({ endpoint: url, region: 'us-west-2', credentials })
  t.teardown(() => client.destroy())
  await client.send(new GetItemCommand({ TableName: 'orders', Key: { id: { S: '1' } } }))
  await client.send(new GetItemCommand({ TableName: 'orders', Key: { id: { S: '2' } } }))
  t.equal(received.length, 2)
  for (const { headers, body } of received) {
    t.match(
      headers.authorization,
      /^AWS4-HMAC-SHA256 Credential=AKIDOPLENS\/\d{8}\/eu-central-1\/dynamodb\/aws4_request, /,
    )
    t.match(headers, { host: '127.0.0.1', 'x-amz-content-sha256': sha256(body) })
    t.equal(headers['x-amz-security-token'], undefined)
  }
  const counted = (await proxy.metrics()).find(
    ({ name, labels }) =>
      name === 'db_client_operation_duration_seconds_count' && labels.db_operation_name === 'GetItem',
  )
  t.match(counted, { labels: { db_collection_name: 'orders', outcome: 'ok' }, value: 2 })
  t.notMatch(JSON.stringify(proxy.logs), /hunter2/)
})

t.test('a body is hashed, or is what its hash says, or does not go on whole', async (t) => {
  const { received, post } = await startResigning(t, `credentials: ${KEYS}, max_body: 1KiB`)
  t.equal((await post('{}')).status, 200)
  t.equal((await post('{}', { 'x-amz-content-sha256': sha256('{}') })).status, 200)
  t.equal((await post('x'.repeat(1_025))).status, 413)
  t.equal((await post('{"a":1}', { 'x-amz-content-sha256': sha256('{}') })).status, 400)
  t.same(
    received.map(({ body, headers }) => [body, headers['x-amz-content-sha256']]),
    [
      ['{}', sha256('{}')],
      ['{}', sha256('{}')],
    ],
  )
})

t.test('without credentials, for browsers and for other clients nothing is sent on', async (t) => {
  const nobody = await startResigning(t, 'credentials: { profile: nobody-has-this-profile }')
  t.equal((await nobody.post('{}')).status, 503)
  t.match(nobody.proxy.logs, [
    { level: 'warn', fields: { code: 'OPL_CREDENTIALS', reason: /nobody-has-this-profile/ } },
  ])
  const page = await startResigning(t, `credentials: ${KEYS}`)
  const denied = await page.post('{}', { origin: 'https://example.com' })
  t.match([denied.status, await denied.text()], [400, /AccessDeniedException/])
  t.match(page.proxy.logs, [{ fields: { code: 'OPL_RESIGN_BROWSER' } }])
  const others = await startResigning(t, `credentials: ${KEYS}, allow_clients: [ 10.0.0.0/8 ]`)
  await t.rejects(others.post('{}'))
  const listed = await startResigning(t, `credentials: ${KEYS}, allow_clients: [ 127.0.0.0/8 ]`)
  t.equal((await listed.post('{}')).status, 200)
  t.equal(
    [nobody, page, others].reduce((sum, { received }) => sum + received.length, 0),
    0,
  )
})
