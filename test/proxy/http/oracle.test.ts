import t from 'tap'
import { seededRandom } from '../../support/seeded-random.js'
import { compare, type Difference } from './compare.js'
import { KNOWN, type Known, STRICTER } from './differences.js'
import { Fuzzer } from './fuzzer.js'
import { playLlhttp } from './llhttp.js'
import { bytewise, cutAt, newParser, play, type Requests, type Side, type Transcript } from './play.js'
import { ROWS } from './rows/index.js'

/** Enough for every class of difference to come up; OPLENS_FUZZ multiplies it: 5 is the full run. */
const FACTOR = Number(process.env.OPLENS_FUZZ ?? 1)
const SEED = Number(process.env.OPLENS_FUZZ_SEED ?? 20_261_126)
const INPUTS = Math.round(20_000 * FACTOR)

interface Verdict {
  readonly difference: Difference
  readonly ours: Transcript
  readonly known: Known | undefined
  /** '' when the difference is one that we know and want. */
  readonly complaint: string
}

function judge(side: Side, input: Buffer, requests: Requests): Verdict {
  const ours = play(newParser(side, requests), [input])
  const theirs = playLlhttp(side, input, requests)
  const difference = compare(side, ours, theirs)
  const find = (at: string, index: number) =>
    KNOWN.find((known) => known.at.includes(at) && known.applies({ side, input, requests, ours, theirs, index }))
  switch (difference.kind) {
    case 'same':
      return { difference, ours, known: undefined, complaint: '' }
    case 'stricter': {
      const complaint = Object.hasOwn(STRICTER, difference.reason) ? '' : `stricter: ${difference.reason}`
      return { difference, ours, known: undefined, complaint }
    }
    case 'laxer': {
      const known = find(difference.code, difference.index)
      return { difference, ours, known, complaint: known === undefined ? `laxer: llhttp says ${difference.code}` : '' }
    }
    case 'disagree': {
      const known = find(difference.aspect, difference.index)
      const complaint = `message ${difference.index}: ${difference.aspect}, ${ours.verdict} or ${theirs.verdict}`
      return { difference, ours, known, complaint: known === undefined ? complaint : '' }
    }
    default:
      return difference satisfies never
  }
}

t.test('each difference between a row and llhttp is one that we want, and each that we want has a row', async (t) => {
  const seen = new Set<string>()
  for (const row of Object.values(ROWS).flat()) {
    const { difference, known, complaint } = judge(row.side, row.input, row.requests)
    if (complaint !== '') t.fail(`${row.name}: ${complaint}`)
    if (difference.kind === 'stricter') seen.add(difference.reason)
    if (known !== undefined) seen.add(known.name)
  }
  // The list is of Node 20's llhttp: a newer one has learnt some of it, and refuses as we do.
  if (!process.versions.node.startsWith('20.')) return
  const wanted = [...Object.keys(STRICTER), ...KNOWN.map((known) => known.name)]
  t.same(
    wanted.filter((name) => !seen.has(name)),
    [],
  )
})

t.test(`${INPUTS} mutated inputs (seed ${SEED}): we and llhttp see the same messages`, async (t) => {
  const random = seededRandom(SEED)
  const fuzzer = new Fuzzer(random)
  const counts = { same: 0, stricter: 0, laxer: 0, disagree: 0, messages: 0, refused: 0, bytes: 0 }
  const stricter: Record<string, number> = {}
  const others: Record<string, number> = {}
  const complaints: string[] = []
  for (let i = 0; i < INPUTS && complaints.length < 20; i++) {
    const { side, input, requests } = fuzzer.next()
    const { difference, ours, known, complaint } = judge(side, input, requests)
    counts[difference.kind]++
    counts.messages += ours.messages.filter((message) => message.end >= 0).length
    counts.bytes += input.length
    if (ours.refusedAt >= 0) counts.refused++
    if (difference.kind === 'stricter') stricter[difference.reason] = (stricter[difference.reason] ?? 0) + 1
    if (known !== undefined) others[known.name] = (others[known.name] ?? 0) + 1
    if (complaint !== '')
      complaints.push(`${side} ${requests} ${JSON.stringify(input.toString('latin1'))}: ${complaint}`)
    const chunks = random() < 0.3 ? bytewise(input) : cutAt(input, random, 1 + random() * 60)
    const again = play(newParser(side, requests), chunks)
    if (essence(again) !== essence(ours)) {
      complaints.push(`${side} ${JSON.stringify(input.toString('latin1'))}: cut in ${chunks.length} it is another`)
    }
  }
  t.comment(JSON.stringify(counts))
  t.comment(`stricter: ${JSON.stringify(sorted(stricter))}`)
  t.comment(`otherwise: ${JSON.stringify(sorted(others))}`)
  for (const complaint of complaints) t.comment(complaint)
  t.equal(complaints.length, 0)
  t.ok(counts.messages > INPUTS / 2, 'enough is taken')
  t.ok(counts.refused > INPUTS / 4, 'and enough is refused')
})

/** All but what was read of a message before its refusal, which depends on the cut. */
function essence({ messages, verdict, refusedAt }: Transcript): string {
  const open = refusedAt < 0 ? messages : messages.filter((message) => message.end >= 0)
  return JSON.stringify([open, messages.length, verdict, refusedAt])
}

function sorted(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).sort(([, a], [, b]) => b - a))
}
