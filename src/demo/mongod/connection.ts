import type { Socket } from 'node:net'
import type { Document } from 'bson'
import type { ClientContext, CommandRequest, ServerContext, TopologyVersion } from './commands/command.js'
import { NEVER_COMPRESSED } from './commands/hello.js'
import { errorReply } from './errors.js'
import { execute, type Latency, summarize } from './execute.js'
import { isStateChange } from './set/labels.js'
import { outcomeOf, type Tally } from './tally.js'
import type { Compressor } from './wire/compression.js'
import { Inbox } from './wire/inbox.js'
import { type ParsedMessage, parseMessage, type ReplyForm } from './wire/message.js'
import { OP_QUERY } from './wire/opcodes.js'
import { type CommandReply, CursorReply, encodeReply } from './wire/reply.js'

/** Bytes of requests that wait behind the one being answered, before the socket is read no further. */
const MAX_WAITING_BYTES = 1_048_576

/** How replies of an exhaust stream name what they answer: the reply before (mongod) or always the request. */
export type ExhaustChain = 'chained' | 'flat'

export interface ConnectionOptions {
  readonly server: ServerContext
  readonly tally: Tally
  readonly compressors: ReadonlyMap<number, Compressor>
  readonly latency: Latency
  readonly exhaustChain: ExhaustChain
}

type Command = Extract<ParsedMessage, { kind: 'command' }>

/** One client: reads messages, answers them one after the other, in order. */
export class Connection {
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #client: ClientContext
  readonly #inbox = new Inbox()
  readonly #closed = new AbortController()
  readonly #left = new AbortController()
  #isServing = false
  #nextRequestId = 1

  constructor(socket: Socket, id: number, options: ConnectionOptions) {
    this.#socket = socket
    this.#options = options
    this.#client = { id, peer: `${socket.remoteAddress}:${socket.remotePort}`, metadata: undefined }
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('end', () => this.#end())
    // A reset is a client's way to leave: 'close' follows and does the work.
    socket.on('error', () => this.#abort())
    socket.on('close', () => this.#abort())
  }

  /** Resolves once the socket is closed. */
  destroy(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()))
    this.#socket.destroy()
    return closed
  }

  #abort(): void {
    this.#left.abort()
    this.#closed.abort()
  }

  #read(chunk: Buffer): void {
    this.#inbox.push(chunk)
    if (!this.#isServing) this.#serve().catch(() => this.#fail())
    else if (this.#inbox.bytes > MAX_WAITING_BYTES) this.#socket.pause()
  }

  /** A wait was cut short because the connection is closed; anything else is a fault of ours, and counted. */
  #fail(): void {
    if (!this.#closed.signal.aborted) this.#options.server.counts.internalFailures++
    this.#socket.destroy()
  }

  /** The client sends no more: what it asked is still answered, but nothing is awaited for it. */
  #end(): void {
    this.#left.abort()
    if (!this.#isServing) this.#socket.end()
  }

  async #serve(): Promise<void> {
    this.#isServing = true
    for (;;) {
      const message = this.#inbox.take()
      if (message === undefined) break
      const parsed: ParsedMessage =
        message === 'garbage'
          ? { kind: 'garbage', reason: 'message length' }
          : parseMessage(message, this.#options.compressors)
      if (!(await this.#handle(parsed))) {
        this.#socket.destroy()
        return
      }
      if (this.#socket.destroyed) return
    }
    this.#isServing = false
    if (this.#left.signal.aborted) this.#socket.end()
    else this.#socket.resume()
  }

  /** @returns whether the connection goes on */
  async #handle(parsed: ParsedMessage): Promise<boolean> {
    if (parsed.kind === 'garbage') return false
    if (parsed.kind === 'command') return this.#answer(parsed)
    if (parsed.form.isSilent) return !parsed.isFatal
    await this.#send(errorReply(parsed.error), parsed.form, parsed.form.requestId, false)
    if (!parsed.isFatal) return true
    // Half-closed first, so that the refusal arrives before the connection is gone.
    this.#socket.end()
    await once(this.#socket, this.#closed.signal)
    return false
  }

  async #answer({ form, body, sequences }: Command): Promise<boolean> {
    const { server, latency } = this.#options
    const name = Object.keys(body)[0] ?? ''
    const database = typeof body.$db === 'string' ? body.$db : ''
    let request: CommandRequest = {
      name,
      database,
      body,
      sequences,
      server,
      client: this.#client,
      closed: this.#closed.signal,
      left: this.#left.signal,
    }
    let responseTo = form.requestId
    for (;;) {
      const execution = await execute(request, latency, form.opcode === OP_QUERY)
      const reply = execution.kind === 'cut' ? undefined : execution.reply
      this.#count(request, form, reply)
      if (reply === undefined) return false
      // The only way to tell a client that wants no answer: what it wrote was not written. (mongod)
      if (form.isSilent) return server.membership === undefined || !tellsOfChange(reply)
      const goesOn = form.allowsExhaust && continues(request, reply) && !this.#left.signal.aborted
      const requestId = await this.#send(reply, plainWhenDue(form, name), responseTo, goesOn)
      if (!goesOn) return true
      if (this.#socket.destroyed) return false
      if (this.#options.exhaustChain === 'chained') responseTo = requestId
      request = nextOf(request, reply)
    }
  }

  #count(request: CommandRequest, form: ReplyForm, reply: CommandReply | undefined): void {
    const { name, database, collection } = summarize(request)
    const outcome = reply === undefined ? 'cut' : form.isSilent ? 'unacknowledged' : outcomeOf(reply)
    this.#options.tally.count(name, database, collection, outcome)
    const { operations } = this.#options.server.counts
    operations.set(name, (operations.get(name) ?? 0) + 1)
  }

  /** Waits until the client took most of it, so that one who does not read holds one reply in memory and no more. */
  async #send(reply: CommandReply, form: ReplyForm, responseTo: number, moreToCome: boolean): Promise<number> {
    const requestId = this.#nextRequestId
    this.#nextRequestId = requestId === 0x7fff_ffff ? 1 : requestId + 1
    const header = { requestId, responseTo, moreToCome }
    const bytes = await encodeReply(reply, header, form).catch((error: unknown) =>
      encodeReply(errorReply(error), { ...header, moreToCome: false }, form),
    )
    if (this.#socket.destroyed) return requestId
    if (!this.#socket.write(bytes)) await drained(this.#socket, this.#closed.signal)
    return requestId
  }
}

function plainWhenDue(form: ReplyForm, command: string): ReplyForm {
  return form.compressor !== undefined && NEVER_COMPRESSED.has(command) ? { ...form, compressor: undefined } : form
}

/** Only getMore and hello stream: the one while its cursor lives, the other as long as it is awaited. */
function continues({ name, body, server }: CommandRequest, reply: CommandReply): boolean {
  if (reply instanceof CursorReply) return name === 'getMore' && !reply.cursorId.isZero()
  const isHello = name === 'hello' || name === 'isMaster' || name === 'ismaster'
  if (!isHello || reply.ok !== 1 || body.topologyVersion === undefined) return false
  // A member that was told to say another version than its own would never wait for a change again.
  return server.membership === undefined || isSameVersion(reply.topologyVersion, server.membership.topologyVersion)
}

const tellsOfChange = (reply: CommandReply): boolean =>
  !(reply instanceof CursorReply) && reply.ok !== 1 && isStateChange(reply.code)

const isSameVersion = (said: Document | undefined, current: TopologyVersion): boolean =>
  current.processId.equals(said?.processId) && String(said?.counter) === `${current.counter}`

/** The request that an exhaust stream goes on with, made up by the server itself. */
function nextOf(request: CommandRequest, reply: CommandReply): CommandRequest {
  if (reply instanceof CursorReply) return request
  const { client: _, ...body } = request.body
  const next: Document = { ...body, topologyVersion: reply.topologyVersion }
  return { ...request, body: next }
}

function drained(socket: Socket, closed: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (closed.aborted) return resolve()
    const done = () => {
      socket.off('drain', done)
      closed.removeEventListener('abort', done)
      resolve()
    }
    socket.once('drain', done)
    closed.addEventListener('abort', done, { once: true })
  })
}

/** Until the written bytes are out, or the connection is gone. */
function once(socket: Socket, closed: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (closed.aborted || socket.writableFinished) return resolve()
    socket.once('finish', resolve)
    closed.addEventListener('abort', () => resolve(), { once: true })
  })
}
