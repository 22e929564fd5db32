import type { ConnectionInfo } from '../../core/connection.js'
import type { Outcome } from '../../core/outcome.js'
import type { Cluster } from '../../core/upstream.js'
import type { ReplyHead, RequestHead } from './head/heads.js'
import { HttpOperation, type HttpOperationDeps } from './operation.js'
import type { Replay } from './piece-flow.js'
import type { Signing } from './signing.js'
import type { UpstreamHttp } from './upstream-connection.js'

/** Safe to send twice, whatever the server made of the first. (RFC 9110, 9.2.2) */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** One request of a client connection, from its head to the end of its reply. */
export class Turn {
  readonly head: RequestHead
  readonly operation: HttpOperation
  /** Whose request it counts as; undefined when it was refused before. */
  cluster: Cluster | undefined = undefined
  upstream: UpstreamHttp | undefined = undefined
  dialling: AbortController | undefined = undefined
  /** It gets another signature. */
  signing: Signing | undefined = undefined
  signedHead: Buffer | undefined = undefined
  /** Its last byte was read. */
  isRequestRead = false
  /** The final reply's head is on its way to the client. */
  isReplyBegun = false
  /** Something of a reply came. */
  hasHeard = false
  replyHead: ReplyHead | undefined = undefined
  /** The client's connection ends with its reply. */
  closes = false
  /** What was sent so far, while it may have to be sent again. */
  replay: Replay | undefined = undefined
  /** This is its second try. */
  retry: Replay | undefined = undefined
  /** Since when the upstream has all of it; 0 before. */
  waitsSinceMs = 0
  /** Whatever comes of it now comes too late. */
  isOver = false
  #isReplyTold = false
  #isRequestTold = false

  constructor(head: RequestHead, deps: HttpOperationDeps, connection: ConnectionInfo, startedAtMs: number) {
    this.head = head
    this.operation = new HttpOperation(deps, connection, head, startedAtMs)
  }

  /** More of it is to be read, and there is somebody to take it. */
  get takesRequest(): boolean {
    return !this.isRequestRead && (this.upstream !== undefined || this.signing?.isGathering === true)
  }

  /** Its last byte was written. */
  requestEnded(nowMs: number): void {
    if (this.#isRequestTold) return
    this.#isRequestTold = true
    this.waitsSinceMs = nowMs
    this.operation.requestEnded()
  }

  /** Once, when the reply's head was written. */
  tellReplyHead(): void {
    if (this.#isReplyTold || this.replyHead === undefined) return
    this.#isReplyTold = true
    this.operation.reply(this.replyHead)
  }

  get mayRepeat(): boolean {
    if (this.hasHeard || this.retry !== undefined || this.replay?.isWhole !== true) return false
    return IDEMPOTENT.has(this.head.method) || this.operation.operation?.kind === 'read'
  }

  /** Once: the exchange ends, and all that counted it lets go. @param outcome undefined: what the reply says */
  end(outcome: Outcome | undefined, nowMs: number): void {
    const { cluster, upstream, operation } = this
    this.isOver = true
    if (this.isRequestRead) this.requestEnded(nowMs)
    const ended = operation.end(outcome)
    if (upstream !== undefined) {
      upstream.host.stats.bytesSent += operation.requestBytes
      upstream.end(ended.outcome.kind, ended.durationMs)
    }
    if (this.retry !== undefined) cluster?.requests.endRetry()
    cluster?.requests.end()
  }
}
