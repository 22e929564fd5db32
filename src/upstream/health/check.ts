import type { Socket } from 'node:net'
import type { Host } from '../../core/upstream.js'
import type { TcpConnector } from '../tcp-connector.js'
import { connectFailure, isRefusal } from '../topology/probe-failure.js'

/** `failure`: it answered, and said no. */
export type CheckFailureKind = 'failure' | 'network_failure' | 'timeout'

export type CheckResult =
  | { readonly kind: 'success' }
  | {
      readonly kind: CheckFailureKind
      /** For people; the same words for the same cause. */
      readonly reason: string
      /** One is enough: nothing would be learnt by asking again. */
      readonly isFinal: boolean
    }

export type CheckFailure = Exclude<CheckResult, { kind: 'success' }>

/** Asks one host once. Settles soon after the signal aborts, leaves no socket behind, and does not reject. */
export type Check = (host: Host, signal: AbortSignal) => Promise<CheckResult>

export const SUCCESS: CheckResult = Object.freeze({ kind: 'success' })

export const timedOut = (reason: string): CheckFailure => ({ kind: 'timeout', reason, isFinal: false })
export const cut = (reason: string): CheckFailure => ({ kind: 'network_failure', reason, isFinal: false })
export const refused = (reason: string): CheckFailure => ({ kind: 'failure', reason, isFinal: true })

/** Hosts are asked the way clients' connections go to them: same address, same TLS. No circuit breaker counts these. */
export type DialHost = (host: Host, signal: AbortSignal) => Promise<Socket | CheckFailure>

export function dialWith(connector: TcpConnector): DialHost {
  return async (host, signal) => {
    const result = await connector.dial(host, { signal })
    switch (result.kind) {
      case 'connected':
        return result.socket
      case 'failed':
        // Nobody listens there: no second try is needed to know that.
        return { ...cut(connectFailure(result.error).reason), isFinal: isRefusal(result.error) }
      case 'timeout':
      case 'aborted':
        return timedOut('connecting took too long')
      default:
        return result satisfies never
    }
  }
}

export const isFailure = (dialled: Socket | CheckFailure): dialled is CheckFailure => 'isFinal' in dialled
