import { type Framer, headerOf } from './framer.js'

/** A command is known within so much of its request, or it is none that is refused. */
const MAX_HELD_BYTES = 65_536
const NOTHING = Buffer.alloc(0)

/**
 * Holds each request of a connection until its command is known: usually not at all, for most come whole in one chunk. What
 * goes on are its own bytes; a refused one is dropped to its end.
 */
export class RequestGate {
  #state: 'holding' | 'passing' | 'dropping' = 'holding'
  #held: Buffer[] = []
  #heldBytes = 0
  /** Bytes of a header that was cut. */
  #headerBytes = 0

  /** A chunk ended inside a request's header. @returns what to write for these bytes */
  cutHeader(byteCount: number): Buffer {
    this.#headerBytes += byteCount
    return NOTHING
  }

  /** The request that is passing is known: it goes on. */
  allow(): void {
    this.#state = 'passing'
  }

  /** @returns false when it is too late: its first bytes went on, for they were too many to be held */
  refuse(): boolean {
    if (this.#state === 'passing') return false
    this.#state = 'dropping'
    return true
  }

  /** The bytes `[start, end)` of a request, its header from `start` on included. @returns what to write for them; undefined: these bytes */
  passed(framer: Framer, chunk: Buffer, start: number, end: number): Buffer | undefined {
    if (this.#headerBytes > 0) {
      this.#hold(headerOf(framer).subarray(0, this.#headerBytes))
      this.#headerBytes = 0
    }
    if (this.#state === 'holding') {
      // Copied: the chunk's owner may read over it.
      this.#hold(Buffer.from(chunk.subarray(start, end)))
      if (this.#heldBytes <= MAX_HELD_BYTES) return NOTHING
      this.#state = 'passing'
      return this.#release(NOTHING)
    }
    const output = this.#state === 'dropping' ? this.#drop() : this.#release(chunk.subarray(start, end))
    // Every request is known by its end, so the next one is held anew.
    if (framer.left === 0) this.#state = 'holding'
    return output
  }

  #hold(bytes: Buffer): void {
    this.#held.push(bytes)
    this.#heldBytes += bytes.length
  }

  #release(rest: Buffer): Buffer | undefined {
    if (this.#heldBytes === 0) return rest.length === 0 ? NOTHING : undefined
    const output = Buffer.concat([...this.#held, rest])
    this.#drop()
    return output
  }

  #drop(): Buffer {
    this.#held = []
    this.#heldBytes = 0
    return NOTHING
  }
}
