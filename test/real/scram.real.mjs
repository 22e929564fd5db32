import t from 'tap'
import { agrees } from './support/agreement.mjs'
import { skipWithout } from './support/matrix.mjs'
import { startOplens } from './support/oplens.mjs'
import { ACCOUNT, startSecantusWithAuth } from './support/secantus.mjs'

const skip = skipWithout('python', 'go')

t.test('SCRAM-SHA-256 passes through, and the operations behind it are counted', { skip }, async (t) => {
  const server = await startSecantusWithAuth()
  const oplens = await startOplens(`mongodb://127.0.0.1:${server.port}/`)
  t.teardown(async () => {
    await oplens.stop()
    await server.stop()
  })
  const login = `${ACCOUNT.user}:${ACCOUNT.password}@`
  const controlUri = `mongodb://${login}127.0.0.1:${server.port}/?directConnection=true`
  const uri = oplens.uri.replace('mongodb://', `mongodb://${login}`)
  for (const driver of ['node', 'pymongo', 'go']) {
    const operations = await agrees(t, { driver, scenario: 'mixed', uri, controlUri, oplens })
    t.ok(
      operations.some(({ outcome }) => outcome === 'ok'),
      `${driver} was let in`,
    )
  }
  const { text } = await oplens.scrape()
  for (const secret of [ACCOUNT.user, ACCOUNT.password]) {
    t.notMatch(text, new RegExp(`"${secret}"`), 'no name or password in the metrics')
    t.notOk(
      oplens.lines.some((line) => line.includes(secret)),
      'nor in the log',
    )
  }
})

t.test('a wrong password is refused by the server, not by oplens', { skip }, async (t) => {
  const server = await startSecantusWithAuth()
  const oplens = await startOplens(`mongodb://127.0.0.1:${server.port}/`)
  t.teardown(async () => {
    await oplens.stop()
    await server.stop()
  })
  const { MongoClient } = await import('mongodb')
  const client = new MongoClient(oplens.uri.replace('mongodb://', `mongodb://${ACCOUNT.user}:wrong@`))
  await t.rejects(client.db('shop').command({ ping: 1 }), { code: 18 })
  await client.close()
})
