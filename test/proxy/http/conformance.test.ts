import t from 'tap'
import { HTTP_REASONS } from '../../../src/proxy/http/reasons.js'
import { seededRandom } from '../../support/seeded-random.js'
import { bytewise, cutAt, type Message, newParser, play } from './play.js'
import { ROWS } from './rows/index.js'
import type { Row } from './rows/row.js'

const RANDOM_CUTS = 4

function summary(message: Message): string {
  const trailers = message.trailers.map(([name, value]) => ` ${name}=${value}`).join('')
  return `${message.line} ${message.framing} "${message.payload}"${trailers}${message.keepAlive ? '' : ' close'}`
}

function run(row: Row, chunks: readonly Buffer[]) {
  const transcript = play(newParser(row.side, row.requests, row.limits), chunks)
  const whole = transcript.messages.filter((message) => message.end >= 0)
  return { transcript, got: { messages: whole.map(summary), verdict: transcript.verdict, at: transcript.refusedAt } }
}

/** What an input without refusal must come out as: every byte, but for empty lines between requests. */
function withoutEmptyLines(row: Row, transcript: { messages: readonly Message[] }): string {
  let text = ''
  let from = 0
  const all = row.input.toString('latin1')
  if (row.side === 'reply') return all
  for (const { end } of transcript.messages) {
    const part = all.slice(from, end)
    text += part.startsWith('\r\n') ? part.slice(2) : part
    from = end
  }
  const rest = all.slice(from)
  return text + (rest === '\r\n' ? '' : rest)
}

for (const [group, rows] of Object.entries(ROWS)) {
  t.test(`${group}: ${rows.length} rows come out the same whole, byte by byte and at random cuts`, async (t) => {
    const random = seededRandom(20_261_126)
    const names = new Set<string>()
    for (const row of rows) {
      if (names.has(row.name)) t.fail(`two rows are called ${row.name}`)
      names.add(row.name)
      const { transcript, got } = run(row, [row.input])
      const { messages, verdict } = got
      const shown = { input: row.input.toString('latin1', 0, 400) }
      t.same({ messages, verdict }, { messages: row.messages, verdict: row.verdict }, row.name, shown)
      if (row.verdict === 'idle' || row.verdict === 'complete') {
        if (transcript.forwarded.toString('latin1') !== withoutEmptyLines(row, transcript))
          t.fail(`${row.name}: bytes differ`)
      }
      const cuts = [
        bytewise(row.input),
        ...Array.from({ length: RANDOM_CUTS }, () => cutAt(row.input, random, 1 + random() * 40)),
      ]
      for (const chunks of cuts) {
        const again = run(row, chunks)
        if (JSON.stringify(again.got) !== JSON.stringify(got)) {
          t.same(again.got, got, `${row.name}, cut in ${chunks.length}`)
        }
        // Of a refused message more may have gone before the refusal in one cut than in another; never other bytes.
        const isWhole = transcript.refusedAt < 0
        const same = isWhole
          ? again.transcript.forwarded.equals(transcript.forwarded)
          : again.transcript.forwarded.subarray(0, transcript.forwarded.length).equals(transcript.forwarded)
        if (!same) t.fail(`${row.name}: forwarded bytes differ when cut in ${chunks.length}`)
      }
    }
  })
}

t.test('each reason has a row', async (t) => {
  const seen = new Set(Object.values(ROWS).flatMap((rows) => rows.map((row) => row.verdict)))
  t.same(
    Object.keys(HTTP_REASONS).filter((reason) => !(seen as Set<string>).has(reason)),
    [],
  )
  const count = Object.values(ROWS).reduce((sum, rows) => sum + rows.length, 0)
  t.comment(`${count} rows`)
  t.ok(count > 400)
})
