import { BSON_ARRAY, BSON_DOCUMENT, BSON_STRING, readInt32, VALUE_BYTES } from '../bson.js'
import { nulAt } from '../bson-plain.js'
import {
  CLASS_OBJECT,
  DROPPED,
  documentContext,
  elementContext,
  itemContext,
  keptValue,
  LIST,
  LITERAL,
  MAX_SHAPE_DEPTH,
  PIPELINE,
  STATEMENTS,
  scalarClass,
  UPDATE,
} from './contexts.js'
import { BAD, CUT, documentEnd, valueEnd } from './element-ends.js'
import type { Plan } from './plans.js'
import { BODY, type RequestParts } from './request-parts.js'

/** Four random numbers: whoever does not know them can't make two requests with one fingerprint. */
export type Seed = readonly [number, number, number, number]

// What is mixed in beside bytes of names: beyond any byte, and none stands for two things.
const END = 0x100
const CLASS = 0x200
const KEPT = 0x300_0000
const TEXT = 0x400
const DOCUMENT = 0x500
const ARRAY = 0x501
const TOO_DEEP = 0x502
const CUT_OFF = 0x503
const PART = 0x600
const FIELD = 0x700
const COMMAND = 0x1000

/**
 * 64 bits over what a request's shape is made of: types, names, and the few values that stay; read from the bytes, with nothing
 * built. Equal fingerprints mean equal texts (ShapeText walks by the same rules); one text may have several fingerprints,
 * as keys come in another order.
 */
export class Fingerprint {
  readonly #seedHigh: number
  readonly #seedLow: number
  readonly #oddHigh: number
  readonly #oddLow: number
  #bytes: Buffer = Buffer.alloc(0)
  #stop = 0
  #nameEnd = 0
  #isBad = false
  #isCut = false
  high = 0
  low = 0

  constructor([seedHigh, seedLow, oddHigh, oddLow]: Seed) {
    this.#seedHigh = seedHigh | 0
    this.#seedLow = seedLow | 0
    this.#oddHigh = oddHigh | 1
    this.#oddLow = oddLow | 1
  }

  /** @returns false when the request is not what it should be */
  take(parts: RequestParts): boolean {
    const { plan, command, count } = parts
    if (plan === undefined || command === undefined) return false
    this.#bytes = parts.bytes
    this.#stop = parts.stop
    this.#isBad = false
    this.#isCut = parts.isCut
    this.high = this.#seedHigh
    this.low = this.#seedLow
    this.#mix(COMMAND + command.index)
    for (let i = 0; i < count && !this.#isBad; i++) {
      const field = parts.fields[i] as number
      this.#mix(PART + field)
      if (field === BODY) this.#fields(plan, parts.starts[i] as number, parts.ends[i] as number, 0)
      else this.#sequence(plan, field, parts.starts[i] as number, parts.ends[i] as number)
    }
    if (this.#isCut) this.#mix(CUT_OFF)
    this.#bytes = EMPTY
    return !this.#isBad
  }

  #mix(value: number): void {
    const high = Math.imul(this.high ^ value, this.#oddHigh)
    const low = Math.imul(this.low + value, this.#oddLow)
    this.high = high ^ (high >>> 15)
    this.low = low ^ (low >>> 13)
  }

  /** Bytes up to the NUL at `end`. */
  #mixBytes(at: number, end: number): void {
    const bytes = this.#bytes
    const oddHigh = this.#oddHigh
    const oddLow = this.#oddLow
    let { high, low } = this
    for (let i = at; i <= end; i++) {
      const byte = bytes[i] as number
      high = Math.imul(high ^ byte, oddHigh)
      high ^= high >>> 15
      low = Math.imul(low + byte, oddLow)
      low ^= low >>> 13
    }
    this.high = high
    this.low = low
  }

  /** The document at `at`, of which `plan` says what counts. */
  #fields(plan: Plan, at: number, end: number, depth: number): void {
    const bytes = this.#bytes
    const stop = this.#stop
    const last = end - 1
    const most = last < stop ? last : stop
    let pos = at + 4
    while (pos < most) {
      const type = bytes[pos] as number
      const next = this.#element(type, pos, last, most)
      if (next < 0) return
      const nameEnd = this.#nameEnd
      const index = plan.table.find(bytes, pos + 1, nameEnd)
      if (index >= 0) {
        this.#mix(FIELD + index)
        this.#value(plan.contexts[index] as number, plan.plans[index], type, nameEnd + 1, next, depth)
        if (this.#isBad) return
      }
      pos = next
    }
    this.#close(pos, last)
  }

  #document(inside: number, at: number, end: number, depth: number): void {
    const bytes = this.#bytes
    const stop = this.#stop
    const last = end - 1
    const most = last < stop ? last : stop
    let pos = at + 4
    while (pos < most) {
      const type = bytes[pos] as number
      const next = this.#element(type, pos, last, most)
      if (next < 0) return
      const nameEnd = this.#nameEnd
      const context = elementContext(inside, bytes, pos + 1, nameEnd)
      if (context !== DROPPED) {
        this.#mixBytes(pos + 1, nameEnd)
        this.#value(context, undefined, type, nameEnd + 1, next, depth)
        if (this.#isBad) return
      }
      pos = next
    }
    this.#close(pos, last)
  }

  /** The element at `pos`, whose name ends at `#nameEnd`. @returns where it ends; negative when the walk of its parent does */
  #element(type: number, pos: number, last: number, most: number): number {
    const bytes = this.#bytes
    const nameEnd = nulAt(bytes, pos + 1, most)
    this.#nameEnd = nameEnd
    const isNamed = nameEnd < most
    const next = isNamed ? valueEnd(type, bytes, nameEnd + 1, last, this.#stop) : most === last ? BAD : CUT
    if (next < 0) this.#ended(next)
    return next
  }

  #close(pos: number, last: number): void {
    if (pos >= this.#stop) this.#isCut = true
    else if (pos !== last || this.#bytes[last] !== 0) this.#isBad = true
    this.#mix(END)
  }

  #ended(why: number): void {
    if (why === CUT) this.#isCut = true
    else this.#isBad = true
    this.#mix(END)
  }

  /** One value, that ends at `end`; of one that is not all there nothing is taken, unless it is walked. */
  #value(context: number, plan: Plan | undefined, type: number, at: number, end: number, depth: number): void {
    if (context === DROPPED) return
    if (type === BSON_DOCUMENT) this.#innerDocument(context, plan, at, end, depth + 1)
    else if (type === BSON_ARRAY) this.#array(context, plan, at, end, depth + 1)
    else if (end > this.#stop) this.#isCut = true
    else this.#scalar(context, type, at, end)
  }

  #scalar(context: number, type: number, at: number, end: number): void {
    const kept = keptValue(context, type, this.#bytes, at)
    if (kept < 0) {
      this.#mix(CLASS + scalarClass(context, type))
    } else if (type !== BSON_STRING) {
      this.#mix(KEPT + kept)
    } else {
      this.#mix(TEXT)
      // The length first: a string may hold NULs.
      this.#mix(end - at)
      this.#mixBytes(at + 4, end - 1)
    }
  }

  #innerDocument(context: number, plan: Plan | undefined, at: number, end: number, depth: number): void {
    // A document that is empty has its NUL there.
    const first = at + 4 < this.#stop && this.#bytes[at + 4] !== 0 ? at + 5 : at + 4
    if (first >= this.#stop) {
      this.#isCut = true
      return
    }
    const inside = plan === undefined ? documentContext(context, this.#bytes[first] as number) : context
    if (inside === LITERAL) {
      this.#mix(CLASS + CLASS_OBJECT)
    } else if (depth > MAX_SHAPE_DEPTH) {
      this.#mix(TOO_DEEP)
    } else {
      this.#mix(DOCUMENT)
      if (plan !== undefined) this.#fields(plan, at, end, depth)
      else this.#document(inside, at, end, depth)
    }
  }

  /** Neighbours that are the same count once: lists of any length have one fingerprint. */
  #array(context: number, plan: Plan | undefined, at: number, end: number, depth: number): void {
    if (depth > MAX_SHAPE_DEPTH) {
      this.#mix(TOO_DEEP)
      return
    }
    const bytes = this.#bytes
    const stop = this.#stop
    const last = end - 1
    const most = last < stop ? last : stop
    const item = itemContext(context)
    const isOrdered = context === PIPELINE || context === UPDATE || context === LIST
    const itemPlan = context === STATEMENTS || context === LIST ? plan : undefined
    this.#mix(ARRAY)
    let highBefore = 0
    let lowBefore = 0
    let classBefore = -1
    let pos = at + 4
    while (pos < most) {
      const type = bytes[pos] as number
      const next = this.#element(type, pos, last, most)
      if (next < 0) return
      const nameEnd = this.#nameEnd
      if (next > stop) {
        this.#ended(CUT)
        return
      }
      if (type !== BSON_DOCUMENT && type !== BSON_ARRAY && keptValue(item, type, bytes, nameEnd + 1) < 0) {
        const found = scalarClass(item, type)
        if (found !== classBefore || isOrdered) this.#mix(CLASS + found)
        classBefore = found
        highBefore = 0
        lowBefore = 0
        const size = VALUE_BYTES[type] as number
        if (size >= 0 && !isOrdered) {
          pos = skipAlike(bytes, type, size, next, most)
          continue
        }
      } else {
        const { high, low } = this
        this.high = this.#seedHigh
        this.low = this.#seedLow
        this.#value(itemPlan === undefined ? item : context, itemPlan, type, nameEnd + 1, next, depth)
        if (this.#isBad) return
        const highNow = this.high
        const lowNow = this.low
        this.high = high
        this.low = low
        if (isOrdered || highNow !== highBefore || lowNow !== lowBefore || classBefore !== -1) {
          this.#mix(TEXT)
          this.#mix(highNow)
          this.#mix(lowNow)
        }
        highBefore = highNow
        lowBefore = lowNow
        classBefore = -1
      }
      pos = next
    }
    this.#close(pos, last)
  }

  /** The documents of a sequence, as those of an array. */
  #sequence(plan: Plan, field: number, start: number, end: number): void {
    const context = plan.contexts[field] as number
    const itemPlan = plan.plans[field]
    if (context === DROPPED || itemPlan === undefined) return
    let highBefore = 0
    let lowBefore = 0
    let pos = start
    while (pos < end && pos < this.#stop) {
      const next = documentEnd(this.#bytes, pos, end, this.#stop)
      if (next === BAD) {
        this.#isBad = true
        return
      }
      if (next === CUT || next > this.#stop) break
      const { high, low } = this
      this.high = this.#seedHigh
      this.low = this.#seedLow
      this.#innerDocument(context, itemPlan, pos, next, 2)
      if (this.#isBad) return
      const highNow = this.high
      const lowNow = this.low
      this.high = high
      this.low = low
      if (context === LIST || highNow !== highBefore || lowNow !== lowBefore) {
        this.#mix(highNow)
        this.#mix(lowNow)
      }
      highBefore = highNow
      lowBefore = lowNow
      pos = next
    }
    this.#mix(END)
  }
}

const EMPTY = Buffer.alloc(0)

/**
 * Passes over elements of one type of fixed `size` that are all there: a list of 500 ids in 2 µs where element by element it took 8.
 * @returns the first one that is another, or not all there
 */
function skipAlike(bytes: Buffer, type: number, size: number, from: number, most: number): number {
  let pos = from
  while (pos < most && bytes[pos] === type) {
    const next = nulAt(bytes, pos + 1, most) + 1 + size
    if (next > most) return pos
    pos = next
  }
  return pos
}

/** @param words 16 random bytes */
export function seedOf(words: Buffer): Seed {
  return [readInt32(words, 0), readInt32(words, 4), readInt32(words, 8), readInt32(words, 12)]
}
