// Names that say which one and not what it is: applications keep data in them, and each would be a shape of its own.

const IDENTIFIER = /^[A-Za-z_$][A-Za-z0-9_$]*$/
const DIGITS = /[0-9]{4}/
/** Control, format and unassigned characters, and what was no UTF-8. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\uFFFD]/u
/** A mail address has dots of its own: which of them are the path's can't be told. */
const ADDRESS = /[^.@]@/
/** A part of a path that is a number, a date, an id: it says which one, not what it is. */
const DYNAMIC = [
  /^[-+]?[0-9][0-9,:_+eE-]*$/,
  /^[0-9a-fA-F]{24}$/,
  /^(?=.*[0-9])[0-9a-fA-F]{16,}$/,
  /^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$/,
]

export const isDynamic = (part: string): boolean => DYNAMIC.some((pattern) => pattern.test(part))

/** A path whose parts that look like data are `?`, and so are runs of four and more digits in the others. */
export function foldPath(text: string): string {
  if (IDENTIFIER.test(text) && !DIGITS.test(text)) return text
  if (UNPRINTABLE.test(text) || ADDRESS.test(text)) return '?'
  return text.split('.').map(foldPart).join('.')
}

function foldPart(part: string): string {
  if (isDynamic(part)) return '?'
  return part.replaceAll(/[0-9]{4,}/g, '?')
}
