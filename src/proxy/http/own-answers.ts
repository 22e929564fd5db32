import type { HttpRefusal } from '../../core/http.js'
import type { ClientReader } from './client-reader.js'
import type { Downstream } from './downstream.js'
import { type RefusalStatus, type ReplyOptions, refusal, replyRefused, requestRefused } from './proxy-reply.js'
import type { HttpReason } from './reasons.js'
import type { RequestSender } from './request-sender.js'
import type { Turn } from './turn.js'

/** What a client hears in place of a reply. Says it, and no more: whose turn it was ends it. */
export class OwnAnswers {
  readonly #downstream: Downstream
  readonly #client: ClientReader
  readonly #requests: RequestSender

  constructor(downstream: Downstream, client: ClientReader, requests: RequestSender) {
    this.#downstream = downstream
    this.#client = client
    this.#requests = requests
  }

  /** In words of the protocol. @returns the status */
  refuse(turn: Turn, why: HttpRefusal): number {
    const { bytes, status } = turn.operation.refuse(why, this.#optionsOf(turn))
    this.#downstream.say(bytes)
    return status
  }

  replyRefused(turn: Turn, reason: HttpReason): void {
    this.#downstream.say(replyRefused(reason, this.#optionsOf(turn)))
  }

  /** Behind it the connection ends. @param turn undefined when not even a head was read */
  requestRefused(turn: Turn | undefined, reason: HttpReason): void {
    this.#downstream.say(requestRefused(reason, lastOf(turn)))
  }

  /** Behind it the connection ends. */
  last(turn: Turn | undefined, status: RefusalStatus, message: string): void {
    this.#downstream.say(refusal(status, message, lastOf(turn)))
  }

  /** The rest of the request is of no use; unless it is in hand already, nobody will wait for it. */
  #optionsOf(turn: Turn): ReplyOptions {
    if (!turn.isRequestRead) this.#client.skipRequest((piece) => this.#requests.discard(turn, piece))
    const { facts, method } = turn.head
    const isLast = this.#downstream.isLeaving || this.#client.isHeardOut
    // An HTTP/1.0 client that is not told otherwise waits for the end.
    turn.closes = isLast || !turn.isRequestRead || !facts.keepAlive || facts.minorVersion === 0
    return { close: turn.closes, isHead: method === 'HEAD' }
  }
}

const lastOf = (turn: Turn | undefined): ReplyOptions => ({ close: true, isHead: turn?.head.method === 'HEAD' })
