import type { Exchange } from '../../core/exchange.js'
import type { RewriteNeed } from './reply-rewriter.js'

/** A request that waits for its reply, or for the next of an exhaust stream. */
export class Pending {
  readonly requestId: number
  /** Answered with documents, not with a command's reply: legacy find and getMore. */
  readonly isLegacyRead: boolean
  readonly opensAwaitedCursor: boolean
  /** Its reply may be a stream of them. */
  readonly allowsExhaust: boolean
  /** The request's exchange; later that of the exhaust batch whose reply is passing. undefined between batches. */
  exchange: Exchange | undefined
  /** The first exchange: what later batches of a stream are made like. */
  readonly origin: Exchange
  /** requestID of the last reply of an exhaust stream: the next one names it, or the request again. Both are seen in the wild. */
  chainId: number
  batchEndedAtMs = 0
  /** Its replies may name members. */
  rewriteNeed: RewriteNeed = 'none'

  constructor(
    requestId: number,
    isLegacyRead: boolean,
    opensAwaitedCursor: boolean,
    allowsExhaust: boolean,
    exchange: Exchange,
  ) {
    this.requestId = requestId
    this.isLegacyRead = isLegacyRead
    this.opensAwaitedCursor = opensAwaitedCursor
    this.allowsExhaust = allowsExhaust
    this.exchange = exchange
    this.origin = exchange
    this.chainId = requestId
  }
}

/**
 * Requests without their last reply, by requestID. Drivers keep one request in flight per connection, so the last one is kept
 * beside the map, and the map exists only for those who pipeline.
 */
export class OpenExchanges {
  #last: Pending | undefined = undefined
  #others: Map<number, Pending> | undefined = undefined
  /** There was an exhaust stream: without one, a reply that answers nothing is not worth a search. */
  #hasChains = false

  get size(): number {
    return (this.#last === undefined ? 0 : 1) + (this.#others?.size ?? 0)
  }

  /** @returns the request that had the same id and is now beyond pairing, if any */
  add(pending: Pending): Pending | undefined {
    const { requestId } = pending
    const replaced = this.#last?.requestId === requestId ? this.#last : this.#others?.get(requestId)
    if (replaced !== undefined) this.remove(replaced)
    if (this.#last !== undefined) {
      this.#others ??= new Map()
      this.#others.set(this.#last.requestId, this.#last)
    }
    this.#last = pending
    return replaced
  }

  find(responseTo: number): Pending | undefined {
    const last = this.#last
    if (last !== undefined && (last.requestId === responseTo || last.chainId === responseTo)) return last
    return this.#others === undefined ? undefined : this.#findOther(responseTo)
  }

  #findOther(responseTo: number): Pending | undefined {
    const others = this.#others as Map<number, Pending>
    const found = others.get(responseTo)
    if (found !== undefined) return found
    if (!this.#hasChains) return undefined
    // A pipelined exhaust stream is rare enough to be searched for.
    for (const pending of others.values()) {
      if (pending.chainId === responseTo) return pending
    }
    return undefined
  }

  /** The next reply of the stream that `pending` asked for may name `chainId`. */
  chain(pending: Pending, chainId: number): void {
    pending.chainId = chainId
    this.#hasChains = true
  }

  remove(pending: Pending): void {
    if (this.#last === pending) {
      this.#last = undefined
      return
    }
    if (this.#others?.delete(pending.requestId) && this.#others.size === 0) this.#others = undefined
  }

  /** Remove and return all, oldest first. */
  drain(): readonly Pending[] {
    const all = this.#others === undefined ? [] : [...this.#others.values()]
    if (this.#last !== undefined) all.push(this.#last)
    this.#others = undefined
    this.#last = undefined
    return all
  }
}
