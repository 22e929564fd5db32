import type { Shape } from '../../../core/shape.js'
import type { ShapeTable } from '../../shared/shape-table.js'
import type { CommandInfo } from '../commands.js'
import { Fingerprint, type Seed } from './fingerprint.js'
import { FingerprintTable } from './fingerprint-table.js'
import { isBare, planOf } from './plans.js'
import { RequestParts } from './request-parts.js'
import { ShapeText } from './shape-text.js'

/** How often which way was taken. */
export interface ShapeCounts {
  /** Texts that were made: their fingerprints were new. */
  made: number
  /** Requests of commands that have a shape, whose bytes gave none. */
  unreadable: number
}

/**
 * The shapes of requests. One that is like an earlier one costs a walk over its shape-bearing bytes and a lookup; only a new
 * fingerprint makes a text. (docs/decisions/0010)
 */
export class RequestShapes {
  readonly #table: ShapeTable
  readonly #known = new FingerprintTable()
  readonly #fingerprint: Fingerprint
  readonly #parts = new RequestParts()
  readonly #text = new ShapeText()
  /** Of commands whose documents don't matter, by `CommandInfo.index`. */
  readonly #bare: (Shape | undefined)[] = []
  readonly counts: ShapeCounts = { made: 0, unreadable: 0 }

  constructor(table: ShapeTable, seed: Seed) {
    this.#table = table
    this.#fingerprint = new Fingerprint(seed)
  }

  /**
   * The shape of a message without its header, `size` bytes long: it begins at `start`, and is there up to `end`, or
   * MAX_HEAD_BYTES of it are. Undefined when the command has none, or it can't be understood.
   */
  of(command: CommandInfo, opcode: number, bytes: Buffer, start: number, end: number, size: number): Shape | undefined {
    const plan = planOf(command)
    if (plan === undefined) return undefined
    if (isBare(plan)) return this.#bareShape(command)
    const parts = this.#parts
    const fingerprint = this.#fingerprint
    let shape: Shape | undefined
    if (!parts.locate(command, opcode, bytes, start, end, size) || !fingerprint.take(parts)) this.counts.unreadable++
    else shape = this.#known.get(fingerprint.high, fingerprint.low) ?? this.#make(command, parts)
    parts.release()
    return shape
  }

  #bareShape({ index, name }: CommandInfo): Shape {
    let shape = this.#bare[index]
    if (shape === undefined) {
      shape = this.#table.get(name, '')
      this.#bare[index] = shape
    }
    return shape
  }

  #make(command: CommandInfo, parts: RequestParts): Shape {
    this.counts.made++
    const text = this.#text.of(parts, parts.command !== command)
    const shape = this.#table.get(command.name, text, this.#text.isTruncated)
    this.#known.add(this.#fingerprint.high, this.#fingerprint.low, shape)
    return shape
  }
}
