import type { Test } from 'tap'
import { type Clock, systemClock } from '../../src/core/clock.js'
import type {
  Direction,
  Frame,
  Rewrite,
  RewriteResult,
  Session,
  SessionContext,
  TcpCodec,
} from '../../src/core/codec.js'
import type { ConnectionInfo } from '../../src/core/connection.js'
import { DecodeError } from '../../src/core/errors.js'
import { Exchange, type Operation } from '../../src/core/exchange.js'
import type { Logger } from '../../src/core/logger.js'
import type { CloseReason, Hub } from '../../src/core/observer.js'
import { ABORTED, type EndedBy, OK, UNKNOWN } from '../../src/core/outcome.js'
import { listenerSchema } from '../../src/proxy/config.js'
import type { ProxyListener } from '../../src/proxy/proxy-listener.js'
import { createTcpListener } from '../../src/proxy/tcp-proxy.js'
import { type ClusterManager, createClusterManager } from '../../src/upstream/cluster-manager.js'
import { clusterSchema } from '../../src/upstream/config.js'

/** Writes down what the data path tells, one line each, and lets a test wait for a line. */
export class RecordingHub implements Hub {
  readonly name = 'recording'
  readonly lines: string[] = []
  readonly started: Exchange[] = []
  readonly ended: Exchange[] = []
  /** Why each connection that closed did. */
  readonly closed: CloseReason[] = []
  readonly #waiting = new Set<() => void>()

  /** The first line that starts with `words`, now or when it comes. */
  async line(words: string, count = 1): Promise<string> {
    for (;;) {
      const found = this.lines.filter((line) => line.startsWith(words))[count - 1]
      if (found !== undefined) return found
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  connectionOpened(_connection: ConnectionInfo): void {
    this.#add('opened')
  }

  connectionClosed(_connection: ConnectionInfo, reason: CloseReason): void {
    this.closed.push(reason)
    this.#add(`closed ${reason}`)
  }

  exchangeStarted(exchange: Exchange): void {
    this.started.push(exchange)
    this.#add(`started ${exchange.operation.command}`)
  }

  exchangeEnded(exchange: Exchange): void {
    this.ended.push(exchange)
    this.#add(`ended ${exchange.operation.command} ${exchange.outcome?.kind} ${exchange.outcome?.by}`.trimEnd())
  }

  messageSeen(_connection: ConnectionInfo, direction: Direction, opcode: string): void {
    this.#add(`seen ${direction} ${opcode}`)
  }

  messageUndecodable(_connection: ConnectionInfo, direction: Direction, reason: string): void {
    this.#add(`undecodable ${direction} ${reason}`)
  }

  replyRewritten(_connection: ConnectionInfo, form: string, result: RewriteResult): void {
    this.#add(`rewritten ${form} ${result}`)
  }

  decodingLost(_connection: ConnectionInfo, direction: Direction, error: DecodeError): void {
    this.#add(`lost ${direction} ${error.reason}`)
  }

  #add(line: string): void {
    this.lines.push(line)
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}

export class RecordingLogger implements Logger {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: Record<string, unknown> }[] = []
  readonly debug = (): void => undefined
  readonly info = (fields: Record<string, unknown>, message: string): void => this.#add('info', fields, message)
  readonly warn = (fields: Record<string, unknown>, message: string): void => this.#add('warn', fields, message)
  readonly error = (fields: Record<string, unknown>, message: string): void => this.#add('error', fields, message)

  #add(level: string, fields: Record<string, unknown>, message: string): void {
    this.lines.push({ level, message, fields })
  }
}

export interface ProxyWant {
  readonly hosts: readonly string[]
  readonly listener?: Record<string, unknown>
  readonly cluster?: Record<string, unknown>
  readonly codec?: TcpCodec | undefined
  readonly rewrite?: Rewrite
  readonly clock?: Clock
}

export interface RunningProxy {
  readonly listener: ProxyListener
  readonly manager: ClusterManager
  readonly hub: RecordingHub
  readonly logger: RecordingLogger
  readonly port: number
}

/** A listener in front of a cluster of `hosts`, on a port of its own; cut down when the test ends. */
export async function startProxy(t: Test, want: ProxyWant): Promise<RunningProxy> {
  const hub = new RecordingHub()
  const logger = new RecordingLogger()
  const clock = want.clock ?? systemClock
  const cluster = clusterSchema.parse({ name: 'shop', hosts: want.hosts, ...want.cluster })
  const manager = createClusterManager([cluster], { clock, random: () => 0, logger })
  const config = listenerSchema.parse({
    name: 'front',
    address: '127.0.0.1:0',
    protocol: want.codec === undefined ? 'tcp' : 'lines',
    cluster: 'shop',
    ...want.listener,
  })
  let id = 0
  const listener = createTcpListener(config, {
    codec: want.codec,
    ...(want.rewrite === undefined ? {} : { rewrite: want.rewrite }),
    findCluster: (name) => manager.get(name),
    nextConnectionId: () => ++id,
    hub,
    clock,
    logger,
  })
  await listener.listen()
  t.teardown(async () => {
    manager.close()
    const draining = listener.drain(0)
    if ('advance' in clock) (clock as unknown as { advance(ms: number): void }).advance(1)
    await draining
  })
  const { address } = listener
  return { listener, manager, hub, logger, port: address?.kind === 'tcp' ? address.port : 0 }
}

const operation = (command: string): Operation => ({
  protocol: 'lines',
  command,
  kind: command === 'hello' ? 'control' : 'read',
  database: '',
  collection: '',
})

/**
 * A protocol for tests: a line from the client is a request, a line from the server answers the oldest. `hello` alone makes a
 * monitor, `wait` is awaited on purpose, `garbage` loses the framing, `bug` throws what no codec should.
 */
export const lineCodec: TcpCodec = { open: (context) => new LineSession(context) }

/** What a session that only watches says of holding. */
export const NEVER_HOLDS = { holdsReplies: false, holdsRequests: false, takeReply: () => undefined } as const

class LineSession implements Session {
  readonly holdsReplies = false
  readonly holdsRequests = false
  readonly takeReply = (): undefined => undefined
  isMonitor = true
  readonly #context: SessionContext
  readonly #open: Exchange[] = []
  readonly #partial = { request: '', reply: '' }

  constructor(context: SessionContext) {
    this.#context = context
  }

  get inFlight(): number {
    return this.#open.filter((exchange) => !exchange.isAwaited).length
  }

  push(direction: Direction, chunk: Buffer, nowMs: number): readonly Frame[] {
    const lines = (this.#partial[direction] + chunk.toString()).split('\n')
    this.#partial[direction] = lines.pop() ?? ''
    for (const line of lines) {
      if (line === 'garbage') throw new DecodeError('bad_length', 'No line at all')
      if (line === 'bug') throw new TypeError('undefined is not a function')
      if (direction === 'request') this.#request(line, nowMs)
      else this.#reply(nowMs)
    }
    return []
  }

  end(by: EndedBy | 'undecodable', nowMs: number): void {
    for (const exchange of this.#open.splice(0))
      this.#end(exchange, by === 'undecodable' ? UNKNOWN : ABORTED[by], nowMs)
  }

  #request(line: string, nowMs: number): void {
    const exchange = new Exchange(this.#context.connection, operation(line), nowMs)
    exchange.isAwaited = line === 'wait'
    if (line !== 'hello' && line !== 'wait') this.isMonitor = false
    this.#open.push(exchange)
    this.#context.events.exchangeStarted(exchange)
  }

  #reply(nowMs: number): void {
    const exchange = this.#open.shift()
    if (exchange !== undefined) this.#end(exchange, OK, nowMs)
  }

  #end(exchange: Exchange, outcome: NonNullable<Exchange['outcome']>, nowMs: number): void {
    exchange.outcome = outcome
    exchange.endedAtMs = nowMs
    this.#context.events.exchangeEnded(exchange)
  }
}
