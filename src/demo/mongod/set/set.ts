import type { Document } from 'bson'
import { systemClock } from '../../../core/clock.js'
import type { DemoServerOptions } from '../server.js'
import { Store } from '../store/store.js'
import { ClusterTime } from './cluster-time.js'
import type { DemoMember, DemoMemberOptions, DemoSet, DemoSetOptions, Reconfiguration } from './options.js'
import { RetryableWrites } from './retryable-writes.js'
import { Seat } from './seat.js'
import type { MemberConfig } from './set-config.js'
import { Topology } from './topology.js'

/**
 * A replica set in one process: each member a server with an address of its own, all on one copy of the data. So there is no
 * replication, no lag but what hello is told to say, and no rollback; elections, splits and reconfigurations happen on command
 * only. Writes, roles, hello in all its forms, write concerns and retryable writes are as a set's. Transactions, change
 * streams and snapshot reads are refused.
 * @throws when an address cannot be bound
 */
export async function startDemoSet(options: DemoSetOptions = {}): Promise<DemoSet> {
  const { members = [{}, {}, {}], setName = 'rs0', ...server } = options
  const set = new LocalSet(server)
  try {
    await set.initiate(setName, members)
  } catch (error) {
    await set.close()
    throw error
  }
  return set
}

class LocalSet implements DemoSet {
  readonly #server: DemoServerOptions
  readonly #topology = new Topology()
  readonly #store = new Store()
  readonly #time: ClusterTime
  readonly #writes = new RetryableWrites()
  /** By the id of the node; removed members too, until the set is closed. */
  readonly #seats: Seat[] = []

  constructor(server: DemoServerOptions) {
    this.#server = server
    this.#time = new ClusterTime(server.clock ?? systemClock)
  }

  async initiate(setName: string, members: readonly DemoMemberOptions[]): Promise<void> {
    const rows = await this.#seat(members)
    checkNames(rows)
    this.#topology.initiate(setName, rows)
    const [first] = [...rows].sort((a, b) => b.priority - a.priority)
    if (first !== undefined && first.priority > 0) this.elect(first.name)
  }

  get members(): readonly DemoMember[] {
    return (this.#topology.config?.members ?? []).map(({ name }) => this.#seatOf(name))
  }

  get primary(): DemoMember | undefined {
    const id = this.#topology.primary?.id
    return this.#seats.find(({ node }) => node.id === id)
  }

  get uri(): string {
    const { config } = this.#topology
    const addresses = (config?.members ?? []).map(({ name }) => this.#seatOf(name).hostAndPort)
    return `mongodb://${addresses.join(',')}/?replicaSet=${config?.setName}`
  }

  member(name: string): DemoMember {
    return this.#seatOf(name)
  }

  elect(name: string): void {
    this.#time.tick()
    this.#topology.elect(this.#topology.find(name))
  }

  async stepDown({ closeConnections = false } = {}): Promise<void> {
    const { primary } = this.#topology
    if (primary === undefined) throw new Error('There is no primary to step down')
    this.#topology.stepDown(primary)
    const seat = this.#seats.find(({ node }) => node === primary)
    if (closeConnections) await seat?.disconnect()
  }

  split(groups: readonly (readonly string[])[]): void {
    this.#topology.split(groups)
  }

  heal(): void {
    this.#topology.split([])
  }

  async reconfig(change: Reconfiguration): Promise<void> {
    const { add = [], remove = [], rename = {}, tags = {}, priority = {}, hidden = {} } = change
    for (const names of [remove, ...[rename, tags, priority, hidden].map(Object.keys)]) {
      for (const name of names) this.#topology.find(name)
    }
    const added = await this.#seat(add)
    const renewed = (member: MemberConfig): MemberConfig => ({
      ...member,
      name: rename[member.name] ?? member.name,
      tags: tags[member.name] ?? member.tags,
      priority: hidden[member.name] === true ? 0 : (priority[member.name] ?? member.priority),
      isHidden: hidden[member.name] ?? member.isHidden,
    })
    try {
      this.#topology.reconfigure((members) => {
        const next = [...members.filter(({ name }) => !remove.includes(name)).map(renewed), ...added]
        checkNames(next)
        return next
      })
    } catch (error) {
      await Promise.all(added.map(({ id }) => this.#seats[id]?.close()))
      throw error
    }
  }

  setIdentity(name: string, otherName: string): void {
    const seat = this.#seatOf(name)
    const other = this.members.find((member) => member.name === otherName)
    seat.speaksAs = other === undefined ? seat.node : this.#topology.find(otherName)
    this.#topology.set(seat.node, { claims: other === undefined ? otherName : undefined })
  }

  setHello(name: string, edit: ((reply: Document) => Document) | undefined): void {
    this.#topology.set(this.#topology.find(name), { edit })
  }

  lastWriteAgeMs(name: string, ms: number): void {
    this.#topology.set(this.#topology.find(name), { lagMs: ms })
  }

  async close(): Promise<void> {
    await Promise.all(this.#seats.map((seat) => seat.close()))
  }

  #seatOf(name: string): Seat {
    const { id } = this.#topology.find(name)
    const seat = this.#seats[id]
    if (seat === undefined) throw new Error(`The set has no member ${name}`)
    return seat
  }

  /** Starts one process for each, outside the configuration still. A member without a name has one only then. */
  async #seat(members: readonly DemoMemberOptions[]): Promise<readonly MemberConfig[]> {
    const state = { topology: this.#topology, time: this.#time, writes: this.#writes }
    const rows: MemberConfig[] = []
    for (const member of members) {
      const { host = '127.0.0.1', port = 0 } = member
      const seat = new Seat(this.#topology.add(), { ...this.#server, host, port }, state, this.#store)
      this.#seats.push(seat)
      await seat.start()
      rows.push(rowOf(seat, member))
    }
    return rows
  }
}

function rowOf(seat: Seat, member: DemoMemberOptions): MemberConfig {
  const { name = seat.hostAndPort, tags = {}, hidden = false, passive = false, arbiter = false } = member
  const isNever = hidden || passive || arbiter
  const priority = isNever ? 0 : (member.priority ?? 1)
  return { id: seat.node.id, name, priority, isHidden: hidden, isArbiter: arbiter, tags }
}

/** @throws Error */
function checkNames(members: readonly MemberConfig[]): void {
  const names = new Set(members.map(({ name }) => name))
  if (names.size < members.length) throw new Error('Two members of a set cannot have the same name')
}
