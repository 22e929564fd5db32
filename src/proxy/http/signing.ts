import { createHash, type Hash } from 'node:crypto'
import type { HttpSigner } from '../../core/http.js'
import { replaceFields } from './forward-head.js'
import type { RequestHead } from './head/heads.js'
import { HeldBytes } from './held-bytes.js'
import type { HttpPiece } from './piece.js'
import type { PayloadReader } from './piece-flow.js'

/**
 * A request on its way to another signature. With a hash that the client declared the head can go out at once, and the body is
 * checked against it as it passes; without one the body is gathered first.
 */
export class Signing {
  readonly #signer: HttpSigner
  readonly #head: RequestHead
  readonly #declared: string | undefined
  readonly #hash: Hash = createHash('sha256')
  /** In one piece, however many it came in: a Buffer for each would cost more than small ones hold. */
  readonly #gathered = new HeldBytes()

  constructor(signer: HttpSigner, head: RequestHead) {
    this.#signer = signer
    this.#head = head
    this.#declared = signer.declaredHash(head)
  }

  /** The body must be whole before the head can be signed. */
  get isGathering(): boolean {
    return this.#declared === undefined
  }

  /** Its length is known, and is too much to gather. */
  get isTooLarge(): boolean {
    return this.isGathering && this.#head.facts.contentLength > this.#signer.maxBodyBytes
  }

  /** @returns false when the body is too large */
  gather(piece: HttpPiece<RequestHead>, reader: PayloadReader): boolean {
    const { bytes, start, end, payload } = piece
    if (this.#gathered.length + end - start > this.#signer.maxBodyBytes) return false
    this.#gathered.add(bytes, start, end)
    this.pass(piece)
    for (let i = 0; i < payload.count; i++) reader.payload('request', bytes.subarray(payload.start(i), payload.end(i)))
    return true
  }

  /** What was gathered, framing included; once. */
  takeGathered(): Buffer {
    return this.#gathered.take()
  }

  /** Some of the body goes by. */
  pass({ bytes, payload }: HttpPiece<RequestHead>): void {
    for (let i = 0; i < payload.count; i++) this.#hash.update(bytes.subarray(payload.start(i), payload.end(i)))
  }

  /** At the body's end, once: it is what its client said. */
  isAsDeclared(): boolean {
    return this.#hash.digest('hex') === this.#declared
  }

  /** @returns the head to send; rejects when there are no credentials */
  async sign(): Promise<Buffer> {
    const fields = await this.#signer.sign(this.#head, this.#declared ?? this.#hash.digest('hex'))
    // Who gathered the body has said 100 already.
    return replaceFields(this.#head, this.isGathering ? { ...fields, drop: [...fields.drop, 'expect'] } : fields)
  }
}
