import type { Clock, Random, Timer } from '../../core/clock.js'
import type { Logger } from '../../core/logger.js'
import { parseAddress } from '../../core/units.js'
import type { SrvConfig } from '../config.js'
import type { Discovery, DiscoveryEvents } from './discovery.js'
import { checkTargets, domainOf, parseTxt, type SrvRecord, type SrvResolver, type TxtOptions } from './srv-records.js'

const ANSWER_WITHIN_MS = 10_000
const FIRST_RETRY_MS = 1_000
const MAX_RETRY_MS = 60_000
/** Less is no reason to ask more often; and what counts where the resolver tells no time to live. */
const MIN_POLL_MS = 60_000
/** Many proxies that started together must not ask together for ever. */
const JITTER = 0.1
/** Timers of Node overflow past 2^31 ms and would fire at once. */
const MAX_POLL_MS = 20 * 86_400_000

export interface SrvSourceParts {
  /** For the log. */
  readonly cluster: string
  readonly srv: SrvConfig
  /** Of the config, which overrides what DNS says; '' for none. */
  readonly setName: string
  /** Between questions once one failed that had been answered before. */
  readonly heartbeatMs: number
  /** Somebody asks the hosts what they are. */
  readonly isWatched: boolean
  /** Whether another answer could change anything; asked when it is time to. */
  readonly isPolled: () => boolean
  readonly resolver: SrvResolver
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export interface SrvAnswer {
  /** `host:port` in lower case, one or more. */
  readonly hosts: readonly string[]
  /** '' when neither config nor DNS name one. */
  readonly setName: string
}

export interface SrvEvents {
  found(answer: SrvAnswer): void
  failed(reason: string): void
}

type Outcome =
  | { readonly kind: 'found'; readonly answer: SrvAnswer; readonly ttlMs: number }
  | { readonly kind: 'failed'; readonly reason: string }

const failed = (reason: string): Outcome => ({ kind: 'failed', reason })

/**
 * The hosts behind a name in DNS. Asks until there is an answer, then again as the records' time to live says, for as long as it
 * matters. (Initial DNS Seedlist Discovery; Polling SRV Records for mongos Discovery.)
 */
export class SrvSource {
  readonly #parts: SrvSourceParts
  #options: TxtOptions | undefined
  #hosts: readonly string[] = []
  #failures = 0
  #timer: Timer | undefined
  #asking: AbortController | undefined
  #isClosed = false

  constructor(parts: SrvSourceParts) {
    this.#parts = parts
  }

  /** Once. */
  start(events: SrvEvents): void {
    void this.#ask(events)
  }

  /** No event after this. */
  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#asking?.abort()
  }

  async #ask(events: SrvEvents): Promise<void> {
    const outcome = await this.#inTime((signal) =>
      this.#options === undefined ? this.#first(signal) : this.#again(signal),
    )
    if (this.#isClosed) return
    if (outcome.kind === 'found') {
      this.#failures = 0
      this.#hosts = outcome.answer.hosts
      events.found(outcome.answer)
      this.#askAfter(this.#pollMs(outcome.ttlMs), events)
    } else {
      this.#failures++
      events.failed(outcome.reason)
      this.#askAfter(this.#retryMs(), events)
    }
  }

  #askAfter(ms: number, events: SrvEvents): void {
    // The event may have closed it.
    if (this.#isClosed || this.#options?.isLoadBalanced) return
    this.#timer = this.#parts.clock.after(ms, () => {
      if (this.#options === undefined || this.#parts.isPolled()) void this.#ask(events)
      else this.#askAfter(MIN_POLL_MS, events)
    })
  }

  async #inTime(question: (signal: AbortSignal) => Promise<Outcome>): Promise<Outcome> {
    const asking = new AbortController()
    this.#asking = asking
    const timer = this.#parts.clock.after(ANSWER_WITHIN_MS, () => asking.abort())
    try {
      return await question(asking.signal)
    } catch (error) {
      if (asking.signal.aborted) return failed(`DNS did not answer for ${this.#parts.srv.name} in time`)
      return failed(error instanceof Error ? error.message : String(error))
    } finally {
      timer.cancel()
      // Of two questions one may have failed while the other is still out.
      asking.abort()
    }
  }

  /** Both records; nothing of them is taken unless all of it is right. */
  async #first(signal: AbortSignal): Promise<Outcome> {
    const { resolver, srv, logger, cluster } = this.#parts
    const [records, txt] = await Promise.all([resolver.srv(this.#recordName, signal), resolver.txt(srv.name, signal)])
    const { hosts, refused } = checkTargets(srv.name, records)
    if (refused.length > 0) {
      return failed(`${this.#recordName} names what is no host below ${domainOf(srv.name)}: ${refused.join(', ')}`)
    }
    if (hosts.length === 0) return failed(`${this.#recordName} names no hosts`)
    const parsed = parseTxt(txt)
    if (parsed.kind === 'refused') return failed(`${srv.name}: ${parsed.reason}`)
    const { options } = parsed
    const setName = this.#parts.setName === '' ? options.replicaSet : this.#parts.setName
    const clash = this.#clash(options.isLoadBalanced, setName, hosts.length)
    if (clash !== '') return failed(`${srv.name}: ${clash}`)
    this.#options = options
    const found = this.#found(hosts, records)
    const fields = {
      cluster,
      srv: srv.name,
      hosts: found.answer.hosts,
      replica_set: setName,
      auth_source: options.authSource,
    }
    logger.info(fields, 'Hosts of the cluster were found in DNS')
    return found
  }

  /** Hosts alone; those that are not of the domain are left out. */
  async #again(signal: AbortSignal): Promise<Outcome> {
    const { resolver, srv, logger, cluster } = this.#parts
    const records = await resolver.srv(this.#recordName, signal)
    const { hosts, refused } = checkTargets(srv.name, records)
    if (refused.length > 0)
      logger.warn({ cluster, srv: srv.name, refused }, 'What is no host below its domain is left out')
    if (hosts.length === 0) return failed(`${this.#recordName} names no hosts`)
    return this.#found(hosts, records)
  }

  #found(hosts: readonly string[], records: readonly SrvRecord[]) {
    const { srv, random, setName } = this.#parts
    const chosen = chooseHosts(hosts, this.#hosts, srv.max_hosts, random)
    const ttlMs = Math.min(...records.map(({ ttlSeconds = 0 }) => ttlSeconds * 1_000))
    const answer = { hosts: chosen, setName: setName === '' ? (this.#options?.replicaSet ?? '') : setName }
    return { kind: 'found', answer, ttlMs } as const
  }

  /** Why what config and DNS say does not go together; '' when it does. */
  #clash(isLoadBalanced: boolean, setName: string, hosts: number): string {
    const { srv, isWatched } = this.#parts
    if (srv.max_hosts > 0 && setName !== '') return 'max_hosts is for routers, and its TXT record names a replica set'
    if (!isLoadBalanced) return ''
    if (isWatched) return 'its TXT record has loadBalanced=true, which goes with mode transparent only'
    if (srv.max_hosts > 0) return 'max_hosts is for routers, and its TXT record has loadBalanced=true'
    if (setName !== '') return 'its TXT record has loadBalanced=true, and there is the name of a replica set'
    return hosts === 1 ? '' : `its TXT record has loadBalanced=true, which goes with one host, not ${hosts}`
  }

  get #recordName(): string {
    const { service, name } = this.#parts.srv
    return `_${service}._tcp.${name}`
  }

  /** Never below what the records ask for. */
  #pollMs(ttlMs: number): number {
    return Math.min(MAX_POLL_MS, Math.max(MIN_POLL_MS, ttlMs)) * (1 + JITTER * this.#parts.random())
  }

  #retryMs(): number {
    const { heartbeatMs, random } = this.#parts
    const isFirst = this.#options === undefined
    const waitMs = isFirst ? Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#failures - 1)) : heartbeatMs
    return waitMs * (1 - JITTER + 2 * JITTER * random())
  }
}

/** As many as are wanted: first those that were chosen before, then any. @param max 0 takes all */
export function chooseHosts(
  found: readonly string[],
  before: readonly string[],
  max: number,
  random: Random,
): readonly string[] {
  if (max === 0 || max >= found.length) return found
  const chosen = found.filter((host) => before.includes(host)).slice(0, max)
  const rest = found.filter((host) => !before.includes(host))
  while (chosen.length < max) chosen.push(...rest.splice(Math.floor(random() * rest.length), 1))
  return chosen.sort()
}

/** The hosts behind a name as they are, where nobody asks them what they are. */
export class SrvDiscovery implements Discovery {
  readonly #source: SrvSource

  constructor(source: SrvSource) {
    this.#source = source
  }

  start(events: DiscoveryEvents): void {
    this.#source.start({
      found: ({ hosts }) => {
        const addresses = hosts.flatMap((host) => parseAddress(host) ?? [])
        events.found(addresses.map((address) => ({ address, hostname: '', weight: 1 })))
      },
      failed: (reason) => events.failed(reason),
    })
  }

  close(): void {
    this.#source.close()
  }
}
