// Opcodes that newer drivers have forgotten: PyMongo 3.13 against mongo-java-server in the clothes of 3.0.
import t from 'tap'
import { agrees } from './support/agreement.mjs'
import { skipWithout } from './support/matrix.mjs'
import { startOplens } from './support/oplens.mjs'
import { startProcess } from './support/process.mjs'
import { sumOf } from './support/prometheus-text.mjs'
import { tool } from './support/tools.mjs'

const skip = skipWithout('java', 'pymongo3')

t.test('legacy opcodes are counted as the commands that they stand for, and by their names', { skip }, async (t) => {
  const server = await startProcess('java', ['-cp', tool('java').path, 'LegacyServer'], {
    ready: /^listening on port (\d+)$/,
  })
  t.teardown(() => server.stop())
  const oplens = await startOplens(`mongodb://127.0.0.1:${server.match[1]}/`)
  t.teardown(() => oplens.stop())
  await agrees(t, { driver: 'pymongo3', scenario: 'opcodes', uri: oplens.uri, oplens })

  const { metrics } = await oplens.scrape()
  const seen = (direction, opcode) => sumOf(metrics, 'oplens_messages_total', { direction, opcode })
  for (const [opcode, count] of Object.entries({
    OP_INSERT: 2,
    OP_UPDATE: 2,
    OP_DELETE: 1,
    OP_GET_MORE: 2,
    OP_KILL_CURSORS: 1,
    OP_MSG: 0,
    __other__: 0,
  })) {
    t.equal(seen('request', opcode), count, `${opcode} of the driver`)
  }
  t.ok(seen('request', 'OP_QUERY') > 0)
  t.equal(
    seen('reply', 'OP_REPLY'),
    seen('request', 'OP_QUERY') + seen('request', 'OP_GET_MORE'),
    'each has its OP_REPLY',
  )
  t.equal(seen('reply', 'OP_MSG'), 0)
})
