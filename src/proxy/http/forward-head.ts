import type { ReplacedFields } from '../../core/http.js'
import { isField } from './head/characters.js'
import type { FieldList } from './head/field-list.js'
import type { HeadFacts, MessageHead } from './head/heads.js'
import { HOP_BY_HOP } from './head/protected-fields.js'

/** What the forwarded head says of its connection. Nothing is right for HTTP/1.1 that goes on. (RFC 9112, 9.3) */
export type ConnectionField = 'close' | 'keep-alive'

const CRLF_BYTES = 2
const NO_NAMES: readonly string[] = []
const LINES: Readonly<Record<ConnectionField, Buffer>> = {
  close: Buffer.from('Connection: close\r\n\r\n'),
  'keep-alive': Buffer.from('Connection: keep-alive\r\n\r\n'),
}
const NO_LINE = Buffer.from('\r\n')

/**
 * The head as it goes on: without the fields that are about the connection it came on, all other bytes as they came (RFC 9110,
 * 7.6.1). `Transfer-Encoding` stays, since the chunks are forwarded as they are; so does the version, for a reply in chunks
 * must not reach an HTTP/1.0 client.
 * @param connection a field to put at its end
 * @returns the chunk's own bytes when nothing changes, else a new Buffer
 */
export function forwardHead(head: MessageHead, connection?: ConnectionField): Buffer {
  const { headers, facts } = head
  const { bytes, start, end } = headers
  if (!facts.hasHopByHop && connection === undefined) {
    return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)
  }
  const tail = connection === undefined ? NO_LINE : LINES[connection]
  const out = Buffer.allocUnsafe(end - start - CRLF_BYTES + tail.length)
  const length = facts.hasHopByHop ? copyKept(headers, facts, out) : bytes.copy(out, 0, start, end - CRLF_BYTES)
  return out.subarray(0, length + tail.copy(out, length))
}

/**
 * The head as it goes on, with other fields in place of some.
 * @param connection as for `forwardHead`
 * @throws when a field to add is none
 */
export function replaceFields(
  { headers, facts }: MessageHead,
  { drop, add }: ReplacedFields,
  connection?: ConnectionField,
): Buffer {
  const kept = Buffer.allocUnsafe(headers.end - headers.start)
  const length = copyKept(headers, facts, kept, drop)
  const lines = add.map(([name, value]) => {
    if (!isField(name, value)) throw new Error(`A field to send is invalid: ${JSON.stringify(name)}`)
    return `${name}: ${value}\r\n`
  })
  const tail = connection === undefined ? NO_LINE : LINES[connection]
  return Buffer.concat([kept.subarray(0, length), Buffer.from(lines.join(''), 'latin1'), tail])
}

/** Copies runs of lines that stay. @returns bytes copied */
function copyKept(headers: FieldList, facts: HeadFacts, out: Buffer, drop: readonly string[] = NO_NAMES): number {
  const { bytes, end, count } = headers
  let from = headers.start
  let length = 0
  for (let i = 0; i < count; i++) {
    const isKept = !isOneOf(headers, i, HOP_BY_HOP) && !isOneOf(headers, i, facts.connectionOptions)
    if (isKept && !isOneOf(headers, i, drop)) continue
    length += bytes.copy(out, length, from, headers.lineStart(i))
    from = headers.lineEnd(i)
  }
  return length + bytes.copy(out, length, from, end - CRLF_BYTES)
}

/** Without a string: nearly all names differ in their length. Both lists are bounded. */
function isOneOf(headers: FieldList, index: number, names: readonly string[]): boolean {
  for (const name of names) {
    if (headers.isNamed(index, name)) return true
  }
  return false
}
