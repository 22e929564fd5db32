import type { Socket } from 'node:net'
import type { Direction } from '../../core/codec.js'
import type { MessageHead } from './head/heads.js'
import type { HttpPiece } from './piece.js'

/**
 * Gathers the pieces of one direction and writes them: neighbours in one chunk as one view of it, so that a message that came
 * in one chunk and is forwarded as it is costs one write. What a codec is to read of the same chunk is kept beside it, for after
 * the write.
 */
export class PieceFlow {
  readonly #direction: Direction
  #sink: Socket | undefined = undefined
  #bytes: Buffer | undefined = undefined
  #from = 0
  #to = 0
  #isCorked = false
  readonly #payload: number[] = []
  #payloadChunk: Buffer | undefined = undefined
  /** Everything written goes in here, too. */
  copy: Replay | undefined = undefined

  constructor(direction: Direction) {
    this.#direction = direction
  }

  /** Undefined: what is added is dropped. */
  set sink(sink: Socket | undefined) {
    this.#sink = sink
  }

  /** Bytes `[from, to)` of `bytes` come next. */
  add(bytes: Buffer, from: number, to: number): void {
    if (bytes === this.#bytes && from === this.#to) {
      this.#to = to
      return
    }
    if (this.#bytes !== undefined) {
      // More than one view: one system call all the same.
      if (!this.#isCorked) this.#sink?.cork()
      this.#isCorked = true
      this.#write(this.#bytes)
    }
    this.#bytes = bytes
    this.#from = from
    this.#to = to
  }

  addWhole(bytes: Buffer): void {
    this.add(bytes, 0, bytes.length)
  }

  addPiece(piece: HttpPiece<MessageHead>): void {
    this.add(piece.bytes, piece.start, piece.end)
    const { payload } = piece
    for (let i = 0; i < payload.count; i++) this.#payload.push(payload.start(i), payload.end(i))
    if (payload.count > 0) this.#payloadChunk = piece.bytes
  }

  /** Writes what was gathered. @returns false when the sink has more than it can take: pause the source until it drains */
  flush(): boolean {
    const sink = this.#sink
    if (this.#bytes !== undefined) {
      const bytes = this.#bytes
      this.#bytes = undefined
      this.#write(bytes)
      if (this.#isCorked) sink?.uncork()
      this.#isCorked = false
    }
    // TLS keeps what it encrypts for a moment, and tells of no drain unless it asked for one.
    return sink === undefined || !sink.writableNeedDrain || sink.writableLength === 0
  }

  /** After `flush`: each run of payload that was gathered, once. */
  drainPayload(read: PayloadReader): void {
    const chunk = this.#payloadChunk
    if (chunk === undefined) return
    const ranges = this.#payload
    for (let i = 0; i < ranges.length; i += 2) {
      const from = ranges[i] as number
      const to = ranges[i + 1] as number
      read.payload(this.#direction, from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to))
    }
    this.#dropPayload()
  }

  /** What was gathered and not flushed is of no use any more. */
  drop(): void {
    this.#bytes = undefined
    if (this.#isCorked) this.#sink?.uncork()
    this.#isCorked = false
    this.#dropPayload()
  }

  #dropPayload(): void {
    this.#payload.length = 0
    this.#payloadChunk = undefined
  }

  #write(bytes: Buffer): void {
    const view = this.#from === 0 && this.#to === bytes.length ? bytes : bytes.subarray(this.#from, this.#to)
    this.copy?.add(view)
    if (this.#sink?.writable === true) this.#sink.write(view)
  }
}

export interface PayloadReader {
  /** @param chunk valid during the call only */
  payload(direction: Direction, chunk: Buffer): void
}

/** A larger request is not sent twice: so much is held for each one in flight at most. */
const MAX_REPLAY_BYTES = 65_536

/** Each Buffer costs more than a hundred bytes of its own: a request that came byte by byte is put together now and then. */
const MAX_REPLAY_PARTS = 64

/** A request as it was sent, for a second try. Holds the buffers themselves, which nobody reads over. */
export class Replay {
  #sent: Buffer[] = []
  #bytes = 0

  add(bytes: Buffer): void {
    this.#bytes += bytes.length
    if (!this.isWhole) {
      this.#sent = []
      return
    }
    this.#sent.push(bytes)
    if (this.#sent.length > MAX_REPLAY_PARTS) this.#sent = [Buffer.concat(this.#sent)]
  }

  /** Nothing had to be left out. */
  get isWhole(): boolean {
    return this.#bytes <= MAX_REPLAY_BYTES
  }

  get sent(): readonly Buffer[] {
    return this.#sent
  }
}
