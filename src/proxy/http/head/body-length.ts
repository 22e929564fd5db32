import type { HttpReason } from '../reasons.js'
import { equalsLower, TAB } from './characters.js'
import type { FieldList } from './field-list.js'

/** How the end of a body is found. (RFC 9112, 6.3) */
export type Framing =
  | 'none'
  /** `contentLength` bytes. */
  | 'length'
  | 'chunked'
  /** All up to the end of the connection: replies only. */
  | 'close'

const ZERO = 0x30
const COMMA = ','
const CHUNKED = 'chunked'

/** Reads what a head says about its body's length, and refuses all that two readers could understand in two ways. */
export class BodyLength {
  /** -1 when the head has none. */
  contentLength = -1
  isChunked = false

  /**
   * @param minorVersion of the message: HTTP/1.0 has no transfer codings. (RFC 9112, 6.1)
   * @returns why it can't be told; undefined when the two fields above are right
   */
  read(fields: FieldList, length: number, coding: number, minorVersion: number): HttpReason | undefined {
    this.contentLength = -1
    this.isChunked = false
    if (hasTab(fields, length) || hasTab(fields, coding)) return 'tab_in_framing'
    // Each first by itself, so that the reason is the nearest one.
    if (length >= 0) {
      if (fields.find('content-length', length + 1) >= 0) return 'multiple_content_length'
      this.contentLength = parseLength(fields, length)
      if (this.contentLength < 0) return lengthReason(fields, length)
    }
    if (coding >= 0) {
      if (length >= 0) return 'length_and_coding'
      if (fields.find('transfer-encoding', coding + 1) >= 0) return 'multiple_transfer_encoding'
      if (minorVersion === 0) return 'coding_in_http_1_0'
      this.isChunked = isExactlyChunked(fields, coding)
      if (!this.isChunked) return codingReason(fields.value(coding))
    }
    return undefined
  }
}

/**
 * A tab is white space like another (RFC 9110, 5.6.3), nobody sends it, and readers differ: one takes a tab and `chunked` for a
 * coding that it does not know, and passes over the field.
 */
function hasTab(fields: FieldList, index: number): boolean {
  if (index < 0) return false
  const end = fields.lineEnd(index)
  for (let i = fields.lineStart(index); i < end; i++) {
    if (fields.bytes[i] === TAB) return true
  }
  return false
}

/**
 * `1*DIGIT` without zeros in front: nobody sends them, and a reader that guesses the base takes 010 for 8.
 * @returns -1 when it is anything else, or more than can be counted
 */
function parseLength(fields: FieldList, index: number): number {
  const bytes = fields.bytes
  const start = fields.valueStart(index)
  const end = fields.valueEnd(index)
  if (start === end || (bytes[start] === ZERO && end - start > 1)) return -1
  let length = 0
  for (let i = start; i < end; i++) {
    const digit = (bytes[i] as number) - ZERO
    if (digit < 0 || digit > 9) return -1
    length = length * 10 + digit
    if (length > Number.MAX_SAFE_INTEGER) return -1
  }
  return length
}

/** A list of lengths, even of equal ones, was several fields before somebody joined them. (RFC 9110, 8.6) */
function lengthReason(fields: FieldList, index: number): HttpReason {
  const value = fields.value(index)
  if (/^[1-9]\d*$/.test(value)) return 'content_length_overflow'
  return value.includes(COMMA) ? 'multiple_content_length' : 'invalid_content_length'
}

/** Names of codings have no case. (RFC 9112, 7) */
function isExactlyChunked(fields: FieldList, index: number): boolean {
  return equalsLower(fields.bytes, fields.valueStart(index), fields.valueEnd(index), CHUNKED)
}

/** A length that can't be told (400) is one thing; one that can, of a coding that we can't read (501), another. (RFC 9112, 6.1 and 6.3) */
function codingReason(value: string): HttpReason {
  const codings = value.toLowerCase().split(COMMA)
  const names = codings.map((coding) => coding.replace(/^[ \t]+|[ \t]+$/g, ''))
  const isFinal = names.at(-1) === CHUNKED && names.indexOf(CHUNKED) === names.length - 1
  return isFinal && names.every((name) => name !== '') ? 'unsupported_coding' : 'chunked_not_final'
}
