import { ObjectId } from 'bson'
import { bearsData, type MemberConfig, majorityOf, memberOf, type SetConfig } from './set-config.js'
import { describeNode, newNode, roleOf, type SetNode } from './set-node.js'

/**
 * Who is what in the set: a few rules of replication without sockets, timers and data. Nothing happens by itself: elections,
 * splits and reconfigurations are commands. What members learn from each other, they learn at once, within their group.
 */
export class Topology {
  readonly #nodes = new Map<number, SetNode>()
  readonly #watchers = new Set<() => void>()
  /** Of the last election anywhere. */
  #term = 0

  get nodes(): readonly SetNode[] {
    return [...this.#nodes.values()]
  }

  get term(): number {
    return this.#term
  }

  /** The newest configuration that any member has. */
  get config(): SetConfig | undefined {
    return newest(this.nodes)
  }

  /** The one elected last, where a split left two. */
  get primary(): SetNode | undefined {
    return latestElected(this.nodes)
  }

  /** A new process that no member knows yet, where the primary hears it. */
  add(): SetNode {
    const node = newNode(this.#nodes.size)
    node.group = this.primary?.group ?? 0
    this.#nodes.set(node.id, node)
    return node
  }

  /** @throws Error for a name that no member has */
  find(name: string): SetNode {
    const id = this.config?.members.find((member) => member.name === name)?.id
    const node = id === undefined ? undefined : this.#nodes.get(id)
    if (node === undefined) throw new Error(`The set has no member ${name}`)
    return node
  }

  watch(run: () => void): () => void {
    this.#watchers.add(run)
    return () => this.#watchers.delete(run)
  }

  /** What this one takes for the primary. */
  primaryNameFor(node: SetNode): string | undefined {
    const primary = latestElected(this.#heardBy(node))
    return primary === undefined ? undefined : memberOf(node.config, primary.id)?.name
  }

  /** Members with data that this one hears, itself among them: those its writes reach. */
  replicasOf(node: SetNode): readonly SetNode[] {
    return this.#heardBy(node).filter(({ id }) => {
      const member = memberOf(node.config, id)
      return member !== undefined && bearsData(member)
    })
  }

  initiate(setName: string, members: readonly MemberConfig[]): void {
    for (const node of this.nodes) node.config = { setName, version: 1, members }
    this.#settle()
  }

  start(node: SetNode): void {
    Object.assign(node, { isUp: true, processId: new ObjectId(), counter: 0, said: '' })
    this.#settle()
  }

  stop(node: SetNode): void {
    Object.assign(node, { isUp: false, term: undefined })
    this.#settle()
  }

  /** @throws Error when this member can't win an election: see `obstacle` */
  elect(node: SetNode): void {
    const obstacle = this.obstacle(node)
    if (obstacle !== undefined) throw new Error(obstacle)
    node.term = ++this.#term
    this.#settle()
  }

  /** Why it would lose an election; undefined when it would win. */
  obstacle(node: SetNode): string | undefined {
    const own = memberOf(node.config, node.id)
    if (node.config === undefined || own === undefined) return 'A process outside the set cannot be elected'
    if (!node.isUp) return `${own.name} is down`
    if (own.isArbiter || own.priority === 0) return `${own.name} is an arbiter or has priority 0`
    const votes = this.#heardBy(node).filter(({ id }) => memberOf(node.config, id) !== undefined).length
    const needed = majorityOf(node.config)
    return votes < needed ? `${own.name} hears ${votes} of the ${needed} votes it needs` : undefined
  }

  stepDown(node: SetNode): void {
    node.term = undefined
    this.#settle()
  }

  /** Members that no group names are one more group. @throws Error for an unknown name */
  split(groups: readonly (readonly string[])[]): void {
    const parts = groups.map((names) => names.map((name) => this.find(name)))
    for (const node of this.nodes) node.group = 0
    for (const [index, part] of parts.entries()) for (const node of part) node.group = index + 1
    this.#settle()
  }

  /** @throws Error when there is no primary: nobody else accepts a configuration */
  reconfigure(edit: (members: readonly MemberConfig[]) => readonly MemberConfig[]): void {
    const { primary } = this
    if (primary?.config === undefined) throw new Error('A reconfiguration needs a primary')
    const members = edit(primary.config.members)
    const own = members.find(({ id }) => id === primary.id)
    if (own === undefined || own.priority === 0) throw new Error('The primary must stay in the set, with a priority')
    primary.config = { ...primary.config, version: primary.config.version + 1, members }
    this.#settle()
  }

  /** Changes what is no rule's business: lag, and what a test makes a member say. */
  set(node: SetNode, change: Partial<Pick<SetNode, 'lagMs' | 'claims' | 'edit'>>): void {
    Object.assign(node, change)
    if ('edit' in change) node.said = ''
    this.#settle()
  }

  #heardBy({ group, isUp }: SetNode): readonly SetNode[] {
    return isUp ? this.nodes.filter((other) => other.isUp && other.group === group) : []
  }

  /** Spreads the newest configuration and election within each group, then tells everyone who waits for a change. */
  #settle(): void {
    for (const node of this.nodes) {
      const heard = this.#heardBy(node)
      node.config = newest(heard) ?? node.config
      const isOlder = node.term !== undefined && latestElected(heard) !== node
      if (isOlder || memberOf(node.config, node.id) === undefined) node.term = undefined
    }
    for (const node of this.nodes) {
      const says = JSON.stringify([roleOf(node), describeNode(node, this.primaryNameFor(node))])
      if (says !== node.said) node.counter++
      node.said = says
    }
    for (const run of [...this.#watchers]) run()
  }
}

function newest(nodes: readonly SetNode[]): SetConfig | undefined {
  let found: SetConfig | undefined
  for (const { config } of nodes) if ((config?.version ?? 0) > (found?.version ?? 0)) found = config
  return found
}

function latestElected(nodes: readonly SetNode[]): SetNode | undefined {
  let found: SetNode | undefined
  for (const node of nodes) if ((node.term ?? 0) > (found?.term ?? 0)) found = node
  return found
}
