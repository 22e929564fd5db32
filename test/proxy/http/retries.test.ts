import t from 'tap'
import { dynamodb } from '../../../src/codecs/dynamodb/index.js'
import { get, ok, onStage, type Peer, post, put, type Stage, told, turns, until } from './stage.js'

/** A client and the connection that waits in the pool since its first request. */
async function warm({ client, upstream, host }: Stage): Promise<{ peer: Peer; there: Peer }> {
  const peer = await client()
  peer.write(get('/warm'))
  const there = await upstream.peer(0)
  await there.takeHead()
  there.write(ok())
  await peer.takeMessage()
  await until(() => host().connectionsIdle === 1)
  return { peer, there }
}

const call = (operation: string, body: string) =>
  post('/', body, `X-Amz-Target: DynamoDB_20120810.${operation}\r\nContent-Type: application/x-amz-json-1.0\r\n`)

const repeated: readonly (readonly [name: string, request: string])[] = [
  ['GET', get('/x')],
  ['HEAD', get('/x').replace('GET', 'HEAD')],
  ['OPTIONS', get('*').replace('GET', 'OPTIONS')],
  ['TRACE', get('/x').replace('GET', 'TRACE')],
  ['DELETE', get('/x').replace('GET', 'DELETE')],
  ['PUT', put('/x', 'body')],
  [
    'PUT in chunks',
    'PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n',
  ],
  ['PUT of nearly 64 KiB', put('/x', 'x'.repeat(65_400))],
  ['GET with fields about its connection', get('/x', 'Keep-Alive: 1\r\nConnection: close\r\n')],
]

for (const [name, request] of repeated) {
  for (const how of ['end', 'reset'] as const) {
    void t.test(
      `${name} is sent again when its connection had waited and ${how === 'end' ? 'ends' : 'is reset'}`,
      onStage({}, async (t, stage) => {
        const { peer, there } = await warm(stage)
        peer.write(request)
        const sent = request.replace('Keep-Alive: 1\r\nConnection: close\r\n', '')
        t.equal(await there.take(sent.length), sent)
        there[how]()
        const second = await stage.upstream.peer(1)
        t.equal(await second.take(sent.length), sent)
        second.write('HTTP/1.1 204 No Content\r\n\r\n')
        t.match(await peer.takeHead(), /^HTTP\/1\.1 204 /)
        await turns(3)
        t.equal(second.text, '')
        t.match(stage.cluster.stats, { retriesTotal: 1, retriesActive: 0, requestsActive: 0 })
        t.equal(stage.hub.ended.length, 2)
        t.equal(stage.hub.ended[1]?.requestBytes, request.length)
        t.match(stage.host(), { operationsFailed: 0, operationsTotal: 3 })
      }),
    )
  }
}

void t.test(
  'a body that is still arriving goes on to the second connection, whole',
  onStage({}, async (t, stage) => {
    const { peer, there } = await warm(stage)
    const request = put('/x', 'abcdefghij'.repeat(1_000))
    const cuts = [0, 50, 300, 4_000, 9_000, request.length]
    const parts = cuts.slice(1).map((to, i) => Buffer.from(request.slice(cuts[i], to)))
    await peer.writeCut(parts.slice(0, 3))
    t.equal(await there.take(4_000), request.slice(0, 4_000))
    there.reset()
    await peer.writeCut(parts.slice(3))
    const second = await stage.upstream.peer(1)
    t.equal(await second.take(request.length), request)
    second.write(ok('done'))
    t.equal(await peer.takeMessage(), ok('done'))
    t.equal(stage.cluster.stats.retriesTotal, 1)
    t.equal(stage.hub.ended[1]?.requestBytes, request.length)
  }),
)

void t.test(
  'what came of the body while nobody was there to take it is sent once',
  onStage({}, async (t, stage) => {
    const { peer, there } = await warm(stage)
    const request = put('/x', 'abcdefghij'.repeat(10))
    peer.write(request.slice(0, 60))
    t.equal(await there.take(60), request.slice(0, 60))
    // Both in one turn: bytes that go to a dead connection, and its end.
    there.reset()
    peer.write(request.slice(60, 70))
    await turns(1)
    peer.write(request.slice(70))
    const second = await stage.upstream.peer(1)
    t.equal(await second.take(request.length), request)
    await turns(3)
    t.equal(second.text, '')
    second.write(ok())
    await peer.takeMessage()
  }),
)

/** Sends on a connection that had waited, which then ends. */
async function refusedAfter(
  stage: Stage,
  request: string,
  play: (there: Peer) => void = (there) => there.end(),
): Promise<string> {
  const { peer, there } = await warm(stage)
  peer.write(request)
  await there.take(request.length)
  play(there)
  return peer.takeMessage()
}

const notRepeated: readonly (readonly [name: string, request: string])[] = [
  ['POST', post('/x', 'body')],
  ['PATCH', put('/x', 'body').replace('PUT', 'PATCH')],
  ['a method that nobody knows', get('/x').replace('GET', 'BREW')],
  ['a lower-case get', get('/x').replace('GET', 'get')],
  ['PUT of more than 64 KiB', put('/x', 'x'.repeat(66_000))],
]

for (const [name, request] of notRepeated) {
  void t.test(
    `${name} is not sent again, and answered with 503`,
    onStage({}, async (t, stage) => {
      const answer = await refusedAfter(stage, request)
      t.match(answer, /^HTTP\/1\.1 503 .*closed the connection before it answered\n$/s)
      t.notMatch(answer, 'Connection: close')
      t.equal(stage.cluster.stats.retriesTotal, 0)
      t.match(told(stage.hub)[1], /aborted by server 0 \d+\/0$/)
    }),
  )
}

for (const [name, heard] of [
  ['100 Continue', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ['one byte', 'H'],
] as const) {
  void t.test(
    `nothing is sent again when ${name} was heard`,
    onStage({}, async (t, stage) => {
      const answer = await refusedAfter(stage, get('/x'), (there) => there.end(heard))
      t.match(answer, heard.length > 1 ? 'HTTP/1.1 100 Continue' : 'HTTP/1.1 503')
      t.equal(stage.cluster.stats.retriesTotal, 0)
      t.equal(stage.upstream.count, 1)
    }),
  )
}

void t.test(
  'nothing is sent again when its connection was new',
  onStage({}, async (t, { client, upstream, cluster }) => {
    const peer = await client()
    peer.write(get())
    const there = await upstream.peer(0)
    await there.takeHead()
    there.end()
    t.match(await peer.takeMessage(), 'HTTP/1.1 503')
    t.equal(cluster.stats.retriesTotal, 0)
    t.equal(upstream.count, 1)
  }),
)

void t.test(
  'nothing is sent a third time',
  onStage({}, async (t, stage) => {
    const { peer, there } = await warm(stage)
    peer.write(get('/x'))
    await there.takeHead()
    there.end()
    const second = await stage.upstream.peer(1)
    await second.takeHead()
    second.end()
    t.match(await peer.takeMessage(), 'HTTP/1.1 503')
    t.equal(stage.cluster.stats.retriesTotal, 1)
    t.equal(stage.upstream.count, 2)
  }),
)

void t.test(
  'nothing is sent again beyond max_retries at once',
  onStage({ cluster: { circuit_breakers: { max_retries: 1 } } }, async (t, { client, upstream, cluster, host }) => {
    const peers = [await client(), await client()] as const
    const there: Peer[] = []
    for (const [i, peer] of peers.entries()) {
      peer.write(get('/warm'))
      there.push(await upstream.peer(i))
      await there[i]?.takeHead()
    }
    for (const one of there) one.write(ok())
    for (const peer of peers) {
      await peer.takeMessage()
      peer.write(get('/x'))
    }
    for (const one of there) await one.takeHead()
    for (const one of there) one.end()
    const second = await upstream.peer(2)
    await second.takeHead()
    await until(() => cluster.stats.retriesOverflow === 1)
    second.write(ok())
    const answers = (await Promise.all(peers.map((peer) => peer.takeMessage()))).map((answer) => answer.slice(9, 12))
    t.strictSame(answers.sort(), ['200', '503'])
    t.match(cluster.stats, { retriesTotal: 1, retriesOverflow: 1, retriesActive: 0 })
    t.equal(host().connectionsIdle, 1)
  }),
)

const codec = dynamodb.createCodec(dynamodb.config.parse({}))

void t.test(
  'a read of DynamoDB is sent again',
  onStage({ protocol: 'dynamodb', codec }, async (t, stage) => {
    const { peer, there } = await warm(stage)
    const request = call('GetItem', '{"TableName":"t","Key":{"a":{"S":"b"}}}')
    peer.write(request)
    t.equal(await there.takeMessage(), request)
    there.end()
    const second = await stage.upstream.peer(1)
    t.equal(await second.takeMessage(), request)
    second.write(ok('{}'))
    t.equal(await peer.takeMessage(), ok('{}'))
  }),
)

void t.test(
  'a write of DynamoDB is not, and its answer is one that an SDK knows',
  onStage({ protocol: 'dynamodb', codec }, async (t, stage) => {
    const answer = await refusedAfter(stage, call('PutItem', '{"TableName":"t","Item":{"a":{"S":"b"}}}'))
    t.match(answer, /^HTTP\/1\.1 503 .*"__type"/s)
    t.equal(stage.cluster.stats.retriesTotal, 0)
  }),
)
