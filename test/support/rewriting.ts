import { Long, ObjectId } from 'bson'
import type { Direction, Rewrite, Session, TcpCodec } from '../../src/core/codec.js'
import { ConnectionInfo } from '../../src/core/connection.js'
import type { Exchange } from '../../src/core/exchange.js'
import { newCodec } from './replay.js'

/** What the primary of a set of five says of itself. */
export const SET_HELLO = Object.freeze({
  topologyVersion: { processId: new ObjectId('0123456789abcdef01234567'), counter: Long.fromNumber(6) },
  hosts: ['a.rs:27017', 'B.rs:27018', 'c.rs'],
  passives: ['p.rs:27017'],
  arbiters: ['x.rs:27017'],
  setName: 'rs0',
  setVersion: 4,
  isWritablePrimary: true,
  secondary: false,
  primary: 'a.rs:27017',
  me: 'a.rs:27017',
  electionId: new ObjectId('7fffffff0000000000000003'),
  maxWireVersion: 25,
  ok: 1,
})
const PORTS: Readonly<Record<string, number>> = {
  'a.rs:27017': 27_101,
  'b.rs:27018': 27_102,
  'c.rs:27017': 27_103,
  'x.rs:27017': 27_104,
}

/** The way through the proxy; nobody listens for p. */
export const through = (member: string): Rewrite => ({
  member,
  advertise: (name) => (PORTS[name] === undefined ? undefined : `proxy.internal:${PORTS[name]}`),
})

/** What a client is to hear in its place. */
export const LED_HELLO = Object.freeze({
  ...SET_HELLO,
  hosts: ['proxy.internal:27101', 'proxy.internal:27102', 'proxy.internal:27103'],
  passives: [],
  arbiters: ['proxy.internal:27104'],
  primary: 'proxy.internal:27101',
  me: 'proxy.internal:27101',
})

let connectionId = 0

/**
 * A session as the data path uses it: requests go on at once, replies as well while nothing is held, and otherwise as the frames
 * say. Checks of every chunk that its frames cover it.
 */
export class RewritingConnection {
  readonly session: Session
  readonly exchanges: Exchange[] = []
  readonly rewrites: string[] = []
  readonly undecodable: string[] = []
  readonly #toClient: Buffer[] = []
  readonly #toServer: Buffer[] = []

  constructor(rewrite: Rewrite | undefined, codec: TcpCodec = newCodec()) {
    this.session = codec.open({
      connection: new ConnectionInfo(++connectionId, 'test', 'test', '127.0.0.1:1', 0),
      rewrite,
      events: {
        exchangeStarted: () => undefined,
        exchangeEnded: (exchange) => this.exchanges.push(exchange),
        messageUndecodable: (direction, reason) => this.undecodable.push(`${direction} ${reason}`),
        messageSeen: () => undefined,
        replyRewritten: (form, result, detail) => this.rewrites.push(`${form} ${result} ${detail}`.trimEnd()),
      },
    })
  }

  /** All that the client got so far. */
  get toClient(): Buffer {
    return Buffer.concat(this.#toClient)
  }

  /** All that the server got so far. */
  get toServer(): Buffer {
    return Buffer.concat(this.#toServer)
  }

  /** @throws DecodeError as the session does; nothing of that chunk is sent then, if something was held */
  push(direction: Direction, bytes: Buffer): void {
    const chunk = Buffer.from(bytes)
    const wasHolding = direction === 'reply' ? this.session.holdsReplies : this.session.holdsRequests
    const sink = direction === 'reply' ? this.#toClient : this.#toServer
    if (!wasHolding) sink.push(Buffer.from(bytes))
    let at = 0
    const outputs: Buffer[] = []
    for (const { start, end, output } of this.session.push(direction, chunk, 0)) {
      if (start !== at || end <= start) throw new Error(`Frames do not cover the chunk at ${at}`)
      if (output !== undefined && !wasHolding) throw new Error('Written before it was asked')
      outputs.push(Buffer.from(output ?? chunk.subarray(start, end)))
      at = end
    }
    if (at !== chunk.length) throw new Error(`Frames end at ${at} of ${chunk.length}`)
    if (wasHolding) sink.push(...outputs)
    const own = this.session.takeReply()
    if (own !== undefined) this.#toClient.push(own)
    // As a read buffer that is used again.
    chunk.fill(0xee)
  }
}
