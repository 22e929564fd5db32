import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Logger } from '../../src/core/logger.js'
import { silentLogger } from '../../src/core/logger.js'
import type { SlowOperation } from '../../src/core/reports.js'
import { observeSchema } from '../../src/observe/config.js'
import { type Files, FileTarget, systemFiles } from '../../src/observe/slow/file-target.js'
import { LineQueue, type LineTarget, MAX_QUEUE_BYTES } from '../../src/observe/slow/line-queue.js'
import { slowOperation } from '../../src/observe/slow/slow-operation.js'
import { SlowWriter } from '../../src/observe/slow/slow-writer.js'
import { StreamTarget } from '../../src/observe/slow/stdout-target.js'
import { FakeClock } from '../support/fake-clock.js'
import { seededRandom } from '../support/seeded-random.js'
import { observation, sample, scrape } from './harness.js'
import { ended, shapeOf } from './shapes-harness.js'

/** Turns of the event loop until something is so; the test's own timeout ends what never is. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await nextTurn()
}

function folder(t: Test): string {
  const made = mkdtempSync(join(tmpdir(), 'oplens-slow-'))
  t.teardown(() => rmSync(made, { recursive: true, force: true }))
  return made
}

const linesOf = (path: string): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1)

/** What was logged, by its level and sentence. */
function logOf(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = []
  const write = (level: string) => (_: unknown, message: string) => void lines.push(`${level} ${message}`)
  return { lines, logger: { ...silentLogger, info: write('info'), warn: write('warn'), error: write('error') } }
}

function queueTo(target: LineTarget, logger = silentLogger) {
  const clock = new FakeClock()
  const counts = { written: 0, queue: 0, error: 0 }
  const queue = new LineQueue({
    target,
    clock,
    logger,
    onWritten: (lines) => {
      counts.written += lines
    },
    onDropped: (reason, lines) => {
      counts[reason] += lines
    },
  })
  return { clock, counts, queue }
}

const fileTarget = (path: string, more: { maxSize?: number; keep?: number; files?: Files; logger?: Logger } = {}) =>
  new FileTarget({ path, maxSize: 1e9, keep: 3, files: systemFiles, logger: silentLogger, ...more })

t.test('lines are appended to what is there, in their order', async (t) => {
  const path = join(folder(t), 'slow.log')
  writeFileSync(path, 'before\n')
  const { counts, queue } = queueTo(fileTarget(path))
  const lines = Array.from({ length: 5_000 }, (_, i) => `line ${i}`)
  for (const line of lines) queue.push(`${line}\n`)
  await until(() => counts.written === 5_000)
  await queue.close()
  t.same(linesOf(path), ['before', ...lines])
})

t.test('a file that grows past its size is renamed, and so many of them are kept', async (t) => {
  const rows: readonly (readonly [keep: number, files: Record<string, string[]>])[] = [
    [0, { '': ['line 9'] }],
    [1, { '': ['line 9'], '.1': ['line 7', 'line 8'] }],
    [3, { '': ['line 9'], '.1': ['line 7', 'line 8'], '.2': ['line 5', 'line 6'], '.3': ['line 3', 'line 4'] }],
  ]
  for (const [keep, files] of rows) {
    const path = join(folder(t), 'slow.log')
    const { counts, queue } = queueTo(fileTarget(path, { maxSize: 14, keep }))
    for (let i = 1; i <= 9; i++) {
      queue.push(`line ${i}\n`)
      await until(() => counts.written === i)
    }
    await queue.close()
    for (const [end, lines] of Object.entries(files)) t.same(linesOf(`${path}${end}`), lines, `keep ${keep}: ${end}`)
    t.notOk(existsSync(`${path}.${keep + 1}`), `keep ${keep}: no more`)
    t.equal(counts.error, 0)
  }
})

t.test('what can not be renamed grows on, and is tried again', async (t) => {
  const path = join(folder(t), 'slow.log')
  const { logger, lines } = logOf()
  let isRefused = true
  const files: Files = {
    ...systemFiles,
    rename: (from, to) => (isRefused ? Promise.reject(new Error('not permitted')) : systemFiles.rename(from, to)),
  }
  const { counts, queue } = queueTo(fileTarget(path, { maxSize: 14, keep: 1, files, logger }))
  const push = async (i: number) => {
    queue.push(`line ${i}\n`)
    await until(() => counts.written === i)
  }
  for (let i = 1; i <= 4; i++) await push(i)
  t.same(linesOf(path), ['line 1', 'line 2', 'line 3', 'line 4'])
  t.match(lines[0], 'warn The slow log can not be rotated')
  isRefused = false
  for (let i = 5; i <= 6; i++) await push(i)
  await queue.close()
  t.ok(existsSync(`${path}.1`))
  t.same([...linesOf(`${path}.1`), ...linesOf(path)].length, 6)
})

t.test('a file that logrotate moved away is opened anew when it says so', async (t) => {
  const path = join(folder(t), 'slow.log')
  let open = 0
  const files: Files = {
    ...systemFiles,
    open: async (name) => {
      const handle = await systemFiles.open(name)
      open++
      const close = () => {
        open--
        return handle.close()
      }
      return { appendFile: (bytes: Buffer) => handle.appendFile(bytes), stat: () => handle.stat(), close } as Awaited<
        ReturnType<Files['open']>
      >
    },
  }
  const { counts, queue } = queueTo(fileTarget(path, { files }))
  queue.push('one\n')
  await until(() => counts.written === 1)
  renameSync(path, `${path}-moved`)
  queue.push('two\n')
  await until(() => counts.written === 2)
  t.same(linesOf(`${path}-moved`), ['one', 'two'], 'until then it is the same file')
  queue.reopen()
  await until(() => existsSync(path))
  t.same(linesOf(path), [], 'made at once, not with the next line')
  queue.push('three\n')
  await until(() => counts.written === 3)
  await queue.close()
  t.same([linesOf(path), linesOf(`${path}-moved`)], [['three'], ['one', 'two']])
  t.equal(open, 0, 'and every file that was opened is closed')
})

t.test(
  'a disk that is full costs lines, which are counted; it is tried again by itself',
  { skip: !existsSync('/dev/full') },
  async (t) => {
    const { logger, lines } = logOf()
    const path = join(folder(t), 'slow.log')
    let at = '/dev/full'
    const files: Files = { ...systemFiles, open: () => systemFiles.open(at) }
    const { clock, counts, queue } = queueTo(fileTarget(path, { files }), logger)
    queue.push('one\n')
    await until(() => counts.error === 1)
    queue.push('two\n')
    await nextTurn()
    t.equal(counts.error, 1, 'not tried before its time')
    clock.advance(500)
    await until(() => counts.error === 2)
    queue.push('three\n')
    at = path
    clock.advance(500)
    await nextTurn()
    t.equal(counts.written, 0, 'each time later')
    clock.advance(500)
    await until(() => counts.written === 1)
    await queue.close()
    t.same(linesOf(path), ['three'])
    t.same(
      lines.map((line) => line.split(' ')[0]),
      ['error', 'info'],
      'one line when it begins, one when it is over',
    )
  },
)

t.test('half a line that a full disk took is ended before the next', async (t) => {
  const path = join(folder(t), 'slow.log')
  let isFull = true
  const files: Files = {
    ...systemFiles,
    open: async (name) => {
      const handle = await systemFiles.open(name)
      const appendFile = async (bytes: Buffer) => {
        await handle.appendFile(isFull ? bytes.subarray(0, 3) : bytes)
        if (isFull) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
      }
      return { appendFile, stat: () => handle.stat(), close: () => handle.close() } as Awaited<
        ReturnType<Files['open']>
      >
    },
  }
  const { clock, counts, queue } = queueTo(fileTarget(path, { files }))
  queue.push('{"a":1}\n')
  await until(() => counts.error === 1)
  isFull = false
  queue.push('{"b":2}\n')
  clock.advance(500)
  await until(() => counts.written === 1)
  await queue.close()
  t.same(linesOf(path), ['{"a', '{"b":2}'])
})

t.test('a folder that is not there yet is waited for', async (t) => {
  const inside = join(folder(t), 'later')
  const { clock, counts, queue } = queueTo(fileTarget(join(inside, 'slow.log')))
  queue.push('one\n')
  await until(() => counts.error === 1)
  mkdirSync(inside)
  queue.push('two\n')
  clock.advance(500)
  await until(() => counts.written === 1)
  await queue.close()
  t.same(linesOf(join(inside, 'slow.log')), ['two'])
})

/** A target whose writes end when told. */
function stuckTarget() {
  const held: { lines: string; done: (error?: Error) => void }[] = []
  const target: LineTarget = {
    name: 'stuck',
    write: (bytes) =>
      new Promise((resolve, reject) => {
        held.push({ lines: String(bytes), done: (error) => (error === undefined ? resolve() : reject(error)) })
      }),
    reopen: async () => undefined,
    close: async () => undefined,
  }
  return { target, held }
}

t.test('while a disk hangs nothing waits, the queue has its bound, and what is beyond it is counted', async (t) => {
  const { target, held } = stuckTarget()
  const { clock, counts, queue } = queueTo(target)
  const line = `${'x'.repeat(4_095)}\n`
  queue.push(line)
  await until(() => held.length === 1)
  const room = MAX_QUEUE_BYTES / line.length
  for (let i = 0; i < room + 100; i++) queue.push(line)
  t.equal(counts.queue, 100)
  t.equal(held.length, 1, 'one write at a time')
  held[0]?.done()
  await until(() => counts.written === 1)
  await until(() => held.length === 2)
  t.equal(held[1]?.lines.length, 256 * 1024)
  const closing = queue.close()
  clock.advance(2_000)
  await closing
  t.equal(counts.queue, 100 + room - 64, 'the end of the process does not wait for it either')
})

t.test('closing writes what waits', async (t) => {
  const path = join(folder(t), 'slow.log')
  const { counts, queue } = queueTo(fileTarget(path))
  for (let i = 0; i < 1_000; i++) queue.push(`line ${i}\n`)
  await queue.close()
  t.equal(linesOf(path).length, 1_000)
  queue.push('late\n')
  t.equal(counts.queue, 1, 'what comes after it is counted')
})

t.test('a reader of stdout that is slow or gone costs lines and nothing else', async (t) => {
  const slowReader = new PassThrough({ highWaterMark: 10 })
  const first = queueTo(new StreamTarget(slowReader))
  for (let i = 0; i < 3; i++) first.queue.push(`line ${i}\n`)
  slowReader.resume()
  await until(() => first.counts.written === 3)
  const gone = new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error('broken pipe'), { code: 'EPIPE' }))
    },
  })
  gone.on('error', () => undefined)
  const { logger, lines } = logOf()
  const second = queueTo(new StreamTarget(gone), logger)
  second.queue.push('one\n')
  await until(() => second.counts.error === 1)
  second.queue.push('two\n')
  second.clock.advance(500)
  await until(() => second.counts.error === 2)
  t.equal(lines.length, 1)
  await Promise.all([first.queue.close(), second.queue.close()])
})

const slowOne = (): SlowOperation =>
  slowOperation(ended({ shape: shapeOf('{filter: {a: "?number"}}'), ms: 200 }), {
    id: 1,
    thresholdMs: 100,
    toWallMs: 0,
    trace: undefined,
    isRedacted: () => false,
  })

t.test('a share of them is written, no more than so many in a second, and the others are counted by why', async (t) => {
  const clock = new FakeClock()
  const config = { sample: 0.25, max_per_second: 100 }
  const writer = new SlowWriter({ config, random: seededRandom(3), clock, logger: silentLogger })
  const written: string[] = []
  writer.addTarget({
    name: 'memory',
    write: async (bytes) => void written.push(...String(bytes).split('\n').slice(0, -1)),
    reopen: async () => undefined,
    close: async () => undefined,
  })
  for (let second = 0; second < 3; second++) {
    for (let i = 0; i < 1_000; i++) writer.write(slowOne())
    clock.advance(1_000)
  }
  await writer.close()
  t.equal(written.length, 300)
  t.equal(writer.written, 300)
  const { sampled, rate } = writer.dropped
  t.ok(sampled > 2_150 && sampled < 2_350, `${sampled} of 3,000 were not drawn`)
  t.equal(sampled + rate + 300, 3_000)
})

t.test('the file of the config is opened at the start, or nothing starts', async (t) => {
  const inside = folder(t)
  const path = join(inside, 'slow.log')
  const configOf = (file: object) =>
    observeSchema.parse({ metrics: { process_metrics: false }, slow_log: { threshold: '0ms', file } })
  const o = observation({ config: configOf({ path }) })
  await o.start()
  t.ok(existsSync(path))
  o.hub.exchangeEnded(ended({ shape: shapeOf('{filter: {a: "?number"}}') }))
  o.reopen()
  await o.flush()
  o.close()
  t.match(JSON.parse(linesOf(path)[0] ?? ''), { msg: 'Slow query', attr: { ns: 'shop.orders', durationMillis: 3 } })
  t.equal(sample(await scrape(o), 'oplens_slow_log_lines_total'), 1)
  const wrong = observation({ config: configOf({ path: join(inside, 'none', 'slow.log') }) })
  await t.rejects(wrong.start(), { code: 'OPL_SLOW_LOG', message: /none.*name another file/ })
  wrong.close()
})
