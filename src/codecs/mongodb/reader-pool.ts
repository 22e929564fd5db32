import { MessageBody } from './message-body.js'
import type { ReplyFields } from './reply-fields.js'
import type { RequestFields } from './request-fields.js'

/** More than this many are never between two messages at once, unless many large messages were cut at the same time. */
const MAX_IDLE = 256

/**
 * Message readers that are lent for one message each. A reader with its fields and stacks weighs some 4 KiB, and an idle
 * connection needs none: most messages come whole in one chunk, so one reader serves all connections.
 */
export class ReaderPool<F extends RequestFields | ReplyFields> {
  readonly #make: () => F
  readonly #maxInflate: number
  readonly #idle: MessageBody<F>[] = []

  constructor(make: () => F, maxInflate: number) {
    this.#make = make
    this.#maxInflate = maxInflate
  }

  take(): MessageBody<F> {
    return this.#idle.pop() ?? new MessageBody(this.#make(), this.#maxInflate)
  }

  /** `reader` has finished its message; its borrower forgets it. */
  give(reader: MessageBody<F>): void {
    reader.inside = undefined
    if (this.#idle.length < MAX_IDLE) this.#idle.push(reader)
  }
}
