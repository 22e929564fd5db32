// What goes through a DynamoDB listener, byte for byte, and what is counted of what it can't read.
import t, { type Test } from 'tap'
import { exception, type StubBehaviour, startDynalite, startDynamodbStub } from '../support/dynamodb-servers.js'
import { startProxy, total } from '../support/proxy.js'
import { exchangeRaw, post, RawConnection, type RawReply } from '../support/raw-http.js'
import { startStub } from '../support/stub-tcp.js'

const JSON_TYPE = 'Content-Type: application/x-amz-json-1.0'
// Nobody checks it but dynalite, which wants its form.
const SIGNED = [
  'X-Amz-Date: 20261126T000000Z',
  'Authorization: AWS4-HMAC-SHA256 Credential=a/20261126/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=b',
]
const target = (operation: string) => `X-Amz-Target: DynamoDB_20120810.${operation}`
const call = (operation: string, body: object, more: readonly string[] = []) =>
  post([target(operation), JSON_TYPE, ...SIGNED, ...more], JSON.stringify(body))

async function startFront(t: Test, upstream: string, protocol = 'dynamodb') {
  const proxy = await startProxy(upstream, { protocol })
  t.teardown(() => proxy.close())
  return proxy
}

/** Names of fields may differ in value from one reply to the next, or belong to the connection: these go by their names alone. */
const VOLATILE = /^(date|x-amzn-requestid):.*$/i
const HOP_BY_HOP = /^(connection|keep-alive|proxy-connection):/i

const comparable = ({ statusLine, fields, body }: RawReply) => ({
  statusLine,
  fields: fields.filter((field) => !HOP_BY_HOP.test(field)).map((field) => field.replace(VOLATILE, '$1')),
  body: body.toString('latin1'),
})

async function wantSame(t: Test, upstream: string, requests: readonly (readonly [name: string, bytes: Buffer])[]) {
  const proxy = await startFront(t, upstream)
  for (const [name, bytes] of requests) {
    const direct = await exchangeRaw(Number(upstream.split(':')[1]), bytes)
    const through = await exchangeRaw(proxy.port, bytes)
    t.same(comparable(through), comparable(direct), name)
  }
  return proxy
}

const KEY = { id: { S: '1' } }
const table = {
  TableName: 'users',
  AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
  KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
  BillingMode: 'PAY_PER_REQUEST',
}

t.test('replies of dynalite are the same bytes with oplens and without', async (t) => {
  const upstream = await startDynalite(t)
  const port = Number(upstream.split(':')[1])
  await exchangeRaw(port, call('CreateTable', table))
  for (;;) {
    const { body } = await exchangeRaw(port, call('DescribeTable', { TableName: 'users' }))
    if (body.includes('"ACTIVE"')) break
  }
  const Item = { ...KEY, text: { S: 'é"\\ '.repeat(3_000) } }
  const proxy = await wantSame(t, upstream, [
    ['PutItem', call('PutItem', { TableName: 'users', Item, ReturnConsumedCapacity: 'TOTAL' })],
    ['GetItem', call('GetItem', { TableName: 'users', Key: KEY })],
    ['GetItem of nothing', call('GetItem', { TableName: 'users', Key: { id: { S: '2' } } })],
    ['GetItem asked to close', call('GetItem', { TableName: 'users', Key: KEY }, ['Connection: close'])],
    ['Scan', call('Scan', { TableName: 'users' })],
    ['a table that is missing', call('GetItem', { TableName: 'nowhere', Key: KEY })],
    ['what is not valid', call('GetItem', { TableName: 'users', Key: {} })],
    ['an operation that it does not know', call('TransactGetItems', { TransactItems: [] })],
    ['broken JSON', post([target('GetItem'), JSON_TYPE, ...SIGNED], '{"TableName":')],
    ['no signature', post([target('GetItem'), JSON_TYPE], '{}')],
    ['GET /', Buffer.from('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')],
    ['OPTIONS', Buffer.from('OPTIONS / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://a.example\r\n\r\n')],
  ])
  const samples = await proxy.metrics()
  t.equal(total(samples, 'http_client_request_duration_seconds_count', { http_request_method: 'GET' }), 1)
  t.equal(total(samples, 'http_client_request_duration_seconds_count', { http_request_method: 'OPTIONS' }), 1)
})

t.test('chunked and compressed replies, and those of no length, are the same bytes', async (t) => {
  const Items = Array.from({ length: 3_000 }, (_, i) => ({ id: { S: `user#${i}` }, text: { S: 'é'.repeat(20) } }))
  const json = { Items, Count: 3_000, ScannedCount: 3_000 }
  const kinds = [
    {},
    { chunkBytes: 1_000 },
    { chunkBytes: 7 },
    { gzip: true },
    { gzip: true, chunkBytes: 100 },
    { status: 400 },
    { status: 503, chunkBytes: 3 },
  ]
  const stub = await startDynamodbStub(t, ({ headers }) => {
    const kind = kinds[Number(headers['x-kind'])] ?? {}
    return { json: kind.chunkBytes === 7 || kind.status !== undefined ? exception('X').json : json, ...kind }
  })
  const proxy = await wantSame(
    t,
    stub.address,
    kinds.map((kind, i) => [JSON.stringify(kind), call('Scan', { TableName: 'users' }, [`X-Kind: ${i}`])]),
  )
  const samples = await proxy.metrics()
  const scans = { db_operation_name: 'Scan', db_collection_name: 'users' }
  t.equal(total(samples, 'db_client_operation_duration_seconds_count', scans), kinds.length)
  t.equal(total(samples, 'oplens_operation_documents_returned_total', scans), 4 * 3_000, 'each was read')
  t.equal(total(samples, 'oplens_decode_errors_total'), 0)
})

t.test('the request that the database gets is the one that was sent, to the byte', async (t) => {
  const got: Buffer[] = []
  let wanted = 0
  const stub = await startStub((socket) =>
    socket.on('data', (chunk: Buffer) => {
      got.push(chunk)
      if (Buffer.concat(got).length < wanted) return
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: 2\r\n\r\n{}')
    }),
  )
  t.teardown(() => stub.close())
  const proxy = await startFront(t, stub.address)
  const odd = [
    'x-AMZ-date:20261126T000000Z',
    'X-Empty:',
    'X-Spaces:   a  b  ',
    'traceparent: 00-1-2-01',
    'X-Twice: 1',
    'X-Twice: 2',
  ]
  const requests = [
    call('GetItem', { TableName: 'users', Key: KEY }, odd),
    Buffer.from(
      `POST /?a=%2F HTTP/1.1\r\nhOsT: db.example:8000\r\n${target('GetItem')}\r\n${JSON_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n5;ext="a"\r\n{"Tab\r\n10\r\nleName":"users"}\r\n0\r\nX-Trailer: 1\r\n\r\n`,
    ),
  ]
  for (const request of requests) {
    got.length = 0
    wanted = request.length
    await exchangeRaw(proxy.port, request)
    t.same(Buffer.concat(got).toString('latin1'), request.toString('latin1'))
  }
  const gets = { db_operation_name: 'GetItem', db_collection_name: 'users', outcome: 'ok' }
  t.equal(total(await proxy.metrics(), 'db_client_operation_duration_seconds_count', gets), 2)
})

const EMPTY: readonly (readonly [name: string, request: string])[] = [
  ['a POST of no length', `POST / HTTP/1.1\r\nHost: a\r\n${target('ListTables')}\r\n\r\n`],
  ['a POST of length 0', `POST / HTTP/1.1\r\nHost: a\r\n${target('ListTables')}\r\nContent-Length: 0\r\n\r\n`],
  [
    'a POST of no chunks',
    `POST / HTTP/1.1\r\nHost: a\r\n${target('ListTables')}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ['a GET', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['HTTP/1.0', `POST / HTTP/1.0\r\nConnection: keep-alive\r\n${target('ListTables')}\r\n\r\n`],
]

t.test('a request without a body gets its answer, and the next one, too', async (t) => {
  const stub = await startDynamodbStub(t, () => ({ json: { TableNames: [] } }))
  const proxy = await startFront(t, stub.address)
  for (const [name, request] of EMPTY) {
    const connection = await RawConnection.open(proxy.port)
    // Both on one connection, and on one to the database: nothing may be left over, or wait for bytes that never come.
    for (const _ of [1, 2]) {
      const { statusLine, body } = await connection.exchange(Buffer.from(request))
      t.equal(statusLine, 'HTTP/1.1 200 OK', name)
      t.equal(body.toString(), '{"TableNames":[]}')
    }
    connection.close()
  }
  t.equal(stub.calls.length, 2 * EMPTY.length)
  const samples = await proxy.metrics()
  t.equal(
    total(samples, 'db_client_operation_duration_seconds_count', { db_operation_name: 'ListTables', outcome: 'ok' }),
    2 * (EMPTY.length - 1),
  )
  t.equal(total(samples, 'oplens_operations_active'), 0)
})

interface BadBody {
  readonly name: string
  readonly fields?: readonly string[]
  readonly body: Buffer | string
  /** Where the body is cut, to come in two reads. */
  readonly cut?: number
  /** Of the metric's label; '' when nothing is wrong. */
  readonly reason: string
  /** `operation table`, or `-` for plain HTTP. */
  readonly counted: string
}

const deep = (depth: number) => `{"TableName":"users","Key":${'{"M":'.repeat(depth)}1${'}'.repeat(depth)}}`
const get = [target('GetItem'), JSON_TYPE]
const BAD: readonly BadBody[] = [
  { name: 'very deep', body: deep(100_000), reason: '', counted: 'GetItem users' },
  {
    name: 'deep before its table',
    body: `{"Key":${'['.repeat(50_000)}${']'.repeat(50_000)},"TableName":"users"}`,
    reason: '',
    counted: 'GetItem users',
  },
  { name: 'broken', body: '{"TableName":"users",]', reason: 'json_syntax', counted: 'GetItem users' },
  { name: 'broken at once', body: 'TableName=users', reason: 'json_syntax', counted: 'GetItem ' },
  { name: 'cut', body: '{"TableName":"users","Key":{"id"', reason: 'json_truncated', counted: 'GetItem users' },
  { name: 'empty', body: '', reason: 'json_truncated', counted: 'GetItem ' },
  {
    name: 'doubled, and known too early',
    body: '{"TableName":"first","Key":{},"TableName":"last"}',
    cut: 30,
    reason: 'duplicate_member',
    counted: 'GetItem last',
  },
  {
    name: 'doubled in one read',
    body: '{"TableName":"first","Key":{},"TableName":"last"}',
    reason: '',
    counted: 'GetItem last',
  },
  {
    name: 'doubled, the same',
    body: '{"TableName":"users","TableName":"users"}',
    reason: '',
    counted: 'GetItem users',
  },
  { name: 'escaped', body: '{"TableN\\u0061me":"\\u0075sers"}', reason: '', counted: 'GetItem users' },
  { name: 'with a BOM', body: '\ufeff{"TableName":"users"}', reason: 'json_syntax', counted: 'GetItem ' },
  { name: 'an array', body: '["TableName","users"]', reason: '', counted: 'GetItem ' },
  { name: 'a number for a table', body: '{"TableName":12}', reason: '', counted: 'GetItem ' },
  { name: 'no name of a table', body: '{"TableName":"DROP TABLE users; é"}', reason: '', counted: 'GetItem __other__' },
  {
    name: 'an operation that nobody knows',
    fields: [target('MakeCoffee'), JSON_TYPE],
    body: '{"TableName":"users"}',
    reason: '',
    counted: '__other__ ',
  },
  {
    name: 'another service',
    fields: ['X-Amz-Target: Kinesis_20131202.PutRecord', JSON_TYPE],
    body: '{}',
    reason: '',
    counted: '-',
  },
  { name: 'no target', fields: [JSON_TYPE], body: '{"TableName":"users"}', reason: '', counted: '-' },
  {
    name: 'a wrong content type',
    fields: [target('GetItem'), 'Content-Type: text/plain'],
    body: '{"TableName":"users"}',
    reason: 'content_type',
    counted: 'GetItem ',
  },
  {
    name: 'CBOR',
    fields: [target('GetItem'), 'Content-Type: application/x-amz-cbor-1.1'],
    body: Buffer.from('a1695461626c654e616d65657573657273', 'hex'),
    reason: 'content_type',
    counted: 'GetItem ',
  },
  {
    name: 'a compressed request',
    fields: [target('GetItem'), JSON_TYPE, 'Content-Encoding: gzip'],
    body: Buffer.from([31, 139, 8, 0]),
    reason: 'content_encoding',
    counted: 'GetItem ',
  },
  {
    name: 'a statement of no kind',
    fields: [target('ExecuteStatement'), JSON_TYPE],
    body: '{"Statement":"MERGE INTO users"}',
    reason: 'partiql_statement',
    counted: 'ExecuteStatement ',
  },
  {
    name: 'GetRecords of a stream',
    fields: ['X-Amz-Target: DynamoDBStreams_20120810.GetRecords', JSON_TYPE],
    body: '{"ShardIterator":"arn:aws:dynamodb:eu-central-1:1:table/users/stream/2026|1|A"}',
    reason: '',
    counted: 'GetRecords users',
  },
  {
    name: 'DescribeStream',
    fields: ['X-Amz-Target: DynamoDBStreams_20120810.DescribeStream', JSON_TYPE],
    body: '{"StreamArn":"arn:aws:dynamodb:eu-central-1:1:table/users/stream/2026"}',
    reason: '',
    counted: 'DescribeStream users',
  },
]

const echoesSize: StubBehaviour = ({ body }) => ({ json: { Size: body.length } })

for (const { name, fields = get, body, cut, reason, counted } of BAD) {
  t.test(`${name}: the request passes as it is, and is counted for what it is`, async (t) => {
    const stub = await startDynamodbStub(t, echoesSize)
    const proxy = await startFront(t, stub.address)
    const request = post(fields, body)
    const at = cut === undefined ? request.length : request.length - Buffer.byteLength(body as string) + cut
    // The second part comes when oplens has read the first: it has gone on.
    const hasRead = async () => total(await proxy.metrics(), 'oplens_operations_active') > 0
    const reply = await exchangeRaw(proxy.port, request.subarray(0, at), {
      after: hasRead,
      rest: request.subarray(at),
    })
    t.equal(reply.statusLine, 'HTTP/1.1 200 OK')
    t.ok(stub.calls[0]?.body.equals(Buffer.from(body)), 'the same bytes came')
    const samples = await proxy.metrics()
    t.equal(total(samples, 'oplens_decode_errors_total'), reason === '' ? 0 : 1)
    t.equal(
      total(samples, 'oplens_decode_errors_total', { direction: 'request', reason }),
      reason === '' ? 0 : 1,
      reason,
    )
    t.equal(total(samples, 'oplens_decoding_lost_total'), 0)
    const operations = samples
      .filter((sample) => sample.name === 'db_client_operation_duration_seconds_count')
      .map(({ labels }) => `${labels.db_operation_name} ${labels.db_collection_name}`)
    t.same(operations, counted === '-' ? [] : [counted])
    const plain = total(samples, 'http_client_request_duration_seconds_count', { outcome: 'ok' })
    t.equal(plain, counted === '-' ? 1 : 0, 'plain HTTP')
    t.equal(total(samples, 'oplens_operations_active'), 0)
  })
}

t.test('a reply in CBOR, or of a load balancer, passes as it is; the status tells', async (t) => {
  const stub = await startDynamodbStub(t, (_call, response) => {
    response.writeHead(502, { 'content-type': 'text/html', 'content-length': 12 }).end('<html></html'.slice(0, 12))
    return undefined
  })
  const proxy = await startFront(t, stub.address)
  const reply = await exchangeRaw(proxy.port, call('GetItem', { TableName: 'users', Key: KEY }))
  t.equal(reply.statusLine, 'HTTP/1.1 502 Bad Gateway')
  const samples = await proxy.metrics()
  t.equal(total(samples, 'oplens_decode_errors_total', { direction: 'reply', reason: 'content_type' }), 1)
  const failed = { db_operation_name: 'GetItem', db_collection_name: 'users', db_response_status_code: '502' }
  t.equal(total(samples, 'oplens_operation_errors_total', failed), 1)
})
