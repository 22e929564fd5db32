const MAX_HEAD_BYTES = 16_384
/** (RFC 9112, section 4; the reason phrase may be missing, and its space with it.) */
const STATUS_LINE = /^HTTP\/1\.[01] ([1-9]\d\d)(?: [^\r\n]*)?\r?\n/
const HEAD_END = /\r?\n\r?\n/

/** Reads the heads of an answer up to the final one; bodies are nobody's concern. */
export class HttpAnswer {
  #head = ''
  #heads = 0

  /** @returns the status once its head is whole, `malformed` for what can be none or is too long, undefined while more has to come */
  push(chunk: Buffer): number | 'malformed' | undefined {
    this.#head += chunk.toString('latin1')
    for (;;) {
      const end = HEAD_END.exec(this.#head)
      if (end === null) return this.#isHopeless() ? 'malformed' : undefined
      const status = Number(STATUS_LINE.exec(this.#head)?.[1] ?? 'none')
      if (Number.isNaN(status)) return 'malformed'
      // 101 ends HTTP on the connection: nothing asked for it.
      if (status >= 200 || status === 101) return status
      const length = end.index + end[0].length
      this.#heads += length
      this.#head = this.#head.slice(length)
    }
  }

  #isHopeless(): boolean {
    if (this.#heads + this.#head.length > MAX_HEAD_BYTES) return true
    const start = 'HTTP/1.'
    const seen = this.#head.slice(0, start.length)
    return !start.startsWith(seen)
  }
}
