// Requests that oplens signs again, as a server receives them, before another implementation of AWS Signature Version 4.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb'
import t from 'tap'
import { skipWithout } from './support/matrix.mjs'
import { startOplensWithConfig } from './support/oplens.mjs'
import { runProcess } from './support/process.mjs'
import { ROOT, tool } from './support/tools.mjs'

const skip = skipWithout('botocore')
const REGION = 'eu-central-1'
const KEY_ID = 'AKIDEXAMPLE'
const SECRET_KEY = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
const TOKEN = 'FwoGZXIvYXdzEXAMPLETOKEN=='
const TARGET = { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'DynamoDB_20120810.GetItem' }
const BODY = '{"TableName":"orders","Key":{"id":{"S":"ü"}}}'

/** A server that answers everything with `{}` and keeps what it was sent. */
async function startRecorder(t) {
  const requests = []
  const server = createServer(async (request, response) => {
    const chunks = []
    try {
      for await (const chunk of request) chunks.push(chunk)
    } catch {
      // Reset before its end: it does not count as received.
      return
    }
    const body = Buffer.concat(chunks).toString('base64')
    requests.push({ method: request.method, target: request.url, headers: request.headers, body })
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { requests, port: server.address().port }
}

async function startResigning(t, { credentials, env = {}, more = '' }) {
  const recorder = await startRecorder(t)
  const config = `
admin: { address: 127.0.0.1:0 }
listeners:
  - name: orders
    address: 127.0.0.1:0
    protocol: dynamodb
    cluster: orders
    codec:
      resign: { region: ${REGION}, credentials: ${credentials}, ${more} }
clusters:
  - { name: orders, hosts: [ "127.0.0.1:${recorder.port}" ] }
`
  const oplens = await startOplensWithConfig(config, { env: { AWS_PROFILE: '', ...env } })
  t.teardown(() => oplens.stop())
  return { ...recorder, oplens, url: `http://127.0.0.1:${oplens.port}/` }
}

/** Wants each request to be signed as botocore signs it, for a body that is the one which came. */
async function wantSigned(t, requests) {
  const input = JSON.stringify({ secret_key: SECRET_KEY, requests })
  const { code, stdout, stderr } = await runProcess(
    tool('botocore').path,
    [`${ROOT}test/real/drivers/verify_sigv4.py`],
    { input },
  )
  t.equal(code, 0, stderr)
  const verdicts = JSON.parse(stdout)
  t.equal(verdicts.length, requests.length)
  for (const [index, { given, computed, scope, signed, body_hash }] of verdicts.entries()) {
    const { headers } = requests[index]
    const name = `${headers['x-amz-target']}, signed: ${signed}`
    t.equal(given, computed, name)
    t.match(scope, new RegExp(`^\\d{8}/${REGION}/dynamodb/aws4_request$`))
    t.equal(headers['x-amz-content-sha256'], body_hash, 'the body is the one that was signed')
    for (const wanted of ['host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-target']) t.match(signed, wanted)
  }
}

t.test('what the SDK sends is signed again, and botocore agrees', { skip }, async (t) => {
  const credentials = `{ access_key_id: ${KEY_ID}, secret_access_key: "\${KEY}" }`
  const { requests, url, oplens } = await startResigning(t, { credentials, env: { KEY: SECRET_KEY } })
  const client = new DynamoDBClient({
    endpoint: url,
    region: 'us-west-2',
    credentials: { accessKeyId: 'of-the-client', secretAccessKey: 'x', sessionToken: 'of-the-client' },
  })
  t.teardown(() => client.destroy())
  const item = { id: { S: 'ü' }, more: { S: 'x'.repeat(200_000) } }
  await client.send(new PutItemCommand({ TableName: 'orders', Item: item }))
  await client.send(new GetItemCommand({ TableName: 'orders', Key: { id: { S: '1' } } }))
  await client.send(
    new QueryCommand({
      TableName: 'orders',
      KeyConditionExpression: 'id = :a',
      ExpressionAttributeValues: { ':a': { S: '1' } },
    }),
  )
  t.equal(requests.length, 3)
  t.notMatch(
    JSON.stringify(requests.map(({ headers }) => headers)),
    /of-the-client/,
    'nothing of its own signature is left',
  )
  await wantSigned(t, requests)
  const dump = await (await fetch(`${oplens.admin}/config_dump`)).text()
  t.notMatch(dump + oplens.lines.join('\n'), SECRET_KEY, 'the key is shown nowhere')
})

t.test(
  'bodies without a hash are held and hashed; those of the environment’s session carry its token',
  { skip },
  async (t) => {
    const env = { AWS_ACCESS_KEY_ID: KEY_ID, AWS_SECRET_ACCESS_KEY: SECRET_KEY, AWS_SESSION_TOKEN: TOKEN }
    const { requests, url } = await startResigning(t, { credentials: 'env', env, more: 'max_body: 64KiB' })
    const post = (body, headers = {}) =>
      fetch(url, { method: 'POST', headers: { ...TARGET, ...headers }, body, duplex: 'half' })
    const streamed = new ReadableStream({
      start(controller) {
        for (const piece of BODY.match(/.{1,7}/g)) controller.enqueue(new TextEncoder().encode(piece))
        controller.close()
      },
    })
    const hash = createHash('sha256').update(BODY).digest('hex')
    for (const [body, headers] of [
      [BODY],
      [streamed],
      [BODY, { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }],
      [BODY, { 'x-amz-content-sha256': hash.toUpperCase() }],
      ['x'.repeat(65_536)],
    ]) {
      t.equal((await post(body, headers)).status, 200)
    }
    t.equal(requests.length, 5)
    for (const { headers } of requests) t.equal(headers['x-amz-security-token'], TOKEN)
    await wantSigned(t, requests)
    t.equal((await post('x'.repeat(65_537))).status, 413)
    t.equal((await post(BODY.replace('ü', 'u'), { 'x-amz-content-sha256': hash })).status, 400)
    t.equal((await post(BODY, { origin: 'https://example.com' })).status, 400, 'AccessDeniedException')
    t.equal(requests.length, 5, 'nothing of these reached the server whole')
  },
)
