// An authority of the test's own and its certificates, made anew each time.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'

const DAY_MS = 86_400_000
const validity = () => ({
  algorithm: 'sha256',
  keyType: 'ec',
  notBeforeDate: new Date(Date.now() - DAY_MS),
  notAfterDate: new Date(Date.now() + DAY_MS),
})

const LOCAL = ['localhost', '127.0.0.1']

/** @param {{serverNames?: string[], proxyNames?: string[]}} [options] host names and IPv4 addresses that each certificate is for */
export async function makeCertificates({ serverNames = LOCAL, proxyNames = LOCAL } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'oplens-tls-'))
  const authority = await generate([{ name: 'commonName', value: 'oplens test authority' }], {
    ...validity(),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  const leaf = (name, hosts = LOCAL) =>
    generate([{ name: 'commonName', value: name }], {
      ...validity(),
      ca: { key: authority.private, cert: authority.cert },
      extensions: [
        { name: 'basicConstraints', cA: false },
        { name: 'keyUsage', digitalSignature: true, critical: true },
        { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
        {
          name: 'subjectAltName',
          altNames: hosts.map((host) => (isIPv4(host) ? { type: 7, ip: host } : { type: 2, value: host })),
        },
      ],
    })
  const save = (name, text) => {
    const path = join(folder, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  const server = await leaf('the database', serverNames)
  const proxy = await leaf('the proxy', proxyNames)
  const client = await leaf('an application')
  return {
    caFile: save('ca.pem', authority.cert),
    server: { certFile: save('server.pem', server.cert), keyFile: save('server.key', server.private) },
    proxy: { certFile: save('proxy.pem', proxy.cert), keyFile: save('proxy.key', proxy.private) },
    /** Certificate and key in one file, as drivers want it. */
    clientFile: save('client.pem', `${client.cert}\n${client.private}`),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
