import type { Logger } from '../core/logger.js'
import type { TopologySnapshot, TopologyView } from '../core/topology.js'
import type { ProxyListener } from './proxy-listener.js'

/**
 * Ends client connections to a member that is the primary no more: a driver with `directConnection=true` would go on reading
 * from it without an error. One that merely stopped answering is left alone until another primary is known, for it may be back.
 * @returns how to stop
 */
export function followPrimary(topology: TopologyView, listener: ProxyListener, logger: Logger): () => void {
  return topology.onChanged((snapshot, events) => {
    const change = events.find((event) => event.kind === 'primary_changed')
    if (change !== undefined) {
      const { from, to } = change
      logger.info({ listener: listener.name, from, to }, 'The primary changed: its connections follow')
    }
    listener.retire(({ name }) => isReplaced(name, snapshot), 'primary_changed')
  })
}

function isReplaced(name: string, { kind, primary, members }: TopologySnapshot): boolean {
  if (kind !== 'replica_set' || name === primary) return false
  if (primary !== '') return true
  const member = members.find((one) => one.name === name)
  return member?.isUp === true && member.role !== 'primary'
}
