import zlib from 'node:zlib'
import t from 'tap'
import { Gunzip } from '../../../src/codecs/shared/gunzip.js'
import { everyCut, randomCut } from '../../support/cuts.js'
import { seededRandom } from '../../support/seeded-random.js'

function inflate(chunks: readonly Buffer[], maxBytes = 1e9): { failure: string; bytes: Buffer } {
  const pieces: Buffer[] = []
  const stream = new Gunzip(maxBytes, (bytes) => pieces.push(Buffer.from(bytes)))
  for (const chunk of chunks) {
    const own = Buffer.from(chunk)
    stream.push(own)
    // As the socket's buffer is reused.
    own.fill(0xaa)
  }
  stream.end()
  return { failure: stream.failure, bytes: Buffer.concat(pieces) }
}

/** JSON-like text, noise, runs, and mixtures of them. */
function randomBytes(random: () => number): Buffer {
  const size = Math.floor(random() ** 2 * 200_000)
  const kind = random()
  const bytes = Buffer.alloc(size)
  const alphabet = kind < 0.3 ? 256 : kind < 0.6 ? 8 : 2
  for (let i = 0; i < size; i++) bytes[i] = kind > 0.9 ? 7 : Math.floor(random() ** 4 * alphabet)
  const item = Buffer.from(JSON.stringify({ pk: { S: `user#${random()}` }, sk: { N: '12' }, name: { S: 'Ada' } }))
  if (kind < 0.5) for (let at = 0; at + item.length < size; at += 1 + item.length) item.copy(bytes, at)
  return bytes
}

t.test('gzip of every kind comes out as it went in, at any cut', async (t) => {
  const random = seededRandom(9)
  const { Z_DEFAULT_STRATEGY, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE } = zlib.constants
  for (let run = 0; run < 300; run++) {
    const bytes = randomBytes(random)
    const level = Math.floor(random() * 10)
    const strategy = [Z_DEFAULT_STRATEGY, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE][Math.floor(random() * 4)] as number
    const packed = zlib.gzipSync(bytes, { level, strategy, windowBits: 9 + Math.floor(random() * 7) })
    const result = inflate(run % 4 === 0 ? [packed] : randomCut(packed, random))
    if (result.failure !== '' || !result.bytes.equals(bytes)) t.fail(`run ${run}: ${result.failure}`)
  }
  t.pass('300 runs')
})

const text = Buffer.from(JSON.stringify({ Items: Array.from({ length: 200 }, (_, i) => ({ pk: { S: `user#${i}` } })) }))
const packed = zlib.gzipSync(text)

t.test('a small text comes out at every cut, with all of gzip’s headers, and members in a row', async (t) => {
  const random = seededRandom(10)
  const named = Buffer.concat([
    // FEXTRA of 3 bytes, FNAME, FCOMMENT, FHCRC
    Buffer.from([0x1f, 0x8b, 8, 4 | 8 | 16 | 2, 0, 0, 0, 0, 0, 3, 3, 0, 1, 0, 2]),
    Buffer.from('name\0comment\0'),
    Buffer.from([9, 9]),
    packed.subarray(10),
  ])
  const empty = zlib.gzipSync(Buffer.alloc(0))
  const cases: readonly (readonly [name: string, bytes: Buffer, text: Buffer])[] = [
    ['plain', packed, text],
    ['all headers', named, text],
    ['empty', empty, Buffer.alloc(0)],
    ['members', Buffer.concat([packed, empty, named]), Buffer.concat([text, text])],
  ]
  for (const [name, bytes, want] of cases) {
    for (const [cut, chunks] of everyCut(bytes, random)) {
      const result = inflate(chunks)
      t.equal(result.failure, '', `${name}, ${cut}`)
      t.ok(result.bytes.equals(want), `${name}, ${cut}`)
    }
  }
})

t.test('what is cut short, changed or no gzip fails by name and never throws', async (t) => {
  const random = seededRandom(11)
  for (let end = 0; end < packed.length; end++) {
    if (inflate([packed.subarray(0, end)]).failure !== 'inflate_failed') t.fail(`cut at ${end}`)
  }
  let told = 0
  for (let run = 0; run < 3_000; run++) {
    const bytes = Buffer.from(packed)
    bytes[10 + Math.floor(random() * (bytes.length - 10))] = Math.floor(random() * 256)
    if (bytes.equals(packed)) continue
    const { failure } = inflate(randomCut(bytes, random))
    if (failure === 'inflate_failed') told++
    // The bits behind the last symbol mean nothing: zlib does not look at them either.
    else if (!zlib.gunzipSync(bytes).equals(text)) t.fail(`run ${run}: ${failure}`)
  }
  t.ok(told > 2_500)
  for (let run = 0; run < 2_000; run++) {
    const noise = Buffer.from(Array.from({ length: 400 }, () => Math.floor(random() * 256)))
    noise.set([0x1f, 0x8b, 8, 0], 0)
    t.doesNotThrow(() => inflate(randomCut(noise, random)))
  }
  t.equal(inflate([Buffer.from('{"plain":"json"}')]).failure, 'inflate_failed')
  t.equal(inflate([Buffer.concat([packed, Buffer.from('rubbish behind it')])]).failure, 'inflate_failed')
})

t.test('beyond its bound it gives up, and holds nothing', async (t) => {
  const bomb = zlib.gzipSync(Buffer.alloc(50_000_000))
  let got = 0
  const stream = new Gunzip(1_000_000, (bytes) => {
    got += bytes.length
  })
  for (let at = 0; at < bomb.length; at += 1_000) stream.push(bomb.subarray(at, at + 1_000))
  stream.end()
  t.equal(stream.failure, 'inflate_limit')
  t.ok(got <= 1_000_000, `${got} bytes`)
})
