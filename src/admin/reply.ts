import type { ServerResponse } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'

export interface Reply {
  readonly status: number
  readonly type: string
  /** A function takes the response over once its head is sent, and ends it. */
  readonly body: string | Buffer | AsyncIterable<string> | ((response: ServerResponse) => void)
  readonly headers?: Readonly<Record<string, string>>
}

export const TEXT = 'text/plain; charset=utf-8'
const JSON_TYPE = 'application/json; charset=utf-8'

/** One line. */
export const text = (status: number, body: string): Reply => lines(`${body}\n`, status)
/** Lines that end with one. */
export const lines = (body: string, status = 200): Reply => ({ status, type: TEXT, body })
export const json = (value: unknown): Reply => ({
  status: 200,
  type: JSON_TYPE,
  body: `${JSON.stringify(value, null, 2)}\n`,
})
/** For programs alone, and large. */
export const compact = (value: unknown): Reply => ({ status: 200, type: JSON_TYPE, body: `${JSON.stringify(value)}\n` })

/** As `json`, of a report whose one long list is made in pieces, between which the event loop turns. */
export const longJson = (report: object, list: string, items: readonly unknown[]): Reply => ({
  status: 200,
  type: JSON_TYPE,
  body: pieces(report, list, items),
})

/** Some 0.3 ms of work. */
const PIECE_CHARS = 64 * 1_024

async function* pieces(report: object, list: string, items: readonly unknown[]): AsyncGenerator<string> {
  // As JSON.stringify has it: a list that is empty stays on its line.
  const [head = '', tail = ''] = `${JSON.stringify({ ...report, [list]: [HERE] }, null, 2)}\n`.split(HERE_TEXT)
  let text = items.length === 0 ? `${head.trimEnd()}` : head
  for (const [i, item] of items.entries()) {
    text += `${i === 0 ? '' : ',\n    '}${JSON.stringify(item, null, 2).replaceAll('\n', '\n    ')}`
    if (text.length < PIECE_CHARS) continue
    yield text
    text = ''
    await nextTurn()
  }
  yield text + (items.length === 0 ? tail.trimStart() : tail)
}

/** No key is a text alone, so that it stands nowhere else. */
const HERE = '\u0000here'
const HERE_TEXT = JSON.stringify(HERE)
