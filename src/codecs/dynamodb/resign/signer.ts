import { BlockList, isIP } from 'node:net'
import type { SignatureV4 } from '@smithy/signature-v4'
import { parseAwsHost } from '../../../core/aws-host.js'
import type { SignerContext } from '../../../core/codec.js'
import { OplensError } from '../../../core/errors.js'
import type { HttpRequestHead, HttpSigner, ReplacedFields } from '../../../core/http.js'
import type { ResignConfig, Subnet } from './config.js'
import { CredentialCache } from './credential-cache.js'
import { credentialSource } from './credential-sources.js'
import { fieldsToSign, parseTarget, SIGNATURE_FIELDS } from './signed-fields.js'

/** Also of DynamoDB Streams. */
const SERVICE = 'dynamodb'
const HASH = 'x-amz-content-sha256'
const SHA256 = /^[0-9a-f]{64}$/i

/** Signs with AWS Signature Version 4, by the AWS SDK's own package, which keeps the day's signing key. */
export class DynamodbSigner implements HttpSigner {
  readonly maxBodyBytes: number
  readonly #host: string
  readonly #region: string
  readonly #credentials: CredentialCache
  readonly #context: SignerContext
  readonly #clients: BlockList | undefined
  #signature: Promise<SignatureV4> | undefined

  constructor(config: ResignConfig, context: SignerContext) {
    const region = config.region ?? parseAwsHost(context.host.replace(/:\d+$/, ''))?.region
    if (region === undefined) throw new TypeError(`no region is known for ${context.host}`)
    this.maxBodyBytes = config.max_body
    this.#host = context.host
    this.#region = region
    this.#context = context
    this.#credentials = new CredentialCache(credentialSource(config.credentials), context.clock)
    this.#clients = config.allow_clients === undefined ? undefined : listOf(config.allow_clients)
  }

  allows(client: string): boolean {
    if (this.#clients === undefined) return true
    // Without the zone of a link-local address.
    const [address = ''] = client.split('%')
    const version = isIP(address)
    return version !== 0 && this.#clients.check(address, version === 6 ? 'ipv6' : 'ipv4')
  }

  /** Undefined also for `UNSIGNED-PAYLOAD` and the streaming forms: what goes on is signed, wholly and at once. */
  declaredHash({ headers }: HttpRequestHead): string | undefined {
    const values = headers.all(HASH)
    const [hash = ''] = values
    return values.length === 1 && SHA256.test(hash) ? hash.toLowerCase() : undefined
  }

  /** Reads `head` during the call only. Rejects with OplensError OPL_RESIGN_BROWSER or OPL_CREDENTIALS. */
  async sign(head: HttpRequestHead, bodyHash: string): Promise<ReplacedFields> {
    refuseBrowsers(head)
    const headers: Record<string, string> = { ...fieldsToSign(head.headers), host: this.#host, [HASH]: bodyHash }
    const request = {
      protocol: 'https:',
      hostname: this.#host,
      method: head.method,
      ...parseTarget(head.target),
      headers,
    }
    this.#signature ??= this.#load()
    const signature = await this.#signature
    // Seconds, as the package takes numbers.
    const signed = await signature.sign(request, { signingDate: this.#context.clock.wall() / 1_000 })
    const names = SIGNATURE_FIELDS.filter((name) => signed.headers[name] !== undefined)
    return { drop: SIGNATURE_FIELDS, add: names.map((name) => [name, signed.headers[name] ?? '']) }
  }

  async #load(): Promise<SignatureV4> {
    const [{ SignatureV4 }, { Sha256 }] = await Promise.all([
      import('@smithy/signature-v4'),
      import('@smithy/core/checksum'),
    ])
    const credentials = () => this.#credentials.get()
    return new SignatureV4({ service: SERVICE, region: this.#region, credentials, sha256: Sha256 })
  }
}

/**
 * AWS lets scripts of any site read what DynamoDB answers (its CORS is `*`), for nobody can sign without keys. Here anybody's page in a
 * browser that reaches this port could: browsers tell of a page by `Origin`, and of any request by `Sec-Fetch-Site`; the AWS SDKs
 * outside of them send neither.
 */
function refuseBrowsers({ headers }: HttpRequestHead): void {
  if (headers.get('origin') === undefined && headers.get('sec-fetch-site') === undefined) return
  const message = 'A browser asked, and resign does not lend credentials to web pages'
  throw new OplensError(message, { code: 'OPL_RESIGN_BROWSER', origin: 'downstream' })
}

function listOf(subnets: readonly Subnet[]): BlockList {
  const list = new BlockList()
  for (const { address, prefix, family } of subnets) list.addSubnet(address, prefix, family)
  return list
}
