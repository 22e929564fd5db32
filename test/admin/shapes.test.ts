import t from 'tap'
import { longJson } from '../../src/admin/reply.js'
import { viewOf } from '../../src/admin/views.js'
import type { DigestQuery, DigestRow, SlowOperation } from '../../src/core/reports.js'
import { FakeClock } from '../support/fake-clock.js'
import { fakeSources, start } from './harness.js'

const DIGEST: DigestRow = {
  shapeId: '00112233445566ff',
  shape: `{filter: {${Array.from({ length: 30 }, (_, i) => `field${i}: "?string"`).join(', ')}}}`,
  isTruncated: false,
  protocol: 'mongodb',
  cluster: 'shop',
  database: 'shop',
  collection: 'orders',
  command: 'find',
  rate: 12.34,
  timeRate: 5_333,
  errorRate: 0,
  operations: 1_000,
  errors: 3,
  getMores: 4,
  documentsReturned: 20_000,
  documentsSent: 0,
  requestBytes: 1,
  replyBytes: 2,
  totalMs: 123_456,
  p50Ms: 0.4321,
  p95Ms: 12.3,
  p99Ms: 1_234,
  maxMs: 2_000,
  isRecent: false,
  firstSeenAtMs: 1_700_000_000_000,
  lastSeenAtMs: 1_700_000_001_000,
}
const OTHER: DigestRow = {
  ...DIGEST,
  shapeId: '',
  shape: '',
  database: '__other__',
  collection: '__other__',
  operations: 7,
}

const SLOW: SlowOperation = {
  id: 41,
  atMs: 1_700_000_000_000,
  durationMs: 250.5,
  firstReplyMs: 200,
  connectMs: -1,
  thresholdMs: 100,
  protocol: 'mongodb',
  listener: 'front',
  cluster: 'shop',
  database: 'shop',
  collection: 'orders',
  command: 'find',
  shapeId: '00112233445566ff',
  shape: '{filter: {"a\u001b[31m": "?string"}}',
  originatingCommand: '',
  values: '',
  host: 'db1:27017',
  peer: '10.0.0.9:1',
  connectionId: 3,
  application: 'checkout',
  driver: 'nodejs 7.0',
  documents: 101,
  affected: -1,
  modified: -1,
  batchSize: 0,
  requestBytes: 90,
  replyBytes: 9_000,
  cursorId: '',
  outcome: 'ok',
  code: 0,
  codeName: '',
  traceId: '',
  spanId: '',
}

t.test('/digests asks for what its query says, and answers with rows', async (t) => {
  const asked: DigestQuery[] = []
  const report = { isEnabled: true, rows: [DIGEST], rowsTotal: 12, other: [OTHER] }
  const { ask } = await start(t, {
    digests: (query) => {
      asked.push(query)
      return report
    },
  })
  t.same(JSON.parse((await ask('/digests')).body), { sort: 'total', ...report })
  const filters = 'cluster=c&database=d&collection=e&command=find&shape=00112233445566FF'
  await ask(`/digests?sort=p99&limit=7&${filters}`)
  t.same(asked, [
    { sort: 'total', limit: 100, cluster: '', database: '', collection: '', command: '', shapeId: '' },
    {
      sort: 'p99',
      limit: 7,
      cluster: 'c',
      database: 'd',
      collection: 'e',
      command: 'find',
      shapeId: '00112233445566ff',
    },
  ])
})

t.test('as text, shapes are cut to what a terminal shows, and whole when one is asked for', async (t) => {
  const { ask } = await start(t, {
    digests: () => ({ isEnabled: true, rows: [DIGEST], rowsTotal: 12, other: [OTHER] }),
  })
  const { body, headers } = await ask('/digests?format=text')
  t.equal(headers['content-type'], 'text/plain; charset=utf-8')
  const [head = '', row = '', other = '', , legend] = body.split('\n')
  t.match(
    head,
    /^SHAPE ID +CLUSTER +NAMESPACE +COMMAND +OPS\/S +P50 +P95 +P99 +MAX +TOTAL +OPERATIONS +ERRORS +DOCS +SHAPE$/,
  )
  t.match(
    row,
    /^00112233445566ff +shop +shop\.orders +find +12 +0\.432 ms\+ +12\.3 ms\+ +1\.23 s\+ +2\.00 s +123\.46 s +1000 +3 +20000 +\{filter/,
  )
  t.ok(row.endsWith('...') && row.length < 260, 'cut')
  t.match(other, /^- +shop +__other__\.__other__ +find/)
  t.match(legend, '1 of 12 rows')
  t.match((await ask('/digests?format=text&shape=00112233445566ff')).body, `\n${DIGEST.shape}\n`)
})

t.test('/slow shows the newest first, those that fit, or one', async (t) => {
  const operations = [
    { ...SLOW, id: 43, collection: 'carts' },
    { ...SLOW, id: 42, command: 'insert' },
    SLOW,
    { ...SLOW, id: 40, shapeId: '0000000000000000', cluster: 'other', database: 'x' },
  ]
  const { ask } = await start(t, { slow: () => ({ isEnabled: true, operations, total: 43 }) })
  const ids = async (query: string) =>
    JSON.parse((await ask(`/slow?${query}`)).body).operations.map((o: SlowOperation) => o.id)
  const rows: readonly (readonly [query: string, ids: readonly number[]])[] = [
    ['', [43, 42, 41, 40]],
    ['n=2', [43, 42]],
    ['collection=orders&n=1', [42]],
    ['command=FIND', [43, 41, 40]],
    ['shape=0000000000000000', [40]],
    ['cluster=shop&database=shop&collection=orders&command=find', [41]],
    ['database=none', []],
  ]
  for (const [query, expected] of rows) t.same(await ids(query), expected, query)
  t.same(JSON.parse((await ask('/slow?id=41')).body), SLOW)
  const text = (await ask('/slow?format=text')).body
  t.match(
    text,
    /^ID +STARTED +TOOK .*\n43 +2023-11-14T22:13:20\.000Z +251 ms +shop +shop\.carts +find +ok +101 +9090 +db1:27017 +checkout/,
  )
  t.notMatch(text, '\u001b', 'nothing of a name reaches the terminal as a command')
  const one = (await ask('/slow?id=41&format=text')).body
  t.match(one, /^startedAt +2023-11-14T22:13:20\.000Z\nid +41\ndurationMs +250\.5\n/)
  t.notMatch(one, /connectMs|affected|traceId|values/, 'nothing is said of what is not known')
  t.match(await ask('/slow?id=7'), { status: 404, body: 'Slow operation 7 is not kept. There are: 40 to 43\n' })
})

t.test('what can not be asked is answered with what can', async (t) => {
  const { ask } = await start(t)
  const rows: readonly (readonly [path: string, body: string])[] = [
    [
      '/digests?sort=p90',
      'sort is one of total, load, rate, operations, p50, p95, p99, max, errors, documents, bytes, not "p90"',
    ],
    ['/digests?limit=0', 'limit is a whole number from 1 to 2000, not "0"'],
    ['/digests?limit=ten', 'limit is a whole number from 1 to 2000, not "ten"'],
    ['/digests?shape=find', 'shape is the id of a shape, 16 hex digits, not "find"'],
    ['/digests?format=xml', 'format is one of json, text, not "xml"'],
    [
      '/digests?colection=a',
      'There is no "colection" here. There are: sort, cluster, database, collection, command, shape, limit, format',
    ],
    ['/slow?n=-1', 'n is a whole number from 1 to 10000, not "-1"'],
    ['/slow?id=x', 'id is a whole number from 1 to 9007199254740991, not "x"'],
    [
      '/slow?limit=3',
      'There is no "limit" here. There are: n, id, cluster, database, collection, command, shape, format',
    ],
  ]
  for (const [path, body] of rows) t.match(await ask(path), { status: 400, body: `${body}\n` }, path)
})

t.test('what is off says so', async (t) => {
  const { ask } = await start(t, {
    digests: () => ({ isEnabled: false, rows: [], rowsTotal: 0, other: [] }),
    slow: () => ({ isEnabled: false, operations: [], total: 0 }),
  })
  t.match(JSON.parse((await ask('/digests')).body), { isEnabled: false })
  t.match((await ask('/digests?format=text')).body, 'observe.digests.enabled')
  t.match((await ask('/slow?format=text')).body, 'observe.slow_log.enabled')
  t.match(await ask('/slow?id=1'), { status: 404, body: /slow_log\.enabled/ })
})

t.test('a long list is what JSON.stringify makes of it, and the loop turns while it is made', async (t) => {
  const items = Array.from({ length: 2_000 }, (_, id) => ({
    id,
    text: `"${'x'.repeat(200)}\n`,
    inner: { list: [1, {}], none: [] },
  }))
  const rows: readonly (readonly [list: string, report: Readonly<Record<string, unknown>>])[] = [
    ['rows', { sort: 'total', isEnabled: true, rows: items, rowsTotal: 3, other: [] }],
    ['rows', { rows: items.slice(0, 1) }],
    ['rows', { before: [], rows: [], after: [{ a: 1 }] }],
    ['operations', { isEnabled: true, operations: [], total: 0 }],
  ]
  for (const [list, report] of rows) {
    const pieces: string[] = []
    let turns = 0
    const count = () => {
      turns++
      timer = setImmediate(count)
    }
    let timer = setImmediate(count)
    for await (const piece of longJson(report, list, report[list] as unknown[]).body as AsyncIterable<string>)
      pieces.push(piece)
    clearImmediate(timer)
    t.equal(pieces.join(''), `${JSON.stringify(report, null, 2)}\n`)
    t.ok(turns >= pieces.length - 1 && pieces.every(({ length }) => length < 128 * 1_024), `${turns} turns`)
  }
})

t.test('lists on the page have the head of a shape, the operation itself has all of it', (t) => {
  const long = { ...SLOW, shape: 'x'.repeat(4_000), values: 'y'.repeat(4_000) }
  const sources = fakeSources({ slow: () => ({ isEnabled: true, operations: [long], total: 1 }) })
  const deps = { sources, clock: new FakeClock(), traceUrl: '', bootId: '' }
  const shownBy = (query: string) => {
    const { slow } = viewOf(new URLSearchParams(query), deps).frame() as { slow: { operations: SlowOperation[] } }
    return slow.operations[0]
  }
  const { cluster, database, collection } = long
  const name = new URLSearchParams({ cluster, database, collection })
  for (const query of ['view=overview', 'view=slow', `view=shape&shape=${long.shapeId}`, `view=collection&${name}`]) {
    t.match(shownBy(query), { id: long.id, shape: /^x{240}…$/, values: '' }, query)
  }
  t.same(shownBy(`view=operation&id=${long.id}`), long)
  t.end()
})
