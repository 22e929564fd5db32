import { X509Certificate } from 'node:crypto'

const PEM_CERTIFICATE =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[\s\S]+?-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g

/** When the certificates of a leg expire: Unix time in seconds, NaN for a file that is not configured. Plain fields, read at a scrape. */
export class CertificateExpiry {
  /** Of the leg's own certificate: the first of its chain to expire ends it. */
  certSeconds = Number.NaN
  /** Of the authorities: the last to expire, so that an old one that is on its way out beside its successor is no alarm. */
  caSeconds = Number.NaN

  /** @param cert and `ca`: the files' contents, PEM */
  read({ cert, ca }: { readonly cert: Buffer | undefined; readonly ca: Buffer | undefined }): void {
    this.certSeconds = cert === undefined ? Number.NaN : Math.min(...expiriesOf(cert))
    this.caSeconds = ca === undefined ? Number.NaN : Math.max(...expiriesOf(ca))
  }

  forget(): void {
    this.read({ cert: undefined, ca: undefined })
  }
}

/** Of each certificate of a PEM file. What holds none gives [NaN]. */
function expiriesOf(pem: Buffer): readonly number[] {
  const seconds = [...pem.toString('latin1').matchAll(PEM_CERTIFICATE)].map(([text]) => expiryOf(text))
  const known = seconds.filter((time) => !Number.isNaN(time))
  return known.length === 0 ? [Number.NaN] : known
}

/** NaN for what OpenSSL passes over in a bundle, too. */
function expiryOf(pem: string): number {
  try {
    // biome-ignore lint/style/noRestrictedGlobals: reads a text, is no source of time
    return Date.parse(new X509Certificate(pem).validTo) / 1000
  } catch {
    return Number.NaN
  }
}
