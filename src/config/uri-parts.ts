/** A database's URI in its parts. The password is read past and not kept: the proxy has no use for it. */
export interface DatabaseUri {
  readonly protocol: 'mongodb' | 'tcp' | 'dynamodb' | 'http'
  /** Whether there is TLS when the options don't say. */
  readonly isTls: boolean
  /** As a config file writes them: `host:port`, `[v6]:port` or `unix:/path`. None when DNS tells them. */
  readonly hosts: readonly string[]
  /** Of `mongodb+srv://`; undefined of any other. */
  readonly srv: SrvSource | undefined
  /** Still percent-encoded; '' when there is none. */
  readonly user: string
  readonly hasPassword: boolean
  /** Still percent-encoded; '' when there is none. */
  readonly database: string
  readonly options: readonly UriOption[]
}

/** Where DNS tells the hosts, by the words of a config file. */
export interface SrvSource {
  readonly name: string
  readonly service?: string
  readonly max_hosts?: number
}

export interface UriOption {
  readonly name: string
  /** Into the URI, from 1. */
  readonly column: number
  /** Decoded. */
  readonly value: string
  /** `name=value` as it stood. */
  readonly text: string
}

export interface UriProblem {
  readonly kind: 'problem'
  /** Into the URI, from 1. */
  readonly column: number
  readonly message: string
  readonly suggestion: string
}

export const problem = (column: number, message: string, suggestion: string): UriProblem => ({
  kind: 'problem',
  column,
  message,
  suggestion,
})

export const passwordProblem = (column: number): UriProblem =>
  problem(
    column,
    'the host can not be told from the password',
    'write / as %2F, ? as %3F and @ as %40 in user and password',
  )

export function parseOptions(query: string, column: number): UriOption[] | UriProblem {
  const options: UriOption[] = []
  let offset = column
  for (const text of query.split('&')) {
    const equals = text.indexOf('=')
    const value = decode(text.slice(equals + 1))
    if (text !== '' && (equals < 1 || value === undefined)) {
      return problem(offset, 'expected name=value in the options of the URI', 'separate options with &')
    }
    if (text !== '') options.push({ name: text.slice(0, equals), column: offset, value: value ?? '', text })
    offset += text.length + 1
  }
  return options
}

export function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    // A lone % or broken UTF-8: the caller reports the part that holds it.
    return undefined
  }
}
