import type { HttpReplyHead, HttpRequestHead } from '../../../core/http.js'
import type { Framing } from './body-length.js'
import type { FieldList } from './field-list.js'

/** What the fields of a head come to. */
export interface HeadFacts {
  readonly minorVersion: number
  readonly framing: Framing
  /** -1 when the head has none. Of a reply without body (to HEAD, 304) it is what the body would have had. */
  readonly contentLength: number
  /** The connection may carry another message after this one. (RFC 9112, 9.3) */
  readonly keepAlive: boolean
  /** Some of its fields go no further: `forwardHead` makes another head. */
  readonly hasHopByHop: boolean
  /** Fields that `Connection` names, in lower case, besides those that always go no further. */
  readonly connectionOptions: readonly string[]
}

export interface MessageHead {
  readonly headers: FieldList
  readonly facts: HeadFacts
}

export class RequestHead implements HttpRequestHead, MessageHead {
  readonly headers: FieldList
  readonly facts: HeadFacts
  /** The client waits for a 100 before it sends the body; the upstream is to say it. (RFC 9110, 10.1.1) */
  readonly expectsContinue: boolean
  readonly #methodLength: number
  readonly #targetEnd: number
  #method: string | undefined = undefined
  #target: string | undefined = undefined

  /** @param line where the request line's parts end, from the head's start on */
  constructor(
    headers: FieldList,
    line: { readonly methodEnd: number; readonly targetEnd: number },
    facts: HeadFacts,
    expectsContinue: boolean,
  ) {
    this.headers = headers
    this.facts = facts
    this.expectsContinue = expectsContinue
    this.#methodLength = line.methodEnd
    this.#targetEnd = line.targetEnd
  }

  get method(): string {
    this.#method ??= this.#text(0, this.#methodLength)
    return this.#method
  }

  get target(): string {
    this.#target ??= this.#text(this.#methodLength + 1, this.#targetEnd)
    return this.#target
  }

  #text(from: number, to: number): string {
    const { bytes, start } = this.headers
    return bytes.toString('latin1', start + from, start + to)
  }
}

export class ReplyHead implements HttpReplyHead, MessageHead {
  readonly headers: FieldList
  readonly facts: HeadFacts
  readonly status: number

  constructor(headers: FieldList, status: number, facts: HeadFacts) {
    this.headers = headers
    this.status = status
    this.facts = facts
  }

  /** 1xx: another head follows, for the same request. (RFC 9110, 15.2) */
  get isInterim(): boolean {
    return this.status < 200
  }
}
