import type { Exchange, Operation } from '../../core/exchange.js'
import type { HttpReader, HttpRefusal, HttpReply, HttpReplyHead, HttpRequestHead } from '../../core/http.js'
import { OK, type Outcome, UNKNOWN } from '../../core/outcome.js'
import { traceParentOf } from '../shared/trace-parent.js'
import { findMethod } from './methods.js'
import { refusalReply } from './refusal.js'

/** RFC 9110, 15: anything from here on says that the request was not done. */
const FIRST_ERROR = 400
/** One object for each status; at most 600, as a status has three digits. */
const errors = new Map<number, Outcome>()

/** One request by its method and its reply's status; bodies pass unread. */
export class PlainReader implements HttpReader {
  readonly failure = ''
  readonly #head: HttpRequestHead
  #isTold = false
  #status = 0

  constructor(head: HttpRequestHead) {
    this.#head = head
  }

  request(): Operation | undefined {
    if (this.#isTold) return undefined
    this.#isTold = true
    return findMethod(this.#head.method)
  }

  reply(head: HttpReplyHead): void {
    this.#status = head.status
  }

  replyBody(): void {}

  finish(exchange: Exchange): Outcome {
    exchange.traceParent = traceParentOf(this.#head.headers)
    if (this.#status === 0) return UNKNOWN
    return this.#status < FIRST_ERROR ? OK : errorOf(this.#status)
  }

  refuse(refusal: HttpRefusal): HttpReply {
    return refusalReply(refusal)
  }
}

function errorOf(status: number): Outcome {
  let outcome = errors.get(status)
  if (outcome === undefined) {
    outcome = Object.freeze({ kind: 'command_error', code: status, codeName: '', by: '' })
    errors.set(status, outcome)
  }
  return outcome
}
