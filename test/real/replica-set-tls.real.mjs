import { MongoClient } from 'mongodb'
import t from 'tap'
import { agrees } from './support/agreement.mjs'
import { makeCertificates } from './support/certificates.mjs'
import { NEEDS, skipWithout } from './support/matrix.mjs'
import { MEMBER, metOnlyTheProxy, startSet } from './support/replica-set.mjs'

const skip = skipWithout('python')
const [memberHost] = MEMBER.split(':')

/** The proxy's certificate is for the name that clients are told, the member's for its own: neither would pass for the other. */
async function startTlsSet({ advertise = 'localhost', serverNames = [memberHost], ...more } = {}) {
  const certificates = await makeCertificates({ serverNames, proxyNames: ['localhost'] })
  const set = await startSet({
    advertise,
    listenerTls: `{ cert: ${certificates.proxy.certFile}, key: ${certificates.proxy.keyFile} }`,
    clusterTls: `{ ca: ${certificates.caFile} }`,
    serverTls: certificates.server,
    ...more,
  })
  const trusting = `&tls=true&tlsCAFile=${certificates.caFile}`
  return {
    ...set,
    uri: `mongodb://localhost:${set.seedPort}/?replicaSet=secantus${trusting}`,
    // Past the proxy nobody is called by the name in the certificate.
    controlUri: `${set.controlUri}${trusting}&tlsAllowInvalidHostnames=true`,
    async stop() {
      await set.stop()
      certificates.remove()
    },
  }
}

async function isServed(uri) {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 1_500 })
  const served = await client
    .db('shop')
    .command({ ping: 1 })
    .then(
      () => true,
      () => false,
    )
  await client.close()
  return served
}

t.test('member mode with TLS on both legs: verified by the names that drivers are told', { skip }, async (t) => {
  const set = await startTlsSet()
  t.teardown(() => set.stop())
  for (const [driver, needed] of Object.entries(NEEDS)) {
    for (const scenario of ['mixed', 'transactions', 'changeStream']) {
      await t.test(`${driver}: ${scenario}`, { skip: skipWithout(...needed) }, async (t) => {
        const { uri, controlUri, oplens } = set
        const { members } = await agrees(t, { driver, scenario, uri, controlUri, oplens })
        metOnlyTheProxy(t, set, 'members', members)
      })
    }
  }
  t.notOk(await isServed(set.uri.replace(/&tlsCAFile=.*/, '')), 'who does not trust the authority gets nothing')
})

t.test('an advertised name that is not in the certificate leads nobody on', { skip }, async (t) => {
  const set = await startTlsSet({ advertise: '127.0.0.1' })
  t.teardown(() => set.stop())
  t.notOk(await isServed(set.uri), 'the seed is let in by its name, the member listener is not')
  t.ok(await isServed(`${set.uri}&tlsAllowInvalidHostnames=true`), 'the name was the reason')
})

t.test('a member whose certificate is for another name is not taken for it', { skip }, async (t) => {
  const set = await startTlsSet({ serverNames: ['other.rs.invalid'], isReachable: false })
  t.teardown(() => set.stop())
  t.notOk(await isServed(`${set.uri}&tlsAllowInvalidHostnames=true`))
})

t.end()
