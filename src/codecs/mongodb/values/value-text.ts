import { BSON } from 'bson'
import {
  BSON_ARRAY,
  BSON_BINARY,
  BSON_BOOL,
  BSON_CODE,
  BSON_CODE_WITH_SCOPE,
  BSON_DOCUMENT,
  BSON_DOUBLE,
  BSON_INT32,
  BSON_INT64,
  BSON_REGEX,
  BSON_STRING,
  BSON_SYMBOL,
  readInt32,
} from '../bson.js'
import { nulAt } from '../bson-plain.js'
import { PLACEHOLDERS, TYPE_CLASS } from '../shapes/contexts.js'
import { documentEnd, nameEnd, valueEnd } from '../shapes/element-ends.js'

/** Of one string; what follows is `…`. */
const MAX_STRING = 256
const MAX_DEPTH = 32
const MORE = '…'
const IDENTIFIER = /^[A-Za-z_$][A-Za-z0-9_$]*$/
/** Comments are not what a request does. */
const LEFT_OUT = new Set(['comment', '$comment'])
/** Operators that join conditions, choose or assign: what one of them speaks of is not what others are compared with. */
const CONTAINERS: ReadonlySet<string> = new Set(
  (
    '$and $or $nor $not $elemMatch $expr $cond $switch $facet $match $project $addFields $set $group $lookup $unionWith $replaceRoot ' +
    '$replaceWith $setOnInsert $unset $push $addToSet $pull $each $geoNear $graphLookup $merge $documents'
  ).split(' '),
)
const NO_WORD = /[^\p{L}\p{N}_-]+/u
/** Farthest from 1970 that a date can be written. (ECMA-262, "Time Values and Time Range") */
const MAX_DATE_MS = 8.64e15

const OBJECT_ID = 7
const DATE = 9
const NULL = 10
const TIMESTAMP = 17
const DECIMAL = 19
const MIN_KEY = 0xff
const MAX_KEY = 0x7f

/** Writes BSON with its values, as relaxed Extended JSON with bare keys; stops at `maxChars`, and where bytes are no BSON. */
export class ValueText {
  readonly #bytes: Buffer
  readonly #maxChars: number
  readonly #isRedacted: (field: string) => boolean
  #length = 0
  /** Inside an operator that speaks of a hidden field: no value is told. */
  #isHiding = false

  constructor(bytes: Buffer, maxChars: number, isRedacted: (field: string) => boolean) {
    this.#bytes = bytes
    this.#maxChars = maxChars
    this.#isRedacted = isRedacted
  }

  get isFull(): boolean {
    return this.#length > this.#maxChars
  }

  /** Documents back to back, as an array. */
  list(start: number, end: number): string {
    const bytes = this.#bytes
    const texts: string[] = []
    for (let at = start; at < end && !this.isFull; ) {
      const next = documentEnd(bytes, at, end, bytes.length)
      if (next < 0) {
        texts.push(MORE)
        break
      }
      texts.push(this.#document(at, next, 1))
      at = next
    }
    return `[${texts.join(', ')}]`
  }

  value(name: string, type: number, at: number, end: number, depth = 0): string {
    const wasHiding = this.#isHiding
    this.#isHiding ||= name.startsWith('$') && !CONTAINERS.has(name) && this.#mentionsHidden(type, at, end, depth)
    const text = this.#value(name, type, at, end, depth)
    this.#isHiding = wasHiding
    return text
  }

  #value(name: string, type: number, at: number, end: number, depth: number): string {
    const hidden = this.#hides(name)
    if (type === BSON_DOCUMENT && !hidden) return this.#document(at, end, depth + 1)
    if (type === BSON_ARRAY) return hidden ? '"?array"' : this.#array(at, end, depth + 1)
    const text =
      hidden || this.#isHiding ? placeholder(type) : end > this.#bytes.length ? MORE : this.#scalar(type, at, end)
    this.#length += text.length
    return text
  }

  /** A path is hidden when a part of it is. */
  #hides(name: string): boolean {
    return this.#isRedacted(name) || (name.includes('.') && name.split('.').some((part) => this.#isRedacted(part)))
  }

  /**
   * `{$eq: [{$toLower: "$password"}, "x"]}`: what stands beside a hidden field is its value, also where its name is a text
   * (`$getField`, `path` of `$search`) or stands in code.
   */
  #mentionsHidden(type: number, at: number, end: number, depth: number): boolean {
    const bytes = this.#bytes
    if (type === BSON_STRING || type === BSON_CODE) {
      const text = bytes.toString('utf8', at + 4, Math.min(end - 1, bytes.length))
      return text.split(NO_WORD).some((word) => this.#isRedacted(word))
    }
    if (type !== BSON_DOCUMENT && type !== BSON_ARRAY) return false
    if (depth > MAX_DEPTH) return true
    const length = this.#length
    let isFound = false
    this.elements(at, end, (_name, inner, valueAt, next) => {
      isFound ||= this.#mentionsHidden(inner, valueAt, next, depth + 1)
    })
    this.#length = length
    return isFound
  }

  #document(at: number, end: number, depth: number): string {
    if (depth > MAX_DEPTH) return MORE
    const fields: string[] = []
    const isWhole = this.elements(at, end, (name, type, valueAt, next) => {
      if (!LEFT_OUT.has(name)) fields.push(`${quoted(name)}: ${this.value(name, type, valueAt, next, depth)}`)
    })
    if (!isWhole) fields.push(MORE)
    return `{${fields.join(', ')}}`
  }

  #array(at: number, end: number, depth: number): string {
    if (depth > MAX_DEPTH) return MORE
    const items: string[] = []
    const isWhole = this.elements(at, end, (_name, type, valueAt, next) => {
      items.push(this.value('', type, valueAt, next, depth))
    })
    if (!isWhole) items.push(MORE)
    return `[${items.join(', ')}]`
  }

  /** @returns whether all of them were there, and there was room for them */
  elements(
    at: number,
    end: number,
    visit: (name: string, type: number, valueAt: number, next: number) => void,
  ): boolean {
    const bytes = this.#bytes
    const last = end - 1
    for (let pos = at + 4; pos < last; ) {
      if (pos >= bytes.length || this.isFull) return false
      const type = bytes[pos] as number
      const named = nameEnd(bytes, pos + 1, last, bytes.length)
      const next = named < 0 ? named : valueEnd(type, bytes, named + 1, last, bytes.length)
      if (next < 0) return false
      this.#length += named - pos
      visit(bytes.toString('utf8', pos + 1, named), type, named + 1, next)
      pos = next
    }
    return true
  }

  #scalar(type: number, at: number, end: number): string {
    const bytes = this.#bytes
    switch (type) {
      case BSON_DOUBLE:
        return String(bytes.readDoubleLE(at))
      case BSON_INT32:
        return String(readInt32(bytes, at))
      case BSON_INT64:
        return String(bytes.readBigInt64LE(at))
      case DECIMAL:
        return `{$numberDecimal: "${new BSON.Decimal128(Uint8Array.from(bytes.subarray(at, end)))}"}`
      case BSON_BOOL:
        return bytes[at] === 0 ? 'false' : 'true'
      case NULL:
        return 'null'
      case BSON_STRING:
      case BSON_SYMBOL:
        return clipped(bytes.toString('utf8', at + 4, end - 1))
      case OBJECT_ID:
        return `{$oid: "${bytes.toString('hex', at, end)}"}`
      case DATE:
        return `{$date: ${date(Number(bytes.readBigInt64LE(at)))}}`
      case TIMESTAMP:
        return `{$timestamp: {t: ${bytes.readUInt32LE(at + 4)}, i: ${bytes.readUInt32LE(at)}}}`
      case BSON_BINARY:
        return `{$binary: ${readInt32(bytes, at)}}`
      case BSON_REGEX:
        return this.#regex(at, end)
      case BSON_CODE:
        return `{$code: ${clipped(bytes.toString('utf8', at + 4, end - 1))}}`
      case BSON_CODE_WITH_SCOPE:
        return '{$code: "?javascript"}'
      case MIN_KEY:
        return '{$minKey: 1}'
      case MAX_KEY:
        return '{$maxKey: 1}'
      default:
        return placeholder(type)
    }
  }

  #regex(at: number, end: number): string {
    const patternEnd = nulAt(this.#bytes, at, end)
    const [pattern, flags] = [
      this.#bytes.toString('utf8', at, patternEnd),
      this.#bytes.toString('utf8', patternEnd + 1, end - 1),
    ]
    return `{$regex: ${clipped(pattern)}, $options: ${clipped(flags)}}`
  }
}

function placeholder(type: number): string {
  return type === BSON_ARRAY ? '"?array"' : `"${PLACEHOLDERS[TYPE_CLASS[type] as number]}"`
}

function quoted(name: string): string {
  return IDENTIFIER.test(name) ? name : JSON.stringify(name)
}

function clipped(text: string): string {
  return JSON.stringify(text.length > MAX_STRING ? text.slice(0, MAX_STRING) + MORE : text)
}

function date(ms: number): string {
  // biome-ignore lint/style/noRestrictedGlobals: how a date on the wire is written; no source of time
  return Math.abs(ms) <= MAX_DATE_MS ? `"${new Date(ms).toISOString()}"` : String(ms)
}
