import t from 'tap'
import { runWorkload } from './support/drivers.mjs'
import { skipWithout } from './support/matrix.mjs'
import { startOplens } from './support/oplens.mjs'
import { runProcess } from './support/process.mjs'
import { startSecantus } from './support/secantus.mjs'
import { tool } from './support/tools.mjs'

t.test('promtool finds nothing to object to in /metrics', { skip: skipWithout('python', 'promtool') }, async (t) => {
  const server = await startSecantus()
  const oplens = await startOplens(`mongodb://127.0.0.1:${server.port}/`)
  t.teardown(async () => {
    await oplens.stop()
    await server.stop()
  })
  for (const scenario of ['mixed', 'admin', 'changeStream']) await runWorkload('node', { uri: oplens.uri, scenario })
  const { text } = await oplens.scrape()
  const { code, stdout, stderr } = await runProcess(tool('promtool').path, ['check', 'metrics'], { input: text })
  t.equal(code, 0, 'promtool check metrics')
  t.equal(`${stdout}${stderr}`, '', 'without a remark')
})
