import { connect, type Socket } from 'node:net'
import { startStub } from '../../support/stub-tcp.js'

/** Nothing takes this long unless it never comes: then the message says what did. */
const GUARD_MS = 15_000

/** One end of a TCP connection whose every byte the test writes and reads itself. Text is Latin-1. */
export class Peer {
  readonly socket: Socket
  #text = ''
  #ended = ''
  readonly #waiting = new Set<() => void>()

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1')
      this.#wake()
    })
    socket.on('end', () => this.#over('end'))
    socket.on('error', (error: NodeJS.ErrnoException) => this.#over(error.code ?? error.message))
    socket.on('close', () => this.#over('closed'))
  }

  /** What came and was not taken. */
  get text(): string {
    return this.#text
  }

  /** '' while it stands; `end`, an error's code, or `closed` by ourselves. */
  get ended(): string {
    return this.#ended
  }

  write(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  /** Each chunk in a read of its own: the other side shares our loop, and has read one when the next goes out. */
  async writeCut(chunks: readonly Buffer[]): Promise<void> {
    for (const chunk of chunks) {
      this.write(chunk)
      await turns(1)
    }
  }

  end(bytes?: string): void {
    if (bytes !== undefined) this.write(bytes)
    this.socket.end()
  }

  reset(): void {
    this.socket.resetAndDestroy()
  }

  async take(length: number): Promise<string> {
    await this.until(() => this.#text.length >= length, `${length} bytes`)
    return this.#cut(length)
  }

  /** Up to the empty line, with it. */
  async takeHead(): Promise<string> {
    await this.until(() => this.#text.includes('\r\n\r\n'), 'a head')
    return this.#cut(this.#text.indexOf('\r\n\r\n') + 4)
  }

  /** A head and a body of the length it says. */
  async takeMessage(): Promise<string> {
    const head = await this.takeHead()
    const length = /^content-length: *(\d+)/im.exec(head)?.[1] ?? '0'
    return head + (await this.take(Number(length)))
  }

  /** Everything up to the end in order. */
  async takeRest(): Promise<string> {
    await this.until(() => this.#ended !== '', 'the end')
    if (this.#ended !== 'end') throw new Error(`ended by ${this.#ended} after ${JSON.stringify(this.#text)}`)
    return this.#cut(this.#text.length)
  }

  async takeEnd(): Promise<string> {
    await this.until(() => this.#ended !== '', 'an end')
    return this.#ended
  }

  async until(claim: () => boolean, what: string): Promise<void> {
    while (!claim()) {
      if (this.#ended !== '' && what !== 'an end') throw new Error(this.#told(`ended by ${this.#ended}`, what))
      await new Promise<void>((resolve, reject) => {
        const guard = setTimeout(() => reject(new Error(this.#told('nothing came', what))), GUARD_MS)
        this.#waiting.add(() => {
          clearTimeout(guard)
          resolve()
        })
      })
    }
  }

  #told(happened: string, what: string): string {
    return `${happened} while ${what} was awaited, after ${JSON.stringify(this.#text.slice(0, 2_000))}`
  }

  #cut(length: number): string {
    const text = this.#text.slice(0, length)
    this.#text = this.#text.slice(length)
    return text
  }

  #over(how: string): void {
    if (this.#ended === '' || (this.#ended === 'end' && how !== 'closed')) this.#ended = how
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}

/** A server whose connections the test plays by hand. */
export interface Upstream {
  readonly address: string
  /** Accepted so far. */
  readonly count: number
  /** The n-th accepted, now or when it comes. */
  peer(index: number): Promise<Peer>
  close(): Promise<void>
}

/** @param serve plays each connection, when the test doesn't */
export async function startUpstream(serve: (peer: Peer) => unknown = () => undefined): Promise<Upstream> {
  const peers: Peer[] = []
  const stub = await startStub((socket) => {
    const peer = new Peer(socket)
    peers.push(peer)
    // A script ends with its connection, whatever it was waiting for.
    void Promise.resolve(serve(peer)).catch(() => socket.destroy())
  })
  return {
    address: stub.address,
    get count() {
      return peers.length
    },
    async peer(index) {
      await stub.socket(index)
      return peers[index] as Peer
    },
    close: () => stub.close(),
  }
}

export async function dialPeer(port: number): Promise<Peer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  const peer = new Peer(socket)
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  return peer
}

/** So many turns of the event loop: what was written by then is read. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Until it holds; for what no event tells of. */
export async function until(claim: () => boolean, what = claim.toString()): Promise<void> {
  const deadlineMs = performance.now() + GUARD_MS
  while (!claim()) {
    if (performance.now() > deadlineMs) throw new Error(`never came: ${what}`)
    await turns(1)
  }
}
