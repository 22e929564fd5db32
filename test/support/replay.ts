import { readdirSync, readFileSync } from 'node:fs'
import { mongodb } from '../../src/codecs/mongodb/index.js'
import type { Direction, Session, TcpCodec } from '../../src/core/codec.js'
import { ConnectionInfo } from '../../src/core/connection.js'
import type { Exchange } from '../../src/core/exchange.js'

export interface Chunk {
  readonly direction: Direction
  readonly bytes: Buffer
}

export interface ExpectedOperation {
  readonly command: string
  readonly database: string
  readonly collection: string
  readonly outcome: string
  readonly code?: number
  readonly documents?: number
  readonly batchSize?: number
  readonly awaited?: boolean
  readonly cursorOpen?: boolean
}

export interface Fixture {
  readonly name: string
  readonly provenance: Record<string, unknown>
  readonly connections: readonly { readonly closedBy: string; readonly chunks: readonly Chunk[] }[]
  readonly expected: {
    readonly operations: readonly ExpectedOperation[]
    readonly heartbeats?: { readonly awaited: number; readonly plain: number }
  }
}

const folder = new URL('../fixtures/mongodb/', import.meta.url)

interface StoredChunk {
  readonly from: string
  readonly base64: string
}

/** Every capture in test/fixtures/mongodb; its README says where each came from. */
export function loadFixtures(): readonly Fixture[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => {
      const stored = JSON.parse(readFileSync(new URL(file, folder), 'utf8'))
      const connections = stored.connections.map((connection: { closedBy: string; chunks: StoredChunk[] }) => ({
        closedBy: connection.closedBy,
        chunks: connection.chunks.map((chunk) => ({
          direction: chunk.from === 'client' ? 'request' : 'reply',
          bytes: Buffer.from(chunk.base64, 'base64'),
        })),
      }))
      return { name: file.replace('.json', ''), provenance: stored.provenance, expected: stored.expected, connections }
    })
}

export interface Replayed {
  readonly exchanges: Exchange[]
  readonly started: number
  readonly undecodable: { readonly direction: Direction; readonly reason: string }[]
  readonly opcodes: Record<string, number>
  readonly connection: ConnectionInfo
  readonly session: Session
}

export function newCodec(options: Record<string, unknown> = {}): TcpCodec {
  return mongodb.createCodec(mongodb.config.parse(options))
}

let connectionId = 0

export class Recording {
  readonly connection = new ConnectionInfo(++connectionId, 'test', 'test', '127.0.0.1:1', 0)
  readonly exchanges: Exchange[] = []
  readonly undecodable: { direction: Direction; reason: string }[] = []
  readonly opcodes: Record<string, number> = {}
  readonly open = new Set<Exchange>()
  started = 0
  readonly session: Session

  constructor(codec: TcpCodec = newCodec()) {
    this.session = codec.open({
      connection: this.connection,
      events: {
        exchangeStarted: (exchange) => {
          this.started++
          this.open.add(exchange)
        },
        exchangeEnded: (exchange) => {
          if (!this.open.delete(exchange)) throw new Error('An exchange ended twice, or never started')
          this.exchanges.push(exchange)
        },
        messageUndecodable: (direction, reason) => this.undecodable.push({ direction, reason }),
        messageSeen: (_direction, opcode) => {
          this.opcodes[opcode] = (this.opcodes[opcode] ?? 0) + 1
        },
        replyRewritten: () => undefined,
      },
    })
  }

  /** Push and check that the frames cover the chunk exactly. The chunk is overwritten afterwards, as a reused read buffer is. */
  push(direction: Direction, bytes: Buffer, nowMs = 0): void {
    const chunk = Buffer.from(bytes)
    let at = 0
    for (const frame of this.session.push(direction, chunk, nowMs)) {
      if (frame.start !== at || frame.end <= frame.start) throw new Error(`Frames do not cover the chunk at ${at}`)
      at = frame.end
    }
    if (at !== chunk.length) throw new Error(`Frames end at ${at} of ${chunk.length}`)
    chunk.fill(0xee)
  }
}

/** Chunks cut anew: `cut` gives the size of the next piece. Order between the directions stays. */
export function recut(chunks: readonly Chunk[], cut: () => number): Chunk[] {
  const out: Chunk[] = []
  for (const { direction, bytes } of chunks) {
    for (let at = 0; at < bytes.length; ) {
      const size = Math.max(1, cut())
      out.push({ direction, bytes: bytes.subarray(at, at + size) })
      at += size
    }
  }
  return out
}
