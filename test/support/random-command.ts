import { BSON } from 'bson'

const { ObjectId, Decimal128, Double, Timestamp, Binary, Code, MinKey, MaxKey, BSONSymbol } = BSON

export type Command = Record<string, unknown>
type Random = () => number

/** By type: a value of it, with `text` in it where it takes any. */
export const LITERALS: readonly (readonly [type: string, make: (text: string, n: number) => unknown])[] = [
  ['number', (_text, n) => n],
  ['number', (_text, n) => new Double(n + 0.5)],
  ['number', (_text, n) => BigInt(n)],
  ['number', (_text, n) => Decimal128.fromString(String(n))],
  ['string', (text) => text],
  ['string', (text) => `${text} ${text}`],
  ['bool', (_text, n) => n % 2 === 0],
  ['date', (_text, n) => new Date(n)],
  ['objectId', (_text, n) => ObjectId.createFromTime(n)],
  ['null', () => null],
  ['binData', (text) => new Binary(Buffer.from(text))],
  ['regex', (text) => new BSON.BSONRegExp(text, 'i')],
  ['timestamp', (_text, n) => new Timestamp({ t: n, i: 1 })],
  ['minKey', () => new MinKey()],
  ['maxKey', () => new MaxKey()],
  ['javascript', (text) => new Code(`f("${text}")`)],
  ['javascript', (text) => new Code(text, { [text]: text })],
  ['symbol', (text) => new BSONSymbol(text)],
  // Keys of a document that is a value may be data, too.
  ['object', (text, n) => ({ [text]: n, x: { [text]: text } })],
  ['object', () => ({})],
]

/** Makes commands at random; literals come from `literal`, so that two of one seed may differ in them alone. */
export class RandomCommand {
  readonly #random: Random
  readonly #literal: (place: number) => unknown

  constructor(random: Random, literal: (place: number) => unknown) {
    this.#random = random
    this.#literal = literal
  }

  command(): Command {
    const filter = () => this.filter(2)
    switch (this.#pick(9)) {
      case 0:
      case 1:
        return {
          find: 'c',
          filter: filter(),
          ...this.#maybe({ sort: { [this.#field()]: this.#pick(2) === 0 ? 1 : -1, _id: 1 } }),
          ...this.#maybe({ projection: { [this.#field()]: this.#pick(2) } }),
          ...this.#maybe({ limit: 1 + this.#pick(3) }),
        }
      case 2:
        return { aggregate: 'c', pipeline: this.pipeline(2), cursor: {} }
      case 3:
        return { update: 'c', updates: this.#many(3, () => this.#update()) }
      case 4:
        return { delete: 'c', deletes: this.#many(3, () => ({ q: filter(), limit: this.#pick(2) })) }
      case 5:
        return { count: 'c', query: filter() }
      case 6:
        return { distinct: 'c', key: this.#field(), query: filter() }
      case 7:
        return { findAndModify: 'c', query: filter(), update: this.#operators(), ...this.#maybe({ upsert: true }) }
      default:
        return {
          bulkWrite: 1,
          ops: this.#many(3, () => ({ update: this.#pick(2), filter: filter(), updateMods: this.#operators() })),
          nsInfo: [{ ns: 'shop.a' }, { ns: 'shop.b' }],
        }
    }
  }

  filter(depth: number): Command {
    const filter: Command = {}
    for (let n = this.#pick(3); n >= 0; n--) {
      if (depth > 0 && this.#pick(5) === 0) {
        const logic = this.#one(['$or', '$and', '$nor'])
        filter[logic] = this.#many(3, () => this.filter(depth - 1))
      } else if (depth > 0 && this.#pick(8) === 0) {
        filter.$expr = this.#expression(depth)
      } else {
        filter[this.#field()] = this.#predicate(depth)
      }
    }
    return filter
  }

  pipeline(depth: number): Command[] {
    return this.#many(3, () => {
      switch (this.#pick(6)) {
        case 0:
          return { $match: this.filter(depth) }
        case 1:
          return { $group: { _id: `$${this.#field()}`, n: { $sum: this.#expression(depth) } } }
        case 2:
          return { $limit: this.#pick(9) + 1 }
        case 3:
          return depth === 0 ? { $count: 'n' } : { $facet: { a: this.pipeline(0) } }
        case 4:
          return { $addFields: { [this.#field()]: this.#expression(depth) } }
        default:
          return { $sort: { [this.#field()]: this.#pick(2) === 0 ? 1 : -1 } }
      }
    })
  }

  #predicate(depth: number): unknown {
    switch (this.#pick(5)) {
      case 0:
        return { [this.#one(['$gt', '$lt', '$ne'])]: this.#value() }
      case 1:
        return { $in: this.#many(4, () => this.#value()) }
      case 2:
        return depth > 0 ? { $elemMatch: this.filter(depth - 1) } : { $exists: this.#value() }
      default:
        return this.#value()
    }
  }

  #expression(depth: number): unknown {
    if (depth === 0 || this.#pick(3) === 0) return this.#pick(2) === 0 ? `$${this.#field()}` : this.#scalar()
    return { [this.#one(['$add', '$concat', '$eq'])]: this.#many(3, () => this.#expression(depth - 1)) }
  }

  #update(): Command {
    const u = this.#pick(4) === 0 ? { [this.#field()]: this.#value() } : this.#operators()
    return { q: this.filter(1), u, ...this.#maybe({ multi: true }) }
  }

  #operators(): Command {
    const fields = () => Object.fromEntries(this.#many(2, () => [this.#field(), this.#value()]))
    return { [this.#one(['$set', '$inc', '$push'])]: fields() }
  }

  #value(): unknown {
    return this.#literal(this.#pick(LITERALS.length))
  }

  /** In an expression a document is one that is built: its keys are names. */
  #scalar(): unknown {
    return this.#literal(this.#pick(LITERALS.length - 2))
  }

  #field(): string {
    return this.#one(['a', 'b', 'items.sku', 'a.17', 'n_1234'])
  }

  #pick(n: number): number {
    return Math.floor(this.#random() * n)
  }

  #one(from: readonly string[]): string {
    return from[this.#pick(from.length)] ?? ''
  }

  #maybe(fields: Command): Command {
    return this.#pick(2) === 0 ? fields : {}
  }

  #many<T>(most: number, make: () => T): T[] {
    return Array.from({ length: 1 + this.#pick(most) }, make)
  }
}

/** Literals by their place in LITERALS, each another one than before. */
export function literals(text: string): (place: number) => unknown {
  let n = 0
  return (place) => LITERALS[place]?.[1](`${text}${++n}`, n)
}
