import { foldPath, isDynamic } from '../../shared/folded-names.js'

/** Longer names are no names that somebody chose. */
const MAX_FIELD_BYTES = 64
const QUOTE = 0x22
const IDENTIFIER = /^[A-Za-z_$][A-Za-z0-9_$]*$/
/** In an expression, what a path is written with; a part with anything else may be no path. */
const PATH_PART = /^[\p{L}\p{N}_$-]*$/u

/** The field name `[start, end)` as a shape shows it: quoted where a shell wants that, parts of its path that look like data as `?`. */
export function fieldName(bytes: Buffer, start: number, end: number): string {
  if (end - start > MAX_FIELD_BYTES) return '"?"'
  if (isPlainName(bytes, start, end)) return bytes.toString('latin1', start, end)
  const text = bytes.toString('utf8', start, end)
  const folded = foldPath(text)
  return IDENTIFIER.test(folded) ? folded : JSON.stringify(folded)
}

/** Of a name as `fieldName` gives it. */
export function isFolded(name: string): boolean {
  return name.charCodeAt(0) === QUOTE && name.includes('?')
}

/** Letters, `_` and `$` alone, as most names are: nothing to fold and nothing to quote. */
function isPlainName(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number
    const letter = byte | 0x20
    if ((letter < 0x61 || letter > 0x7a) && byte !== 0x5f && byte !== 0x24) return false
  }
  return end > start
}

/** A path in a string, quoted: `"status"`. */
export function quotedPath(bytes: Buffer, start: number, end: number): string {
  return end - start > MAX_FIELD_BYTES ? '"?"' : JSON.stringify(foldPath(bytes.toString('utf8', start, end)))
}

/** `$a.b`, `$$ROOT.c` in an expression, quoted. */
export function fieldReference(bytes: Buffer, start: number, end: number): string {
  if (end - start > MAX_FIELD_BYTES) return '"$?"'
  const text = foldPath(bytes.toString('utf8', start, end))
  const sigil = text.startsWith('$$') ? '$$' : '$'
  if (!text.startsWith(sigil)) return '"$?"'
  const parts = text.slice(sigil.length).split('.')
  return `"${sigil}${parts.map((part) => (PATH_PART.test(part) && !isDynamic(part) ? part : '?')).join('.')}"`
}
