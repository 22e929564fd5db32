import type { CredentialsConfig } from './config.js'

/** What requests are signed with. */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  /** Milliseconds since the epoch; undefined when they don't expire. */
  readonly expiresAtMs?: number
}

/** What the packages give. */
interface Identity {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
  readonly expiration?: { getTime(): number } | undefined
}

/** Where credentials come from. */
export interface CredentialSource {
  /** For messages. */
  readonly name: string
  /** Asks anew each time. */
  fetch(): Promise<Credentials>
}

const ignore = (): void => undefined
/** The packages would print their advice past the log; what they say of failures is in their errors. */
const QUIET = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore }

/** The AWS SDK's own packages, loaded when credentials are first asked for. */
export function credentialSource(config: CredentialsConfig): CredentialSource {
  switch (config.kind) {
    case 'static': {
      const { accessKeyId, secretAccessKey, sessionToken } = config
      const keys = toCredentials({ accessKeyId, secretAccessKey, sessionToken })
      return { name: 'the config', fetch: () => Promise.resolve(keys) }
    }
    case 'profile': {
      const name = config.profile === '' ? 'the shared profile' : `profile ${config.profile}`
      const init = { logger: QUIET, ignoreCache: true, ...(config.profile === '' ? {} : { profile: config.profile }) }
      const fetch = async () => {
        const { fromIni } = await import('@aws-sdk/credential-provider-ini')
        return toCredentials(await fromIni(init)())
      }
      return { name, fetch }
    }
    case 'env': {
      const fetch = async () => {
        const { defaultProvider } = await import('@aws-sdk/credential-provider-node')
        return toCredentials(await defaultProvider({ logger: QUIET, ignoreCache: true })())
      }
      return { name: 'the environment', fetch }
    }
    default: {
      const never: never = config
      throw new TypeError(`no such source: ${String(never)}`)
    }
  }
}

function toCredentials({ accessKeyId, secretAccessKey, sessionToken, expiration }: Identity): Credentials {
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    ...(expiration === undefined ? {} : { expiresAtMs: expiration.getTime() }),
  }
}
