import { types } from 'node:util'
import { BSON, Long, ObjectId } from 'bson'
import { DecodeError } from '../../core/errors.js'
import type { Epoch, MemberReport, MemberRole, Probe, ProbeSession } from '../../core/probe.js'
import { readInt32 } from './bson.js'
import { Framer } from './framer.js'
import { normalizeMember } from './hello-rewrite.js'
import { REPLY_HEAD_BYTES } from './legacy.js'
import { HEADER_BYTES, MAX_HELLO_BYTES } from './limits.js'
import { FLAG_EXHAUST_ALLOWED, FLAG_MORE_TO_COME, OP_MSG, OP_REPLY } from './opcodes.js'

/** From here on elections order primaries before reconfigs do. (Server Discovery and Monitoring, "updateRSFromPrimary") */
const ELECTION_FIRST_WIRE_VERSION = 17
const PROBE_CLIENT = { driver: { name: 'oplens', version: '0' }, os: { type: process.platform } }

interface HelloReply {
  readonly ok?: unknown
  readonly helloOk?: unknown
  readonly setName?: unknown
  readonly setVersion?: unknown
  readonly isWritablePrimary?: unknown
  readonly ismaster?: unknown
  readonly secondary?: unknown
  readonly arbiterOnly?: unknown
  readonly hidden?: unknown
  readonly isreplicaset?: unknown
  readonly msg?: unknown
  readonly me?: unknown
  readonly primary?: unknown
  readonly hosts?: unknown
  readonly passives?: unknown
  readonly arbiters?: unknown
  readonly tags?: unknown
  readonly lastWrite?: { readonly lastWriteDate?: unknown }
  readonly electionId?: unknown
  readonly topologyVersion?: unknown
  readonly maxWireVersion?: unknown
  readonly code?: unknown
}

/** Of one server process; counts up with each change it tells of. */
interface TopologyVersion {
  readonly processId: ObjectId
  readonly counter: Long
}

interface ElectionOrder {
  /** Hex, '' when the primary gave none. */
  readonly electionId: string
  readonly setVersion: number
  readonly isElectionFirst: boolean
}

/** Asks MongoDB servers what they are, with the hello command: awaited and streaming where the server can. */
export const mongodbProbe: Probe = {
  open: () => new HelloSession(),
  normalize: normalizeMember,

  /** (Server Discovery and Monitoring, stale primaries: the pair of electionId and setVersion.) */
  compareEpochs(a: Epoch, b: Epoch): number {
    const x = a.opaque as ElectionOrder
    const y = b.opaque as ElectionOrder
    const byElection = x.electionId === y.electionId ? 0 : x.electionId < y.electionId ? -1 : 1
    const byVersion = x.setVersion - y.setVersion
    return x.isElectionFirst && y.isElectionFirst ? byElection || byVersion : byVersion || byElection
  },

  isOutdated(next: MemberReport, last: MemberReport): boolean {
    const x = next.version?.opaque as TopologyVersion | undefined
    const y = last.version?.opaque as TopologyVersion | undefined
    if (x === undefined || y === undefined || !x.processId.equals(y.processId)) return false
    return x.counter.lessThan(y.counter)
  },
}

class HelloSession implements ProbeSession {
  readonly #framer = new Framer()
  #parts: Buffer[] = []
  #requestId = 0
  #knowsHello = false
  #version: TopologyVersion | undefined
  isStreaming = false

  request(maxAwaitMs: number): Buffer {
    const version = this.#version
    const isAwaited = maxAwaitMs > 0 && version !== undefined
    const isFirst = this.#requestId === 0
    const command = {
      // Every server knows the old name; one that says helloOk is asked by the new one from then on.
      ...(this.#knowsHello ? { hello: 1 } : { isMaster: 1 }),
      helloOk: true,
      ...(isFirst ? { client: PROBE_CLIENT } : {}),
      ...(isAwaited ? { topologyVersion: version, maxAwaitTimeMS: Long.fromNumber(maxAwaitMs) } : {}),
      $db: 'admin',
    }
    const document = BSON.serialize(command)
    const out = Buffer.alloc(HEADER_BYTES + 5 + document.length)
    out.writeInt32LE(out.length, 0)
    out.writeInt32LE(++this.#requestId, 4)
    out.writeInt32LE(OP_MSG, 12)
    out.writeInt32LE(isAwaited ? FLAG_EXHAUST_ALLOWED : 0, HEADER_BYTES)
    out.set(document, HEADER_BYTES + 5)
    return out
  }

  push(chunk: Buffer): readonly MemberReport[] {
    const reports: MemberReport[] = []
    let at = 0
    while (at < chunk.length) {
      if (!this.#framer.isInMessage) {
        at = this.#framer.readHeader(chunk, at, 0)
        if (!this.#framer.isInMessage) break
        if (this.#framer.length > MAX_HELLO_BYTES) {
          throw new DecodeError('hello_too_large', `A hello reply of ${this.#framer.length} bytes`)
        }
      }
      const end = Math.min(at + this.#framer.left, chunk.length)
      // Copied: the caller may read into the same buffer again.
      this.#parts.push(Buffer.from(chunk.subarray(at, end)))
      this.#framer.left -= end - at
      at = end
      if (this.#framer.left > 0) break
      this.#framer.endMessage()
      reports.push(this.#read(Buffer.concat(this.#parts)))
      this.#parts = []
    }
    return reports
  }

  #read(body: Buffer): MemberReport {
    const { opcode } = this.#framer
    if (opcode !== OP_MSG && opcode !== OP_REPLY) {
      throw new DecodeError('hello_opcode', `A hello reply of opcode ${opcode}`)
    }
    const reply = decode(body, opcode === OP_MSG ? 5 : REPLY_HEAD_BYTES)
    this.isStreaming = opcode === OP_MSG && (readInt32(body, 0) & FLAG_MORE_TO_COME) !== 0
    if (Number(reply.ok) !== 1) throw new DecodeError('hello_refused', `hello was refused with code ${reply.code}`)
    this.#knowsHello ||= reply.helloOk === true
    this.#version = topologyVersion(reply)
    return toReport(reply)
  }
}

function decode(body: Buffer, at: number): HelloReply {
  try {
    return BSON.deserialize(body.subarray(at), {
      promoteLongs: false,
      allowObjectSmallerThanBufferSize: true,
    }) as HelloReply
  } catch (cause) {
    throw new DecodeError('hello_malformed', `A hello reply can't be read: ${String(cause)}`)
  }
}

function toReport(reply: HelloReply): MemberReport {
  const role = roleOf(reply)
  const arbiters = names(reply.arbiters)
  const date = reply.lastWrite?.lastWriteDate
  const version = topologyVersion(reply)
  return {
    role,
    name: name(reply.me),
    setName: typeof reply.setName === 'string' ? reply.setName : '',
    peers: [...names(reply.hosts), ...names(reply.passives), ...arbiters],
    arbiters,
    primaryName: name(reply.primary),
    isHidden: reply.hidden === true,
    tags: new Map(
      Object.entries((reply.tags ?? {}) as Record<string, unknown>).map(([key, tag]) => [key, String(tag)]),
    ),
    lastWriteWallMs: types.isDate(date) ? date.getTime() : 0,
    epoch: role === 'primary' ? { opaque: electionOrder(reply) } : undefined,
    version: version === undefined ? undefined : { opaque: version },
  }
}

function roleOf(reply: HelloReply): MemberRole {
  if (reply.msg === 'isdbgrid') return 'router'
  if (typeof reply.setName !== 'string') return reply.isreplicaset === true ? 'other' : 'standalone'
  if (reply.isWritablePrimary === true || reply.ismaster === true) return 'primary'
  if (reply.secondary === true) return 'secondary'
  return reply.arbiterOnly === true ? 'arbiter' : 'other'
}

function electionOrder(reply: HelloReply): ElectionOrder {
  return {
    electionId: reply.electionId instanceof ObjectId ? reply.electionId.toHexString() : '',
    setVersion: Number(reply.setVersion ?? 0),
    isElectionFirst: Number(reply.maxWireVersion ?? 0) >= ELECTION_FIRST_WIRE_VERSION,
  }
}

function topologyVersion(reply: HelloReply): TopologyVersion | undefined {
  const { processId, counter } = (reply.topologyVersion ?? {}) as Partial<TopologyVersion>
  return processId instanceof ObjectId && Long.isLong(counter) ? { processId, counter } : undefined
}

const name = (value: unknown): string => (typeof value === 'string' && value !== '' ? normalizeMember(value) : '')
const names = (value: unknown): string[] => (Array.isArray(value) ? value.map(name).filter((text) => text !== '') : [])
