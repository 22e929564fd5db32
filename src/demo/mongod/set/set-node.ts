import { type Document, Long, ObjectId } from 'bson'
import type { TopologyVersion } from '../commands/command.js'
import { memberOf, type SetConfig } from './set-config.js'

export type Role = 'primary' | 'secondary' | 'arbiter' | 'removed' | 'down'

/** One member's own picture of the set. Only Topology changes it. */
export interface SetNode {
  readonly id: number
  /** The newest one that it heard of; undefined before it was in any. */
  config: SetConfig | undefined
  isUp: boolean
  /** In which it was elected; undefined when it is not primary. */
  term: number | undefined
  /** Members with the same number hear each other. */
  group: number
  /** How far its lastWrite is behind the set's newest. */
  lagMs: number
  processId: ObjectId
  counter: number
  /** What hello said at the last change, to tell whether it says something else now. */
  said: string
  /** What a test wants hello to say instead. */
  edit: ((reply: Document) => Document) | undefined
  /** Said as `me` instead of its name. */
  claims: string | undefined
}

export function newNode(id: number): SetNode {
  return {
    id,
    config: undefined,
    isUp: false,
    term: undefined,
    group: 0,
    lagMs: 0,
    processId: new ObjectId(),
    counter: 0,
    said: '',
    edit: undefined,
    claims: undefined,
  }
}

export function roleOf(node: SetNode): Role {
  const own = memberOf(node.config, node.id)
  if (!node.isUp) return 'down'
  if (own === undefined) return 'removed'
  if (node.term !== undefined) return 'primary'
  return own.isArbiter ? 'arbiter' : 'secondary'
}

export const versionOf = ({ processId, counter }: SetNode): TopologyVersion => ({
  processId,
  counter: Long.fromNumber(counter),
})

/** As mongod makes it: the term behind the largest positive time, so that later elections compare greater. */
const electionId = (term: number): ObjectId =>
  ObjectId.createFromHexString(`7fffffff${term.toString(16).padStart(16, '0')}`)

/** Hello's fields about role and set, without the times, in mongod's order. */
export function describeNode(node: SetNode, primaryName: string | undefined, flag = 'isWritablePrimary'): Document {
  const { config } = node
  const own = memberOf(config, node.id)
  if (config === undefined || own === undefined) {
    const info = 'Does not have a valid replica set config'
    return { [flag]: false, secondary: false, info, isreplicaset: true }
  }
  const listed = config.members.filter(({ isHidden }) => !isHidden)
  const named = (field: string, members: typeof listed) =>
    members.length === 0 ? {} : { [field]: members.map(({ name }) => name) }
  const role = roleOf(node)
  return {
    hosts: listed.filter(({ priority, isArbiter }) => priority > 0 && !isArbiter).map(({ name }) => name),
    ...named(
      'passives',
      listed.filter(({ priority, isArbiter }) => priority === 0 && !isArbiter),
    ),
    ...named(
      'arbiters',
      listed.filter(({ isArbiter }) => isArbiter),
    ),
    setName: config.setName,
    setVersion: config.version,
    [flag]: role === 'primary',
    secondary: role === 'secondary',
    ...(primaryName === undefined ? {} : { primary: primaryName }),
    ...(own.isArbiter ? { arbiterOnly: true } : own.priority === 0 ? { passive: true } : {}),
    ...(own.isHidden ? { hidden: true } : {}),
    ...(Object.keys(own.tags).length > 0 ? { tags: own.tags } : {}),
    me: node.claims ?? own.name,
    ...(node.term === undefined ? {} : { electionId: electionId(node.term) }),
  }
}
