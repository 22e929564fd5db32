import { OTHER } from '../core/exchange.js'
import type { MetricsConfig } from './config.js'
import type { Counters } from './counters.js'

/** MongoDB allows 255 bytes for a whole namespace, DynamoDB 255 characters for a table; what is longer names nothing real. */
const MAX_NAME_LENGTH = 255
/** Folded codes; real ones are never negative here. */
export const OTHER_CODE = -1

/**
 * A name from the wire as a label value. Control characters and halves of surrogate pairs become U+FFFD: an encoder would do
 * so later, when two names that became one would already be two series with the same labels, and the scrape invalid.
 */
function clean(name: string): string {
  return name.replace(/[\p{Cc}\p{Cs}]/gu, '\ufffd')
}

/** The same where no label's cap is wanted, because something else is bounded: of rows. */
export function cleanName(name: string): string {
  return name.length > MAX_NAME_LENGTH ? OTHER : clean(name)
}

interface Names {
  readonly databases: Set<string>
  readonly collections: Set<string>
  readonly indexes: Set<string>
}

type Limits = Pick<MetricsConfig, 'max_databases' | 'max_collections' | 'max_error_codes'>

/** The one place where names from the wire become label values: first come, first kept, up to a cap; then `__other__`. */
export class LabelGuard {
  readonly #limits: Limits
  readonly #overflow: Counters
  readonly #clusters = new Map<string, Names>()
  readonly #codes = new Set<number>()
  readonly #codeNames = new Set<string>()

  /** @param overflow family with the one label `label` */
  constructor(limits: Limits, overflow: Counters) {
    this.#limits = limits
    this.#overflow = overflow
  }

  /** '' stays '': that an operation names no collection is no name. */
  namespace(cluster: string, database: string, collection: string): { database: string; collection: string } {
    const names = this.#names(cluster)
    const db = this.#fold(names.databases, database, database, this.#limits.max_databases, 'db_namespace')
    if (collection === '') return { database: db, collection }
    if (db === OTHER) return { database: db, collection: OTHER }
    const key = `${db}\0${collection}`
    const limit = this.#limits.max_collections
    return { database: db, collection: this.#fold(names.collections, key, collection, limit, 'db_collection_name') }
  }

  /** `collection` as a label; as many indexes per cluster as collections. */
  index(cluster: string, collection: string, index: string): string {
    const { indexes } = this.#names(cluster)
    return this.#fold(indexes, `${collection}\0${index}`, index, this.#limits.max_collections, 'index')
  }

  /** Of databases whose errors go by a name. @returns the name, or `__other__` when there were too many different ones */
  codeName(name: string): string {
    return this.#fold(this.#codeNames, name, name, this.#limits.max_error_codes, 'db_response_status_code')
  }

  /** @returns the code, or OTHER_CODE when there were too many different ones */
  code(code: number): number {
    if (code === 0 || this.#codes.has(code)) return code
    if (this.#codes.size < this.#limits.max_error_codes) {
      this.#codes.add(code)
      return code
    }
    this.overflowed('db_response_status_code')
    return OTHER_CODE
  }

  overflowed(label: string): void {
    this.#overflow.with(label).value++
  }

  #names(cluster: string): Names {
    let names = this.#clusters.get(cluster)
    if (names === undefined) {
      names = { databases: new Set(), collections: new Set(), indexes: new Set() }
      this.#clusters.set(cluster, names)
    }
    return names
  }

  #fold(known: Set<string>, key: string, name: string, limit: number, label: string): string {
    if (name === '' || name === OTHER) return name
    if (known.has(key)) return clean(name)
    if (known.size >= limit || name.length > MAX_NAME_LENGTH) {
      this.overflowed(label)
      return OTHER
    }
    known.add(key)
    return clean(name)
  }
}
