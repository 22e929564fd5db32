import type { Exchange } from '../../../core/exchange.js'
import type { Shape } from '../../../core/shape.js'
import { type CommandInfo, command, OTHER_COMMAND } from '../commands.js'
import { OP_COMPRESSED } from '../opcodes.js'
import type { KeptRequests } from '../values/kept-requests.js'
import { CursorShapes } from './cursor-shapes.js'
import { append, type Head, Heads } from './heads.js'
import { isBare, planOf } from './plans.js'
import type { RequestShapes } from './request-shapes.js'

const GET_MORE = command('getMore')

/** What the sessions of one codec do beyond naming operations: one object for all of them, made when somebody asked. */
export class RequestDetail {
  readonly shapes: RequestShapes | undefined
  readonly values: KeptRequests | undefined
  readonly cursors = new CursorShapes()
  readonly heads = new Heads()

  constructor(shapes: RequestShapes | undefined, values: KeptRequests | undefined) {
    this.shapes = shapes
    this.values = values
  }

  /** The head of a request that began with this piece, `undefined` when it needs none. */
  begin(known: CommandInfo, opcode: number): Head | undefined {
    // A compressed message is kept by whoever inflates it.
    if (opcode === OP_COMPRESSED || !this.#needsBytes(known)) return undefined
    return this.heads.take()
  }

  #needsBytes(known: CommandInfo): boolean {
    // Not known yet, or never.
    if (known === OTHER_COMMAND) return true
    const plan = planOf(known)
    return plan !== undefined && (!isBare(plan) || this.values !== undefined)
  }

  /** Bytes `[at, end)` of the request that `head` is of. */
  collect(head: Head, chunk: Buffer, at: number, end: number): void {
    append(head, chunk, at, end)
  }

  release(head: Head): void {
    this.heads.give(head)
  }

  /** What `exchange` does. @param size of the message without its header, which stands at `[start, end)`, or its head does */
  describe(
    exchange: Exchange,
    known: CommandInfo,
    opcode: number,
    bytes: Buffer,
    start: number,
    end: number,
    size: number,
  ): void {
    if (known === GET_MORE) {
      exchange.shape = this.#ofCursor(exchange)
      return
    }
    exchange.shape = this.shapes?.of(known, opcode, bytes, start, end, size)
    if (this.values === undefined) return
    exchange.values = this.values.keep(exchange.operation, known, opcode, bytes, start, end, size)
  }

  /** `exchange` was handed over: what was kept of it is given up. */
  ended(exchange: Exchange): void {
    if (exchange.values !== undefined) this.values?.release(exchange.values)
    exchange.values = undefined
  }

  #ofCursor({ cursorIdLow, cursorIdHigh }: Exchange): Shape | undefined {
    return this.cursors.get(cursorIdLow, cursorIdHigh)
  }

  /** The reply to `exchange` named its cursor: 0 when that has ended. To be called before the exchange takes it over. */
  followCursor(exchange: Exchange, low: number, high: number): void {
    const { shape, cursorIdLow, cursorIdHigh } = exchange
    if (low === 0 && high === 0) {
      if (cursorIdLow !== 0 || cursorIdHigh !== 0) this.cursors.delete(cursorIdLow, cursorIdHigh)
    } else if (shape !== undefined && (low !== cursorIdLow || high !== cursorIdHigh)) {
      this.cursors.add(low, high, shape)
    }
  }
}
