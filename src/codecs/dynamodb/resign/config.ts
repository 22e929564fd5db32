import { isIP } from 'node:net'
import { z } from 'zod'
import { sizeBytes } from '../../../core/units.js'

// Messages here never quote what was written: it may be a secret at the wrong place.
const FORMS = 'expected env, profile, { profile: NAME } or { access_key_id, secret_access_key }'
const MAX_BODY = 64 * 1_048_576

const secret = z.string({ error: 'expected the key as text, in quotes' }).min(1, { error: 'expected a value' })

const staticSchema = z
  .strictObject({ access_key_id: secret, secret_access_key: secret, session_token: secret.optional() })
  .transform((keys) => ({
    kind: 'static' as const,
    accessKeyId: keys.access_key_id,
    secretAccessKey: keys.secret_access_key,
    sessionToken: keys.session_token,
  }))

const profileSchema = z
  .strictObject({ profile: z.string({ error: 'expected the name of a profile' }).min(1, { error: 'expected a name' }) })
  .transform(({ profile }) => ({ kind: 'profile' as const, profile }))

const SOURCES: readonly string[] = ['env', 'profile']
const sourceSchema = z
  .string()
  .refine((source) => SOURCES.includes(source), { error: FORMS })
  .transform((source) => (source === 'env' ? { kind: 'env' as const } : { kind: 'profile' as const, profile: '' }))
  .meta({ enum: SOURCES })

/** `10.0.0.0/8`, `2001:db8::/32`, or one address. */
export interface Subnet {
  readonly address: string
  readonly prefix: number
  readonly family: 'ipv4' | 'ipv6'
}

const subnet = z.string({ error: 'expected addresses like 10.0.0.0/8' }).transform((text, context): Subnet => {
  const [, address = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text.trim()) ?? []
  const version = isIP(address)
  const bits = version === 6 ? 128 : 32
  const prefix = length === undefined ? bits : Number(length)
  if (version === 0 || prefix > bits) context.addIssue(`expected addresses like 10.0.0.0/8 or fd00::/8, got "${text}"`)
  else if (prefix === 0) context.addIssue(`${text} is everybody: write allow_any_client: true in its place`)
  else return { address, prefix, family: version === 6 ? 'ipv6' : 'ipv4' }
  return z.NEVER
})

/** Requests are signed again, with credentials of the proxy's own. */
export const resignSchema = z
  .strictObject({
    region: z
      .string()
      .regex(/^[a-z0-9-]{1,63}$/, { error: 'expected the name of a region, like eu-central-1' })
      .optional()
      .describe('Without it, the one in the host name of the cluster.'),
    credentials: z
      .union([staticSchema, profileSchema, sourceSchema], { error: FORMS })
      .prefault('env')
      .describe(
        'env: as AWS SDKs find them: environment variables, shared files, web identity, the role of container or machine. profile: the shared files alone.',
      ),
    allow_clients: z.array(subnet).min(1).optional().describe('Clients of other addresses are refused.'),
    allow_any_client: z
      .boolean()
      .default(false)
      .describe('Whoever reaches the listener may use the credentials, also from other machines.'),
    max_body: z
      .string({ error: 'expected a size with its unit, like 1MiB or 16MiB' })
      .default('16MiB')
      .transform(sizeBytes)
      .refine((bytes) => bytes > 0 && bytes <= MAX_BODY, { error: 'expected more than 0 and at most 64MiB' })
      .describe('Bodies without a hash in their head are held up to this size, to compute it.'),
  })
  .refine(({ allow_clients, allow_any_client }) => allow_clients === undefined || !allow_any_client, {
    error: 'expected one of allow_clients and allow_any_client',
  })

export type ResignConfig = z.output<typeof resignSchema>
export type CredentialsConfig = ResignConfig['credentials']
