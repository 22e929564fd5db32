import t from 'tap'
import { agrees } from './support/agreement.mjs'
import { startCompressingFront } from './support/compressing-front.mjs'
import { skipWithout } from './support/matrix.mjs'
import { startOplens } from './support/oplens.mjs'
import { startSecantus } from './support/secantus.mjs'
import { tool } from './support/tools.mjs'

const skip = skipWithout('python', 'go')
let server

t.before(async () => {
  if (skip === false) server = await startSecantus()
})
t.after(() => server?.stop())

const runs = [
  { compressor: 'zlib' },
  { compressor: 'snappy' },
  { compressor: 'zstd' },
  // There zstd is in node:zlib.
  { compressor: 'zstd', tool: 'node24' },
]
for (const { compressor, tool: newer } of runs) {
  const title = `${compressor}${newer === undefined ? '' : ' on Node 24'}: compressed operations are counted like plain ones`
  t.test(title, { skip: skip || (newer !== undefined && skipWithout(newer)) }, async (t) => {
    const front = await startCompressingFront({ target: server, compressors: [compressor] })
    const node = newer === undefined ? process.execPath : tool(newer).path
    // Not as a set: its member's own name would lead past the front.
    const oplens = await startOplens(`mongodb://127.0.0.1:${front.port}/?directConnection=true`, { node })
    t.teardown(async () => {
      await oplens.stop()
      await front.close()
    })
    const controlUri = `mongodb://127.0.0.1:${server.port}/?directConnection=true`
    for (const driver of ['node', 'pymongo', 'go']) {
      const inflatedBefore = front.counts.requestsInflated
      const uri = `${oplens.uri}&compressors=${compressor}`
      const operations = await agrees(t, { driver, scenario: 'mixed', uri, controlUri, oplens })
      t.ok(front.counts.requestsInflated - inflatedBefore >= operations.length, `${driver} compressed every request`)
    }
    t.ok(front.counts.repliesCompressed > 0, 'replies were compressed')
    t.same(front.problems, [])
  })
}

t.end()
