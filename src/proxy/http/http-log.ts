import type { ConnectionInfo } from '../../core/connection.js'
import { OplensError, UpstreamError } from '../../core/errors.js'
import type { Logger } from '../../core/logger.js'
import type { LogLimiter } from '../log-limiter.js'
import { HTTP_REASONS, type HttpReason } from './reasons.js'

/** What goes wrong with messages, one line a second for each kind. Never a value of one. */
export class HttpLog {
  readonly #logger: Logger
  readonly #limiter: LogLimiter

  constructor(logger: Logger, limiter: LogLimiter) {
    this.#logger = logger
    this.#limiter = limiter
  }

  refused({ listener, cluster, peer, host }: ConnectionInfo, direction: 'request' | 'reply', reason: HttpReason): void {
    const suppressed = this.#limiter.allow(`refused ${listener} ${reason}`)
    if (suppressed < 0) return
    const fields = { listener, cluster, peer, host: host?.name ?? '', direction, code: 'OPL_HTTP', reason, suppressed }
    this.#logger.warn(fields, `An HTTP message was refused: ${HTTP_REASONS[reason].message}`)
  }

  dialFailed({ listener, cluster }: ConnectionInfo, error: Error): void {
    const host = error instanceof UpstreamError ? error.host : ''
    const suppressed = this.#limiter.allow(`connect ${cluster} ${host}`)
    if (suppressed < 0) return
    const fields = { listener, cluster, host, code: codeOf(error), reason: error.message, suppressed }
    this.#logger.warn(fields, 'Upstream connect failed, the request was answered with 503')
  }

  signingFailed({ listener, cluster }: ConnectionInfo, error: Error): void {
    const suppressed = this.#limiter.allow(`sign ${listener}`)
    if (suppressed < 0) return
    const fields = { listener, cluster, code: codeOf(error), reason: error.message, suppressed }
    this.#logger.warn(fields, 'A request was not signed, and not sent')
  }
}

const codeOf = (error: Error): string => (error instanceof OplensError ? error.code : 'OPL_INTERNAL')
