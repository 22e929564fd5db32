/** From the document's root down: keys and list indexes. */
export type Path = readonly (string | number)[]

/** `listeners[0].tls.cert`; keys that are no plain words in brackets: `members["a.rs:27017"]`. */
export function formatPath(path: Path): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (/^[\w-]+$/.test(part)) text += text === '' ? part : `.${part}`
    else text += `[${JSON.stringify(part)}]`
  }
  return text
}

export const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The value at a path of plain data; undefined where there is none. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root
  for (const part of path) {
    if (Array.isArray(value)) value = typeof part === 'number' ? value[part] : undefined
    else if (isMapping(value) && Object.hasOwn(value, part)) value = value[part]
    else return undefined
  }
  return value
}

/** A value as a person calls it in a message. */
export function describe(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object') return 'a mapping'
  if (typeof value === 'string') return value === '' ? 'an empty text' : JSON.stringify(clip(value))
  return typeof value === 'number' ? `the number ${value}` : String(value)
}

const clip = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}...` : text)
