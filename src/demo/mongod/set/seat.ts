import { formatAddress } from '../../../core/upstream.js'
import { type DemoServerOptions, type Node, startNode } from '../server.js'
import type { Store } from '../store/store.js'
import { Tally } from '../tally.js'
import { Member, type SetState } from './member.js'
import type { DemoMember } from './options.js'
import { memberOf } from './set-config.js'
import { type Role, roleOf, type SetNode } from './set-node.js'

/** A member's place on the network: one address, kept over restarts. */
export class Seat implements DemoMember {
  readonly node: SetNode
  /** Whose words clients hear at this address; itself, unless a test made it lead elsewhere. */
  speaksAs: SetNode
  readonly #options: DemoServerOptions
  readonly #state: SetState
  readonly #store: Store
  readonly #tally = new Tally()
  #server: Node | undefined
  #address = { host: '', port: 0 }
  #name = ''

  constructor(node: SetNode, options: DemoServerOptions, state: SetState, store: Store) {
    this.node = node
    this.speaksAs = node
    this.#options = options
    this.#state = state
    this.#store = store
  }

  get name(): string {
    const own = memberOf(this.#state.topology.config, this.node.id)
    if (own !== undefined) this.#name = own.name
    return this.#name
  }

  get address(): DemoMember['address'] {
    return this.#address
  }

  get hostAndPort(): string {
    return formatAddress({ kind: 'tcp', ...this.#address })
  }

  get uri(): string {
    return `mongodb://${this.hostAndPort}/?directConnection=true`
  }

  get role(): Role {
    return roleOf(this.node)
  }

  get connections(): number {
    return this.#server?.connections ?? 0
  }

  commandsSeen(): ReturnType<DemoMember['commandsSeen']> {
    return this.#tally.byCommand()
  }

  operationsSeen(): ReturnType<DemoMember['operationsSeen']> {
    return this.#tally.rows()
  }

  async start(): Promise<void> {
    if (this.#server !== undefined) return
    const { host, port } = this.#address
    const options = port === 0 ? this.#options : { ...this.#options, host, port }
    const membership = new Member(() => this.speaksAs, this.#state)
    this.#server = await startNode(options, { store: this.#store, tally: this.#tally, membership })
    this.#address = { host: this.#server.address.host, port: this.#server.address.port }
    this.#state.topology.start(this.node)
  }

  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    // Sockets first: a member that dies says nothing of it to those who wait for its next hello.
    const closed = server?.close()
    if (server !== undefined) this.#state.topology.stop(this.node)
    await closed
  }

  async disconnect(): Promise<void> {
    await this.#server?.disconnect()
  }
}
