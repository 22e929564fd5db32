import type { Socket } from 'node:net'
import type { Direction } from '../core/codec.js'
import type { Decoder } from './decoder.js'

/** What a lane tells its connection about. */
export interface LaneOwner {
  /** Bytes were read from the source, handed to the sink, and decoded. */
  passed(direction: Direction, byteCount: number): void
  /** The sink has more than it can take: the source was paused. */
  readingPaused(): void
  /** Decoding of the connection is over. */
  decodingEnded(): void
}

/**
 * One direction of a connection in watch mode: every chunk is written first and decoded after, but for replies while the decoder
 * holds some back to rewrite them. Holds nothing itself: when the
 * sink still has bytes after a write the source is paused until it has none, so a slow reader costs one chunk of memory.
 */
export class WatchLane {
  readonly #direction: Direction
  readonly #source: Socket
  readonly #sink: Socket
  readonly #owner: LaneOwner
  #decoder: Decoder | undefined
  readonly #isRewriting: boolean
  #isDiscarding = false

  /** @param isRewriting the decoder may hold what passes here */
  constructor(
    direction: Direction,
    source: Socket,
    sink: Socket,
    decoder: Decoder | undefined,
    owner: LaneOwner,
    isRewriting = false,
  ) {
    this.#direction = direction
    this.#source = source
    this.#sink = sink
    this.#decoder = decoder
    this.#owner = owner
    this.#isRewriting = isRewriting
  }

  /** `chunk` as the source gave it; the very same Buffer goes to the sink. */
  forward(chunk: Buffer): void {
    if (this.#isDiscarding) return
    if (this.#isRewriting && this.#decoder?.holds(this.#direction) === true) {
      this.#forwardHeld(chunk, this.#decoder)
      return
    }
    const sink = this.#sink
    // `false` alone is not enough: it is also said of a large chunk that the kernel has taken whole already.
    if (!sink.write(chunk) && sink.writableLength > 0) {
      this.#source.pause()
      this.#owner.readingPaused()
    }
    if (this.#decoder !== undefined && !this.#decoder.push(this.#direction, chunk)) {
      this.#decoder = undefined
      this.#owner.decodingEnded()
    }
    this.#owner.passed(this.#direction, chunk.length)
  }

  /** Decoded first, and written as the frames say: a held reply comes out whole, rewritten, with its last frame. */
  #forwardHeld(chunk: Buffer, decoder: Decoder): void {
    const frames = decoder.pushHeld(this.#direction, chunk)
    const sink = this.#sink
    if (frames === undefined) {
      this.#decoder = undefined
      this.#isDiscarding = true
      this.#owner.decodingEnded()
      return
    }
    for (const { start, end, output } of frames) {
      const bytes = output ?? chunk.subarray(start, end)
      if (bytes.length > 0) sink.write(bytes)
    }
    // As above, over all the writes. TLS keeps what it encrypts for a moment, and tells of no drain unless it asked for one.
    if (sink.writableNeedDrain && sink.writableLength > 0) {
      this.#source.pause()
      this.#owner.readingPaused()
    }
    this.#owner.passed(this.#direction, chunk.length)
  }

  /** The sink has room again. */
  resume(): void {
    this.#source.resume()
  }

  /** The source has said its last byte. */
  end(): void {
    this.#sink.end()
  }

  /** The sink gets what it was given, then its end; what the source still says is read and dropped, so that its end is seen. */
  finish(): void {
    this.#isDiscarding = true
    this.#decoder = undefined
    this.#sink.end()
    this.#source.resume()
  }
}
