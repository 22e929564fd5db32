import type { ConnectionInfo } from '../../core/connection.js'
import { type Operation, OTHER } from '../../core/exchange.js'
import type { Shape } from '../../core/shape.js'
import { BUCKETS, HISTOGRAM_WIDTH } from '../histogram.js'
import { cleanName } from '../labels.js'
import { Pages, type Row } from '../pages.js'
import { RATE_SLOTS, WINDOW_SLOTS } from '../slots.js'
import { Least } from './least.js'

/** Places in a row's numbers. */
export const OPERATIONS = 0
export const ERRORS = 1
export const GET_MORES = 2
export const DOCUMENTS_RETURNED = 3
export const DOCUMENTS_SENT = 4
export const REQUEST_BYTES = 5
export const REPLY_BYTES = 6
/** Up to here everything adds up. */
const SUMS = 7
export const MAX_MS = 7
/** Of `Clock.now()`. */
export const FIRST_SEEN = 8
export const LAST_SEEN = 9
/** How often it was seen lately: what has least makes room. */
const WEIGHT = 10
const DURATIONS = 11
const WIDTH = DURATIONS + HISTOGRAM_WIDTH

/** Snapshots of one row: what rates are made of in each slot, then its buckets. Zeros at first, as it was before it came. */
export const RATED = 3
/** In snapshots alone, where GET_MORES is in the row: seconds that answers took. */
export const TIME = 2
export const BUCKETS_AT = RATE_SLOTS * RATED
const HISTORY_WIDTH = BUCKETS_AT + WINDOW_SLOTS * BUCKETS

/** The cache is emptied past this: codecs may make the same shape again and again. */
const MAX_CACHED = 20_000
/** Of the texts of shapes that it keeps alive. */
const MAX_CACHED_CHARS = 4 * 1_048_576
/** Rows for what has none are one per cluster and command, and commands are from a fixed table. This is for who breaks that. */
const MAX_OTHERS = 2_000
/** Ticks after which half of what was seen counts. Without it, a new release's shapes would wait for those of all the years before. */
const HALF_LIFE_TICKS = 600

/** Of what a row counts. */
interface Names {
  readonly key: string
  readonly protocol: string
  readonly cluster: string
  readonly database: string
  readonly collection: string
  readonly command: string
  /** undefined: of everything that has no row. */
  readonly shape: Shape | undefined
}

/** Where it counts. */
interface Place {
  readonly values: Float64Array
  readonly base: number
  readonly durations: Row
  readonly history: Row
}

/** Everything counted for one shape on one namespace. */
export class DigestSeries implements Names, Place {
  readonly key: string
  readonly protocol: string
  readonly cluster: string
  readonly database: string
  readonly collection: string
  readonly command: string
  readonly shape: Shape | undefined
  readonly values: Float64Array
  readonly base: number
  readonly durations: Row
  readonly history: Row
  /** It still has its place: its numbers are its own. */
  isLive = true
  /** There are snapshots of it: its history is more than zeros. */
  hasHistory = false

  constructor(names: Names, place: Place) {
    this.key = names.key
    this.protocol = names.protocol
    this.cluster = names.cluster
    this.database = names.database
    this.collection = names.collection
    this.command = names.command
    this.shape = names.shape
    this.values = place.values
    this.base = place.base
    this.durations = place.durations
    this.history = place.history
  }
}

/** The row of a shape on the first operation that came with it, and the rows of others. */
interface Cached {
  readonly operation: Operation
  readonly cluster: string
  readonly row: DigestSeries
  others: Map<Operation, Chained> | undefined
}

/** The same operation on another cluster: interners do not know clusters. */
interface Chained {
  readonly cluster: string
  readonly row: DigestSeries
  readonly next: Chained | undefined
}

/**
 * The rows of shapes, a bounded number of them. When all are taken, the one that was seen least makes room: its numbers move to a row
 * for the rest of its cluster and command, and what comes in its place inherits its weight ("space-saving": Metwally, Agrawal, El
 * Abbadi, Efficient Computation of Frequent and Top-k Elements in Data Streams, 2005). So a shape with more than one `max_rows`th of
 * all that was seen lately is never without a row, whatever flood of others comes.
 */
export class DigestTable {
  readonly rows: DigestSeries[] = []
  readonly others: DigestSeries[] = []
  evictions = 0
  readonly #maxRows: number
  readonly #byKey = new Map<string, DigestSeries>()
  readonly #otherByKey = new Map<string, DigestSeries>()
  readonly #cache = new Map<Shape, Cached>()
  #cached = 0
  #cachedChars = 0
  readonly #least: Least
  readonly #numbers = new Pages(WIDTH)
  /** In pages: an array for each of a thousand new rows would hold up the loop. */
  readonly #histories = new Pages(HISTORY_WIDTH)
  #ticks = 0

  constructor(maxRows: number) {
    this.#maxRows = maxRows
    this.#least = new Least(maxRows, { of: (index) => weightOf(this.rows[index] as DigestSeries) })
  }

  /** Finds or makes a row, and counts that it was seen. The hit path is one Map lookup by the shape's identity. */
  see({ cluster }: ConnectionInfo, operation: Operation, shape: Shape): DigestSeries {
    const cached = this.#cache.get(shape)
    const isHit =
      cached !== undefined && cached.operation === operation && cached.cluster === cluster && cached.row.isLive
    const row = isHit ? cached.row : this.#find(cached, cluster, operation, shape)
    row.values[row.base + WEIGHT] = (row.values[row.base + WEIGHT] as number) + 1
    return row
  }

  /** Each second. */
  tick(): void {
    if (++this.#ticks % HALF_LIFE_TICKS !== 0) return
    for (const { values, base } of this.rows) values[base + WEIGHT] = (values[base + WEIGHT] as number) / 2
    this.#least.scale(0.5)
  }

  #find(cached: Cached | undefined, cluster: string, operation: Operation, shape: Shape): DigestSeries {
    for (let one = cached?.others?.get(operation); one !== undefined; one = one.next) {
      if (one.cluster === cluster && one.row.isLive) return one.row
    }
    const names = namesOf(cluster, operation, shape)
    const known = this.#byKey.get(names.key)
    if (known === undefined) return this.#make(names)
    // What comes once is not worth remembering: in a flood of such, that would be all there is.
    this.#remember(shape, { operation, cluster, row: known, others: undefined })
    return known
  }

  #remember(shape: Shape, made: Cached): void {
    if (this.#cached >= MAX_CACHED || this.#cachedChars > MAX_CACHED_CHARS) {
      this.#cache.clear()
      this.#cached = 0
      this.#cachedChars = 0
    }
    this.#cached++
    this.#cachedChars += shape.text.length
    const first = this.#cache.get(shape)
    if (first === undefined || !first.row.isLive) {
      this.#cache.set(shape, { ...made, others: first?.others })
      return
    }
    first.others ??= new Map()
    const { cluster, row, operation } = made
    first.others.set(operation, { cluster, row, next: live(first.others.get(operation)) })
  }

  #make(names: Names): DigestSeries {
    if (this.rows.length >= this.#maxRows) return this.#replace(this.#least.find(), names)
    const made = new DigestSeries(names, this.#place())
    this.#byKey.set(names.key, made)
    this.rows.push(made)
    this.#least.add(this.rows.length - 1)
    return made
  }

  /** The place and the weight of `index` go to another shape, its numbers to the rest. */
  #replace(index: number, names: Names): DigestSeries {
    const old = this.rows[index] as DigestSeries
    const weight = weightOf(old)
    fold(old, this.#other(old))
    old.isLive = false
    this.#byKey.delete(old.key)
    const { values, base, history } = old
    for (let i = 0; i < WIDTH; i++) values[base + i] = 0
    if (old.hasHistory) history.values.fill(0, history.base, history.base + HISTORY_WIDTH)
    values[base + WEIGHT] = weight
    const made = new DigestSeries(names, old)
    this.#byKey.set(names.key, made)
    this.rows[index] = made
    this.evictions++
    return made
  }

  #other({ protocol, cluster, command }: Names): DigestSeries {
    const key = `${protocol}\0${cluster}\0${command}`
    const known = this.#otherByKey.get(key)
    if (known !== undefined) return known
    if (this.others.length >= MAX_OTHERS && command !== OTHER) {
      return this.#other({
        key,
        protocol,
        cluster,
        database: OTHER,
        collection: OTHER,
        command: OTHER,
        shape: undefined,
      })
    }
    const names = { key, protocol, cluster, database: OTHER, collection: OTHER, command, shape: undefined }
    const made = new DigestSeries(names, this.#place())
    this.#otherByKey.set(key, made)
    this.others.push(made)
    return made
  }

  #place(): Place {
    const { values, base } = this.#numbers.allocate()
    return { values, base, durations: { values, base: base + DURATIONS }, history: this.#histories.allocate() }
  }
}

function namesOf(cluster: string, operation: Operation, shape: Shape): Names {
  const { protocol } = operation
  const { command } = shape
  const database = cleanName(operation.database)
  const collection = cleanName(operation.collection)
  const key = `${protocol}\0${cluster}\0${database}\0${collection}\0${command}\0${shape.id}`
  return { key, protocol, cluster, database, collection, command, shape }
}

const weightOf = ({ values, base }: Row): number => values[base + WEIGHT] as number

function live(chain: Chained | undefined): Chained | undefined {
  return chain === undefined || chain.row.isLive ? chain : live(chain.next)
}

/** Snapshots too: what moves was not counted just now. */
function fold(from: DigestSeries, into: DigestSeries): void {
  const { values, base } = from
  const to = into.values
  const at = into.base
  for (let i = 0; i < SUMS; i++) to[at + i] = (to[at + i] as number) + (values[base + i] as number)
  for (let i = DURATIONS; i < WIDTH; i++) to[at + i] = (to[at + i] as number) + (values[base + i] as number)
  to[at + MAX_MS] = Math.max(to[at + MAX_MS] as number, values[base + MAX_MS] as number)
  const first = to[at + FIRST_SEEN] as number
  const before = values[base + FIRST_SEEN] as number
  to[at + FIRST_SEEN] = first === 0 ? before : Math.min(first, before)
  to[at + LAST_SEEN] = Math.max(to[at + LAST_SEEN] as number, values[base + LAST_SEEN] as number)
  if (!from.hasHistory) return
  into.hasHistory = true
  const past = from.history
  const whole = into.history
  for (let i = 0; i < HISTORY_WIDTH; i++) {
    whole.values[whole.base + i] = (whole.values[whole.base + i] as number) + (past.values[past.base + i] as number)
  }
}
