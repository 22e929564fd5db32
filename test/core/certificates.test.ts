import t from 'tap'
import { CertificateExpiry } from '../../src/core/certificates.js'
import { createAuthority, signServer } from '../support/tls.js'

const EARLY = new Date('2030-01-01T00:00:00Z')
const LATE = new Date('2040-01-01T00:00:00Z')
const seconds = (date: Date) => date.getTime() / 1000

const early = await createAuthority(EARLY)
const late = await createAuthority(LATE)
const leaf = await signServer(late, 'localhost', EARLY)
const BROKEN = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'

const rows = [
  ['one of each', leaf.cert, late.cert, EARLY, LATE],
  ['the first of a chain to expire ends it', `${leaf.cert}\n${late.cert}`, late.cert, EARLY, LATE],
  ['in any order', `${late.cert}\n${leaf.cert}`, `${late.cert}${early.cert}`, EARLY, LATE],
  ['the last authority of a bundle', leaf.cert, `${early.cert}${late.cert}`, EARLY, LATE],
  ['words around them, and one that nobody can read', `# mine\r\n${leaf.cert}`, `${late.cert}${BROKEN}`, EARLY, LATE],
] as const

for (const [title, cert, ca, certExpires, caExpires] of rows) {
  t.test(`expiry: ${title}`, async (t) => {
    const expiry = new CertificateExpiry()
    expiry.read({ cert: Buffer.from(cert), ca: Buffer.from(ca) })
    t.same([expiry.certSeconds, expiry.caSeconds], [seconds(certExpires), seconds(caExpires)])
  })
}

t.test('without files, and with files that hold no certificate, nothing is known', async (t) => {
  const expiry = new CertificateExpiry()
  const isUnknown = () => Number.isNaN(expiry.certSeconds) && Number.isNaN(expiry.caSeconds)
  t.ok(isUnknown())
  expiry.read({ cert: Buffer.from(leaf.cert), ca: undefined })
  t.equal(expiry.certSeconds, seconds(EARLY))
  expiry.read({ cert: Buffer.from('nothing'), ca: Buffer.from(BROKEN) })
  t.ok(isUnknown())
  expiry.read({ cert: Buffer.from(leaf.cert), ca: Buffer.from(late.cert) })
  expiry.forget()
  t.ok(isUnknown())
})
