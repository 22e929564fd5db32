/** Keys stand bare in the text of a shape, as in the server's shell; strings are JSON's. */
const BARE_KEYS = /"(?:[^"\\]|\\.)*"|([A-Za-z_$][\w$]*)(?=\s*:)/g

/**
 * The members of a document that is written as shapes are, as JSON without its braces: `{filter: {a: "?number"}}` →
 * `"filter":{"a":"?number"}`. Undefined when the text is no such document: it was cut, mostly.
 */
export function membersOf(text: string): string | undefined {
  const json = text.replaceAll(BARE_KEYS, (match, key?: string) => (key === undefined ? match : `"${key}"`))
  try {
    const parsed: unknown = JSON.parse(json)
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined
    return JSON.stringify(parsed).slice(1, -1)
  } catch {
    // Of a text that was cut: whoever asked says so in its place.
    return undefined
  }
}

/** What a command document is made of. */
export interface CommandText {
  readonly command: string
  readonly database: string
  readonly collection: string
  /** As `Shape.text`; '' when there is nothing more to say. */
  readonly text: string
}

/** `{"find":"orders","filter":{…},"$db":"shop"}`: a command as mongod logs it. What can't be a document is in `$truncated`, as there. */
export function commandDocument({ command, database, collection, text }: CommandText): string {
  const first = `${JSON.stringify(command)}:${collection === '' ? '1' : JSON.stringify(collection)}`
  const db = database === '' ? '' : `,"$db":${JSON.stringify(database)}`
  if (text === '') return `{${first}${db}}`
  const members = membersOf(text)
  if (members === undefined) return `{${first},"$truncated":${JSON.stringify(text)}${db}}`
  return members === '' ? `{${first}${db}}` : `{${first},${members}${db}}`
}
