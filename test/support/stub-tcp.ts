import { createHash, type Hash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A real server on loopback whose behaviour is a function of each accepted socket. */
export interface StubServer {
  readonly port: number
  /** `host:port`, as configs want it. */
  readonly address: string
  /** Sockets accepted so far. */
  readonly sockets: readonly Socket[]
  /** The n-th accepted socket (from 0), now or when it comes. */
  socket(index: number): Promise<Socket>
  close(): Promise<void>
}

/**
 * @param serve gets each socket, half-open allowed, errors already listened to
 * @param wanted the port of one that was closed and comes back
 */
export async function startStub(serve: (socket: Socket) => void, host = '127.0.0.1', wanted = 0): Promise<StubServer> {
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  const sockets: Socket[] = []
  server.on('connection', (socket) => {
    socket.on('error', () => undefined)
    sockets.push(socket)
    serve(socket)
    server.emit('stub')
  })
  server.listen(wanted, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    sockets,
    socket: (index) => nthSocket(server, sockets, index),
    close: () => closeServer(server, sockets),
  }
}

async function nthSocket(server: Server, sockets: readonly Socket[], index: number): Promise<Socket> {
  for (;;) {
    const socket = sockets[index]
    if (socket !== undefined) return socket
    await once(server, 'stub')
  }
}

async function closeServer(server: Server, sockets: readonly Socket[]): Promise<void> {
  for (const socket of sockets) socket.destroy()
  if (!server.listening) return
  server.close()
  await once(server, 'close')
}

export const startEcho = (host?: string): Promise<StubServer> => startStub((socket) => socket.pipe(socket), host)

/** A port on which nobody listens. */
export async function refusedPort(): Promise<number> {
  const stub = await startStub(() => undefined)
  await stub.close()
  return stub.port
}

/** A port of 127.0.0.1 that is kept for somebody until `release`. */
export async function holdPort(): Promise<{ readonly port: number; release(): Promise<void> }> {
  const stub = await startStub(() => undefined)
  return { port: stub.port, release: () => stub.close() }
}

/** A connected client, half-open allowed, errors listened to. */
export async function dial(target: { port: number; host?: string } | { path: string }): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', ...target, allowHalfOpen: true, noDelay: true })
  await once(socket, 'connect')
  socket.on('error', () => undefined)
  return socket
}

/** Everything until the end, as text. By events: async iteration would destroy a socket that is still to write. */
export function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.once('end', () => resolve(Buffer.concat(chunks).toString()))
    socket.once('close', () => reject(new Error('closed without an end')))
  })
}

/** The next `length` bytes, as text; what comes with them beyond is dropped. */
export function readBytes(socket: Socket, length: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let got = 0
    const onClose = () => reject(new Error(`closed after ${got} of ${length} bytes`))
    const onData = (chunk: Buffer) => {
      chunks.push(chunk)
      got += chunk.length
      if (got < length) return
      socket.off('data', onData)
      socket.off('close', onClose)
      resolve(Buffer.concat(chunks).toString('latin1'))
    }
    socket.on('data', onData)
    socket.on('close', onClose)
  })
}

/** How a socket's life ended: by an error's code, or `closed`. */
export function howItEnds(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let code = 'closed'
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code ?? error.message
    })
    socket.on('close', () => resolve(code))
    socket.resume()
  })
}

/** The peer has ended or reset it. Reads and drops what comes before. */
export function heardEnd(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('end', resolve)
    socket.once('close', () => resolve())
    socket.resume()
  })
}

/** False or why not, for the `skip` of tests over IPv6. */
export async function skipWithoutIpv6(): Promise<string | false> {
  try {
    const stub = await startStub(() => undefined, '::1')
    await stub.close()
    return false
  } catch {
    return 'this machine has no ::1'
  }
}

export class StreamHash {
  readonly #hash: Hash = createHash('sha256')
  byteCount = 0

  add(chunk: Buffer): void {
    this.#hash.update(chunk)
    this.byteCount += chunk.length
  }

  /** Once. */
  digest(): string {
    return `${this.byteCount} bytes ${this.#hash.digest('hex')}`
  }
}
