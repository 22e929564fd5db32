import { MongoClient, type MongoClientOptions } from 'mongodb'
import type { DemoMemberOptions, DemoSet, DemoSetOptions } from '../../src/demo/mongod/set/options.js'
import { startDemoSet } from '../../src/demo/mongod/set/set.js'
import { startConfigured, type TestProxy } from './proxy.js'
import { holdPort } from './stub-tcp.js'

/** A member by a name that nobody but oplens can reach. */
export interface StageMember extends DemoMemberOptions {
  readonly name: string
}

export interface StageOptions extends Omit<DemoSetOptions, 'members'> {
  readonly members: readonly StageMember[]
  /** Names that oplens knows a way to as well: of members that will be added. */
  readonly later?: readonly StageMember[]
  /** New names and whose they will be. */
  readonly renamed?: Readonly<Record<string, string>>
  /** Where clients are led to instead of 127.0.0.1, and on which ports, in the order of all names; any free one by default. */
  readonly advertise?: string
  readonly ports?: readonly number[]
  /** More of the listener, and of the cluster, as YAML. */
  readonly listener?: readonly string[]
  readonly cluster?: readonly string[]
}

interface Joining {
  readonly member: StageMember
  readonly port: number
  release(): Promise<void>
}

/** A set whose names end in `.invalid`, oplens in front of it, and clients that know oplens alone. */
export class SetStage {
  readonly set: DemoSet
  readonly proxy: TestProxy
  readonly #clients: MongoClient[] = []

  readonly #joining: readonly Joining[]

  constructor(set: DemoSet, proxy: TestProxy, joining: readonly Joining[]) {
    this.set = set
    this.proxy = proxy
    this.#joining = joining
  }

  /** What `reconfig` is to add: the members of `later`, on the addresses that oplens was told. */
  async joining(): Promise<readonly DemoMemberOptions[]> {
    await Promise.all(this.#joining.map(({ release }) => release()))
    return this.#joining.map(({ member, port }) => ({ ...member, port }))
  }

  client(options: MongoClientOptions = {}, address = `127.0.0.1:${this.proxy.port}`): MongoClient {
    const client = new MongoClient(`mongodb://${address}/?replicaSet=rs0`, {
      serverSelectionTimeoutMS: 20_000,
      heartbeatFrequencyMS: 500,
      ...options,
    })
    this.#clients.push(client)
    return client
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()))
    await this.proxy.close()
    await this.set.close()
    await Promise.all(this.#joining.map(({ release }) => release()))
  }
}

export async function startStage(options: StageOptions): Promise<SetStage> {
  const { members, later = [], renamed = {}, advertise = '127.0.0.1', ports = [], ...rest } = options
  const { listener = [], cluster = [], ...server } = rest
  const joining = await Promise.all(later.map(async (member) => ({ member, ...(await holdPort()) })))
  const set = await startDemoSet({ ...server, members })
  const portOf = new Map([...members].map(({ name }) => [name, set.member(name).address.port]))
  for (const { member, port } of joining) portOf.set(member.name, port)
  for (const [name, old] of Object.entries(renamed)) portOf.set(name, portOf.get(old) ?? 0)
  const rows = [...portOf].map(([name, port], i) => `"${name}": { port: ${ports[i] ?? 0}, dial: "127.0.0.1:${port}" }`)
  const seeds = members.map(({ name }) => `"${withPort(name)}"`)
  const more = (lines: readonly string[]) => lines.map((line) => `, ${line}`).join('')
  const text = [
    'admin: { address: 127.0.0.1:0 }',
    'listeners:',
    '  - { name: front, address: 127.0.0.1:0, protocol: mongodb, cluster: db, mode: members,',
    `      advertise: "${advertise}", members: { ${rows.join(', ')} }${more(listener)} }`,
    'clusters:',
    `  - { name: db, hosts: [ ${seeds.join(', ')} ], replica_set: rs0, heartbeat: 500ms${more(cluster)} }`,
  ].join('\n')
  try {
    return new SetStage(set, await startConfigured(text), joining)
  } catch (error) {
    await set.close()
    throw error
  }
}

const withPort = (name: string): string => (/:\d+$/.test(name) ? name : `${name}:27017`)

/** What a client takes its servers for, by address. */
export class DriverView {
  types: ReadonlyMap<string, string> = new Map()
  readonly #waiting = new Set<() => void>()

  constructor(client: MongoClient) {
    client.on('topologyDescriptionChanged', ({ newDescription }) => {
      const servers: ReadonlyMap<string, { type: string }> = newDescription.servers
      this.types = new Map([...servers].map(([address, { type }]) => [address, type]))
      for (const look of [...this.#waiting]) look()
    })
  }

  get primary(): string | undefined {
    return [...this.types].find(([, type]) => type === 'RSPrimary')?.[0]
  }

  until(claim: (types: ReadonlyMap<string, string>) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!claim(this.types)) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      look()
    })
  }
}
