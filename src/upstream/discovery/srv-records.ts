import { Resolver } from 'node:dns/promises'
import { parseDnsName } from '../../core/dns-name.js'
import { isListable, quoteName } from '../topology/member-name.js'

export interface SrvRecord {
  readonly name: string
  readonly port: number
  /** Undefined where the resolver does not tell it; Node's does not. */
  readonly ttlSeconds?: number
}

/** Questions to DNS. Each rejects when it can't be answered, and soon after the signal aborts. */
export interface SrvResolver {
  srv(name: string, signal: AbortSignal): Promise<readonly SrvRecord[]>
  /** Each record as its strings; empty when the name has none. */
  txt(name: string, signal: AbortSignal): Promise<readonly (readonly string[])[]>
}

/** @param create a resolver for each question, so that servers are read anew when the machine has been given others */
export function createSrvResolver(create = () => new Resolver({ timeout: 2_000, tries: 2 })): SrvResolver {
  const ask = async <T>(question: (resolver: Resolver) => Promise<T>, signal: AbortSignal): Promise<T> => {
    const resolver = create()
    const cancel = () => resolver.cancel()
    signal.addEventListener('abort', cancel)
    try {
      return await question(resolver)
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  }
  return {
    srv: (name, signal) => ask((resolver) => resolver.resolveSrv(name), signal),
    txt: (name, signal) =>
      ask(async (resolver) => {
        try {
          return await resolver.resolveTxt(name)
        } catch (error) {
          if (hasNoRecord(error)) return []
          throw error
        }
      }, signal),
  }
}

function hasNoRecord(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENODATA' || error.code === 'ENOTFOUND')
}

export interface SrvTargets {
  /** `host:port` in lower case, sorted: a resolver that rotates its answer must not look like a change. */
  readonly hosts: readonly string[]
  /** Those that are no hosts of this domain, for sentences. */
  readonly refused: readonly string[]
}

/**
 * Whoever can write a domain's records must not lead us out of it, credentials and all. (Initial DNS Seedlist Discovery, "Querying
 * DNS"; priority and weight are ignored, as it says.)
 * @param name that the records are of, normalised
 */
export function checkTargets(name: string, records: readonly SrvRecord[]): SrvTargets {
  const hosts = new Set<string>()
  const refused = new Set<string>()
  const ending = `.${domainOf(name)}`
  for (const record of records) {
    const host = parseDnsName(record.name)
    if (host?.endsWith(ending) && record.port > 0) hosts.add(`${host}:${record.port}`)
    else refused.add(`${quoteName(record.name)} port ${record.port}`)
  }
  return { hosts: [...hosts].sort(), refused: [...refused].sort() }
}

/** What targets must end with, below it: the name without its first label, or the whole of one that has fewer than three. */
export function domainOf(name: string): string {
  const labels = name.split('.')
  return labels.length < 3 ? name : labels.slice(1).join('.')
}

export interface TxtOptions {
  readonly authSource: string
  readonly replicaSet: string
  readonly isLoadBalanced: boolean
}

export type TxtAnswer = { readonly kind: 'options'; readonly options: TxtOptions } | Refusal

interface Refusal {
  readonly kind: 'refused'
  readonly reason: string
}

const refusal = (reason: string): Refusal => ({ kind: 'refused', reason })
const TXT_OPTIONS = ['authSource', 'replicaSet', 'loadBalanced']

/** (Initial DNS Seedlist Discovery, "Default Connection String Options".) */
export function parseTxt(records: readonly (readonly string[])[]): TxtAnswer {
  if (records.length > 1) return refusal(`it has ${records.length} TXT records, where one is allowed`)
  const values = new Map<string, string>()
  for (const text of (records[0] ?? []).join('').split('&')) {
    if (text === '') continue
    const equals = text.indexOf('=')
    const name = TXT_OPTIONS.find((option) => option.toLowerCase() === text.slice(0, equals).toLowerCase())
    const value = decode(text.slice(equals + 1))
    if (equals < 1 || !isListable(value)) return refusal('its TXT record is not of the form name=value')
    if (name === undefined) {
      return refusal(
        `its TXT record has option ${quoteName(text.slice(0, equals))}: allowed are ${TXT_OPTIONS.join(', ')}`,
      )
    }
    values.set(name, value)
  }
  const balanced = values.get('loadBalanced') ?? 'false'
  if (balanced !== 'true' && balanced !== 'false')
    return refusal('its TXT record has loadBalanced neither true nor false')
  const [authSource = '', replicaSet = ''] = [values.get('authSource'), values.get('replicaSet')]
  return { kind: 'options', options: { authSource, replicaSet, isLoadBalanced: balanced === 'true' } }
}

/** '' for what can't be decoded. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A lone % or broken UTF-8: as good as no value.
    return ''
  }
}
