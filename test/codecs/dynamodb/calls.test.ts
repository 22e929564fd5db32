import zlib from 'node:zlib'
import t from 'tap'
import { everyCut, randomCut } from '../../support/cuts.js'
import { newCodec, read } from '../../support/dynamodb.js'
import { ERRORS, item, ODD, put, READS, WRITES } from '../../support/dynamodb-calls.js'
import { seededRandom } from '../../support/seeded-random.js'

const SETS = { READS, WRITES, ERRORS, ODD }
for (const [set, rows] of Object.entries(SETS)) {
  t.test(`requests and replies, at every cut: ${set.toLowerCase()}`, async (t) => {
    for (const row of rows) {
      const random = seededRandom(13)
      const bytes = (body: unknown): Buffer =>
        Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
      for (const [index, [cutName]] of everyCut(bytes(row.request), random).entries()) {
        const cut = (body: Buffer): readonly Buffer[] => everyCut(body, random)[index]?.[1] ?? []
        const { exchange, failure, told } = read(row, cut)
        const name = `${row.name}, ${cutName}`
        t.equal(failure, row.failure ?? '', name)
        t.match(exchange, row.want, name)
        t.equal(told.length, 1, name)
        const tables = exchange.tables.map(
          (use) => `${use.table}/${use.index} ${use.items} ${use.unprocessed} ${use.readUnits} ${use.writeUnits}`,
        )
        t.same(tables, row.tables, name)
      }
    }
  })
}

t.test('gzip replies are read as plain ones are', async (t) => {
  const random = seededRandom(14)
  for (const row of [...READS, ...WRITES, ...ERRORS].filter(
    ({ failure, reply }) => failure === undefined && reply !== '',
  )) {
    const reply = zlib.gzipSync(typeof row.reply === 'string' ? row.reply : JSON.stringify(row.reply))
    const packed = { ...row, reply, replyHeaders: { ...row.replyHeaders, 'content-encoding': 'gzip' } }
    const { exchange, failure } = read(packed, (bytes) => randomCut(bytes, random))
    t.equal(failure, '', row.name)
    t.match(exchange, row.want, row.name)
  }
})

t.test('a batch is told as soon as it names its second table, one table of a batch at its end', async (t) => {
  const halves = (bytes: Buffer): Buffer[] => [bytes.subarray(0, -20), bytes.subarray(-20)]
  const request = { RequestItems: { a: [put], b: [put, put, put] } }
  t.ok(read({ operation: 'BatchWriteItem', request }, halves).isEarly)
  t.notOk(read({ operation: 'BatchWriteItem', request: { RequestItems: { a: [put, put] } } }, halves).isEarly)
  t.ok(read({ operation: 'PutItem', request: { TableName: 'orders', Item: item(1) } }, halves).isEarly)
})

t.test(
  'of a table named twice the last one counts, and is told as another operation when it comes too late',
  async (t) => {
    const whole = read({ operation: 'GetItem', request: '{"TableName":"a","TableName":"b"}', reply: {} })
    t.match(whole.told, [{ collection: 'b' }])
    t.equal(whole.told.length, 1)
    t.equal(whole.failure, '')
    const bytes = (text: Buffer): Buffer[] => [...text].map((byte) => Buffer.from([byte]))
    const late = read({ operation: 'GetItem', request: '{"TableName":"a","TableName":"b"}', reply: {} }, bytes)
    t.match(late.told, [{ collection: 'a' }, { collection: 'b' }])
    t.equal(late.failure, 'duplicate_member')
    t.match(late.exchange, { operation: { collection: 'b' }, tables: [{ table: 'b' }] })
  },
)

t.test('operations are the same object until their table is emptied', async (t) => {
  const codec = newCodec()
  const of = (TableName: string) =>
    read({ operation: 'GetItem', request: { TableName }, reply: {} }, undefined, codec).told[0]
  const first = of('orders')
  t.equal(of('orders'), first)
  for (let i = 0; i < 10_000; i++) of(`t${i}`)
  t.not(of('orders'), first)
  t.same(of('orders'), first)
})

t.test('without a reply the outcome is unknown', async (t) => {
  const { exchange } = read({ operation: 'GetItem', request: { TableName: 'orders' } })
  t.match(exchange, { outcome: { kind: 'unknown' }, tables: [{ table: 'orders' }] })
})

t.test('a statement leaves nothing of itself behind but its table', async (t) => {
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const kept: unknown[] = []
  const heap = (): number => {
    gc()
    return process.memoryUsage().heapUsed
  }
  read({ operation: 'ExecuteStatement', request: { Statement: 'SELECT * FROM x' } })
  const before = heap()
  for (let i = 0; i < 200; i++) {
    const Statement = `SELECT * FROM "a_long_table_name_${i}" WHERE secret = '${'x'.repeat(7_000)}'`
    kept.push(read({ operation: 'ExecuteStatement', request: { Statement }, reply: {} }).exchange)
  }
  t.ok(heap() - before < 800_000, 'less than the statements’ 1.4 MB')
  t.equal(kept.length, 200)
})
