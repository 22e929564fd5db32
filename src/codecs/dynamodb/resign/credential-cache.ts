import type { Clock } from '../../../core/clock.js'
import { OplensError } from '../../../core/errors.js'
import { reasonOf } from './credential-failure.js'
import type { CredentialSource, Credentials } from './credential-sources.js'

/** So long before they expire they are asked for again, as in the AWS SDKs: services give new ones by then. */
const REFRESH_BEFORE_MS = 5 * 60_000
/** Between questions to a source that failed: each one may be a request to a metadata service, or start a program. */
const RETRY_MS = 2_000
/** Longer than the metadata service's own retries. */
const DEADLINE_MS = 15_000

/**
 * The credentials of one signer. Those who ask while none are there wait for one fetch; when the ones that are there end soon, they
 * are still given out while new ones are fetched.
 */
export class CredentialCache {
  readonly #source: CredentialSource
  readonly #clock: Clock
  #current: Credentials | undefined
  #fetching: Promise<Credentials> | undefined
  #failure: OplensError | undefined
  /** Monotonic; before it a source that failed is left alone. */
  #retryAtMs = 0

  constructor(source: CredentialSource, clock: Clock) {
    this.#source = source
    this.#clock = clock
  }

  /** @throws OplensError OPL_CREDENTIALS */
  async get(): Promise<Credentials> {
    const current = this.#current
    const leftMs = current === undefined ? 0 : this.#leftMs(current)
    if (current !== undefined && leftMs > REFRESH_BEFORE_MS) return current
    const isFailing = this.#failure !== undefined && this.#clock.now() < this.#retryAtMs
    if (current === undefined || leftMs <= 0) {
      if (isFailing && this.#failure !== undefined) throw this.#failure
      return this.#fetch()
    }
    // Not lost when it fails: it is tried again, and told once there is nothing valid left.
    if (!isFailing) this.#fetch().catch(() => undefined)
    return current
  }

  #leftMs({ expiresAtMs = Number.POSITIVE_INFINITY }: Credentials): number {
    return expiresAtMs - this.#clock.wall()
  }

  #fetch(): Promise<Credentials> {
    this.#fetching ??= this.#ask().finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  async #ask(): Promise<Credentials> {
    try {
      const found = await this.#withDeadline(this.#source.fetch())
      if (this.#leftMs(found) <= 0) throw this.#error('the ones it gives have expired')
      this.#failure = undefined
      this.#current = found
      return found
    } catch (error) {
      this.#failure = error instanceof OplensError ? error : this.#error(reasonOf(error))
      this.#retryAtMs = this.#clock.now() + RETRY_MS
      throw this.#failure
    }
  }

  #withDeadline(fetching: Promise<Credentials>): Promise<Credentials> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(DEADLINE_MS, () =>
        reject(this.#error(`no answer within ${DEADLINE_MS / 1_000} s`)),
      )
      fetching.then(resolve, reject).finally(() => timer.cancel())
    })
  }

  /** Without a cause: what failed may have held them. */
  #error(reason: string): OplensError {
    const message = `No credentials to sign requests with, from ${this.#source.name}: ${reason}`
    return new OplensError(message, { code: 'OPL_CREDENTIALS', origin: 'proxy', retry: 'yes' })
  }
}
