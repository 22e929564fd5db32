import { type Outcome, refused } from '../../core/outcome.js'
import type { CommandInfo } from './commands.js'
import type { Framer } from './framer.js'
import { type Refusal, refusalReply } from './refusal.js'
import { RequestGate } from './request-gate.js'

/** They would write the names that clients are led to into the set itself. */
const REFUSED: ReadonlySet<string> = new Set(['replSetReconfig', 'replSetInitiate'])

const REFUSAL: Refusal = {
  code: 20,
  codeName: 'IllegalOperation',
  message:
    'Refused by oplens: this listener shows the names of the proxy in place of the members (rewrite_status), and they would be ' +
    'written into the set. Connect to a member of the set itself for this command.',
}
const OUTCOME = refused(REFUSAL.code, REFUSAL.codeName)

/** Keeps some commands from the server, and answers them. Bytes of all others go on as they came. */
export class CommandGate {
  readonly #gate = new RequestGate()
  #replies: Buffer[] = []
  #isRefused = false

  /** The request that is passing is known. @returns whether it stays here */
  refuses(command: CommandInfo): boolean {
    this.#isRefused = REFUSED.has(command.name) && this.#gate.refuse()
    if (!this.#isRefused) this.#gate.allow()
    return this.#isRefused
  }

  /** The request that was refused has ended. @returns its outcome; undefined when it was not */
  answer(requestId: number, opcode: number, expectsReply: boolean): Outcome | undefined {
    if (!this.#isRefused) return undefined
    if (expectsReply) this.#replies.push(refusalReply(requestId, opcode, REFUSAL))
    return OUTCOME
  }

  takeReply(): Buffer | undefined {
    if (this.#replies.length === 0) return undefined
    const replies = Buffer.concat(this.#replies)
    this.#replies = []
    return replies
  }

  cutHeader(byteCount: number): Buffer | undefined {
    return this.#gate.cutHeader(byteCount)
  }

  passed(framer: Framer, chunk: Buffer, start: number, end: number): Buffer | undefined {
    return this.#gate.passed(framer, chunk, start, end)
  }
}
