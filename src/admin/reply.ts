import type { ServerResponse } from 'node:http'

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
