import t from 'tap'
import { dynamodb } from '../../../src/codecs/dynamodb/index.js'
import { refusedPort } from '../../support/stub-tcp.js'
import { startUpstream } from './peer.js'
import { answering, get, ok, onStage, post, put, told, turns, until } from './stage.js'

const nobody = `127.0.0.1:${await refusedPort()}`

void t.test(
  'nobody there: 503, and the connection goes on when the request was read',
  onStage({ hosts: [nobody] }, async (t, { client, hub, logger, host }) => {
    const peer = await client()
    for (const request of [get('/1'), put('/2', 'body'), get('/3')]) {
      peer.write(request)
      const answer = await peer.takeMessage()
      t.match(answer, /^HTTP\/1\.1 503 Service Unavailable\r\n.*ECONNREFUSED.*\n$/s)
      t.notMatch(answer, /connection:/i)
    }
    t.strictSame(told(hub), [
      `GET refused 0 ${get('/1').length}/0`,
      `PUT refused 0 ${put('/2', 'body').length}/0`,
      `GET refused 0 ${get('/3').length}/0`,
    ])
    t.equal(hub.ended[0]?.outcome?.code, 503)
    t.equal(logger.lines.filter(({ level }) => level === 'warn').length, 1, 'one line, not three')
    t.match(host(), { connectFailures: 3, connectionsActive: 0 })
  }),
)

void t.test(
  'HEAD gets no body, and the request behind it its own answer',
  onStage({ hosts: [nobody] }, async (t, { client }) => {
    const peer = await client()
    peer.write(get('/1').replace('GET', 'HEAD') + get('/2'))
    t.match(await peer.takeHead(), /^HTTP\/1\.1 503 /)
    t.match(await peer.takeMessage(), /^HTTP\/1\.1 503 /)
  }),
)

void t.test(
  'a request that is still being sent gets the answer, and its connection ends',
  onStage({ hosts: [nobody] }, async (t, { client, hub }) => {
    const peer = await client()
    peer.write(put('/', 'x'.repeat(1_000)).slice(0, 200))
    t.match(await peer.takeRest(), /^HTTP\/1\.1 503 .*Connection: close/s)
    peer.end()
    await until(() => hub.closed.length === 1)
    t.match(told(hub)[0], 'PUT refused 0 200/0')
  }),
)

void t.test(
  'HTTP/1.0 that asks to be kept gets an answer that it knows the end of',
  onStage({ hosts: [nobody] }, async (t, { client }) => {
    const peer = await client()
    peer.write('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    t.match(await peer.takeRest(), /^HTTP\/1\.1 503 .*\r\nConnection: close\r\n/s)
  }),
)

void t.test(
  'on a dynamodb listener the answer is one that SDKs understand',
  onStage(
    { hosts: [nobody], protocol: 'dynamodb', codec: dynamodb.createCodec(dynamodb.config.parse({})) },
    async (t, { client, hub }) => {
      const peer = await client()
      peer.write(post('/', '{"TableName":"t"}', 'X-Amz-Target: DynamoDB_20120810.GetItem\r\n'))
      t.match(await peer.takeMessage(), /^HTTP\/1\.1 503 .*application\/x-amz-json-1\.0.*\{"__type":".*"message"/s)
      t.match(told(hub)[0], 'GetItem refused 0')
      t.equal(hub.ended[0]?.operation.collection, 't')
      peer.write(get('/'))
      t.match(await peer.takeMessage(), 'text/plain')
    },
  ),
)

void t.test('the next host is tried when one is down', async (t) => {
  const good = await startUpstream(answering(() => ok('good')))
  await onStage({ hosts: [nobody, good.address] }, async (t, { client, host, hub, cluster }) => {
    for (let i = 0; i < 4; i++) {
      const peer = await client()
      peer.write(get())
      t.equal(await peer.takeMessage(), ok('good'))
    }
    t.ok(host(0).connectFailures > 0)
    t.equal(host(1).operationsTotal, 4)
    t.ok(hub.ended.every((exchange) => exchange.host?.name === good.address))
    t.equal(cluster.stats.connectRetries, host(0).connectFailures, 'each further try is counted')
  })(t)
  await good.close()
})

void t.test(
  'a host that closes at once is an answer of 503',
  onStage({ serve: (peer) => peer.end() }, async (t, { client }) => {
    const peer = await client()
    peer.write(get())
    t.match(await peer.takeMessage(), /^HTTP\/1\.1 503 /)
  }),
)

void t.test(
  'max_requests in flight: the next gets a 503 at once, and one is let in when one is done',
  onStage({ cluster: { circuit_breakers: { max_requests: 1 } } }, async (t, { client, upstream, cluster, hub }) => {
    const [one, two] = [await client(), await client()]
    one.write(get('/1'))
    const there = await upstream.peer(0)
    await there.takeHead()
    two.write(put('/2', 'body'))
    const answer = await two.takeMessage()
    t.match(answer, /^HTTP\/1\.1 503 .*too many requests in flight\n$/s)
    t.notMatch(answer, 'Connection: close')
    t.match(cluster.stats, { requestsActive: 1, requestsOverflow: 1 })
    there.write(ok())
    await one.takeMessage()
    two.write(get('/3'))
    await there.takeHead()
    there.write(ok())
    t.equal(await two.takeMessage(), ok())
    t.match(told(hub)[0], `PUT refused 0 ${put('/2', 'body').length}/0`)
  }),
)

void t.test(
  'max_connections of the cluster: 503, and no other host is asked',
  onStage({ cluster: { circuit_breakers: { max_connections: 1 } } }, async (t, { client, upstream, cluster }) => {
    const [one, two] = [await client(), await client()]
    one.write(get('/1'))
    await (await upstream.peer(0)).takeHead()
    two.write(get('/2'))
    t.match(await two.takeMessage(), /^HTTP\/1\.1 503 .*circuit breaker/s)
    t.equal(cluster.stats.connectionsOverflow, 1)
  }),
)

void t.test(
  'no such cluster: 503',
  onStage({ hasNoCluster: true }, async (t, { client, hub }) => {
    const peer = await client()
    peer.write(get() + put('/', 'body'))
    t.match(await peer.takeMessage(), /^HTTP\/1\.1 503 .*no cluster nowhere\n$/s)
    t.match(await peer.takeMessage(), /^HTTP\/1\.1 503 /)
    t.equal(hub.ended.length, 2)
  }),
)

void t.test('a cluster without a usable host is counted once for each request', async (t) => {
  await onStage(
    { hosts: undefined, cluster: { dns: { host: 'nowhere.test', port: 80 } } },
    async (t, { client, cluster }) => {
      const peer = await client()
      peer.write(get())
      t.match(await peer.takeMessage(), /^HTTP\/1\.1 503 .*no usable host/s)
      peer.write(get())
      await peer.takeMessage()
      t.equal(cluster.stats.noUsableHost, 2)
    },
  )(t)
})

void t.test(
  'a client that leaves while its host is dialled takes the request with it',
  // It waits for a handshake that the upstream never begins.
  onStage({ cluster: { tls: {} } }, async (t, { client, hub, cluster, upstream }) => {
    const peer = await client()
    peer.write(get())
    await upstream.peer(0)
    t.match(cluster.stats, { requestsActive: 1, connectsPending: 1 })
    peer.reset()
    await until(() => hub.closed.length === 1)
    await turns(2)
    t.match(cluster.stats, { requestsActive: 0, connectsPending: 0 })
    t.strictSame(told(hub), [`GET aborted by client 0 ${get().length}/0`])
  }),
)
