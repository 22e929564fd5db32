import type { RequestValues } from '../../core/shape.js'
import { isLongText, truncated } from '../shared/shape-table.js'

/** Of one request: what is longer is not shown, for half a JSON document can't be looked through for what is to stay hidden. */
const MAX_BODY_BYTES = 16_384
/** Of one codec, all requests together. */
const MAX_KEPT_BYTES = 32 * 1_048_576
const MIN_BODY_BYTES = 512
const MAX_STRING = 256
/** Attributes nest 32 levels at most, each two of JSON. What is deeper is no request, and would overflow the stack. */
const MAX_DEPTH = 100
const HIDDEN = '?'

/** What `:placeholders` stand for, and statements with their literals: hidden when a field that the expressions name is. */
const VALUES_OF_EXPRESSIONS: ReadonlySet<string> = new Set(['ExpressionAttributeValues', 'Parameters', 'Statement'])
const EXPRESSION = /Expression$|^Statement$/
/** The table is told beside it, and what the rest says is no query. */
const LEFT_OUT: ReadonlySet<string> = new Set(['TableName', 'ClientRequestToken', 'ReturnConsumedCapacity'])

/** The room that the bodies of one codec's open requests have together. */
export class BodyRoom {
  readonly wants: (database: string, collection: string) => boolean
  heldBytes = 0
  /** Requests that had no room. */
  refused = 0

  constructor(wants: (database: string, collection: string) => boolean) {
    this.wants = wants
  }
}

/** A copy of one request's body, of at most 16 KiB. */
export class KeptBody implements RequestValues {
  readonly #room: BodyRoom
  /** One for all chunks: thousands of small ones would cost a hundred times their bytes. */
  #bytes: Buffer = NOTHING
  #length = 0
  #heldBytes = 0
  #isGivenUp = false

  constructor(room: BodyRoom) {
    this.#room = room
  }

  push(chunk: Buffer): void {
    if (this.#isGivenUp || !this.#hasRoomFor(this.#length + chunk.length)) return
    this.#length += chunk.copy(this.#bytes, this.#length)
  }

  /** @returns false when it is given up */
  #hasRoomFor(length: number): boolean {
    const old = this.#bytes
    if (length <= old.length) return true
    const size = Math.min(Math.max(length, old.length * 2, MIN_BODY_BYTES), MAX_BODY_BYTES)
    const isTooLong = length > MAX_BODY_BYTES
    if (isTooLong || this.#room.heldBytes + size - old.length > MAX_KEPT_BYTES) {
      if (!isTooLong) this.#room.refused++
      this.release()
      this.#bytes = NOTHING
      this.#isGivenUp = true
      return false
    }
    this.#room.heldBytes += size - old.length
    this.#heldBytes = size
    this.#bytes = Buffer.allocUnsafeSlow(size)
    old.copy(this.#bytes, 0, 0, this.#length)
    return true
  }

  /** Its bytes no longer count; the text can still be told for as long as somebody holds this. */
  release(): void {
    this.#room.heldBytes -= this.#heldBytes
    this.#heldBytes = 0
  }

  text(isRedacted: (field: string) => boolean): string {
    const body = this.#parse()
    if (body === undefined || isDeeper(body, MAX_DEPTH)) return ''
    const hidesValues = namesIn(body).some(isRedacted)
    const text = JSON.stringify(body, (key, value: unknown) => {
      if (LEFT_OUT.has(key)) return undefined
      if (isRedacted(key) || (hidesValues && VALUES_OF_EXPRESSIONS.has(key))) return HIDDEN
      return typeof value === 'string' && value.length > MAX_STRING ? `${value.slice(0, MAX_STRING)}…` : value
    })
    return isLongText(text) ? truncated(text) : text
  }

  #parse(): object | undefined {
    try {
      const parsed: unknown = this.#isGivenUp ? undefined : JSON.parse(this.#bytes.toString('utf8', 0, this.#length))
      return typeof parsed === 'object' && parsed !== null ? parsed : undefined
    } catch {
      // The reader of the request has counted it as undecodable; there is nothing to show.
      return undefined
    }
  }
}

/** The names of fields that expressions and statements may speak of, wherever they stand in the body. */
function namesIn(body: object): string[] {
  const names: string[] = []
  const visit = (value: unknown, key: string): void => {
    if (typeof value === 'string' && EXPRESSION.test(key)) names.push(...value.split(/[^\p{L}\p{N}_#-]+/u))
    else if (typeof value === 'object' && value !== null) {
      // What `#placeholders` stand for; paths are not written there.
      if (key === 'ExpressionAttributeNames') names.push(...Object.values(value).filter((v) => typeof v === 'string'))
      else for (const [name, inner] of Object.entries(value)) visit(inner, name)
    }
  }
  visit(body, '')
  return names
}

/** Whether anything in it lies deeper than `levels`. */
function isDeeper(value: object, levels: number): boolean {
  return Object.values(value).some(
    (inner: unknown) => typeof inner === 'object' && inner !== null && (levels === 0 || isDeeper(inner, levels - 1)),
  )
}

const NOTHING = Buffer.alloc(0)
