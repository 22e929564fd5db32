import { isServiceName, parseDnsName } from '../core/dns-name.js'
import { parseAddress } from '../core/units.js'
import { formatAddress } from '../core/upstream.js'
import { isHttpScheme, parseHttpUri } from './http-uri.js'
import { didYouMean } from './nearest.js'
import {
  type DatabaseUri,
  decode,
  parseOptions,
  passwordProblem,
  problem,
  type SrvSource,
  type UriOption,
  type UriProblem,
} from './uri-parts.js'

export const MONGODB_PORT = 27_017
const SUPPORTED = ['mongodb', 'mongodb+srv', 'dynamodb', 'http', 'https', 'tcp']
const SUPPORTED_FORMS =
  'supported: mongodb://HOST:PORT/, mongodb+srv://HOST.NAME/, dynamodb://HOST, http://HOST, https://HOST and tcp://HOST:PORT'
const SRV_FORM = 'mongodb+srv://HOST.NAME/'

/**
 * `mongodb://[user[:password]@]host[:port][,…]/[database][?options]`, `mongodb+srv://` with one host name in their place, or
 * `tcp://host:port[,…]`; for `dynamodb://`, `http://` and `https://` see `parseHttpUri`. A host that holds encoded
 * slashes is a Unix socket. Messages never quote what may be part of a password.
 * (MongoDB: Connection String specification; Initial DNS Seedlist Discovery, "URI Validation" and "Validation Before Querying DNS".)
 */
export function parseDatabaseUri(uri: string): DatabaseUri | UriProblem {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(uri)?.[1]
  if (scheme === undefined) {
    const isHost = parseAddress(uri, MONGODB_PORT) !== undefined
    return problem(1, 'expected a URI', isHost ? `did you mean mongodb://${uri}/ ?` : SUPPORTED_FORMS)
  }
  const form = scheme.toLowerCase()
  if (isHttpScheme(form)) return parseHttpUri(uri, form)
  const isSrv = form === 'mongodb+srv'
  const protocol = isSrv ? 'mongodb' : form
  if (protocol !== 'mongodb' && protocol !== 'tcp') return unknownScheme(scheme, form)
  const start = scheme.length + 3
  const rest = uri.slice(start)
  const authorityEnd = rest.search(/[/?]/)
  const authority = authorityEnd === -1 ? rest : rest.slice(0, authorityEnd)
  const tail = authorityEnd === -1 ? '' : rest.slice(authorityEnd)
  const at = authority.lastIndexOf('@')
  const credentials = at === -1 ? '' : authority.slice(0, at)
  const mayBePassword = at === -1 && tail.includes('@')
  const hostsText = authority.slice(at + 1)
  const hostsColumn = start + at + 2
  const name = isSrv ? parseSrvName(hostsText, hostsColumn, mayBePassword) : ''
  if (typeof name !== 'string') return name
  const hosts = isSrv ? [] : parseHosts(hostsText, hostsColumn, protocol, mayBePassword)
  if ('kind' in hosts) return hosts
  const colon = credentials.indexOf(':')
  const question = tail.indexOf('?')
  const options = parseOptions(question === -1 ? '' : tail.slice(question + 1), start + authority.length + question + 2)
  if ('kind' in options) return options
  const fault = isSrv ? srvOptionFault(options) : protocol === 'mongodb' ? strayOptionFault(options) : undefined
  if (fault !== undefined) return fault
  return {
    protocol,
    isTls: isSrv,
    hosts,
    srv: isSrv ? srvSource(name, options) : undefined,
    user: colon === -1 ? credentials : credentials.slice(0, colon),
    hasPassword: colon !== -1,
    database: (question === -1 ? tail : tail.slice(0, question)).slice(1),
    options,
  }
}

function unknownScheme(scheme: string, protocol: string): UriProblem {
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
      if (mayBePassword) return passwordProblem(offset)
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

/** In lower case. */
function parseSrvName(text: string, column: number, mayBePassword: boolean): string | UriProblem {
  const name = parseDnsName(text)
  if (name !== undefined) return name
  if (mayBePassword) return passwordProblem(column)
  const comma = text.indexOf(',')
  if (comma !== -1) {
    const suggestion = `${SRV_FORM}, or mongodb://HOST:PORT,HOST:PORT/?tls=true`
    return problem(column + comma, 'expected one host name: DNS tells the hosts', suggestion)
  }
  const [, host, port] = /^([^:]*):(\d*)$/.exec(text) ?? []
  if (host !== undefined && port !== undefined && parseDnsName(host) !== undefined) {
    const suggestion = `mongodb+srv://${host}/, or without DNS records mongodb://${host}:${port}/`
    return problem(column + host.length, 'expected no port: DNS tells the ports', suggestion)
  }
  return problem(column, `expected a host name, got "${text}"`, SRV_FORM)
}

/** By name in lower case, as drivers compare them; later ones win. */
const find = (options: readonly UriOption[], name: string): UriOption | undefined =>
  options.findLast((option) => option.name.toLowerCase() === name)

function srvOptionFault(options: readonly UriOption[]): UriProblem | undefined {
  const service = find(options, 'srvservicename')
  if (service !== undefined && !isServiceName(service.value)) {
    return problem(service.column, `expected the name of a service, got "${service.value}"`, 'the default is mongodb')
  }
  const maxHosts = find(options, 'srvmaxhosts')
  if (maxHosts !== undefined && !/^\d{1,6}$/.test(maxHosts.value)) {
    return problem(maxHosts.column, `expected a whole number, got "${maxHosts.value}"`, '0 takes all hosts')
  }
  if (maxHosts !== undefined && Number(maxHosts.value) > 0 && find(options, 'replicaset') !== undefined) {
    return problem(maxHosts.column, 'srvMaxHosts is for routers: a replica set tells all its members', 'remove one')
  }
  const suffix = find(options, 'srvallowedhostssuffix')
  if (suffix !== undefined) {
    const message = 'srvAllowedHostsSuffix is not supported by this version of oplens'
    return problem(suffix.column, message, 'write the host names out: mongodb://HOST:PORT,HOST:PORT/?tls=true')
  }
  const direct = find(options, 'directconnection')
  if (direct?.value === 'true') {
    const message = 'directConnection=true is for one server: these are found in DNS'
    return problem(direct.column, message, 'remove it, or name the server: mongodb://HOST:PORT/')
  }
  const balanced = find(options, 'loadbalanced')
  if (balanced?.value !== 'true') return undefined
  const message = 'loadBalanced=true is not supported by this version of oplens'
  return problem(balanced.column, message, 'name the servers behind the load balancer: mongodb://HOST:PORT/?tls=true')
}

function strayOptionFault(options: readonly UriOption[]): UriProblem | undefined {
  const stray = options.find(({ name }) => /^srv(?:servicename|maxhosts)$/i.test(name))
  return stray && problem(stray.column, `${stray.name} is for mongodb+srv:// only`, 'remove it')
}

function srvSource(name: string, options: readonly UriOption[]): SrvSource {
  const service = find(options, 'srvservicename')?.value
  const maxHosts = find(options, 'srvmaxhosts')?.value
  return {
    name,
    ...(service === undefined ? {} : { service }),
    ...(maxHosts === undefined ? {} : { max_hosts: Number(maxHosts) }),
  }
}
