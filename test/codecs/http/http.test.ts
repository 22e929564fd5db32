import t from 'tap'
import { http } from '../../../src/codecs/http/index.js'
import { Exchange, type Operation, OTHER } from '../../../src/core/exchange.js'
import type { HttpRefusal } from '../../../src/core/http.js'
import { OK, UNKNOWN } from '../../../src/core/outcome.js'
import { Headers, newConnection } from '../../support/dynamodb.js'

const codec = http.createCodec(http.config.parse({}))

function open(method: string, headers: Record<string, string> = {}) {
  const connection = newConnection()
  const head = { method, target: '/users/17?token=x', headers: new Headers(headers) }
  return { reader: codec.open(head, connection), connection, head }
}

/** One request with its reply; status 0: none came. */
function read(method: string, status: number, headers: Record<string, string> = {}) {
  const { reader, connection } = open(method, headers)
  const operation = reader.request(null)
  if (operation === undefined) throw new Error('the operation was not told at once')
  const exchange = new Exchange(connection, operation, 0)
  if (status > 0) {
    reader.reply({ status, headers: new Headers() })
    reader.replyBody(Buffer.from('a body'))
    reader.replyBody(null)
  }
  exchange.outcome = reader.finish(exchange)
  return { exchange, operation, failure: reader.failure }
}

t.test('it takes any request, and has nothing to set', async (t) => {
  t.ok(codec.matches(open('GET').head))
  t.ok(codec.matches(open('BREW').head))
  t.match(http, { name: 'http', transport: 'http' })
  t.throws(() => http.config.parse({ max_body: '1MiB' }))
})

const KINDS: readonly (readonly [method: string, command: string, kind: Operation['kind']])[] = [
  ['GET', 'GET', 'read'],
  ['HEAD', 'HEAD', 'read'],
  ['OPTIONS', 'OPTIONS', 'read'],
  ['TRACE', 'TRACE', 'read'],
  ['PROPFIND', 'PROPFIND', 'read'],
  ['POST', 'POST', 'write'],
  ['PUT', 'PUT', 'write'],
  ['PATCH', 'PATCH', 'write'],
  ['DELETE', 'DELETE', 'write'],
  ['MKCOL', 'MKCOL', 'admin'],
  ['CONNECT', 'CONNECT', 'admin'],
  ['get', OTHER, 'admin'],
  ['BREW', OTHER, 'admin'],
  ['__proto__', OTHER, 'admin'],
  ['constructor', OTHER, 'admin'],
]

t.test('the command is a registered method, its kind is what the method means', async (t) => {
  for (const [method, command, kind] of KINDS) {
    const { operation } = read(method, 200)
    t.strictSame(operation, { protocol: 'http', command, kind, database: '', collection: '' }, method)
    t.equal(read(method, 200).operation, operation, 'one object for all requests of a method')
  }
})

t.test('the operation is told with the first call, and once', async (t) => {
  const { reader } = open('PUT')
  t.match(reader.request(Buffer.from('x')), { command: 'PUT' })
  t.equal(reader.request(Buffer.from('y')), undefined)
  t.equal(reader.request(null), undefined)
})

t.test('the outcome is what the status says', async (t) => {
  for (const status of [200, 204, 301, 304, 399]) t.equal(read('GET', status).exchange.outcome, OK, String(status))
  for (const status of [400, 404, 429, 500, 503, 999]) {
    const outcome = { kind: 'command_error', code: status, codeName: '', by: '' }
    t.strictSame(read('GET', status).exchange.outcome, outcome, String(status))
  }
  t.equal(read('GET', 0).exchange.outcome, UNKNOWN, 'no reply came')
  t.equal(read('GET', 500).failure, '')
})

t.test('a trace parent goes into the exchange, anything else in its header does not', async (t) => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  t.equal(read('GET', 200, { traceparent }).exchange.traceParent, traceparent)
  t.equal(read('GET', 200, { traceparent: 'a value' }).exchange.traceParent, '')
})

const REFUSALS: readonly (readonly [kind: HttpRefusal['kind'], status: number])[] = [
  ['throttled', 429],
  ['denied', 403],
  ['unavailable', 503],
  ['timeout', 504],
]

t.test('refusals are a status and a line for people', async (t) => {
  for (const [kind, status] of REFUSALS) {
    const reply = open('GET').reader.refuse({ kind, message: 'no host of cluster "shop" answers' })
    t.equal(reply.status, status, kind)
    t.strictSame(reply.headers, [['content-type', 'text/plain; charset=utf-8']])
    t.equal(reply.body.toString(), 'no host of cluster "shop" answers\n')
  }
})
