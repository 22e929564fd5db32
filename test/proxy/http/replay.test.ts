import t from 'tap'
import { Replay } from '../../../src/proxy/http/piece-flow.js'

void t.test('a request that came byte by byte is kept in few pieces', async (t) => {
  const replay = new Replay()
  const bytes = Buffer.from(Array.from({ length: 65_536 }, (_, i) => i % 251))
  let most = 0
  for (let i = 0; i < bytes.length; i++) {
    replay.add(bytes.subarray(i, i + 1))
    most = Math.max(most, replay.sent.length)
  }
  t.ok(most <= 64, `${most} pieces`)
  t.ok(replay.isWhole)
  t.ok(Buffer.concat(replay.sent).equals(bytes))
})

void t.test('one byte more than 64 KiB, and nothing is kept', async (t) => {
  const replay = new Replay()
  replay.add(Buffer.alloc(65_536))
  t.ok(replay.isWhole)
  replay.add(Buffer.alloc(1))
  t.notOk(replay.isWhole)
  t.strictSame(replay.sent, [])
})
