import { randomBytes } from 'node:crypto'
import { Long } from 'bson'
import type { Clock, Timer } from '../../core/clock.js'
import { CommandError } from './errors.js'
import { CursorReply } from './wire/reply.js'

interface OpenCursor {
  readonly id: Long
  readonly namespace: string
  readonly documents: Lookahead
  readonly neverExpires: boolean
  usedAtMs: number
}

export interface CursorLimits {
  readonly maxOpen: number
  readonly idleTimeoutMs: number
  /** Bytes of documents in one batch; one document always fits. */
  readonly maxBatchBytes: number
}

/** Results that are still to be fetched. Bounded in number, ended when idle too long. */
export class Cursors {
  readonly #clock: Clock
  readonly #limits: CursorLimits
  readonly #open = new Map<string, OpenCursor>()
  #sweep: Timer | undefined

  constructor(clock: Clock, limits: CursorLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  get open(): number {
    return this.#open.size
  }

  /** First batch of a result; a cursor stays open when documents are left. @throws CommandError ExceededMemoryLimit */
  first(namespace: string, source: Iterator<Uint8Array>, options: FirstBatchOptions): CursorReply {
    const documents = new Lookahead(source)
    const batch = documents.take(options.batchSize, this.#limits.maxBatchBytes)
    if (options.isSingleBatch || documents.isDone) return new CursorReply(namespace, 'firstBatch', batch, Long.ZERO)
    if (this.#open.size >= this.#limits.maxOpen) {
      throw new CommandError(146, `Too many open cursors: the limit is ${this.#limits.maxOpen}`)
    }
    const id = Long.fromBigInt(randomBytes(8).readBigUInt64LE() >> 1n)
    this.#open.set(id.toString(), {
      id,
      namespace,
      documents,
      neverExpires: options.neverExpires,
      usedAtMs: this.#clock.now(),
    })
    this.#scheduleSweep()
    return new CursorReply(namespace, 'firstBatch', batch, id)
  }

  /** @throws CommandError CursorNotFound, or Unauthorized when the cursor belongs to another namespace, as mongod says it */
  next(id: Long, namespace: string, batchSize: number): CursorReply {
    const cursor = this.#open.get(id.toString())
    if (cursor === undefined) throw new CommandError(43, `cursor id ${id.toString()} not found`)
    if (cursor.namespace !== namespace) {
      throw new CommandError(
        13,
        `Requested getMore on namespace '${namespace}', but cursor belongs to another namespace`,
      )
    }
    cursor.usedAtMs = this.#clock.now()
    const batch = this.#take(cursor, batchSize)
    if (!cursor.documents.isDone) return new CursorReply(namespace, 'nextBatch', batch, cursor.id)
    this.#open.delete(id.toString())
    return new CursorReply(namespace, 'nextBatch', batch, Long.ZERO)
  }

  kill(id: Long, namespace: string): boolean {
    const cursor = this.#open.get(id.toString())
    return cursor?.namespace === namespace && this.#open.delete(id.toString())
  }

  close(): void {
    this.#sweep?.cancel()
    this.#open.clear()
  }

  #take(cursor: OpenCursor, batchSize: number): Uint8Array[] {
    try {
      return cursor.documents.take(batchSize, this.#limits.maxBatchBytes)
    } catch (error) {
      this.#open.delete(cursor.id.toString())
      throw error
    }
  }

  #scheduleSweep(): void {
    this.#sweep ??= this.#clock.after(this.#limits.idleTimeoutMs, () => {
      this.#sweep = undefined
      const oldestMs = this.#clock.now() - this.#limits.idleTimeoutMs
      for (const [key, cursor] of this.#open) {
        if (!cursor.neverExpires && cursor.usedAtMs <= oldestMs) this.#open.delete(key)
      }
      if (this.#open.size > 0) this.#scheduleSweep()
    })
  }
}

export interface FirstBatchOptions {
  readonly batchSize: number
  readonly isSingleBatch: boolean
  readonly neverExpires: boolean
}

/** An iterator that knows whether something is left. */
class Lookahead {
  readonly #source: Iterator<Uint8Array>
  #next: IteratorResult<Uint8Array>

  constructor(source: Iterator<Uint8Array>) {
    this.#source = source
    this.#next = source.next()
  }

  get isDone(): boolean {
    return this.#next.done === true
  }

  take(maxDocuments: number, maxBytes: number): Uint8Array[] {
    const batch: Uint8Array[] = []
    let bytes = 0
    while (this.#next.done !== true && batch.length < maxDocuments) {
      bytes += this.#next.value.length
      if (bytes > maxBytes && batch.length > 0) break
      batch.push(this.#next.value)
      this.#next = this.#source.next()
    }
    return batch
  }
}
