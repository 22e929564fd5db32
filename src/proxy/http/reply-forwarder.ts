import type { Socket } from 'node:net'
import { type ConnectionField, forwardHead } from './forward-head.js'
import type { ReplyHead } from './head/heads.js'
import type { HttpPiece } from './piece.js'
import { PieceFlow } from './piece-flow.js'
import type { Turn } from './turn.js'

/** Brings replies to one client. */
export class ReplyForwarder {
  readonly #flow = new PieceFlow('reply')

  constructor(downstream: Socket) {
    this.#flow.sink = downstream
  }

  /** @param mustClose the client's connection ends behind this reply, for a reason outside of both messages */
  head(turn: Turn, head: ReplyHead, mustClose: boolean): void {
    const { facts } = turn.head
    if (head.isInterim) {
      // HTTP/1.0 knows none. (RFC 9110, 15.2)
      if (facts.minorVersion > 0) this.#add(head, undefined)
      return
    }
    turn.isReplyBegun = true
    turn.replyHead = head
    turn.closes = mustClose || !facts.keepAlive || head.facts.framing === 'close' || !turn.isRequestRead
    const saysKept = facts.minorVersion === 0 || head.facts.minorVersion === 0
    this.#add(head, turn.closes ? 'close' : saysKept ? 'keep-alive' : undefined)
  }

  body(piece: HttpPiece<ReplyHead>): void {
    this.#flow.addPiece(piece)
  }

  /** Written first, decoded after. @returns false when the client can take no more just now */
  settle(turn: Turn): boolean {
    const hasRoom = this.#flow.flush()
    turn.tellReplyHead()
    this.#flow.drainPayload(turn.operation)
    return hasRoom
  }

  /** What came and was not settled goes nowhere. */
  drop(): void {
    this.#flow.drop()
  }

  #add(head: ReplyHead, connection: ConnectionField | undefined): void {
    const { headers, facts } = head
    if (!facts.hasHopByHop && connection === undefined) this.#flow.add(headers.bytes, headers.start, headers.end)
    else this.#flow.addWhole(forwardHead(head, connection))
  }
}
