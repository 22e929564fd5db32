import { type Operation, OTHER } from '../../core/exchange.js'
import { COMMAND_COUNT, type CommandInfo } from './commands.js'
import { MAX_NAMESPACE_BYTES } from './limits.js'
import { equalBytes } from './name-table.js'

interface Entry {
  readonly bytes: Uint8Array
  readonly text: string
  readonly next: Entry | undefined
}

/** Different names under one hash, at most. */
const MAX_CHAIN = 8

/**
 * Strings by their bytes: a name seen before costs a hash over its bytes and no new string. Bounded: when `maxEntries` names
 * are known it forgets all, so that a client that invents names costs time and never memory.
 */
export class Interner {
  readonly #maxEntries: number
  readonly #entries = new Map<number, Entry>()
  #count = 0

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  /** The UTF-8 string at `[start, end)`; `__other__` when it is longer than a namespace can be. */
  get(bytes: Buffer, start: number, end: number): string {
    if (end - start > MAX_NAMESPACE_BYTES) return OTHER
    let hash = 0
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0
    hash &= 0x3fffffff
    let length = 0
    for (let entry = this.#entries.get(hash); entry !== undefined; entry = entry.next) {
      if (equalBytes(entry.bytes, bytes, start, end)) return entry.text
      length++
    }
    // Names with one hash are easy to make up: such a chain is forgotten before it costs anything to walk.
    return this.#add(hash, bytes, start, end, length < MAX_CHAIN)
  }

  #add(hash: number, bytes: Buffer, start: number, end: number, isKept: boolean): string {
    if (this.#count >= this.#maxEntries) {
      this.#entries.clear()
      this.#count = 0
    }
    const text = bytes.toString('utf8', start, end)
    const copy = Uint8Array.from(bytes.subarray(start, end))
    this.#entries.set(hash, { bytes: copy, text, next: isKept ? this.#entries.get(hash) : undefined })
    this.#count++
    return text
  }
}

/**
 * One Operation object per (command, database, collection), so that observers can keep their series by object.
 * Bounded as the Interner is: at `maxEntries` it starts anew, and equal operations get new objects.
 */
export class OperationTable {
  readonly #maxEntries: number
  readonly #databases = new Map<string, Map<string, (Operation | undefined)[]>>()
  #count = 0

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  get(command: CommandInfo, database: string, collection: string): Operation {
    const known = this.#databases.get(database)?.get(collection)?.[command.index]
    return known ?? this.#add(command, database, collection)
  }

  #add(command: CommandInfo, database: string, collection: string): Operation {
    if (this.#count >= this.#maxEntries) {
      this.#databases.clear()
      this.#count = 0
    }
    let collections = this.#databases.get(database)
    if (collections === undefined) {
      collections = new Map()
      this.#databases.set(database, collections)
    }
    let operations = collections.get(collection)
    if (operations === undefined) {
      operations = new Array<Operation | undefined>(COMMAND_COUNT).fill(undefined)
      collections.set(collection, operations)
    }
    const operation: Operation = Object.freeze({
      protocol: 'mongodb',
      command: command.name,
      kind: command.kind,
      database,
      collection,
    })
    operations[command.index] = operation
    this.#count++
    return operation
  }
}
