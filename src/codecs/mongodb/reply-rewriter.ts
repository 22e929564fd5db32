import type { Rewrite, SessionEvents } from '../../core/codec.js'
import { ReplyWithheld } from '../../core/errors.js'
import type { CommandInfo } from './commands.js'
import { type Framer, headerOf } from './framer.js'
import { rewriteHelloReply } from './hello-rewrite.js'
import { MAX_HELLO_BYTES } from './limits.js'
import { opcodeName } from './opcodes.js'
import type { MessageReason, WithheldReason } from './reasons.js'
import { rewriteStatusReply } from './status-rewrite.js'

/** What may name members in the reply to a request. */
export type RewriteNeed =
  | 'none'
  /** The request could not be understood: its reply is looked at, and passes when it names nobody. */
  | 'maybe'
  /** It shows the set to an administrator, on listeners that lead those, too. */
  | 'status'
  /** A hello: what can't be rewritten is not sent. */
  | 'always'

type WithheldBecause = 'identity_mismatch' | 'failed' | 'not_primary'

const REASONS: Readonly<Record<WithheldBecause, WithheldReason>> = {
  identity_mismatch: 'identity_mismatch',
  failed: 'hello_not_rewritten',
  not_primary: 'not_primary',
}
const NOTHING = Buffer.alloc(0)
const SHOWS_MEMBERS: ReadonlySet<string> = new Set(['replSetGetStatus', 'replSetGetConfig'])

/**
 * Holds back the replies of one connection that name members, and brings them out rewritten. All other bytes pass; while no
 * such reply is awaited the data path need not even ask.
 */
export class ReplyRewriter {
  readonly #rewrite: Rewrite
  readonly #events: SessionEvents
  /** Requests whose reply will be held. */
  #awaited = 0
  /** Such a request can't be told by its id any more: every reply is looked at from here on. */
  #isDoubting = false
  /** Bytes of a header that was cut: those that were passed before anything was awaited, and those behind them that were not. */
  #headerPassed = 0
  #withheld = 0
  /** Of the reply that is held. */
  #need: RewriteNeed = 'none'
  #parts: Buffer[] = []

  constructor(rewrite: Rewrite, events: SessionEvents) {
    this.#rewrite = rewrite
    this.#events = events
  }

  /** What the reply to a request needs. One that was not understood may have been a hello, but for one merely too large to be inflated. */
  needOf(command: CommandInfo, failure: MessageReason | ''): RewriteNeed {
    if (command.isHello) return 'always'
    if (this.#rewrite.coversStatus === true && SHOWS_MEMBERS.has(command.name)) return 'status'
    return failure === '' || failure === 'inflate_limit' ? 'none' : 'maybe'
  }

  /** Reply bytes may have to be held. */
  get isHolding(): boolean {
    return this.#awaited > 0 || this.#isDoubting || this.#withheld > 0 || this.#need !== 'none'
  }

  expect(need: RewriteNeed): void {
    if (need !== 'none') this.#awaited++
  }

  /** Its last reply has come, or will not be told from others. */
  expectNoMore(need: RewriteNeed): void {
    if (need !== 'none') this.#awaited--
  }

  /** A request that should have been expected has no id of its own. */
  doubt(need: RewriteNeed): void {
    if (need !== 'none') this.#isDoubting = true
  }

  /** A chunk ended inside a reply's header. @returns what to write for these bytes */
  cutHeader(byteCount: number): Buffer | undefined {
    if (this.isHolding) {
      this.#withheld += byteCount
      return NOTHING
    }
    this.#headerPassed += byteCount
    return undefined
  }

  /** @param need of the request that it answers; `none` for a reply that answers nothing known. @throws ReplyWithheld */
  begin(framer: Framer, need: RewriteNeed): void {
    const wanted = need === 'none' && this.#isDoubting ? 'maybe' : need
    const isTooLarge = framer.length > MAX_HELLO_BYTES
    // It was on its way before anybody could have asked for it.
    const isEarlier = this.#headerPassed > 0
    if (wanted === 'always' && isEarlier) this.#refuse(framer, 'failed', 'reply_before_request')
    if ((wanted === 'always' || wanted === 'status') && isTooLarge) this.#refuse(framer, 'failed', 'hello_too_large')
    this.#need = wanted === 'maybe' && (isTooLarge || isEarlier) ? 'none' : wanted
  }

  /** The bytes `[start, end)` of a reply, its header from `start` on included. @returns what to write for them @throws ReplyWithheld */
  passed(framer: Framer, chunk: Buffer, start: number, end: number): Buffer | undefined {
    if (this.#need === 'none') {
      const held = this.#withheld === 0 ? undefined : this.#release(framer, chunk, start, end)
      this.#headerPassed = 0
      return held
    }
    if (this.#withheld > 0) this.#parts.push(this.#takeWithheld(framer))
    // Copied: the chunk's owner may read over it.
    this.#parts.push(Buffer.from(chunk.subarray(start, end)))
    return framer.left > 0 ? NOTHING : this.#bringOut(framer)
  }

  #release(framer: Framer, chunk: Buffer, start: number, end: number): Buffer {
    return Buffer.concat([this.#takeWithheld(framer), chunk.subarray(start, end)])
  }

  #takeWithheld(framer: Framer): Buffer {
    const part = headerOf(framer).subarray(this.#headerPassed, this.#headerPassed + this.#withheld)
    this.#withheld = 0
    return part
  }

  #bringOut(framer: Framer): Buffer {
    const message = Buffer.concat(this.#parts)
    const need = this.#need
    this.#parts = []
    this.#need = 'none'
    const result =
      need === 'status' ? rewriteStatusReply(message, this.#rewrite) : rewriteHelloReply(message, this.#rewrite)
    switch (result.kind) {
      case 'rewritten':
        this.#events.replyRewritten(opcodeName(framer.opcode), 'rewritten', '')
        return result.message
      case 'unchanged':
        if (need === 'always') this.#events.replyRewritten(opcodeName(framer.opcode), 'unchanged', '')
        return message
      case 'identity_mismatch':
        return this.#refuse(framer, 'identity_mismatch', result.me)
      case 'no_member_known':
        return this.#refuse(framer, 'failed', result.kind)
      case 'not_primary':
        return this.#refuse(framer, 'not_primary', '')
      case 'failed':
        return need === 'maybe' ? message : this.#refuse(framer, 'failed', result.reason)
      default:
        return result satisfies never
    }
  }

  #refuse(framer: Framer, result: WithheldBecause, detail: string): never {
    this.#events.replyRewritten(opcodeName(framer.opcode), result, detail)
    throw new ReplyWithheld(REASONS[result], `A hello reply is not sent: ${REASONS[result]} ${detail}`.trimEnd())
  }
}
