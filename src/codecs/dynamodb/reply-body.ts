import type { HttpHeaders } from '../../core/http.js'
import { Gunzip } from '../shared/gunzip.js'
import type { Failure } from './reasons.js'
import { ReplyFields } from './reply-fields.js'

/** A reply's body on its way into the fields: inflated when it has to be, left out when it is not JSON. */
export class ReplyBody {
  readonly fields = new ReplyFields()
  #failure: Failure = ''
  #gunzip: Gunzip | undefined
  #isEmpty = true

  constructor(headers: HttpHeaders, maxInflateBytes: number) {
    const encoding = headers.get('content-encoding')?.trim().toLowerCase() ?? ''
    if (!isJson(headers)) this.#failure = 'content_type'
    else if (encoding === 'gzip' || encoding === 'x-gzip')
      this.#gunzip = new Gunzip(maxInflateBytes, (bytes) => this.fields.push(bytes))
    else if (encoding !== '' && encoding !== 'identity') this.#failure = 'content_encoding'
  }

  get failure(): Failure {
    // Nothing was sent: nothing is unread.
    if (this.#isEmpty) return ''
    return this.#failure || this.#gunzip?.failure || this.fields.failure
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#isEmpty = false
    if (this.#failure !== '') return
    if (this.#gunzip !== undefined) this.#gunzip.push(chunk)
    else this.fields.push(chunk)
  }

  end(): void {
    this.#gunzip?.end()
    this.fields.end()
  }
}

/** `application/x-amz-json-1.0`, and any other JSON; a body without a type may be it, too. */
export function isJson(headers: HttpHeaders): boolean {
  const type = headers.get('content-type')
  return type === undefined || type === 'application/x-amz-json-1.0' || type.toLowerCase().includes('json')
}
