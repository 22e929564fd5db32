import { Binary, type Document, Long } from 'bson'
import type { Command, CommandRequest, Membership, TopologyVersion } from '../commands/command.js'
import { CommandError } from '../errors.js'
import { type CommandReply, CursorReply } from '../wire/reply.js'
import { accessOf, checkRole, checkSupport } from './access.js'
import type { ClusterTime } from './cluster-time.js'
import { isStateChange, writeLabels } from './labels.js'
import { type RetryableWrites, replayed, type WriteId, writeIdOf } from './retryable-writes.js'
import { configDocument, majorityOf } from './set-config.js'
import { describeNode, roleOf, type SetNode, versionOf } from './set-node.js'
import { statusOf } from './status.js'
import type { Topology } from './topology.js'
import { replicated } from './write-concern.js'

/** What all members have in common: there is one copy of it, as of the data. */
export interface SetState {
  readonly topology: Topology
  readonly time: ClusterTime
  readonly writes: RetryableWrites
}

const HELLO = new Set(['hello', 'isMaster', 'ismaster'])
/** Where a command has its statements; findAndModify has none. */
const STATEMENTS: Readonly<Record<string, string>> = { insert: 'documents', update: 'updates', delete: 'deletes' }
/** Of a server without keys: clients hand it on and nobody checks it. */
const SIGNATURE = { hash: new Binary(Buffer.alloc(20)), keyId: Long.ZERO }

/** One server's membership. `node` is a function since a wrong identity makes a server speak as another member. */
export class Member implements Membership {
  readonly #node: () => SetNode
  readonly #set: SetState

  constructor(node: () => SetNode, set: SetState) {
    this.#node = node
    this.#set = set
  }

  get topologyVersion(): TopologyVersion {
    return versionOf(this.#node())
  }

  describe(flag: string): Document {
    const node = this.#node()
    const fields = describeNode(node, this.#set.topology.primaryNameFor(node), flag)
    const role = roleOf(node)
    return role === 'primary' || role === 'secondary' ? { ...fields, lastWrite: this.#lastWrite(node) } : fields
  }

  watch(run: () => void): () => void {
    return this.#set.topology.watch(run)
  }

  check({ body }: CommandRequest, command: Command): void {
    const [name] = command.names
    checkSupport(name, body)
    checkRole(roleOf(this.#node()), accessOf(name, body), body)
  }

  async run(request: CommandRequest, command: Command): Promise<CommandReply> {
    const [name] = command.names
    if (accessOf(name, request.body) !== 'write') return command.run(request)
    const id = writeIdOf(request.body, `${name} on ${request.database}.${String(request.body[request.name])}`)
    const writeConcernError = await replicated(request, this.#node(), this.#set.topology)
    const reply = await this.#once(request, command, id)
    return writeConcernError === undefined || reply instanceof CursorReply ? reply : { ...reply, writeConcernError }
  }

  sign(request: CommandRequest, reply: CommandReply): CommandReply {
    const node = this.#node()
    const times = this.#times(node)
    if (reply instanceof CursorReply) return reply.with({ ...reply.extra, ...times })
    const labels = request.body.txnNumber === undefined ? {} : writeLabels(reply)
    const version = reply.ok !== 1 && isStateChange(reply.code) ? { topologyVersion: versionOf(node) } : {}
    const signed = { ...reply, ...labels, ...version, ...times }
    return node.edit !== undefined && HELLO.has(request.name) ? node.edit(signed) : signed
  }

  status(): Document {
    const node = this.#node()
    return statusOf(node, this.#set.topology, (other) => this.#set.time.newest(other.lagMs))
  }

  config(): Document {
    const { config } = this.#node()
    if (config === undefined) throw new CommandError(94, 'no replset config has been received')
    return { config: configDocument(config, this.#set.topology.term) }
  }

  handOver(isForced: boolean): void {
    const node = this.#node()
    const { topology } = this.#set
    if (roleOf(node) !== 'primary') throw new CommandError(10107, 'not primary so cannot step down')
    const priorityOf = ({ id }: SetNode) => node.config?.members.find((member) => member.id === id)?.priority ?? 0
    const [next] = topology
      .replicasOf(node)
      .filter((other) => other !== node && topology.obstacle(other) === undefined)
      .sort((a, b) => priorityOf(b) - priorityOf(a))
    if (next !== undefined) topology.elect(next)
    else if (isForced) topology.stepDown(node)
    else throw new CommandError(262, 'No electable secondaries caught up')
  }

  #once(request: CommandRequest, command: Command, id: WriteId | undefined): CommandReply | Promise<CommandReply> {
    const { time, writes } = this.#set
    const known = id === undefined ? undefined : writes.find(id)
    if (known !== undefined) return this.#again(request, command, known)
    // Nothing is awaited between the look and the record: no second attempt can come between.
    const reply = command.run(request)
    time.tick()
    if (id !== undefined) writes.record(id, reply)
    return reply
  }

  async #again(request: CommandRequest, { names: [name] }: Command, known: CommandReply | Promise<CommandReply>) {
    const field = STATEMENTS[name] ?? ''
    const statements = request.sequences.get(field) ?? request.body[field] ?? []
    return replayed(await known, request.body, statements.length)
  }

  #lastWrite(node: SetNode): Document {
    const { time, topology } = this.#set
    const lagsMs = topology
      .replicasOf(node)
      .map(({ lagMs }) => lagMs)
      .sort((a, b) => a - b)
    const needed = node.config === undefined ? 1 : majorityOf(node.config)
    const majorityLagMs = Math.max(node.lagMs, lagsMs[needed - 1] ?? lagsMs.at(-1) ?? 0)
    const own = time.newest(node.lagMs)
    const majority = time.newest(majorityLagMs)
    const t = Long.fromNumber(topology.term)
    return {
      opTime: { ts: own.ts, t },
      lastWriteDate: own.date,
      majorityOpTime: { ts: majority.ts, t },
      majorityWriteDate: majority.date,
    }
  }

  #times(node: SetNode): Document {
    const role = roleOf(node)
    if (role !== 'primary' && role !== 'secondary') return {}
    const { time } = this.#set
    return {
      $clusterTime: { clusterTime: time.newest().ts, signature: SIGNATURE },
      operationTime: time.newest(node.lagMs).ts,
    }
  }
}
