import t from 'tap'
import { ConnectionInfo } from '../../src/core/connection.js'
import type { Exchange } from '../../src/core/exchange.js'
import { ABORTED, OK, refused, UNACKNOWLEDGED } from '../../src/core/outcome.js'
import type { SlowOperation } from '../../src/core/reports.js'
import type { RequestValues, Shape } from '../../src/core/shape.js'
import { HostStats } from '../../src/core/stats.js'
import { observeSchema } from '../../src/observe/config.js'
import { commandDocument, membersOf } from '../../src/observe/slow/command-document.js'
import { slowLine } from '../../src/observe/slow/slow-line.js'
import { slowOperation } from '../../src/observe/slow/slow-operation.js'
import { FakeClock } from '../support/fake-clock.js'
import { client, observation, sample, scrape } from './harness.js'
import { type Ended, ended, shapeOf } from './shapes-harness.js'

const byStatus = shapeOf('{filter: {status: "?string"}, sort: {placedAt: -1}}')

function slow(config: object = {}, more: object = {}) {
  const o = observation({
    config: observeSchema.parse({ metrics: { process_metrics: false }, slow_log: config, ...more }),
  })
  const run = (how: Ended, times = 1) => {
    for (let i = 0; i < times; i++) o.hub.exchangeEnded(ended(how))
  }
  const kept = () => o.slow.report(10_000).operations
  return { o, run, kept }
}

t.test(
  'an operation is slow when it takes as long as its threshold, unless it waits on purpose or for nothing',
  (t) => {
    const rows: readonly (readonly [name: string, config: object, how: Ended, isSlow: boolean])[] = [
      ['below the default', {}, { ms: 99.9 }, false],
      ['at the default', {}, { ms: 100 }, true],
      ['awaited', {}, { ms: 60_000, isAwaited: true }, false],
      ['unacknowledged', {}, { ms: 60_000, outcome: UNACKNOWLEDGED }, false],
      ['aborted', {}, { ms: 200, outcome: ABORTED.client }, true],
      ['refused', {}, { ms: 200, outcome: refused(462, 'x') }, true],
      ['a rule for its collection', { rules: [{ namespaces: ['shop.orders'], threshold: '2s' }] }, { ms: 500 }, false],
      ['a rule for another', { rules: [{ namespaces: ['shop.carts'], threshold: '2s' }] }, { ms: 500 }, true],
      ['a rule for its command', { rules: [{ commands: ['FIND'], threshold: '10ms' }] }, { ms: 10 }, true],
      [
        'the first rule that fits',
        {
          rules: [
            { commands: ['find'], threshold: '1s' },
            { namespaces: ['shop.*'], threshold: '1ms' },
          ],
        },
        { ms: 500 },
        false,
      ],
      ['nothing at all', { enabled: false, threshold: '0ms' }, { ms: 500 }, false],
      ['everything', { threshold: '0ms' }, { ms: 0 }, true],
    ]
    for (const [name, config, how, isSlow] of rows) {
      const { o, run, kept } = slow(config)
      run(how)
      t.equal(kept().length, isSlow ? 1 : 0, name)
      o.close()
    }
    t.end()
  },
)

t.test('the last ones are kept, the newest first, and all are numbered and counted', async (t) => {
  const { o, run, kept } = slow({ keep: 3 })
  for (let i = 1; i <= 5; i++) run({ ms: 100 * i })
  run({ ms: 150, collection: 'carts' })
  t.same(
    kept().map(({ id, durationMs }) => [id, durationMs]),
    [
      [6, 150],
      [5, 500],
      [4, 400],
    ],
  )
  t.same(
    o.slow.report(1).operations.map(({ id }) => id),
    [6],
  )
  t.same(o.slow.report(0).operations, [])
  t.equal(o.slow.report(3).total, 6)
  const got = await scrape(o)
  t.equal(sample(got, 'oplens_slow_operations_total', { db_collection_name: 'orders', db_operation_name: 'find' }), 5)
  t.equal(sample(got, 'oplens_slow_operations_total', { db_collection_name: 'carts' }), 1)
  o.close()
})

/** A connection of which everything is known. */
function known(): ConnectionInfo {
  const connection = new ConnectionInfo(12, 'front', 'main', '10.0.0.9:51234', 0)
  const address = { kind: 'tcp', host: 'db1', port: 27017 } as const
  const host = {
    name: 'db1:27017',
    address,
    hostname: '',
    weight: 1,
    stats: new HostStats(),
    state: { role: '' },
  } as const
  return Object.assign(connection, { application: 'checkout', driver: 'nodejs', driverVersion: '7.0', host })
}

t.test('everything worth knowing is kept of an operation', (t) => {
  const { o, run, kept } = slow()
  run({
    shape: byStatus,
    connection: known(),
    startedAtMs: 5_000,
    ms: 250.5,
    firstByteMs: 200,
    documents: 101,
    affected: 7,
    modified: 6,
    batchSize: 2,
    requestBytes: 90,
    replyBytes: 9_000,
    cursorId: -5n,
    connectMs: 12,
    outcome: { kind: 'command_error', code: 50, codeName: 'MaxTimeMSExpired', by: '' },
  })
  t.same(kept()[0], {
    id: 1,
    atMs: 1_700_000_005_000,
    durationMs: 250.5,
    firstReplyMs: 200,
    connectMs: 12,
    thresholdMs: 100,
    protocol: 'mongodb',
    listener: 'front',
    cluster: 'main',
    database: 'shop',
    collection: 'orders',
    command: 'find',
    shapeId: byStatus.id,
    shape: byStatus.text,
    originatingCommand: '',
    values: '',
    host: 'db1:27017',
    peer: '10.0.0.9:51234',
    connectionId: 12,
    application: 'checkout',
    driver: 'nodejs 7.0',
    documents: 101,
    affected: 7,
    modified: 6,
    batchSize: 2,
    requestBytes: 90,
    replyBytes: 9_000,
    cursorId: '-5',
    outcome: 'command_error',
    code: 50,
    codeName: 'MaxTimeMSExpired',
    traceId: '',
    spanId: '',
  } satisfies SlowOperation)
  o.close()
  t.end()
})

t.test('cursor ids are signed numbers of 64 bits', (t) => {
  const { o, run, kept } = slow({ threshold: '0ms' })
  const ids = [1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 8_126_243_429_132_423_123n, 2n ** 32n, 0n]
  for (const cursorId of ids) run({ cursorId })
  t.same(
    kept().map(({ cursorId }) => cursorId),
    ids.map((id) => (id === 0n ? '' : String(id))).reverse(),
  )
  o.close()
  t.end()
})

/** Values as a codec would keep them: asked for with what is to stay hidden. */
function valuesOf(fields: Record<string, string>, asked: { times: number }): RequestValues {
  return {
    text(isRedacted) {
      asked.times++
      const shown = Object.entries(fields).map(
        ([key, value]) => `${key}: ${isRedacted(key) ? '"***"' : JSON.stringify(value)}`,
      )
      return `{filter: {${shown.join(', ')}}}`
    },
  }
}

t.test('values are read of slow operations alone, without those that are to stay hidden', (t) => {
  const { o, run, kept } = slow({}, { show_values: { namespaces: ['shop.*'], redact: ['pass*', 'card'] } })
  const asked = { times: 0 }
  const values = valuesOf({ status: 'open', password: 's3cret', card: '4111' }, asked)
  run({ ms: 5, values, shape: byStatus }, 10)
  t.equal(asked.times, 0)
  run({ ms: 500, values, shape: byStatus })
  t.equal(asked.times, 1)
  t.equal(kept()[0]?.values, '{filter: {status: "open", password: "***", card: "***"}}')
  t.match(JSON.parse(slowLine(kept()[0] as SlowOperation)).attr.command, {
    find: 'orders',
    filter: { status: 'open', password: '***' },
  })
  t.equal(o.detail.values?.('shop', 'orders'), true)
  t.equal(o.detail.values?.('other', 'orders'), false)
  o.close()
  t.end()
})

const trace = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' }
const toLine = (exchange: Exchange, of: typeof trace | undefined = undefined): string =>
  slowLine(
    slowOperation(exchange, {
      id: 1,
      thresholdMs: 100,
      toWallMs: 1_700_000_000_000,
      trace: of,
      isRedacted: () => false,
    }),
  )

/** Envelope and attributes around what a row is about. */
function expectedLine(attr: string, own: string, ms: number): string {
  const t = new Date(1_700_000_001_000 + ms).toISOString().replace('Z', '+00:00')
  const envelope = `{"t":{"$date":"${t}"},"s":"I","c":"COMMAND","id":51803,"ctx":"conn12","msg":"Slow query"`
  return `${envelope},"attr":{"type":"command",${attr},"oplens":{${own}},"durationMillis":${Math.round(ms)}}}\n`
}

const CLIENT = '"remote":"10.0.0.9:51234"'
const own = (shapeId: string, outcome: string, ms: number, more = '') =>
  `"protocol":"mongodb","cluster":"main","listener":"front","member":"db1:27017",${shapeId === '' ? '' : `"shape_id":"${shapeId}",`}` +
  `"outcome":"${outcome}","duration_ms":${ms},"first_byte_ms":${ms},"threshold_ms":100,"request_bytes":100${more},"driver":"nodejs 7.0"`
const APP = '"appName":"checkout"'

t.test('a line is mongod’s: its envelope, its names, its order', (t) => {
  const updates = shapeOf('{updates: [{q: {_id: "?objectId"}, u: {$set: {"a.b": "?number"}}}]}', 'update')
  const deletes = shapeOf('{deletes: [{q: {a: "?number"}, limit: 1}]}', 'delete')
  const bare = shapeOf('', 'insert')
  const cut = { ...shapeOf('{filter: {$or: [{a: "?number"}, …'), isTruncated: true }
  const rows: readonly (readonly [name: string, how: Ended, attr: string, own: string])[] = [
    [
      'a find whose cursor stays open',
      { shape: byStatus, ms: 321, documents: 101, cursorId: 8_126_243_429_132_423_123n },
      `"ns":"shop.orders",${APP},"command":{"find":"orders","filter":{"status":"?string"},"sort":{"placedAt":-1},"$db":"shop"},` +
        `"cursorid":8126243429132423123,"nreturned":101,"reslen":400,${CLIENT}`,
      own(byStatus.id, 'ok', 321),
    ],
    [
      'a find that gave all',
      { shape: byStatus, ms: 100, documents: 0 },
      `"ns":"shop.orders",${APP},"command":{"find":"orders","filter":{"status":"?string"},"sort":{"placedAt":-1},"$db":"shop"},` +
        `"cursorExhausted":true,"nreturned":0,"reslen":400,${CLIENT}`,
      own(byStatus.id, 'ok', 100),
    ],
    [
      'a getMore',
      { shape: byStatus, command: 'getMore', ms: 150, documents: 50, cursorId: 77n },
      `"ns":"shop.orders",${APP},"command":{"getMore":77,"collection":"orders","$db":"shop"},` +
        `"originatingCommand":{"find":"orders","filter":{"status":"?string"},"sort":{"placedAt":-1},"$db":"shop"},` +
        `"cursorid":77,"nreturned":50,"reslen":400,${CLIENT}`,
      own(byStatus.id, 'ok', 150),
    ],
    [
      'an update',
      { shape: updates, command: 'update', ms: 150, affected: 3, modified: 2, batchSize: 1 },
      `"ns":"shop.orders",${APP},"command":{"update":"orders","updates":[{"q":{"_id":"?objectId"},"u":{"$set":{"a.b":"?number"}}}],` +
        `"$db":"shop"},"nMatched":3,"nModified":2,"reslen":400,${CLIENT}`,
      own(updates.id, 'ok', 150, ',"documents_sent":1'),
    ],
    [
      'a delete',
      { shape: deletes, command: 'delete', ms: 150, affected: 4, batchSize: 1 },
      `"ns":"shop.orders",${APP},"command":{"delete":"orders","deletes":[{"q":{"a":"?number"},"limit":1}],"$db":"shop"},` +
        `"ndeleted":4,"reslen":400,${CLIENT}`,
      own(deletes.id, 'ok', 150, ',"documents_sent":1'),
    ],
    [
      'an insert of which one failed',
      {
        shape: bare,
        command: 'insert',
        ms: 150,
        affected: 4,
        batchSize: 5,
        outcome: { kind: 'write_error', code: 11000, codeName: 'DuplicateKey', by: '' },
      },
      `"ns":"shop.orders",${APP},"command":{"insert":"orders","$db":"shop"},"ninserted":4,"errName":"DuplicateKey","errCode":11000,` +
        `"reslen":400,${CLIENT}`,
      own(bare.id, 'write_error', 150, ',"documents_sent":5'),
    ],
    [
      'an error',
      { shape: byStatus, ms: 150, outcome: { kind: 'command_error', code: 50, codeName: 'MaxTimeMSExpired', by: '' } },
      `"ns":"shop.orders",${APP},"command":{"find":"orders","filter":{"status":"?string"},"sort":{"placedAt":-1},"$db":"shop"},` +
        `"ok":0,"errName":"MaxTimeMSExpired","errCode":50,"reslen":400,${CLIENT}`,
      own(byStatus.id, 'command_error', 150),
    ],
    [
      'a write concern that was not met',
      {
        shape: bare,
        command: 'insert',
        ms: 150,
        affected: 1,
        outcome: { kind: 'write_concern_error', code: 64, codeName: 'WriteConcernTimeout', by: '' },
      },
      `"ns":"shop.orders",${APP},"command":{"insert":"orders","$db":"shop"},"ninserted":1,` +
        `"writeConcernError":{"code":64,"codeName":"WriteConcernTimeout"},"reslen":400,${CLIENT}`,
      own(bare.id, 'write_concern_error', 150),
    ],
    [
      'a command on a database',
      { command: 'dbStats', collection: '', ms: 150 },
      `"ns":"shop.$cmd",${APP},"command":{"dbStats":1,"$db":"shop"},"reslen":400,${CLIENT}`,
      own('', 'ok', 150),
    ],
    [
      'a shape that was cut',
      { shape: cut, ms: 150, cursorId: 1n },
      `"ns":"shop.orders",${APP},"command":{"find":"orders","$truncated":"{filter: {$or: [{a: \\"?number\\"}, …","$db":"shop"},` +
        `"cursorid":1,"nreturned":0,"reslen":400,${CLIENT}`,
      own(cut.id, 'ok', 150),
    ],
    [
      'names that would break a line',
      { collection: 'a"b\nc', ms: 150, cursorId: 1n },
      `"ns":"shop.a\\"b\ufffdc",${APP},"command":{"find":"a\\"b\ufffdc","$db":"shop"},"cursorid":1,"nreturned":0,"reslen":400,${CLIENT}`,
      own('', 'ok', 150),
    ],
  ]
  for (const [name, how, attr, mine] of rows) {
    const line = toLine(ended({ ...how, connection: known() }))
    t.equal(line, expectedLine(attr, mine, how.ms ?? 0), name)
    t.equal(line.indexOf('\n'), line.length - 1, `${name}: one line`)
    t.doesNotThrow(() => JSON.parse(line), name)
  }
  t.end()
})

t.test('what only a proxy knows is under one name', (t) => {
  const exchange = ended({ shape: byStatus, connection: known(), ms: 300.1234, firstByteMs: 20.5, connectMs: 4.25 })
  const { attr } = JSON.parse(toLine(exchange, trace))
  t.match(attr.oplens, {
    duration_ms: 300.123,
    first_byte_ms: 20.5,
    connect_ms: 4.25,
    threshold_ms: 100,
    trace_id: trace.traceId,
    span_id: trace.spanId,
  })
  t.equal(Object.keys(attr).at(-1), 'durationMillis')
  t.equal(attr.durationMillis, 300)
  const never = JSON.parse(toLine(ended({ ms: 150, firstByteMs: -1, outcome: ABORTED.server })))
  t.notOk('first_byte_ms' in never.attr.oplens || 'connect_ms' in never.attr.oplens || 'trace_id' in never.attr.oplens)
  t.end()
})

t.test('an operation on a table has the same line', (t) => {
  const shape: Shape = shapeOf('{KeyConditionExpression: "customer = ?"}', 'Query')
  const operation = {
    protocol: 'aws.dynamodb',
    command: 'Query',
    kind: 'read',
    database: '',
    collection: 'orders',
  } as const
  const outcome = { kind: 'command_error', code: 400, codeName: 'ThrottlingException', by: '' } as const
  const { attr, c } = JSON.parse(toLine(ended({ operation, shape, ms: 150, documents: 3, affected: 3, outcome })))
  t.equal(c, 'COMMAND')
  t.match(attr, {
    ns: 'orders',
    command: { Query: 'orders', KeyConditionExpression: 'customer = ?' },
    nreturned: 3,
    errName: 'ThrottlingException',
    errCode: 400,
    oplens: { protocol: 'aws.dynamodb' },
  })
  t.end()
})

t.test('the text of a shape becomes a document', (t) => {
  const rows: readonly (readonly [text: string, members: string | undefined])[] = [
    ['{}', ''],
    ['{a: 1}', '"a":1'],
    ['{"a.b": "?number", $or: [{x1: -1}, {_y: true}]}', '"a.b":"?number","$or":[{"x1":-1},{"_y":true}]'],
    ['{a: "b: {c: \\"d: \\"", e : null}', '"a":"b: {c: \\"d: \\"","e":null'],
    ['{"quote\\"": "x"}', '"quote\\"":"x"'],
    [
      '{n: 9223372036854775807, d: {$date: "2025-10-09T08:53:20.000Z"}}',
      '"n":9223372036854775807,"d":{"$date":"2025-10-09T08:53:20.000Z"}',
    ],
    ['{a: {b: …', undefined],
    ['[{a: 1}]', undefined],
    ['customer = ?', undefined],
    ['', undefined],
  ]
  for (const [text, members] of rows) t.equal(membersOf(text), members, text)
  t.equal(
    commandDocument({ command: 'aggregate', database: 'shop', collection: '', text: '{}' }),
    '{"aggregate":1,"$db":"shop"}',
  )
  t.end()
})

t.test('what is no document stands by itself', (t) => {
  const of = (text: string) =>
    JSON.parse(commandDocument({ command: 'ExecuteStatement', database: '', collection: 't', text }))
  t.same(of('SELECT * FROM t WHERE a = ?'), { ExecuteStatement: 't', shape: 'SELECT * FROM t WHERE a = ?' })
  t.same(of('{a: …'), { ExecuteStatement: 't', $truncated: '{a: …' })
  t.end()
})

t.test('nothing of a request’s values is in a line, nor in memory, unless they are asked for', (t) => {
  const { o, run, kept } = slow({ threshold: '0ms' })
  run({ shape: byStatus, outcome: { kind: 'command_error', code: 1, codeName: 'InternalError', by: '' } })
  run({ shape: byStatus, outcome: OK })
  const text = `${JSON.stringify(kept())}${kept().map(slowLine).join('')}`
  t.notMatch(text, /open|s3cret/)
  t.equal(o.detail.values, undefined)
  o.close()
  t.end()
})

t.test('an operation names the span that it has', (t) => {
  const clock = new FakeClock()
  const exchange = ended({ ms: 200 })
  t.match(
    slowOperation(exchange, { id: 1, thresholdMs: 1, toWallMs: clock.wall(), trace, isRedacted: () => false }),
    trace,
  )
  t.equal(client().id, 1)
  t.end()
})

t.test('an operation without a span is in the trace that its client named, when it named one', (t) => {
  const rows: readonly (readonly [traceParent: string, traceId: string])[] = [
    [`00-${trace.traceId}-00f067aa0ba902b7-00`, trace.traceId],
    ['00-nothing', ''],
    ['', ''],
  ]
  for (const [traceParent, traceId] of rows) {
    const exchange = ended({ ms: 200 })
    exchange.traceParent = traceParent
    const { o, kept } = slow()
    o.hub.exchangeEnded(exchange)
    t.match(kept()[0], { traceId, spanId: '' })
    o.close()
  }
  t.end()
})

t.test('texts that are no documents take no longer than others, whatever is in them', async (t) => {
  const startedAt = process.cpuUsage().user
  for (const text of [`{filter: {${'a'.repeat(60_000)}…`, `{"${'\\"'.repeat(30_000)}…`, `{ ${'a '.repeat(30_000)}}`])
    t.equal(membersOf(text), undefined)
  t.ok(process.cpuUsage().user - startedAt < 2_000_000, 'seconds, where each character was tried with all behind it')
})
