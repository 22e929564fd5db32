import type { Operation } from '../../../core/exchange.js'
import type { RequestValues } from '../../../core/shape.js'
import { isLongText, truncated } from '../../shared/shape-table.js'
import type { CommandInfo } from '../commands.js'
import { EXPLAIN, planOf } from '../shapes/plans.js'
import { BODY, MAX_HEAD_BYTES, RequestParts } from '../shapes/request-parts.js'
import { areOthersWanted, type Wants } from './other-namespaces.js'
import { ValueText } from './value-text.js'

/** Of one codec, all exchanges together. */
const MAX_KEPT_BYTES = 32 * 1_048_576
const MAX_TEXT_BYTES = 4_096
const MORE = '…'

/** A copy of a request's head, of a command that has a shape: no other is ever kept. */
class KeptRequest implements RequestValues {
  readonly bytes: Buffer
  readonly #command: CommandInfo
  readonly #opcode: number
  readonly #size: number
  readonly #database: string
  readonly #wants: Wants

  constructor(
    { database }: Operation,
    wants: Wants,
    command: CommandInfo,
    opcode: number,
    bytes: Buffer,
    size: number,
  ) {
    this.#database = database
    this.#wants = wants
    this.#command = command
    this.#opcode = opcode
    this.bytes = bytes
    this.#size = size
  }

  text(isRedacted: (field: string) => boolean): string {
    const parts = new RequestParts()
    if (!parts.locate(this.#command, this.#opcode, this.bytes, 0, this.bytes.length, this.#size)) return ''
    const { plan, command, bytes } = parts
    if (plan === undefined || command === undefined || !areOthersWanted(parts, this.#database, this.#wants)) return ''
    const writer = new ValueText(bytes, MAX_TEXT_BYTES, isRedacted)
    const fields: string[] = []
    for (let i = 0; i < parts.count; i++) {
      const field = parts.fields[i] as number
      const [start, end] = [parts.starts[i] as number, parts.ends[i] as number]
      if (field !== BODY) fields.push(`${plan.names[field]}: ${writer.list(start, end)}`)
      else
        writer.elements(start, end, (name, type, at, next) => {
          if (plan.names.includes(name)) fields.push(`${name}: ${writer.value(name, type, at, next)}`)
        })
    }
    const text = `{${fields.join(', ')}}${parts.isCut || writer.isFull ? MORE : ''}`
    const told = this.#command === EXPLAIN ? `{${command.name}: ${text}}` : text
    return isLongText(told) ? truncated(told) : told
  }
}

/** Copies of requests, as long as their exchanges are open; bounded. */
export class KeptRequests {
  readonly #wants: Wants
  readonly #wanted = new WeakMap<Operation, boolean>()
  heldBytes = 0
  /** Requests that were wanted, and not kept: too many others were. */
  refused = 0

  /** @param wants whose requests are kept */
  constructor(wants: Wants) {
    this.#wants = wants
  }

  /** A message without its header, of `size` bytes, that stands at `[start, end)`, or its head does. */
  keep(
    operation: Operation,
    command: CommandInfo,
    opcode: number,
    bytes: Buffer,
    start: number,
    end: number,
    size: number,
  ): RequestValues | undefined {
    if (planOf(command) === undefined || end === start || !this.#isWanted(operation)) return undefined
    const length = Math.min(end - start, MAX_HEAD_BYTES)
    if (this.heldBytes + length > MAX_KEPT_BYTES) {
      this.refused++
      return undefined
    }
    this.heldBytes += length
    const copy = Buffer.allocUnsafeSlow(length)
    bytes.copy(copy, 0, start, start + length)
    return new KeptRequest(operation, this.#wants, command, opcode, copy, size)
  }

  release(values: RequestValues): void {
    if (values instanceof KeptRequest) this.heldBytes -= values.bytes.length
  }

  #isWanted(operation: Operation): boolean {
    const known = this.#wanted.get(operation)
    if (known !== undefined) return known
    const found = this.#wants(operation.database, operation.collection)
    this.#wanted.set(operation, found)
    return found
  }
}
