import t from 'tap'
import { http } from '../../../src/codecs/http/index.js'
import type { HttpCodec, HttpReader } from '../../../src/core/http.js'
import { refusedPort } from '../../support/stub-tcp.js'
import { get, ok, onStage, put, told } from './stage.js'

const plain = http.createCodec({})
const broken = (): never => {
  throw new TypeError('undefined is not a function')
}

/** The codec for plain HTTP, but for some of what it does. */
function spoilt(codec: Partial<HttpCodec>, reader: Partial<HttpReader> = {}): HttpCodec {
  return {
    matches: () => true,
    open(head, connection) {
      const good = plain.open(head, connection)
      return {
        request: (chunk) => good.request(chunk),
        reply: (replyHead) => good.reply(replyHead),
        replyBody: (chunk) => good.replyBody(chunk),
        finish: (exchange) => good.finish(exchange),
        refuse: (why) => good.refuse(why),
        failure: '',
        ...reader,
      }
    },
    ...codec,
  }
}

const bugs: readonly (readonly [where: string, codec: HttpCodec])[] = [
  ['matches', spoilt({ matches: broken })],
  ['open', spoilt({ open: broken })],
  ['request', spoilt({}, { request: broken })],
  ['reply', spoilt({}, { reply: broken })],
  ['replyBody', spoilt({}, { replyBody: broken })],
  ['finish', spoilt({}, { finish: broken })],
  [
    'failure',
    {
      ...plain,
      open: (head, connection) =>
        Object.defineProperty(spoilt({}).open(head, connection), 'failure', { get: broken, configurable: true }),
    },
  ],
]

for (const [where, codec] of bugs) {
  void t.test(
    `a codec that throws in ${where}: the bytes go on, and it is counted`,
    onStage({ codec }, async (t, { client, upstream, hub, logger }) => {
      const peer = await client()
      for (const request of [put('/1', 'body'), get('/2')]) {
        await peer.writeCut([Buffer.from(request.slice(0, -2)), Buffer.from(request.slice(-2))])
        const there = await upstream.peer(0)
        t.equal(await there.takeMessage(), request)
        await there.writeCut([Buffer.from(ok('body').slice(0, -2)), Buffer.from('dy')])
        t.equal(await peer.takeMessage(), ok('body'))
      }
      t.equal(hub.ended.length, 2)
      t.strictSame(
        hub.lines.filter((line) => line.startsWith('undecodable')).map((line) => line.split(' ')[2]),
        ['internal_error', 'internal_error'],
        'once for each request',
      )
      t.ok(told(hub)[0]?.startsWith('PUT '))
      t.match(
        logger.lines.map(({ level, message }) => `${level} ${message}`),
        ['error The codec failed, the request goes on undecoded'],
      )
    }),
  )
}

const refusals: readonly (readonly [how: string, reader: Partial<HttpReader>])[] = [
  ['throws', { refuse: broken }],
  ['has a field that is none', { refuse: () => ({ status: 503, headers: [['a b', 'c']], body: Buffer.alloc(0) }) }],
]

for (const [how, reader] of refusals) {
  void t.test(`a codec whose refusal ${how}: the client gets a plain one`, async (t) => {
    const hosts = [`127.0.0.1:${await refusedPort()}`]
    await onStage({ hosts, codec: spoilt({}, reader) }, async (t, { client, hub }) => {
      const peer = await client()
      peer.write(get())
      t.match(await peer.takeMessage(), /^HTTP\/1\.1 503 .*text\/plain/s)
      t.ok(hub.lines.includes('undecodable request internal_error'))
    })(t)
  })
}

void t.test(
  'what a codec could not read is told by its reason, and not of a body that was cut off',
  onStage({ codec: spoilt({}, { failure: 'bad_json' }) }, async (t, { client, upstream, hub }) => {
    const one = await client()
    one.write(put('/1', 'body').slice(0, -1))
    await (await upstream.peer(0)).take(5)
    one.reset()
    await hub.line('ended')
    t.notOk(hub.lines.some((line) => line.startsWith('undecodable')))
    const two = await client()
    two.write(get())
    const there = await upstream.peer(1)
    await there.takeHead()
    there.write(ok())
    await two.takeMessage()
    t.strictSame(
      hub.lines.filter((line) => line.startsWith('undecodable')),
      ['undecodable request bad_json'],
    )
  }),
)
