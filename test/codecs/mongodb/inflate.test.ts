import { deflateSync } from 'node:zlib'
import { compress as zstdCompress } from '@mongodb-js/zstd'
import { compress as snappyCompress } from 'snappyjs'
import t from 'tap'
import { inflate, inflatePrefix } from '../../../src/codecs/mongodb/inflate.js'
import { zstdInto } from '../../../src/codecs/mongodb/zstd.js'
import { seededRandom } from '../../support/seeded-random.js'

const random = seededRandom(11)
const pick = (n: number) => Math.floor(random() * n)

/** Text that repeats, noise, runs of one byte, and a mix: what takes each path of a decoder. */
function sample(kind: number, bytes: number): Buffer {
  const words = ['{"status":"new"', '"customer":', 'orders', '\0\0\0\x10', 'ObjectId(', 'shop.']
  const parts: Buffer[] = []
  for (let length = 0; length < bytes; ) {
    const noise = Buffer.from(Array.from({ length: 1 + pick(40) }, () => pick(256)))
    const text = Buffer.from(`${words[pick(words.length)]}${pick(1_000)}`)
    const run = Buffer.alloc(1 + pick(300), pick(256))
    const part = [text, noise, run, [text, noise, run][pick(3)] as Buffer][kind] as Buffer
    parts.push(part)
    length += part.length
  }
  return Buffer.concat(parts).subarray(0, bytes)
}

const SIZES = [0, 1, 5, 100, 1_000, 20_000, 140_000, 700_000]

t.test('what other encoders made comes out as it went in, whole and from a prefix', async (t) => {
  for (const size of SIZES) {
    for (const kind of [0, 1, 2, 3]) {
      const plain = sample(kind, size)
      const forms: [number, Buffer][] = [
        [1, Buffer.from(snappyCompress(plain))],
        [2, deflateSync(plain)],
      ]
      for (const level of [1, 3, 9, 19]) {
        if (size > 200_000 && level > 3) continue
        const packed = await zstdCompress(plain, level)
        forms.push([3, packed])
        const out = Buffer.alloc(size)
        t.same(zstdInto(out, packed), { length: size, isWhole: true })
        t.ok(out.equals(plain), `our zstd, level ${level}, kind ${kind}, ${size} bytes`)
      }
      for (const [compressor, packed] of forms) {
        const whole = inflate(compressor, packed, size)
        t.ok(Buffer.isBuffer(whole) && whole.equals(plain), `compressor ${compressor}, kind ${kind}, ${size} bytes`)
        const prefix = inflatePrefix(compressor, packed.subarray(0, packed.length >> 1), 65_536)
        t.ok(prefix.equals(plain.subarray(0, prefix.length)), `its first half, ${prefix.length} bytes`)
      }
    }
  }
})

t.test('hostile payloads end soon, whatever they claim', async (t) => {
  const cases: readonly [string, number, Buffer][] = [
    ['a snappy literal of 4 GiB', 1, Buffer.from([10, 63 << 2, 0xfa, 0xff, 0xff, 0xff, 0, 0, 0, 0])],
    [
      'zstd sequences that consume no bits',
      3,
      Buffer.from('28b52ffd20c865000008 41fffffF5423003401'.replace(' ', ''), 'hex'),
    ],
    ['a zstd window of gigabytes', 3, Buffer.from('28b52ffd00a709000041', 'hex')],
    [
      'zstd blocks of 128 KiB from four bytes each',
      3,
      Buffer.concat([Buffer.from('28b52ffd0050', 'hex'), ...Array(5_000).fill(Buffer.from('02001000', 'hex'))]),
    ],
  ]
  for (const [name, compressor, payload] of cases) {
    const before = process.hrtime.bigint()
    const result = inflate(compressor, payload, 1_048_576)
    inflatePrefix(compressor, payload, 65_536)
    t.type(result, 'string', name)
    t.ok(Number(process.hrtime.bigint() - before) / 1e6 < 2_000, `${name}: ended`)
  }
  for (let i = 0; i < 2_000; i++) {
    const packed = Buffer.from(await zstdCompress(sample(3, 50 + pick(3_000)), 3))
    for (let n = 1 + pick(4); n > 0; n--) packed[pick(packed.length)] = pick(256)
    const out = Buffer.alloc(4_096)
    const { length } = zstdInto(out, packed)
    if (length > out.length) t.fail('it wrote beyond its room')
  }
})
