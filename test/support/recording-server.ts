import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConnectionInfo } from '../../src/core/connection.js'
import { Exchange, type Operation } from '../../src/core/exchange.js'
import type { HttpCodec, HttpReader, HttpReply } from '../../src/core/http.js'
import { Headers } from './dynamodb.js'

const pairs = (raw: readonly string[]): [string, string][] =>
  Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i] ?? '', raw[2 * i + 1] ?? ''])

/** What answers in the upstream's place; undefined lets the request pass. */
export type Answer = (reader: HttpReader, operation: Operation) => HttpReply | undefined

/** A small HTTP proxy that leads each request and reply through a codec, and keeps the exchanges. */
export class RecordingServer {
  readonly exchanges: Exchange[] = []
  readonly failures: string[] = []
  answer: Answer = () => undefined
  readonly #codec: HttpCodec
  readonly #upstreamPort: number
  readonly #server = http.createServer((request, response) => this.#serve(request, response))
  readonly #agent = new http.Agent({ keepAlive: true })
  readonly #connections = new WeakMap<object, ConnectionInfo>()
  #ids = 0

  constructor(codec: HttpCodec, upstreamPort: number) {
    this.#codec = codec
    this.#upstreamPort = upstreamPort
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#agent.destroy()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #serve(request: http.IncomingMessage, response: http.ServerResponse): void {
    const { socket, method = '', url = '/' } = request
    const connection = this.#connections.get(socket) ?? new ConnectionInfo(++this.#ids, 'l', 'c', 'peer', 0)
    this.#connections.set(socket, connection)
    const head = { method, target: url, headers: new Headers(pairs(request.rawHeaders)) }
    if (!this.#codec.matches(head)) throw new Error(`${method} ${url} is not of the protocol`)
    const reader = this.#codec.open(head, connection)
    const chunks: Buffer[] = []
    let operation: Operation | undefined
    request.on('data', (chunk: Buffer) => {
      chunks.push(Buffer.from(chunk))
      operation ??= reader.request(chunk)
    })
    request.on('end', () => {
      operation ??= reader.request(null)
      if (operation === undefined) throw new Error('the operation was never told')
      const exchange = new Exchange(connection, operation, 0)
      const answer = this.answer(reader, operation)
      if (answer === undefined) this.#forward(request, Buffer.concat(chunks), response, reader, exchange)
      else this.#give(answer, response, reader, exchange)
    })
  }

  #give(answer: HttpReply, response: http.ServerResponse, reader: HttpReader, exchange: Exchange): void {
    reader.reply({ status: answer.status, headers: new Headers(answer.headers) })
    reader.replyBody(answer.body)
    this.#end(reader, exchange)
    response.writeHead(answer.status, answer.headers.flat())
    response.end(answer.body)
  }

  #forward(
    request: http.IncomingMessage,
    body: Buffer,
    response: http.ServerResponse,
    reader: HttpReader,
    exchange: Exchange,
  ): void {
    const { method = '', url = '/', rawHeaders } = request
    const options = { port: this.#upstreamPort, host: '127.0.0.1', agent: this.#agent, method, path: url }
    const forwarded = http.request({ ...options, headers: rawHeaders as never }, (reply) => {
      const { statusCode: status = 0 } = reply
      reader.reply({ status, headers: new Headers(pairs(reply.rawHeaders)) })
      response.writeHead(status, reply.rawHeaders)
      reply.on('data', (chunk: Buffer) => {
        reader.replyBody(chunk)
        response.write(Buffer.from(chunk))
      })
      reply.on('end', () => {
        this.#end(reader, exchange)
        response.end()
      })
    })
    forwarded.on('error', () => response.destroy())
    forwarded.end(body)
  }

  #end(reader: HttpReader, exchange: Exchange): void {
    reader.replyBody(null)
    exchange.outcome = reader.finish(exchange)
    this.exchanges.push(exchange)
    if (reader.failure !== '') this.failures.push(reader.failure)
  }
}
