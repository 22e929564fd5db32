import { parseAwsHost } from '../core/aws-host.js'
import { parseAddress } from '../core/units.js'
import { formatAddress } from '../core/upstream.js'
import { didYouMean } from './nearest.js'
import { type DatabaseUri, parseOptions, problem, type UriOption, type UriProblem } from './uri-parts.js'

type Scheme = 'dynamodb' | 'http' | 'https'

/** DynamoDB Local's. */
const DYNAMODB_PORT = 8_000
const TLS_OPTIONS = ['tlsCAFile', 'tlsCertificateKeyFile', 'tlsInsecure', 'tlsAllowInvalidCertificates']

export const isHttpScheme = (scheme: string): scheme is Scheme =>
  scheme === 'dynamodb' || scheme === 'http' || scheme === 'https'

/**
 * `dynamodb://host[:port][?tls=true]`, `http://host[:port]` or `https://host[:port]`, the last and the first also with the options of
 * TLS. An endpoint of DynamoDB in AWS has TLS unless it says `tls=false`. Messages never quote what may be part of a password.
 */
export function parseHttpUri(uri: string, scheme: Scheme): DatabaseUri | UriProblem {
  const start = scheme.length + 3
  const [, authority = '', path = '', query = ''] = /^([^/?]*)([^?]*)\??(.*)$/s.exec(uri.slice(start)) ?? []
  const isAddress = parseAddress(authority, 0) !== undefined
  if (`${authority}${path}`.includes('@') || (!isAddress && query.includes('@'))) {
    return problem(start + 1, 'expected no user and no password', userAdvice(scheme))
  }
  if (!isAddress) return hostProblem(authority, start, `${scheme}://HOST`)
  if (path !== '' && path !== '/') {
    return problem(
      start + authority.length + 1,
      'expected no path: requests keep their own',
      `${scheme}://${authority}`,
    )
  }
  const options = parseOptions(query, start + authority.length + path.length + 2)
  if ('kind' in options) return options
  const stray = optionFault(options, scheme)
  if (stray !== undefined) return stray
  const isAws = scheme === 'dynamodb' && parseAwsHost(authority) !== undefined
  const isTls = scheme === 'https' || isAws
  const asked = options.findLast(({ name }) => isTlsSwitch(name))?.value
  const address = parseAddress(authority, defaultPort(scheme, isAws, asked === undefined ? isTls : asked === 'true'))
  return {
    protocol: scheme === 'dynamodb' ? 'dynamodb' : 'http',
    isTls,
    hosts: address === undefined ? [] : [formatAddress(address)],
    srv: undefined,
    user: '',
    hasPassword: false,
    database: '',
    options,
  }
}

function userAdvice(scheme: Scheme): string {
  const where = 'applications have their own'
  return scheme === 'dynamodb' ? `${where}; keys for resign are found as AWS SDKs find them` : where
}

function hostProblem(authority: string, start: number, form: string): UriProblem {
  const comma = authority.indexOf(',')
  if (comma === -1) return problem(start + 1, `expected host or host:port, got "${authority}"`, form)
  const suggestion = `${form}, or a config file with hosts: [ HOST:PORT, HOST:PORT ]`
  return problem(start + comma + 1, 'expected one host', suggestion)
}

const isTlsSwitch = (name: string): boolean => /^(?:tls|ssl)$/i.test(name)

function optionFault(options: readonly UriOption[], scheme: Scheme): UriProblem | undefined {
  const known = scheme === 'http' ? [] : TLS_OPTIONS
  for (const { name, column, value } of options) {
    if (isTlsSwitch(name) && scheme === 'dynamodb') continue
    if (isTlsSwitch(name)) {
      const other = scheme === 'http' ? 'https' : 'http'
      const advice = (value === 'true') === (scheme === 'https') ? 'remove it' : `write ${other}://HOST`
      return problem(column, `${scheme}:// says itself whether there is TLS`, advice)
    }
    if (known.some((one) => one.toLowerCase() === name.toLowerCase())) continue
    const names = scheme === 'dynamodb' ? ['tls', ...known] : known
    // What is no word may be the end of a password.
    const what = /^\w+$/.test(name) ? ` "${name}"` : ' of this name'
    return problem(column, `${scheme}:// has no option${what}`, didYouMean(name, names) || 'remove it')
  }
  return undefined
}

function defaultPort(scheme: Scheme, isAws: boolean, isTls: boolean): number {
  if (isTls) return 443
  return scheme === 'http' || isAws ? 80 : DYNAMODB_PORT
}
