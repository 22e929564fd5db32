import t from 'tap'
import { FingerprintTable } from '../../../src/codecs/mongodb/shapes/fingerprint-table.js'
import { ShapeTable } from '../../../src/codecs/shared/shape-table.js'

const LONG = 'x'.repeat(4_000)
const TEXTS = Array.from({ length: 2_000 }, (_, i) => `${i} ${LONG}`)

t.test('long texts are remembered within megabytes, not by their number', async (t) => {
  const table = new ShapeTable('mongodb')
  const known = new FingerprintTable()
  const first = table.get('find', 'first')
  t.equal(table.get('find', 'first'), first)
  for (const [i, text] of TEXTS.entries()) known.add(i, i, table.get('find', text))
  const again = table.get('find', 'first')
  t.not(again, first, 'forgotten')
  t.same(again, first, 'and made anew as it was')
  t.ok(known.size * LONG.length <= 2 * 1_048_576, `${known.size}`)
  const last = TEXTS.length - 1
  t.match(known.get(last, last), { text: TEXTS[last] })
})

t.test('short ones are remembered by the thousand', async (t) => {
  const table = new ShapeTable('mongodb')
  const known = new FingerprintTable()
  const first = table.get('find', '{filter: {a0: "?number"}}')
  for (let i = 0; i < 9_999; i++) known.add(i, i, table.get('find', `{filter: {a${i}: "?number"}}`))
  t.equal(table.get('find', '{filter: {a0: "?number"}}'), first)
  t.equal(known.size, 9_999)
})
