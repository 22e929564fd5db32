import { dynamodb } from '../../src/codecs/dynamodb/index.js'
import { ConnectionInfo } from '../../src/core/connection.js'
import { Exchange, type Operation } from '../../src/core/exchange.js'
import type { HttpCodec, HttpHeaders, HttpReader } from '../../src/core/http.js'
import type { Detail } from '../../src/core/shape.js'

export class Headers implements HttpHeaders {
  readonly #fields: readonly (readonly [string, string])[]

  constructor(fields: readonly (readonly [string, string])[] | Readonly<Record<string, string>> = []) {
    this.#fields = Array.isArray(fields) ? fields : Object.entries(fields)
  }

  get(name: string): string | undefined {
    return this.all(name)[0]
  }

  all(name: string): readonly string[] {
    return this.#fields.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value)
  }
}

export const JSON_TYPE = { 'content-type': 'application/x-amz-json-1.0' }

export function newCodec(options: Record<string, unknown> = {}, detail?: Detail): HttpCodec {
  return dynamodb.createCodec(dynamodb.config.parse(options), detail)
}

export const newConnection = (): ConnectionInfo => new ConnectionInfo(1, 'l', 'c', '127.0.0.1:1', 0)

export interface Call {
  /** Without the API's prefix: `GetItem`. */
  readonly operation: string
  readonly isStreams?: boolean
  readonly request: unknown
  readonly requestHeaders?: Readonly<Record<string, string>>
  readonly status?: number
  readonly reply?: unknown
  readonly replyHeaders?: Readonly<Record<string, string>>
}

export interface Read {
  readonly exchange: Exchange
  readonly told: readonly Operation[]
  /** The operation was told before the body's end. */
  readonly isEarly: boolean
  readonly failure: string
  readonly reader: HttpReader
}

const bytesOf = (body: unknown): Buffer =>
  Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))

export const targetOf = ({ operation, isStreams }: Pick<Call, 'operation' | 'isStreams'>): string =>
  `DynamoDB${isStreams ? 'Streams' : ''}_20120810.${operation}`

/** One call through the codec, cut by `cut`. */
export function read(
  call: Call,
  cut: (bytes: Buffer) => readonly Buffer[] = (bytes) => [bytes],
  codec = newCodec(),
): Read {
  const headers = new Headers({ 'X-Amz-Target': targetOf(call), ...JSON_TYPE, ...call.requestHeaders })
  const connection = newConnection()
  const reader = codec.open({ method: 'POST', target: '/', headers }, connection)
  const told: Operation[] = []
  const note = (operation: Operation | undefined): void => {
    if (operation !== undefined) told.push(operation)
  }
  for (const chunk of cut(bytesOf(call.request))) note(reader.request(chunk))
  const isEarly = told.length > 0
  note(reader.request(null))
  const [operation] = told
  if (operation === undefined) throw new Error('the operation was never told')
  const exchange = new Exchange(connection, operation, 0)
  if (call.reply !== undefined) {
    reader.reply({ status: call.status ?? 200, headers: new Headers({ ...JSON_TYPE, ...call.replyHeaders }) })
    for (const chunk of cut(bytesOf(call.reply))) reader.replyBody(chunk)
    reader.replyBody(null)
  }
  exchange.outcome = reader.finish(exchange)
  return { exchange, told, isEarly, failure: reader.failure, reader }
}
