import zlib from 'node:zlib'
import { Long } from 'bson'
import { compress as snappyCompress } from 'snappyjs'
import t, { type Test } from 'tap'
import type { Direction } from '../../../src/core/codec.js'
import { DecodeError } from '../../../src/core/errors.js'
import type { Exchange } from '../../../src/core/exchange.js'
import { newCodec, Recording } from '../../support/replay.js'
import { seededRandom } from '../../support/seeded-random.js'
import {
  body,
  compressed,
  cstring,
  doc,
  int32,
  int64,
  message,
  opMsg,
  reply,
  request,
  sequence,
  telemetry,
} from '../../support/wire.js'

/** Node's own zstd refuses the window; ours needs none, and finds that the content is not as long as the message says. */
const WINDOW_REASON = 'zstdDecompressSync' in zlib ? 'inflate_failed' : 'inflate_size'
const FIND = { find: 'orders', filter: { status: 'new' }, $db: 'shop' }
const OK_REPLY = { cursor: { id: Long.fromNumber(0), ns: 'shop.orders', firstBatch: [{ a: 1 }, { a: 2 }] }, ok: 1 }

type Step = readonly [Direction, Buffer]
const ask = (bytes: Buffer): Step => ['request', bytes]
const answer = (bytes: Buffer): Step => ['reply', bytes]

/** What is compared of an exchange. */
function essence(exchange: Exchange) {
  const { operation: o, outcome } = exchange
  return {
    op: `${o.command} ${o.database}.${o.collection}`,
    outcome: outcome?.kind,
    code: outcome?.code ?? 0,
    batch: exchange.batchSize,
    docs: exchange.documents,
    sizes: [exchange.requestBytes, exchange.replyBytes],
    awaited: exchange.isAwaited,
  }
}

function run(steps: readonly Step[], size: number, options: Record<string, unknown> = {}): Recording {
  const recording = new Recording(newCodec(options))
  let now = 0
  for (const [direction, bytes] of steps) {
    for (let at = 0; at < bytes.length; at += size) recording.push(direction, bytes.subarray(at, at + size), now)
    now += 10
  }
  return recording
}

interface Row {
  readonly name: string
  readonly steps: readonly Step[]
  /** `command db.collection outcome code batch docs` of each exchange. */
  readonly want: readonly string[]
  readonly undecodable?: readonly string[]
  readonly options?: Record<string, unknown>
  readonly check?: (t: Test, exchanges: readonly Exchange[], recording: Recording) => void
}

const bulk = (name: string, count: number) =>
  sequence(
    name,
    Array.from({ length: count }, (_, i) => ({ i, text: 'x'.repeat(i % 50) })),
  )
const incompressible = (bytes: number) => {
  const random = seededRandom(3)
  return Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256)))
}
const query = (ns: string, value: Record<string, unknown>, limit = -1) =>
  message(2004, 1, 0, int32(0), cstring(ns), int32(0), int32(limit), doc(value))
const opReply = (flags: number, cursor: bigint, documents: readonly Record<string, unknown>[]) =>
  message(1, 900, 1, int32(flags), int64(cursor), int32(0), int32(documents.length), ...documents.map(doc))
/** A document with a wrong byte at `at`. */
const broken = (value: Record<string, unknown>, at: number, byte: number) => {
  const bytes = Buffer.from(doc(value))
  bytes[at] = byte
  return Buffer.concat([Buffer.from([0]), bytes])
}

/** A literal's length read as a signed number would lead back to its own start, for ever. */
const SNAPPY_LOOP = Buffer.from('0afcfaffffff00000000', 'hex')
/** 97,791 sequences of 65,536 literals and 65,539 matched bytes each, in no bits at all. */
const ZSTD_COPIES = Buffer.from('28b52ffd20c85500000841fffffe5423003401', 'hex')
const ZSTD_WINDOW = Buffer.from('28b52ffd00a709000041', 'hex')
/** Elements as BSON's own library would not write them. */
const element = (type: number, name: string, value: Uint8Array) =>
  Buffer.concat([Buffer.from([type]), cstring(name), value])
const stringElement = (name: string, text: string) =>
  element(2, name, Buffer.concat([int32(text.length + 1), cstring(text)]))
const dbElement = stringElement('$db', 'shop')
const bson = (...elements: readonly Uint8Array[]) => {
  const content = Buffer.concat(elements)
  return Buffer.concat([int32(content.length + 5), content, Buffer.alloc(1)])
}
const raw = (...elements: readonly Uint8Array[]) => Buffer.concat([Buffer.alloc(1), bson(...elements)])

const rows: readonly Row[] = [
  {
    name: 'a find and its reply',
    steps: [ask(request(FIND)), answer(reply(OK_REPLY))],
    want: ['find shop.orders ok 0 0 2'],
  },
  {
    name: 'the body behind its documents (section order is free)',
    steps: [
      ask(opMsg([bulk('documents', 40), body({ insert: 'orders', ordered: true, $db: 'shop' })])),
      answer(reply({ n: 40, ok: 1 })),
    ],
    want: ['insert shop.orders ok 0 40 0'],
  },
  {
    name: 'documents in the body as an array',
    steps: [
      ask(
        request({
          delete: 'orders',
          deletes: [
            { q: {}, limit: 1 },
            { q: { a: 1 }, limit: 0 },
          ],
          $db: 'shop',
        }),
      ),
      answer(reply({ n: 2, ok: 1 })),
    ],
    want: ['delete shop.orders ok 0 2 0'],
  },
  {
    name: 'bulkWrite on one namespace takes it from nsInfo, wherever that stands',
    steps: [
      ask(
        opMsg([
          body({ bulkWrite: 1, $db: 'admin' }),
          sequence('ops', [{ insert: 0 }, { insert: 0 }]),
          sequence('nsInfo', [{ ns: 'shop.orders' }]),
        ]),
      ),
      answer(reply({ cursor: { id: Long.fromNumber(0), firstBatch: [] }, nErrors: 1, ok: 1 })),
      ask(request({ bulkWrite: 1, ops: [{ insert: 0 }], nsInfo: [{ ns: 'shop.a' }, { ns: 'shop.b' }], $db: 'admin' })),
      answer(reply({ nErrors: 0, ok: 1 })),
    ],
    want: ['bulkWrite shop.orders write_error 0 2 0', 'bulkWrite admin. ok 0 1 0'],
  },
  {
    name: 'errors in ok:0, in writeErrors and in writeConcernError',
    steps: [
      ask(request({ ...FIND, filter: {} })),
      answer(reply({ ok: 0, code: 13, codeName: 'Unauthorized', errmsg: 'no', errorLabels: ['A', 'B'] })),
      ask(request({ insert: 'orders', documents: [{}], $db: 'shop' })),
      answer(
        reply({
          n: 0,
          writeErrors: [{ index: 0, code: 11000, errmsg: 'dup' }],
          writeConcernError: { code: 64 },
          ok: 1,
        }),
      ),
      ask(request({ insert: 'orders', documents: [{}], $db: 'shop' })),
      answer(reply({ n: 1, writeConcernError: { code: 64, codeName: 'WriteConcernFailed' }, ok: 1.0 })),
      ask(request(FIND)),
      answer(reply({ surprise: true })),
    ],
    want: [
      'find shop.orders command_error 13 0 0',
      'insert shop.orders write_error 11000 1 0',
      'insert shop.orders write_concern_error 64 1 0',
      'find shop.orders unknown 0 0 0',
    ],
    check: (t, exchanges) => {
      t.same(exchanges[0]?.errorLabels, ['A', 'B'])
      t.equal(exchanges[0]?.outcome?.codeName, 'Unauthorized')
      t.equal(exchanges[2]?.outcome?.codeName, 'WriteConcernFailed')
    },
  },
  {
    name: 'moreToCome has no reply, and the next request is paired right',
    steps: [
      ask(request({ insert: 'log', documents: [{}], writeConcern: { w: 0 }, $db: 'shop' }, { requestId: 5, flags: 2 })),
      ask(request(FIND, { requestId: 6 })),
      answer(reply(OK_REPLY, 6)),
    ],
    want: ['insert shop.log unacknowledged 0 1 0', 'find shop.orders ok 0 0 2'],
  },
  {
    name: 'pipelined requests are paired by responseTo, not by order',
    steps: [
      ask(request({ ...FIND, find: 'a' }, { requestId: 10 })),
      ask(request({ ...FIND, find: 'b' }, { requestId: 11 })),
      ask(request({ ...FIND, find: 'c' }, { requestId: -12 })),
      answer(reply({ ok: 1 }, 11)),
      answer(reply({ ok: 0, code: 1 }, 10)),
      answer(reply({ ok: 1 }, -12)),
    ],
    want: ['find shop.b ok 0 0 0', 'find shop.a command_error 1 0 0', 'find shop.c ok 0 0 0'],
  },
  {
    name: 'an exhaust stream that chains to the previous reply (mongod)',
    steps: [
      ask(
        request({ getMore: Long.fromNumber(7), collection: 'orders', $db: 'shop' }, { requestId: 20, flags: 1 << 16 }),
      ),
      answer(reply({ cursor: { id: Long.fromNumber(7), nextBatch: [{}] }, ok: 1 }, 20, { requestId: 500, flags: 2 })),
      answer(
        reply({ cursor: { id: Long.fromNumber(7), nextBatch: [{}, {}] }, ok: 1 }, 500, { requestId: 501, flags: 2 }),
      ),
      answer(reply({ cursor: { id: Long.fromNumber(0), nextBatch: [] }, ok: 1 }, 501, { requestId: 502 })),
    ],
    want: ['getMore shop.orders ok 0 0 1', 'getMore shop.orders ok 0 0 2', 'getMore shop.orders ok 0 0 0'],
    check: (t, exchanges) => {
      t.same(
        exchanges.map((x) => x.isContinuation),
        [false, true, true],
      )
      t.same(
        exchanges.map((x) => [x.startedAtMs, x.endedAtMs]),
        [
          [0, 10],
          [10, 20],
          [20, 30],
        ],
        'each batch is timed from the one before',
      )
    },
  },
  {
    name: 'an exhaust stream whose replies all name the request',
    steps: [
      ask(
        request({ getMore: Long.fromNumber(7), collection: 'orders', $db: 'shop' }, { requestId: 20, flags: 1 << 16 }),
      ),
      answer(reply({ cursor: { id: Long.fromNumber(7), nextBatch: [{}] }, ok: 1 }, 20, { flags: 2 })),
      answer(reply({ cursor: { id: Long.fromNumber(0), nextBatch: [] }, ok: 1 }, 20)),
      ask(request(FIND, { requestId: 21 })),
      answer(reply(OK_REPLY, 21)),
    ],
    want: ['getMore shop.orders ok 0 0 1', 'getMore shop.orders ok 0 0 0', 'find shop.orders ok 0 0 2'],
  },
  {
    name: 'a streaming hello is awaited, a plain one is not; neither makes more than a monitor',
    steps: [
      ask(
        request(
          {
            hello: 1,
            client: { application: { name: 'shop-api' }, driver: { name: 'nodejs', version: '7.9.0' }, os: {} },
            $db: 'admin',
          },
          { requestId: 1 },
        ),
      ),
      answer(reply({ ok: 1 }, 1)),
      ask(
        request(
          { hello: 1, maxAwaitTimeMS: 10_000, topologyVersion: { counter: 1 }, $db: 'admin' },
          { requestId: 2, flags: 1 << 16 },
        ),
      ),
      answer(reply({ ok: 1 }, 2, { requestId: 70, flags: 2 })),
      answer(reply({ ok: 1 }, 70, { requestId: 71, flags: 2 })),
    ],
    want: ['hello admin. ok 0 0 0', 'hello admin. ok 0 0 0', 'hello admin. ok 0 0 0'],
    check: (t, exchanges, recording) => {
      t.same(
        exchanges.map((x) => x.isAwaited),
        [false, true, true],
      )
      t.equal(recording.session.isMonitor, true)
      t.equal(recording.session.inFlight, 0, 'what waits on purpose does not hold up a drain')
      t.match(recording.connection, { application: 'shop-api', driver: 'nodejs', driverVersion: '7.9.0' })
    },
  },
  {
    name: 'getMores of a change stream and of a tailable awaitData cursor are awaited, others are not',
    steps: [
      ask(
        request({
          aggregate: 'orders',
          pipeline: [{ $changeStream: {} }, { $match: {} }],
          cursor: { batchSize: 5 },
          $db: 'shop',
        }),
      ),
      answer(reply({ cursor: { id: Long.fromString('8765432109876543210'), firstBatch: [] }, ok: 1 })),
      ask(request({ getMore: Long.fromString('8765432109876543210'), collection: 'orders', $db: 'shop' })),
      answer(reply({ cursor: { id: Long.fromString('8765432109876543210'), nextBatch: [] }, ok: 1 })),
      ask(request({ find: 'capped', tailable: true, awaitData: true, $db: 'shop' })),
      answer(reply({ cursor: { id: Long.fromNumber(9), firstBatch: [] }, ok: 1 })),
      ask(request({ getMore: Long.fromNumber(9), collection: 'capped', maxTimeMS: 500, $db: 'shop' })),
      answer(reply({ cursor: { id: Long.fromNumber(0), nextBatch: [] }, ok: 1 })),
      ask(request({ getMore: Long.fromNumber(9), collection: 'capped', maxTimeMS: 500, $db: 'shop' })),
      answer(reply({ ok: 0, code: 43 })),
    ],
    want: [
      'aggregate shop.orders ok 0 0 0',
      'getMore shop.orders ok 0 0 0',
      'find shop.capped ok 0 0 0',
      'getMore shop.capped ok 0 0 0',
      'getMore shop.capped command_error 43 0 0',
    ],
    check: (t, exchanges) => {
      t.same(
        exchanges.map((x) => x.isAwaited),
        [false, true, false, true, false],
      )
      t.equal(exchanges[0]?.cursorBatchSize, 5)
    },
  },
  {
    name: 'namespaces of commands that name them elsewhere',
    steps: [
      ask(request({ aggregate: 1, pipeline: [{ $currentOp: {} }], $db: 'admin' })),
      answer(reply({ ok: 1 })),
      ask(request({ getMore: Long.fromNumber(3), collection: '$cmd.aggregate', $db: 'admin' })),
      answer(reply({ ok: 1 })),
      ask(request({ explain: { find: 'orders', filter: {} }, verbosity: 'queryPlanner', $db: 'shop' })),
      answer(reply({ ok: 1 })),
      ask(request({ renameCollection: 'shop.a.b', to: 'shop.c', $db: 'admin' })),
      answer(reply({ ok: 1 })),
      ask(request({ count: 'orders', query: {}, $db: 'shop' })),
      answer(reply({ n: 5, ok: 1 })),
      ask(request({ madeUp: 'secret value', $db: 'shop' })),
      answer(reply({ ok: 1 })),
      ask(request({ find: 'x'.repeat(300), $db: 'shop' })),
      answer(reply({ ok: 1 })),
    ],
    want: [
      'aggregate admin. ok 0 0 0',
      'getMore admin. ok 0 0 0',
      'explain shop.orders ok 0 0 0',
      'renameCollection shop.a.b ok 0 0 0',
      'count shop.orders ok 0 0 0',
      '__other__ shop. ok 0 0 0',
      'find shop.__other__ ok 0 0 0',
    ],
    check: (t, exchanges) => t.equal(exchanges[4]?.affected, 5),
  },
  {
    name: 'generic arguments, a trace context in section kind 3, a comment',
    steps: [
      ask(
        opMsg([
          body({
            ...FIND,
            limit: 3,
            batchSize: 2,
            maxTimeMS: 250,
            comment: 'from checkout',
            lsid: { id: 1 },
            txnNumber: Long.fromNumber(1),
            startTransaction: true,
            autocommit: false,
          }),
          telemetry({ otel: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' } }),
        ]),
      ),
      answer(reply(OK_REPLY)),
      ask(
        request({
          ...FIND,
          comment: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01', text: 'x' },
        }),
      ),
      answer(reply(OK_REPLY)),
    ],
    want: ['find shop.orders ok 0 0 2', 'find shop.orders ok 0 0 2'],
    check: (t, [x, y]) => {
      t.match(x, {
        limit: 3,
        cursorBatchSize: 2,
        maxTimeMs: 250,
        comment: 'from checkout',
        hasSession: true,
        startsTransaction: true,
        inTransaction: true,
      })
      t.equal(y?.traceParent, '00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01')
      t.match(y, { limit: -1, maxTimeMs: -1, comment: '', hasSession: false, startsTransaction: false })
    },
  },
  {
    name: 'OP_QUERY hello and its OP_REPLY, plain and wrapped',
    steps: [
      ask(query('admin.$cmd', { ismaster: 1, helloOk: true, client: { application: { name: 'old' } } })),
      answer(opReply(8, 0n, [{ ismaster: true, ok: 1 }])),
      ask(query('admin.$cmd', { $query: { buildinfo: 1 }, $readPreference: { mode: 'secondary' } })),
      answer(opReply(8, 0n, [{ ok: 0, code: 352, errmsg: 'no' }])),
    ],
    want: ['isMaster admin. ok 0 0 0', 'buildInfo admin. command_error 352 0 0'],
    check: (t, _x, recording) => t.equal(recording.connection.application, 'old'),
  },
  {
    name: 'legacy reads and writes by name',
    steps: [
      ask(query('shop.a.b', { x: 1 }, 5)),
      answer(opReply(0, 77n, [{ ok: 0, code: 1 }, { b: 2 }])),
      ask(message(2005, 1, 0, int32(0), cstring('shop.a.b'), int32(10), int64(77n))),
      answer(opReply(1, 0n, [])),
      ask(message(2002, 2, 0, int32(0), cstring('shop.log'), doc({ a: 1 }), doc({ a: 2 }))),
      ask(message(2001, 3, 0, int32(0), cstring('shop.log'), int32(0), doc({}), doc({}))),
      ask(message(2006, 4, 0, int32(0), cstring('shop.log'), int32(0), doc({}))),
      ask(message(2007, 5, 0, int32(0), int32(1), int64(77n))),
      ask(query('shop.orders', { x: 1 })),
      answer(opReply(2, 0n, [{ $err: 'bad', code: 17 }])),
    ],
    want: [
      'find shop.a.b ok 0 0 2',
      'getMore shop.a.b command_error 43 0 0',
      'insert shop.log unacknowledged 0 2 0',
      'update shop.log unacknowledged 0 1 0',
      'delete shop.log unacknowledged 0 1 0',
      'killCursors . unacknowledged 0 0 0',
      'find shop.orders command_error 17 0 0',
    ],
  },
  {
    name: 'compressed: noop, zlib, snappy',
    steps: [
      ask(compressed(request(FIND), 0)),
      answer(compressed(reply(OK_REPLY), 2)),
      ask(compressed(request(FIND), 1, snappyCompress(request(FIND).subarray(16)))),
      answer(compressed(reply({ ok: 0, code: 2 }), 2)),
      ask(compressed(query('admin.$cmd', { ismaster: 1 }))),
      answer(compressed(opReply(8, 0n, [{ ok: 1 }]))),
    ],
    want: ['find shop.orders ok 0 0 2', 'find shop.orders command_error 2 0 0', 'isMaster admin. ok 0 0 0'],
  },
  {
    name: 'compressed beyond max_inflate: the request keeps what a prefix gives, the reply is paired',
    options: { max_inflate: '64KiB' },
    steps: [
      ask(
        compressed(
          opMsg([body({ insert: 'orders', $db: 'shop' }), sequence('documents', [{ b: incompressible(90_000) }])]),
        ),
      ),
      answer(reply({ n: 1, ok: 1 })),
      ask(request(FIND)),
      answer(
        compressed(reply({ cursor: { id: Long.fromNumber(0), firstBatch: [{ b: incompressible(90_000) }] }, ok: 1 })),
      ),
      ask(request(FIND)),
      answer(reply(OK_REPLY)),
    ],
    want: ['insert shop.orders ok 0 0 0', 'find shop.orders unknown 0 0 0', 'find shop.orders ok 0 0 2'],
    undecodable: ['request inflate_limit', 'reply inflate_limit'],
  },
  ...(
    [
      ['an unknown opcode', message(2020, 1, 0, Buffer.alloc(40)), 'unknown_opcode'],
      ['an unknown required flag', opMsg(body(FIND), { flags: 4 }), 'unknown_required_flag'],
      ['an unknown section kind', opMsg([Buffer.from([9]), body(FIND)]), 'unknown_section'],
      ['a security token (section kind 2)', opMsg([Buffer.from([2]), body(FIND)]), 'security_token'],
      ['two bodies', opMsg([body(FIND), body(FIND)]), 'duplicate_body'],
      ['no body', opMsg(sequence('documents', [{}])), 'missing_body'],
      ['a header alone', message(2013, 1, 0), 'truncated_message'],
      ['a body shorter than it says', message(2013, 1, 0, int32(0), body(FIND).subarray(0, 20)), 'bson_length'],
      ['a document length of 4', opMsg(broken(FIND, 0, 4)), 'bson_length'],
      ['a document longer than its message', opMsg(broken(FIND, 1, 0x70)), 'bson_length'],
      ['a string longer than its document', opMsg(broken(FIND, 10, 0x7f)), 'bson_length'],
      ['a BSON type that does not exist', opMsg(broken(FIND, 4, 0x30)), 'bson_type'],
      ['a string without its NUL', opMsg(broken({ find: 'orders' }, 20, 0x41)), 'bson_unterminated'],
      ['a nested compression', compressed(compressed(request(FIND))), 'nested_compression'],
      ['an unknown compressor', compressed(request(FIND), 9, Buffer.alloc(8)), 'unknown_compressor'],
      ['garbage as zlib', compressed(request(FIND), 2, Buffer.alloc(30, 7)), 'inflate_failed'],
      ['garbage as snappy', compressed(request(FIND), 1, Buffer.alloc(30, 0xff)), 'inflate_failed'],
      ['garbage as zstd', compressed(request(FIND), 3, Buffer.alloc(30, 7)), 'inflate_failed'],
      ['snappy with a literal of negative length', compressed(request(FIND), 1, SNAPPY_LOOP, 10), 'inflate_failed'],
      ['zstd whose sequences copy gigabytes', compressed(request(FIND), 3, ZSTD_COPIES), 'inflate_failed'],
      ['zstd with a window of 2 GiB', compressed(request(FIND), 3, ZSTD_WINDOW), WINDOW_REASON],
      ['zlib that holds more than it says', compressed(request(FIND), 2, undefined, 10), 'inflate_size'],
      ['a negative inflated size', compressed(request(FIND), 2, undefined, -1), 'inflate_size'],
      ['OP_REPLY as a request', message(1, 1, 0, Buffer.alloc(30)), 'unexpected_direction'],
    ] as const
  ).map(
    ([name, bytes, reason]): Row => ({
      name: `${name} is opaque, still paired, and the next message is decoded`,
      steps: [ask(bytes), answer(reply({ ok: 1 })), ask(request(FIND)), answer(reply(OK_REPLY))],
      want: [
        // The first body was good: the operation is known by then, and what follows only costs a count.
        reason === 'duplicate_body' ? 'find shop.orders ok 0 0 0' : '__other__ . ok 0 0 0',
        'find shop.orders ok 0 0 2',
      ],
      undecodable: [`request ${reason}`],
    }),
  ),
  {
    name: 'a malformed reply ends its operation as unknown',
    steps: [
      ask(request(FIND)),
      answer(opMsg(broken(OK_REPLY, 0, 3), { responseTo: 1 })),
      ask(request(FIND)),
      answer(reply(OK_REPLY)),
    ],
    want: ['find shop.orders unknown 0 0 0', 'find shop.orders ok 0 0 2'],
    undecodable: ['reply bson_length'],
  },
  {
    name: 'a reply to nothing is named and passes',
    steps: [answer(reply({ ok: 1 }, 999)), ask(request(FIND)), answer(reply(OK_REPLY))],
    want: ['find shop.orders ok 0 0 2'],
    undecodable: ['reply unmatched_reply'],
  },
  {
    name: 'more open requests than are kept',
    options: { max_open_operations: 2 },
    steps: [
      ask(request(FIND, { requestId: 1 })),
      ask(request(FIND, { requestId: 2 })),
      ask(request(FIND, { requestId: 3 })),
      answer(reply(OK_REPLY, 1)),
      answer(reply(OK_REPLY, 2)),
    ],
    want: ['find shop.orders unknown 0 0 0', 'find shop.orders ok 0 0 2', 'find shop.orders ok 0 0 2'],
    undecodable: ['request too_many_open'],
  },
  {
    name: 'element names and strings beyond all measure are passed over',
    steps: [
      ask(
        request({
          find: 'orders',
          filter: {},
          ['n'.repeat(5_000)]: 1,
          comment: 'c'.repeat(9_000),
          pattern: /a.*b/i,
          $db: 'shop',
        }),
      ),
      answer(reply({ ...OK_REPLY, ['m'.repeat(3_000)]: { deep: 'z'.repeat(3_000) } })),
    ],
    want: ['find shop.orders ok 0 0 2'],
    check: (t, [x]) => t.equal(x?.comment.length, 1_024),
  },
  ...[1_022, 1_023, 1_024, 1_025, 1_026, 2_048, 2_060].flatMap((length): Row[] => [
    {
      name: `a command with a name of ${length} bytes is no command, and the element behind it is none either`,
      steps: [
        ask(
          opMsg(raw(stringElement('n'.repeat(length), 'x'.repeat(1_024)), stringElement('find', 'orders'), dbElement)),
        ),
        answer(reply({ ok: 1 })),
      ],
      want: ['__other__ shop. ok 0 0 0'],
    },
    {
      name: `elements of an array are counted when their names have ${length} bytes`,
      steps: [
        ask(
          opMsg(
            raw(
              stringElement('insert', 'orders'),
              element(4, 'documents', bson(...['a', 'b', 'c'].map((k) => element(3, k.repeat(length), doc({ k }))))),
              dbElement,
            ),
          ),
        ),
        answer(
          opMsg(
            raw(
              element(4, 'errorLabels', bson(stringElement('l'.repeat(length), 'y'.repeat(1_025)))),
              element(16, 'ok', int32(1)),
            ),
            { responseTo: 1 },
          ),
        ),
      ],
      want: ['insert shop.orders ok 0 3 0'],
    },
  ]),
  {
    name: 'a request that takes the id of one whose reply is passing',
    steps: [
      ask(request(FIND)),
      answer(reply(OK_REPLY).subarray(0, 60)),
      ask(request(FIND)),
      answer(reply(OK_REPLY).subarray(60)),
      answer(reply(OK_REPLY)),
    ],
    want: ['find shop.orders unknown 0 0 0', 'find shop.orders ok 0 0 2'],
    check: (t, _exchanges, { session }) => t.equal(session.inFlight, 0),
  },
  {
    name: 'compressed legacy writes have no reply',
    steps: [
      ask(compressed(message(2002, 1, 0, int32(0), cstring('shop.orders'), doc({ a: 1 }), doc({ a: 2 })))),
      ask(compressed(message(2002, 2, 0, int32(0), cstring('shop.orders'), doc({ a: 1 })), 9, Buffer.alloc(9))),
    ],
    want: ['insert shop.orders unacknowledged 0 2 0', '__other__ . unacknowledged 0 0 0'],
    undecodable: ['request unknown_compressor'],
    check: (t, _exchanges, { session }) => t.equal(session.inFlight, 0),
  },
  {
    name: 'batches of an exhaust stream too large to inflate are still one operation each',
    options: { max_inflate: '1KiB' },
    steps: [
      ask(request({ getMore: Long.fromNumber(7), collection: 'orders', $db: 'shop' }, { flags: 1 << 16 })),
      answer(compressed(reply({ ...OK_REPLY, pad: 'p'.repeat(4_000) }, 1, { requestId: 50, flags: 2 }))),
      answer(compressed(reply({ ...OK_REPLY, pad: 'p'.repeat(4_000) }, 50, { requestId: 51, flags: 2 }))),
      answer(compressed(reply({ ...OK_REPLY, pad: 'p'.repeat(4_000) }, 51, { requestId: 52 }))),
      ask(request(FIND, { requestId: 2 })),
      answer(reply(OK_REPLY, 2)),
    ],
    want: [...new Array<string>(3).fill('getMore shop.orders unknown 0 0 0'), 'find shop.orders ok 0 0 2'],
    undecodable: new Array<string>(3).fill('reply inflate_limit'),
    check: (t, _exchanges, { session }) => t.equal(session.inFlight, 0),
  },
  {
    name: 'codes that are no whole numbers',
    steps: [
      ask(request(FIND)),
      answer(reply({ ok: 0, code: Number.NaN })),
      ask(request(FIND)),
      answer(reply({ ok: 0, code: 13.5 })),
    ],
    want: ['find shop.orders command_error 0 0 0', 'find shop.orders command_error 13 0 0'],
  },
]

for (const row of rows) {
  t.test(row.name, async (t) => {
    const whole = run(row.steps, 1e9, row.options)
    const shown = whole.exchanges.map(essence)
    t.same(
      shown.map((e) => `${e.op} ${e.outcome} ${e.code} ${e.batch} ${e.docs}`),
      row.want,
    )
    t.same(
      whole.undecodable.map((u) => `${u.direction} ${u.reason}`),
      row.undecodable ?? [],
    )
    row.check?.(t, whole.exchanges, whole)
    for (const size of [1, 2, 3, 5, 7, 16, 17, 64]) {
      if (size < 3 && row.steps.some(([, bytes]) => bytes.length > 50_000)) continue
      const cut = run(row.steps, size, row.options)
      t.same(cut.exchanges.map(essence), shown, `in pieces of ${size}`)
      t.same(cut.undecodable, whole.undecodable, `in pieces of ${size}: the same reasons`)
    }
  })
}

t.test('what cannot be framed ends decoding with a name', async (t) => {
  const cases: readonly [string, Direction, readonly Buffer[], string][] = [
    ['TLS', 'request', [Buffer.from('16030100f8010000f40303aabbccddeeff', 'hex')], 'tls_on_plain_port'],
    ['a TLS alert from the server', 'reply', [Buffer.from('15030300020228', 'hex')], 'tls_on_plain_port'],
    ['HTTP', 'request', [Buffer.from('GET / HTTP/1.1\r\n\r\n')], 'http_on_plain_port'],
    ['an HTTP reply', 'reply', [Buffer.from('HTTP/1.1 400 Bad Request\r\n')], 'http_on_plain_port'],
    ['text shorter than a header', 'request', [Buffer.from('quit\r\n')], 'not_mongodb'],
    ['a length of 15', 'request', [int32(15)], 'not_mongodb'],
    ['a negative length', 'request', [int32(-1)], 'not_mongodb'],
    ['a length of 48,000,001 later', 'request', [request(FIND), int32(48_000_001)], 'invalid_length'],
    ['a false 2 GiB length later', 'reply', [reply(OK_REPLY), int32(0x7fffffff)], 'invalid_length'],
  ]
  for (const [name, direction, chunks, reason] of cases) {
    const recording = new Recording()
    let error: unknown
    try {
      for (const chunk of chunks) recording.push(direction, chunk)
    } catch (thrown) {
      error = thrown
    }
    t.ok(error instanceof DecodeError, name)
    t.equal((error as DecodeError).reason, reason, name)
    recording.session.end('undecodable', 5)
    t.ok(
      recording.exchanges.every((x) => x.outcome?.kind === 'unknown'),
      `${name}: open operations end as unknown`,
    )
  }
})

t.test('an ended connection aborts what was open, by whom it ended', async (t) => {
  for (const by of ['client', 'server', 'proxy'] as const) {
    const recording = new Recording()
    recording.push('request', request(FIND, { requestId: 1 }))
    recording.push(
      'request',
      request({ insert: 'orders', documents: [{}], $db: 'shop' }, { requestId: 2 }).subarray(0, -3),
    )
    recording.push('reply', reply(OK_REPLY, 1).subarray(0, 40))
    t.equal(recording.session.inFlight, 2, 'so is one that has not come whole')
    recording.session.end(by, 9)
    t.same(
      recording.exchanges.map((x) => [x.operation.command, x.outcome?.kind, x.outcome?.by]),
      [
        ['find', 'aborted', by],
        ['insert', 'aborted', by],
      ],
      'the request cut short is among them',
    )
    t.equal(recording.session.inFlight, 0)
    recording.session.end(by, 9)
    t.equal(recording.exchanges.length, 2, 'ending twice ends nothing twice')
  }
})

t.test('an operation is known before its documents have all come', async (t) => {
  const recording = new Recording()
  const bytes = opMsg([body({ insert: 'orders', $db: 'shop' }), bulk('documents', 1_000)])
  recording.push('request', bytes.subarray(0, 100))
  t.equal(recording.started, 1)
  t.equal(recording.session.inFlight, 1)
  recording.push('request', bytes.subarray(100))
  recording.push('reply', reply({ n: 1_000, ok: 1 }))
  t.match(recording.exchanges[0], { batchSize: 1_000, affected: 1_000, requestBytes: bytes.length })
})

t.test('equal operations share one object, and inventing names costs no memory', async (t) => {
  const codec = newCodec()
  const first = new Recording(codec)
  const second = new Recording(codec)
  for (const recording of [first, second]) {
    recording.push('request', request(FIND))
    recording.push('reply', reply(OK_REPLY))
  }
  t.equal(first.exchanges[0]?.operation, second.exchanges[0]?.operation)
  for (let i = 0; i < 20_000; i++) {
    first.push('request', request({ find: `c${i}`, $db: 'shop' }))
    first.push('reply', reply({ ok: 1 }))
    first.exchanges.length = 0
  }
  first.push('request', request(FIND))
  first.push('reply', reply(OK_REPLY))
  t.match(first.exchanges[0]?.operation, { command: 'find', database: 'shop', collection: 'orders' })
})
