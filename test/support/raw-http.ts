import type { Socket } from 'node:net'
import { dial } from './stub-tcp.js'

export interface RawReply {
  readonly statusLine: string
  /** In their order, as `name: value` of the wire. */
  readonly fields: readonly string[]
  /** As on the wire: with its chunks. */
  readonly body: Buffer
  /** Where it ends. */
  readonly end: number
}

/** Ends a chunked body that has no trailers; what it begins with ends the head or the chunk before. */
const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n')

/** More of a request, for when something has happened. */
export interface Rest {
  readonly rest: Buffer
  after(): Promise<boolean>
}

/** A connection of its own, on which one request follows the other as bytes. */
export class RawConnection {
  readonly #socket: Socket
  #bytes = Buffer.alloc(0)
  #heard: () => void = () => undefined
  #isClosed = false

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#heard()
    })
    socket.on('end', () => {
      this.#isClosed = true
      this.#heard()
    })
  }

  static async open(port: number): Promise<RawConnection> {
    return new RawConnection(await dial({ port }))
  }

  async exchange(request: Buffer, then?: Rest): Promise<RawReply> {
    this.#socket.write(request)
    if (then !== undefined && then.rest.length > 0) {
      while (!(await then.after()));
      this.#socket.write(then.rest)
    }
    for (;;) {
      const reply = parse(this.#bytes)
      if (reply !== undefined) {
        this.#bytes = this.#bytes.subarray(reply.end)
        return reply
      }
      if (this.#isClosed) throw new Error(`closed after ${this.#bytes.toString('latin1')}`)
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    }
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** One request on a connection that ends with its reply. */
export async function exchangeRaw(port: number, request: Buffer, then?: Rest): Promise<RawReply> {
  const connection = await RawConnection.open(port)
  try {
    return await connection.exchange(request, then)
  } finally {
    connection.close()
  }
}

function parse(bytes: Buffer): RawReply | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const [statusLine = '', ...fields] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const field = (name: string) =>
    fields
      .find((line) => line.toLowerCase().startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim()
  const start = headEnd + 4
  const last = field('transfer-encoding') === undefined ? undefined : bytes.indexOf(LAST_CHUNK, headEnd + 2)
  const end = last === undefined ? start + Number(field('content-length') ?? 0) : last + LAST_CHUNK.length
  if (last === -1 || bytes.length < end) return undefined
  return { statusLine, fields, body: bytes.subarray(start, end), end }
}

/** A POST as bytes. `fields` come in their order. */
export function post(fields: readonly string[], body: Buffer | string): Buffer {
  const bytes = Buffer.from(body)
  const head = ['POST / HTTP/1.1', 'Host: 127.0.0.1', ...fields, `Content-Length: ${bytes.length}`, '', '']
  return Buffer.concat([Buffer.from(head.join('\r\n')), bytes])
}
