import { STATUS_CODES } from 'node:http'
import type { HttpReply } from '../../core/http.js'
import { isField } from './head/characters.js'
import { HTTP_REASONS, type HttpReason } from './reasons.js'

/** What the proxy answers by itself. A 408 is for a request that was begun: an idle connection is closed without a word. */
export type RefusalStatus = 400 | 408 | 413 | 414 | 417 | 431 | 501 | 502 | 503 | 504 | 505

export interface ReplyOptions {
  /** The connection is over after it. Always so when the request was not read to its end. */
  readonly close: boolean
  /** It answers a HEAD: the length is told, the body is not sent. (RFC 9110, 9.3.2) */
  readonly isHead?: boolean
}

const LAST: ReplyOptions = Object.freeze({ close: true })

/** The reply to a request that was refused: after it the connection is closed, since nobody knows where the next request begins. */
export function requestRefused(reason: HttpReason, options: ReplyOptions = LAST): Buffer {
  const { status, message } = HTTP_REASONS[reason]
  return refusal(status, `${message} (${reason})`, options)
}

/** The reply in place of one that could not be read, when nothing of that was sent yet. */
export function replyRefused(reason: HttpReason, options: ReplyOptions): Buffer {
  return refusal(502, `Upstream: ${HTTP_REASONS[reason].message} (${reason})`, options)
}

/** @param message for people; never a value of the request */
export function refusal(status: RefusalStatus, message: string, options: ReplyOptions): Buffer {
  const headers = [['Content-Type', 'text/plain; charset=utf-8']] as const
  return encodeReply({ status, headers, body: Buffer.from(`${message}\n`) }, options)
}

/** A whole reply as bytes: framing and `Connection` are put in here, and `reply.headers` must not have them. */
export function encodeReply(reply: HttpReply, options: ReplyOptions): Buffer {
  const lines = [`HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ''}`]
  for (const [name, value] of reply.headers) {
    if (!isField(name, value)) {
      throw new Error(`A reply of the proxy has an invalid field: ${JSON.stringify(name)}`)
    }
    lines.push(`${name}: ${value}`)
  }
  lines.push(`Content-Length: ${reply.body.length}`)
  if (options.close) lines.push('Connection: close')
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  return options.isHead === true ? head : Buffer.concat([head, reply.body])
}

/** What a client gets that waits for it, when the proxy itself answers for an upstream that never would. (RFC 9110, 15.2.1) */
export const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n')
