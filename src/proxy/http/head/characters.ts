/**
 * Which bytes may stand where, one table of 256 flags per rule: a look-up per byte is what a head costs.
 * Names as in the grammar of RFC 9110 and RFC 9112.
 */
export const TAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SPACE = 0x20
export const QUOTE = 0x22
export const COMMA = 0x2c
export const SLASH = 0x2f
export const COLON = 0x3a
export const SEMICOLON = 0x3b
export const EQUALS = 0x3d
export const BACKSLASH = 0x5c

function tableOf(isAllowed: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (isAllowed(byte) ? 1 : 0))
}

const oneOf = (characters: string) => (byte: number) => characters.includes(String.fromCharCode(byte))
const isAlphanumeric = (byte: number) => /[0-9A-Za-z]/.test(String.fromCharCode(byte))
const isVisible = (byte: number) => byte > SPACE && byte < 0x7f

/** tchar: methods, field names, connection options. (RFC 9110, 5.6.2) */
export const TOKEN = tableOf((byte) => isAlphanumeric(byte) || oneOf("!#$%&'*+-.^_`|~")(byte))

/** field-vchar, SP, HTAB; obs-text (0x80 and up) included. (RFC 9110, 5.5) */
export const FIELD_VALUE = tableOf((byte) => byte === TAB || byte === SPACE || isVisible(byte) || byte >= 0x80)

/**
 * What stands in a request-target: visible ASCII but for `#`, for a fragment is never sent (RFC 9112, 3.2). Some of it is not
 * in the grammar of RFC 3986 (`|`, `{`, `"`); clients send it all the same, and no reader ends a target there.
 */
export const TARGET = tableOf((byte) => isVisible(byte) && byte !== 0x23)

/**
 * reg-name of RFC 3986, 3.2.2, without the comma: it is what a list of two hosts, folded into one by a hop before us, looks like.
 * `%` is looked at apart.
 */
export const HOST_NAME = tableOf((byte) => isAlphanumeric(byte) || oneOf("-._~!$&'()*+;=")(byte))

/** Inside `[` and `]`: IPv6 only. */
export const HOST_LITERAL = tableOf((byte) => /[0-9A-Fa-f:.]/.test(String.fromCharCode(byte)))

/** qdtext: inside the quotes of a chunk extension. (RFC 9110, 5.6.4) */
export const QUOTED_TEXT = tableOf((byte) => FIELD_VALUE[byte] === 1 && byte !== QUOTE && byte !== BACKSLASH)

/** Value of a hex digit, 255 for all else. */
export const HEX = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  return /[0-9A-Fa-f]/.test(character) ? Number.parseInt(character, 16) : 255
})

/** ASCII letters in lower case, all else as it is. */
export const LOWER = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte))

/** Whether bytes `[start, end)` are `lower` but for the case of letters. */
export function equalsLower(bytes: Uint8Array, start: number, end: number, lower: string): boolean {
  if (end - start !== lower.length) return false
  for (let i = 0; i < lower.length; i++) {
    if (LOWER[bytes[start + i] as number] !== lower.charCodeAt(i)) return false
  }
  return true
}

/** A field that may be sent. (RFC 9110, 5.1 and 5.5) */
export function isField(name: string, value: string): boolean {
  return name !== '' && isEvery(name, TOKEN) && isEvery(value, FIELD_VALUE)
}

function isEvery(text: string, table: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) {
    if (table[text.charCodeAt(i)] !== 1) return false
  }
  return true
}
