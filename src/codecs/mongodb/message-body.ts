import { readInt32 } from './bson.js'
import { BsonWalker } from './bson-walker.js'
import type { Node } from './bson-wants.js'
import { COMPRESSED_HEAD_BYTES, CompressedPayload } from './compressed.js'
import {
  legacyTailBytes,
  QUERY_TAIL_BYTES,
  REPLY_HEAD_BYTES,
  readLegacyHead,
  readQueryHead,
  readReplyHead,
} from './legacy.js'
import { MAX_NAME_BYTES, MAX_TOKEN_BYTES } from './limits.js'
import { NameTable } from './name-table.js'
import {
  FLAG_CHECKSUM_PRESENT,
  OP_COMPRESSED,
  OP_DELETE,
  OP_GET_MORE,
  OP_INSERT,
  OP_KILL_CURSORS,
  OP_MSG,
  OP_QUERY,
  OP_REPLY,
  OP_UPDATE,
  UNKNOWN_REQUIRED_FLAGS,
} from './opcodes.js'
import type { MessageReason } from './reasons.js'
import { REPLY_NODE, ReplyFields } from './reply-fields.js'
import {
  DELETES,
  DOCUMENTS,
  NS_INFO,
  NS_INFO_NODE,
  OPS,
  REQUEST_NODE,
  type RequestFields,
  TELEMETRY_NODE,
  UPDATES,
} from './request-fields.js'

const SEQUENCE_FIELDS = [DOCUMENTS, UPDATES, DELETES, OPS, NS_INFO] as const
const SEQUENCES = new NameTable(['documents', 'updates', 'deletes', 'ops', 'nsInfo'])
const UNKNOWN_SEQUENCE = -1

/** Where in a message's body the reader stands. */
type State =
  | 'finished' // nothing more is wanted: the rest passes by
  | 'flags'
  | 'section'
  | 'document'
  | 'sequence'
  | 'sequence_document'
  | 'query'
  | 'reply'
  | 'legacy'
  | 'compressed'
  | 'payload'

/**
 * Reads the bodies of one direction's messages, one after the other, as their bytes come: fills in the fields and keeps at
 * most one cut token (MAX_TOKEN_BYTES), or a compressed payload within `max_inflate`.
 *
 *   flags ► section ► document ► section … ► finished           OP_MSG
 *                   ► sequence ► sequence_document … ► section
 *   query ► document ► finished     reply ► document ► finished    legacy ► (sequence_document) ► finished
 *   compressed ► payload ► the message inside
 */
export class MessageBody<F extends RequestFields | ReplyFields> {
  readonly fields: F
  readonly #fields: RequestFields | ReplyFields
  readonly #root: Node
  readonly #walker: BsonWalker
  readonly #compressed: CompressedPayload
  #state: State = 'finished'
  /** Where a document leads to when it is walked. */
  #next: State = 'finished'
  #opcode = 0
  /** Bytes of the body from here on, a checksum left out. */
  #remaining = 0
  #skip = 0
  #hasBody = false
  #isBody = false
  #sequenceField = UNKNOWN_SEQUENCE
  #sequenceLeft = 0
  #sequenceCount = 0
  /** A cut token, from its first byte. */
  #kept: Buffer | undefined = undefined
  #keptBytes = 0
  flags = 0
  /** `flags` were read: those of a compressed message are not when it can't be inflated. */
  hasFlags = false
  /** Of the message, or of the one inside OP_COMPRESSED when that is known. */
  opcode = 0
  /** The command's own document was read: database and collection stand, unless they are in a sequence still to come. */
  isKnown = false
  /** An OP_REPLY answers a command, not a legacy query: set before `begin`. */
  isCommandReply = true
  failure: MessageReason | '' = ''
  /** The message inside OP_COMPRESSED, without its header: until the reader is given back. */
  inside: Buffer | undefined = undefined

  constructor(fields: F, maxInflate: number) {
    this.fields = fields
    this.#fields = fields
    this.#root = fields instanceof ReplyFields ? REPLY_NODE : REQUEST_NODE
    this.#walker = new BsonWalker(fields)
    this.#compressed = new CompressedPayload(maxInflate)
  }

  /** Whether bytes are held between two chunks. */
  get heldBytes(): number {
    return (this.#kept?.length ?? 0) + this.#compressed.heldBytes
  }

  /** A message of `opcode` whose body, header left out, has `bytes` bytes. */
  begin(opcode: number, bytes: number): void {
    this.#fields.reset()
    this.flags = 0
    this.hasFlags = false
    this.isKnown = false
    this.failure = ''
    this.#hasBody = false
    this.#skip = 0
    this.#release()
    this.#open(opcode, bytes)
  }

  #open(opcode: number, bytes: number): void {
    this.#opcode = opcode
    this.opcode = opcode
    this.#remaining = bytes
    const isReply = this.#fields instanceof ReplyFields
    switch (opcode) {
      case OP_MSG:
        this.#state = 'flags'
        break
      case OP_COMPRESSED:
        this.#state = 'compressed'
        break
      case OP_REPLY:
        if (isReply) this.#state = 'reply'
        else this.#fail('unexpected_direction')
        break
      case OP_QUERY:
        if (isReply) this.#fail('unexpected_direction')
        else this.#state = 'query'
        break
      case OP_INSERT:
      case OP_UPDATE:
      case OP_DELETE:
      case OP_GET_MORE:
      case OP_KILL_CURSORS:
        if (isReply) this.#fail('unexpected_direction')
        else this.#state = 'legacy'
        break
      default:
        this.#fail('unknown_opcode')
    }
  }

  /** The body's bytes `[pos, end)` of `bytes`. */
  push(bytes: Buffer, pos: number, end: number): void {
    let at = pos
    if (this.#keptBytes > 0) at = this.#pushKept(bytes, at, end)
    if (this.#state === 'finished') return
    at = this.#run(bytes, at, end)
    if (at < end && this.#state !== ('finished' as State)) this.#keep(bytes, at, end)
  }

  /** The message is over. */
  finish(): void {
    const isComplete =
      this.#state === 'finished' ||
      (this.#state === 'section' && this.#remaining === 0) ||
      (this.#state === 'sequence_document' && this.#sequenceLeft === 0)
    if (this.#state === 'sequence_document' && isComplete) this.#endSequence()
    if (this.#skip > 0 || !isComplete) this.#fail('truncated_message')
    else if (this.#opcode === OP_MSG && !this.#hasBody && this.failure === '') this.#fail('missing_body')
    this.#state = 'finished'
    this.#release()
  }

  #release(): void {
    this.#kept = undefined
    this.#keptBytes = 0
    this.#compressed.release()
  }

  #keep(bytes: Buffer, at: number, end: number): void {
    this.#kept ??= Buffer.allocUnsafe(MAX_TOKEN_BYTES)
    this.#keptBytes = bytes.copy(this.#kept, 0, at, end)
  }

  /** Complete the cut token with what came. @returns the first byte of the window not used */
  #pushKept(bytes: Buffer, pos: number, end: number): number {
    const kept = this.#kept as Buffer
    let at = pos
    while (at < end && this.#keptBytes > 0 && this.#state !== 'finished') {
      const before = this.#keptBytes
      const total = before + bytes.copy(kept, before, at, end)
      const used = this.#run(kept, 0, total)
      if (used >= before) {
        this.#keptBytes = 0
        this.#kept = undefined
        return at + used - before
      }
      if (used === 0 && total === kept.length) return this.#failAt(end, 'truncated_message')
      kept.copyWithin(0, used, total)
      this.#keptBytes = total - used
      at += total - before
    }
    return at
  }

  /** Read `[pos, end)` as far as whole tokens go. @returns the first byte not used */
  #run(bytes: Buffer, pos: number, end: number): number {
    let at = pos
    while (at < end) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, end - at)
        this.#skip -= step
        this.#remaining -= step
        at += step
        continue
      }
      const state = this.#state
      if (state === 'finished') return end
      const next = state === 'document' ? this.#walk(bytes, at, end) : this.#step(state, bytes, at, end)
      if (next < 0) return at
      this.#remaining -= next - at
      // A document's walk uses what it can and waits for the rest.
      if (next === at && this.#state === state && this.#skip === 0) return at
      at = next
    }
    return at
  }

  /** One token in `state`. @returns where the next begins; -1 when more bytes are needed */
  #step(state: State, bytes: Buffer, at: number, end: number): number {
    switch (state) {
      case 'flags':
        return this.#readFlags(bytes, at, end)
      case 'section':
        return this.#readSection(bytes, at)
      case 'sequence':
        return this.#readSequence(bytes, at, end)
      case 'sequence_document':
        return this.#readSequenceDocument(bytes, at, end)
      case 'query':
        return this.#readQuery(bytes, at, end)
      case 'reply':
        return this.#readReply(bytes, at, end)
      case 'legacy':
        return this.#readLegacy(bytes, at, end)
      case 'compressed':
        return this.#readCompressed(bytes, at, end)
      case 'payload':
        return this.#readPayload(bytes, at, end)
      default:
        return end
    }
  }

  #walk(bytes: Buffer, at: number, end: number): number {
    const walker = this.#walker
    const next = walker.advance(bytes, at, end)
    if (walker.failure !== '') {
      this.#fail(walker.failure)
      return end
    }
    if (walker.isDone) {
      if (this.#isBody) this.isKnown = true
      this.#isBody = false
      this.#state = this.#next
    }
    return next
  }

  #walkFrom(root: Node, maxBytes: number, next: State, isBody: boolean): void {
    this.#walker.begin(root, maxBytes)
    this.#isBody = isBody
    this.#next = next
    this.#state = 'document'
  }

  #readFlags(bytes: Buffer, at: number, end: number): number {
    if (end - at < 4) return -1
    this.flags = readInt32(bytes, at)
    this.hasFlags = true
    if ((this.flags & UNKNOWN_REQUIRED_FLAGS) !== 0) return this.#failAt(end, 'unknown_required_flag')
    if ((this.flags & FLAG_CHECKSUM_PRESENT) !== 0) this.#remaining -= 4
    this.#state = 'section'
    return at + 4
  }

  #readSection(bytes: Buffer, at: number): number {
    if (this.#remaining <= 0) {
      // What is left is the checksum.
      this.#state = 'finished'
      return at
    }
    switch (bytes[at]) {
      case 0:
        if (this.#hasBody) return this.#failAt(at, 'duplicate_body')
        this.#hasBody = true
        this.#walkFrom(this.#root, this.#remaining - 1, 'section', true)
        break
      case 1:
        this.#state = 'sequence'
        break
      case 2:
        return this.#failAt(at, 'security_token')
      case 3:
        this.#walkFrom(TELEMETRY_NODE, this.#remaining - 1, 'section', false)
        break
      default:
        return this.#failAt(at, 'unknown_section')
    }
    return at + 1
  }

  #readSequence(bytes: Buffer, at: number, end: number): number {
    const nameEnd = this.#cstring(bytes, at + 4, end)
    if (nameEnd < 0) return -1
    const size = readInt32(bytes, at)
    const headBytes = nameEnd + 1 - at
    if (size < headBytes || size > this.#remaining) return this.#failAt(at, 'bson_length')
    const index = SEQUENCES.find(bytes, at + 4, nameEnd)
    this.#beginSequence(index < 0 ? UNKNOWN_SEQUENCE : (SEQUENCE_FIELDS[index] as number), size - headBytes)
    return nameEnd + 1
  }

  #beginSequence(field: number, bytes: number): void {
    this.#sequenceField = field
    this.#sequenceLeft = bytes
    this.#sequenceCount = 0
    this.#state = 'sequence_document'
  }

  #readSequenceDocument(bytes: Buffer, at: number, end: number): number {
    if (this.#sequenceLeft === 0) {
      this.#endSequence()
      return at
    }
    if (end - at < 4) return -1
    const length = readInt32(bytes, at)
    if (length < 5 || length > this.#sequenceLeft) return this.#failAt(at, 'bson_length')
    this.#sequenceLeft -= length
    if (this.#sequenceCount++ === 0 && this.#sequenceField === NS_INFO) {
      this.#walkFrom(NS_INFO_NODE, length, 'sequence_document', false)
    } else {
      this.#skip = length
    }
    return at
  }

  #endSequence(): void {
    if (this.#sequenceField !== UNKNOWN_SEQUENCE) this.#fields.count(this.#sequenceField, this.#sequenceCount)
    if (this.#opcode === OP_MSG) this.#state = 'section'
    else this.#finishKnown()
  }

  #readQuery(bytes: Buffer, at: number, end: number): number {
    const fields = this.#fields
    const nsEnd = this.#cstring(bytes, at + 4, end)
    const next = nsEnd + QUERY_TAIL_BYTES
    if (nsEnd < 0 || next > end || fields instanceof ReplyFields) return -1
    if (readQueryHead(fields, bytes, at, nsEnd)) {
      this.#walkFrom(REQUEST_NODE, this.#remaining - (next - at), 'finished', true)
    } else {
      this.#finishKnown()
    }
    return next
  }

  #readReply(bytes: Buffer, at: number, end: number): number {
    const fields = this.#fields
    if (end - at < REPLY_HEAD_BYTES || !(fields instanceof ReplyFields)) return -1
    if (readReplyHead(fields, bytes, at, this.isCommandReply)) {
      this.#walkFrom(REPLY_NODE, this.#remaining - REPLY_HEAD_BYTES, 'finished', true)
    } else {
      this.#finishKnown()
    }
    return at + REPLY_HEAD_BYTES
  }

  #readLegacy(bytes: Buffer, at: number, end: number): number {
    const fields = this.#fields
    if (fields instanceof ReplyFields) return -1
    const hasNamespace = this.#opcode !== OP_KILL_CURSORS
    const nsEnd = hasNamespace ? this.#cstring(bytes, at + 4, end) : at
    const next = hasNamespace ? nsEnd + 1 + legacyTailBytes(this.#opcode) : at
    if (nsEnd < 0 || next > end) return -1
    if (readLegacyHead(this.#opcode, fields, bytes, at, nsEnd)) {
      this.#beginSequence(DOCUMENTS, this.#remaining - (next - at))
    } else {
      this.#finishKnown()
    }
    return next
  }

  #readCompressed(bytes: Buffer, at: number, end: number): number {
    if (end - at < COMPRESSED_HEAD_BYTES) return -1
    const reason = this.#compressed.begin(bytes, at, this.#remaining - COMPRESSED_HEAD_BYTES)
    if (reason !== '') return this.#failAt(at, reason)
    this.opcode = this.#compressed.opcode
    if (this.#compressed.isPrefix && this.#fields instanceof ReplyFields) return this.#failAt(at, 'inflate_limit')
    this.#state = 'payload'
    return at + COMPRESSED_HEAD_BYTES
  }

  #readPayload(bytes: Buffer, at: number, end: number): number {
    const compressed = this.#compressed
    const next = compressed.push(bytes, at, end)
    const { inflated } = compressed
    if (inflated === undefined) return next
    if (typeof inflated === 'string') return this.#failAt(next, inflated)
    this.#readInside(inflated)
    return next
  }

  /** Read the message inside, at once; what is left of the outer one passes by. */
  #readInside(inflated: Buffer): void {
    const { opcode, inflatedSize, isPrefix } = this.#compressed
    this.#open(opcode, inflatedSize)
    this.#run(inflated, 0, inflated.length)
    if (!isPrefix) {
      this.inside = inflated
      this.finish()
      return
    }
    // Beyond the prefix nothing is known: documents are not counted, a body that never ended still names its command.
    this.#skip = 0
    this.#hasBody = true
    this.failure ||= 'inflate_limit'
    this.#state = 'finished'
  }

  /** A cstring at `at`. @returns the place of its NUL, -1 when it isn't there (yet) */
  #cstring(bytes: Buffer, at: number, end: number): number {
    const nul = at <= end ? bytes.indexOf(0, at) : -1
    if (nul >= 0 && nul < end) {
      if (nul - at <= MAX_NAME_BYTES) return nul
    } else if (end - at <= MAX_NAME_BYTES) {
      return -1
    }
    this.#fail('bson_unterminated')
    return -1
  }

  #finishKnown(): void {
    this.isKnown = true
    this.#state = 'finished'
  }

  #fail(reason: MessageReason): void {
    this.failure ||= reason
    this.#skip = 0
    this.#state = 'finished'
  }

  #failAt(at: number, reason: MessageReason): number {
    this.#fail(reason)
    return at
  }
}
