import { BSON_DOCUMENT, readInt32 } from '../bson.js'
import { type CommandInfo, findCommand } from '../commands.js'
import { equalBytes } from '../name-table.js'
import { FLAG_CHECKSUM_PRESENT, OP_MSG } from '../opcodes.js'
import { documentEnd, nameEnd, valueEnd } from './element-ends.js'
import { legacyCommand } from './legacy-commands.js'
import { EXPLAIN, type Plan, planOf } from './plans.js'

/** Of a request: what its shape is made of must stand in here. (docs/observing.md) */
export const MAX_HEAD_BYTES = 16_384
/** A body, and the two sequences of a bulkWrite; more is no request that a server takes. */
const MAX_PARTS = 8
/** `$query` inside `$query` is nothing that a driver sends. */
const MAX_WRAPPERS = 3
/** Instead of a field's index: the command's own document. */
export const BODY = -1

const WRAPPERS = [Buffer.from('$query'), Buffer.from('query')]

/** Where in a request the documents stand that its shape is made of. One object for all requests. */
export class RequestParts {
  bytes: Buffer = Buffer.alloc(0)
  /** The bytes end here: the message may go on. */
  stop = 0
  isCut = false
  plan: Plan | undefined = undefined
  /** The command that `plan` is of: that inside `explain`. */
  command: CommandInfo | undefined = undefined
  count = 0
  /** By part: BODY, or the field of `plan` that a sequence carries. */
  readonly fields = new Int32Array(MAX_PARTS)
  readonly starts = new Int32Array(MAX_PARTS)
  readonly ends = new Int32Array(MAX_PARTS)

  /**
   * @param bytes holds the message without its header, from `start` to `end`, or the first MAX_HEAD_BYTES of it
   * @param size of the whole message, without its header
   * @returns false when there is nothing to make a shape of, or it can't be understood
   */
  locate(command: CommandInfo, opcode: number, bytes: Buffer, start: number, end: number, size: number): boolean {
    this.bytes = bytes
    this.isCut = size > MAX_HEAD_BYTES
    this.stop = this.isCut ? Math.min(end, start + MAX_HEAD_BYTES) : end
    this.plan = planOf(command)
    this.command = command
    this.count = 0
    if (this.plan === undefined) return false
    if (opcode === OP_MSG ? !this.#sections(start, start + size) : !this.#legacy(opcode, start)) return false
    return command !== EXPLAIN || this.#explained()
  }

  /** The bytes may be overwritten, or large: forget them. */
  release(): void {
    this.bytes = EMPTY
  }

  #sections(start: number, messageEnd: number): boolean {
    const { bytes, stop } = this
    if (stop - start < 4) return false
    const end = messageEnd - ((readInt32(bytes, start) & FLAG_CHECKSUM_PRESENT) !== 0 ? 4 : 0)
    let at = start + 4
    while (at < end && at < stop) {
      const kind = bytes[at] as number
      const next =
        kind === 0 ? this.#body(at + 1, end) : kind === 1 ? this.#sequence(at + 1, end) : this.#other(at, end)
      if (next < 0) return this.isCut && this.count > 0
      at = next
    }
    return this.count > 0
  }

  #body(at: number, limit: number): number {
    const end = documentEnd(this.bytes, at, limit, this.stop)
    if (end >= 0) this.#add(BODY, at, end)
    return end
  }

  /** @returns where the next section begins; negative when that can't be told */
  #sequence(at: number, limit: number): number {
    const { bytes, stop, plan } = this
    if (stop - at < 5) return -1
    const size = readInt32(bytes, at)
    const named = nameEnd(bytes, at + 4, limit, stop)
    if (named < 0 || size < named + 1 - at || size > limit - at) return -1
    const field = plan === undefined ? -1 : plan.table.find(bytes, at + 4, named)
    if (field >= 0) this.#add(field, named + 1, at + size)
    return at + size
  }

  /** Telemetry is one document; of any other kind the layout isn't known. */
  #other(at: number, limit: number): number {
    return this.bytes[at] === 3 ? documentEnd(this.bytes, at + 1, limit, this.stop) : -1
  }

  #add(field: number, start: number, end: number): void {
    if (this.count === MAX_PARTS) return
    this.fields[this.count] = field
    this.starts[this.count] = start
    this.ends[this.count] = end
    this.count++
  }

  #legacy(opcode: number, start: number): boolean {
    if (this.isCut) return false
    const found = legacyCommand(opcode, this.bytes, start, this.stop)
    if (found === undefined) return false
    this.bytes = found
    this.stop = found.length
    let at = 0
    let end = documentEnd(found, 0, found.length, found.length)
    for (let i = 0; i < MAX_WRAPPERS && end >= 0; i++) {
      const inner = this.#innerAt(at, end, true)
      if (inner < 0) break
      at = inner
      end = documentEnd(found, at, end - 1, found.length)
    }
    if (end < 0) return false
    this.#add(BODY, at, end)
    return true
  }

  /** The document that is the first element of the one at `at`; negative when that is another value. */
  #innerAt(at: number, end: number, isWrapper: boolean): number {
    const { bytes, stop } = this
    if (at + 6 > stop || bytes[at + 4] !== BSON_DOCUMENT) return -1
    const named = nameEnd(bytes, at + 5, end - 1, stop)
    if (named < 0) return -1
    if (isWrapper && !WRAPPERS.some((name) => equalBytes(name, bytes, at + 5, named))) return -1
    return named + 1
  }

  /** `explain: {find: …}`: go on with the command inside. */
  #explained(): boolean {
    for (let i = 0; i < this.count; i++) {
      if (this.fields[i] !== BODY) continue
      const end = this.ends[i] as number
      const at = this.#innerAt(this.starts[i] as number, end, false)
      if (at < 0) return false
      const innerEnd = valueEnd(BSON_DOCUMENT, this.bytes, at, end - 1, this.stop)
      const named = innerEnd < 0 ? -1 : nameEnd(this.bytes, at + 5, innerEnd - 1, this.stop)
      if (named < 0) return false
      this.command = findCommand(this.bytes, at + 5, named)
      this.plan = planOf(this.command)
      this.count = 0
      this.#add(BODY, at, innerEnd)
      return this.plan !== undefined && this.command !== EXPLAIN
    }
    return false
  }
}

const EMPTY = Buffer.alloc(0)
