import type { Socket } from 'node:net'
import type { OnRead } from '../core/upstream.js'

/** A small reply fits, and 10,000 idle connections cost 10 MiB. */
const MIN_BYTES = 1_024
/** What Node itself reads at once. */
const MAX_BYTES = 65_536
const GROWTH = 4
/** Reads in a row that a quarter of the buffer would have held before it shrinks. */
const SMALL_READS_TO_SHRINK = 16
/** A shorter rest of a buffer is not worth a system call. */
const MIN_READ_BYTES = 512

/** Where the bytes go: a lane, mostly. */
export interface ReadTarget {
  forward(chunk: Buffer): void
}

/**
 * Reads a socket, an upstream or a busy client, into one buffer over and over, where Node would allocate for each read: 10 % of the CPU of a small
 * operation. The buffer belongs to one connection. It grows while reads fill it and shrinks when they stay small.
 *
 * The sink keeps views of it until the kernel has taken them, and those bytes must not be read over: while the sink holds any,
 * reads go on behind them, and into a new buffer when this one is full.
 */
export class SocketReader implements OnRead {
  #target: ReadTarget | undefined
  #sink: Socket | undefined
  #whole: Buffer | undefined
  /** What the next read may fill: all of `#whole`, or what is behind the bytes that the sink still holds. */
  #free: Buffer | undefined
  #smallReads = 0

  /** Before the socket is resumed; again whenever its bytes go elsewhere. Without a sink the target keeps nothing of a chunk. */
  attach(target: ReadTarget, sink: Socket | undefined): void {
    this.#target = target
    this.#sink = sink
  }

  /** Node asks for it before each read. */
  readonly buffer = (): Buffer => {
    this.#free ??= this.#allocate(MIN_BYTES)
    return this.#free
  }

  readonly callback = (bytesRead: number): boolean => {
    const filled = this.buffer()
    const sink = this.#sink
    this.#target?.forward(bytesRead === filled.length ? filled : filled.subarray(0, bytesRead))
    if (sink === undefined || sink.writableLength === 0) this.#readAgain(bytesRead)
    else if (sink === this.#sink) this.#readBehind(filled, bytesRead)
    // Nobody asks that sink any more whether it is done with these bytes.
    else this.#forget()
    return true
  }

  #forget(): void {
    this.#whole = undefined
    this.#free = undefined
  }

  #readBehind(filled: Buffer, bytesRead: number): void {
    const restBytes = filled.length - bytesRead
    if (restBytes >= MIN_READ_BYTES) this.#free = filled.subarray(bytesRead)
    else this.#free = this.#allocate(this.#nextBytes(bytesRead))
  }

  #readAgain(bytesRead: number): void {
    const bytes = this.#nextBytes(bytesRead)
    this.#free = bytes === this.#whole?.length ? this.#whole : this.#allocate(bytes)
  }

  #nextBytes(bytesRead: number): number {
    const bytes = this.#whole?.length ?? MIN_BYTES
    if (bytesRead === bytes) {
      this.#smallReads = 0
      return Math.min(bytes * GROWTH, MAX_BYTES)
    }
    if (bytes === MIN_BYTES) return bytes
    this.#smallReads = bytesRead < bytes / GROWTH ? this.#smallReads + 1 : 0
    if (this.#smallReads < SMALL_READS_TO_SHRINK) return bytes
    this.#smallReads = 0
    return bytes / GROWTH
  }

  /** Not from Node's pool: a slice of that would hold 8 KiB for as long as the connection lives. */
  #allocate(bytes: number): Buffer {
    this.#whole = Buffer.allocUnsafeSlow(bytes)
    return this.#whole
  }
}
