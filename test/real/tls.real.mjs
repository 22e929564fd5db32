import { writeFileSync } from 'node:fs'
import { MongoClient } from 'mongodb'
import t from 'tap'
import { agrees } from './support/agreement.mjs'
import { makeCertificates } from './support/certificates.mjs'
import { skipWithout } from './support/matrix.mjs'
import { startOplensWithConfig } from './support/oplens.mjs'
import { startSecantus } from './support/secantus.mjs'

const skip = skipWithout('python', 'go')
let certificates
let server

t.before(async () => {
  if (skip !== false) return
  certificates = await makeCertificates()
  server = await startSecantus({ tls: certificates.server })
})
t.after(async () => {
  await server?.stop()
  certificates?.remove()
})

const config = ({ clientAuthority = '', clusterTls }) => `
admin: { address: 127.0.0.1:0 }
listeners:
  - name: shop
    address: 127.0.0.1:0
    protocol: mongodb
    cluster: shop
    tls:
      cert: ${certificates.proxy.certFile}
      key: ${certificates.proxy.keyFile}
${clientAuthority === '' ? '' : `      ca: ${clientAuthority}`}
clusters:
  - name: shop
    hosts: [ "127.0.0.1:${server.port}" ]
    tls: ${clusterTls}
`

const uriOf = (port, more = '') =>
  `mongodb://127.0.0.1:${port}/?directConnection=true&tls=true&tlsCAFile=${certificates.caFile}${more}`

t.test('TLS on both legs, verified: every driver is counted', { skip }, async (t) => {
  const oplens = await startOplensWithConfig(config({ clusterTls: `{ ca: ${certificates.caFile} }` }))
  t.teardown(() => oplens.stop())
  for (const driver of ['node', 'pymongo', 'go']) {
    for (const scenario of ['mixed', 'transactions', 'changeStream']) {
      await t.test(`${driver}: ${scenario}`, (t) =>
        agrees(t, { driver, scenario, uri: uriOf(oplens.port), controlUri: uriOf(server.port), oplens }),
      )
    }
  }
})

t.test('mutual TLS: a client without a certificate gets nothing, one with it works', { skip }, async (t) => {
  const tls = `{ ca: ${certificates.caFile}, cert: ${certificates.proxy.certFile}, key: ${certificates.proxy.keyFile} }`
  const oplens = await startOplensWithConfig(config({ clientAuthority: certificates.caFile, clusterTls: tls }))
  t.teardown(() => oplens.stop())
  const bare = new MongoClient(uriOf(oplens.port), { serverSelectionTimeoutMS: 1_000 })
  await t.rejects(bare.db('shop').command({ ping: 1 }))
  await bare.close()
  const known = new MongoClient(uriOf(oplens.port, `&tlsCertificateKeyFile=${certificates.clientFile}`))
  t.match(await known.db('shop').command({ ping: 1 }), { ok: 1 })
  await known.close()
})

t.test('a server whose certificate nobody trusted is not talked to', { skip }, async (t) => {
  const stranger = await makeCertificates()
  t.teardown(() => stranger.remove())
  const oplens = await startOplensWithConfig(config({ clusterTls: `{ ca: ${stranger.caFile} }` }))
  t.teardown(() => oplens.stop())
  const client = new MongoClient(uriOf(oplens.port), { serverSelectionTimeoutMS: 1_000 })
  await t.rejects(client.db('shop').command({ ping: 1 }))
  await client.close()
})

t.test('a certificate that changed on disk serves the next connection', { skip }, async (t) => {
  const oplens = await startOplensWithConfig(config({ clusterTls: `{ ca: ${certificates.caFile} }` }))
  t.teardown(() => oplens.stop())
  const renewed = await makeCertificates()
  t.teardown(() => renewed.remove())
  const { readFileSync } = await import('node:fs')
  const old = [certificates.proxy.certFile, certificates.proxy.keyFile].map((path) => [path, readFileSync(path)])
  t.teardown(() => {
    for (const [path, bytes] of old) writeFileSync(path, bytes)
  })
  writeFileSync(certificates.proxy.certFile, readFileSync(renewed.proxy.certFile))
  writeFileSync(certificates.proxy.keyFile, readFileSync(renewed.proxy.keyFile))
  const uri = uriOf(oplens.port).replace(certificates.caFile, renewed.caFile)
  const until = Date.now() + 20_000
  for (;;) {
    const client = new MongoClient(uri, { serverSelectionTimeoutMS: 500 })
    const isServed = await client
      .db('shop')
      .command({ ping: 1 })
      .then(
        () => true,
        () => false,
      )
    await client.close()
    if (isServed) break
    if (Date.now() > until) return t.fail('the renewed certificate was never served')
  }
  t.pass('the renewed certificate is served')
})

t.end()
