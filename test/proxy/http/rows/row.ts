import type { HttpLimits } from '../../../../src/proxy/http/limits.js'
import type { HttpReason } from '../../../../src/proxy/http/reasons.js'
import type { Requests, Side } from '../play.js'

export type Verdict = HttpReason | 'idle' | 'complete'

/** One input and what must come of it, in every cut. */
export interface Row {
  readonly name: string
  readonly side: Side
  readonly input: Buffer
  /** Whole messages before the end or the refusal: line, framing, payload, `close` when the connection ends with it. */
  readonly messages: readonly string[]
  readonly verdict: Verdict
  readonly requests: Requests
  readonly limits: HttpLimits | undefined
}

interface Extra {
  readonly requests?: Requests
  readonly limits?: HttpLimits
}

function row(
  side: Side,
  name: string,
  input: string,
  messages: readonly string[],
  verdict: Verdict,
  extra: Extra,
): Row {
  return {
    name,
    side,
    input: Buffer.from(input, 'latin1'),
    messages,
    verdict,
    requests: extra.requests ?? ['GET'],
    limits: extra.limits,
  }
}

/** Requests that are read to their end. */
export function takes(name: string, input: string, ...messages: string[]): Row {
  return row('request', name, input, messages, 'idle', {})
}

/** A request that is refused, behind `messages` that were not. */
export function refuses(reason: Verdict, name: string, input: string, extra: Extra = {}, ...messages: string[]): Row {
  return row('request', `${name}: ${reason}`, input, messages, reason, extra)
}

export function takesReply(name: string, input: string, extra: Extra, ...messages: string[]): Row {
  return row('reply', name, input, messages, 'idle', extra)
}

/** A reply that the end of the connection ends. */
export function takesUntilClose(name: string, input: string, extra: Extra, ...messages: string[]): Row {
  return row('reply', name, input, messages, 'complete', extra)
}

export function refusesReply(
  reason: Verdict,
  name: string,
  input: string,
  extra: Extra = {},
  ...messages: string[]
): Row {
  return row('reply', `${name}: ${reason}`, input, messages, reason, extra)
}

export const HOST = 'Host: db.internal\r\n'

/** A request with these lines behind `Host`, and the empty line. */
export const post = (lines: string, body = '') => `POST / HTTP/1.1\r\n${HOST}${lines}\r\n${body}`
export const get = (lines: string) => `GET / HTTP/1.1\r\n${HOST}${lines}\r\n`
export const chunked = (body: string) => post('Transfer-Encoding: chunked\r\n', body)
export const reply = (lines: string, body = '', status = '200 OK') => `HTTP/1.1 ${status}\r\n${lines}\r\n${body}`

/** How a byte is called in a row's name. */
export const hex = (byte: number) => `0x${byte.toString(16).padStart(2, '0')}`
