import { DecodeError } from '../../core/errors.js'
import { readInt32 } from './bson.js'
import { HEADER_BYTES, MAX_MESSAGE_BYTES } from './limits.js'
import type { FramingReason } from './reasons.js'

const HTTP_STARTS = new Set(['GET ', 'PUT ', 'POST', 'HEAD', 'DELE', 'OPTI', 'PATC', 'CONN', 'TRAC', 'PRI ', 'HTTP'])
const TLS_HANDSHAKE = 0x16
const TLS_ALERT = 0x15

/** The header that a framer has just read, as its sixteen bytes. */
export function headerOf({ length, requestId, responseTo, opcode }: Framer): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES)
  header.writeInt32LE(length, 0)
  header.writeInt32LE(requestId, 4)
  header.writeInt32LE(responseTo, 8)
  header.writeInt32LE(opcode, 12)
  return header
}

/** Finds where messages begin and end in one direction of a connection, in any cut. */
export class Framer {
  /** The header's bytes so far, when a chunk ended inside it. */
  #head: Buffer | undefined = undefined
  #headBytes = 0
  #isFirst = true
  /** Bytes of the current message still to come, header done. */
  left = 0
  isInMessage = false
  length = 0
  requestId = 0
  responseTo = 0
  opcode = 0
  startedAtMs = 0

  /** A message began in an earlier chunk, be it with a part of its header. */
  get isSplit(): boolean {
    return this.isInMessage || this.#headBytes > 0
  }

  /**
   * Read a header at `pos`. When it is all there, `isInMessage` is true and the fields are set.
   * @returns the first byte after what was used
   * @throws DecodeError when no message of this protocol can begin so
   */
  readHeader(chunk: Buffer, pos: number, nowMs: number): number {
    if (this.#headBytes === 0) {
      this.startedAtMs = nowMs
      if (chunk.length - pos >= HEADER_BYTES) {
        this.#begin(chunk, pos)
        return pos + HEADER_BYTES
      }
      this.#head = Buffer.allocUnsafe(HEADER_BYTES)
    }
    const head = this.#head as Buffer
    const end = Math.min(chunk.length, pos + HEADER_BYTES - this.#headBytes)
    this.#headBytes += chunk.copy(head, this.#headBytes, pos, end)
    if (this.#headBytes >= 4) this.#checkLength(head, 0)
    if (this.#headBytes === HEADER_BYTES) {
      this.#headBytes = 0
      this.#head = undefined
      this.#begin(head, 0)
    }
    return end
  }

  endMessage(): void {
    this.isInMessage = false
    this.#isFirst = false
  }

  #begin(bytes: Buffer, at: number): void {
    this.length = this.#checkLength(bytes, at)
    this.requestId = readInt32(bytes, at + 4)
    this.responseTo = readInt32(bytes, at + 8)
    this.opcode = readInt32(bytes, at + 12)
    this.left = this.length - HEADER_BYTES
    this.isInMessage = true
  }

  #checkLength(bytes: Buffer, at: number): number {
    const length = readInt32(bytes, at)
    if (this.#isFirst) this.#checkProtocol(bytes, at)
    if (length >= HEADER_BYTES && length <= MAX_MESSAGE_BYTES) return length
    const reason: FramingReason = this.#isFirst ? 'not_mongodb' : 'invalid_length'
    throw new DecodeError(reason, `Message length ${length} is outside ${HEADER_BYTES}..${MAX_MESSAGE_BYTES}`)
  }

  /** TLS and HTTP are named on their first bytes: a TLS record reads as a plausible length of 33 million otherwise. */
  #checkProtocol(bytes: Buffer, at: number): void {
    const type = bytes[at] as number
    const minor = bytes[at + 2] as number
    if ((type === TLS_HANDSHAKE || type === TLS_ALERT) && bytes[at + 1] === 3 && minor >= 1 && minor <= 4) {
      throw new DecodeError('tls_on_plain_port', 'A TLS handshake came where MongoDB messages were expected')
    }
    if (HTTP_STARTS.has(bytes.toString('latin1', at, at + 4))) {
      throw new DecodeError('http_on_plain_port', 'An HTTP message came where MongoDB messages were expected')
    }
  }
}
