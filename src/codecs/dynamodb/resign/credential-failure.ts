const MAX_LENGTH = 200
/** The packages' own words for what is missing or was refused; anything else may quote a file or a reply that holds keys. */
const TOLD = new Set(['CredentialsProviderError', 'TokenProviderError', 'ProviderError'])

/** Why a source of credentials gave none, without anything secret in it. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it failed'
  // A program's command line and what it wrote.
  if (error.message.startsWith('Command failed')) return 'its credential_process failed'
  // The service's own name for it, as of STS: AccessDenied, ExpiredToken.
  if (!TOLD.has(error.name)) return /^[A-Za-z]{1,64}$/.test(error.name) ? error.name : 'it failed'
  const [line = ''] = error.message.split('\n')
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH)}...` : line
}
