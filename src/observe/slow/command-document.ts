/**
 * Strings, which are JSON's, closed or not; names, which are keys with a colon behind them and stand bare as in the server's shell; and
 * space between. None is tried twice: texts come from the network.
 */
const PARTS = /("(?:[^"\\]|\\.)*"?)|([A-Za-z_$][\w$]*)(\s*:)?|\s+/g

/**
 * The members of a document that is written as shapes are, as JSON without its braces: `{filter: {a: "?number"}}` →
 * `"filter":{"a":"?number"}`. Undefined when the text is no such document: it was cut, mostly.
 */
export function membersOf(text: string): string | undefined {
  const json = text.replaceAll(PARTS, (_, string = '', name = '', colon = '') =>
    colon === '' ? string + name : `"${name}":`,
  )
  try {
    const parsed: unknown = JSON.parse(json)
    // Not written anew of what was parsed: that would round numbers of 64 bits.
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? json.slice(1, -1) : undefined
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

/** `{"find":"orders","filter":{…},"$db":"shop"}`: a command as mongod logs it. A document that was cut is in `$truncated`, as there; what never was one, in `shape`. */
export function commandDocument({ command, database, collection, text }: CommandText): string {
  const first = `${JSON.stringify(command)}:${collection === '' ? '1' : JSON.stringify(collection)}`
  const db = database === '' ? '' : `,"$db":${JSON.stringify(database)}`
  if (text === '') return `{${first}${db}}`
  const members = membersOf(text)
  if (members === undefined)
    return `{${first},"${text.startsWith('{') ? '$truncated' : 'shape'}":${JSON.stringify(text)}${db}}`
  return members === '' ? `{${first}${db}}` : `{${first},${members}${db}}`
}
