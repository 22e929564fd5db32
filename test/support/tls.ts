import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'

export interface KeyPair {
  readonly key: string
  readonly cert: string
}

/** PEM texts. */
export interface Certificates {
  readonly ca: KeyPair
  /** For localhost, 127.0.0.1 and ::1. */
  readonly server: KeyPair
  readonly client: KeyPair
}

/** An authority with a server and a client signed by it, made on the spot: about 10 ms. */
export async function createCertificates(): Promise<Certificates> {
  const ca = await createAuthority()
  return { ca, server: await signServer(ca), client: await signClient(ca) }
}

/** A year from now when it is left out. */
const until = (notAfter: Date | undefined) => (notAfter === undefined ? {} : { notAfterDate: notAfter })

export async function createAuthority(notAfter?: Date): Promise<KeyPair> {
  const made = await generate([{ name: 'commonName', value: 'test authority' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ...until(notAfter),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  return { key: made.private, cert: made.cert }
}

export async function signServer(ca: KeyPair, commonName = 'localhost', notAfter?: Date): Promise<KeyPair> {
  const made = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ...until(notAfter),
    ca,
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: commonName },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  })
  return { key: made.private, cert: made.cert }
}

export async function signClient(ca: KeyPair, notAfter?: Date): Promise<KeyPair> {
  const made = await generate([{ name: 'commonName', value: 'test client' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ...until(notAfter),
    ca,
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'extKeyUsage', clientAuth: true },
    ],
  })
  return { key: made.private, cert: made.cert }
}

export interface TempDirectory {
  readonly path: string
  /** @returns the full path */
  write(name: string, text: string): Promise<string>
  remove(): Promise<void>
}

export async function createTempDirectory(): Promise<TempDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'oplens-'))
  return {
    path,
    write: async (name, text) => {
      const file = join(path, name)
      await writeFile(file, text)
      return file
    },
    remove: () => rm(path, { recursive: true, force: true }),
  }
}
