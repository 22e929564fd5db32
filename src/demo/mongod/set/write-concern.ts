import type { Document } from 'bson'
import type { CommandRequest } from '../commands/command.js'
import { CommandError, codeName } from '../errors.js'
import { waitUntil } from '../wait-until.js'
import { bearsData, majorityOf } from './set-config.js'
import { roleOf, type SetNode } from './set-node.js'
import type { Topology } from './topology.js'

/**
 * Waits until as many members hear the primary as the write concern asks for; majority by default, as since MongoDB 5.0. It is
 * done before the write and not after, as there is no rollback here: a write that a minority's primary never could replicate
 * is then not done at all, which is what clients of a real set see in the end.
 * @returns the writeConcernError for a write that is done all the same
 * @throws CommandError InterruptedDueToReplStateChange, when the node is not primary (any more)
 */
export async function replicated(
  request: CommandRequest,
  node: SetNode,
  topology: Topology,
): Promise<Document | undefined> {
  const { body, server, left } = request
  const w: unknown = body.writeConcern?.w ?? 'majority'
  const hasData = node.config?.members.filter(bearsData).length ?? 0
  const majority = node.config === undefined ? 0 : Math.min(majorityOf(node.config), hasData)
  const needed = w === 'majority' ? majority : Number(w)
  if (Number.isNaN(needed)) return failed(79, `No write concern mode named '${String(w)}' found`)
  if (needed > hasData) return failed(100, 'Not enough data-bearing nodes')
  const isReached = () => needed <= 1 || topology.replicasOf(node).length >= needed
  const isPrimary = () => roleOf(node) === 'primary'
  const timeoutMs = Number(body.writeConcern?.wtimeout ?? 0)
  await waitUntil({
    clock: server.clock,
    maxMs: timeoutMs > 0 ? timeoutMs : Number.POSITIVE_INFINITY,
    signal: left,
    watch: (run) => topology.watch(run),
    isDone: () => !isPrimary() || isReached(),
  })
  if (!isPrimary()) throw new CommandError(11602, 'operation was interrupted because the member is no longer primary')
  if (isReached()) return undefined
  if (left.aborted) throw new CommandError(11601, 'operation was interrupted because the client left')
  return failed(64, 'waiting for replication timed out')
}

const failed = (code: number, errmsg: string): Document => ({ code, codeName: codeName(code), errmsg })
