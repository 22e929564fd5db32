import { type Document, Long } from 'bson'
import { CommandError } from '../errors.js'
import type { WriteTime } from './cluster-time.js'
import { roleOf, type SetNode } from './set-node.js'
import type { Topology } from './topology.js'

const STATES = { primary: 1, secondary: 2, arbiter: 7, down: 8, removed: 10 } as const

/** The body of replSetGetStatus as this member sees the set: one it does not hear is down to it. @throws CommandError */
export function statusOf(node: SetNode, topology: Topology, writeTime: (node: SetNode) => WriteTime): Document {
  const { config } = node
  if (config === undefined) throw new CommandError(94, 'no replset config has been received')
  const isHeard = (other: SetNode) => other.isUp && other.group === node.group
  const members = config.members.map(({ id, name }) => {
    const other = topology.nodes.find((candidate) => candidate.id === id)
    const role = other !== undefined && isHeard(other) ? roleOf(other) : 'down'
    return {
      _id: id,
      name,
      health: role === 'down' ? 0 : 1,
      state: STATES[role],
      stateStr: role.toUpperCase(),
      ...(other !== undefined && role !== 'down' && role !== 'arbiter' ? { optimeDate: writeTime(other).date } : {}),
      ...(id === node.id ? { self: true } : {}),
    }
  })
  const term = Long.fromNumber(topology.term)
  return { set: config.setName, myState: STATES[roleOf(node)], term, members }
}
