import type { Clock, Timer } from '../../core/clock.js'
import type { Rewrite } from '../../core/codec.js'
import type { DrainResult } from '../../core/listener.js'
import type { Logger } from '../../core/logger.js'
import type { TopologySnapshot, TopologyView } from '../../core/topology.js'
import { type Address, formatAddress } from '../../core/upstream.js'
import type { ProxyListener } from '../proxy-listener.js'
import type { PortBook } from './port-book.js'

/** How long clients have to learn that a member left before its listener stops: a driver hears of it in its next hello, by default every 10 s. */
const LEAVE_GRACE_MS = 10_000
const LISTEN_RETRY_MS = 5_000
/** Nobody waits longer for the first members: a set that does not answer is told to its clients by the connect that fails. */
const READY_MS = 3_000

export interface MemberListenersDeps {
  /** Of the seed listener. */
  readonly name: string
  /** Where listeners bind: their port is the book's. */
  readonly host: string
  /** The host that rewritten replies name, and per member another one. */
  readonly advertise: string
  readonly advertiseOf: ReadonlyMap<string, string>
  readonly book: PortBook
  /** Called after the book gave out a port for the first time. May throw: it is logged. */
  readonly save: (ports: ReadonlyMap<string, number>) => void
  readonly drainTimeoutMs: number
  /** As in `Rewrite`. */
  readonly coversStatus: boolean
  readonly create: (want: MemberListenerWant) => ProxyListener
  readonly clock: Clock
  readonly logger: Logger
}

export interface MemberListenerWant {
  readonly name: string
  readonly member: string
  readonly address: Address
  readonly rewrite: Rewrite
}

interface Entry {
  readonly member: string
  readonly listener: ProxyListener
  /** `host:port` that clients are told; '' once the member has left. */
  advertised: string
  leaving: Timer | undefined
}

/** Where a member of the set is reached through the proxy. */
export interface MemberAddress {
  readonly member: string
  /** As clients are told. */
  readonly address: string
}

/**
 * A listener for each member of the set, kept in step with the topology: one that came is listened for first and advertised
 * then, one that left is unadvertised first, and drained when clients had time to learn it.
 */
export class MemberListeners {
  readonly #deps: MemberListenersDeps
  readonly #entries = new Map<string, Entry>()
  /** Their listeners are about to listen: their ports are theirs already. */
  readonly #opening = new Set<string>()
  /** Out of the set, draining. */
  readonly #leaving = new Set<ProxyListener>()
  /** Members that have no listener now, so that each is told of once. */
  readonly #without = new Map<string, string>()
  #wanted: readonly string[] = []
  #stopWatching: (() => void) | undefined
  #work: Promise<void> = Promise.resolve()
  #retry: Timer | undefined
  #readyBy: Timer | undefined
  #isStopped = false
  #ready: Promise<void> | undefined
  #resolveReady: () => void = () => undefined

  constructor(deps: MemberListenersDeps) {
    this.#deps = deps
    this.#ready = new Promise((resolve) => {
      this.#resolveReady = resolve
    })
  }

  /** Every listener that stands, those of members that left included. */
  get all(): readonly ProxyListener[] {
    return [...[...this.#entries.values()].map(({ listener }) => listener), ...this.#leaving]
  }

  get addresses(): readonly MemberAddress[] {
    const standing = [...this.#entries.values()].filter(({ advertised }) => advertised !== '')
    return standing.map(({ member, advertised }) => ({ member, address: advertised }))
  }

  /** Members that clients can't be led to, and why. */
  get without(): ReadonlyMap<string, string> {
    return this.#without
  }

  /** Until the first members that the topology told are listened for, or nobody answers, for a moment at most; undefined from then on. */
  readonly whenReady = (): Promise<void> | undefined => this.#ready

  /** By normalised name. */
  readonly advertise = (member: string): string | undefined => {
    const advertised = this.#entries.get(member)?.advertised
    return advertised === '' ? undefined : advertised
  }

  follow(topology: TopologyView): void {
    this.#stopWatching = topology.onChanged((snapshot) => this.#apply(snapshot))
    this.#readyBy = this.#deps.clock.after(READY_MS, () => this.#settleReady())
    this.#apply(topology.snapshot)
  }

  async drain(deadlineMs: number): Promise<DrainResult> {
    this.#isStopped = true
    this.#stopWatching?.()
    this.#retry?.cancel()
    this.#settleReady()
    for (const { leaving } of this.#entries.values()) leaving?.cancel()
    await this.#work
    const results = await Promise.all(this.all.map((listener) => listener.drain(deadlineMs)))
    return { cut: results.reduce((sum, { cut }) => sum + cut, 0) }
  }

  #apply(snapshot: TopologySnapshot): void {
    const { kind, members } = snapshot
    const isSet = kind === 'replica_set'
    // A seed is no name that the set knows: it may be another name of a member.
    this.#wanted = isSet ? members.filter(({ isSeed }) => !isSeed).map(({ name }) => name) : []
    for (const entry of this.#entries.values()) {
      if (this.#wanted.includes(entry.member)) this.#stay(entry)
      else this.#leave(entry)
    }
    for (const name of this.#without.keys()) if (!this.#wanted.includes(name)) this.#without.delete(name)
    const isKnown = kind === 'standalone' || kind === 'routers' || this.#wanted.length > 0
    // Clients hear at once that nobody is there.
    const isDead = members.length > 0 && members.every(({ isUp, reason }) => !isUp && reason !== '')
    this.#schedule(isKnown || isDead)
  }

  #schedule(isKnown: boolean): void {
    this.#work = this.#work.then(async () => {
      await Promise.all(this.#wanted.map((member) => this.#open(member)))
      if (isKnown) this.#settleReady()
    })
  }

  #settleReady(): void {
    this.#readyBy?.cancel()
    this.#ready = undefined
    this.#resolveReady()
  }

  async #open(member: string): Promise<void> {
    if (this.#isStopped || this.#entries.has(member)) return
    const { book, name, host, create, logger } = this.#deps
    const port = book.portOf(member, new Set([...this.#entries.keys(), ...this.#opening]))
    if (port === undefined) {
      this.#failed(member, 'no port is left for it: add it to members, or widen member_ports')
      return
    }
    this.#save()
    const rewrite: Rewrite = { member, advertise: this.advertise, coversStatus: this.#deps.coversStatus }
    this.#opening.add(member)
    try {
      const listener = create({ name: `${name}/${member}`, member, address: { kind: 'tcp', host, port }, rewrite })
      await listener.listen()
      this.#opened(member, listener)
      logger.info({ listener: name, member, address: this.advertise(member) }, 'A member can be reached')
    } catch (error) {
      this.#failed(member, error instanceof Error ? error.message : String(error))
      this.#retry ??= this.#deps.clock.after(LISTEN_RETRY_MS, () => {
        this.#retry = undefined
        this.#schedule(false)
      })
    } finally {
      this.#opening.delete(member)
    }
  }

  #opened(member: string, listener: ProxyListener): void {
    const entry: Entry = { member, listener, advertised: '', leaving: undefined }
    this.#entries.set(member, entry)
    this.#without.delete(member)
    if (this.#wanted.includes(member)) entry.advertised = this.#textOf(entry)
    else this.#leave(entry)
  }

  #failed(member: string, reason: string): void {
    const isNew = this.#without.get(member) !== reason
    this.#without.set(member, reason)
    const fields = { listener: this.#deps.name, member, code: 'OPL_MEMBER_LISTENER', reason }
    if (isNew)
      this.#deps.logger.error(fields, 'A member can not be reached through the proxy: clients are not told of it')
  }

  #save(): void {
    const { book, save, logger, name } = this.#deps
    try {
      save(book.given)
    } catch (error) {
      logger.error({ listener: name, err: error, code: 'OPL_STATE_FILE' }, 'The ports of members could not be saved')
    }
  }

  #stay(entry: Entry): void {
    if (entry.leaving === undefined) return
    entry.leaving.cancel()
    entry.leaving = undefined
    entry.advertised = this.#textOf(entry)
  }

  /** As drivers compare names: in lower case. */
  #textOf({ member, listener }: Entry): string {
    const { advertise, advertiseOf } = this.#deps
    const port = listener.address?.kind === 'tcp' ? listener.address.port : 0
    return formatAddress({ kind: 'tcp', host: advertiseOf.get(member) ?? advertise, port }).toLowerCase()
  }

  #leave(entry: Entry): void {
    entry.advertised = ''
    entry.leaving ??= this.#deps.clock.after(LEAVE_GRACE_MS, () => void this.#remove(entry))
  }

  async #remove({ member, listener }: Entry): Promise<void> {
    const { logger, name, drainTimeoutMs } = this.#deps
    this.#entries.delete(member)
    this.#leaving.add(listener)
    const drained = listener.drain(drainTimeoutMs)
    // Its port is free for one that had none.
    this.#schedule(false)
    const { cut } = await drained
    this.#leaving.delete(listener)
    logger.info({ listener: name, member, cut }, 'A member left the set, its listener is closed')
  }
}
