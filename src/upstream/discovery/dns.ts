import { lookup } from 'node:dns/promises'
import type { Clock, Random, Timer } from '../../core/clock.js'
import type { DnsConfig } from '../config.js'
import type { Endpoint } from '../host.js'
import type { Discovery, DiscoveryEvents } from './discovery.js'

/** IP addresses of a name. Rejects when the name has none or can't be resolved. */
export type Resolve = (host: string, family: DnsConfig['family']) => Promise<readonly string[]>

interface DnsDeps {
  readonly clock: Clock
  readonly random: Random
  readonly resolve: Resolve
}

const FAMILY = { any: 0, v4: 4, v6: 6 } as const
const FIRST_RETRY_MS = 1_000
/** Many proxies that started together must not ask together for ever: each wait is 10 % off, either way. */
const JITTER = 0.1

/** The system's resolver, hosts file included: what every other program on the machine would dial. */
export const systemResolve: Resolve = async (host, family) => {
  const found = await lookup(host, { all: true, family: FAMILY[family], verbatim: true })
  return found.map((entry) => entry.address)
}

/** Every address of a name is a host; asked again every `refresh`, and sooner (1 s, doubling) after a failure. */
export class DnsDiscovery implements Discovery {
  readonly #config: DnsConfig
  readonly #deps: DnsDeps
  #timer: Timer | undefined
  #failures = 0
  #isClosed = false

  constructor(config: DnsConfig, deps: DnsDeps) {
    this.#config = config
    this.#deps = deps
  }

  start(events: DiscoveryEvents): void {
    void this.#ask(events)
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  async #ask(events: DiscoveryEvents): Promise<void> {
    const answer = await this.#resolve()
    if (this.#isClosed) return
    if (answer.kind === 'found') {
      this.#failures = 0
      events.found(answer.endpoints)
    } else {
      this.#failures++
      events.failed(answer.reason)
    }
    this.#timer = this.#deps.clock.after(this.#nextWaitMs(), () => void this.#ask(events))
  }

  async #resolve(): Promise<
    | { readonly kind: 'found'; readonly endpoints: readonly Endpoint[] }
    | { readonly kind: 'failed'; readonly reason: string }
  > {
    const { host, port, family } = this.#config
    try {
      const addresses = await this.#deps.resolve(host, family)
      if (addresses.length === 0) return { kind: 'failed', reason: `${host} has no address` }
      // A resolver that rotates its answer must not look like a change.
      const sorted = [...addresses].sort()
      return {
        kind: 'found',
        endpoints: sorted.map((ip) => ({ address: { kind: 'tcp', host: ip, port }, hostname: host, weight: 1 })),
      }
    } catch (error) {
      return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) }
    }
  }

  #nextWaitMs(): number {
    const { refresh } = this.#config
    const waitMs = this.#failures === 0 ? refresh : Math.min(refresh, FIRST_RETRY_MS * 2 ** (this.#failures - 1))
    return waitMs * (1 - JITTER + 2 * JITTER * this.#deps.random())
  }
}
