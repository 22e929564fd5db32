import { parseAddress } from '../core/units.js'
import { formatAddress } from '../core/upstream.js'
import { didYouMean } from './nearest.js'

/** A database's URI in its parts. The password is read past and not kept: the proxy has no use for it. */
export interface DatabaseUri {
  readonly protocol: 'mongodb' | 'tcp'
  /** As a config file writes them: `host:port`, `[v6]:port` or `unix:/path`. */
  readonly hosts: readonly string[]
  /** Still percent-encoded; '' when there is none. */
  readonly user: string
  readonly hasPassword: boolean
  /** Still percent-encoded; '' when there is none. */
  readonly database: string
  readonly options: readonly UriOption[]
}

export interface UriOption {
  readonly name: string
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

export const MONGODB_PORT = 27_017
const SUPPORTED = ['mongodb', 'tcp']
const SUPPORTED_FORMS = 'supported: mongodb://HOST:PORT/ and tcp://HOST:PORT'
const PLANNED: Readonly<Record<string, string>> = {
  'mongodb+srv': 'write the host names out: mongodb://HOST:PORT,HOST:PORT/?tls=true',
  dynamodb: SUPPORTED_FORMS,
  http: SUPPORTED_FORMS,
  https: SUPPORTED_FORMS,
}

/**
 * `mongodb://[user[:password]@]host[:port][,…]/[database][?options]` or `tcp://host:port[,…]`. A host that holds encoded slashes is a
 * Unix socket. Messages never quote what may be part of a password. (MongoDB: Connection String specification.)
 */
export function parseDatabaseUri(uri: string): DatabaseUri | UriProblem {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(uri)?.[1]
  if (scheme === undefined) {
    const isHost = parseAddress(uri, MONGODB_PORT) !== undefined
    return problem(1, 'expected a URI', isHost ? `did you mean mongodb://${uri}/ ?` : SUPPORTED_FORMS)
  }
  const protocol = scheme.toLowerCase()
  if (protocol !== 'mongodb' && protocol !== 'tcp') return unsupported(scheme, protocol)
  const start = scheme.length + 3
  const rest = uri.slice(start)
  const authorityEnd = rest.search(/[/?]/)
  const authority = authorityEnd === -1 ? rest : rest.slice(0, authorityEnd)
  const tail = authorityEnd === -1 ? '' : rest.slice(authorityEnd)
  const at = authority.lastIndexOf('@')
  const credentials = at === -1 ? '' : authority.slice(0, at)
  const hosts = parseHosts(authority.slice(at + 1), start + at + 2, protocol, at === -1 && tail.includes('@'))
  if ('kind' in hosts) return hosts
  const colon = credentials.indexOf(':')
  const question = tail.indexOf('?')
  const options = parseOptions(question === -1 ? '' : tail.slice(question + 1), start + authority.length + question + 2)
  if ('kind' in options) return options
  return {
    protocol,
    hosts,
    user: colon === -1 ? credentials : credentials.slice(0, colon),
    hasPassword: colon !== -1,
    database: (question === -1 ? tail : tail.slice(0, question)).slice(1),
    options,
  }
}

const problem = (column: number, message: string, suggestion: string): UriProblem => ({
  kind: 'problem',
  column,
  message,
  suggestion,
})

function unsupported(scheme: string, protocol: string): UriProblem {
  const planned = PLANNED[protocol]
  if (planned !== undefined) return problem(1, `${scheme}:// is not supported by this version of oplens`, planned)
  const meant = didYouMean(protocol, SUPPORTED)
  return problem(1, `unknown scheme ${scheme}://`, meant.startsWith('did') ? meant : SUPPORTED_FORMS)
}

function parseHosts(text: string, column: number, protocol: string, mayBePassword: boolean): string[] | UriProblem {
  const hosts: string[] = []
  let offset = column
  for (const part of text.split(',')) {
    const decoded = decode(part)
    const address = decoded?.includes('/')
      ? parseAddress(`unix:${decoded}`)
      : parseAddress(part, protocol === 'mongodb' ? MONGODB_PORT : undefined)
    if (address === undefined || part === '') {
      if (mayBePassword) {
        return problem(
          offset,
          'the host can not be told from the password',
          'write / as %2F, ? as %3F and @ as %40 in user and password',
        )
      }
      const expected = protocol === 'mongodb' ? 'host or host:port' : 'host:port'
      return problem(
        offset,
        `expected ${expected}, got "${part}"`,
        protocol === 'mongodb' ? 'mongodb://HOST:PORT/' : 'tcp://HOST:PORT',
      )
    }
    hosts.push(formatAddress(address))
    offset += part.length + 1
  }
  return hosts
}

function parseOptions(query: string, column: number): UriOption[] | UriProblem {
  const options: UriOption[] = []
  let offset = column
  for (const text of query.split('&')) {
    const equals = text.indexOf('=')
    const value = decode(text.slice(equals + 1))
    if (text !== '' && (equals < 1 || value === undefined)) {
      return problem(offset, 'expected name=value in the options of the URI', 'separate options with &')
    }
    if (text !== '') options.push({ name: text.slice(0, equals), value: value ?? '', text })
    offset += text.length + 1
  }
  return options
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    // A lone % or broken UTF-8: the caller reports the part that holds it.
    return undefined
  }
}
