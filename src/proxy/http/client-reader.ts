import type { Socket } from 'node:net'
import type { RequestHead } from './head/heads.js'
import type { HttpLimits } from './limits.js'
import type { HttpPiece } from './piece.js'
import { RequestParser } from './request-parser.js'

/** Who takes what a client says. */
export interface RequestTaker {
  /** Whether the next piece may be read now. */
  readonly takesPiece: boolean
  take(piece: HttpPiece<RequestHead>): void
  /** Nothing more is read just now: write what was taken. @returns false while the client has to wait */
  taken(): boolean
}

/**
 * Reads a client's requests piece by piece, no further than they are taken: the rest of a chunk is held, and its client is not
 * read meanwhile. So requests that are sent ahead wait unread until the reply before them is out.
 */
export class ClientReader {
  readonly #socket: Socket
  readonly #parser: RequestParser
  readonly #taker: RequestTaker
  #held: Buffer | undefined = undefined
  #at = 0
  #isReading = false
  #isPaused = false
  #hasEnded = false

  constructor(socket: Socket, limits: HttpLimits, taker: RequestTaker) {
    this.#socket = socket
    this.#parser = new RequestParser(limits)
    this.#taker = taker
  }

  /** No request has begun that has not ended. */
  get isIdle(): boolean {
    return this.#parser.isIdle
  }

  /** Some of what the client said waits. */
  get isHolding(): boolean {
    return this.#held !== undefined
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** The client said its end, and all that it said before has had its turn, or has it now. */
  get isHeardOut(): boolean {
    return this.#hasEnded && this.#held === undefined
  }

  /** The client has to wait, so that it is not its fault when nothing comes. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  received(chunk: Buffer): void {
    const held = this.#held
    // A socket that was paused may have one more chunk on its way.
    this.#held = held === undefined ? chunk : Buffer.concat([held.subarray(this.#at), chunk])
    this.#at = 0
    this.read()
  }

  ended(): void {
    this.#hasEnded = true
  }

  /** As far as it is taken. In a loop, however many requests are answered on the spot: `take` may call it, too. */
  read(): void {
    if (this.#isReading) return
    this.#isReading = true
    while (this.#held !== undefined && this.#taker.takesPiece) this.#taker.take(this.#next(this.#held))
    this.#isReading = false
    this.#pause(!this.#taker.taken() || this.#held !== undefined)
  }

  /** The rest of the current request, as far as it is held: it is of no use, but what follows it may be. */
  skipRequest(skip: (piece: HttpPiece<RequestHead>) => void): void {
    while (this.#held !== undefined) {
      const piece = this.#next(this.#held)
      if (piece.kind === 'refused') return
      skip(piece)
      if (piece.last) return
    }
  }

  /** What is held is of no use any more, nor is what comes. */
  drop(): void {
    this.#held = undefined
    this.#pause(false)
  }

  #next(chunk: Buffer): HttpPiece<RequestHead> {
    const piece = this.#parser.next(chunk, this.#at)
    this.#at = piece.next
    if (piece.next === chunk.length) this.#held = undefined
    return piece
  }

  #pause(isPaused: boolean): void {
    if (isPaused === this.#isPaused) return
    this.#isPaused = isPaused
    if (isPaused) this.#socket.pause()
    else this.#socket.resume()
  }
}
