import { MAX_CONNECTION_OPTIONS } from '../limits.js'
import type { HttpReason } from '../reasons.js'
import { COMMA, equalsLower, SPACE, TAB, TOKEN } from './characters.js'
import type { FieldList } from './field-list.js'
import { isHopByHop, isProtected } from './protected-fields.js'

const NONE: readonly string[] = []

/** Reads all `Connection` fields of a head. (RFC 9110, 7.6.1) */
export class ConnectionOptions {
  isClose = false
  isKeepAlive = false
  /** In lower case: fields that go no further, besides those that never do. */
  named: readonly string[] = NONE
  #named: string[] | undefined
  #count = 0

  /** @param first index of the first `Connection` field, or -1 */
  read(fields: FieldList, first: number): HttpReason | undefined {
    this.isClose = false
    this.isKeepAlive = false
    this.#named = undefined
    this.#count = 0
    for (let i = first; i >= 0; i = fields.find('connection', i + 1)) {
      const reason = this.#readValue(fields.bytes, fields.valueStart(i), fields.valueEnd(i))
      if (reason !== undefined) return reason
    }
    this.named = this.#named ?? NONE
    return undefined
  }

  /** `#token`: empty elements are passed over, as every recipient of a list must. (RFC 9110, 5.6.1.2) */
  #readValue(bytes: Buffer, start: number, end: number): HttpReason | undefined {
    let i = start
    while (i < end) {
      const from = i
      while (i < end && TOKEN[bytes[i] as number] === 1) i++
      if (i > from) {
        const reason = this.#add(bytes, from, i)
        if (reason !== undefined) return reason
      }
      while (i < end && (bytes[i] === SPACE || bytes[i] === TAB)) i++
      if (i === end) return undefined
      if (bytes[i] !== COMMA) return 'invalid_connection'
      i++
      while (i < end && (bytes[i] === SPACE || bytes[i] === TAB)) i++
    }
    return undefined
  }

  #add(bytes: Buffer, start: number, end: number): HttpReason | undefined {
    if (++this.#count > MAX_CONNECTION_OPTIONS) return 'invalid_connection'
    if (equalsLower(bytes, start, end, 'close')) this.isClose = true
    else if (equalsLower(bytes, start, end, 'keep-alive')) this.isKeepAlive = true
    else {
      const name = bytes.toString('latin1', start, end).toLowerCase()
      if (isProtected(name)) return 'protected_option'
      if (isHopByHop(name)) return undefined
      this.#named ??= []
      this.#named.push(name)
    }
    return undefined
  }
}
