import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import zlib from 'node:zlib'
import { uncompress } from 'snappyjs'

const OP_COMPRESSED = 2012

/** Where relays listen: not on 127.0.0.1, so that they can have the ports that clients are told of there. */
export async function relayHost(): Promise<string> {
  for (const host of ['127.0.0.2', '::1']) {
    const server = createServer().listen(0, host)
    const isThere = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    server.close()
    if (isThere) return host
  }
  throw new Error('This machine has neither 127.0.0.2 nor ::1')
}

/** What clients were sent, looked at message by message, inflated where need be. */
export class Sniffer {
  messages = 0
  compressed = 0
  /** Excerpts around each place where the needle was. */
  readonly found: string[] = []
  readonly #needle: string

  constructor(needle: string) {
    this.#needle = needle
  }

  /** One connection's bytes from the server, in any cut. */
  listen(): (chunk: Buffer) => void {
    let bytes: Buffer = Buffer.alloc(0)
    return (chunk) => {
      bytes = Buffer.concat([bytes, chunk])
      while (bytes.length >= 4 && bytes.length >= bytes.readInt32LE(0)) {
        const length = bytes.readInt32LE(0)
        this.#look(bytes.subarray(0, length))
        bytes = bytes.subarray(length)
      }
      // The start of a message is looked at as well: it may be the last that comes.
      this.#scan(bytes)
    }
  }

  #look(message: Buffer): void {
    this.messages++
    this.#scan(message)
    if (message.readInt32LE(12) !== OP_COMPRESSED) return
    this.compressed++
    this.#scan(inflated(message[24] ?? 0, message.subarray(25)))
  }

  #scan(bytes: Buffer): void {
    const text = bytes.toString('latin1').toLowerCase()
    const at = text.indexOf(this.#needle)
    if (at >= 0) this.found.push(text.slice(Math.max(0, at - 40), at + 20))
  }
}

function inflated(compressor: number, payload: Buffer): Buffer {
  switch (compressor) {
    case 0:
      return payload
    case 1:
      return Buffer.from(uncompress(payload))
    case 2:
      return zlib.inflateSync(payload)
    default:
      throw new Error(`The sniffer does not know compressor ${compressor}`)
  }
}

export interface Relay {
  readonly port: number
  close(): Promise<void>
}

/** Passes bytes both ways; those for the client are shown to the sniffer. `target` is read for each connection. */
export async function startRelay(
  at: { readonly host: string; readonly port?: number },
  target: () => number,
  sniffer: Sniffer,
): Promise<Relay> {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
  }
  const server: Server = createServer((client) => {
    const upstream = connect(target(), '127.0.0.1')
    keep(client)
    keep(upstream)
    upstream.on('data', sniffer.listen())
    client.pipe(upstream)
    upstream.pipe(client)
    client.once('close', () => upstream.destroy())
    upstream.once('close', () => client.destroy())
  })
  server.listen(at.port ?? 0, at.host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
