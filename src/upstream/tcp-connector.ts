import { connect as connectTcp, type NetConnectOpts, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock } from '../core/clock.js'
import type { Host, OnRead } from '../core/upstream.js'
import type { UpstreamTls } from './tls.js'

export interface TcpConnectorOptions {
  readonly connectTimeoutMs: number
  /** 0: no probes. */
  readonly keepAliveMs: number
  readonly tls: UpstreamTls | undefined
  readonly clock: Clock
}

export interface DialWant {
  readonly signal: AbortSignal
  readonly onRead?: OnRead
}

export type DialResult =
  | { readonly kind: 'connected'; readonly socket: Socket }
  | { readonly kind: 'failed'; readonly error: Error }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'aborted' }

/** One attempt at one host, TLS handshake included. Never throws, never leaves a socket behind that nobody holds. */
export class TcpConnector {
  readonly #options: TcpConnectorOptions

  constructor(options: TcpConnectorOptions) {
    this.#options = options
  }

  dial(host: Host, want: DialWant): Promise<DialResult> {
    if (want.signal.aborted) return Promise.resolve({ kind: 'aborted' })
    return new Promise((resolve) => {
      const socket = this.#open(host, want.onRead)
      const settle = (result: DialResult) => {
        timer.cancel()
        want.signal.removeEventListener('abort', onAbort)
        // Stays on for good, without holding on to this attempt: an error before the taker's own listener is on, or after
        // this attempt was given up, must not end the process. The taker sees `socket.destroyed` then.
        socket.on('error', ignoreLateError)
        socket.off('error', onError)
        socket.off(readyEvent, onReady)
        if (result.kind !== 'connected') socket.destroy()
        resolve(result)
      }
      const readyEvent = this.#options.tls === undefined ? 'connect' : 'secureConnect'
      const onReady = () => {
        socket.pause()
        settle({ kind: 'connected', socket })
      }
      const onError = (error: Error) => settle({ kind: 'failed', error })
      const onAbort = () => settle({ kind: 'aborted' })
      const timer = this.#options.clock.after(this.#options.connectTimeoutMs, () => settle({ kind: 'timeout' }))
      want.signal.addEventListener('abort', onAbort)
      socket.once(readyEvent, onReady)
      socket.once('error', onError)
    })
  }

  #open(host: Host, onRead: OnRead | undefined): Socket {
    const { keepAliveMs, tls } = this.#options
    const target = host.address.kind === 'unix' ? { path: host.address.path } : addressOf(host.address)
    const common = {
      ...target,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: keepAliveMs > 0,
      keepAliveInitialDelay: keepAliveMs,
    }
    if (tls !== undefined) return connectTls({ ...common, ...tls.optionsFor(host) })
    const options: NetConnectOpts = onRead === undefined ? common : { ...common, onread: onRead }
    const socket = connectTcp(options)
    // Before the connection stands: reading would start with it otherwise.
    socket.pause()
    return socket
  }
}

function ignoreLateError(): void {}

function addressOf(address: { readonly host: string; readonly port: number }) {
  return { host: address.host, port: address.port }
}
