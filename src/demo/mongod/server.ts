import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { ObjectId } from 'bson'
import { type Clock, systemClock } from '../../core/clock.js'
import { type Address, formatAddress } from '../../core/upstream.js'
import type { Membership, ServerContext } from './commands/command.js'
import { Connection, type ConnectionOptions, type ExhaustChain } from './connection.js'
import { Cursors } from './cursors.js'
import type { Latency } from './execute.js'
import { FailPoint } from './fail-point.js'
import { MAX_DOCUMENT_BYTES } from './limits.js'
import { Store } from './store/store.js'
import { type SeenCommands, Tally } from './tally.js'
import { type CompressorName, loadCompressors } from './wire/compression.js'

export interface DemoServerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 0: any free one. */
  readonly port?: number
  readonly clock?: Clock
  /** Milliseconds to wait before a command runs. Default: none. */
  readonly latency?: Latency
  /** Default `chained`, as mongod does. */
  readonly exhaustChain?: ExhaustChain
  /** What hello may negotiate, best first. Default zstd (where it can be had), snappy, zlib. */
  readonly compressors?: readonly CompressorName[]
  /** Whether `configureFailPoint` exists. Default true. */
  readonly failCommand?: boolean
  /** Documents in one batch of a cursor. Default 16 MiB, as mongod; more makes replies that no mongod sends. */
  readonly maxBatchBytes?: number
  readonly cursorTimeoutMs?: number
  readonly maxOpenCursors?: number
  readonly tls?: TlsOptions
}

export interface DemoServer {
  /** `mongodb://host:port/` */
  readonly uri: string
  readonly address: { readonly host: string; readonly port: number }
  /** Open now. */
  readonly connections: number
  readonly openCursors: number
  /** Commands answered so far, by the name that the client used. */
  commandsSeen(): Readonly<Record<string, number>>
  /** The same by command, database, collection and outcome. */
  operationsSeen(): readonly SeenCommands[]
  /** Cuts every connection and forgets the data. */
  close(): Promise<void>
}

/**
 * A MongoDB server in memory: a standalone without users, transactions and change streams. Documents are answered with the
 * bytes they were inserted with; one that an update or a pipeline made has JavaScript's numbers: an int64 or an integral double
 * comes back as int32 when it fits. Numbers compare with numbers, but not with a Decimal128. What it cannot do, it refuses with
 * an error.
 * @throws when the address cannot be bound
 */
export function startDemoServer(options: DemoServerOptions = {}): Promise<DemoServer> {
  return startNode(options, { store: new Store(), tally: new Tally(), membership: undefined })
}

/** What outlives one start of a node, or is shared with others. */
export interface NodeParts {
  readonly store: Store
  readonly tally: Tally
  readonly membership: Membership | undefined
}

export interface Node extends DemoServer {
  /** Cuts every connection; new ones are accepted. */
  disconnect(): Promise<void>
}

/** One process: a standalone, or a member of a set. @throws when the address cannot be bound */
export async function startNode(options: DemoServerOptions, { store, tally, membership }: NodeParts): Promise<Node> {
  const clock = options.clock ?? systemClock
  const compressors = await loadCompressors(options.compressors ?? ['zstd', 'snappy', 'zlib'])
  const cursors = new Cursors(clock, {
    maxOpen: options.maxOpenCursors ?? 1_000,
    idleTimeoutMs: options.cursorTimeoutMs ?? 600_000,
    maxBatchBytes: options.maxBatchBytes ?? MAX_DOCUMENT_BYTES,
  })
  const context: ServerContext = {
    store,
    cursors,
    clock,
    failPoint: options.failCommand === false ? undefined : new FailPoint(),
    compressors: compressors.map(({ name }) => name),
    processId: new ObjectId(),
    startedAtMs: clock.now(),
    counts: { connectionsOpen: 0, connectionsTotal: 0, internalFailures: 0, operations: new Map() },
    membership,
  }
  const open = new Set<Connection>()
  const connectionOptions: ConnectionOptions = {
    server: context,
    tally,
    compressors: new Map(compressors.map((compressor) => [compressor.id, compressor])),
    latency: options.latency ?? (() => 0),
    exhaustChain: options.exhaustChain ?? 'chained',
  }
  const server = listenerOf(options.tls, (socket) => accept(socket, open, connectionOptions))
  const address = await listen(server, options.host ?? '127.0.0.1', options.port ?? 0)
  const disconnect = async () => {
    await Promise.all([...open].map((connection) => connection.destroy()))
  }
  return {
    uri: `mongodb://${formatAddress(address)}/`,
    address,
    get connections() {
      return open.size
    },
    get openCursors() {
      return cursors.open
    },
    commandsSeen: () => tally.byCommand(),
    operationsSeen: () => tally.rows(),
    disconnect,
    async close() {
      cursors.close()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await disconnect()
      await closed
    },
  }
}

function listenerOf(tls: TlsOptions | undefined, onSocket: (socket: Socket) => void): Server {
  if (tls === undefined) return createServer({ allowHalfOpen: true }, onSocket)
  const server = createTlsServer({ ...tls, allowHalfOpen: true }, onSocket)
  // A client that fails its handshake was never a connection of ours; Node closes its socket.
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  return server
}

function accept(socket: Socket, open: Set<Connection>, options: ConnectionOptions): void {
  const { counts } = options.server
  counts.connectionsOpen++
  counts.connectionsTotal++
  const connection = new Connection(socket, counts.connectionsTotal, options)
  open.add(connection)
  socket.on('close', () => {
    counts.connectionsOpen--
    open.delete(connection)
  })
}

type TcpAddress = Extract<Address, { kind: 'tcp' }>

function listen(server: Server, host: string, port: number): Promise<TcpAddress> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      const bound = server.address()
      if (bound === null || typeof bound === 'string') return reject(new Error('The server has no TCP address'))
      resolve({ kind: 'tcp', host: bound.address, port: bound.port })
    })
  })
}
