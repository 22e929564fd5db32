import { JsonScanner, type JsonSink } from '../../src/codecs/shared/json-scan.js'
import type { JsonShape } from '../../src/codecs/shared/json-shape.js'

/** What a shape asks of a value: strings (as the bytes of their UTF-8), numbers, lists, and objects as sorted entries. */
export type Seen =
  | string
  | number
  | readonly Seen[]
  | { readonly skipped: 'null' | 'other' }
  | { readonly count: number }
type Entry = readonly [name: string, value: Seen]

const latin1 = (text: string): string => Buffer.from(text).toString('latin1')
const sorted = (entries: Iterable<Entry>): Seen => [...entries].toSorted(([a], [b]) => (a < b ? -1 : 1))

/** As JSON.parse sees it. Half a surrogate pair is U+FFFD, as in every UTF-8. */
export function expected(shape: JsonShape, value: unknown): Seen {
  if (typeof value === 'string') return latin1(value).slice(0, shape.maxBytes)
  if (typeof value === 'number') return value
  if (value === null) return { skipped: 'null' }
  if (Array.isArray(value)) {
    if (!shape.isCounted) return { skipped: 'other' }
    const { items } = shape
    return items === undefined ? { count: value.length } : value.map((one) => expected(items, one))
  }
  if (typeof value !== 'object' || (shape.fields.length === 0 && shape.any === undefined)) return { skipped: 'other' }
  const entries: Entry[] = []
  for (const [key, one] of Object.entries(value)) {
    const name = latin1(key)
    const field = shape.fields.find((f) => Buffer.from(f.name).toString('latin1') === name)?.shape ?? shape.any
    if (field !== undefined) entries.push([name.slice(0, 1_024), expected(field, one)])
  }
  return sorted(entries)
}

interface Level {
  readonly id: number
  readonly key: string
  readonly list: Seen[] | undefined
  readonly members: Map<string, Seen>
}

/** The same from a scanner's events, for shapes whose ids are unique. The last of two members stays. */
export class Recorder implements JsonSink {
  root: Seen | undefined
  readonly #levels: Level[] = []
  readonly #shapes = new Map<number, JsonShape>()
  readonly #names = new Map<number, string>()
  #name = ''

  constructor(shape: JsonShape) {
    this.#index(shape)
  }

  begin(id: number, isArray: boolean): void {
    this.#levels.push({ id, key: this.#keyOf(id), list: isArray ? [] : undefined, members: new Map() })
  }

  ended(id: number, count: number): void {
    const level = this.#levels.pop()
    if (level?.id !== id) throw new Error(`${id} ends and did not begin`)
    const isCount = level.list !== undefined && this.#shapes.get(id)?.items === undefined
    if (level.list !== undefined && !isCount && level.list.length !== count) throw new Error(`${count} elements?`)
    this.#put(level.key, isCount ? { count } : (level.list ?? sorted(level.members)))
  }

  name(_id: number, bytes: Buffer, start: number, end: number): void {
    this.#name = bytes.toString('latin1', start, end)
  }

  text(id: number, bytes: Buffer, start: number, end: number): void {
    this.#put(this.#keyOf(id), bytes.toString('latin1', start, end))
  }

  number(id: number, value: number): void {
    this.#put(this.#keyOf(id), value)
  }

  other(id: number, isNull: boolean): void {
    this.#put(this.#keyOf(id), { skipped: isNull ? 'null' : 'other' })
  }

  #index(shape: JsonShape): void {
    if (this.#shapes.has(shape.id)) throw new Error(`id ${shape.id} is there twice`)
    this.#shapes.set(shape.id, shape)
    for (const field of shape.fields) {
      this.#names.set(field.shape.id, Buffer.from(field.name).toString('latin1'))
      this.#index(field.shape)
    }
    if (shape.any !== undefined) this.#index(shape.any)
    if (shape.items !== undefined) this.#index(shape.items)
  }

  #keyOf(id: number): string {
    return this.#names.get(id) ?? this.#name
  }

  #put(key: string, value: Seen): void {
    const top = this.#levels.at(-1)
    if (top === undefined) this.root = value
    else if (top.list !== undefined) top.list.push(value)
    else top.members.set(key, value)
  }
}

export function scan(shape: JsonShape, sink: JsonSink, chunks: readonly Buffer[]): JsonScanner {
  const scanner = new JsonScanner(shape, sink)
  for (const chunk of chunks) scanner.push(chunk)
  scanner.end()
  return scanner
}
