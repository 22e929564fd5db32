import { COLON, equalsLower, HEX, HOST_LITERAL, HOST_NAME, LOWER, SLASH } from './characters.js'

const PERCENT = 0x25
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const QUESTION_MARK = 0x3f
const ZERO = 0x30
const MAX_PORT = 65_535

/**
 * Whether `[start, end)` is `uri-host [":" port]` (RFC 9110, 7.2; RFC 3986, 3.2.2). Never empty: no http URI has an empty host
 * (RFC 9110, 4.2.1). User information is not in it (RFC 9110, 4.2.4).
 */
export function isHost(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end) return false
  const hostEnd = bytes[start] === OPEN_BRACKET ? endOfLiteral(bytes, start, end) : endOfName(bytes, start, end)
  if (hostEnd <= start) return false
  return hostEnd === end || (bytes[hostEnd] === COLON && isPort(bytes, hostEnd + 1, end))
}

function endOfName(bytes: Uint8Array, start: number, end: number): number {
  let i = start
  while (i < end) {
    const byte = bytes[i] as number
    if (HOST_NAME[byte] === 1) i++
    else if (byte === PERCENT && i + 2 < end && isHex(bytes[i + 1]) && isHex(bytes[i + 2])) i += 3
    else break
  }
  return i
}

function isHex(byte: number | undefined): boolean {
  return byte !== undefined && (HEX[byte] as number) < 16
}

/** @returns behind the closing bracket; -1 when there is none, or nothing before it */
function endOfLiteral(bytes: Uint8Array, start: number, end: number): number {
  let i = start + 1
  while (i < end && HOST_LITERAL[bytes[i] as number] === 1) i++
  return i < end && bytes[i] === CLOSE_BRACKET && i > start + 1 ? i + 1 : -1
}

/** No digit is a port too, the scheme's own: RFC 3986, 3.2.3. */
function isPort(bytes: Uint8Array, start: number, end: number): boolean {
  let port = 0
  for (let i = start; i < end; i++) {
    const digit = (bytes[i] as number) - ZERO
    if (digit < 0 || digit > 9) return false
    port = port * 10 + digit
    if (port > MAX_PORT) return false
  }
  return true
}

/** Where the authority of an absolute-form target stands; undefined when it is none of an http or https URI. (RFC 9112, 3.2.2) */
export function authorityOf(bytes: Uint8Array, start: number, end: number): { start: number; end: number } | undefined {
  for (const prefix of ['http://', 'https://']) {
    const from = start + prefix.length
    if (from > end || !equalsLower(bytes, start, from, prefix)) continue
    let to = from
    while (to < end && bytes[to] !== SLASH && bytes[to] !== QUESTION_MARK) to++
    return isHost(bytes, from, to) ? { start: from, end: to } : undefined
  }
  return undefined
}

/** Whether two ranges are the same host: letters in any case. */
export function isSameHost(bytes: Uint8Array, a: number, aEnd: number, b: number, bEnd: number): boolean {
  if (aEnd - a !== bEnd - b) return false
  for (let i = 0; i < aEnd - a; i++) {
    if (LOWER[bytes[a + i] as number] !== LOWER[bytes[b + i] as number]) return false
  }
  return true
}
